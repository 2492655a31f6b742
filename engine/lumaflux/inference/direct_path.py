"""The paper's direct path: a picture placed on the curve, encoded, led to HDR by the sampler, decoded, expanded."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from lumaflux.backends.network import Backend, Network
from lumaflux.errors import UserError
from lumaflux.inference.sampler import Sampling, euler, schedule
from lumaflux.inference.tiled_network import TiledNetwork
from lumaflux.inference.tiles import tiling_of
from lumaflux.inference.tone import Tone
from lumaflux.model.latents import bridge_noise, pad_to_multiple
from lumaflux.model.spline import Knots
from lumaflux.model.tone_predictor import ToneCurve
from lumaflux.settings import Settings


class StageClock:
    """Seconds by stage; a GPU's work counts to the stage that asked for it."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    @contextmanager
    def __call__(self, stage: str) -> Iterator[None]:
        start = time.perf_counter()
        yield
        if torch.cuda.is_available():
            torch.cuda.synchronize()
        self.seconds[stage] = self.seconds.get(stage, 0.0) + time.perf_counter() - start


@dataclass(frozen=True, kw_only=True)
class Generated:
    """What the path makes of a batch: PQ/BT.2020 [B,3,H,W] after (``hdr_pq``) and before (``vae_pq``) the tone field,
    its spline, the latents that the bridge began at without noise (``z_start``), and where the picture was placed."""

    hdr_pq: Tensor
    vae_pq: Tensor
    knots: Knots
    z_start: Tensor
    placement: ToneCurve | None


class DirectPath:
    """The path through a backend. ``bypass`` leaves the transformer out, z(0) = z(1) without noise. ``tile``: pixels a
    side of the tiles that a larger picture passes the network in; None for one of any size at once."""

    def __init__(self, backend: Backend, *, bypass: bool, tile: int | None):
        self.backend, self.bypass, self.tile = backend, bypass, tile
        self.config = backend.config

    def network(self, sdr: Tensor) -> Network[Any]:
        """Who evaluates the direct path of [B,3,H,W]: the network, or for a large frame its tiles."""
        network, stride = self.backend.network, self.config.token_stride
        tiling = self.tile and tiling_of(sdr.shape[-2], sdr.shape[-1], self.tile, stride)
        return TiledNetwork(network, tiling, self.config) if tiling else network

    def generate(
        self,
        sdr: Tensor,
        sampling: Sampling,
        clock: StageClock,
        on_step: Callable[[], None] | None = None,
        tone: Tone | None = None,
    ) -> Generated:
        """The paper's path on a batch [B,3,H,W]; ``tone`` instead of the one that the frame itself asks for."""
        model = self.network(sdr)
        height, width = sdr.shape[-2:]
        z_start, z, placement = self.latents(sdr, sampling, clock, on_step, tone and tone.placement)
        with clock("decode_latents"):
            vae_pq = model.decode_latents(z)[..., :height, :width]
        with clock("tone_field"):
            hdr_pq, knots = model.tone_field(vae_pq, z, tone and tone.knots)
        return Generated(hdr_pq=hdr_pq, vae_pq=vae_pq, knots=knots, z_start=z_start, placement=placement)

    def latents(
        self,
        sdr: Tensor,
        sampling: Sampling,
        clock: StageClock,
        on_step: Callable[[], None] | None,
        placement: ToneCurve | None,
    ) -> tuple[Tensor, Tensor, ToneCurve | None]:
        """Where the bridge began, without noise, and where it ended [B,c,h,w]; and the placement that it began with."""
        model = self.network(sdr)
        with clock("condition"):
            padded = pad_to_multiple(sdr, self.config.token_stride)
            conditions = model.condition(padded)
            placement = placement or model.placement(padded)
            z_start = model.encode(model.start(padded, placement))
        with clock("sample"):
            if self.bypass:
                return z_start, z_start, placement
            start = z_start + self.config.noise_scale * self._noise(z_start, sampling.noise, sampling.seed)
            flow = schedule(sampling.steps or self.config.steps, z_start.device)
            reuse = {"reuse": sampling.reuse, "block_reuse": sampling.block_reuse}
            return z_start, euler(model, start, conditions, flow, on_step, **reuse), placement

    def placement(self, seen: Tensor, settings: Settings) -> ToneCurve | None:
        """Where the picture that the model sees is placed, by what ``settings`` say of its source."""
        return self.backend.network.placement(pad_to_multiple(seen, self.config.token_stride), settings.camera)

    def _noise(self, z_sdr: Tensor, noise: np.ndarray | Tensor | None, seed: int) -> Tensor:
        if noise is None:
            return bridge_noise(seed, *z_sdr.shape[1:]).to(z_sdr)
        given = torch.as_tensor(noise).to(z_sdr)
        if given.shape[-3:] != z_sdr.shape[-3:]:
            raise UserError(f"the noise has shape {tuple(given.shape)}, the latents {tuple(z_sdr.shape)}")
        return given
