"""What every video encoding has in common: an encoder, the stream that takes its packets, codes and back.

A muxer writes a stream's mastering display and light levels only when the stream was opened from a file that has
them, so a header without pictures is made in memory and given as the template. The light levels in it are
placeholders: they are measured while the frames go by and put in afterwards.
"""

import io
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np

from lumaflux.errors import UserError
from lumaflux.media.metadata.light_levels import LightLevels
from lumaflux.media.metadata.mastering import ContentLight, DisplayCodes, MasteringDisplay
from lumaflux.media.video import isobmff
from lumaflux.media.video.light_patch import PLACEHOLDER, patch_container

if TYPE_CHECKING:
    import av
    import av.container

BT2020, PQ, HLG, BT2020_NC, LIMITED = 9, 16, 18, 9, 1  # H.273 Tables 2 to 4; AVCOL_RANGE_MPEG


@dataclass(frozen=True, kw_only=True)
class Encoding(ABC):
    """One codec asked for one size. ``width`` and ``height`` are whole multiples of the codec's ``grain``.

    ``display`` None leaves the static metadata out, ``boxes`` stand beside it in the sample entry; codecs that have
    them, have ``crf`` and ``preset`` as fields.
    """

    width: int
    height: int
    time_base: Fraction
    frame_rate: Fraction
    sample_aspect_ratio: Fraction
    display: MasteringDisplay | None
    boxes: bytes = b""

    codec: ClassVar[str]
    label: ClassVar[str]
    pixel_format: ClassVar[str]
    entry: ClassVar[bytes]  # its sample entry in MP4 and QuickTime files
    containers: ClassVar[dict[str, str]]  # by suffix
    header: ClassVar[str] = "mp4"
    primaries: ClassVar[int] = BT2020
    transfer: ClassVar[int] = PQ
    matrix: ClassVar[int] = BT2020_NC
    grain: ClassVar[tuple[int, int]] = (1, 1)
    smallest: ClassVar[int] = 1
    reordering: ClassVar[int] = 0  # frames by which decoding is delayed
    keeps_alpha: ClassVar[bool] = False
    carries_captions: ClassVar[bool] = False
    takes_codes: ClassVar[bool] = False  # its planes are those of lumaflux.color.yuv420p10, in PQ
    tagged: ClassVar[bool] = False  # its sample entry's name stands in every container
    rates: ClassVar[tuple[float, float] | None] = None  # its constant rate factor, from the finest
    presets: ClassVar[tuple[str, ...]] = ()  # what it calls its speeds

    def rated(self, crf: float | None, preset: str | None) -> Self:
        """With this constant rate factor and this speed. Raises UserError where the codec has none such."""
        changes: dict[str, Any] = {}
        if crf is not None:
            if self.rates is None:
                raise UserError(f"{self.label} has no constant rate factor; leave --crf out")
            low, high = self.rates
            if not low <= crf <= high:
                raise UserError(f"--crf is {crf:g}; {self.label} has {low:g} (finest) to {high:g}")
            changes["crf"] = crf
        if preset is not None:
            if preset not in self.presets:
                known = f"has {', '.join(self.presets)}" if self.presets else "has none; leave it out"
                raise UserError(f"--encoder-preset is '{preset}'; {self.label} {known}")
            changes["preset"] = preset
        return replace(self, **changes)

    def options(self) -> dict[str, str]:
        """The encoder's own."""
        return {}

    @abstractmethod
    def planes(self, hdr_pq: np.ndarray, alpha: np.ndarray | None) -> Sequence[np.ndarray]:
        """The codes of a frame [3,H,W] in PQ BT.2020, a plane each, as the pixel format orders them."""
        ...

    def packed(self, planes: Sequence[np.ndarray]) -> Sequence[np.ndarray]:
        """The codes as the pixel format lays them out, where its planes are others than those of ``planes``."""
        return planes

    @abstractmethod
    def shown_pq(self, planes: Sequence[np.ndarray]) -> np.ndarray:
        """What a display makes of the codes: PQ R'G'B' float32 [3,H,W]."""
        ...

    def packet(self, packet: "av.Packet") -> "av.Packet":
        """A key frame's packet, ready for a later patch of its light levels."""
        return packet

    def with_light(self, packet: "av.Packet", light: LightLevels, number: int) -> "av.Packet":
        """The packet of the frame of that number, as written, with its light, where the encoding has a place for it."""
        return packet

    def with_captions(self, packet: "av.Packet", message: bytes) -> "av.Packet":
        """A frame's packet with a registered T.35 message, where ``carries_captions``."""
        return packet

    def extradata(self, encoder: "av.VideoCodecContext") -> bytes | None:
        """What the container keeps of the encoder's headers."""
        return encoder.extradata

    def patch(self, path: Path, container: str, light: ContentLight) -> None:
        """Put the measured light levels into the finished file."""
        if self.display is not None:
            patch_container(path, container, self.entry, light)

    @property
    def targeted_nits(self) -> int:
        """The display that every shot has a curve for, which leads to its SDR grade; 0: none has."""
        return 0

    def patch_shots(self, path: Path, shots: Sequence[tuple[int, int, bytes]]) -> None:
        """Put the message of every shot (first frame, last frame, message) into the finished file, where
        ``targeted_nits``."""
        assert not self.targeted_nits, f"{self.label} has no place for a curve"

    def open(self) -> tuple["av.VideoCodecContext", "av.container.InputContainer"]:
        """The open encoder, and a container whose only stream is the template for the output stream.

        Raises av.FFmpegError when the encoder refuses the settings.
        """
        import av

        header = io.BytesIO()
        options = {"movflags": "empty_moov"}
        with av.open(header, "w", format=self.header, options=options) as container:
            stream: Any = container.add_stream(self.codec, rate=self.frame_rate, options=self.options())
            encoder = stream.codec_context
            encoder.width, encoder.height, encoder.pix_fmt = self.width, self.height, self.pixel_format
            encoder.time_base = self.time_base
            encoder.sample_aspect_ratio = self.sample_aspect_ratio
            encoder.color_primaries, encoder.color_trc = self.primaries, self.transfer
            encoder.colorspace, encoder.color_range = self.matrix, LIMITED
            if self.entry == b"hvc1":
                encoder.codec_tag = "hvc1"
            container.start_encoding()
        template = header.getvalue()
        boxes = self.boxes if self.display is None else _metadata_boxes(self.display) + self.boxes
        if boxes:
            place = isobmff.find(io.BytesIO(template), isobmff.video_entry(self.entry))
            template = isobmff.append(template, place, boxes)
        return encoder, av.open(io.BytesIO(template), "r", format="mp4")

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
        extradata = self.extradata(encoder)
        if extradata is not None:
            context.extradata = extradata
        if self.tagged or container.format.name != "matroska":
            context.codec_tag = self.entry.decode()  # hvc1: parameter sets out of band, ISO/IEC 14496-15 8.4.1
        return stream


