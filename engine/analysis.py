"""`lumaflux analyze`: the shots of a clip and the tone of each, in one pass over the clip."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from engine.errors import UserError
from engine.settings import Settings

if TYPE_CHECKING:
    from engine.inference.converter import Converter
    from engine.inference.tone import Tone
    from engine.inference.tone_track import Clip, ToneTrack

KEY_INTERVAL = 12  # frames between keys of a shot
_DEVIATION = 1.5  # keys: the Gaussian that smooths a shot's tones
_SIGNATURE_PIXELS = 1 << 14


@dataclass
class _Analysis:
    """What is kept of the frames seen so far: one number a frame, and the tones that may become keys."""

    changes: list[float] = field(default_factory=list)
    tones: "dict[int, Tone]" = field(default_factory=dict)
    frames: int = 0


def analyze(
    source: Path,
    converter: "Converter",
    settings: Settings | None = None,
    progress: Callable[[int, int | None], None] = lambda done, total: None,
    *,
    model: str = "lite",
    allow_hdr: bool = False,
) -> "ToneTrack":
    """The tone track of a clip, always of the whole. Raises UserError for a clip that cannot be read."""
    from engine.convert.job import Job
    from engine.convert.tones import tones_of

    made = tones_of(source, converter, settings or Settings(), Job(force_sdr=allow_hdr, model=model), None, progress)
    if made.track is None:
        raise UserError("at strength 0 no frame has a tone; leave the strength as it is")
    return made.track


def track_of(
    pictures: Iterable[np.ndarray], converter: "Converter", settings: Settings, source: Path, model: str
) -> "ToneTrack":
    """The same of SDR frames [3,H,W] in [0,1], in order."""
    from engine.inference.tone_track import ToneTrack
    from engine.media.shots import shots_between

    seen = _look(pictures, converter, settings)
    if not seen.frames:
        raise UserError(f"{source} holds no frames; there is nothing to analyze")
    shots = [_shot(shot, seen.tones) for shot in shots_between(seen.changes)]
    return ToneTrack(clip=clip_of(source, seen.frames), model=model, shots=shots)


def _look(pictures: Iterable[np.ndarray], converter: "Converter", settings: Settings) -> _Analysis:
    """A tone at every KEY_INTERVAL-th frame, and at the frames on both sides of what may be a cut."""
    import torch

    from engine.inference.detail import reduce_to
    from engine.media.shots import change, could_cut, signature

    seen = _Analysis()
    before, last = None, None
    for number, picture in enumerate(pictures):
        reduced = converter.reduced(torch.as_tensor(picture, device=converter.backend.device)[None])
        here = signature(reduce_to(reduced, _SIGNATURE_PIXELS)[0].cpu().numpy())
        if before is not None:
            step = change(before, here)
            seen.changes.append(step)
            if could_cut(step) and last is not None:
                seen.tones.setdefault(number - 1, converter.tone_of(last, settings))
                seen.tones.setdefault(number, converter.tone_of(reduced, settings))
        if number % KEY_INTERVAL == 0:
            seen.tones.setdefault(number, converter.tone_of(reduced, settings))
        before, last, seen.frames = here, reduced, number + 1
    if last is not None:
        seen.tones.setdefault(seen.frames - 1, converter.tone_of(last, settings))
    return seen


def _shot(frames: range, tones: "dict[int, Tone]"):
    from engine.inference.tone import mix
    from engine.inference.tone_track import Key, Shot, StoredTone

    numbers = [number for number in sorted(tones) if number in frames]
    keys = []
    for number in numbers:
        weights = np.exp(-0.5 * ((np.array(numbers) - number) / (_DEVIATION * KEY_INTERVAL)) ** 2)
        smooth = mix([tones[n] for n in numbers], (weights / weights.sum()).tolist())
        keys.append(Key(frame=number, tone=StoredTone.of(smooth)))
    return Shot(first=frames[0], last=frames[-1], keys=keys)


def clip_of(source: Path, frames: int) -> "Clip":
    """What tells a clip or a sequence from others without reading it all: sizes, and the ends of files."""
    import xxhash

    from engine.convert.sequence_manifest import file_digest
    from engine.inference.tone_track import Clip
    from engine.media.sequence_path import SequencePath

    pattern = SequencePath.parse(source)
    if pattern is None:
        return Clip(name=source.name, frames=frames, digest=file_digest(source))
    numbers = pattern.numbers()
    ends = [file_digest(pattern.file(number)) for number in (numbers[0], numbers[-1])]
    return Clip(name=source.name, frames=frames, digest=xxhash.xxh3_128(f"{numbers}{ends}".encode()).hexdigest())


def check_clip(track: "ToneTrack", source: Path) -> None:
    """Raises UserError for a track that was made of another file."""
    if clip_of(source, track.clip.frames).digest != track.clip.digest:
        raise UserError(
            f"the tone track was made of another file than {source} (of {track.clip.name}); "
            "make it anew with `lumaflux analyze`"
        )
