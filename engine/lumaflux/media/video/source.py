"""Opens video files for reading: a list of containers, local files only, one sentence for what is no video."""

import os
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lumaflux.errors import UserError, refuse_bytes

if TYPE_CHECKING:
    import av.container

# Containers by libavformat's names. Playlists, text (which it would play as ANSI art) and picture sequences are left
# out: the first reach other files, the others are no video.
_CONTAINERS = (
    "mov,mp4,m4a,3gp,3g2,mj2",
    "matroska,webm",
    "avi",
    "mpegts",
    "mpeg",
    "mpegvideo",
    "mxf",
    "flv",
    "asf",
    "ogg",
    "gif",
    "nut",
    "ivf",
    "obu",
    "av1",
    "h264",
    "hevc",
    "m4v",
    "dv",
    "yuv4mpegpipe",
    "wav",
    "mp3",
    "aac",
    "flac",
)


def check_file(path: str | os.PathLike) -> Path:
    """``path`` as a Path; raises UserError unless it is a file with something in it that may be read."""
    path = Path(path)
    refuse_bytes(str(path))
    if path.is_dir():
        raise UserError(f"{path} is a directory; name one video or picture file.")
    if not path.exists():
        raise UserError(f"{path} does not exist; check the name.")
    if not path.is_file():  # a pipe without a writer would be waited for, for ever
        raise UserError(f"{path} is a pipe or a device, and files are read several times; give - for standard input.")
    try:
        with path.open("rb") as file:
            first = file.read(1)
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror}; check its permissions.") from error
    if not first:
        raise UserError(f"{path} is empty; it was perhaps not copied to its end.")
    return path


def open_container(path: str | os.PathLike) -> "av.container.InputContainer":
    """Open ``path`` for demuxing; close it after use.

    Raises UserError when the file is missing, empty, a directory, damaged, or of a kind that is not read.
    """
    import av
    from av.error import FFmpegError

    path = check_file(path)
    _name_all_side_data()
    options = {"format_whitelist": ",".join(_CONTAINERS), "protocol_whitelist": "file"}
    try:
        return av.open(f"file:{path}", container_options=options, metadata_errors="replace")
    except (FFmpegError, ValueError) as error:
        raise UserError(
            f"{path} is no video or picture that can be read; it is truncated, damaged or of an unknown kind."
        ) from error


@cache
def _name_all_side_data() -> None:
    """PyAV knows the kinds of a frame's side data up to a version of libavutil. Of a frame with a newer one, as motion
    JPEG of cameras has (Exif), it gives none, not even orientation and HDR marks; so every kind gets a name.
    """
    from av.sidedata.sidedata import Type

    def unnamed(kind: Any, value: int) -> Any:
        member = object.__new__(kind)
        member._name_, member._value_ = f"UNKNOWN_{value}", value
        return member

    Type._missing_ = classmethod(unnamed)  # pyright: ignore[reportAttributeAccessIssue]


def video_stream(container: "av.container.InputContainer", path: str | os.PathLike) -> "av.VideoStream":
    """The first stream of moving pictures (cover art does not count); raises UserError where there is none."""
    import av.stream

    for stream in container.streams.video:
        if stream.disposition & av.stream.Disposition.attached_pic:
            continue
        if stream.codec_context is None:
            raise UserError(f"{path} has video in a codec that cannot be decoded here; re-encode it, to H.264 say.")
        return stream
    raise UserError(f"{path} holds no video; name a video or picture file.")
