"""Starts an autoencoder as a linear transform: principal components of 8x8 blocks, found level by level.

From random weights a small AutoencoderKL needs tens of thousands of updates before it carries detail. Here all residual
branches begin at zero, so that the encoder is its chain of strided convolutions, set to principal components, and the
decoder its chain of upsampling convolutions, set by least squares. The normalisations before both output convolutions
are made transparent: every signal s is there as the pair (s, -s), which has mean zero and for which
silu(s) - silu(-s) = s exactly, and a constant pair (C, -C) in each group, larger than any signal, fixes the deviation.
"""

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

Autoencoder = Any  # diffusers.AutoencoderKL, whose annotations do not name its blocks

_CONSTANT = 8.0  # of the constant pairs, against signals of deviation 1
LATENT_NOISE = 0.05  # deviation of the posterior at the start, against latents of deviation 1


def principal_components(features: Tensor, count: int) -> tuple[Tensor, Tensor, Tensor]:
    """Rows [N,D] -> mean [D], the ``count`` leading directions [count,D] and their deviations [count]."""
    mean = features.double().mean(0)
    centred = features.double() - mean
    values, vectors = torch.linalg.eigh(centred.T @ centred / len(features))
    order = values.argsort(descending=True)[:count]
    return mean, vectors[:, order].T, values[order].clamp(min=1e-12).sqrt()


def _rows(features: Tensor) -> Tensor:
    return features.movedim(1, -1).flatten(0, -2)


def _blank(conv: Any) -> None:
    nn.init.zeros_(conv.weight)
    if conv.bias is not None:
        nn.init.zeros_(conv.bias)


def _pass_through(conv: Any, channels: int) -> None:
    """Copies the first channels at the central tap."""
    _blank(conv)
    centre = conv.kernel_size[0] // 2
    index = torch.arange(min(channels, conv.out_channels))
    conv.weight[index, index, centre, centre] = 1.0


