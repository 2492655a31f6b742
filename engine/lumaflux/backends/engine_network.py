"""A network whose heavy parts an engine evaluates; the host keeps what is weightless or depends on sorting.

The host's part: quantiles and ring spectrum of a frame, the tone predictor, Psi, rotary tables, packing, a given curve.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from lumaflux.errors import UserError
from lumaflux.model.attention import rotary_turns
from lumaflux.model.checkpoint import current_keys
from lumaflux.model.conditioner import Conditioner
from lumaflux.model.config import LumaFluxConfig
from lumaflux.model.cues import PhysicalCues, luminance_statistics, relative_luminance, ring_spectrum
from lumaflux.model.first_block_cache import FirstBlockCache
from lumaflux.model.flux_transformer import THETA, RotaryPositions
from lumaflux.model.latents import pack, position_ids, unpack
from lumaflux.model.spline import Knots
from lumaflux.model.tone_predictor import ToneCurve, TonePredictor, start_to_pq

_PER_BLOCK = ("physical", "spectral", "film", "bottlenecks")


class Runner(Protocol):
    """Evaluates one part by name: named tensors to named tensors, batch 1."""

    def __call__(self, part: str, inputs: dict[str, Tensor]) -> dict[str, Tensor]: ...


class HostParts(nn.Module):
    """The modules of Adapters that the host evaluates, under the same names. Always float32."""

    def __init__(self, config: LumaFluxConfig):
        super().__init__()
        self.cues = PhysicalCues(config)
        self.conditioner = Conditioner(config)
        self.tone_predictor = TonePredictor(config) if config.tone_bins else None


def load_host(config: LumaFluxConfig, path: Path) -> HostParts:
    host = HostParts(config)
    host.load_state_dict(current_keys(load_file(path)))
    return host.requires_grad_(False).eval()


@dataclass(frozen=True, kw_only=True)
class EngineConditions:
    """One entry a frame of the batch: the outputs of the part ``conditions``, and ``turns``."""

    frames: tuple[dict[str, Tensor], ...]


class EngineNetwork:
    """lumaflux.backends.network.Network by way of a Runner."""

    def __init__(self, config: LumaFluxConfig, host: HostParts, run: Runner):
        self.config, self.host, self._run = config, host, run
        shape = config.transformer
        self._positions = RotaryPositions(shape["axes_dims_rope"], shape.get("rope_theta", THETA))

    def condition(self, sdr: Tensor) -> EngineConditions:
        stride = self.config.token_stride
        height, width = sdr.shape[-2:]
        if sdr.ndim != 4 or sdr.shape[1] != 3 or height % stride or width % stride:
            raise ValueError(f"expected SDR [B,3,H,W] with H and W multiples of {stride}, got {tuple(sdr.shape)}")
        y = relative_luminance(self.host.cues.linear_light(sdr))
        statistics, spectrum = luminance_statistics(y), ring_spectrum(y, self.config.spectral_rings)
        frames = []
        for i in range(len(sdr)):
            one = slice(i, i + 1)
            made = self._run("conditions", {"sdr": sdr[one], "statistics": statistics[one], "spectrum": spectrum[one]})
            grid, axes = (height // stride, width // stride), self.config.position_axes
            ids = position_ids(made["context"].shape[1], grid, sdr.device, axes)
            turns = rotary_turns(*self._positions(ids))
            frames.append({**made, "turns": turns})
        return EngineConditions(frames=tuple(frames))

    def placement(self, sdr: Tensor, camera: float | None = None) -> ToneCurve | None:
        return None if self.host.tone_predictor is None else self.host.tone_predictor.predict(sdr, camera)

    def start(self, sdr: Tensor, placement: ToneCurve | None = None) -> Tensor:
        predictor = self.host.tone_predictor
        return sdr if predictor is None else predictor(sdr, placement or predictor.predict(sdr))

    def to_pq(self, start: Tensor) -> Tensor:
        return start_to_pq(start, is_pq=self.host.tone_predictor is not None)

    def encode(self, picture: Tensor) -> Tensor:
        return self._each("encode", "picture", picture)["z"]

    def psi(self, t: Tensor) -> Tensor:
        return self.host.conditioner(t)

    def velocity(
        self,
        z: Tensor,
        t: Tensor,
        conditions: EngineConditions,
        psi: Tensor | None = None,
        cache: FirstBlockCache | None = None,
    ) -> Tensor:
        if cache is not None:
            raise UserError("an engine evaluates every block; leave --block-reuse out, or name --engine none")
        psi = self.psi(t) if psi is None else psi
        tokens, grid = pack(z), (z.shape[-2] // 2, z.shape[-1] // 2)
        made = []
        for i, frame in enumerate(conditions.frames):
            one = slice(i, i + 1)
            inputs = {"tokens": tokens[one].float(), "t": t[one].float(), "psi": psi[one].float(), **frame}
            made.append(self._run("velocity", inputs)["velocity"])
        return unpack(torch.cat(made), grid).to(z.dtype)

    def decode_latents(self, z: Tensor) -> Tensor:
        return self._each("decode", "z", z)["vae_pq"]

    def knots(self, z: Tensor) -> Knots:
        return Knots(**self._each("knots", "z", z))

    def fixed_knots(self, count: int) -> Knots | None:
        return None  # they lie inside of the engine

    def tone_field(self, vae_pq: Tensor, z: Tensor, knots: Knots | None = None) -> tuple[Tensor, Knots]:
        knots = self.knots(z) if knots is None else knots
        made = []
        for i in range(len(vae_pq)):
            one = slice(i, i + 1)
            curve = {"x": knots.x[one], "y": knots.y[one], "derivatives": knots.derivatives[one]}
            made.append(self._run("tone", {"vae_pq": vae_pq[one], **curve})["hdr_pq"])
        return torch.cat(made), knots

    def _each(self, part: str, name: str, batch: Tensor) -> dict[str, Tensor]:
        made = [self._run(part, {name: batch[i : i + 1]}) for i in range(len(batch))]
        return {key: torch.cat([one[key] for one in made]) for key in made[0]}
