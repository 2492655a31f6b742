"""The published adapter file's key names and the project's own: a pure mapping, both ways."""

import re

from torch import Tensor

from lumaflux.errors import UserError

_MODULATION = "transformer.transformer_blocks.0.modulation"
_SINGLE_KEYS = {
    "null_context": "perception.null_context",
    "null_pooled": "perception.null_pooled",
    "pooled_from_stats": "perception.pooled_from_statistics",
    "perc_connector.proj": "perception.connector",
    "ctx_connector.proj": "perception.context_connector",
    "physical.conv": "cues.tokens",
    "physical.mlp_g": "cues.statistics",
    f"{_MODULATION}.t_proj": "conditioner.time",
    f"{_MODULATION}.layer_embed": "conditioner.block",
    f"{_MODULATION}.mlp.1": "conditioner.hidden",
    f"{_MODULATION}.head": "conditioner.head",
    "rqs.head": "tone.head",
    "rqs.chroma": "tone.chroma",
}
_BLOCK_KEYS = {
    "pga.down": "pga.down",
    "pga.up": "pga.up",
    "pga.p_v": "pga.gate",
    "pga.w_r": "pga.spectral",
    "pcm.mlp": "pcm.mlp",
    "coupler.w_p.0": "coupler.physical_in",
    "coupler.w_p.2": "coupler.physical_out",
    "coupler.w_c.0": "coupler.perceptual_in",
    "coupler.w_c.2": "coupler.perceptual_out",
}
_PUBLISHED_BLOCK = re.compile(r"transformer\.(single_)?transformer_blocks\.(\d+)\.(.+)")
_OWN_BLOCK = re.compile(r"blocks\.(\d+)\.(.+)")


def is_published(keys: set[str]) -> bool:
    """Whether a file's keys are the published layout's."""
    return f"{_MODULATION}.head.weight" in keys


def from_published(tensors: dict[str, Tensor], double_blocks: int) -> dict[str, Tensor]:
    """Published names -> own names; raises UserError on a key that is neither."""
    return {_to_own(key, double_blocks): tensor for key, tensor in tensors.items()}


def to_published(tensors: dict[str, Tensor], double_blocks: int) -> dict[str, Tensor]:
    """Own names -> published names."""
    return {_to_published(key, double_blocks): tensor for key, tensor in tensors.items()}


def _to_own(key: str, double_blocks: int) -> str:
    if own := _swap_prefix(key, _SINGLE_KEYS):
        return own
    if match := _PUBLISHED_BLOCK.fullmatch(key):
        single, number, rest = match.groups()
        if own := _swap_prefix(rest, _BLOCK_KEYS):
            return f"blocks.{int(number) + (double_blocks if single else 0)}.{own}"
    raise UserError(f"the adapter file has the unknown entry '{key}'; it is not a LumaFlux adapter file")


def _to_published(key: str, double_blocks: int) -> str:
    if published := _swap_prefix(key, {own: name for name, own in _SINGLE_KEYS.items()}):
        return published
    if match := _OWN_BLOCK.fullmatch(key):
        number, rest = int(match[1]), match[2]
        if published := _swap_prefix(rest, {own: name for name, own in _BLOCK_KEYS.items()}):
            if number < double_blocks:
                return f"transformer.transformer_blocks.{number}.{published}"
            return f"transformer.single_transformer_blocks.{number - double_blocks}.{published}"
    raise UserError(f"the adapter entry '{key}' has no published name")


def _swap_prefix(key: str, table: dict[str, str]) -> str | None:
    for prefix, replacement in table.items():
        if key == prefix or key.startswith(prefix + "."):
            return replacement + key[len(prefix) :]
    return None
