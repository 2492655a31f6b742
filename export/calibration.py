"""Real frames for calibration and for the agreement of whole frames."""

from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from lumaflux.errors import UserError
from lumaflux.inference.converter import Converter
from lumaflux.inference.sampler import schedule
from lumaflux.model.latents import bridge_noise, pack, pad_to_multiple

_PICTURES = (".png", ".jpg", ".jpeg", ".tif", ".tiff")


def frames_of(source: Path | None, count: int) -> list[Tensor]:
    """Up to ``count`` SDR frames [3,H,W] of a clip, a picture or a directory; UserError without one."""
    if source is None:
        raise UserError("fp8 needs calibration frames; name a clip or pictures with --calibration")
    frames = []
    for frame in _read(source):
        frames.append(torch.as_tensor(np.ascontiguousarray(frame), dtype=torch.float32))
        if len(frames) == count:
            break
    if not frames:
        raise UserError(f"{source} holds no frames for calibration; name a clip or pictures with --calibration")
    return frames


def _read(source: Path) -> Iterator[np.ndarray]:
    if source.is_dir():
        for picture in sorted(path for path in source.iterdir() if path.suffix.lower() in _PICTURES):
            yield _picture(picture)
    elif source.suffix.lower() in _PICTURES:
        yield _picture(source)
    else:
        import av
        from av.error import FFmpegError

        try:
            with av.open(str(source)) as container:
                for frame in container.decode(video=0):
                    yield frame.to_ndarray(format="rgb24").transpose(2, 0, 1) / np.float32(255)
        except (FFmpegError, IndexError) as error:
            raise UserError(f"{source} cannot be read as a clip for calibration ({error})") from None


def _picture(path: Path) -> np.ndarray:
    from PIL import Image, UnidentifiedImageError

    try:
        with Image.open(path) as picture:
            return np.asarray(picture.convert("RGB")).transpose(2, 0, 1) / np.float32(255)
    except (UnidentifiedImageError, OSError) as error:
        raise UserError(f"{path} cannot be read as a calibration picture ({error})") from None


@torch.inference_mode()
def velocity_samples(converter: Converter, frames: Iterable[Tensor]) -> Iterator[dict[str, np.ndarray]]:
    """The velocity part's inputs for every frame and step of the sampler, at the size that the model works at."""
    model, config = converter.backend.network, converter.config
    for frame in frames:
        sdr = pad_to_multiple(converter.reduced(frame[None]), config.token_stride)
        seen = model.condition(sdr)
        z_start = model.encode(model.start(sdr))
        z = z_start + config.noise_scale * bridge_noise(0, *z_start.shape[1:])
        times = schedule(config.steps)
        psi = model.psi(times[:-1])
        for i in range(config.steps):
            gates = [block.gate for block in seen.blocks]
            n = seen.t_phys.shape[1]
            sample = {
                "tokens": pack(z),
                "t": times[i : i + 1],
                "psi": psi[i : i + 1],
                "turns": seen.rotary,
                "context": seen.context,
                "physical": torch.stack([gate.physical[:, -n:] for gate in gates]),
                "spectral": torch.stack([gate.spectral for gate in gates]),
                "film": torch.stack([block.film for block in seen.blocks if block.film is not None]),
                "bottlenecks": torch.stack([b.bottlenecks for b in seen.blocks if b.bottlenecks is not None]),
            }
            if seen.pooled is not None:
                sample["pooled"] = seen.pooled
            yield {name: value.float().numpy() for name, value in sample.items()}
            z = z + (times[i + 1] - times[i]) * model.velocity(z, times[i : i + 1], seen, psi[i : i + 1])
