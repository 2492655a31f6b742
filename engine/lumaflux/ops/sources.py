"""Which kernels there are, and how each is compiled: one source and a few macros make every variant."""

from dataclasses import dataclass, field
from pathlib import Path

ARCHITECTURES = (80, 86, 89, 90, 120)  # compute capability times ten: A100, RTX 30, RTX 40, H100, RTX 50
ELEMENTS = {"float16": "Half", "bfloat16": "Bfloat"}  # torch's name of a type -> the kernels'
RANKS = (8, 16, 32)  # the sizes that factors are padded to

FILM_CHANNELS, FILM_VECTORS = 1024, 4  # that a block reads at a time, and how many times at most
BOTTLENECKS = (32, 64)
MOST_BINS = 64  # of a tone curve


@dataclass(frozen=True, kw_only=True)
class Variant:
    """A kernel's function ``name`` in ``name``.cuh, compiled with ``macros``; launched with ``threads`` a block."""

    name: str
    threads: int
    macros: dict[str, str] = field(default_factory=dict, hash=False)

    @property
    def label(self) -> str:
        return " ".join([self.name, *(value.lower() for value in self.macros.values())])

    @property
    def options(self) -> list[str]:
        return [f"-D{name}={value}" for name, value in self.macros.items()]


def folder() -> Path:
    """Where the kernels' sources lie: beside this module once installed, in the tree's native/kernels otherwise."""
    installed = Path(__file__).with_name("native")
    return installed if installed.is_dir() else Path(__file__).parents[3] / "native" / "kernels"


def gated_low_rank(element: str, rank: int, *, node: bool = False) -> Variant:
    """``element``: torch's name of the type; ``rank``: one of RANKS; ``node``: with the ONNX function's inputs."""
    macros = {"ELEMENT": ELEMENTS[element], "RANK": str(rank), "NODE": str(int(node))}
    return Variant(name="gated_low_rank", threads=512, macros=macros)


def film_layer_norm(element: str, width: int) -> Variant:
    """``width`` of the hidden state decides how much of it a thread keeps."""
    macros = {"ELEMENT": ELEMENTS[element], "VECTORS": str(-(-width // FILM_CHANNELS))}
    return Variant(name="film_layer_norm", threads=128, macros=macros)


def coupler_add(element: str, bottleneck: int) -> Variant:
    return Variant(
        name="coupler_add", threads=128, macros={"ELEMENT": ELEMENTS[element], "BOTTLENECK": str(bottleneck)}
    )


SPLINE_PQ = Variant(name="spline_pq", threads=128)
GAIN_MAP = Variant(name="gain_map", threads=128)


def every_variant() -> list[Variant]:
    """All that a model or an engine may ask for."""
    variants = [SPLINE_PQ, GAIN_MAP]
    for element in ELEMENTS:
        variants += [gated_low_rank(element, rank, node=node) for rank in RANKS for node in (False, True)]
        variants += [film_layer_norm(element, FILM_CHANNELS * vectors) for vectors in range(1, FILM_VECTORS + 1)]
        variants += [coupler_add(element, bottleneck) for bottleneck in BOTTLENECKS]
    return variants
