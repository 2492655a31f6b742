"""Converts pictures: one, several, or one frame of a clip for a look."""

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from lumaflux.errors import FrameError, UserError
from lumaflux.inference.weights import weights_identity
from lumaflux.render.also import also_jobs
from lumaflux.render.frame_renderer import FrameRenderer, frame_renderer
from lumaflux.render.job import Job, Progress, Report, with_reports
from lumaflux.render.mask import Mask
from lumaflux.render.matte import Sums, check_matte, in_the_picture, matte_sink
from lumaflux.render.recorder import Recorder
from lumaflux.render.source import Source, settings_for
from lumaflux.render.targets import picture_options
from lumaflux.render.tones import Tones, check_match, led_tone, tones_of
from lumaflux.render.way_back import check_base, same_base
from lumaflux.settings import Settings

if TYPE_CHECKING:
    import numpy as np

    from lumaflux.inference.converter import Converter
    from lumaflux.media.stills.ocio_spaces import OcioSpaces
    from lumaflux.media.stills.picture_writer import PictureFormat, PictureOptions

    _Output = tuple[Path, PictureFormat, PictureOptions]

_NO_SPACE = {"ocio": None, "input_space": None, "output_space": None}  # of a picture that has its own


def convert_stills(
    pairs: dict[Path, Path],
    load_converter: Callable[[], "Converter"],
    settings: Settings,
    job: Job,
    progress: Progress,
) -> list[Report]:
    """Converts pictures, one model load for all. Of several, a bad one does not stop the rest.

    Raises UserError for a single bad picture, FrameError naming the bad ones of several.
    """
    from lumaflux.media.stills.picture import read_still

    spaces = _input_spaces(job)
    converter: Converter | None = None
    reports, failures = [], []
    for done, (source, target) in enumerate(pairs.items()):
        report = Report(target=target, source=source)
        start = time.perf_counter()
        try:
            with report.stage("decode"):
                outputs = _outputs(target, settings, job, report)
                recorder = None if job.certificate is None else Recorder(source, target, job)
                still = read_still(
                    source, allow_hdr=job.force_sdr, raw=job.raw, layer=job.layer, transfer=job.input_transfer
                )
                look, told_by = settings_for(settings, still.info, source)
                check_match(job, look)
            if converter is None:
                converter = load_converter()
                progress(0, len(pairs))
                start = time.perf_counter()
            left_out = (f"{source}'s {dropped} is left out{_instead(dropped)}." for dropped in still.info.dropped)
            for note in (*told_by, *still.notes, *left_out):
                report.note(note)
            sdr, alpha = still.into_bt1886(), still.alpha
            del still  # whatever is kept of a large picture is kept while it is rendered
            sdr = sdr if spaces is None else spaces.sdr(sdr)
            mask = None if job.mask is None else Mask(job.mask, (sdr.shape[2], sdr.shape[1]))
            tones = led_tone(sdr, source, converter, look, job, weights_identity(job))
            for note in tones.notes:
                report.note(note)
            renderer = FrameRenderer(
                converter=converter,
                settings=look,
                tones=tones,
                mask=mask,
                wants_matte=job.matte is not None,
                samples_matte=recorder is not None,
            )
            made = _rendered(report, 0, sdr, renderer)
            base = sdr if _needs_base(outputs) else None
            del sdr
            _write(report, 0, made, base, alpha, renderer, outputs, source, job, recorder)
            del made, base, alpha  # the next picture may be as large
            if recorder is not None:
                recorder.write(report, look)
        except UserError as error:
            if len(pairs) == 1:
                raise
            failures.append(str(error))
            continue
        except BaseException as ending:
            with_reports(ending, reports)
            raise
        report.seconds = time.perf_counter() - start
        reports.append(report)
        progress(done + 1, len(pairs))
    if failures:
        raise with_reports(
            FrameError(f"{len(failures)} of {len(pairs)} pictures were not converted: {'; '.join(failures)}"), reports
        )
    return reports


def convert_preview(
    source: Source,
    target: Path,
    load_converter: Callable[[], "Converter"],
    settings: Settings,
    job: Job,
    progress: Progress,
) -> Report:
    """One frame of a clip or a sequence becomes a picture."""
    report = Report(target=target, source=source.path)
    outputs = _outputs(target, settings, job, report)
    beside = target.with_name(f"{target.stem}.sdr.png")
    if report.delivery not in ("sdr-png", "ultra-hdr") and str(beside) not in report.also:
        own = replace(job, deliver="sdr-png", also=(), **_NO_SPACE)
        outputs += _outputs(beside, settings, own, Report(target=beside))
        report.also[str(beside)] = "sdr-png"
    with source.open(None if source.pattern is None else [job.preview or 0]) as reader:
        settings, told_by = settings_for(settings, reader.info, source.path)
        frame = next((f for f in reader.frames(lambda number: number == job.preview)), None)
    for note in told_by:
        report.note(note)
    if frame is None:
        raise UserError(f"{source.path} has no frame {job.preview}; a clip's frames count from 0")
    converter = load_converter()
    progress(0, 1)
    start = time.perf_counter()
    alone = source.path if source.path.is_file() else None
    own = job.track is None and job.match is None
    tones = Tones() if own else tones_of(source, converter, settings, job, weights_identity(job))
    for note in tones.notes:
        report.note(note)
    if own:
        report.note("The preview has a tone of its own; name a tone track (--track) to see it as it will be.")
    mask = None if job.mask is None else Mask(job.mask, (frame.sdr.shape[2], frame.sdr.shape[1]))
    chosen = frame_renderer(
        converter, settings, tones, source, job.motion_blending, mask, wants_matte=job.matte is not None
    )
    with chosen as renderer:
        made = _rendered(report, frame.number, frame.sdr, renderer)
        _write(report, frame.number, made, frame.sdr, frame.alpha, renderer, outputs, alone, job)
    report.seconds = time.perf_counter() - start
    progress(1, 1)
    return report


