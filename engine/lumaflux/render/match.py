"""``--match``: the tones of a track led to one HDR picture, which shows a scene of the clip or a grade to come near to.

Where a frame of the clip shows what the reference shows, the two are compared pixel by pixel, and all shots take the
change that this asks for. Where none does, the light of every shot is led to the reference's, percentile by percentile.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray

from lumaflux.color import pq
from lumaflux.color.primaries import BT709_LUMA, BT2020_LUMA, luminance
from lumaflux.errors import UserError
from lumaflux.inference.active_area import find_area
from lumaflux.inference.tone import Tone
from lumaflux.inference.tone_match import Change, change_of_a_grade, change_of_a_scene, led, luminance_of, stops_of
from lumaflux.media.alignment import crop, matched, rank_correlation
from lumaflux.media.scaling import reduce_area
from lumaflux.render.manifest import match_fact

if TYPE_CHECKING:
    from lumaflux.inference.tone_track import Shot, StoredTone, ToneTrack

_THINNED = 512  # pixels a side of what is looked at
_SMALL = 96  # of what is compared pixel by pixel: small shifts do not count
_SAME_SCENE = 0.92  # rank correlation of luminance
_CLIPPED = 250 / 255
_BLACK = 3 / 255
_SAMPLES = 256  # percentiles of a frame
_KEYS = 8  # frames of a shot whose light is known

Picture = NDArray[np.float32]


@dataclass(frozen=True)
class Led:
    """The track, and what to tell the user."""

    track: "ToneTrack"
    notes: tuple[str, ...]


class Reference:
    """An HDR picture. Raises UserError for a clip, for SDR, and for a picture without light."""

    def __init__(self, path: Path):
        from lumaflux.media.display_light import DisplayLight

        self.path, self.digest = path, match_fact(path)
        shown = DisplayLight(path)
        if shown.kind != "picture":
            raise UserError(
                f"--match names one picture, and {path} is a {shown.kind}; write a frame of it as a picture"
            )
        if shown.is_sdr:
            raise UserError(
                f"{path} is SDR; --match names an HDR picture: PQ, HLG, linear EXR or a gain-map photograph"
            )
        nits = thinned(shown.frame().nits)
        self.light = np.asarray(luminance(nits, BT2020_LUMA), np.float32)[0]
        coded = torch.from_numpy(np.asarray(pq.inverse_eotf(nits), np.float32))
        inside = find_area(coded).of(torch.from_numpy(self.light)).numpy()
        self.stops = stops_of(inside.ravel())
        if not np.isfinite(self.light).all() or float(inside.max()) < 1.0:
            raise UserError(f"{path} shows no light of 1 cd/m2 or more; --match needs a picture to lead to")


class Match:
    """One pass over the frames of ``track``, in order; then ``led``."""

    def __init__(self, track: "ToneTrack", reference: Reference):
        if track.match is not None:
            raise UserError("the tone track was led to a reference before; make it anew with `lumaflux analyze`")
        if any(key.tone.placement is None for shot in track.shots for key in shot.keys):
            raise UserError("--match leads a model's tone predictor, and this model has none; take lite or flux2")
        self._track, self._reference = track, reference
        self._own: dict[int, list[NDArray[np.float64]]] = {}  # of each shot, percentiles of its frames
        self._wanted = {number: index for index, shot in enumerate(track.shots) for number in _some_keys(shot)}
        self._best, self._found = -1.0, (0, np.zeros((3, 1, 1), np.float32))
        self._coded = np.asarray(pq.inverse_eotf(reference.light), np.float32)

    def see(self, number: int, sdr: Picture) -> None:
        """The frame of that place in the track, SDR [3,H,W] in [0,1]."""
        codes = thinned(sdr)
        likeness = rank_correlation(luma_of(codes), self._coded)
        if likeness > self._best:
            self._best, self._found = likeness, (number, codes)
        if (shot := self._wanted.get(number)) is not None:
            tone = self._track.tone_at(number)
            inside = codes if tone.area is None else tone.area.of(torch.from_numpy(codes)).numpy()
            light = stops_of(_nits(inside, tone).ravel())
            self._own.setdefault(shot, []).append(np.percentile(light, np.linspace(0, 100, _SAMPLES)))

    def led(self) -> Led:
        """The track of what was seen."""
        number, codes = self._found
        reference, name = self._reference, self._reference.path.name
        same = matched(luma_of(codes), self._coded)
        if same.correlation >= _SAME_SCENE:
            change = self._of_a_scene(codes, number)
            said = f"frame {number} shows what {name} shows (luminance correlates by {same.correlation:.2f}); all shots"
            changes = dict.fromkeys(range(len(self._track.shots)), change)
        else:
            changes = {shot: change_of_a_grade(np.concatenate(own), reference.stops) for shot, own in self._own.items()}
            said = (
                f"no frame shows what {name} shows, so that shots are led to its light by percentiles, at most a stop;"
            )
            said += f" {len(changes)} of them"
        shots = [
            _led_shot(shot, changes[index]) if index in changes else shot
            for index, shot in enumerate(self._track.shots)
        ]
        greys = [change.at_mid_grey for change in changes.values()] or [0.0]
        span = f"{min(greys):+.2f}" if max(greys) - min(greys) < 0.005 else f"{min(greys):+.2f} to {max(greys):+.2f}"
        notes = [f"--match: {said} change by {span} stops at mid-grey."]
        if held := sum(change.bounded for change in changes.values()):
            notes.append(f"--match: {held} of {len(changes)} shots would have to change by more than the bound.")
        track = self._track.model_copy(update={"shots": shots, "match": reference.digest})
        return Led(track, tuple(notes))

    def _of_a_scene(self, codes: Picture, number: int) -> Change:
        """The same pixels as the frame's own tone lights them, and as the reference has them."""
        boxes = matched(luma_of(codes), self._coded)
        tone = self._track.tone_at(number)
        inside, light = crop(codes, boxes.first), crop(self._reference.light[None], boxes.second)
        size = [min(_SMALL, *(side.shape[axis] for side in (inside, light))) for axis in (2, 1)]
        known = (inside.max(axis=0) < _CLIPPED) & (inside.max(axis=0) > _BLACK)
        known = reduce_area(known[None].astype(np.float32), size[0], size[1])[0].ravel() > 0.99
        own = reduce_area(_nits(inside, tone)[None], size[0], size[1])[0].ravel()
        wanted = reduce_area(light, size[0], size[1])[0].ravel()
        if known.sum() < 0.05 * known.size:
            raise UserError(f"{self._reference.path} shows a frame that is clipped nearly everywhere; name another")
        return change_of_a_scene(stops_of(own[known]), stops_of(wanted[known]))


