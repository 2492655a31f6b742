"""A velocity that lies in one graph a block: which parts it has, and their evaluation in order.

So large a backbone is exported, compiled and verified with one block in hand at a time, beside the model itself.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from lumaflux.model.config import LumaFluxConfig

if TYPE_CHECKING:
    from torch import Tensor

    from lumaflux.backends.engine_network import Runner

VELOCITY, FIRST, LAST = "velocity", "velocity-first", "velocity-last"
NEXT = "next_"  # begins the names of what a part makes for the next one, which a graph may not call as what it takes
SHARED_MODULATIONS = ("double", "single")  # of FLUX.2: made once a velocity, by kind of block


def block_name(index: int) -> str:
    """The part of block ``index``."""
    return f"velocity-{index:02d}"


def velocity_parts(config: LumaFluxConfig) -> tuple[str, ...]:
    """All parts of a velocity by blocks, in the order in which they are evaluated."""
    return (FIRST, *(block_name(index) for index in range(config.blocks)), LAST)


def is_block(part: str) -> bool:
    """Whether a part is one block of a velocity."""
    return part.startswith(f"{VELOCITY}-") and part not in (FIRST, LAST)


def modulation_name(config: LumaFluxConfig, index: int) -> str:
    """Which output of the first part block ``index`` takes."""
    return SHARED_MODULATIONS[index >= config.double_blocks] if config.second_generation else "temb"


def steps_of(
    config: LumaFluxConfig, inputs: "dict[str, Tensor]", made: "dict[str, Tensor]"
) -> "Iterator[tuple[str, dict[str, Tensor]]]":
    """Every part with what it takes of the one velocity's ``inputs`` and of ``made``, to which the caller adds what
    each part has made before it asks for the next one (``handed_on``)."""
    yield FIRST, {name: inputs[name] for name in ("tokens", "t", "context", "pooled") if name in inputs}
    for index in range(config.blocks):
        modulation = modulation_name(config, index)
        yield (
            block_name(index),
            {
                "hidden": made["hidden"],
                "context": made["context"],
                modulation: made[modulation],
                "row": inputs["psi"][:, index],
                "turns": inputs["turns"],
                "physical": inputs["physical"][index],
                "spectral": inputs["spectral"][index],
                "film": inputs["film"][index],
                "bottlenecks": inputs["bottlenecks"][index],
            },
        )
    yield LAST, {"hidden": made["hidden"], "temb": made["temb"]}


def handed_on(outputs: "dict[str, Tensor]") -> "dict[str, Tensor]":
    """A part's outputs by the names of the next one's inputs."""
    return {name.removeprefix(NEXT): value for name, value in outputs.items()}


def in_order(run: "Runner", config: LumaFluxConfig) -> "Runner":
    """A runner that answers for the part ``velocity`` by its blocks in order."""

    def chained(part: str, inputs: "dict[str, Tensor]") -> "dict[str, Tensor]":
        if part != VELOCITY:
            return run(part, inputs)
        made: dict[str, Tensor] = {}
        for name, taken in steps_of(config, inputs, made):
            made |= handed_on(run(name, taken))
        return {"velocity": made["velocity"]}

    return chained
