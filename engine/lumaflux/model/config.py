"""What a LumaFlux model is made of: backbone shapes, adapter shapes, ablation variant, default schedule."""

import json
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any, Literal, get_args

from lumaflux.errors import UserError
from lumaflux.model.frozen_shapes import FLUX2, is_kl_flux2, latent_stride, token_count
from lumaflux.model.regular_file import read_regular

ValueUpdate = Literal["lora", "pga-no-spectrum", "pga"]
Spline = Literal["linear", "monotone"]
LocalLight = Literal["everywhere", "highlights"]
_LARGEST = 1 << 20  # bytes of a config.json
_LARGEST_SIZE = 1 << 30
_FROZEN_SIZES = {
    "transformer": {"in_channels", "num_layers", "num_attention_heads", "attention_head_dim", "joint_attention_dim"},
    "vae": {"latent_channels"},
    "siglip": {"hidden_size", "image_size"},
}


@dataclass(frozen=True, kw_only=True)
class Variant:
    """Which parts of the method are on: the rows of the paper's ablation table (section 4)."""

    value_update: ValueUpdate = "pga"
    pcm: bool = True
    coupler: bool = True
    spline: Spline = "monotone"


VARIANTS = {
    "lora": Variant(value_update="lora", pcm=False, coupler=False),
    "pga-no-spectrum": Variant(value_update="pga-no-spectrum", pcm=False, coupler=False),
    "pga": Variant(pcm=False, coupler=False),
    "pga-pcm": Variant(coupler=False),
    "linear-spline": Variant(spline="linear"),
    "full": Variant(),
}


@dataclass(frozen=True, kw_only=True)
class LumaFluxConfig:
    """Shapes of one model.

    ``transformer``, ``vae`` and ``siglip`` are the keyword arguments of diffusers' FluxTransformer2DModel and
    AutoencoderKL and of transformers' SiglipVisionConfig; with an ``architecture``, those of another autoencoder or
    tower (lumaflux.model.frozen_shapes). ``steps`` is the default number of Euler steps.
    """

    name: str = "custom"
    transformer: dict[str, Any]
    vae: dict[str, Any]
    siglip: dict[str, Any]
    steps: int = 8
    noise_scale: float = 0.05  # sigma of the bridge's start, paper section 3.4
    rank: int = 8  # of the value update
    physical_channels: int = 32  # of T_phys
    statistics_channels: int = 16  # of g
    spectral_rings: int = 8
    bottleneck: int = 64  # of the connectors, FiLM and coupler
    conditioner_channels: int = 128
    null_tokens: int = 8
    tone_channels: int = 128
    bins: int = 8
    working_pixels: int = 1 << 20  # frames are reduced to about this many where the source gives the detail
    local_light: LocalLight = "everywhere"  # where the source gives the detail: whose light the transformer may change
    test_time_augmentation: bool = False  # highlights: the mean of what it finds in two views of a picture
    tone_bins: int = 0  # of the tone predictor's curve; 0 leaves it out, as the paper does
    variant: Variant = field(default_factory=Variant)

    @property
    def width(self) -> int:
        return self.transformer["num_attention_heads"] * self.transformer["attention_head_dim"]

    @property
    def heads(self) -> int:
        return self.transformer["num_attention_heads"]

    @property
    def double_blocks(self) -> int:
        return self.transformer["num_layers"]

    @property
    def blocks(self) -> int:
        return self.transformer["num_layers"] + self.transformer["num_single_layers"]

    @property
    def second_generation(self) -> bool:
        """Whether the transformer is FLUX.2's."""
        return self.transformer.get("architecture") == FLUX2

    @property
    def position_axes(self) -> int:
        """Numbers in the position of a token."""
        return len(self.transformer["axes_dims_rope"]) if "axes_dims_rope" in self.transformer else 3

    @property
    def latent_channels(self) -> int:
        return self.vae["latent_channels"]

    @property
    def latent_scale(self) -> float:
        if is_kl_flux2(self.vae):
            return 1.0  # its statistics stand in the weights
        return self.vae.get("scaling_factor", 0.18215)  # diffusers' default

    @property
    def latent_shift(self) -> float:
        return self.vae.get("shift_factor") or 0.0

    @property
    def vae_stride(self) -> int:
        """Pixels per latent sample in each direction."""
        return latent_stride(self.vae)

    @property
    def siglip_tokens(self) -> int:
        """How many tokens the tower makes of a picture."""
        return token_count(self.siglip)

    @property
    def token_stride(self) -> int:
        """Pixels per image token in each direction: frames are padded to a multiple of it."""
        return 2 * self.vae_stride

    def with_variant(self, name: str) -> "LumaFluxConfig":
        if name not in VARIANTS:
            raise UserError(f"unknown ablation variant '{name}'; choose one of {', '.join(VARIANTS)}")
        return replace(self, variant=VARIANTS[name])

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


