"""A small frozen decoder of luminance, which stands for the autoencoder's where its cost would bound the updates.

It is fitted to what the autoencoder makes of starts, targets and of what lies between them, and to the light of the
pictures themselves. It costs a fiftieth of the autoencoder's decoder; how well both agree is part of validation.
"""

from collections.abc import Callable, Sequence
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from lumaflux.color import pq
from lumaflux.color.clipping import share_of_gain
from lumaflux.color.primaries import luminance
from lumaflux.inference.detail import OFFSET_NITS
from lumaflux.lab.data.draws import normal, on_device, rand
from lumaflux.lab.training.highlight_losses import placed_luminance
from lumaflux.lab.training.latent_bank import LatentPairs
from lumaflux.lab.training.run import micro_batch_generator

PEAK_NITS = 1000.0
_WIDTH = 128
_MIDDLE_STOPS = 5.0  # log2 of cd/m2 that an untrained decoder gives
_BATCH, _PEAK_RATE, _FINAL_RATE, _WARMUP = 32, 2e-3, 1e-4, 20
_CLIPPED = 4.0  # weight of clipped pixels, beyond the 1 of all

Decode = Callable[[Tensor], Tensor]  # raw latents [B,c,h,w] -> PQ/BT.2020 pictures [B,3,H,W]


class LightDecoder(nn.Module):
    """Normalised latents [B,c,h,w] -> log2(cd/m2 + OFFSET_NITS) of luminance [B,1,stride*h,stride*w]."""

    def __init__(self, channels: int, stride: int):
        super().__init__()

        def conv(inputs: int) -> nn.Conv2d:
            return nn.Conv2d(inputs, _WIDTH, 3, padding=1, padding_mode="replicate")

        self.layers = nn.Sequential(
            conv(channels), nn.SiLU(), conv(_WIDTH), nn.SiLU(), conv(_WIDTH), nn.SiLU(),
            nn.Conv2d(_WIDTH, stride * stride, 1), nn.PixelShuffle(stride),
        )  # fmt: skip

    def forward(self, latents: Tensor) -> Tensor:
        return _MIDDLE_STOPS + self.layers(latents)


def log_light(picture_pq: Tensor) -> Tensor:
    """PQ/BT.2020 [B,3,H,W] -> log2(cd/m2 + OFFSET_NITS) of luminance [B,1,H,W]."""
    return torch.log2(luminance(pq.eotf(picture_pq)) + OFFSET_NITS)


def light_of_pairs(pairs: LatentPairs, index: Tensor) -> tuple[Tensor, Tensor]:
    """The same of the placed pictures and of the targets [B,1,H,W] of some pairs."""
    nits = placed_luminance(pairs.sdr[index], pairs.white[index])
    more = nits * torch.exp2(pairs.stops[index] * share_of_gain(pairs.clipped[index]))
    return torch.log2(nits + OFFSET_NITS), torch.log2(more.clamp(max=PEAK_NITS) + OFFSET_NITS)


@torch.no_grad()
def _examples(pairs: LatentPairs, count: int, decode: Decode, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Raw latents on the way from start to target and beyond, and the light that the autoencoder sees there."""
    generator = on_device(generator, pairs.start.device)
    index, column = (rand((count,), generator) * len(pairs)).long(), (count, 1, 1, 1)
    raw = torch.lerp(pairs.start[index], pairs.target[index], 1.3 * rand(column, generator))
    noise = rand(column, generator) * normal(tuple(raw.shape), generator)
    raw = raw + 0.05 * pairs.start.std() * noise
    return raw, torch.cat([log_light(decode(part)) for part in raw.split(8)])


def fit_light_decoder(
    banks: Sequence[LatentPairs],
    decode: Decode,
    normalise: Callable[[Tensor], Tensor],
    stride: int,
    *,
    updates: int,
    examples: int,
    seed: int,
) -> LightDecoder:
    """A decoder fitted in ``updates`` to ``examples`` decoded latents and to as many pairs as it meets, where the banks
    lie."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        decoder = LightDecoder(banks[0].start.shape[1], stride).to(banks[0].start.device)
    decoded = [
        _examples(bank, -(-examples // len(banks)), decode, micro_batch_generator(seed, -1, which))
        for which, bank in enumerate(banks)
    ]
    optimizer = torch.optim.AdamW(decoder.parameters(), lr=_PEAK_RATE, weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, _PEAK_RATE, max(updates, 2), pct_start=min(0.3, _WARMUP / max(updates, 2)),
        final_div_factor=_PEAK_RATE / _FINAL_RATE,
    )  # fmt: skip
    for step in range(updates):
        which, generator = step % len(banks), micro_batch_generator(seed, step, 1)
        bank, (raw, light) = banks[which], decoded[which]
        chosen = torch.randint(len(raw), (_BATCH // 2,), generator=generator)
        index = torch.randint(len(bank), (_BATCH // 4,), generator=generator)
        begun, aimed = light_of_pairs(bank, index)
        latents = normalise(torch.cat([raw[chosen], bank.start[index], bank.target[index]]))
        wanted = torch.cat([light[chosen], begun, aimed])
        area = bank.clipped[index]
        weight = 1 + _CLIPPED * torch.cat([(wanted[: len(chosen)] > 7).float(), area, area])
        error = decoder(latents) - wanted
        loss = (weight * (error.abs() + error.square())).mean()
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(decoder.parameters(), 1.0)
        optimizer.step()
        schedule.step()
    return decoder.requires_grad_(False).eval()


def load_light_decoder(path: Path, channels: int, stride: int) -> LightDecoder:
    decoder = LightDecoder(channels, stride)
    decoder.load_state_dict(load_file(path))
    return decoder.requires_grad_(False).eval()


def save_light_decoder(decoder: LightDecoder, path: Path) -> None:
    save_file(decoder.state_dict(), path)
