"""A job's tone track: a file that is given, or one that the first worker makes in the job's folder for all."""

from pathlib import Path

from lumaflux.errors import UserError
from lumaflux.farm.job import HIDDEN, JobFolder
from lumaflux.farm.job_spec import JobSpec
from lumaflux.file_lock import lock
from lumaflux.inference.weights import weights_identity
from lumaflux.options import NO_TRACK
from lumaflux.render.manifest import match_fact, track_fact
from lumaflux.render.source import Source, settings_for
from lumaflux.render.tones import ToneRequest, read_tones, tones_of
from lumaflux.torch_import import import_torch

TRACK, _LOCK = "tone-track.json", "tone-track.lock"


def track_of_job(spec: JobSpec, source: Source, folder: Path) -> Path | None:
    """``spec.track``: a file, "none" for a tone of its own for every frame, or None for one found here.

    Whoever comes while it is being made waits for it. Raises UserError for a track of another input.
    """
    if spec.track == NO_TRACK or spec.settings.strength == 0.0:
        return None
    if spec.track is not None and spec.match is None:
        if not _known(spec.track, folder):
            read_tones(Path(spec.track), source, weights_identity(spec))
        return Path(spec.track)
    path = folder / HIDDEN / TRACK
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with (path.parent / _LOCK).open("a") as file:
            lock(file.fileno(), wait=True)
            if not path.exists():
                _make(spec, source, path)
    except OSError as error:
        raise UserError(f"{folder} cannot be written: {error.strerror}; choose a directory you may write to.") from None
    _check_match(spec.match, path)
    return path


def _check_match(reference: Path | None, path: Path) -> None:
    """Raises UserError where the folder's track was led elsewhere."""
    wanted = None if reference is None else match_fact(reference)
    from lumaflux.inference.tone_track import read_track

    if read_track(path).match != wanted:
        led = "its own tones" if reference is None else reference
        raise UserError(f"{path} is of a job with another --match, not led to {led}; render into another folder")


def _known(track: str, folder: Path) -> bool:
    """Whether the folder's first worker compared this very track with the input, every byte of which that takes."""
    try:
        return JobFolder(folder).manifest().tone_track == track_fact(track)
    except UserError:
        return False


def _make(spec: JobSpec, source: Source, path: Path) -> None:
    import_torch()
    from lumaflux.inference.load import load_chosen
    from lumaflux.inference.tone_track import text_of
    from lumaflux.media.atomic_file import AtomicFile

    settings = settings_for(spec.settings, source.info, spec.source)[0]
    asked = ToneRequest(converter=load_chosen(spec), model=weights_identity(spec), settings=settings, options=spec)
    made = tones_of(source, asked, by_number=True)
    if made.track is None:
        raise UserError(f"{spec.source} has no frame that can be read; there is nothing to render")
    with AtomicFile(path, overwrite=True) as file:
        file.partial.write_text(text_of(made.track), "utf-8")
