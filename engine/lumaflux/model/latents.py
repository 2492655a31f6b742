"""Latents of the frozen VAE, their 2x2 packing into tokens, padding, and the bridge's noise (paper section 3.4)."""

from functools import lru_cache

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor


def pad_to_multiple(frame: Tensor, multiple: int) -> Tensor:
    """Pads [B,C,H,W] by replication at the right and bottom to a multiple of ``multiple``."""
    height, width = frame.shape[-2:]
    return F.pad(frame, (0, -width % multiple, 0, -height % multiple), mode="replicate")


def pack(latents: Tensor) -> Tensor:
    """[B,c,2a,2b] -> tokens [B,ab,4c], channels ordered (c,dy,dx), tokens row-major."""
    batch, channels, height, width = latents.shape
    x = latents.view(batch, channels, height // 2, 2, width // 2, 2)
    return x.permute(0, 2, 4, 1, 3, 5).reshape(batch, height * width // 4, 4 * channels)


def unpack(tokens: Tensor, grid: tuple[int, int]) -> Tensor:
    """The inverse of ``pack`` for a token grid (rows, columns)."""
    batch, _, packed = tokens.shape
    rows, columns = grid
    x = tokens.view(batch, rows, columns, packed // 4, 2, 2)
    return x.permute(0, 3, 1, 4, 2, 5).reshape(batch, packed // 4, 2 * rows, 2 * columns)


def position_ids(context_tokens: int, grid: tuple[int, int], device: torch.device, axes: int = 3) -> Tensor:
    """Rotary ids [context + n, 3]: zeros for the context, (0, row, column) for image tokens.

    With four ``axes``, FLUX.2's, the last counts the tokens of the context: (0, 0, 0, i) and (0, row, column, 0).
    """
    rows = torch.arange(grid[0], device=device, dtype=torch.float32).repeat_interleave(grid[1])
    columns = torch.arange(grid[1], device=device, dtype=torch.float32).repeat(grid[0])
    none = torch.zeros_like(rows)
    image = torch.stack([none, rows, columns, none][:axes], dim=1)
    context = image.new_zeros(context_tokens, axes)
    if axes > 3:
        context[:, 3] = torch.arange(context_tokens, device=device)
    return torch.cat([context, image])


def bridge_noise(seed: int, channels: int, height: int, width: int, *, top: int = 0, left: int = 0) -> Tensor:
    """Standard normal noise [channels, height, width] at latent rows ``top``.. and columns ``left``..

    Counter-based (Philox, keyed by seed; the counter is the latent position), so a farm node, a tile and the
    whole frame see the same numbers, and so does every frame of a clip.
    """
    return torch.from_numpy(_noise(seed, channels, height, width, top, left)).clone()


@lru_cache(maxsize=4)
def _noise(seed: int, channels: int, height: int, width: int, top: int, left: int) -> np.ndarray:
    blocks = -(-channels // 4)  # a Philox counter yields four 64-bit words
    words = np.empty((height, width * blocks * 4), dtype=np.uint64)
    for row in range(height):
        generator = np.random.Philox(key=seed, counter=[left * blocks, top + row, 0, 0])
        words[row] = generator.random_raw(width * blocks * 4)
    uniform = ((words >> np.uint64(11)).astype(np.float64) + 0.5) * 2.0**-53
    normal = torch.special.ndtri(torch.from_numpy(uniform)).float().numpy()
    planes = normal.reshape(height, width, blocks * 4)[..., :channels]
    return np.ascontiguousarray(planes.transpose(2, 0, 1))
