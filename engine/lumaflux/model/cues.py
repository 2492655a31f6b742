"""Physical cues of an SDR frame (paper section 3.1): luminance, gradient, saturation, statistics, spectrum."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from lumaflux.color import bt1886
from lumaflux.color.primaries import BT709, BT2020, BT2020_LUMA, rgb_to_rgb
from lumaflux.color.primaries import luminance as weighted
from lumaflux.model.config import LumaFluxConfig
from lumaflux.model.precision import full_precision

_BAND_TOKENS = 64  # token rows per band: bounds the memory of the pixel-resolution convolution


class PhysicalCues(nn.Module):
    """T_phys, g and r of a frame. Always float32: these are physical measurements."""

    bt709_to_bt2020: Tensor

    def __init__(self, config: LumaFluxConfig):
        super().__init__()
        self.token_stride = config.token_stride
        self.rings = config.spectral_rings
        self.register_buffer(
            "bt709_to_bt2020", torch.tensor(rgb_to_rgb(BT709, BT2020), dtype=torch.float32), persistent=False
        )
        self.tokens = nn.Conv2d(3, config.physical_channels, 3, padding=1)
        g = config.statistics_channels
        self.statistics = nn.Sequential(nn.Linear(4, g), nn.SiLU(), nn.Linear(g, g))

    @full_precision
    def forward(self, sdr: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """SDR [B,3,H,W] in [0,1] -> T_phys [B,n,32], g [B,16], r [B,8]."""
        rgb_linear = self.linear_light(sdr.float())
        luminance = relative_luminance(rgb_linear)
        maps = torch.cat([luminance, log_gradient(luminance), saturation(rgb_linear)], dim=1)
        g = self.statistics(luminance_statistics(luminance))
        return self._pool(maps), g, ring_spectrum(luminance, self.rings)

    def linear_light(self, sdr: Tensor) -> Tensor:
        """Non-linear BT.709 [B,3,H,W] -> relative linear BT.2020 in [0,1]; SDR white is 1."""
        light = bt1886.eotf(sdr, white_nits=1.0)
        return torch.einsum("ij,bjhw->bihw", self.bt709_to_bt2020, light).clamp(0, 1)

    def _pool(self, maps: Tensor) -> Tensor:
        """Convolves at pixel resolution, averages onto the token grid; in bands of rows with a halo of one."""
        stride, height = self.token_stride, maps.shape[-2]
        padded = F.pad(maps, (1, 1, 1, 1))
        bands = []
        for top in range(0, height, stride * _BAND_TOKENS):
            rows = min(stride * _BAND_TOKENS, height - top)
            band = padded[..., top : top + rows + 2, :]
            features = F.conv2d(band, self.tokens.weight, self.tokens.bias)
            bands.append(F.avg_pool2d(features, stride))
        return torch.cat(bands, dim=-2).flatten(2).transpose(1, 2)


def relative_luminance(rgb_linear: Tensor) -> Tensor:
    """BT.2020 RGB [B,3,H,W] -> Y [B,1,H,W]."""
    return weighted(rgb_linear, BT2020_LUMA)


def log_gradient(luminance: Tensor) -> Tensor:
    """log(1 + Sobel magnitude) of Y [B,1,H,W], replicated borders."""
    padded = F.pad(luminance, (1, 1, 1, 1), mode="replicate")
    across, down = padded[..., 2:] - padded[..., :-2], padded[..., 2:, :] - padded[..., :-2, :]
    gx = (across[..., :-2, :] + 2 * across[..., 1:-1, :] + across[..., 2:, :]) / 4
    gy = (down[..., :-2] + 2 * down[..., 1:-1] + down[..., 2:]) / 4
    return torch.log1p(torch.sqrt(gx * gx + gy * gy + 1e-12))


def saturation(rgb_linear: Tensor) -> Tensor:
    """(max - min) / (max + 1e-6) of RGB [B,3,H,W] -> [B,1,H,W]."""
    high, low = rgb_linear.amax(1, keepdim=True), rgb_linear.amin(1, keepdim=True)
    return (high - low) / (high + 1e-6)


def luminance_statistics(luminance: Tensor) -> Tensor:
    """s_g = [mean, unbiased std, p95, p99] of Y: [B,1,H,W] -> [B,4]."""
    y = luminance.flatten(1)
    p95, p99 = upper_quantiles(y, (0.95, 0.99))
    return torch.stack([y.mean(1), y.std(1), p95, p99], dim=1)


def upper_quantiles(values: Tensor, levels: tuple[float, ...]) -> list[Tensor]:
    """Linearly interpolated quantiles of [B,N] at ascending upper levels, for any N (torch.quantile stops at 2^24)."""
    count = values.shape[1]
    first = int(levels[0] * (count - 1))
    top = values.topk(count - first, dim=1).values.flip(1)
    results = []
    for level in levels:
        position = level * (count - 1)
        low = int(position)
        high = min(low + 1, count - 1)
        results.append(torch.lerp(top[:, low - first], top[:, high - first], position - low))
    return results


def ring_spectrum(luminance: Tensor, rings: int) -> Tensor:
    """log1p of the mean energy in rings of radial frequency: Y [B,1,H,W] -> [B,rings]."""
    height, width = luminance.shape[-2:]
    energy = torch.fft.rfft2(luminance[:, 0], norm="ortho").abs().square()
    fy = torch.fft.fftfreq(height, device=luminance.device).unsqueeze(1)
    fx = torch.fft.rfftfreq(width, device=luminance.device)
    radius = torch.sqrt(fy * fy + fx * fx)
    ring = (rings * (radius / radius.max()).clamp(max=1 - 1e-6)).long()
    means = []
    for index in range(rings):  # a masked sum each: index_add would add in another order every time on CUDA
        inside = ring == index
        total = torch.where(inside, energy, 0.0).sum(dim=(1, 2))
        means.append(total / inside.sum().clamp(min=1))
    return torch.log1p(torch.stack(means, dim=1))
