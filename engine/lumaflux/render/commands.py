"""`lumaflux convert` and `lumaflux info`."""

from fractions import Fraction
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter

from lumaflux.errors import UserError
from lumaflux.settings import Settings

_Flag = Parameter(negative="")
Deliver = Literal[
    "hdr10",
    "hdr10-av1",
    "hlg",
    "prores",
    "prores-hq",
    "ffv1",
    "png",
    "tiff",
    "exr",
    "exr-aces",
    "exr-acescg",
    "dpx",
    "ultra-hdr",
]
Compression = Literal["none", "rle", "zips", "zip", "piz", "pxr24", "b44", "b44a", "dwaa", "dwab"]


def convert(
    source: Annotated[Path, Parameter(name=["SOURCE", "-i", "--input"])],
    target: Annotated[Path, Parameter(name=["TARGET", "-o", "--output"])],
    *,
    settings: Annotated[Settings, Parameter(name="*")] = Settings(),  # noqa: B008 (frozen)
    model: str = "lite",
    adapters: Path | None = None,
    backbone: Path | None = None,
    device: str | None = None,
    precision: Literal["fp32", "bf16", "fp16"] | None = None,
    offline: Annotated[bool, _Flag] = False,
    engine: Path | None = None,
    tile: str = "auto",
    deliver: Deliver | None = None,
    exr_compression: Compression | None = None,
    hdr_metadata: str = "auto",
    ocio: str | None = None,
    input_space: str | None = None,
    input_transfer: Literal["auto", "srgb", "bt1886"] = "auto",
    output_space: str | None = None,
    overwrite: Annotated[bool, Parameter(name=["--overwrite", "-y"], negative=["--no-overwrite", "-n"])] = False,
    copy_audio: bool = True,
    force_sdr: Annotated[bool, _Flag] = False,
    interlaced: Literal["refuse", "deinterlace", "progressive"] = "refuse",
    keep_going: Annotated[bool, _Flag] = False,
    frames: str | None = None,
    limit: int | None = None,
    preview: int | None = None,
    start_number: int | None = None,
    fps: str | None = None,
    resume: bool = True,
    track: str | None = None,
    motion_blending: float = 0.0,
    hdr10plus: Path | None = None,
    crf: float | None = None,
    encoder_preset: str | None = None,
    progress: Literal["rich", "plain", "json", "none"] = "rich",
    report: Path | None = None,
) -> None:
    """Convert a clip, a numbered sequence or pictures to HDR.

    Parameters
    ----------
    source
        An SDR clip, a sequence (shot.%04d.exr, shot.####.png, shot.@.dpx), a picture, or a directory of pictures.
    target
        A .mp4, .mov or .mkv; pictures numbered as in shot.%04d.exr; a picture for a picture; a directory for one.
    model
        lite, flux-dev, flux-schnell, or a model directory.
    adapters
        An adapter file to load over the model's own.
    backbone
        The local directory of a FLUX.1 release, with SigLIP in its siglip/.
    device
        As --list-devices shows them; the first of them if not named.
    precision
        fp32, bf16 or fp16; fp32 on the CPU and bf16 elsewhere if not named.
    offline
        Take weights from the local cache only.
    engine
        An engine bundle of this model that `python -m export build-engine` made, or none for torch. If not named, the
        one that is installed for the CPU, if there is one (docs/engines.md).
    tile
        Tiles in which a large frame of --detail generated passes the network: auto, none, or pixels a side
        (docs/formats.md).
    deliver
        How HDR is handed over (docs/formats.md); HDR10 for a video and the format of its suffix for pictures.
    exr_compression
        zip if not named; none for exr-aces, which its standard asks for.
    hdr_metadata
        auto measures MaxCLL and MaxFALL; a JSON file, or an HDR file to take them from, states them instead.
    ocio
        An OpenColorIO configuration, a file or a built-in name, for the spaces below.
    input_space
        The source's colour space in that configuration.
    input_transfer
        How the codes of SDR pictures are meant: srgb as photographs, bt1886 as frames of a video. auto goes by the
        file's tag, else by what it says: a numbered picture beside others that no camera made is a video's.
    output_space
        The colour space of the pictures written, in that configuration.
    overwrite
        Replace an existing target (-y), or refuse to (-n).
    copy_audio
        Copy the sound of the source as it is.
    force_sdr
        Read a PQ- or HLG-tagged source as if it were SDR.
    interlaced
        What to do with an interlaced source.
    keep_going
        Convert the rest where frames are damaged or missing; the exit code is 3 then.
    frames
        Frames to convert: 1001-1020x2,1030 or 1-9:2. Those of a clip count from 0.
    limit
        Stop after so many frames.
    preview
        Convert this frame alone, to a picture.
    start_number
        The number of the first picture written; the source's own if not named.
    fps
        Frames a second of a sequence that is read: 24 if not named, or 24000/1001.
    resume
        Keep the pictures of a sequence that are there from an earlier run with the same settings.
    track
        A tone track that `lumaflux analyze` wrote, or none: every frame gets a tone of its own, which can pump.
        One is found first, on the whole source whatever --frames says, if not named.
    motion_blending
        From 0, none, to 1: steady what the model generates along the motion of the source (docs/tone-tracks.md).
    hdr10plus
        Write HDR10+ metadata of every scene to this JSON file, and of every frame into an HDR10 video.
    crf
        Constant rate factor of a video: 0 (finest) to 51 for HEVC, 18 if not named; 1 to 63 for AV1, 24.
    encoder_preset
        Speed of a video's encoder: ultrafast to placebo for HEVC, medium if not named; 0 to 13 for AV1, 8.
    progress
        How progress is shown, on standard error.
    report
        A JSON file for what was done and the light levels measured.
    """
    from lumaflux.inference.installed_engine import engine_for
    from lumaflux.progress import show_progress, show_report
    from lumaflux.render.clip import refuse_damage
    from lumaflux.render.job import Job
    from lumaflux.render.model_identity import model_identity
    from lumaflux.render.report_file import write_report
    from lumaflux.render.run import convert as run

    engine = engine_for(engine, model, adapters, device, precision)

    def load_converter():
        from lumaflux.inference.load import load

        return load(
            model,
            device=device,
            dtype=precision,
            adapters=adapters,
            backbone=backbone,
            offline=offline,
            engine=engine,
            tile=tile,
        )

    job = Job(
        overwrite=overwrite,
        copy_audio=copy_audio,
        force_sdr=force_sdr,
        limit=limit,
        deliver=deliver,
        frames=frames,
        preview=preview,
        start_number=start_number,
        frame_rate=_rate(fps),
        resume=resume,
        keep_going=keep_going,
        interlaced=interlaced,
        hdr_metadata=None if hdr_metadata == "auto" else Path(hdr_metadata),
        exr_compression=exr_compression,
        ocio=ocio,
        input_space=input_space,
        input_transfer=input_transfer,
        output_space=output_space,
        model=model_identity(model, adapters, backbone, precision, engine),
        track=track,
        motion_blending=motion_blending,
        tile=tile,
        hdr10plus=hdr10plus,
        crf=crf,
        encoder_preset=encoder_preset,
    )
    with show_progress(source.name, progress) as update:
        try:
            reports = run(source, target, load_converter, settings, job, update)
        except (UserError, KeyboardInterrupt) as ending:
            if report is not None:
                write_report(report, getattr(ending, "reports", []), settings, job, str(ending) or "interrupted")
            raise
    if report is not None:
        write_report(report, reports, settings, job)
    show_report(reports)
    for each in reports:
        refuse_damage(each)


def _rate(text: str | None) -> Fraction | None:
    try:
        return None if text is None else Fraction(text)
    except (ValueError, ZeroDivisionError):
        raise UserError(f"'{text}' is no frame rate; write 25, 23.976 or 24000/1001") from None


def info(file: Path, *, measure: Annotated[bool, _Flag] = False) -> None:
    """Show a file's format, range, primaries, transfer, HDR metadata and light levels.

    Parameters
    ----------
    file
        A clip or a picture.
    measure
        Decode the whole of an HDR file and measure its light: MaxCLL, MaxFALL and percentiles, shot by shot.
    """
    from lumaflux.media.metadata.info import probe
    from lumaflux.progress import show_info, show_light

    facts = probe(file)
    show_info(facts)
    if measure:
        from lumaflux.media.metadata.light_measurement import measure_light

        show_light(measure_light(facts))


def list_devices() -> None:
    """What ``--list-devices`` prints: names that ``--device`` takes, the preferred first."""
    from lumaflux.backends.device import list_devices as found

    for name, detail in found():
        print(f"{name}\t{detail}")
