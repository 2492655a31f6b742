"""What a job knows of the videos that its frames were encoded into: what of the frames each of them shows."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pydantic

from lumaflux.digests import sha256
from lumaflux.errors import MismatchError, UserError
from lumaflux.farm.job import JobFolder, write_small
from lumaflux.media.stills.frame_numbers import frame_list
from lumaflux.render.encoded import compared, luma_of, too_far

_FOLDER = "encoded"


class Encoded(pydantic.BaseModel):
    """``kept``: by a frame's place in the video, PSNR of its luma in dB (lumaflux.render.encoded)."""

    model_config = pydantic.ConfigDict(extra="forbid")
    video: str
    sha256: str
    kept: dict[int, float]


def write_encoded(job: JobFolder, made: Encoded) -> None:
    """Replaces what was known of a video of that name."""
    write_small(_path(job, made.video), made.model_dump_json(indent=1))


def _path(job: JobFolder, video: str) -> Path:
    return job.hidden / _FOLDER / f"{video}.json"


def check_video(job: JobFolder, video: Path, numbers: list[int], read: Callable[[Path], np.ndarray]) -> float | None:
    """Decodes the frames of a video that the job's ``numbers`` became, and compares them with those, which ``read``
    reads; the least PSNR in dB, None for SDR.

    Raises UserError for a video that the job does not know or that was changed since, MismatchError for one that does
    not show the frames.
    """
    try:
        known = Encoded.model_validate_json(_path(job, video.name).read_bytes())
    except (OSError, pydantic.ValidationError):
        raise UserError(
            f"{job.folder} has encoded no video of the name {video.name}; name one of `lumaflux farm encode`"
        ) from None
    try:
        found = sha256(video)
    except OSError as error:
        raise UserError(f"{video} cannot be read ({error.strerror}); name the video as it is now") from None
    if found != known.sha256:
        raise UserError(f"{video} is another file than the job encoded, or was changed: its SHA-256 differs")
    if not known.kept:
        return None
    places = {number: place for place, number in enumerate(frame_list(job.manifest().frames))}
    shown = compared(video, {places[number]: luma_of(read(job.picture(number))) for number in numbers})
    if far := too_far(shown, known.kept):
        place, least = next(iter(far.items()))
        number = next(number for number in numbers if places[number] == place)
        raise MismatchError(
            f"{video} does not show frame {number} of the job: {shown[place]:.1f} dB, where its record asks for "
            f"{least:.1f}; it was encoded again or replaced"
        )
    return min(shown.values())
