"""LumaFlux as a function of VapourSynth: SDR clips (RGBS, or YUV420P8) to PQ/BT.2020 in YUV420P10.

    import lumaflux_vs
    clip = lumaflux_vs.convert(clip, track=lumaflux_vs.tones(clip))

Frame properties are those that encoders read: _Matrix 9, _Transfer 16, _Primaries 9 (H.273), narrow range, chroma
top-left.
"""

from collections.abc import Sequence
from functools import cache
from threading import Lock
from typing import Any

import numpy as np
import vapoursynth as vs

from lumaflux.color.primaries import BT709_LUMA
from lumaflux.color.yuv420_rgb import rgb_from_yuv420
from lumaflux.color.yuv420p10 import yuv420p10
from lumaflux.errors import UserError
from lumaflux.inference.load import load
from lumaflux.settings import Settings

# Narrow range is _Range 0 of newer releases and _ColorRange 1 of older ones, which counted the other way round.
HDR_PROPERTIES = {"_Matrix": 9, "_Transfer": 16, "_Primaries": 9, "_ChromaLocation": 2, "_Range": 0, "_ColorRange": 1}
_BT601_LUMA = (0.299, 0.587, 0.114)
_LUMA = {1: BT709_LUMA, 2: BT709_LUMA, 5: _BT601_LUMA, 6: _BT601_LUMA}  # by _Matrix; 2: nobody said
_HDR_TRANSFERS = {16: "PQ", 18: "HLG"}
_BT709_PRIMARIES = (1, 2)
_SITINGS = {0: "left", 2: "topleft"}  # by _ChromaLocation


def convert(
    clip: vs.VideoNode,
    *,
    model: Any = "lite",
    track: Sequence[Any] | None = None,
    device: str | None = None,
    **settings: Any,
) -> vs.VideoNode:
    """``clip`` in HDR: PQ R'G'B' of BT.2020 as YUV420P10, of the same size, length and rate.

    ``clip``: RGBS, BT.709 R'G'B' for BT.1886 in [0,1], or YUV420P8 by its _Matrix, _Range and _ChromaLocation.
    ``model``: a name, a directory, or what ``lumaflux.inference.load.load`` gave. ``track``: what ``tones`` found;
    without it every frame has a tone of its own, and a moving clip may pump. ``settings``: those of `lumaflux convert`.
    Raises UserError for clips of another format, of odd sizes or without a known length; a frame that is HDR already
    ends the rendering with the same.
    """
    _check(clip)
    chosen, loaded, lock = Settings(**settings), _loader(model, device), Lock()
    blank = clip.std.BlankClip(format=vs.YUV420P10, keep=True)

    def render(n: int, f: list[vs.VideoFrame]) -> vs.VideoFrame:
        sdr = _sdr(f[0])
        tone = None if track is None else _tone_at(track, n)
        with lock:  # a converter has one network
            hdr = loaded().render(sdr, chosen, tone)
        made = f[1].copy()
        for number, plane in enumerate(yuv420p10(np.ascontiguousarray(hdr, np.float32))):
            np.asarray(made[number])[:] = plane
        for name, value in f[0].props.items():
            if name not in HDR_PROPERTIES:
                made.props[name] = value
        made.props.update(HDR_PROPERTIES)
        return made

    return blank.std.ModifyFrame(clips=[clip, blank], selector=render)


def tones(clip: vs.VideoNode, *, model: Any = "lite", device: str | None = None, **settings: Any) -> list[Any]:
    """A tone for every shot of ``clip``, which is read whole. Raises UserError as ``convert`` does."""
    from lumaflux.render.analysis import ClipAnalysis

    _check(clip)
    analysis = ClipAnalysis(_loader(model, device)(), Settings(**settings))
    for frame in clip.frames(close=True):
        analysis.see(_sdr(frame))
    return analysis.shots()


def _loader(model: Any, device: str | None) -> Any:
    return cache(lambda: load(model, device=device)) if isinstance(model, str) else lambda: model


def _check(clip: vs.VideoNode) -> None:
    if clip.format is None or clip.format.id not in (vs.RGBS, vs.YUV420P8):
        name = "a clip of changing format" if clip.format is None else clip.format.name
        raise UserError(f"LumaFlux takes RGBS or YUV420P8, not {name}; convert the clip with resize")
    if not clip.width or not clip.height or clip.width % 2 or clip.height % 2:
        raise UserError(f"YUV420P10 has even sides; {clip.width}x{clip.height} does not: crop or pad the clip")


def _sdr(frame: vs.VideoFrame) -> np.ndarray:
    """R'G'B' float32 [3,H,W] in [0,1]. Raises UserError for HDR, other primaries and an unknown matrix."""
    props = frame.props
    said = _HDR_TRANSFERS.get(int(props.get("_Transfer", 2)))
    if said is not None:
        raise UserError(f"the frame is HDR already ({said}); give an SDR clip")
    if int(props.get("_Primaries", 2)) not in _BT709_PRIMARIES:
        raise UserError(f"the frame has the primaries {props['_Primaries']} of H.273; convert it to BT.709 with resize")
    planes = [np.asarray(frame[number]) for number in range(3)]
    if frame.format.id == vs.RGBS:
        sdr = np.stack(planes).astype(np.float32)
        if not np.isfinite(sdr).all():
            raise UserError("the frame holds NaN or infinite values; repair them before converting")
        return sdr.clip(0, 1)
    matrix, place = int(props.get("_Matrix", 2)), int(props.get("_ChromaLocation", 0))
    if matrix not in _LUMA or place not in _SITINGS:
        raise UserError(f"YUV420P8 of matrix {matrix} and chroma location {place} is not read; convert it to RGBS")
    full = int(props["_Range"]) == 1 if "_Range" in props else int(props.get("_ColorRange", 1)) == 0
    y, cb, cr = planes
    return rgb_from_yuv420(y, cb, cr, bits=8, full_range=full, luma=_LUMA[matrix], siting=_SITINGS[place])


def _tone_at(shots: Sequence[Any], number: int) -> Any:
    """Of the shot that holds the frame; of the last one beyond the end."""
    shot = next((one for one in shots if number <= one.last), shots[-1])
    return shot.tone_at(min(number, shot.last))
