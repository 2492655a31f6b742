"""`lumaflux analyze`: the shots of a clip and the tone of each, in one pass over the clip."""

from collections import deque
from collections.abc import Iterable
from concurrent.futures import Executor, Future
from dataclasses import dataclass, replace
from functools import partial, reduce
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from lumaflux.digests import file_digest, text_digest
from lumaflux.errors import UserError
from lumaflux.media.stills.sequence_path import SequencePath
from lumaflux.render.device_pool import DevicePool
from lumaflux.render.seen_frame import Codes, Picture, SeenFrame, WaitingKey
from lumaflux.settings import Settings

if TYPE_CHECKING:
    from torch import Tensor

    from lumaflux.inference.active_area import Area, Sighting
    from lumaflux.inference.converter import Converter
    from lumaflux.inference.key_light import LightKey
    from lumaflux.inference.tone import Tone
    from lumaflux.inference.tone_track import Clip, Shot, StoredTone, ToneTrack
    from lumaflux.media.video.coded_frame import CodedFrame
    from lumaflux.media.video.reader import SdrFrame
    from lumaflux.media.video.transitions import Thumbnail, Transition

KEY_INTERVAL = 12  # frames between keys of a shot
_DEVIATION = 1.5  # keys: the Gaussian that smooths a shot's tones
_SIGNATURE_PIXELS = 1 << 14
_MOST_ASKED = 8  # keys whose tones are found at a time
_LONGEST_WAIT = 64  # keys: about half a minute, by which bars have shown themselves


@dataclass(frozen=True)
class _Wanted:
    """A key that asks for its tone (``toned``) or for its highlights alone, by its reduced ``picture`` [1,3,h,w]."""

    number: int
    toned: bool
    picture: "Tensor"
    clipped: "Tensor | None"


