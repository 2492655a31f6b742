"""Still pictures: SDR in (PNG, JPEG, TIFF, WebP, EXR, DPX), HDR out (16-bit PNG tagged PQ/BT.2020)."""

import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from lumaflux.color.primaries import BT709
from lumaflux.color.srgb import srgb_to_bt1886
from lumaflux.errors import UserError
from lumaflux.media.metadata.coding_points import CHROMATICITIES
from lumaflux.media.metadata.info import MediaInfo
from lumaflux.media.metadata.light_levels import LightLevels
from lumaflux.media.metadata.mastering import container_display
from lumaflux.media.stills.display_window import in_display_window
from lumaflux.media.stills.linear_picture import primaries_of, repaired, sdr_of_linear
from lumaflux.media.stills.picture_writer import PNG, PictureOptions, write_picture
from lumaflux.media.stills.probe import damaged, is_still, open_picture, probe_still
from lumaflux.media.video.reader import refuse_hdr

__all__ = ["Still", "is_still", "probe_still", "read_still", "write_still"]

# By names of OpenImageIO's built-in configuration; all come out in sRGB.
_SPACES = {
    ("p3-d65", "srgb"): "sRGB Encoded P3-D65",
    ("adobe-rgb", "srgb"): "Gamma 2.2 Encoded AdobeRGB",
}
_SRGB = "sRGB Encoded Rec.709 (sRGB)"


@dataclass(frozen=True, kw_only=True)
class Still:
    """``sdr``: non-linear R'G'B' float32 [3,H,W] in [0,1], BT.709 primaries, upright.

    ``transfer`` says how it is encoded: ``srgb`` (IEC 61966-2-1) or ``bt709`` (meant for BT.1886). ``alpha`` [H,W] in
    [0,1] is not multiplied in; ``notes`` say what had to be repaired.
    """

    sdr: np.ndarray
    transfer: str
    info: MediaInfo
    alpha: np.ndarray | None = None
    notes: tuple[str, ...] = ()

    @property
    def bt1886(self) -> np.ndarray:
        """The picture encoded for BT.1886, as the model takes it."""
        return srgb_to_bt1886(self.sdr) if self.transfer == "srgb" else self.sdr


def read_still(path: str | os.PathLike, *, allow_hdr: bool = False, raw: bool = False) -> Still:
    """Read a picture; grey becomes three channels; gain maps are left out (``info.dropped`` names what is not read).

    Display P3 and Adobe RGB are converted to sRGB and clipped; linear EXR light of 1 is white. Raises UserError when
    the file is damaged, has other primaries, or is HDR and not ``allow_hdr``. ``raw`` gives the values as stored in
    any colour space, not clipped, for a conversion elsewhere.
    """
    info = probe_still(path)
    if not allow_hdr and not raw:
        refuse_hdr(info)
    with open_picture(path) as (source, _):
        spec = source.spec()
        pixels = source.read_image(0, 0, 0, spec.nchannels, "float")
        complaint = source.geterror()
        chromaticities = spec.getattribute("chromaticities")
    if pixels is None or complaint:
        raise damaged(path, complaint or "no pixels")
    pixels, notes = pixels.reshape(pixels.shape[0], pixels.shape[1], -1), []
    if info.container == "openexr":
        pixels, notes = in_display_window(pixels, spec)
    alpha = pixels[..., spec.alpha_channel].clip(0, 1) if 0 <= spec.alpha_channel < pixels.shape[2] else None
    pixels = np.repeat(pixels[..., :1], 3, axis=-1) if pixels.shape[-1] < 3 else pixels[..., :3]
    if info.container == "openexr" and alpha is not None:  # EXR colours are associated with alpha
        alpha = np.nan_to_num(alpha, nan=1.0)
        pixels = np.where(alpha[..., None] > 0, pixels / np.where(alpha > 0, alpha, 1)[..., None], pixels)
    if raw:
        sdr, repairs = repaired(np.moveaxis(pixels, -1, 0), negative=True)
        notes = [*notes, *repairs]
    elif info.transfer.value == "linear" and info.container == "openexr":
        sdr, repairs = sdr_of_linear(np.moveaxis(pixels, -1, 0), primaries_of(chromaticities) or BT709)
        notes = [*notes, *repairs]
    else:
        pixels = _to_bt709(np.ascontiguousarray(pixels), info)
        sdr = np.nan_to_num(np.moveaxis(pixels, -1, 0), nan=0.0).clip(0, 1).astype(np.float32)
    transfer = "srgb" if info.transfer.value in ("srgb", "pq", "hlg") and not raw else "bt709"
    upright = info.orientation.apply
    return Still(
        sdr=upright(sdr),
        transfer=transfer,
        info=info,
        alpha=None if alpha is None else upright(alpha),
        notes=tuple(f"{path}: {note}" for note in notes),
    )


def _to_bt709(pixels: np.ndarray, info: MediaInfo) -> np.ndarray:
    """``pixels`` [H,W,3] from their tagged primaries."""
    plain = info.transfer.value not in ("log", "linear") and CHROMATICITIES.get(info.primaries.value) == BT709
    if info.is_hdr or plain:
        return pixels
    space = _SPACES.get((info.primaries.value, info.transfer.value))
    if space is None:
        raise UserError(
            f"{info.path} has {info.primaries.value} primaries with {info.transfer.value} transfer, which are not "
            "read; convert it to sRGB."
        )
    import OpenImageIO as oiio

    converted = oiio.ImageBufAlgo.colorconvert(oiio.ImageBuf(pixels), space, _SRGB, colorconfig="ocio://default")
    result = converted.get_pixels(oiio.FLOAT)
    if result is None or converted.has_error:
        raise RuntimeError(converted.geterror())
    return result


def write_still(
    path: str | os.PathLike,
    hdr_pq: np.ndarray,
    *,
    master_peak_nits: float = 1000.0,
    overwrite: bool = False,
    source: str | os.PathLike | None = None,
) -> LightLevels:
    """Write PQ BT.2020 R'G'B' float32 [3,H,W] in [0,1] as 16-bit PNG with cICP, mDCV and measured cLLI chunks.

    ``source`` is the picture it was made from, which is never overwritten. Returns the light levels, measured on
    the codes written. Raises ValueError for another shape or values that are not finite, UserError for a target that
    cannot be written.
    """
    path = Path(path)
    if path.suffix.lower() != ".png":
        raise UserError(f"{path} does not name a PNG picture; HDR stills are written as .png.")
    options = PictureOptions(display=container_display(master_peak_nits), overwrite=overwrite)
    return write_picture(path, hdr_pq, PNG, options, sources=() if source is None else (source,))
