"""A network that large frames pass in overlapping tiles; what is one fact of a frame is found on the whole frame."""

import math
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import torch
from torch import Tensor

from lumaflux.backends.network import Network
from lumaflux.inference.rounds import Rounds
from lumaflux.inference.tiles import Tile, Tiling
from lumaflux.model.config import LumaFluxConfig
from lumaflux.model.first_block_cache import FirstBlockCache
from lumaflux.model.latents import pack, unpack
from lumaflux.model.lumaflux import Conditions, LumaFlux
from lumaflux.model.pga import ValueGate
from lumaflux.model.picture_norm import Share, with_picture_norms
from lumaflux.model.spline import Knots
from lumaflux.model.tone_predictor import ToneCurve

_SPACING = 4  # tokens: of the frame outside of its tile, the transformer sees every 4th of every 4th row
_LARGEST_REST = 0.5  # of a tile's tokens: beyond it the lattice is wider
_BAND_ROWS = 256


class TiledNetwork:
    """lumaflux.backends.network.Network of frames of one size, whose token grid is ``tiling``'s.

    Conditions, placement and curve come from the whole frame. Autoencoder and velocity are evaluated in tiles, blended
    in latents, at every step of the sampler, and in PQ. Engines take the velocity whole: their graphs know no weights
    of keys.
    """

    def __init__(self, network: Network[Any], tiling: Tiling, config: LumaFluxConfig):
        self._network, self._tiling = network, tiling
        self._pixels, self._samples = config.token_stride, config.token_stride // config.vae_stride

    def condition(self, sdr: Tensor) -> Any:
        return self._network.condition(sdr)

    def placement(self, sdr: Tensor, camera: float | None = None) -> ToneCurve | None:
        return self._network.placement(sdr, camera)

    def start(self, sdr: Tensor, placement: ToneCurve | None = None) -> Tensor:
        return self._network.start(sdr, placement)

    def to_pq(self, start: Tensor) -> Tensor:
        return self._network.to_pq(start)

    def encode(self, picture: Tensor) -> Tensor:
        def encoder(network: Network[Any]) -> Callable[[Tile], Tensor]:
            return lambda tile: network.encode(tile.of(picture, self._pixels))

        return self._autoencoded(self._samples, encoder)

    def psi(self, t: Tensor) -> Tensor:
        return self._network.psi(t)

    def velocity(
        self,
        z: Tensor,
        t: Tensor,
        conditions: Any,
        psi: Tensor | None = None,
        cache: FirstBlockCache | None = None,
    ) -> Tensor:
        network = self._network
        if not isinstance(network, LumaFlux):
            return network.velocity(z, t, conditions, psi, cache)
        tokens, psi = pack(z), network.psi(t) if psi is None else psi

        def of_tile(tile: Tile) -> Tensor:
            seen, inside, bias = seen_from(tile, self._tiling)
            seen = seen.to(z.device)
            part = conditions_of(conditions, seen, inside, bias)
            made = network.token_velocity(tokens[:, seen], t, part, psi, cache and cache.of(tile))[:, :inside]
            return unpack(made, tile.grid).to(z.dtype)

        return self._tiling.blended(self._samples, of_tile)

    def decode_latents(self, z: Tensor) -> Tensor:
        def decoder(network: Network[Any]) -> Callable[[Tile], Tensor]:
            return lambda tile: network.decode_latents(tile.of(z, self._samples))

        return self._autoencoded(self._pixels, decoder).clamp_(0, 1)

    def _autoencoded(self, scale: int, evaluator: Callable[[Network[Any]], Callable[[Tile], Tensor]]) -> Tensor:
        """The picture of all tiles. They take every normalisation together, by the statistics of the whole frame."""
        if not isinstance(self._network, LumaFlux):
            return self._tiling.blended(scale, evaluator(self._network))
        tiles, rounds = list(self._tiling), Rounds[Tensor]()
        shares = [Share(rows=rows, columns=columns) for _, (rows, columns) in self._tiling.owned()]
        own = {"share": lambda: shares[rounds.current], "pause": rounds.pause}
        vae, decoder = with_picture_norms(self._network.vae, **own), self._network.decoder
        make = evaluator(self._network.with_vae(vae, decoder and with_picture_norms(decoder, **own)))
        made = dict(zip(tiles, rounds.run([partial(make, tile) for tile in tiles]), strict=True))
        return self._tiling.blended(scale, made.pop)

    def knots(self, z: Tensor) -> Knots:
        return self._network.knots(z)

    def fixed_knots(self, count: int) -> Knots | None:
        return self._network.fixed_knots(count)

    def tone_field(self, vae_pq: Tensor, z: Tensor, knots: Knots | None = None) -> tuple[Tensor, Knots]:
        knots = self._network.knots(z) if knots is None else knots
        hdr_pq = torch.empty_like(vae_pq)
        for made, band in zip(hdr_pq.split(_BAND_ROWS, dim=-2), vae_pq.split(_BAND_ROWS, dim=-2), strict=True):
            made.copy_(self._network.tone_field(band, z, knots)[0])
        return hdr_pq, knots


def seen_from(tile: Tile, tiling: Tiling) -> tuple[Tensor, int, float]:
    """Row-major indices of the tokens that ``tile`` attends to, its own first; how many those are; and ln(n).

    The others lie on a lattice over the rest of the frame, and each stands for n tokens: ln(n) added to its logits
    makes softmax over them an estimate of that over the whole frame.
    """
    rows, columns = tiling.grid
    index = torch.arange(rows * columns).view(rows, columns)
    inside = tile.of(index, 1).flatten()
    widest = math.ceil(math.sqrt(rows * columns / (_LARGEST_REST * tiling.size**2)))
    spacing = max(_SPACING, widest)
    lattice = torch.zeros(rows, columns, dtype=torch.bool)
    lattice[(min(spacing, rows) - 1) // 2 :: spacing, (min(spacing, columns) - 1) // 2 :: spacing] = True
    tile.of(lattice, 1).fill_(False)
    rest = index[lattice]
    stands_for = (rows * columns - len(inside)) / max(1, len(rest))
    return torch.cat([inside, rest]), len(inside), math.log(max(1.0, stands_for))


def conditions_of(whole: Conditions, seen: Tensor, inside: int, bias: float) -> Conditions:
    """A frame's conditions at the tokens ``seen``; as keys, those after the first ``inside`` weigh exp(``bias``)."""
    tokens, context = whole.t_phys.shape[1], whole.context.shape[1]

    def after(ahead: int) -> Tensor:
        return torch.cat([torch.arange(ahead, device=seen.device), ahead + seen])

    blocks = []
    for block in whole.blocks:
        gate = block.gate.physical
        picked = gate.index_select(1, after(gate.shape[1] - tokens))
        bottlenecks = None if block.bottlenecks is None else block.bottlenecks.index_select(1, seen)
        blocks.append(
            replace(block, gate=ValueGate(physical=picked, spectral=block.gate.spectral), bottlenecks=bottlenecks)
        )
    key_bias = whole.context.new_zeros(1, 1, 1, context + len(seen))
    key_bias[..., context + inside :] = bias
    return replace(
        whole,
        t_phys=whole.t_phys.index_select(1, seen),
        rotary=whole.rotary.index_select(1, after(context)),
        blocks=tuple(blocks),
        key_bias=key_bias if len(seen) > inside else None,
    )