class ClipAnalysis:
    """One pass over a clip, frame by frame. Of the frames seen it keeps a number and a thumbnail each, and tones.

    A tone at every KEY_INTERVAL-th frame, and at the frames on both sides of what may be a cut, all inside of the black
    bars of their shot. Frames of a shot with bars wait for its end, or for _LONGEST_WAIT others. With ``lights`` those
    frames have the stops of their highlights too, and so has every frame whose highlights differ from the last one's.
    ``beside``: who finds the tones of keys while the next frames are seen; nobody, and they are found in their turn.
    """

    beside: Executor | None = None

    def __init__(self, converter: "Converter", settings: Settings, *, lights: bool = True):
        from lumaflux.media.video.transitions import TransitionFinder

        self.converter, self.settings = converter, settings
        self._lit = lights and converter.recovers and settings.detail == 1.0
        self._bright: Tensor | None = None  # of the last frame with stops
        self._lights: dict[int, LightKey] = {}
        self._light_only: set[int] = set()
        self.frames = 0
        self._changes: list[float] = []
        self._tones: dict[int, Tone] = {}
        self._toned: set[int] = set()  # those, and those that are asked for
        self._asked: deque[tuple[list[tuple[int, bool]], Future[list[Tone]]]] = deque()
        self._devices = DevicePool([converter, *converter.others]) if converter.others else None
        self._together: list[_Wanted] = []  # keys that will pass the network as one batch
        self._waiting: dict[int, WaitingKey] = {}
        self._waited: set[int] = set()  # since all that waited were settled
        self._sightings: dict[int, Sighting] = {}  # from a frame on, up to the next
        self._transitions = TransitionFinder()
        self._thumbnail: Thumbnail | None = None  # of the last frame
        self._cuts: list[range] = []  # stretches between cuts that were found, whose shots are not told yet
        self._judged, self._begins = 0, 0  # changes that were judged as cuts or none; where the stretch in hand begins
        self._signature: np.ndarray | None = None
        self._last: SeenFrame | None = None

    def see(self, picture: np.ndarray) -> None:
        """The next frame, SDR [3,H,W] in [0,1]."""
        import torch

        from lumaflux.inference.active_area import sighting_of

        sdr = torch.as_tensor(picture, device=self.converter.backend.device)[None]
        self._see(Picture(sdr, self.converter), sighting_of(sdr[0]))

    def see_frame(self, frame: "SdrFrame | CodedFrame") -> None:
        """The next frame of a file: the same to 0.01 of a reduced pixel whether it comes as codes or not."""
        from lumaflux.inference.reduced_codes import sighting_of_codes
        from lumaflux.media.video.coded_frame import CodedFrame

        if isinstance(frame, CodedFrame):
            codes = frame.codes.planes
            return self._see(Codes(frame, codes, self.converter), sighting_of_codes(codes))
        return self.see(frame.sdr)

    def _see(self, frame: Picture | Codes, sighting: "Sighting") -> None:
        from lumaflux.inference.active_area import WHOLE, area_of
        from lumaflux.inference.detail import reduce_to
        from lumaflux.inference.key_light import bright, has_changed
        from lumaflux.media.video.shots import change, could_cut, signature
        from lumaflux.media.video.transitions import step_between, thumbnail

        number, own, whole = self.frames, area_of(sighting), frame.reduced(WHOLE)
        active = whole if own == WHOLE else frame.reduced(own)
        small = reduce_to(whole, _SIGNATURE_PIXELS)[0].cpu().numpy()
        before, after = self._thumbnail, thumbnail(small)
        self._transitions.add(after)
        here, step = signature(small), 0.0
        seen = SeenFrame(frame, sighting, whole, own, active)
        if self._signature is not None and self._last is not None and before is not None:
            step = step_between(before, after, change(self._signature, here))
            self._changes.append(step)
            if could_cut(step):
                self._key(number - 1, self._last)
        if number % KEY_INTERVAL == 0 or could_cut(step):
            self._sightings[number] = sighting
        else:
            start, earlier = self._sightings.popitem()
            self._sightings[start] = earlier.with_(sighting)
        if number % KEY_INTERVAL == 0 or could_cut(step):
            self._key(number, seen)
        elif self._lit and has_changed(self._bright, bright(whole)):
            self._light_only.add(number)
            self._key(number, seen)
        self._signature, self._last, self._thumbnail, self.frames = here, seen, after, number + 1
        if len(self._waited) > _LONGEST_WAIT:
            self._settle()

    def known_shots(self) -> "list[Shot]":
        """The next shots that no frame to come changes, as ``shots`` would tell them; each is told once.

        What comes after a shot decides on its end by eight frames, and by 81 on a dissolve in it.
        """
        from lumaflux.media.video.shots import AROUND, find_cut

        for index in range(self._judged, len(self._changes) - AROUND):
            self._judged = index + 1
            if find_cut(self._changes, index):
                self._cuts.append(range(self._begins, index + 1))
                self._begins = index + 1
        shots: list[Shot] = []
        while self._cuts and self._transitions.known_until() >= self._cuts[0].stop - 1:
            cut = self._cuts.pop(0)
            self._settle_in(cut)
            shots += self._within(cut, self._transitions.found)
        return shots

    def shots(self) -> "list[Shot]":
        """What was seen as shots with keys, without those that ``known_shots`` told. At least one frame must have been
        seen, and none comes after it.

        A held stretch beside a fade or a dissolve is a shot, and so is the mixed stretch between two of them.
        """
        from lumaflux.media.video.shots import shots_between

        assert self._last is not None
        self._key(self.frames - 1, self._last)
        self._settle()
        begins, transitions = self._cuts[0].start if self._cuts else self._begins, self._transitions.all()
        cuts = [cut for cut in shots_between(self._changes) if cut.start >= begins]
        return [shot for cut in cuts for shot in self._within(cut, transitions)]

    def _within(self, cut: range, transitions: "list[Transition]") -> "list[Shot]":
        self._ask()
        self._keep_asked()
        inside = [one for one in transitions if cut.start < one.first and one.last < cut.stop - 1]
        return self._parts(cut, inside)

    def _parts(self, cut: range, transitions: "list[Transition]") -> "list[Shot]":
        """The shots between two cuts. One that holds no key, as a moment of black does, has its neighbour's tone."""
        bounds = [cut.start - 1, *(number for one in transitions for number in (one.first, one.last)), cut.stop]
        held = [range(bounds[i] + 1, bounds[i + 1]) for i in range(0, len(bounds), 2)]
        keyed = [part for part in held if any(number in part for number in self._tones)]
        if not keyed:
            return [_shot(cut, self._tones, self._area(cut), self._lights)]
        made = {part: _shot(part, self._tones, self._area(part), self._lights) for part in keyed}
        for part in held:
            if part not in made:
                near = min(keyed, key=lambda other: min(abs(other.start - part.stop), abs(part.start - other.stop)))
                tone = made[near].keys[-1 if near.start < part.start else 0].tone
                made[part] = _between(part, tone, tone, self._area(part), self._lights)
        shots = [made[held[0]]]
        for one, after in zip(transitions, held[1:], strict=True):
            left, right = shots[-1].keys[-1].tone, made[after].keys[0].tone
            first, last = right if one.kind == "fade-in" else left, left if one.kind == "fade-out" else right
            mixed = range(one.first, one.last + 1)
            shots += [_between(mixed, first, last, self._area(mixed), self._lights), made[after]]
        return shots

    def _area(self, shot: range) -> "Area":
        """Of the stretches that lie in the shot, or of those that share a frame with it."""
        from lumaflux.inference.active_area import Sighting, area_of

        starts = list(self._sightings)
        stretches = [range(first, end) for first, end in zip(starts, [*starts[1:], self.frames], strict=True)]
        inside = [one for one in stretches if one.start in shot and one[-1] in shot]
        around = [one for one in stretches if one.start < shot.stop and shot.start < one.stop]
        return area_of(reduce(Sighting.with_, (self._sightings[one.start] for one in inside or around)))

    def _key(self, number: int, seen: SeenFrame) -> None:
        from lumaflux.inference.key_light import bright

        if number in self._light_only and number != self.frames:  # its tone is wanted after all
            self._light_only.discard(number)
        elif number in self._toned or number in self._waiting:
            return
        if self._lit and number == self.frames:
            self._bright = bright(seen.whole)
        kept = seen.kept(lights=self._lit)
        if seen.sighting.unbarred:
            self._find(number, kept.whole, kept.clipped and kept.clipped[0])
        else:
            self._waiting[number] = kept
            self._waited.add(number)

    def _find(self, number: int, picture: "Tensor", clipped: "Tensor | None") -> None:
        """The tone of a reduced picture, and the stops of its highlights; with others of its size where keys pass the
        network in batches."""
        wanted = number not in self._light_only
        if wanted:
            self._toned.add(number)
        if self._together and self._together[0].picture.shape != picture.shape:
            self._ask()
        self._together.append(_Wanted(number, wanted, picture, clipped))
        if len(self._together) >= self.converter.key_batch:
            self._ask()

    def _ask(self) -> None:
        """The tones of the keys that were put together."""
        together, self._together = self._together, []
        if not together:
            return
        find, keys = partial(_tones, self.settings, together), [(w.number, w.toned) for w in together]
        if self._devices is not None:
            self._asked.append((keys, self._devices.submit(find)))
        elif self.beside is None:
            return self._keep_all(keys, find(self.converter))
        else:
            self._asked.append((keys, self.beside.submit(find, self.converter)))
        if len(self._asked) > _MOST_ASKED:
            self._keep_asked(_MOST_ASKED)

    def _keep_all(self, keys: list[tuple[int, bool]], tones: "list[Tone]") -> None:
        for (number, wanted), tone in zip(keys, tones, strict=True):
            self._keep(number, wanted, tone)

    def _keep(self, number: int, wanted: bool, tone: "Tone") -> None:
        from lumaflux.inference.key_light import LightKey

        if tone.stops is not None:
            self._lights[number] = LightKey.of(number, tone.stops)
        if wanted:
            self._tones[number] = replace(tone, stops=None)

    def _keep_asked(self, most: int = 0) -> None:
        """Waits until ``most`` batches of tones are still to come."""
        while len(self._asked) > most:
            keys, asked = self._asked.popleft()
            self._keep_all(keys, asked.result())

    def _settle(self) -> None:
        """The tones of the frames that wait, by what was seen of their shots."""
        from lumaflux.media.video.shots import shots_between

        for shot in shots_between(self._changes):
            self._settle_in(shot)
        self._waited.clear()

    def _settle_in(self, shot: range) -> None:
        waiting = [number for number in self._waiting if number in shot]
        if waiting:
            area = self._area(shot)
            for number in waiting:
                self._find(number, *self._waiting.pop(number).inside(area))


