"""Still pictures: SDR in (PNG, JPEG, TIFF, WebP, EXR, DPX, HEIC, AVIF), HDR out (16-bit PNG tagged PQ/BT.2020)."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from lumaflux.color.primaries import BT709, Primaries
from lumaflux.color.srgb import srgb_to_bt1886
from lumaflux.errors import UserError
from lumaflux.media.metadata.light_levels import LightLevels
from lumaflux.media.metadata.mastering import container_display
from lumaflux.media.metadata.media_info import MediaInfo
from lumaflux.media.metadata.origin import of_a_sequence
from lumaflux.media.stills import png_chunks
from lumaflux.media.stills.color_models import by_color_model, is_cmyk, needs_raw_values
from lumaflux.media.stills.exr import Layer, chosen_layer, in_display_window, linear_rgb
from lumaflux.media.stills.heif import heif_pixels, open_heif
from lumaflux.media.stills.linear_picture import primaries_of, repaired, sdr_of_linear
from lumaflux.media.stills.picture_color import is_float, picture_color
from lumaflux.media.stills.picture_writer import PNG, PictureOptions, bands, write_picture
from lumaflux.media.stills.probe import damaged, format_of, heif_color, is_still, open_picture, probe_still
from lumaflux.media.video.reader import refuse_hdr
from lumaflux.options import InputTransfer

__all__ = ["Still", "is_still", "probe_still", "read_still", "write_still"]

_LARGE = 1 << 22  # pixels


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

    def into_bt1886(self) -> np.ndarray:
        """The same in the memory of ``sdr``, which holds something else from then on."""
        if self.transfer == "srgb":
            for rows in bands(*self.sdr.shape[1:]):
                self.sdr[:, rows] = srgb_to_bt1886(self.sdr[:, rows])
        return self.sdr

    @property
    def bt1886(self) -> np.ndarray:
        """The picture encoded for BT.1886, as the model takes it."""
        return srgb_to_bt1886(self.sdr) if self.transfer == "srgb" else self.sdr


def read_still(
    path: str | os.PathLike,
    *,
    allow_hdr: bool = False,
    raw: bool = False,
    layer: str | None = None,
    transfer: InputTransfer = "auto",
) -> Still:
    """Read a picture; grey becomes three channels; gain maps are left out (``info.dropped`` names what is not read).

    Colors are brought to sRGB by the profile or the tags and clipped; linear EXR light of 1 is white. ``layer`` names
    the layer of an EXR file, whose beauty is read otherwise. Raises UserError when the file is damaged, has colors that
    cannot be converted, or is HDR and not ``allow_hdr``. ``raw`` gives the values as stored in any color space, not
    clipped, for a conversion elsewhere. ``transfer``: how SDR codes are meant; "auto" goes by the file's tag, and of a
    file without one by what else it says: frames of a numbered sequence that no camera made are a video's, meant for
    BT.1886, other pictures sRGB.
    """
    info = probe_still(path, layer)
    if not allow_hdr and not raw:
        refuse_hdr(info)
    if info.container in ("heic", "avif"):
        return _read_heif(path, info, raw)
    with open_picture(path) as (source, _):
        picked = None
        if info.container == "openexr":
            picked, _others = chosen_layer(source, layer, os.fspath(path))
            source.seek_subimage(picked.part, 0)
        spec = source.spec()
        if picked is None and not raw and _in_rows(spec):
            return _read_rows(source, spec, path, info, transfer)
        pixels = source.read_image(picked.part if picked else 0, 0, 0, spec.nchannels, "float")
        complaint = source.geterror()
        chromaticities = primaries_of(spec.getattribute("chromaticities")) or BT709
        color = picture_color(path, spec, _chunks_of(path), info.container)
    if pixels is None or complaint:
        raise damaged(path, complaint or "no pixels")
    pixels = pixels.reshape(pixels.shape[0], pixels.shape[1], -1)
    if picked is not None:
        pixels, alpha, notes = _exr_light(pixels, spec, picked, chromaticities)
    else:
        has_alpha = 0 <= spec.alpha_channel < pixels.shape[2]
        alpha, notes = pixels[..., spec.alpha_channel].clip(0, 1) if has_alpha else None, []
    if raw:
        sdr, repairs = repaired(np.moveaxis(_three(pixels), -1, 0), negative=True)
        meant, notes = "bt709", [*notes, *repairs]
    elif picked is not None:
        sdr, repairs = sdr_of_linear(np.moveaxis(pixels, -1, 0), chromaticities)
        meant, notes = "bt709", [*notes, *repairs]
    else:
        pixels, color, repairs = by_color_model(pixels, spec, color, path)
        sdr, tagged = color.to_sdr(pixels, info.bit_depth, os.fspath(path))
        meant, said = resolved_transfer(path, info, transfer, tagged)
        notes = [*notes, *repairs, *color.notes, *said]
    return _upright(path, info, sdr, alpha, meant, notes)


def _upright(
    path: str | os.PathLike,
    info: MediaInfo,
    sdr: np.ndarray,
    alpha: np.ndarray | None,
    transfer: str,
    notes: Sequence[str],
) -> Still:
    turned = info.orientation.apply
    return Still(
        sdr=turned(sdr),
        transfer=transfer,
        info=info,
        alpha=None if alpha is None else turned(alpha),
        notes=tuple(f"{path}: {note}" for note in notes),
    )


def _in_rows(spec: Any) -> bool:
    """Whether a picture is large, and its rows can be read and converted by themselves."""
    large = spec.width * spec.height > _LARGE and not spec.tile_width
    return large and not is_cmyk(spec) and not needs_raw_values(spec) and not is_float(spec)


def _read_rows(source: Any, spec: Any, path: str | os.PathLike, info: MediaInfo, transfer: InputTransfer) -> Still:
    """Band by band, so that nothing of the picture's size is made beside the result."""
    color = picture_color(path, spec, _chunks_of(path), info.container)
    sdr = np.empty((3, spec.height, spec.width), np.float32)
    alpha = np.empty(sdr.shape[1:], np.float32) if 0 <= spec.alpha_channel < spec.nchannels else None
    meant, notes = "srgb", list[str]()
    for rows in bands(spec.height, spec.width):
        pixels = source.read_scanlines(0, 0, spec.y + rows.start, spec.y + rows.stop, 0, 0, spec.nchannels, "float")
        complaint = source.geterror()
        if pixels is None or complaint:
            raise damaged(path, complaint or "no pixels")
        pixels = pixels.reshape(rows.stop - rows.start, spec.width, -1)
        if alpha is not None:
            alpha[rows] = pixels[..., spec.alpha_channel].clip(0, 1)
        values, understood, repairs = by_color_model(pixels, spec, color, path)
        sdr[:, rows], tagged = understood.to_sdr(values, info.bit_depth, os.fspath(path))
        meant, said = resolved_transfer(path, info, transfer, tagged)
        notes = [*repairs, *understood.notes, *said]
    return _upright(path, info, sdr, alpha, meant, notes)