def _metadata_boxes(display: MasteringDisplay) -> bytes:
    """``mdcv`` and ``clli`` boxes for a video sample entry (ISO/IEC 14496-12 12.1.5 and 12.1.6)."""
    light = PLACEHOLDER.max_cll.to_bytes(2, "big") + PLACEHOLDER.max_fall.to_bytes(2, "big")
    return isobmff.box(b"mdcv", DisplayCodes(display).pack("gbr")) + isobmff.box(b"clli", light)


def video_frame(encoding: Encoding, planes: Sequence[np.ndarray], pts: int, duration: int | None) -> Any:
    """An ``av.VideoFrame`` of codes of 8 or 16 bits, as the planes have them."""
    import av

    frame = av.VideoFrame(encoding.width, encoding.height, encoding.pixel_format)
    plane: Any
    for plane, codes in zip(frame.planes, encoding.packed(planes), strict=True):
        rows = np.frombuffer(plane, codes.dtype).reshape(plane.height, -1)
        rows[:, : codes.shape[1]] = codes
    frame.color_primaries, frame.color_trc = encoding.primaries, encoding.transfer
    frame.colorspace, frame.color_range = encoding.matrix, LIMITED
    frame.pts, frame.time_base = pts, encoding.time_base
    if duration is not None:
        frame.duration = duration
    return frame
