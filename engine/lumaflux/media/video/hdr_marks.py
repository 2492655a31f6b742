"""What makes a video HDR although no transfer tag says so: Dolby Vision records, and metadata of HDR masters."""

import itertools
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from lumaflux.media.metadata.mastering import FrameSideData
from lumaflux.media.metadata.media_info import Tag
from lumaflux.media.video import ebml, isobmff

_RECORDS = (b"dvcC", b"dvvC", b"dvwC")  # Dolby Vision Streams Within the ISO Base Media File Format 2.1.2, 3.1
_SDR_BASE = 2  # bl_signal_compatibility_id: the base layer is BT.709 SDR
_DOVI_DESCRIPTOR = 0xB0  # Dolby Vision Streams Within the MPEG-2 Transport Stream Format 1.2, 3.2
_DYNAMIC = {"DYNAMIC_HDR_PLUS": "HDR10+ metadata", "DYNAMIC_HDR_VIVID": "HDR Vivid metadata"}
_TS_HEAD = 1 << 20


@dataclass(frozen=True)
class DolbyVision:
    """Of a DOVIDecoderConfigurationRecord."""

    profile: int
    compatibility: int

    @property
    def name(self) -> str:
        suffix = f".{self.compatibility}" if self.compatibility else ""
        return f"Dolby Vision profile {self.profile}{suffix}"

    @property
    def is_sdr(self) -> bool:
        """Whether the pictures that decoders without Dolby Vision show are SDR."""
        return self.compatibility == _SDR_BASE


def hdr_mark(path: str | os.PathLike, container: str, frame: Any, transfer: Tag) -> str | None:
    """In words; None for SDR. ``frame``: the first decoded one; ``transfer``: its tag, or what is guessed for it."""
    record = dolby_vision(path, container)
    if record is not None and not record.is_sdr:
        return record.name
    kinds = {item.type.name for item in frame.side_data}
    if record is None and kinds & {"DOVI_METADATA", "DOVI_RPU_BUFFER"} and transfer.source == "guessed":
        return "Dolby Vision metadata in the stream"
    if transfer.source == "tagged":
        return None
    for kind, words in _DYNAMIC.items():
        if kind in kinds:
            return f"{words} without a transfer tag"
    side_data = FrameSideData.of(frame)
    if side_data.display is not None and side_data.display.max_nits > 100:
        return f"a mastering display of {side_data.display.max_nits:g} cd/m2 without a transfer tag"
    if side_data.light is not None and side_data.light.max_cll > 100:
        return f"MaxCLL {side_data.light.max_cll} cd/m2 without a transfer tag"
    return None


def dolby_vision(path: str | os.PathLike, container: str) -> DolbyVision | None:
    """The configuration record that a container holds for its pictures."""
    with Path(path).open("rb") as file:
        if container.startswith("mov"):
            return _record(_isobmff_record(file))
        if container.startswith("matroska"):
            return _record(_matroska_record(file))
        if container == "mpegts":
            return _transport_record(file.read(_TS_HEAD))
    return None


def _record(payload: bytes | None) -> DolbyVision | None:
    """Version (2 bytes), profile (7 bits), level (6), three flags, compatibility (4)."""
    if payload is None or len(payload) < 5:
        return None
    return DolbyVision(profile=payload[2] >> 1, compatibility=payload[4] >> 4)


def _isobmff_record(file: BinaryIO) -> bytes | None:
    for entry in isobmff.visual_entries(file):
        for box in isobmff.visual_children(file, entry):
            if box.kind in _RECORDS:
                file.seek(box.payload)
                return file.read(min(box.end - box.payload, 24))
    return None


def _matroska_record(file: BinaryIO) -> bytes | None:
    for mapping in ebml.track_elements(file, ebml.BLOCK_ADDITION_MAPPING):
        fields = {child.id: child for child in ebml.children(file, mapping)}
        kind, data = fields.get(ebml.BLOCK_ADD_ID_TYPE), fields.get(ebml.BLOCK_ADD_ID_EXTRA_DATA)
        if kind is not None and data is not None and ebml.read(file, kind).rjust(4, b"\0") in _RECORDS:
            return ebml.read(file, data)
    return None


def _transport_record(head: bytes) -> DolbyVision | None:
    """The descriptor of the program map; its sections start in packets with the unit start flag set."""
    for section in itertools.islice(_sections(head), 64):
        if section[0] != 0x02 or len(section) < 16:
            continue
        end = min(len(section), 3 + (int.from_bytes(section[1:3], "big") & 0xFFF)) - 4
        at = 12 + (int.from_bytes(section[10:12], "big") & 0xFFF)
        while at + 5 <= end:
            length = int.from_bytes(section[at + 3 : at + 5], "big") & 0xFFF
            inside, last = at + 5, min(at + 5 + length, end)
            while inside + 2 <= last:
                tag, size = section[inside], section[inside + 1]
                payload = section[inside + 2 : inside + 2 + size]
                if tag == _DOVI_DESCRIPTOR and len(payload) >= 5:
                    return _transport_descriptor(payload)
                inside += 2 + size
            at = last
    return None


def _transport_descriptor(payload: bytes) -> DolbyVision:
    """The record's bits, with a PID where there is no base layer of its own before the compatibility."""
    has_base = payload[3] & 1
    at = 4 if has_base else 6
    return DolbyVision(profile=payload[2] >> 1, compatibility=payload[at] >> 4 if len(payload) > at else 0)


def _sections(head: bytes):
    size = 188 if head[:1] == b"\x47" else 192
    for at in range(0 if size == 188 else 4, len(head) - 188, size):
        packet = head[at : at + 188]
        if packet[0] != 0x47 or not packet[1] & 0x40 or not packet[3] & 0x10:
            continue
        payload = packet[4:] if not packet[3] & 0x20 else packet[5 + packet[4] :]
        if payload and len(payload) > 1 + payload[0] and payload[1:4] != b"\0\0\1":
            section = payload[1 + payload[0] :]
            if len(section) > 12:
                yield section