def resolved_transfer(
    path: str | os.PathLike, info: MediaInfo, asked: InputTransfer, tagged: str
) -> tuple[str, tuple[str, ...]]:
    """How the codes of an SDR picture are meant ("srgb", "bt709"), and a note where neither tag nor person said so."""
    if info.is_hdr:
        return tagged, ()
    if asked != "auto":
        return {"srgb": "srgb", "bt1886": "bt709"}[asked], ()
    video = tagged == "srgb" and info.transfer.source == "guessed" and info.camera is None and of_a_sequence(Path(path))
    if not video:
        return tagged, ()
    return "bt709", ("has no tag and is a frame of a sequence, read as video (BT.1886); --input-transfer srgb if not",)


def _read_heif(path: str | os.PathLike, info: MediaInfo, raw: bool) -> Still:
    picture = open_heif(path, info.container)
    pixels = heif_pixels(picture, path)
    color = heif_color(picture, os.fspath(path))
    alpha = np.ascontiguousarray(pixels[..., 3]) if picture.alpha else None
    if raw:
        sdr, transfer = np.ascontiguousarray(np.moveaxis(pixels[..., :3], -1, 0)), "bt709"
    else:
        sdr, transfer = color.to_sdr(pixels[..., :3], picture.bits, os.fspath(path))
    notes = tuple(f"{path}: {note}" for note in color.notes)
    return Still(sdr=sdr, transfer=transfer, info=info, alpha=alpha, notes=notes)


def _exr_light(
    pixels: np.ndarray, spec: Any, picked: Layer, primaries: Primaries
) -> tuple[np.ndarray, np.ndarray | None, list[str]]:
    """Light [H,W,3] and alpha [H,W] of a layer, un-associated, in the display window; and what was done."""
    pixels, notes = in_display_window(pixels, spec)
    light = linear_rgb(pixels, picked, primaries)
    if picked.alpha is None:
        return light, None, notes
    alpha = np.nan_to_num(pixels[..., picked.alpha].clip(0, 1), nan=1.0)
    return np.where(alpha[..., None] > 0, light / np.where(alpha > 0, alpha, 1)[..., None], light), alpha, notes


def _three(pixels: np.ndarray) -> np.ndarray:
    return np.repeat(pixels[..., :1], 3, axis=-1) if pixels.shape[-1] < 3 else pixels[..., :3]


def _chunks_of(path: str | os.PathLike) -> dict[bytes, bytes]:
    if format_of(path) != "png":
        return {}
    with open(path, "rb") as file:
        return png_chunks.colour_chunks(file)


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
