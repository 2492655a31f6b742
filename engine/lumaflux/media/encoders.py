"""What `--encoder` offers: which program or device makes a video delivery, and whether it is here."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from lumaflux.errors import UserError
from lumaflux.media.output_profiles import OUTPUT_PROFILES, OutputProfile, output_profile
from lumaflux.media.video.encoding import Encoding

AUTO = "auto"
_SOFTWARE = {"x265": ("hdr10", "hlg"), "svtav1": ("hdr10-av1",)}
HARDWARE = {"nvenc": "hevc_nvenc", "qsv": "hevc_qsv", "amf": "hevc_amf", "videotoolbox": "hevc_videotoolbox"}


def output_profile_by(encoder: str, name: str | None, target: Path) -> tuple[str, OutputProfile]:
    """As :func:`lumaflux.media.output_profiles.output_profile`, encoded by ``encoder``; "auto" takes the own program.

    Raises UserError for an encoder that does not make the delivery, or is not built in.
    """
    if encoder == AUTO:
        return output_profile(name, target)
    makes = _SOFTWARE.get(encoder, ("hdr10",))
    suffix = target.suffix.lower()
    if name is None and suffix in OUTPUT_PROFILES[makes[0]].suffixes:
        name = makes[0]
    name, made = output_profile(name, target)
    if name not in makes:
        raise UserError(
            f"--encoder {encoder} makes {' and '.join(makes)}, not {name}; leave it out, or --deliver {makes[0]}"
        )
    if encoder in _SOFTWARE:
        return name, made
    if not built_in(HARDWARE[encoder]):
        raise UserError(f"--encoder {encoder} needs {HARDWARE[encoder]}, which this build of PyAV lacks; leave it out")
    return name, replace(made, encoding=_hardware(encoder))


def built_in(codec: str) -> bool:
    """Whether FFmpeg was built with an encoder; a device for it may lack all the same."""
    from av.codec.codec import Codec, UnknownCodecError

    try:
        Codec(codec, "w")
    except (UnknownCodecError, ValueError):
        return False
    return True


def _hardware(encoder: str) -> Callable[[], type[Encoding]]:
    def chosen() -> type[Encoding]:
        from lumaflux.media.video import hardware_streams as streams

        return {
            "nvenc": streams.NvencEncoding,
            "qsv": streams.QsvEncoding,
            "amf": streams.AmfEncoding,
            "videotoolbox": streams.VideoToolboxEncoding,
        }[encoder]

    return chosen
