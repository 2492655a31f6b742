"""`lumaflux timeline render`: every source range that a timeline needs becomes HDR once; a new timeline shows it."""

from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from lumaflux.errors import UserError
from lumaflux.render.source_kind import settings_for
from lumaflux.render.tones import Tones
from lumaflux.timeline.media import Media
from lumaflux.timeline.plan import Rendering, TimelineOptions, file_name, plan
from lumaflux.timeline.relink import Rendered, relink, write_timeline
from lumaflux.timeline.timeline import Found, Skipped, TimelineClip, find_clips, read_timeline

if TYPE_CHECKING:
    from lumaflux.inference.converter import Converter

Progress = Callable[[int, int | None], None]
LoadConverter = Callable[[str], "Converter"]
_CLIP_RATES = 1001  # the denominator of the rates that are no whole numbers: 24000/1001


@dataclass(kw_only=True)
class Outcome:
    """``timeline``: the file written; ``made`` and ``kept`` count files; ``skipped`` clips show what they did."""

    timeline: Path
    made: int = 0
    kept: int = 0
    frames: int = 0
    relinked: int = 0
    skipped: list[Skipped] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def find(source: Path, options: TimelineOptions) -> tuple[Any, Found]:
    """The timeline of a file and the clips that it asks for."""
    timeline = read_timeline(source)
    return timeline, find_clips(
        timeline,
        source.resolve().parent,
        all_clips=options.all_clips,
        name=options.name,
        handles=options.handles,
        mapped=options.mapped,
    )


def render_timeline(
    source: Path,
    target: Path,
    load_converter: LoadConverter,
    options: TimelineOptions,
    progress: Progress = lambda done, total: None,
) -> Outcome:
    """Renders into the directory ``target`` and writes ``target/<name>-hdr.otio``; finished files are kept.

    ``load_converter`` is asked once for every model. A rendering that fails leaves its clips as they were and is
    named in ``skipped``. Raises UserError when the timeline asks for nothing, or cannot be read or written.
    """
    timeline, found = find(source, options)
    written = target / f"{source.stem}-hdr.otio"
    planned = plan(found, options)
    renderings = planned.renderings
    outcome = Outcome(timeline=written, skipped=planned.skipped, notes=planned.notes)
    if not renderings and not outcome.skipped:
        raise UserError(f"{source} has no clip with the effect LumaFlux ITM; take --all, or --name NAME")
    _make_folder(target)
    total, done, finished = sum(rendering.frames for rendering in renderings), 0, []
    converters: dict[str, Converter] = {}
    for rendering in renderings:
        path = target / file_name(rendering, options.container)

        def report(frames: int, before: int = done) -> None:
            progress(before + frames, total)

        try:
            if path.exists() and not options.overwrite:
                outcome.kept += 1
            else:
                model = rendering.look.model
                if model not in converters:
                    converters.clear()  # one in memory at a time
                    converters[model] = load_converter(model)
                _render(rendering, path, converters[model], options.overwrite, report)
                outcome.made += 1
                outcome.frames += rendering.frames
            finished += [_rendered(rendering, clip, path) for clip in rendering.clips]
        except UserError as error:
            outcome.skipped += [Skipped(where=clip.where, reason=str(error)) for clip in rendering.clips]
        done += rendering.frames
        progress(done, total)
    outcome.relinked = len(finished)
    write_timeline(relink(timeline, finished), written, overwrite=True, sources=(source,))
    return outcome


def _rendered(rendering: Rendering, clip: TimelineClip, path: Path) -> Rendered:
    facts = {
        "model": rendering.look.model,
        "settings": asdict(rendering.look.settings),
        "primaries": "bt2020",
        "transfer": "pq",
    }
    return Rendered(clip=clip, path=path, first=rendering.first, frames=rendering.frames, facts=facts)


def _make_folder(target: Path) -> None:
    try:
        target.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"the directory {target} cannot be made: {error.strerror}; choose another") from None


def _render(
    rendering: Rendering, path: Path, converter: "Converter", overwrite: bool, report: Callable[[int], None]
) -> None:
    from lumaflux.media.video.hdr10_writer import Hdr10Writer

    rate = Fraction(rendering.media.rate).limit_denominator(_CLIP_RATES)
    settings = settings_for(rendering.look.settings, rendering.media.path)[0]
    frames = source_frames(rendering.media, rendering.first, rendering.last)
    first = next(frames, None)
    if first is None:
        raise UserError(f"{rendering.media.path} ends before frame {rendering.first}")
    height, width = first.shape[1:]
    tones = _tones(rendering, converter)
    with Hdr10Writer(
        path,
        width,
        height,
        1 / rate,
        frame_rate=rate,
        master_peak_nits=settings.target_peak,
        overwrite=overwrite,
    ) as writer:
        for count, sdr in enumerate(_chained(first, frames)):
            hdr_pq, _ = converter.render_timed(sdr, settings, tone=tones.at(count, settings)[1])
            writer.write(hdr_pq, count, 1)
            report(count + 1)


def _tones(rendering: Rendering, converter: "Converter") -> Tones:
    """Of the frames that are rendered, so that the shots among them do not pump."""
    from lumaflux.render.analysis import track_of

    media, look = rendering.media, rendering.look
    if look.settings.strength == 0.0:
        return Tones()
    pictures = source_frames(media, rendering.first, rendering.last)
    return Tones(track_of(pictures, converter, settings_for(look.settings, media.path)[0], media.path, look.model))


def _chained(first: np.ndarray, rest: Iterator[np.ndarray]) -> Iterator[np.ndarray]:
    yield first
    yield from rest


def source_frames(media: Media, first: int, last: int) -> Iterator[np.ndarray]:
    """Frames ``first`` to ``last``: BT.709 R'G'B' for BT.1886, float32 [3,H,W] in [0,1]."""
    from lumaflux.render.numbered_source import open_source

    for _, sdr in open_source(media.path).read(range(first, last + 1)):
        yield sdr


def lines_of(found: Found, options: TimelineOptions) -> list[str]:
    """What ``lumaflux timeline show`` prints: a line for every clip, what is set on it, and why one is left out."""
    planned = plan(found, options)
    notes = {}
    for note in planned.notes:
        where, _, words = note.partition(": ")
        notes.setdefault(where, []).append(words)
    lines = []
    for rendering in planned.renderings:
        for clip in rendering.clips:
            frames = f"frames {clip.first}-{clip.last} of {clip.media.path}"
            lines.append(f"{clip.where}: {frames} at {clip.media.rate:.6g} frames/s, {_set(rendering)}")
            lines += [f"    {words}" for words in notes.get(clip.where, [])]
    lines += [f"{skipped.where}: left out, {skipped.reason}" for skipped in planned.skipped]
    frames = sum(rendering.frames for rendering in planned.renderings)
    return [*lines, f"{len(planned.renderings)} files, {frames} frames to render"]


def _set(rendering: Rendering) -> str:
    from dataclasses import fields

    look = rendering.look
    changed = (f for f in fields(look.settings) if getattr(look.settings, f.name) != f.default)
    return ", ".join([f"model {look.model}", *(f"{f.name} {_shown(getattr(look.settings, f.name))}" for f in changed)])


def _shown(value: float | str) -> str:
    return value if isinstance(value, str) else f"{value:g}"
