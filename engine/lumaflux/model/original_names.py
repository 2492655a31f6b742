"""Names of weights in the original single files -> diffusers' names: FLUX.1 and FLUX.2 transformers, autoencoders.

Only names are known here; a fused matrix has several targets, whose rows follow each other in it.
"""

import re
from collections.abc import Callable, Collection

Names = Callable[[str], tuple[str, ...]]  # a file's key -> its targets, none for a key that is unknown

SWAPPED = "final_layer.adaLN_modulation.1"  # holds (shift, scale) where diffusers has (scale, shift)
_QKV = ("attn.to_q", "attn.to_k", "attn.to_v")
_ADDED_QKV = ("attn.add_q_proj", "attn.add_k_proj", "attn.add_v_proj")
_BLOCK = re.compile(r"(double|single)_blocks\.(\d+)\.(.+)")
_STREAM = {"double": "transformer_blocks", "single": "single_transformer_blocks"}
_Table = dict[str, tuple[str, ...]]

_ATTENTION: _Table = {
    "img_attn.qkv": _QKV,
    "img_attn.norm.query_norm": ("attn.norm_q",),
    "img_attn.norm.key_norm": ("attn.norm_k",),
    "img_attn.proj": ("attn.to_out.0",),
    "txt_attn.qkv": _ADDED_QKV,
    "txt_attn.norm.query_norm": ("attn.norm_added_q",),
    "txt_attn.norm.key_norm": ("attn.norm_added_k",),
    "txt_attn.proj": ("attn.to_add_out",),
}
_SINGLE_NORMS: _Table = {"norm.query_norm": ("attn.norm_q",), "norm.key_norm": ("attn.norm_k",)}
_ENDS: _Table = {
    "img_in": ("x_embedder",),
    "txt_in": ("context_embedder",),
    SWAPPED: ("norm_out.linear",),
    "final_layer.linear": ("proj_out",),
}


def _embedder(source: str, target: str) -> _Table:
    return {f"{source}.in_layer": (f"{target}.linear_1",), f"{source}.out_layer": (f"{target}.linear_2",)}


_FLUX1: dict[str, _Table] = {
    "": {
        **_ENDS,
        **_embedder("time_in", "time_text_embed.timestep_embedder"),
        **_embedder("vector_in", "time_text_embed.text_embedder"),
        **_embedder("guidance_in", "time_text_embed.guidance_embedder"),
    },
    "double": {
        **_ATTENTION,
        "img_mod.lin": ("norm1.linear",),
        "txt_mod.lin": ("norm1_context.linear",),
        "img_mlp.0": ("ff.net.0.proj",),
        "img_mlp.2": ("ff.net.2",),
        "txt_mlp.0": ("ff_context.net.0.proj",),
        "txt_mlp.2": ("ff_context.net.2",),
    },
    "single": {
        **_SINGLE_NORMS,
        "modulation.lin": ("norm.linear",),
        "linear1": (*_QKV, "proj_mlp"),
        "linear2": ("proj_out",),
    },
}
_FLUX2: dict[str, _Table] = {
    "": {
        **_ENDS,
        **_embedder("time_in", "time_guidance_embed.timestep_embedder"),
        **_embedder("guidance_in", "time_guidance_embed.guidance_embedder"),
        "double_stream_modulation_img.lin": ("double_stream_modulation_img.linear",),
        "double_stream_modulation_txt.lin": ("double_stream_modulation_txt.linear",),
        "single_stream_modulation.lin": ("single_stream_modulation.linear",),
    },
    "double": {
        **_ATTENTION,
        "img_mlp.0": ("ff.linear_in",),
        "img_mlp.2": ("ff.linear_out",),
        "txt_mlp.0": ("ff_context.linear_in",),
        "txt_mlp.2": ("ff_context.linear_out",),
    },
    "single": {**_SINGLE_NORMS, "linear1": ("attn.to_qkv_mlp_proj",), "linear2": ("attn.to_out",)},
}
_VAE = (
    (re.compile(r"(encoder|decoder)\.norm_out\.(.+)"), r"\1.conv_norm_out.\2"),
    (re.compile(r"(encoder|decoder)\.mid\.block_1\.(.+)"), r"\1.mid_block.resnets.0.\2"),
    (re.compile(r"(encoder|decoder)\.mid\.block_2\.(.+)"), r"\1.mid_block.resnets.1.\2"),
    (re.compile(r"(encoder|decoder)\.mid\.attn_1\.norm\.(.+)"), r"\1.mid_block.attentions.0.group_norm.\2"),
    (re.compile(r"(encoder|decoder)\.mid\.attn_1\.proj_out\.(.+)"), r"\1.mid_block.attentions.0.to_out.0.\2"),
    (re.compile(r"(encoder|decoder)\.mid\.attn_1\.([qkv])\.(.+)"), r"\1.mid_block.attentions.0.to_\2.\3"),
    (re.compile(r"encoder\.down\.(\d+)\.block\.(\d+)\.(.+)"), r"encoder.down_blocks.\1.resnets.\2.\3"),
    (re.compile(r"encoder\.down\.(\d+)\.downsample\.(.+)"), r"encoder.down_blocks.\1.downsamplers.0.\2"),
    (re.compile(r"(?:encoder\.|decoder\.)((?:post_)?quant_conv\..+)"), r"\1"),
)
_UP = re.compile(r"decoder\.up\.(\d+)\.(block|upsample)\.(.+)")