def _tones(settings: Settings, together: list[_Wanted], converter: "Converter") -> "list[Tone]":
    """Of keys of one size, by one pass through the network."""
    import torch

    from lumaflux.inference.active_area import WHOLE
    from lumaflux.inference.key_tones import tones_in

    clipped = [one.clipped for one in together if one.clipped is not None]
    device = converter.backend.device
    pictures = torch.cat([one.picture for one in together]).to(device)
    tone = converter.tone_of(pictures, settings, WHOLE, clipped=torch.cat(clipped).to(device) if clipped else None)
    return tones_in(tone, len(together)) if len(together) > 1 else [tone]


def _between(
    frames: range, first: "StoredTone", last: "StoredTone", area: "Area", lights: "dict[int, LightKey]"
) -> "Shot":
    """A shot whose tone moves from one to another."""
    from lumaflux.inference.tone_track import Key, PictureArea, Shot

    keys = [Key(frame=frames[0], tone=first)]
    if len(frames) > 1 and first != last:
        keys.append(Key(frame=frames[-1], tone=last))
    inside = _inside(frames, lights)
    return Shot(first=frames[0], last=frames[-1], area=PictureArea.of(area), keys=keys, lights=inside)


def _inside(frames: range, lights: "dict[int, LightKey]") -> "list[LightKey]":
    return [lights[number] for number in sorted(lights) if number in frames]


