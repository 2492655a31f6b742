"""What a picture becomes: the file that was asked for and those beside it, with its matte and its certificate."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from lumaflux.errors import UserError
from lumaflux.render.also import also_jobs
from lumaflux.render.job import Job, Report
from lumaflux.render.matte import Sums, check_matte, in_the_picture, matte_sink
from lumaflux.render.targets import picture_options
from lumaflux.render.way_back import check_base, same_base
from lumaflux.settings import Settings

if TYPE_CHECKING:
    import numpy as np

    from lumaflux.media.metadata.light_levels import LightLevels
    from lumaflux.media.stills.picture_writer import PictureFormat, PictureOptions
    from lumaflux.render.recorder import Recorder


@dataclass(frozen=True, kw_only=True)
class Picture:
    """A frame that was rendered: ``hdr_pq`` [3,H,W], ``shares`` [3,H,W] of its matte if one is wanted, ``base`` the SDR
    [3,H,W] that it was made of, ``alpha`` [H,W], and ``peak_nits``, the target peak that it was rendered for."""

    number: int
    hdr_pq: "np.ndarray"
    shares: "np.ndarray | None" = None
    base: "np.ndarray | None" = None
    alpha: "np.ndarray | None" = None
    peak_nits: float = 0.0


@dataclass(frozen=True, kw_only=True)
class PictureFile:
    path: Path
    kind: "PictureFormat"
    options: "PictureOptions"

    @property
    def holds_base(self) -> bool:
        """Whether the SDR picture is in it, too."""
        from lumaflux.media.stills.picture_writer import ULTRA_HDR

        return self.kind is ULTRA_HDR or self.kind.gain_map is not None

    def write(self, made: Picture, shares: "np.ndarray | None", source: Path | None, report: Report) -> "LightLevels":
        """``shares``: of a matte that goes into the file's own channels; ``source``: a file whose metadata are kept."""
        from lumaflux.media.gainmap.beside_base import write_with_gain_map
        from lumaflux.media.gainmap.ultra_hdr import write_ultra_hdr
        from lumaflux.media.stills.avif import write_avif
        from lumaflux.media.stills.heic import write_heic
        from lumaflux.media.stills.picture_writer import ULTRA_HDR, write_picture

        path, kind, again = self.path, self.kind, self.options.overwrite
        sources = () if source is None else (source,)
        if self.holds_base:
            assert made.base is not None
            if kind is ULTRA_HDR:
                if made.alpha is not None:
                    report.note("Alpha is left out: ultra-hdr holds none.")
                peak = made.peak_nits
                return write_ultra_hdr(path, made.base, made.hdr_pq, source=source, peak_nits=peak, overwrite=again)
            assert kind.gain_map is not None
            if made.alpha is not None:
                report.note("Alpha is left out: a picture with a gain map holds none.")
            peak = made.peak_nits
            return write_with_gain_map(
                path, made.base, made.hdr_pq, kind.gain_map, peak_nits=peak, overwrite=again, sources=sources
            )
        if kind.format == "heic":
            return write_heic(path, made.hdr_pq, kind, alpha=made.alpha, overwrite=again, sources=sources)
        if kind.format == "avif":
            if made.alpha is not None:
                report.note("Alpha is left out: avif holds none here.")
            return write_avif(path, made.hdr_pq, as_hlg=kind.is_hlg, overwrite=again, sources=sources)
        return write_picture(path, made.hdr_pq, kind, self.options, alpha=made.alpha, shares=shares, sources=sources)


@dataclass(frozen=True, kw_only=True)
class PictureOutputs:
    """``files``: the first is what was asked for. ``source``: the file that the picture is, None for a frame of a
    sequence."""

    files: list[PictureFile]
    source: Path | None
    job: Job
    report: Report = field(repr=False)
    recorder: "Recorder | None" = None

    @property
    def hold_base(self) -> bool:
        return any(file.holds_base for file in self.files)

    def write(self, made: Picture) -> None:
        job, report = self.job, self.report
        size = (made.hdr_pq.shape[2], made.hdr_pq.shape[1])
        if self.recorder is not None:
            self.recorder.add(made.number, made.hdr_pq, made.shares)
        if job.sdr_exact:
            check_base(self.source)
        with report.stage("encode"), matte_sink(job.matte, size, time_base=None, overwrite=job.overwrite) as to:
            for file in self.files:
                asked = file.path == report.target
                inside = made.shares if asked and in_the_picture(job.matte) else None
                levels = file.write(made, inside, self.source, report)
                if asked:
                    report.add_levels(levels)
                    if job.sdr_exact:
                        report.restored = same_base(self.source, file.path)
            if made.shares is not None and job.matte is not None:
                sums = Sums()
                sums.add(made.shares)
                report.confidence = sums.shares
                if to is not None:
                    to.write(made.shares, made.number, 0)
        report.frames = 1


def picture_files(target: Path, settings: Settings, job: Job, report: Report) -> list[PictureFile]:
    """The picture and those beside it. Raises UserError for any that does not fit or must not be written."""
    jobs = also_jobs(job, target)
    found = [_file(target, settings, job, report)]
    for path, own in jobs:
        beside = Report(target=path)
        found.append(_file(path, settings, own, beside))
        report.also[str(path)] = beside.delivery
    return found


def _file(target: Path, settings: Settings, job: Job, report: Report) -> PictureFile:
    from lumaflux.media.output_profiles import output_profile

    name, made = output_profile(job.deliver, target)
    job.refuse_rates(name)
    if made.picture is None:
        raise UserError(
            f"{target}: a picture is written as .png, .tif, .exr, .dpx, .jpg, .avif, .heic or .jxl; name such a target"
        )
    if target.exists() and not job.overwrite:
        raise UserError(f"{target} exists already; remove it, or allow overwriting (-y).")
    report.delivery = name
    if job.sdr_residual:
        raise UserError("--sdr-residual is of a video; a photograph comes back by its own bytes: leave it out")
    if job.sdr_exact and name != "ultra-hdr":
        raise UserError("the SDR of a picture comes back by a gain map; write it with --deliver ultra-hdr, as a .jpg")
    check_matte(job.matte, target, name, overwrite=job.overwrite)
    if made.picture.is_hlg and settings.target_peak > 1000:
        report.note("Light above 1000 cd/m2 is clipped: HLG is written for that nominal peak.")
    return PictureFile(path=target, kind=made.picture, options=picture_options(made, settings, job))
