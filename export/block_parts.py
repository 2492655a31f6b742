"""The velocity in one graph a block, for backbones whose weights must not stand in memory twice."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from lumaflux.backends.by_blocks import FIRST, LAST, NEXT, SHARED_MODULATIONS, block_name, modulation_name
from lumaflux.model.conditioner import modulation
from lumaflux.model.lumaflux import BlockConditions, LumaFlux
from lumaflux.model.pga import ValueGate

_HANDED_ON = (f"{NEXT}hidden", f"{NEXT}context")


@dataclass(frozen=True, kw_only=True)
class Part:
    """One part of a model as a trace takes it.

    ``dynamic``: for each input, the axes that follow the frame's size, and by how many pixels each counts. An
    axis of "n" counts image tokens.
    """

    name: str
    module: nn.Module
    inputs: dict[str, Tensor]
    outputs: tuple[str, ...]
    dynamic: dict[str, dict[int, str]]


class _Of(nn.Module):
    """A part that holds no other weights of the model than its own ``modules``: a trace takes all that it is given."""

    def __init__(self, model: LumaFlux, **modules: nn.Module):
        super().__init__()
        self._whole = (model,)  # in a tuple, so that it is no module of this one
        for name, module in modules.items():
            self.add_module(name, module)

    @property
    def model(self) -> LumaFlux:
        return self._whole[0]


class FirstPart(_Of):
    def __init__(self, model: LumaFlux):
        others = ("transformer_blocks", "single_transformer_blocks", "norm_out", "proj_out")
        kept = {name: child for name, child in model.transformer.named_children() if name not in others}
        super().__init__(model, **kept)

    def forward(self, tokens: Tensor, t: Tensor, context: Tensor, pooled: Tensor | None = None) -> tuple[Tensor, ...]:
        """Packed latents [1,n,4c], flow time [1] and a frame's context -> what the first block takes."""
        hidden, told, temb = self.model.begun(tokens, t, context, pooled)
        return (hidden, told, temb) if isinstance(temb, Tensor) else (hidden, told, *temb)


class BlockPart(_Of):
    def __init__(self, model: LumaFlux, index: int):
        self.index = index
        blocks, adapters = [model.transformer_block(index)], [model.adapters.of_block(index)]
        # the names of the whole velocity's weights, by which fp8 knows what it may take
        super().__init__(model, transformer_blocks=nn.ModuleList(blocks), adapters=nn.ModuleList(adapters))

    def forward(
        self,
        hidden: Tensor,
        context: Tensor,
        modulated: Tensor,
        row: Tensor,
        turns: Tensor,
        physical: Tensor,
        spectral: Tensor,
        film: Tensor,
        bottlenecks: Tensor,
    ) -> tuple[Tensor, Tensor]:
        """Image tokens [1,n,d] and context [1,m,d], Psi's row [1,6] and the block's conditions -> both, changed."""
        model, index = self.model, self.index
        config = model.config
        padding = 0 if index < config.double_blocks else context.shape[1]
        gate = ValueGate(physical=F.pad(physical, (0, 0, padding, 0), value=1.0), spectral=spectral)
        temb: Any = (modulated,) * 3 if config.second_generation else modulated
        return model.steered_block(
            index,
            hidden,
            context,
            seen=BlockConditions(gate=gate, film=film, bottlenecks=bottlenecks),
            row=modulation(row.unsqueeze(1), 0),
            temb=temb,
            rotary=turns,
        )


class LastPart(_Of):
    def __init__(self, model: LumaFlux):
        super().__init__(model, norm_out=model.transformer.norm_out, proj_out=model.transformer.proj_out)

    def forward(self, hidden: Tensor, temb: Tensor) -> Tensor:
        """The last block's image tokens -> velocity [1,n,4c]."""
        return self.model.ended(hidden, temb).float()


@torch.no_grad()
def block_parts(model: LumaFlux, inputs: dict[str, Tensor]) -> Iterator[Part]:
    """The parts of a velocity by blocks; ``inputs`` are the whole velocity's, by the names of its graph."""
    config, generator = model.config, torch.Generator().manual_seed(1)
    n, seen = inputs["tokens"].shape[1], inputs["context"].shape[1]

    def noise(*shape: int) -> Tensor:
        return torch.randn(shape, generator=generator).to(model.dtype)

    first = {name: inputs[name] for name in ("tokens", "t", "context", "pooled") if name in inputs}
    modulations = ("temb", *SHARED_MODULATIONS) if config.second_generation else ("temb",)
    yield Part(
        name=FIRST,
        module=FirstPart(model),
        inputs=first,
        outputs=(*_HANDED_ON, *modulations),
        dynamic={name: {} for name in first} | {"tokens": {1: "n"}},
    )
    made: dict[str, Tensor] = dict(zip(modulations, FirstPart(model)(*first.values())[2:], strict=True))
    hidden = {"hidden": noise(1, n, config.width), "context": noise(1, seen, config.width)}
    for index in range(config.blocks):
        modulated = modulation_name(config, index)
        taken = {
            **hidden,
            modulated: made[modulated],
            "row": inputs["psi"][:, index],
            "turns": inputs["turns"],
            **{name: inputs[name][index] for name in ("physical", "spectral", "film", "bottlenecks")},
        }
        moving = {name: {} for name in taken}
        moving |= {"hidden": {1: "n"}, "turns": {1: f"n + {seen}"}, "physical": {1: "n"}, "bottlenecks": {1: "n"}}
        yield Part(
            name=block_name(index),
            module=BlockPart(model, index),
            inputs=taken,
            outputs=_HANDED_ON,
            dynamic=moving,
        )
    last = {"hidden": hidden["hidden"], "temb": made["temb"]}
    yield Part(
        name=LAST,
        module=LastPart(model),
        inputs=last,
        outputs=("velocity",),
        dynamic={"hidden": {1: "n"}, "temb": {}},
    )