def is_original(keys: set[str]) -> bool:
    """Whether a transformer's keys, without a prefix, are the original release's."""
    return any(key.startswith("double_blocks.") for key in keys)


def transformer_names(*, second: bool) -> Names:
    """Names of a FLUX.1 transformer, or of a ``second`` generation one, FLUX.2's."""
    tables = _FLUX2 if second else _FLUX1

    def targets(key: str) -> tuple[str, ...]:
        match = _BLOCK.fullmatch(key)
        kind, number, rest = match.groups() if match else ("", "", key)
        stem, _, suffix = rest.rpartition(".")
        head = f"{_STREAM[kind]}.{number}." if kind else ""
        suffix = "weight" if suffix == "scale" else suffix  # of RMS norms
        return tuple(f"{head}{target}.{suffix}" for target in tables[kind].get(stem, ()))

    return targets


def original_keys(weights: Collection[str], *, second: bool) -> dict[str, tuple[str, ...]]:
    """The inverse: every key of the original file whose targets are among a transformer's ``weights``."""
    targets, found = transformer_names(second=second), {}
    for head, kind in {_head(name) for name in weights}:
        for stem in (_FLUX2 if second else _FLUX1)[kind]:
            for suffix in ("scale",) if stem.endswith("_norm") else ("weight", "bias"):
                key = f"{head}{stem}.{suffix}"
                if all(target in weights for target in targets(key)):
                    found[key] = targets(key)
    return found


def _head(weight: str) -> tuple[str, str]:
    """What the original key of a weight begins with, and the kind of its block."""
    module, _, rest = weight.partition(".")
    kind = next((kind for kind, name in _STREAM.items() if name == module), "")
    return (f"{kind}_blocks.{rest.partition('.')[0]}." if kind else "", kind)


def vae_names(levels: int) -> Names:
    """Names of an autoencoder of so many resolutions: ``up`` counts from the finest, diffusers' from the coarsest."""

    def targets(key: str) -> tuple[str, ...]:
        if match := _UP.fullmatch(key):
            level, kind, rest = levels - 1 - int(match[1]), match[2], match[3]
            where = f"resnets.{rest}" if kind == "block" else f"upsamplers.0.{rest}"
            return (f"decoder.up_blocks.{level}.{where}".replace("nin_shortcut", "conv_shortcut"),)
        for pattern, replacement in _VAE:
            if pattern.fullmatch(key):
                key = pattern.sub(replacement, key)
                break
        return (key.replace("nin_shortcut", "conv_shortcut"),)

    return targets
