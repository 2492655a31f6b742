"""What `--deliver` offers: every way to hand HDR over, and the sink that does it."""

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Literal

from lumaflux.errors import UserError
from lumaflux.media.metadata.mastering import MasteringDisplay
from lumaflux.media.standard_streams import STANDARD
from lumaflux.media.stills import picture_writer as pictures
from lumaflux.media.video.encoding import Encoding


@dataclass(frozen=True, kw_only=True)
class OutputProfile:
    """``encoding`` for a video, whose code values mean light by ``transfer`` (static metadata go with PQ alone);
    ``picture`` for pictures, whose format knows that; neither for uncompressed frames."""

    suffixes: tuple[str, ...]
    encoding: Callable[[], type[Encoding]] | None = None
    picture: pictures.PictureFormat | None = None
    transfer: Literal["pq", "hlg", "bt709"] = "pq"
    keeps_alpha: bool = False


def _hevc() -> type[Encoding]:
    from lumaflux.media.video.hdr10_stream import Hdr10Encoding

    return Hdr10Encoding


def _hlg() -> type[Encoding]:
    from lumaflux.media.video.hdr10_stream import HlgEncoding

    return HlgEncoding


def _av1() -> type[Encoding]:
    from lumaflux.media.video.av1_stream import Av1Encoding

    return Av1Encoding


def _prores_4444() -> type[Encoding]:
    from lumaflux.media.video.intermediate_streams import ProRes4444Encoding

    return ProRes4444Encoding


def _prores_422() -> type[Encoding]:
    from lumaflux.media.video.intermediate_streams import ProRes422Encoding

    return ProRes422Encoding


def _prores_hlg() -> type[Encoding]:
    from lumaflux.media.video.intermediate_streams import ProRes422HlgEncoding

    return ProRes422HlgEncoding


def _ffv1() -> type[Encoding]:
    from lumaflux.media.video.intermediate_streams import Ffv1Encoding

    return Ffv1Encoding


def _sdr() -> type[Encoding]:
    from lumaflux.media.video.sdr_stream import SdrEncoding

    return SdrEncoding


def _picture(kind: pictures.PictureFormat) -> OutputProfile:
    return OutputProfile(suffixes=kind.suffixes, picture=kind, keeps_alpha=True)


OUTPUT_PROFILES: dict[str, OutputProfile] = {
    "hdr10": OutputProfile(suffixes=(".mp4", ".m4v", ".mov", ".mkv"), encoding=_hevc),
    "hdr10-av1": OutputProfile(suffixes=(".mp4", ".mkv"), encoding=_av1),
    "hlg": OutputProfile(suffixes=(".mp4", ".m4v", ".mov", ".mkv"), encoding=_hlg, transfer="hlg"),
    "prores": OutputProfile(suffixes=(".mov", ".mkv"), encoding=_prores_4444, keeps_alpha=True),
    "prores-hq": OutputProfile(suffixes=(".mov", ".mkv"), encoding=_prores_422),
    "prores-hlg": OutputProfile(suffixes=(".mov", ".mkv"), encoding=_prores_hlg, transfer="hlg"),
    "ffv1": OutputProfile(suffixes=(".mkv",), encoding=_ffv1),
    "y4m": OutputProfile(suffixes=(".y4m",)),
    "png": _picture(pictures.PNG),
    "tiff": _picture(pictures.TIFF),
    "exr": _picture(pictures.EXR),
    "exr-aces": _picture(pictures.EXR_ACES),
    "exr-acescg": _picture(pictures.EXR_ACESCG),
    "dpx": _picture(pictures.DPX),
    "ultra-hdr": OutputProfile(suffixes=pictures.ULTRA_HDR.suffixes, picture=pictures.ULTRA_HDR),
    "avif": OutputProfile(suffixes=pictures.AVIF.suffixes, picture=pictures.AVIF),
    "avif-hlg": OutputProfile(suffixes=pictures.AVIF_HLG.suffixes, picture=pictures.AVIF_HLG),
    "heic": _picture(pictures.HEIC),
    "heic-hlg": _picture(pictures.HEIC_HLG),
    "heic-12": _picture(pictures.HEIC_12),
    "jxl": _picture(pictures.JXL),
    "jxl-hlg": _picture(pictures.JXL_HLG),
    **{
        f"{kind.suffixes[0][1:]}-gain-map": OutputProfile(suffixes=kind.suffixes, picture=kind)
        for kind in (pictures.AVIF_GAIN_MAP, pictures.HEIC_GAIN_MAP, pictures.JXL_GAIN_MAP)
    },
    "sdr": OutputProfile(suffixes=(".mp4", ".m4v", ".mov", ".mkv"), encoding=_sdr, transfer="bt709"),
    "sdr-png": _picture(pictures.SDR_PNG),
}


def _videos(transfer: str) -> tuple[str, ...]:
    return tuple(
        name for name, made in OUTPUT_PROFILES.items() if made.encoding is not None and made.transfer == transfer
    )


PQ_VIDEOS, HLG_VIDEOS = _videos("pq"), _videos("hlg")


def output_profile(name: str | None, target: Path) -> tuple[str, OutputProfile]:
    """The one named, or the first that ``target``'s suffix fits, with its name; HDR10 for standard output.

    Raises UserError for an unknown name, and for a target whose suffix does not fit.
    """
    suffix = target.suffix.lower()
    if target == STANDARD:
        name = name or "hdr10"
        if name in OUTPUT_PROFILES and OUTPUT_PROFILES[name].picture is not None:
            raise UserError(f"{name} is not written to standard output, which takes videos alone; name a file")
        suffix = OUTPUT_PROFILES[name].suffixes[-1] if name in OUTPUT_PROFILES else ""
    if name is None:
        found = next(((key, each) for key, each in OUTPUT_PROFILES.items() if suffix in each.suffixes), None)
        if found is None:
            every = sorted({suffix for each in OUTPUT_PROFILES.values() for suffix in each.suffixes})
            raise UserError(f"{target}: HDR is written as {', '.join(every)}; name such a target")
        return found
    if name not in OUTPUT_PROFILES:
        raise UserError(f"unknown delivery '{name}'; choose one of {', '.join(OUTPUT_PROFILES)}")
    if suffix not in OUTPUT_PROFILES[name].suffixes:
        raise UserError(
            f"{target}: {name} is written as {' or '.join(OUTPUT_PROFILES[name].suffixes)}; name such a target"
        )
    return name, OUTPUT_PROFILES[name]


def video_encoding(
    made: OutputProfile,
    size: tuple[int, int],
    time_base: Fraction,
    frame_rate: Fraction,
    sample_aspect_ratio: Fraction,
    display: MasteringDisplay,
) -> Encoding:
    """The encoding of a video delivery for pictures of ``size`` (width, height)."""
    assert made.encoding is not None
    kind = made.encoding()
    width, height = (-(-length // grain) * grain for length, grain in zip(size, kind.grain, strict=True))
    return kind(
        width=width,
        height=height,
        time_base=time_base,
        frame_rate=frame_rate,
        sample_aspect_ratio=sample_aspect_ratio,
        display=display if made.transfer == "pq" else None,
    )
