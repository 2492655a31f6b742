"""What a user can ask for besides the look: every option once, with its name, help, range and default.

The groups are flattened into every door that they apply to: convert, analyze, farm, timeline, service.
"""

# ruff: noqa: RUF009 (_option gives a dataclass field, as field does)
from dataclasses import dataclass, field, fields
from fractions import Fraction
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

from cyclopts import Parameter

from lumaflux.checked_fields import Bounds, CheckedFields
from lumaflux.errors import UserError

Precision = Literal["fp32", "bf16", "fp16", "fp8"]
LutFormat = Literal["cube", "clf", "mpv"]
Interlaced = Literal["refuse", "deinterlace", "progressive"]
InputTransfer = Literal["auto", "srgb", "bt1886"]
Deliver = Literal[
    "hdr10",
    "hdr10-av1",
    "hlg",
    "prores",
    "prores-hq",
    "prores-hlg",
    "ffv1",
    "y4m",
    "png",
    "tiff",
    "exr",
    "exr-aces",
    "exr-acescg",
    "dpx",
    "ultra-hdr",
    "avif",
    "avif-hlg",
    "heic",
    "heic-hlg",
    "heic-12",
    "jxl",
    "jxl-hlg",
    "avif-gain-map",
    "heic-gain-map",
    "jxl-gain-map",
    "sdr",
    "sdr-png",
]
ExrCompression = Literal["none", "rle", "zips", "zip", "piz", "pxr24", "b44", "b44a", "dwaa", "dwab"]
Hdr10PlusProfile = Literal["a", "b"]
Encoder = Literal["auto", "x265", "svtav1", "nvenc", "qsv", "amf", "videotoolbox"]
MATTE_CHANNELS = "channels"  # named instead of a matte's file: into the EXR pictures of the result
NO_TRACK = "none"  # named instead of a tone track: every frame has a tone of its own
MOST_KEYS = 64  # key frames that pass a model at a time
SEQUENCE_RATE = Fraction(24)  # frames/s, where the user names none

Flag = Annotated[bool, Parameter(negative="")]
Overwrite = Annotated[bool, Parameter(name=["--overwrite", "-y"], negative=["--no-overwrite", "-n"])]
Group = TypeVar("Group")
_THREADS = Bounds(1, 1024)
_MOST_GIB = 1e6
_NUMBERS = Bounds(0, 10**14)  # of frames: some are times


def _option(default: Any, help_text: str, bounds: Bounds | None = None) -> Any:
    """A field of an option group; ``bounds`` of a number."""
    return field(default=default, metadata={"help": help_text, "bounds": bounds})


@dataclass(frozen=True, kw_only=True)
class SourceOptions(CheckedFields):
    """How a source is read."""

    force_sdr: Flag = _option(False, "Read a PQ- or HLG-tagged source as if it were SDR.")
    interlaced: Interlaced = _option("refuse", "What to do with an interlaced source.")
    fps: str | None = _option(None, "Frames a second of a sequence that is read: 24 if not named, or 24000/1001.")
    ocio: str | None = _option(None, "An OpenColorIO configuration, a file or a built-in name, for color spaces.")
    input_space: str | None = _option(None, "The source's color space in that configuration.")
    layer: str | None = _option(
        None, "The layer of an EXR picture, or PART/LAYER, or the part; the beauty by its name if not named."
    )
    input_transfer: InputTransfer = _option(
        "auto",
        "How the codes of SDR pictures are meant: srgb as photographs, bt1886 as frames of a video. auto goes by the "
        "file's tag, else by what it says: a numbered picture beside others that no camera made is a video's.",
    )

    @property
    def frame_rate(self) -> Fraction | None:
        """``fps`` as a number. Raises UserError for what is none."""
        try:
            rate = None if self.fps is None else Fraction(self.fps)
        except (ValueError, ZeroDivisionError):
            raise UserError(f"'{self.fps}' is no frame rate; write 25, 23.976 or 24000/1001") from None
        if rate is not None and not 0 < rate <= 1000:
            raise UserError(f"the frame rate is {rate}; it must be above 0 and at most 1000 frames/s")
        return rate

    @property
    def raw(self) -> bool:
        """Whether the stored codes are read as they are, for OpenColorIO."""
        return self.input_space is not None


