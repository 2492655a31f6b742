"""`lumaflux timeline render`: every source range that a timeline needs becomes HDR once; a new timeline shows it."""

import contextlib
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lumaflux.errors import FrameError, UserError
from lumaflux.media.atomic_file import AtomicFile
from lumaflux.options import ModelOptions, part
from lumaflux.render.clip import convert_clip, refuse_damage
from lumaflux.render.job import Job, Progress
from lumaflux.render.request import Request
from lumaflux.render.source import Source
from lumaflux.render.tones import ToneRequest, Tones, tones_of
from lumaflux.timeline.plan import Rendering, TimelineOptions, file_name, plan
from lumaflux.timeline.relink import Rendered, relink, write_timeline
from lumaflux.timeline.timeline import Found, Skipped, TimelineClip, find_clips, read_timeline

if TYPE_CHECKING:
    from lumaflux.inference.converter import Converter

LoadConverter = Callable[[ModelOptions], "Converter"]


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
    timeline = read_timeline(source, options.mapped)
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
    named in ``skipped``. Raises UserError when the timeline asks for nothing, or cannot be read or written, and
    KeyboardInterrupt, with what was kept, when the user ended it: as `lumaflux convert` does, it leaves a part that
    plays, which goes when a later run makes the whole.
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
    maker = _Maker(target, options, load_converter, outcome)
    for rendering in renderings:

        def report(frames: int, of: int | None, before: int = done) -> None:
            progress(before + min(frames, of or frames), total)

        try:
            path = maker.file_of(rendering, report)
            finished += [_rendered(rendering, clip, path) for clip in rendering.clips]
        except UserError as error:
            outcome.skipped += [Skipped(where=clip.where, reason=str(error)) for clip in rendering.clips]
        done += rendering.frames
        progress(done, total)
    outcome.relinked = len(finished)
    write_timeline(relink(timeline, finished), written, overwrite=True, sources=(source,))
    return outcome


class _Maker:
    """Makes the files of a timeline in ``target``, and counts them in ``outcome``."""

    def __init__(self, target: Path, options: TimelineOptions, load_converter: LoadConverter, outcome: Outcome):
        self._target, self._options, self._outcome = target, options, outcome
        self._loaded, self._tones = _Loaded(load_converter), _FoundTones()

    def file_of(self, rendering: Rendering, report: Progress) -> Path:
        """The file of a rendering; one that is there with its matte is kept. Raises UserError where it fails."""
        options = self._options
        path = self._target / file_name(rendering, options)
        matte = options.matte_of(path)
        lacking = matte if matte is not None and not matte.exists() else None
        if path.exists() and lacking is None and not options.overwrite:
            self._outcome.kept += 1
            return path
        job = replace(options.job(rendering), matte=matte)
        if lacking is not None:
            _make_folder(lacking.parent)
            job = replace(job, overwrite=True)
        self._make(rendering, path, job, report)
        return path

    def _make(self, rendering: Rendering, path: Path, job: Job, report: Progress) -> None:
        opened = Source(rendering.media.path, job, keep_going=job.keep_going)
        request = Request(
            load_converter=self._loaded.converter(job),
            settings=rendering.look.settings,
            job=job,
            progress=report,
            find_tones=self._tones.find,
        )
        made = convert_clip(opened, path, request)
        self._outcome.made += 1
        self._outcome.frames += rendering.frames
        self._outcome.notes += [f"{path.name}: {note}" for note in made.notes]
        _drop_part(path)
        refuse_damage(made)
        if made.frames < rendering.frames:
            path.unlink(missing_ok=True)
            raise FrameError(f"{rendering.media.path} ends before its frame {rendering.last}")


def _rendered(rendering: Rendering, clip: TimelineClip, path: Path) -> Rendered:
    facts = {
        "model": rendering.look.model,
        "settings": asdict(rendering.look.settings),
        "primaries": "bt2020",
        "transfer": "pq",
    }
    return Rendered(clip=clip, path=path, first=rendering.first, frames=rendering.frames, facts=facts)


def _drop_part(path: Path) -> None:
    """What an earlier run that was interrupted left of a file that is whole now."""
    with contextlib.suppress(OSError):
        AtomicFile(path, overwrite=True).early_name().unlink()


def _make_folder(target: Path) -> None:
    try:
        target.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"the directory {target} cannot be made: {error.strerror}; choose another") from None


class _Loaded:
    """One model in memory at a time."""

    def __init__(self, load: LoadConverter):
        self._load = load
        self._options: ModelOptions | None = None
        self._converter: Converter | None = None

    def converter(self, job: Job) -> "Callable[[], Converter]":
        """What gives the job's model, loaded once for all renderings that follow each other with it."""

        def loaded() -> "Converter":
            options = part(ModelOptions, job)
            if self._converter is None or self._options != options:
                self._converter = None  # two need not fit
                self._converter, self._options = self._load(options), options
            return self._converter

        return loaded


class _FoundTones:
    """The tone track of a source, found once for all of its parts with one look."""

    def __init__(self) -> None:
        self._key: object = None
        self._tones = Tones()

    def find(self, source: Source, asked: ToneRequest, progress: Progress) -> Tones:
        key = (source.path, asked.settings, asked.options.track, asked.options.match, asked.model)
        if key != self._key:
            self._tones, self._key = tones_of(source, asked, progress), key
        return self._tones


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
