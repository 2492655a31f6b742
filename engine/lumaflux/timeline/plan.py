"""Which files a timeline needs: ranges of one media with one look become one file, named by all that decides it."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from lumaflux.errors import UserError
from lumaflux.render import VIDEO_SUFFIXES
from lumaflux.settings import Settings
from lumaflux.timeline.media import Media
from lumaflux.timeline.parameters import ClipSettings, clip_settings
from lumaflux.timeline.timeline import Found, Skipped, TimelineClip


@dataclass(kw_only=True)
class Rendering:
    """One file to make: frames ``first`` to ``last`` of ``media`` with ``look``, for all ``clips`` that show them."""

    media: Media
    look: ClipSettings
    first: int
    last: int
    clips: list[TimelineClip] = field(default_factory=list)

    @property
    def frames(self) -> int:
        return self.last - self.first + 1


@dataclass(frozen=True, kw_only=True)
class TimelineOptions:
    """Which clips (all, or of one name, or those with the effect), and how: see ``lumaflux timeline render``."""

    all_clips: bool = False
    name: str | None = None
    handles: int = 0
    mapped: Callable[[str], str] = lambda path: path
    model: str | None = None
    settings: Settings = field(default_factory=Settings)
    container: str = ".mov"
    overwrite: bool = False

    def __post_init__(self) -> None:
        if self.container not in VIDEO_SUFFIXES:
            raise UserError(f"the container is '{self.container}'; choose one of {', '.join(VIDEO_SUFFIXES)}")
        if self.handles < 0:
            raise UserError(f"handles are {self.handles} frames; give none or more")


@dataclass(kw_only=True)
class Plan:
    """``renderings`` in the order of their media; ``notes`` are sentences about clips that a person should know."""

    renderings: list[Rendering] = field(default_factory=list)
    skipped: list[Skipped] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def plan(found: Found, options: TimelineOptions) -> Plan:
    """Ranges of one media and look that overlap or touch become one file."""
    outcome = Plan(skipped=list(found.skipped))
    wanted: list[Rendering] = []
    for clip in found.clips:
        try:
            look = ClipSettings(settings=options.settings, model=options.model or "lite")
            if clip.look is not None:
                look = clip_settings(clip.look.values, options.model)
        except UserError as error:
            outcome.skipped.append(Skipped(where=clip.where, reason=str(error)))
            continue
        if look is None:
            outcome.skipped.append(Skipped(where=clip.where, reason="its effect is bypassed", lost=False))
            continue
        outcome.notes += [f"{clip.where}: {note}" for note in (*clip.notes, *look.notes)]
        plain = ClipSettings(settings=look.settings, model=look.model)
        wanted.append(Rendering(media=clip.media, look=plain, first=clip.first, last=clip.last, clips=[clip]))
    wanted.sort(key=lambda r: (str(r.media.path), r.look.model, str(r.look.settings), r.first))
    merged = outcome.renderings
    for rendering in wanted:
        last = merged[-1] if merged else None
        if last and _same(last, rendering) and rendering.first <= last.last + 1:
            last.last = max(last.last, rendering.last)
            last.clips += rendering.clips
        else:
            merged.append(rendering)
    return outcome


def _same(one: Rendering, other: Rendering) -> bool:
    return one.media.path == other.media.path and one.look == other.look


def file_name(rendering: Rendering, suffix: str) -> str:
    """Source, frames, and a digest of everything that decides the pixels: a file of that name is the right one."""
    import xxhash

    from lumaflux import __version__
    from lumaflux.service.renderer import model_identity

    media = rendering.media
    digest = xxhash.xxh3_64(repr((__version__, model_identity(rendering.look.model), rendering.look.settings)).encode())
    for path in _files(rendering):
        stat = path.stat()
        digest.update(repr((path.name, stat.st_size, stat.st_mtime_ns)).encode())
    stem = media.path.stem.partition("%")[0].rstrip("._-") or "sequence"
    return f"{stem}-{rendering.first}-{rendering.last}-{digest.hexdigest()[:8]}{suffix}"


def _files(rendering: Rendering) -> list[Path]:
    media = rendering.media
    if media.kind == "video":
        return [media.path]
    named = (media.file(number) for number in range(rendering.first, rendering.last + 1))
    return [path for path in named if path.exists()]
