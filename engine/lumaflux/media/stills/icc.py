"""ICC profiles by what they say, whatever their names: pictures brought to sRGB, HDR ones told.

Profiles of a matrix and curves go through OpenColorIO in float; those of tables, of grey, CMYK and Lab through
littlecms (Pillow's ImageCms), which takes 8 bits a channel.
"""

import io
import re
import struct
from dataclasses import dataclass
from functools import cached_property
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from lumaflux.color import hlg, pq, srgb
from lumaflux.color.primaries import BT709, D65, Primaries, rgb_to_xyz
from lumaflux.errors import UserError
from lumaflux.media.metadata import coding_points

_HDR_NAMES = re.compile(
    r"(?<![a-z])(pq|hlg|(smpte[ ._-]?)?st[ ._-]?2084|smpte[ ._-]?2084|(bt|rec|itu-?r)[ ._-]*2100)(?![a-z])",
    re.IGNORECASE,
)
_TABLES = {b"A2B0", b"A2B1", b"A2B2", b"D2B0", b"D2B1"}
_CURVES = (b"rTRC", b"gTRC", b"bTRC")
_NO_ENTRIES = b"curv" + bytes(8)
_POWER_OF_1 = b"curv" + bytes(4) + struct.pack(">IH", 1, 256)
_SAME = 0.6 / 255  # between sRGB signals: a profile that close is sRGB's own, as files round it
_LIKE = 0.15  # of the light: no power of the signal comes as near to PQ or HLG at all of the greys
_GRID = 17
D50_TO_D65 = np.array(  # ICC.1:2022 Annex E, inverted: from the connection space's D50 to D65
    [[0.9555766, -0.0230393, 0.0631636], [-0.0282895, 1.0099416, 0.0210077], [0.0122982, -0.0204830, 1.3299098]]
)


