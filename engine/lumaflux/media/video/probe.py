"""What a video file says of itself: container, tags, and its first frame, decoded."""

import itertools
import os
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from lumaflux.errors import UserError
from lumaflux.media.metadata import coding_points
from lumaflux.media.metadata.mastering import FrameSideData
from lumaflux.media.metadata.media_info import AudioInfo, ColourTags, MediaInfo, Tag
from lumaflux.media.metadata.origin import camera_of_video
from lumaflux.media.stills import orientation
from lumaflux.media.video.beside import crop_of
from lumaflux.media.video.clock import by_decoding, first_stamp
from lumaflux.media.video.edit_list import plays_nothing
from lumaflux.media.video.encryption import encryption
from lumaflux.media.video.frame_planes import has_alpha_plane
from lumaflux.media.video.hdr_marks import hdr_mark
from lumaflux.media.video.source import open_container, video_stream

if TYPE_CHECKING:
    import av

_TIMED_PACKETS = 240  # enough to see a changing frame rate
_TIMED_BYTES = 32 << 20


@dataclass(frozen=True, kw_only=True)
class Begun:
    """The packets that describing a video has read, unchanged, and ``rest``, which gives those that follow."""

    packets: list[Any]
    rest: Iterator[Any]


def probe_video(path: str | os.PathLike) -> MediaInfo:
    """Describe the first video stream of ``path``; see :func:`lumaflux.media.metadata.info.probe`."""
    with open_container(path) as container:
        return describe_video(container, video_stream(container, path), path)[0]


def describe_video(
    container: Any, stream: Any, path: str | os.PathLike, packets: Iterator[Any] | None = None
) -> tuple[MediaInfo, Begun]:
    """The same of a container that was just opened, which can be read on; its decoder must be flushed before.
    ``packets``: those of ``stream``, where another demuxes them."""
    if how := encryption(path, container.format.name, stream.id):
        raise UserError(f"{path} is encrypted ({how}); decrypt it first, or export it anew without protection.")
    reorders = bool(stream.codec_context.has_b_frames)
    stated = ContainerTags.of(stream)
    frame, stamps, begun = _opened(container, stream, path, packets)
    turned = orientation.of_frame(frame)
    crop = crop_of(path, container.format.name, frame.width, frame.height)
    width, height = turned.size(*crop.size(frame.width, frame.height))
    colour = colour_tags(frame, stated)
    beyond = orientation.odd_degrees(frame)
    side_data = FrameSideData.of(frame)
    aspect = stream.sample_aspect_ratio or Fraction(1)
    info = MediaInfo(
        path=os.fspath(path),
        kind="video",
        container=container.format.name,
        codec=_codec_name(stream),
        width=width,
        height=height,
        bit_depth=max(component.bits for component in frame.format.components),
        pixel_format=frame.format.name,
        range=colour.range,
        matrix=colour.matrix,
        primaries=colour.primaries,
        transfer=colour.transfer,
        frame_rate=stream.average_rate or stream.guessed_rate,
        variable_frame_rate=_varies([pts for pts, _ in stamps if pts is not None]),
        time_base=stream.time_base,
        duration=_seconds(container, stream),
        frame_count=stream.frames or None,
        sample_aspect_ratio=1 / aspect if turned.transpose else aspect,
        interlaced=frame.interlaced_frame,
        orientation=turned,
        mastering_display=side_data.display,
        content_light=side_data.light,
        audio=tuple(_audio(s) for s in container.streams.audio),
        alpha=(alpha := has_alpha_plane(frame)),
        coded_size=(frame.width, frame.height),
        hdr=hdr_mark(path, container.format.name, frame, colour.transfer),
        times_of_decoding=(decoding := by_decoding(container.format.name, stamps, reorders)),
        first_stamp=first_stamp(container, stream, [(dts, dts) for _, dts in stamps] if decoding else stamps),
        camera=camera_of_video(container.metadata, stream.metadata),
        stereo=side_data.stereo,
        sphere=side_data.sphere,
        dropped=(
            *(["alpha"] if not alpha and any(c.is_alpha for c in frame.format.components) else []),
            *([f"turn by {beyond} degrees beyond quarter circles"] if beyond else []),
        ),
    )
    return info, begun


def _opened(
    container: Any, stream: Any, path: str | os.PathLike, packets: Iterator[Any] | None
) -> tuple["av.VideoFrame", list[tuple[int | None, int | None]], Begun]:
    """What ``_first_frame`` gives; raises UserError where there is no frame."""
    from av.error import FFmpegError

    try:
        frame, stamps, begun = _first_frame(container.demux(stream) if packets is None else packets)
    except FFmpegError as error:
        raise UserError(f"{path} cannot be decoded ({stream.name}); it is truncated or damaged.") from error
    if frame is None and plays_nothing(path, container.format.name, stream.id):
        raise UserError(f"{path} plays none of its pictures by its edit list, whose parts last 0 s; export it anew.")
    if frame is None:
        raise UserError(f"{path} holds a video stream without a single frame; it is truncated or damaged.")
    return frame, stamps, begun


