"""The least, usual and largest shape of every input whose size follows the frame's."""

from lumaflux.backends.by_blocks import FIRST, LAST, is_block
from lumaflux.model.config import LumaFluxConfig

Profile = dict[str, tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...]]]


def profile_of(part: str, config: LumaFluxConfig, sizes: tuple[tuple[int, int], ...]) -> Profile:
    """``sizes``: (width, height) three times. Inputs that are not named have one shape alone."""
    shapes = [_shapes(part, config, width, height) for width, height in sizes]
    return {name: (shapes[0][name], shapes[1][name], shapes[2][name]) for name in shapes[0]}


def _shapes(part: str, config: LumaFluxConfig, width: int, height: int) -> dict[str, tuple[int, ...]]:
    picture = (1, 3, height, width)
    latents = (1, config.latent_channels, height // config.vae_stride, width // config.vae_stride)
    n = (height // config.token_stride) * (width // config.token_stride)
    seen = config.null_tokens + config.siglip_tokens
    turns = (1, seen + n, 1, config.width // config.heads // 2, 2)
    hidden = (1, n, config.width)
    if is_block(part):
        physical, bottlenecks = (1, n, config.heads), (1, n, 2 * config.bottleneck)
        return {"hidden": hidden, "turns": turns, "physical": physical, "bottlenecks": bottlenecks}
    return {
        "conditions": {"sdr": picture},
        "encode": {"picture": picture},
        "decode": {"z": latents},
        "knots": {"z": latents},
        "tone": {"vae_pq": picture},
        "velocity": {
            "tokens": (1, n, 4 * config.latent_channels),
            "turns": turns,
            "physical": (config.blocks, 1, n, config.heads),
            "bottlenecks": (config.blocks, 1, n, 2 * config.bottleneck),
        },
        FIRST: {"tokens": (1, n, 4 * config.latent_channels)},
        LAST: {"hidden": hidden},
    }[part]