@dataclass(frozen=True)
class IccProfile:
    """A profile's bytes, ``data``. Its properties raise UserError (``where`` names the file) where they are damaged."""

    data: bytes
    where: str

    @cached_property
    def _parsed(self) -> Any:
        from PIL import ImageCms

        try:
            return ImageCms.ImageCmsProfile(io.BytesIO(self.data))
        except (OSError, ImageCms.PyCMSError, ValueError) as error:
            raise UserError(
                f"{self.where} has a color profile that cannot be read ({error}); remove or mend it."
            ) from None

    @property
    def name(self) -> str:
        try:
            said = self._parsed.profile.profile_description or ""
        except ValueError:  # letters beyond ASCII in a profile of version 2, which has no others
            said = self._old_name
        return said.strip() or "unnamed"

    @property
    def _old_name(self) -> str:
        """Of a textDescriptionType (ICC.1:2001-04 6.5.17), in the letters that its writers meant."""
        offset, size = self._tags.get(b"desc", (0, 0))
        text = self.data[offset : offset + size]
        if text[:4] != b"desc" or size < 12:
            return ""
        return text[12 : 12 + int.from_bytes(text[8:12], "big")].split(b"\0")[0].decode("latin-1")

    @property
    def space(self) -> str:
        """``RGB``, ``GRAY``, ``CMYK``, ``Lab`` ..."""
        return self.data[16:20].decode("latin-1").strip()

    @cached_property
    def _tags(self) -> dict[bytes, tuple[int, int]]:
        try:
            (count,) = struct.unpack_from(">I", self.data, 128)
            rows = (struct.unpack_from(">4sII", self.data, 132 + 12 * row) for row in range(min(count, 200)))
            found = {kind: (offset, size) for kind, offset, size in rows}
        except struct.error:
            found = {}
        if not found or any(offset + size > len(self.data) for offset, size in found.values()):
            raise UserError(f"{self.where} has a color profile that is cut off; remove or mend it.")
        return found

    @property
    def hdr(self) -> str | None:
        """What it says of HDR: by its ``cicp`` tag (ICC.1:2022 9.2.17), or else by its name."""
        if b"cicp" in self._tags:
            offset, _ = self._tags[b"cicp"]
            transfer = coding_points.TRANSFER.get(self.data[offset + 9] if len(self.data) > offset + 9 else 2)
            return f"{transfer.upper()} by its ICC profile" if transfer in coding_points.HDR_TRANSFERS else None
        if self.names_hdr(self.name):
            return f"ICC profile {self.name!r}"
        return f"the {curve} curve of its ICC profile {self.name!r}" if (curve := self._hdr_curve) else None

    @property
    def _hdr_curve(self) -> str | None:
        """``PQ`` or ``HLG`` where a matrix profile's curve is that, whatever it is called."""
        if not self.is_matrix:
            return None
        greys = np.array([0.5, 0.6, 0.75, 0.9], dtype=np.float32)
        light = srgb.eotf(self.to_srgb(np.repeat(greys.reshape(1, -1, 1), 3, axis=-1))[0, :, 1])
        for name, curve in (("PQ", pq.eotf(greys) / pq.PQ_PEAK_NITS), ("HLG", hlg.inverse_oetf(greys))):
            if np.abs(light / curve - 1).max() < _LIKE:
                return name
        return None

    @staticmethod
    def names_hdr(name: str) -> bool:
        """Whether a profile's name says PQ, HLG or BT.2100 (W3C's note on PQ in PNG has only a name)."""
        return _HDR_NAMES.search(name) is not None

    @property
    def is_matrix(self) -> bool:
        return (
            self.space == "RGB"
            and {b"rXYZ", b"gXYZ", b"bXYZ", b"rTRC"} <= set(self._tags)
            and not (_TABLES & set(self._tags))
        )

    @cached_property
    def primaries(self) -> Primaries | None:
        """Of a matrix profile, seen under D65."""
        if not self.is_matrix:
            return None
        points = []
        for tag in (b"rXYZ", b"gXYZ", b"bXYZ"):
            offset, _ = self._tags[tag]
            try:
                xyz = np.array(struct.unpack_from(">3i", self.data, offset + 8)) / 65536
            except struct.error:
                return None
            xyz = D50_TO_D65 @ xyz
            points.append((float(xyz[0] / xyz.sum()), float(xyz[1] / xyz.sum())) if xyz.sum() else (0.0, 0.0))
        return Primaries(red=points[0], green=points[1], blue=points[2], white=D65)

    @cached_property
    def is_srgb(self) -> bool:
        """Whether converting by it would change nothing that a code of 8 bits shows."""
        if self.space != "RGB":
            return False
        axis = np.linspace(0, 1, _GRID, dtype=np.float32)
        grid = np.stack(np.meshgrid(axis, axis, axis, indexing="ij"), axis=-1).reshape(1, -1, 3)
        grid = np.round(grid * 255).astype(np.float32) / 255
        return bool(np.abs(self.to_srgb(grid) - grid).max() <= (_SAME if self.is_matrix else 1.5 / 255))

    def to_srgb(self, pixels: np.ndarray) -> np.ndarray:
        """sRGB signal float32 [H,W,3] in [0,1] of the profile's values [H,W,channels] in [0,1], clipped to sRGB."""
        return self._by_matrix(pixels) if self.is_matrix else self._by_littlecms(pixels)

    def _by_matrix(self, pixels: np.ndarray) -> np.ndarray:
        """OpenColorIO's inverse gives CIE XYZ under D65, white at Y = 1."""
        ocio: Any = import_module("PyOpenColorIO")
        with TemporaryDirectory() as folder:  # it reads files alone, and remembers them by name
            file = Path(folder, "profile.icc")
            file.write_bytes(self._with_curves())
            try:
                transform = ocio.FileTransform(src=str(file), direction=ocio.TRANSFORM_DIR_INVERSE)
                processor = ocio.Config.CreateRaw().getProcessor(transform).getDefaultCPUProcessor()
            except ocio.Exception as error:
                first = str(error).strip().splitlines()[0].replace(str(file), "it")
                raise UserError(f"{self.where}: its color profile {self.name!r} cannot be used ({first})") from None
        values = np.array(pixels[..., :3], dtype=np.float32, order="C")
        processor.applyRGB(values)
        light = values @ np.linalg.inv(rgb_to_xyz(BT709)).T.astype(np.float32)
        return srgb.inverse_eotf(light.clip(0, 1)).astype(np.float32)

    def _with_curves(self) -> bytes:
        """The profile with a power of 1 for each curve without entries, which means that and which OpenColorIO refuses
        (ICC.1:2022 10.6)."""
        data = bytearray(self.data)
        for row in range(len(self._tags)):
            at = 132 + 12 * row
            kind, offset, _ = struct.unpack_from(">4sII", data, at)
            if kind in _CURVES and data[offset : offset + 12] == _NO_ENTRIES:
                struct.pack_into(">II", data, at + 4, len(data), len(_POWER_OF_1))
                data += _POWER_OF_1.ljust(16, b"\0")
        struct.pack_into(">I", data, 0, len(data))
        return bytes(data)

    def _by_littlecms(self, pixels: np.ndarray) -> np.ndarray:
        from PIL import Image, ImageCms

        modes = {"RGB": ("RGB", 3), "GRAY": ("L", 1), "CMYK": ("CMYK", 4), "Lab": ("LAB", 3)}
        if self.space not in modes or pixels.shape[2] < modes[self.space][1]:
            raise UserError(f"{self.where} has a {self.space} profile, {self.name!r}; convert the picture to sRGB.")
        mode, channels = modes[self.space]
        codes = np.floor(pixels[..., :channels].clip(0, 1) * 255 + 0.5).astype(np.uint8)
        ramp = self.space == "GRAY"  # one curve: exact to the source's own depth between the codes
        if ramp:
            codes = np.arange(256, dtype=np.uint8).reshape(1, 256, 1)
        try:
            transform = ImageCms.buildTransform(
                self._parsed,
                ImageCms.createProfile("sRGB"),
                mode,
                "RGB",
                ImageCms.Intent.RELATIVE_COLORIMETRIC,
                ImageCms.Flags.BLACKPOINTCOMPENSATION,
            )
        except ImageCms.PyCMSError as error:
            raise UserError(f"{self.where}: its color profile {self.name!r} cannot be used ({error})") from None
        picture = Image.frombytes(mode, (codes.shape[1], codes.shape[0]), np.ascontiguousarray(codes).tobytes())
        converted = ImageCms.applyTransform(picture, transform)
        assert converted is not None
        found = np.asarray(converted, dtype=np.float32) / 255
        if not ramp:
            return found
        at = pixels[..., 0].clip(0, 1) * 255
        return np.stack([np.interp(at, np.arange(256), found[0, :, c]) for c in range(3)], axis=-1).astype(np.float32)