def _first_frame(
    packets: Iterator[Any],
) -> tuple["av.VideoFrame | None", list[tuple[int | None, int | None]], Begun]:
    """The first decoded frame, pts and dts of the first packets, and the packets themselves."""
    frame, stamps, size = None, [], 0
    begun = Begun(packets=[], rest=packets)
    for packet in begun.rest:
        begun.packets.append(packet)
        if packet.size:
            stamps.append((packet.pts, packet.dts))
        size += packet.size
        if frame is None:
            frame = next(iter(packet.decode()), None)
        if frame is not None and (len(stamps) >= _TIMED_PACKETS or size > _TIMED_BYTES):
            break
    return frame, stamps, begun


def _varies(times: list[int]) -> bool | None:
    """Whether the steps between frames differ by more than the rounding of the time base."""
    times = sorted(times)[:-8] if len(times) >= _TIMED_PACKETS else sorted(times)  # reordering may lack the last few
    if len(times) < 3:
        return None
    steps = [b - a for a, b in itertools.pairwise(times)]
    return max(steps) - min(steps) > 1


def _codec_name(stream: Any) -> str:
    return stream.codec_context.codec.canonical_name


def _seconds(container: Any, stream: Any) -> float | None:
    if stream.duration:
        return float(stream.duration * stream.time_base)
    return container.duration / 1e6 if container.duration else None


def _audio(stream: Any) -> AudioInfo:
    context = stream.codec_context
    if context is None:
        return AudioInfo(index=stream.index, codec="unknown", rate=0, layout="", language=stream.language)
    return AudioInfo(
        index=stream.index,
        codec=context.codec.canonical_name,
        rate=context.sample_rate or 0,
        layout=context.layout.name,
        language=stream.language,
    )


@dataclass(frozen=True)
class ContainerTags:
    """H.273 codes that the container states beside the stream (``colr``, Matroska's Colour); 2 says nothing."""

    range: int = 0
    matrix: int = 2
    primaries: int = 2
    transfer: int = 2

    @classmethod
    def of(cls, stream: Any) -> "ContainerTags":
        """Of a stream none of whose frames has been decoded: decoders put their own in place."""
        context = stream.codec_context
        return cls(context.color_range, context.colorspace, context.color_primaries, context.color_trc)


def colour_tags(frame: "av.VideoFrame", container: ContainerTags | None = None) -> ColourTags:
    """Range, matrix, primaries and transfer of a decoded frame; what it does not say the container may.

    Untagged: RGB and grey are full range, as FFmpeg takes them, Y'CbCr limited; the matrix is BT.709 from 720 lines or
    1280 columns on and BT.601 below; primaries and transfer are BT.709 (a guess does not move colours). PQ and HLG
    stand wherever they are said.
    """
    container = container or ContainerTags()
    rgb = frame.format.is_rgb or frame.format.has_palette
    high_definition = max(frame.width, frame.height) >= 1280 or min(frame.width, frame.height) >= 720
    grey = sum(not component.is_alpha for component in frame.format.components) == 1
    full = rgb or grey or frame.format.name.startswith("yuvj")
    matrix = _tag(coding_points.MATRIX, "bt709" if high_definition else "smpte170m", frame.colorspace, container.matrix)
    if rgb != (matrix.value == "rgb"):  # the layout is the stronger word
        matrix = Tag(value="rgb" if rgb else "bt709" if high_definition else "smpte170m", source="guessed")
    transfer = _tag(coding_points.TRANSFER, "bt709", frame.color_trc, container.transfer)
    if (other := coding_points.TRANSFER.get(container.transfer)) in coding_points.HDR_TRANSFERS:
        transfer = Tag(value=other, source="tagged")
    return ColourTags(
        range=_tag(coding_points.RANGE, "full" if full else "limited", frame.color_range, container.range),
        matrix=matrix,
        primaries=_tag(coding_points.PRIMARIES, "bt709", frame.color_primaries, container.primaries),
        transfer=transfer,
    )


def _tag(names: dict[int, str], assumed: str, *codes: int) -> Tag:
    """By the first of ``codes`` that says something; one that no table has is named by its number."""
    for code in codes:
        if code in names:
            return Tag(value=names[code], source="tagged")
        if code not in coding_points.UNTOLD:
            return Tag(value=f"unknown (code {code})", source="tagged")
    return Tag(value=assumed, source="guessed")
