"""Converts pictures: one, several, or one frame of a clip for a look."""

import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from lumaflux.errors import FrameError, UserError, refuse_bytes
from lumaflux.inference.weights import weights_identity
from lumaflux.render.frame_renderer import FrameRenderer, blended
from lumaflux.render.job import Job, Report, with_reports
from lumaflux.render.mask import Mask
from lumaflux.render.named_files import refuse_overwriting
from lumaflux.render.picture_outputs import Picture, PictureOutputs, picture_files
from lumaflux.render.recorder import Recorder
from lumaflux.render.request import Request
from lumaflux.render.source import Source, settings_for
from lumaflux.render.tones import ToneRequest, Tones, check_match, led_tone, tones_of

if TYPE_CHECKING:
    import numpy as np

    from lumaflux.inference.converter import Converter
    from lumaflux.media.stills.ocio_spaces import OcioSpaces

_NO_SPACE = {"ocio": None, "input_space": None, "output_space": None}  # of a picture that has its own


def convert_stills(pairs: dict[Path, Path], request: Request) -> list[Report]:
    """Converts pictures, one model load for all. Of several, a bad one does not stop the rest.

    Raises UserError for a single bad picture, FrameError naming the bad ones of several.
    """
    spaces, model = _input_spaces(request.job), _LoadedOnce(request, len(pairs))
    reports, failures = [], []
    for done, (source, target) in enumerate(pairs.items()):
        model.start = time.perf_counter()
        try:
            report = _convert_still(source, target, request, model, spaces)
        except UserError as error:
            if len(pairs) == 1:
                raise
            failures.append(str(error))
            continue
        except BaseException as ending:
            with_reports(ending, reports)
            raise
        report.seconds = time.perf_counter() - model.start
        reports.append(report)
        request.progress(done + 1, len(pairs))
    if failures:
        raise with_reports(
            FrameError(f"{len(failures)} of {len(pairs)} pictures were not converted: {'; '.join(failures)}"), reports
        )
    return reports


class _LoadedOnce:
    """The model of ``count`` pictures, loaded when the first of them was read. ``start``: of the work on a picture,
    which loading does not count to."""

    def __init__(self, request: Request, count: int):
        self._request, self._count = request, count
        self._converter: Converter | None = None
        self.start = 0.0

    def converter(self) -> "Converter":
        if self._converter is None:
            self._converter = self._request.load_converter()
            self._request.progress(0, self._count)
            self.start = time.perf_counter()
        return self._converter


def _convert_still(
    source: Path, target: Path, request: Request, model: _LoadedOnce, spaces: "OcioSpaces | None"
) -> Report:
    from lumaflux.media.stills.picture import read_still

    job = request.job
    report = Report(target=target, source=source)
    refuse_bytes(str(source))
    refuse_overwriting([source], target, job)
    with report.stage("decode"):
        files = picture_files(target, request.settings, job, report)
        recorder = None if job.certificate is None else Recorder(source, target, job)
        still = read_still(source, allow_hdr=job.force_sdr, raw=job.raw, layer=job.layer, transfer=job.input_transfer)
        look, told_by = settings_for(request.settings, still.info, source)
        check_match(job, look)
    converter = model.converter()
    left_out = (f"{source}'s {dropped} is left out{_instead(dropped)}." for dropped in still.info.dropped)
    for note in (*told_by, *still.notes, *left_out):
        report.note(note)
    sdr, alpha = still.into_bt1886(), still.alpha
    del still  # whatever is kept of a large picture is kept while it is rendered
    sdr = sdr if spaces is None else spaces.sdr(sdr)
    mask = None if job.mask is None else Mask(job.mask, (sdr.shape[2], sdr.shape[1]))
    asked = ToneRequest(converter=converter, model=weights_identity(job), settings=look, options=job)
    tones = led_tone(sdr, source, asked)
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
    outputs = PictureOutputs(files=files, source=source, job=job, report=report, recorder=recorder)
    made = _render(renderer, 0, sdr, alpha, outputs)
    del sdr, alpha
    outputs.write(made)
    if recorder is not None:
        recorder.write(report, look)
    return report


def convert_preview(source: Source, target: Path, request: Request) -> Report:
    """One frame of a clip or a sequence becomes a picture."""
    job, progress = request.job, request.progress
    report = Report(target=target, source=source.path)
    files = picture_files(target, request.settings, job, report)
    beside = target.with_name(f"{target.stem}.sdr.png")
    if report.delivery not in ("sdr-png", "ultra-hdr") and str(beside) not in report.also:
        own = replace(job, deliver="sdr-png", also=(), **_NO_SPACE)
        files += picture_files(beside, request.settings, own, Report(target=beside))
        report.also[str(beside)] = "sdr-png"
    with source.open(None if source.pattern is None else [job.preview or 0]) as reader:
        settings, told_by = settings_for(request.settings, reader.info, source.path)
        frame = next((f for f in reader.frames(lambda number: number == job.preview)), None)
    for note in told_by:
        report.note(note)
    if frame is None:
        raise UserError(f"{source.path} has no frame {job.preview}; a clip's frames count from 0")
    converter = request.load_converter()
    progress(0, 1)
    start = time.perf_counter()
    alone = source.path if source.path.is_file() else None
    own = job.track is None and job.match is None
    asked = ToneRequest(converter=converter, model=weights_identity(job), settings=settings, options=job)
    tones = Tones() if own else tones_of(source, asked)
    for note in tones.notes:
        report.note(note)
    if own:
        report.note("The preview has a tone of its own; name a tone track (--track) to see it as it will be.")
    mask = None if job.mask is None else Mask(job.mask, (frame.sdr.shape[2], frame.sdr.shape[1]), source)
    plain = FrameRenderer(
        converter=converter, settings=settings, tones=tones, mask=mask, wants_matte=job.matte is not None
    )
    outputs = PictureOutputs(files=files, source=alone, job=job, report=report)
    with blended(plain, source, job.motion_blending) as renderer:
        outputs.write(_render(renderer, frame.number, frame.sdr, frame.alpha, outputs))
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


def _render(
    renderer: FrameRenderer, number: int, sdr: "np.ndarray", alpha: "np.ndarray | None", outputs: PictureOutputs
) -> Picture:
    mattes: list[np.ndarray] = []
    hdr_pq, timings = renderer.render(number, sdr, on_matte=mattes.append if renderer.gives_matte(number) else None)
    outputs.report.add_stages(timings)
    return Picture(
        number=number,
        hdr_pq=hdr_pq,
        shares=mattes[0] if mattes else None,
        base=sdr if outputs.hold_base else None,
        alpha=alpha,
        peak_nits=renderer.tones.at(number, renderer.settings)[0].target_peak,
    )
