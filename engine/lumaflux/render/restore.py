"""`lumaflux restore`: the SDR video that an HDR one was made of, from the HDR file and its sidecar."""

from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from lumaflux.errors import UserError
from lumaflux.media.stills.sequence_path import SequencePath
from lumaflux.render.sdr_sidecar import Sidecar, SidecarWriter

Progress = Callable[[int, int | None], None]
_CLIP, _PICTURE = ".mkv", ".png"


def restore(
    hdr: Path,
    sidecar: Path,
    target: Path,
    *,
    overwrite: bool = False,
    progress: Progress = lambda done, total: None,
) -> dict[str, Any]:
    """Writes the SDR frames as lossless FFV1 (.mkv) or as numbered 8-bit PNG.

    The ``frames`` that were written, and what the conversion ``measured`` of how near they come, of every shot (empty
    for sidecars of earlier versions). Raises UserError for a sidecar of another file, or one that is damaged or cut
    short, and for a target of another form.
    """
    from lumaflux.media.metadata.info import probe
    from lumaflux.media.video.rgb_clip import RgbClip

    pattern, clip = SequencePath.parse(target), target.suffix.lower() == _CLIP
    if clip == (pattern is not None) or not (clip or target.suffix.lower() == _PICTURE):
        raise UserError(f"{target} cannot hold the restored frames; name sdr{_CLIP} (FFV1), or pictures: sdr.%04d.png")
    with Sidecar(sidecar, hdr) as led:
        if pattern is None:
            info = probe(hdr)
            size, base = (info.width, info.height), info.time_base or 1 / (info.frame_rate or Fraction(24))
            with RgbClip(target, size, base, overwrite=overwrite, sources=(hdr,), bt709=True) as made:
                for codes, pts in _every_frame(hdr, led, progress):
                    made.write(codes, pts)
        else:
            from lumaflux.media.stills.png_chunks import write_sdr

            target.parent.mkdir(parents=True, exist_ok=True)
            for number, (codes, _) in enumerate(_every_frame(hdr, led, progress)):
                write_sdr(pattern.file(number), codes, overwrite=overwrite)
        return {"frames": led.frames, "measured": led.measured}


def _every_frame(hdr: Path, led: Sidecar, progress: Progress) -> Iterator[tuple[np.ndarray, int]]:
    done = 0
    for done, frame in enumerate(restored_frames(hdr, led), 1):
        yield frame
        progress(done, led.frames)
    if done != led.frames:
        raise UserError(f"{hdr} has {done} frames, its sidecar {led.frames}; one of the two is cut short")


def restored_frames(
    hdr: Path, led: Sidecar | SidecarWriter, wants: Callable[[int], bool] = lambda number: True
) -> Iterator[tuple[np.ndarray, int]]:
    """SDR [3,H,W] in [0,1], in whole codes of 8 bits, and the time of every wanted frame."""
    import torch

    from lumaflux.inference.inverse import restored
    from lumaflux.media.video.reader import SdrFrame, VideoReader

    with VideoReader(hdr, allow_hdr=True) as reader, torch.inference_mode():
        for frame in reader.frames(wants):

            def plain(frame: SdrFrame = frame) -> np.ndarray:
                codes = restored(torch.from_numpy(frame.sdr)[None], led.lighting(frame.number))[0].numpy()
                return np.floor(codes * 255 + 0.5).astype(np.float32) / 255

            yield plain() if led.residual is None else led.residual.led(frame.number, plain), frame.pts
        reader.check_whole()