def led_track(track: "ToneTrack", pictures: Iterable[Picture], path: Path) -> Led:
    """``track`` led to the HDR picture ``path``; ``pictures``: its clip's frames, all in order, SDR [3,H,W] in [0,1].

    Raises UserError for a reference that cannot be one, and for a track that was led before or has no placement.
    """
    match = Match(track, Reference(path))
    for number, picture in enumerate(pictures):
        match.see(number, picture)
    return match.led()


def thinned(picture: Picture) -> Picture:
    """Every n-th row and column, so that no side is much above ``_THINNED``."""
    step = max(1, max(picture.shape[1:]) // _THINNED)
    return np.ascontiguousarray(picture[:, ::step, ::step])


def luma_of(codes: Picture) -> Picture:
    return np.asarray(luminance(codes, BT709_LUMA), np.float32)[0]


def _nits(codes: Picture, tone: Tone) -> Picture:
    """Luminance [H,W] in cd/m2 that a tone's placement makes."""
    assert tone.placement is not None
    return luminance_of(torch.from_numpy(codes)[None].float(), tone.placement)[0, 0].numpy()


def _some_keys(shot: "Shot") -> list[int]:
    """Frames of a shot, evenly, whose light stands for it."""
    count = min(_KEYS, shot.last + 1 - shot.first)
    return sorted({round(n) for n in np.linspace(shot.first, shot.last, count + 2)[1:-1]} or {shot.first})


def _led_shot(shot: "Shot", change: Change) -> "Shot":
    keys = [key.model_copy(update={"tone": _led_tone(key.tone, change)}) for key in shot.keys]
    return shot.model_copy(update={"keys": keys})


def _led_tone(stored: "StoredTone", change: Change) -> "StoredTone":
    from lumaflux.inference.tone_track import Placed

    assert stored.placement is not None
    return stored.model_copy(update={"placement": Placed.of(led(stored.placement.placement(), change))})
