"""Which files a timeline needs: ranges of one media with one look become one file, named by all that decides it."""

from collections.abc import Callable
from dataclasses import dataclass, field, fields
from fractions import Fraction
from pathlib import Path

from lumaflux.checked_fields import Bounds
from lumaflux.digests import file_digest, text_digest
from lumaflux.errors import UserError
from lumaflux.media.output_profiles import output_profile
from lumaflux.options import NO_TRACK, ModelOptions, RenderingOptions, part
from lumaflux.render import Job
from lumaflux.render.matte import CLIP as MATTE_CLIP
from lumaflux.render.matte import in_the_picture
from lumaflux.settings import Settings
from lumaflux.timeline.masks import mask_of, unused_masks
from lumaflux.timeline.media import Media
from lumaflux.timeline.parameters import ClipSettings, clip_settings
from lumaflux.timeline.timeline import Found, Skipped, TimelineClip

_CLIP_RATES = 1001  # the denominator of the rates that are no whole numbers: 24000/1001


_CONTAINERS = (".mp4", ".mov", ".mkv")


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
class TimelineOptions(RenderingOptions):
    """Which clips (all, or of one name, or those with the effect), and how: see ``lumaflux timeline render``."""

    all_clips: bool = False
    name: str | None = None
    handles: int = field(default=0, metadata={"bounds": Bounds(0, 10**9, "frames")})
    mapped: Callable[[str], str] = lambda path: path
    settings: Settings = field(default_factory=Settings)
    container: str = ".mov"

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.container not in _CONTAINERS:
            raise UserError(f"the container is '{self.container}'; choose one of {', '.join(_CONTAINERS)}")
        output_profile(self.deliver, Path(f"clip{self.container}"))  # which raises for what does not fit
        if self.track not in (None, NO_TRACK):
            raise UserError(f"--track is {self.track}; a timeline has many sources: leave it out, or say none")
        if self.matte is not None and (self.matte.suffix or in_the_picture(self.matte)):
            raise UserError(
                f"--matte is {self.matte}; a timeline becomes many files: name a directory for their mattes"
            )
        if self.hdr10plus is not None:
            raise UserError("--hdr10plus names one file, and a timeline becomes many; leave it out")

    def job(self, rendering: Rendering) -> Job:
        """What `lumaflux convert` would be asked for the same frames."""
        media = rendering.media
        rate = {} if media.kind == "video" else {"fps": str(Fraction(media.rate).limit_denominator(_CLIP_RATES))}
        frames = f"{rendering.first}-{rendering.last}"
        mask = self._mask(media)
        return part(Job, self, frames=frames, model=rendering.look.model, copy_audio=False, mask=mask, **rate)

    def _mask(self, media: Media) -> Path | None:
        """The mask of a media: of a directory that of its name. Raises UserError where there are two."""
        if self.mask is None or not self.mask.is_dir():
            return self.mask
        return mask_of(self.mask, _stem(media))

    def matte_of(self, file: Path) -> Path | None:
        """Where the matte of a rendered file goes: a clip of its name in the mattes' directory."""
        return None if self.matte is None else self.matte / f"{file.stem}{MATTE_CLIP}"


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
                look = clip_settings(clip.look.values, options.model or None)
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
    if options.mask is not None and options.mask.is_dir() and merged:
        unused = unused_masks(options.mask, {_stem(rendering.media) for rendering in merged})
        outcome.notes += [f"{options.mask}: {name} is the mask of no media that is rendered" for name in unused]
    return outcome


def _same(one: Rendering, other: Rendering) -> bool:
    return one.media.path == other.media.path and one.look == other.look


def file_name(rendering: Rendering, options: TimelineOptions) -> str:
    """Source, frames, and a digest of everything that decides the pixels: a file of that name is the right one."""
    from dataclasses import asdict

    from lumaflux.inference.installed_engine import with_engine
    from lumaflux.inference.weights import rendering_identity
    from lumaflux.render.manifest import match_fact, platform_facts
    from lumaflux.render.mask import mask_fact

    media, job = rendering.media, with_engine(options.job(rendering))
    left_out = {f.name for f in fields(ModelOptions)} - {"threads"} | {"overwrite", "frames"}
    asked = {name: str(value) for name, value in asdict(job).items() if name not in left_out}
    facts = [rendering_identity(job), str(platform_facts(job)), str(asdict(rendering.look.settings)), str(asked)]
    if job.mask is not None:
        facts.append(mask_fact(job.mask))
    if options.match is not None:
        facts.append(match_fact(options.match))
    facts += [f"{path.name} {file_digest(path)}" for path in _files(media)]
    digest = text_digest("\n".join(facts))[:8]
    return f"{_stem(media)}-{rendering.first}-{rendering.last}-{digest}{options.container}"


def _stem(media: Media) -> str:
    return media.path.stem.partition("%")[0].rstrip("._-") or "sequence"


def _files(media: Media) -> list[Path]:
    """All of a sequence: the tone of a frame is found on the whole."""
    return [media.path] if media.kind == "video" else [media.file(number) for number in media.numbers]