def _instead(dropped: str) -> str:
    """What is done with a picture that has a gain map, and where its own HDR is to be seen."""
    if dropped != "gain map":
        return ""
    return ": its SDR picture is converted; `lumaflux view` shows its own HDR, and `--match` takes its tone"


def _input_spaces(job: Job) -> "OcioSpaces | None":
    if job.ocio is None or job.input_space is None:
        return None
    from lumaflux.media.stills.ocio_spaces import OcioSpaces

    return OcioSpaces(job.ocio, job.input_space, None)


def _outputs(target: Path, settings: Settings, job: Job, report: Report) -> "list[_Output]":
    """The picture and those beside it. Raises UserError for any that does not fit or must not be written."""
    jobs = also_jobs(job, target)
    found = [(target, *_format(target, settings, job, report))]
    for path, own in jobs:
        beside = Report(target=path)
        found.append((path, *_format(path, settings, own, beside)))
        report.also[str(path)] = beside.delivery
    return found


def _format(target: Path, settings: Settings, job: Job, report: Report) -> "tuple[PictureFormat, PictureOptions]":
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
    return made.picture, picture_options(made, settings, job)


@dataclass(frozen=True, kw_only=True)
class _Rendered:
    hdr_pq: "np.ndarray"
    shares: "np.ndarray | None"  # of the matte, if one is wanted


def _rendered(report: Report, number: int, sdr: "np.ndarray", renderer: FrameRenderer) -> _Rendered:
    mattes: list[np.ndarray] = []
    hdr_pq, timings = renderer.render(number, sdr, on_matte=mattes.append if renderer.gives_matte(number) else None)
    report.add_stages(timings)
    return _Rendered(hdr_pq=hdr_pq, shares=mattes[0] if mattes else None)


def _needs_base(outputs: "list[_Output]") -> bool:
    """Whether an output holds the SDR picture, too."""
    from lumaflux.media.stills.picture_writer import ULTRA_HDR

    return any(kind is ULTRA_HDR or kind.gain_map is not None for _, kind, _ in outputs)


def _write(
    report: Report,
    number: int,
    made: _Rendered,
    base: "np.ndarray | None",
    alpha: "np.ndarray | None",
    renderer: FrameRenderer,
    outputs: "list[_Output]",
    source: Path | None,
    job: Job,
    recorder: Recorder | None = None,
) -> None:
    from lumaflux.media.gainmap.beside_base import write_with_gain_map
    from lumaflux.media.gainmap.ultra_hdr import write_ultra_hdr
    from lumaflux.media.stills.avif import write_avif
    from lumaflux.media.stills.heic import write_heic
    from lumaflux.media.stills.picture_writer import ULTRA_HDR, write_picture

    hdr_pq, shares, sums = made.hdr_pq, made.shares, Sums()
    size = (hdr_pq.shape[2], hdr_pq.shape[1])
    if recorder is not None:
        recorder.add(number, hdr_pq, shares)
    if job.sdr_exact:
        check_base(source)
    with report.stage("encode"), matte_sink(job.matte, size, time_base=None, overwrite=job.overwrite) as to:
        sources = () if source is None else (source,)
        for path, kind, options in outputs:
            if kind is ULTRA_HDR:
                assert base is not None
                peak, again = renderer.tones.at(number, renderer.settings)[0].target_peak, options.overwrite
                levels = write_ultra_hdr(path, base, hdr_pq, source=source, peak_nits=peak, overwrite=again)
                if alpha is not None:
                    report.note("Alpha is left out: ultra-hdr holds none.")
                if job.sdr_exact and path == report.target:
                    report.restored = same_base(source, path)
            elif kind.gain_map is not None:
                assert base is not None
                peak, again = renderer.tones.at(number, renderer.settings)[0].target_peak, options.overwrite
                levels = write_with_gain_map(
                    path, base, hdr_pq, kind.gain_map, peak_nits=peak, overwrite=again, sources=sources
                )
                if alpha is not None:
                    report.note("Alpha is left out: a picture with a gain map holds none.")
            elif kind.format == "heic":
                levels = write_heic(path, hdr_pq, kind, alpha=alpha, overwrite=options.overwrite, sources=sources)
            elif kind.format == "avif":
                again = options.overwrite
                levels = write_avif(path, hdr_pq, as_hlg=kind.is_hlg, overwrite=again, sources=sources)
                if alpha is not None:
                    report.note("Alpha is left out: avif holds none here.")
            else:
                inside = shares if path == report.target and in_the_picture(job.matte) else None
                levels = write_picture(path, hdr_pq, kind, options, alpha=alpha, shares=inside, sources=sources)
            if path == report.target:
                report.add_levels(levels)
        if shares is not None and job.matte is not None:
            sums.add(shares)
            report.confidence = sums.shares
            if to is not None:
                to.write(shares, number, 0)
    report.frames = 1