@dataclass(frozen=True, kw_only=True)
class RawFrameOptions(CheckedFields):
    """How frames without a header lie in standard input, at ``fps``."""

    size: str | None = _option(None, "WIDTHxHEIGHT of raw frames on standard input (source -); --fps is their rate.")
    pix_fmt: str | None = _option(None, "Their pixel format as ffmpeg calls it: yuv420p, yuv422p10le, rgb24 ...")

    @property
    def frame(self) -> tuple[tuple[int, int], str] | None:
        """Width and height, and the pixel format; None where frames have a header. Raises UserError for half of it."""
        if self.size is None and self.pix_fmt is None:
            return None
        if self.size is None or self.pix_fmt is None:
            raise UserError("raw frames need both --size WIDTHxHEIGHT and --pix-fmt; give both, or neither")
        width, cross, height = self.size.lower().partition("x")
        if not (cross and width.isdecimal() and height.isdecimal() and int(width) and int(height)):
            raise UserError(f"'{self.size}' is no size; write it as 1920x1080")
        return (int(width), int(height)), self.pix_fmt


@dataclass(frozen=True, kw_only=True)
class DamageOptions(CheckedFields):
    """What happens where a source is damaged."""

    keep_going: Flag = _option(False, "Convert the rest where frames are damaged or missing; the exit code is 3 then.")


@dataclass(frozen=True, kw_only=True)
class FrameOptions(CheckedFields):
    """Which frames."""

    frames: str | None = _option(
        None, "Frames to convert: 1001-1020x2,1030 or 1-9:2; all if not named. Those of a clip count from 0."
    )


