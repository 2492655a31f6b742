"""Makes a job's manifest from what a person asked for: input, model, look, device, versions."""

from dataclasses import asdict
from pathlib import Path

from lumaflux.errors import UserError
from lumaflux.farm.job import Manifest
from lumaflux.farm.job_spec import JobSpec
from lumaflux.inference.installed_engine import with_engine
from lumaflux.inference.weights import rendering_identity
from lumaflux.media.stills.frame_numbers import frame_list, frames_text
from lumaflux.media.video.completeness import missing_end
from lumaflux.render.manifest import platform_facts, track_fact
from lumaflux.render.mask import mask_fact
from lumaflux.render.motion_blending import check_motion_blending
from lumaflux.render.source import Source, settings_for

_READING = ("force_sdr", "interlaced", "ocio", "input_space", "input_transfer", "layer")


def source_of(spec: JobSpec) -> Source:
    """A frame that cannot be read does not stop the others."""
    return Source(spec.source, spec, keep_going=True)


def numbers_of(spec: JobSpec, source: Source) -> list[int]:
    """The frames of the job. Raises UserError for frames that the input lacks, and for one that is cut short."""
    info = source.info  # which raises for what cannot be read
    if spec.frames is None:
        missing = None if source.pattern is not None else missing_end(source.path, info.container)
        if missing:
            there = frames_text(source.numbers)
            raise UserError(f"{spec.source} is not whole ({missing}); bring the rest, or name --frames {there}")
        return source.numbers
    numbers = frame_list(spec.frames)
    if lacking := sorted(set(numbers) - set(source.numbers)):
        raise UserError(f"{spec.source} has no frames {frames_text(lacking)}; it has {frames_text(source.numbers)}")
    return numbers


def manifest_of(spec: JobSpec, source: Source, track: Path | None = None) -> Manifest:
    """``track``: the tone track that the job renders under.

    Raises UserError for an input, a model or a device that is not there, and for frames that the input lacks.
    """
    from lumaflux.backends.device import DTYPES, pick_device, pick_dtype

    check_motion_blending(spec.motion_blending, spec.settings, spec.track)
    numbers = numbers_of(spec, source)
    spec = with_engine(spec)
    device = pick_device(spec.device)
    dtype = pick_dtype(spec.precision, device)
    return Manifest(
        source=str((source.path if source.pattern is None else source.pattern.printf).resolve()),
        source_kind=source.kind,
        source_digest=source.digest,
        width=source.info.width,
        height=source.info.height,
        frames=frames_text(numbers),
        settings=asdict(settings_for(spec.settings, source.info, spec.source)[0]),
        model=spec.model,
        weights=rendering_identity(spec),
        tone_track=None if track is None else track_fact(str(track)),
        motion_blending=spec.motion_blending,
        every_frame=spec.every_frame,
        mask=None if spec.mask is None else mask_fact(spec.mask),
        matte=None if spec.matte is None else spec.matte.name,
        reading={name: getattr(spec, name) for name in _READING if name != "layer" or spec.layer is not None},
        device=device.type,
        precision=next(name for name, kind in DTYPES.items() if kind == dtype),
        threads=spec.threads or 1,
        platform=platform_facts(spec),
    )