def track_of(
    pictures: "Iterable[np.ndarray | SdrFrame | CodedFrame]",
    converter: "Converter",
    settings: Settings,
    source: Path,
    model: str,
    *,
    lights: bool = True,
) -> "ToneTrack":
    """The same of SDR frames in order, pictures [3,H,W] in [0,1] or as a file gives them; with the highlights of key
    frames if ``lights``."""
    from lumaflux.inference.tone_track import ToneTrack

    analysis = ClipAnalysis(converter, settings, lights=lights)
    for picture in pictures:
        analysis.see(picture) if isinstance(picture, np.ndarray) else analysis.see_frame(picture)
    if not analysis.frames:
        raise UserError(f"{source} holds no frames; there is nothing to analyze")
    return ToneTrack(clip=clip_of(source, analysis.frames), model=model, shots=analysis.shots())


def _shot(frames: range, tones: "dict[int, Tone]", area: "Area", lights: "dict[int, LightKey]") -> "Shot":
    from lumaflux.inference.tone import mix
    from lumaflux.inference.tone_track import Key, PictureArea, Shot, StoredTone

    numbers = [number for number in sorted(tones) if number in frames]
    keys = []
    for number in numbers:
        weights = np.exp(-0.5 * ((np.array(numbers) - number) / (_DEVIATION * KEY_INTERVAL)) ** 2)
        smooth = mix([tones[n] for n in numbers], (weights / weights.sum()).tolist())
        keys.append(Key(frame=number, tone=StoredTone.of(smooth)))
    inside = _inside(frames, lights)
    return Shot(first=frames[0], last=frames[-1], area=PictureArea.of(area), keys=keys, lights=inside)


def clip_of(source: Path, frames: int) -> "Clip":
    """What tells a clip or a sequence from others: every byte of it."""
    from lumaflux.inference.tone_track import Clip

    pattern = SequencePath.parse(source)
    if pattern is None:
        return Clip(name=source.name, frames=frames, digest=file_digest(source))
    facts = [f"{number}:{file_digest(pattern.file(number))}" for number in pattern.numbers()]
    return Clip(name=source.name, frames=frames, digest=text_digest(" ".join(facts)))


def check_clip(track: "ToneTrack", source: Path) -> None:
    """Raises UserError for a track that was made of another file."""
    if clip_of(source, track.clip.frames).digest != track.clip.digest:
        raise UserError(
            f"the tone track was made of another file than {source} (of {track.clip.name}); "
            "make it anew with `lumaflux analyze`"
        )


def check_model(track: "ToneTrack", path: Path, model: str) -> None:
    """Raises UserError for a track that other weights made; ``model``: the weights' identity."""
    if track.model != model:
        raise UserError(
            f"{path} was made with the model {track.model}, not {model}; make it anew with "
            "`lumaflux analyze`, or choose that model"
        )