def _paired(groups: int, channels: int) -> list[tuple[int, int]]:
    """Positions (s, -s) of the signals; the last two channels of each group hold the constants."""
    size = channels // groups
    return [(group * size + 2 * k, group * size + 2 * k + 1) for group in range(groups) for k in range(size // 2 - 1)]


def _spread_pairs(conv: Any, groups: int, matrix: Tensor, bias: Tensor) -> None:
    """Sets a 1x1 convolution to signals ``matrix x + bias`` in pairs, with the constants."""
    _blank(conv)
    for (plus, minus), row, offset in zip(_paired(groups, conv.out_channels), matrix, bias, strict=False):
        conv.weight[plus, : len(row), 0, 0], conv.bias[plus] = row.float(), offset
        conv.weight[minus, : len(row), 0, 0], conv.bias[minus] = -row.float(), -offset
    size = conv.out_channels // groups
    for group in range(groups):
        conv.bias[(group + 1) * size - 2] = _CONSTANT
        conv.bias[(group + 1) * size - 1] = -_CONSTANT


def _read_pairs(norm: nn.GroupNorm, conv: Any, matrix: Tensor, signals: int) -> None:
    """Sets the output convolution to ``matrix`` times the signals behind a transparent normalisation and SiLU."""
    size = norm.num_channels // norm.num_groups
    deviation = ((2 * _CONSTANT**2 + (size - 2)) / size) ** 0.5
    nn.init.constant_(norm.weight, deviation)
    nn.init.zeros_(norm.bias)
    centre = conv.kernel_size[0] // 2
    rows = len(matrix)
    conv.weight[:rows] = 0.0
    conv.bias[:rows] = 0.0
    for k, (plus, minus) in enumerate(_paired(norm.num_groups, norm.num_channels)[:signals]):
        conv.weight[:rows, plus, centre, centre] = matrix[:, k].float()
        conv.weight[:rows, minus, centre, centre] = -matrix[:, k].float()


def _zero_branches(vae: Autoencoder) -> None:
    module: Any
    for module in vae.modules():
        if module.__class__.__name__ == "ResnetBlock2D":
            _blank(module.conv2)
            if module.conv_shortcut is not None:
                _pass_through(module.conv_shortcut, min(module.in_channels, module.out_channels))


def _init_encoder(vae: Autoencoder, pictures: Tensor) -> list[Tensor]:
    """Returns the features of each level, finest first: what the decoder is fitted to."""
    encoder = vae.encoder
    _pass_through(encoder.conv_in, 3)
    features, levels = pictures, [pictures]
    for block in encoder.down_blocks[:-1]:
        conv = block.downsamplers[0].conv
        blocks = F.pixel_unshuffle(features, 2)  # channels (c, dy, dx)
        count = min(blocks.shape[1], conv.out_channels - 2)
        mean, directions, _ = principal_components(_rows(blocks), count)
        _blank(conv)
        conv.weight[:count, : features.shape[1], :2, :2] = directions.view(count, features.shape[1], 2, 2).float()
        conv.bias[:count] = -(directions @ mean).float()
        features = F.conv2d(blocks, directions.float()[:, :, None, None], -(directions @ mean).float())
        levels.append(features)
    groups = encoder.conv_norm_out.num_groups
    last = encoder.down_blocks[-1].resnets[0].conv_shortcut
    signals = len(_paired(groups, last.out_channels))
    mean, directions, deviations = principal_components(_rows(features), min(signals, features.shape[1]))
    whitened = directions / deviations[:, None]
    _spread_pairs(last, groups, whitened, -(whitened @ mean))
    # Latents between bare and whitened components: equal noise in all of them then costs the picture least.
    latent = deviations[: vae.config["latent_channels"]].sqrt()
    latent = latent / latent.square().mean().sqrt()
    _read_pairs(encoder.conv_norm_out, encoder.conv_out, _square(latent, len(deviations)), len(deviations))
    count = len(latent)
    nn.init.zeros_(encoder.conv_out.weight[count:])
    nn.init.constant_(encoder.conv_out.bias[count:], 2 * torch.tensor(LATENT_NOISE).log().item())
    return levels


def _square(diagonal: Tensor, columns: int) -> Tensor:
    matrix = torch.zeros(len(diagonal), columns, dtype=torch.float64)
    matrix[:, : len(diagonal)] = torch.diag(diagonal)
    return matrix


def _fit(conv: Any, source: Tensor, target: Tensor) -> Tensor:
    """Least squares of a 3x3 convolution from ``source`` to ``target``; returns its output."""
    channels, count = source.shape[1], target.shape[1]
    columns = _rows(F.unfold(source, 3, padding=1).unflatten(2, source.shape[2:])).double()
    columns = torch.cat([columns, torch.ones(len(columns), 1, dtype=torch.float64)], dim=1)
    gram = columns.T @ columns
    gram += 1e-6 * gram.diagonal().mean() * torch.eye(len(gram), dtype=torch.float64)
    solution = torch.linalg.solve(gram, columns.T @ _rows(target).double()).float()
    conv.weight[:count, :channels] = solution[:-1].T.reshape(count, channels, 3, 3)
    conv.weight[:count, channels:] = 0.0
    conv.bias[:count] = solution[-1]
    return F.conv2d(source, conv.weight[:count, :channels], conv.bias[:count], padding=1)


def _init_decoder(vae: Autoencoder, latents: Tensor, levels: list[Tensor]) -> None:
    decoder = vae.decoder
    features = _fit(decoder.conv_in, latents, levels[-1])
    for block, target in zip(decoder.up_blocks[:-1], reversed(levels[:-1]), strict=True):
        features = _fit(block.upsamplers[0].conv, F.interpolate(features, scale_factor=2.0), target)
    groups = decoder.conv_norm_out.num_groups
    shortcut = decoder.up_blocks[-1].resnets[0].conv_shortcut
    _spread_pairs(shortcut, groups, torch.eye(3, dtype=torch.float64), torch.zeros(3))
    _read_pairs(decoder.conv_norm_out, decoder.conv_out, torch.eye(3, dtype=torch.float64), 3)


@torch.no_grad()
def linear_init(vae: Autoencoder, pictures: Tensor) -> None:
    """Sets ``vae`` from pictures [N,3,S,S] in [-1,1].

    Raises ValueError for a shape it does not know: it needs one resnet a block, a change of width in the coarsest and
    the finest block, and neither quantisation convolutions nor mid attention.
    """
    config = vae.config
    width = config["block_out_channels"]
    plain = not (config["use_quant_conv"] or config["use_post_quant_conv"] or config["mid_block_add_attention"])
    if not plain or config["layers_per_block"] != 1 or width[0] == width[1] or width[-1] == width[-2]:
        raise ValueError("the linear start needs one layer a block, changing widths and no attention")
    _zero_branches(vae)
    levels = _init_encoder(vae, pictures)
    _init_decoder(vae, vae.encode(pictures).latent_dist.mode(), levels)
