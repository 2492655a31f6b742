"""The models that `lumaflux models` knows: what each is, its licence, and which files of it are used.

No digest and no revision stands here: the store records those of the first download.
"""

from dataclasses import dataclass
from typing import Literal

from lumaflux.errors import UserError

Gated = Literal["no", "licence to accept", "may ask for a login"]
_DIFFUSERS = ("transformer/*.safetensors", "transformer/*.json", "vae/*.safetensors", "vae/*.json")


@dataclass(frozen=True, kw_only=True)
class KnownModel:
    """``repository`` on the model hub; None where it ships with LumaFlux, or where the user names it.

    ``gigabytes`` are about what is fetched: weights counted from the shapes, in the type that they are published in.
    """

    name: str
    what: str
    repository: str | None
    licence: str
    gated: Gated
    gigabytes: float
    files: tuple[str, ...] = ()
    ships: bool = False


_KNOWN = (
    KnownModel(
        name="lite",
        what="the default model",
        repository=None,
        licence="Apache-2.0",
        gated="no",
        gigabytes=0.02,
        ships=True,
    ),
    KnownModel(
        name="flux-dev",
        what="backbone: FLUX.1-dev, 12 B",
        repository="black-forest-labs/FLUX.1-dev",
        licence="FLUX.1 [dev] Non-Commercial License",
        gated="licence to accept",
        gigabytes=24.0,
        files=_DIFFUSERS,
    ),
    KnownModel(
        name="flux-schnell",
        what="backbone: FLUX.1-schnell, 12 B",
        repository="black-forest-labs/FLUX.1-schnell",
        licence="Apache-2.0",
        gated="may ask for a login",
        gigabytes=24.0,
        files=_DIFFUSERS,
    ),
    KnownModel(
        name="flux2-klein",
        what="backbone: FLUX.2 klein 4B, distilled",
        repository="black-forest-labs/FLUX.2-klein-4B",
        licence="Apache-2.0",
        gated="may ask for a login",
        gigabytes=7.9,
        files=_DIFFUSERS,
    ),
    KnownModel(
        name="flux2-klein-base",
        what="backbone: FLUX.2 klein 4B, before distillation",
        repository="black-forest-labs/FLUX.2-klein-base-4B",
        licence="Apache-2.0",
        gated="may ask for a login",
        gigabytes=7.9,
        files=_DIFFUSERS,
    ),
    KnownModel(
        name="siglip",
        what="tower of all backbones: SigLIP so400m, patch 14, 384 px",
        repository="google/siglip-so400m-patch14-384",
        licence="Apache-2.0",
        gated="no",
        gigabytes=3.5,
        files=("model*.safetensors", "*.index.json", "config.json"),
    ),
    KnownModel(
        name="lumaflux-main",
        what="published adapters for flux-dev",
        repository=None,
        licence="as its page says",
        gated="no",
        gigabytes=0.29,
        files=("*.safetensors", "config.json"),
    ),
    KnownModel(
        name="lumaflux-hdrtv1k",
        what="published adapters for flux-dev, trained on HDRTV1K",
        repository=None,
        licence="as its page says",
        gated="no",
        gigabytes=0.29,
        files=("*.safetensors", "config.json"),
    ),
)
KNOWN = {model.name: model for model in _KNOWN}


def known(name: str) -> KnownModel:
    """Raises UserError for a name that is none."""
    if name not in KNOWN:
        raise UserError(f"unknown model '{name}'; `lumaflux models list` shows {', '.join(KNOWN)}")
    return KNOWN[name]