_EARLIER = {"anchor_bins": "tone_bins"}  # how files of the first models name entries
_HUGGINGFACE_PRIVATE = ("_use_default_values", "_name_or_path", "_class_name", "_diffusers_version")


def config_from_json(content: dict[str, Any]) -> LumaFluxConfig:
    """Reads a configuration; raises UserError when a part is missing, unknown or inconsistent."""
    known = {f.name for f in fields(LumaFluxConfig)}
    content = {_EARLIER.get(key, key): value for key, value in content.items()}
    if unknown := sorted(set(content) - known):
        raise UserError(f"config.json has unknown entries {unknown}; expected some of {sorted(known)}")
    parts = {}
    for part in ("transformer", "vae", "siglip"):
        if not isinstance(content.get(part), dict):
            raise UserError(f"config.json lacks the object '{part}' that describes the frozen {part}")
        parts[part] = {k: v for k, v in content[part].items() if k not in _HUGGINGFACE_PRIVATE}
    rest = {k: v for k, v in content.items() if k not in parts}
    try:
        if "variant" in rest:
            rest["variant"] = Variant(**rest["variant"])
        config = LumaFluxConfig(**parts, **rest)
        tokens_ok = config.transformer["in_channels"] == 4 * config.latent_channels
        _ = config.width, config.blocks, config.vae_stride, config.siglip["hidden_size"], config.siglip_tokens
    except (TypeError, KeyError) as error:
        raise UserError(f"config.json is incomplete or malformed: {error}") from None
    _check_numbers(config)
    if config.local_light not in get_args(LocalLight):
        raise UserError(f"config.json: local_light is one of {', '.join(get_args(LocalLight))}")
    if type(config.test_time_augmentation) is not bool:
        raise UserError("config.json: test_time_augmentation is true or false")
    if not tokens_ok:
        raise UserError(
            f"config.json is inconsistent: transformer.in_channels is {config.transformer['in_channels']}, "
            f"but 2x2 packed latents have {4 * config.latent_channels} channels"
        )
    return config


def _check_numbers(config: LumaFluxConfig) -> None:
    """Raises UserError for sizes, of this project's own and of the frozen parts, that are none."""
    for entry in fields(config):
        value = getattr(config, entry.name)
        least = 0 if entry.name == "tone_bins" else 1
        if entry.type is int and (type(value) is not int or not least <= value <= _LARGEST_SIZE):
            raise UserError(f"config.json: {entry.name} is a whole number from {least} on, not {value!r}")
    if type(config.noise_scale) not in (int, float) or not 0 <= config.noise_scale <= 1:
        raise UserError(f"config.json: noise_scale is a number from 0 to 1, not {config.noise_scale!r}")
    for part, names in _FROZEN_SIZES.items():
        values = getattr(config, part)
        for name in names & set(values):
            if type(values[name]) is not int or not 1 <= values[name] <= _LARGEST_SIZE:
                raise UserError(f"config.json: {part}.{name} is a whole number from 1 on, not {values[name]!r}")


def read_config(path: Path) -> LumaFluxConfig:
    """Reads ``config.json``; raises UserError when it is missing or not a model configuration."""
    try:
        content = json.loads(read_regular(path, _LARGEST))
    except FileNotFoundError:
        raise UserError(f"{path.parent} is not a model directory: config.json is missing") from None
    except (OSError, ValueError, RecursionError) as error:
        raise UserError(f"{path} cannot be read as JSON: {error}") from None
    if not isinstance(content, dict):
        raise UserError(f"{path} is not a model configuration: expected an object")
    return config_from_json(content)