@dataclass(frozen=True, kw_only=True)
class ModelOptions(CheckedFields):
    """Which weights render, and on what."""

    model: str = _option("lite", "lite, flux-dev, flux-schnell, flux2-klein, flux2-klein-base, or a model directory.")
    adapters: Path | None = _option(None, "An adapter file to load over the model's own, or the name of fetched ones.")
    look: Path | None = _option(None, "A look that `lumaflux learn` made: its tone in place of the model's own.")
    backbone: Path | None = _option(
        None, "The folder or file of a FLUX release; what `lumaflux models get` fetched if not named."
    )
    device: str | None = _option(None, "As `lumaflux doctor` lists them; the first of them if not named.")
    also_on: str | None = _option(
        None, "Further devices of the same kind, as cuda:1,cuda:2, for frames and key frames of a clip (not executed)."
    )
    precision: Precision | None = _option(
        None, "fp32, bf16, fp16, or fp8 (FLUX on a card that has it); fp32 on the CPU and bf16 elsewhere if not named."
    )
    vram: str = _option(
        "auto", "GiB of the GPU that a FLUX model may take, such as 16; auto goes by the card (docs/guide/flux.md)."
    )
    key_batch: int = _option(
        1,
        "Key frames whose tone is found at a time; for FLUX fewer where --vram has no room (docs/guide/flux.md).",
        Bounds(1, MOST_KEYS, "key frames"),
    )
    quick_decode: Flag = _option(
        False, "Decode FLUX.2's latents by the small autoencoder of lite, for previews: quicker, and coarser."
    )
    compile: Flag = _option(
        False, "Compile the transformer's blocks by torch.compile, which takes a minute or more before the first frame."
    )
    cuda_graphs: Flag = _option(
        False, "Record a velocity as a CUDA graph and replay it (not executed on a card; docs/guide/flux.md)."
    )
    yes: Flag = _option(False, "Go on where a FLUX model would run on the CPU, for minutes a frame.")
    engine: Path | None = _option(
        None,
        "An engine bundle of this model that `python -m export build-engine` made, or none for torch. If not named, "
        "the one that is installed for the CPU, if there is one (docs/engines.md).",
    )
    tile: str = _option(
        "auto",
        "Tiles in which a large frame of --detail generated passes the network: auto, none, or pixels a side "
        "(docs/formats.md).",
    )
    threads: int | None = _option(
        None,
        "CPU threads; torch's own number if not named. Sums depend on it in their last bits.",
        _THREADS,
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.vram != "auto":
            try:
                amount = float(self.vram)
            except ValueError:
                raise UserError(f"--vram is '{self.vram}'; write auto, or GiB such as 16") from None
            if not 0 < amount < _MOST_GIB:
                raise UserError(f"--vram is {self.vram}; name an amount above 0 GiB")


@dataclass(frozen=True, kw_only=True)
class MatchOptions(CheckedFields):
    """What tones are led to."""

    match: Path | None = _option(
        None,
        "An HDR picture that the tone is led to, within bounds: of the same scene, or a hero grade (docs/looks.md).",
    )


@dataclass(frozen=True, kw_only=True)
class ToneOptions(MatchOptions):
    """What a frame takes from the whole of its source."""

    track: str | None = _option(
        None,
        "A tone track that `lumaflux analyze` wrote, or none: every frame gets a tone of its own, which can pump. "
        "One is found first, on the whole source whatever --frames says, if not named.",
    )
    every_frame: Flag = _option(
        False, "Ask the network for the highlights of every frame, not of the tone track's key frames (slower)."
    )
    motion_blending: float = _option(
        0.0,
        "From 0, none, to 1: steady what the model generates along the source's motion (docs/tone-tracks.md).",
        Bounds(0, 1),
    )


@dataclass(frozen=True, kw_only=True)
class ConfidenceOptions(CheckedFields):
    """What of a result is the source's own light."""

    matte: Path | None = _option(
        None,
        "Write what of each pixel is measured, extended and invented, as R, G and B: a .png or .exr for a picture, "
        "numbered for a sequence, a .mkv for a clip; or channels, into the EXR pictures of the result "
        "(docs/confidence.md).",
    )
    mask: Path | None = _option(
        None,
        "A picture, a sequence or a clip of the frames' size that says where the model may invent: 0 never, white as "
        "far as --highlight-recovery and --detail say.",
    )


@dataclass(frozen=True, kw_only=True)
class RoundTripOptions(CheckedFields):
    """Whether the SDR comes back."""

    sdr_exact: Flag = _option(
        False,
        "Of a video, write a sidecar (NAME.sdr) by which `lumaflux restore` makes the SDR again; of a JPEG photograph, "
        "a gain map behind the source's own bytes (docs/round-trip.md).",
    )
    sdr_residual: Flag = _option(
        False,
        "With --sdr-exact, of a video: the sidecar also holds what the HDR file's coding took, so that the SDR comes "
        "back whole, or with about 50 dB (docs/round-trip.md).",
    )


@dataclass(frozen=True, kw_only=True)
class CertificateOptions(CheckedFields):
    """What proves how an output was made."""

    certificate: Path | None = _option(
        None,
        "Write what the output was made of, and a checksum of every frame, to this JSON file, which `lumaflux verify` "
        "proves by rendering frames again (docs/certificate.md).",
    )


@dataclass(frozen=True, kw_only=True)
class VideoOptions(CheckedFields):
    """How a video is written."""

    deliver: Deliver | None = _option(
        None, "How HDR is handed over (docs/formats.md); HDR10 for a video and the format of its suffix for pictures."
    )
    encoder: Encoder = _option(
        "auto",
        "Who encodes HEVC or AV1: x265 or svtav1, by what is delivered, or a device: nvenc, qsv, amf, videotoolbox "
        "(docs/formats.md; none of those has been executed by the project).",
    )
    hdr_metadata: str = _option(
        "auto", "auto measures MaxCLL and MaxFALL; a JSON file, or an HDR file to take them from, states them instead."
    )
    hdr10plus: Path | None = _option(
        None, "Write HDR10+ metadata of every scene to this JSON file, and of every frame into an HDR10 video."
    )
    hdr10plus_profile: Hdr10PlusProfile = _option(
        "a",
        "a: the measured light alone. b: with a tone curve for every shot, which leads a display whose peak is "
        "--reference-white (203 cd/m2) back to the SDR grade (docs/formats.md).",
    )
    crf: float | None = _option(
        None,
        "Constant rate factor of a video: 0 (finest) to 51 for HEVC, 18 if not named; 1 to 63 for AV1, 24.",
        Bounds(0, 63),
    )
    encoder_preset: str | None = _option(
        None, "Speed of a video's encoder: ultrafast to placebo for HEVC, medium if not named; 0 to 13 for AV1, 8."
    )

    @property
    def stated_metadata(self) -> Path | None:
        """The file of ``hdr_metadata``; None where it is measured."""
        return None if str(self.hdr_metadata) == "auto" else Path(self.hdr_metadata)


@dataclass(frozen=True, kw_only=True)
class SoundOptions(CheckedFields):
    """What comes with the pictures."""

    copy_audio: bool = _option(True, "Copy the sound of the source as it is.")


@dataclass(frozen=True, kw_only=True)
class PictureTargetOptions(CheckedFields):
    """How pictures are written, and which."""

    exr_compression: ExrCompression | None = _option(
        None, "zip if not named; none for exr-aces, which its standard asks for."
    )
    output_space: str | None = _option(None, "The color space of the pictures written, in --ocio's configuration.")
    limit: int | None = _option(None, "Stop after so many frames.", Bounds(1, 10**14, "frames"))
    also: tuple[str, ...] = _option(
        (),
        "PROFILE=PATH: another output of the same rendering, by the names of --deliver, as sdr=proxy.mp4 or "
        "exr=shot.%04d.exr. May be given often.",
    )
    preview: int | None = _option(
        None,
        "Convert this frame alone, to a picture, with one for SDR screens beside it (NAME.sdr.png).",
        _NUMBERS,
    )
    start_number: int | None = _option(
        None, "The number of the first picture written; the source's own if not named.", _NUMBERS
    )
    resume: bool = _option(
        True, "Keep the pictures of a sequence that are there from an earlier run with the same settings."
    )


@dataclass(frozen=True, kw_only=True)
class TargetOptions(CheckedFields):
    """What happens to a target that is there."""

    overwrite: Overwrite = _option(False, "Replace an existing target (-y), or refuse to (-n).")


@dataclass(frozen=True, kw_only=True)
class FarmOptions(ConfidenceOptions, ToneOptions, ModelOptions, FrameOptions, SourceOptions):
    """What the frames of a farm's job depend on. Paths are those that all workers see."""

    threads: int | None = _option(
        1,
        "CPU threads of a worker. Sums depend on it in their last bits, so it is the same on all of them.",
        _THREADS,
    )


@dataclass(frozen=True, kw_only=True)
class EncodeOptions(SoundOptions, VideoOptions):
    """How the frames of a farm's job become a video."""


@dataclass(frozen=True, kw_only=True)
class RenderingOptions(
    ConfidenceOptions, VideoOptions, ToneOptions, ModelOptions, DamageOptions, SourceOptions, TargetOptions
):
    """How every clip of a timeline is read, rendered and written; its sound stays where it is. ``matte`` is a
    directory, and ``mask`` may be one: of masks by the names of the media."""

    model: str = _option("", "A model for all clips; else what each effect names.")


def part(group: type[Group], whole: Any, **changes: Any) -> Group:
    """The options of ``group`` as ``whole``, an object of other groups too, has them."""
    kept = {f.name: getattr(whole, f.name) for f in fields(group) if hasattr(whole, f.name)}  # pyright: ignore
    return group(**{**kept, **changes})
