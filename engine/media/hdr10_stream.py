"""An HEVC encoder for HDR10 and the container stream that carries its packets and static metadata.

A muxer writes a stream's mastering display and light levels only when the stream was opened from a file that has
them, so a header without pictures is made in memory and given as the template. The light levels in it are
placeholders: they are measured while the frames go by and put in afterwards.
"""

import io
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING

from engine.media import isobmff
from engine.media.hevc_light_sei import content_light_nal, short_content_light_nal
from engine.media.mastering import ContentLight, DisplayCodes, MasteringDisplay

if TYPE_CHECKING:
    import av
    import av.container

PLACEHOLDER = ContentLight(max_cll=65535, max_fall=65535)
PLACEHOLDER_NAL = content_light_nal(PLACEHOLDER.max_cll, PLACEHOLDER.max_fall)
_X265_NAL = short_content_light_nal(PLACEHOLDER.max_cll, PLACEHOLDER.max_fall)
_CTU = 64  # x265's largest coding unit
_BT2020, _PQ, _BT2020_NC, _LIMITED = 9, 16, 9, 1  # H.273 Tables 2 to 4; AVCOL_RANGE_MPEG


@dataclass(frozen=True, kw_only=True)
class Hdr10Encoding:
    """What x265 is asked for. ``width`` and ``height`` are even; ``preset`` and ``crf`` are x265's."""

    width: int
    height: int
    time_base: Fraction
    frame_rate: Fraction
    sample_aspect_ratio: Fraction
    display: MasteringDisplay
    preset: str
    crf: float
    lossless: bool

    def _x265_params(self) -> str:
        params = {
            "hdr10": 1,
            "hdr10-opt": 1,
            "chromaloc": 2,  # co-sited top-left, BT.2100-2 Table 6
            "master-display": DisplayCodes(self.display).x265(),
            "max-cll": f"{PLACEHOLDER.max_cll},{PLACEHOLDER.max_fall}",
            "repeat-headers": 0,  # hvc1 carries them in the sample entry
            "info": 0,
            "log-level": "error",
        }
        if self.lossless:
            params["lossless"] = 1
        if self.width < _CTU:  # adaptive quantisation then writes beyond its arrays (x265 4.1, seen at 48x32)
            params |= {"aq-mode": 0, "cutree": 0}
        return ":".join(f"{key}={value}" for key, value in params.items())

    def open(self) -> tuple["av.VideoCodecContext", "av.container.InputContainer"]:
        """The open encoder, and a container whose only stream is the template for the output stream.

        Raises av.FFmpegError when x265 refuses the settings.
        """
        import av

        header = io.BytesIO()
        with av.open(header, "w", format="mp4", options={"movflags": "empty_moov"}) as container:
            options = {"preset": self.preset, "crf": str(self.crf), "x265-params": self._x265_params()}
            stream = container.add_stream("libx265", rate=self.frame_rate, options=options)
            encoder = stream.codec_context
            encoder.width, encoder.height, encoder.pix_fmt = self.width, self.height, "yuv420p10le"
            encoder.time_base = self.time_base
            encoder.sample_aspect_ratio = self.sample_aspect_ratio
            encoder.color_primaries, encoder.color_trc = _BT2020, _PQ
            encoder.colorspace, encoder.color_range = _BT2020_NC, _LIMITED
            encoder.codec_tag = "hvc1"
            container.start_encoding()
        header = io.BytesIO(_with_metadata(header.getvalue(), self.display))
        return encoder, av.open(header, "r", format="mp4")

    def add_stream(
        self,
        container: "av.container.OutputContainer",
        encoder: "av.VideoCodecContext",
        template: "av.container.InputContainer",
    ) -> "av.VideoStream":
        """The stream of ``container`` that takes the encoder's packets."""
        stream = container.add_stream_from_template(template.streams.video[0], opaque=True)
        stream.time_base = self.time_base
        context = stream.codec_context
        context.framerate = self.frame_rate
        context.sample_aspect_ratio = self.sample_aspect_ratio
        context.extradata = _with_room(encoder.extradata)
        if container.format.name != "matroska":
            context.codec_tag = "hvc1"  # parameter sets out of band, ISO/IEC 14496-15 8.4.1
        return stream


def with_room(packet: "av.Packet") -> "av.Packet":
    """A key frame's packet with the light level SEI that x265 put in front of it brought to its fixed size."""
    import av

    roomy = av.Packet(_with_room(bytes(packet)))
    roomy.pts, roomy.dts, roomy.duration = packet.pts, packet.dts, packet.duration
    roomy.time_base, roomy.is_keyframe = packet.time_base, True
    return roomy


def _with_room(annex_b: bytes | None) -> bytes:
    if annex_b is None or _X265_NAL not in annex_b:
        raise ValueError("x265 wrote no content light level SEI where one belongs.")
    return annex_b.replace(_X265_NAL, PLACEHOLDER_NAL, 1)


def _with_metadata(header: bytes, display: MasteringDisplay) -> bytes:
    """An MP4 header with ``mdcv`` and ``clli`` boxes in its video sample entry (ISO/IEC 14496-12 12.1.5 and 12.1.6)."""
    light = PLACEHOLDER.max_cll.to_bytes(2, "big") + PLACEHOLDER.max_fall.to_bytes(2, "big")
    boxes = isobmff.box(b"mdcv", DisplayCodes(display).pack("gbr")) + isobmff.box(b"clli", light)
    return isobmff.append(header, isobmff.find(io.BytesIO(header), isobmff.VIDEO_ENTRY), boxes)
