"""What inference asks of whoever evaluates the network. ``lumaflux.model.LumaFlux`` itself is the torch backend."""

from typing import Any, Protocol, TypeVar

import torch
from torch import Tensor

from lumaflux.model.config import LumaFluxConfig
from lumaflux.model.first_block_cache import FirstBlockCache
from lumaflux.model.spline import Knots
from lumaflux.model.tone_predictor import ToneCurve

Conditions = TypeVar("Conditions")  # each backend's own; inference hands them back as they are


class Network(Protocol[Conditions]):
    def condition(self, sdr: Tensor) -> Conditions:
        """SDR [B,3,H,W] in [0,1], H and W multiples of the token stride -> everything independent of t."""
        ...

    def placement(self, sdr: Tensor, camera: float | None = None) -> ToneCurve | None:
        """SDR [B,3,H,W] in [0,1] -> where the tone predictor places the frame; None without a tone predictor.

        ``camera`` in [0,1]: how much the source is camera material; None leaves that to the predictor.
        """
        ...

    def start(self, sdr: Tensor, placement: ToneCurve | None = None) -> Tensor:
        """SDR [B,3,H,W] in [0,1] -> the picture [B,3,H,W] whose latents the bridge begins at."""
        ...

    def to_pq(self, start: Tensor) -> Tensor:
        """A picture as ``start`` gives it -> the light that it shows, as PQ/BT.2020 [B,3,H,W]."""
        ...

    def encode(self, picture: Tensor) -> Tensor:
        """A non-linear picture [B,3,H,W] in [0,1] -> normalised latents [B,c,h,w]."""
        ...

    def psi(self, t: Tensor) -> Tensor:
        """Flow times [N] -> the conditioner's table [N,blocks,6]."""
        ...

    def velocity(
        self,
        z: Tensor,
        t: Tensor,
        conditions: Conditions,
        psi: Tensor | None = None,
        cache: FirstBlockCache | None = None,
    ) -> Tensor:
        """Latents [B,c,h,w] at flow times [B] -> velocity [B,c,h,w]. ``cache``: that of the schedule which the velocity
        is a step of; raises UserError where there can be none."""
        ...

    def decode_latents(self, z: Tensor) -> Tensor:
        """Final latents [B,c,h,w] -> the VAE's PQ picture [B,3,H,W] in [0,1]."""
        ...

    def knots(self, z: Tensor) -> Knots:
        """Final latents [B,c,h,w] -> the curve that they ask for."""
        ...

    def fixed_knots(self, count: int) -> Knots | None:
        """``knots`` of ``count`` latents, where they are the same for all latents; None where they are not, or where
        nobody can tell."""
        ...

    def tone_field(self, vae_pq: Tensor, z: Tensor, knots: Knots | None = None) -> tuple[Tensor, Knots]:
        """The VAE's picture and the final latent -> the HDR picture in PQ and the curve's knots, ``knots`` if given."""
        ...


class Backend(Protocol):
    """A network of ``config``, and the ``device`` that pictures are handed to it on."""

    @property
    def config(self) -> LumaFluxConfig: ...

    @property
    def device(self) -> torch.device: ...

    @property
    def network(self) -> Network[Any]: ...
