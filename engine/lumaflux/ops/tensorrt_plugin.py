"""The export's GatedLowRank node as a plugin of enterprise TensorRT, whose kernel is ours, compiled ahead of time.

TensorRT's Python-defined plugins: the kernel's parameters are the node's inputs, then extra integers, then the outputs.
Not executed so far: TensorRT with plugins needs a GPU, and none was at hand; tests see what is handed to it.
"""

from typing import Any

from lumaflux.errors import UserError
from lumaflux.ops.compiler import ptx
from lumaflux.ops.sources import ELEMENTS, RANKS, gated_low_rank

PLUGIN = "lumaflux::GatedLowRank"
_TOKENS, _INPUTS = 64, 7
_FORMATS = ("FP16", "BF16")  # as autotune names types
_TYPES = {"HALF": "float16", "BF16": "bfloat16"}  # TensorRT's DataType -> torch's name


def register() -> None:
    """Tells TensorRT the plugin; call it once, before a network with the node is parsed.

    Raises UserError where enterprise TensorRT is missing. The engine holds the kernel's PTX, not this module.
    """
    try:
        import tensorrt.plugin as trtp  # pyright: ignore[reportMissingImports]
    except ImportError:
        raise UserError(
            "the plugin needs enterprise TensorRT with tensorrt.plugin; pip install tensorrt-cu13"
        ) from None

    def describe(
        x: trtp.TensorDesc,
        value: trtp.TensorDesc,
        down: trtp.TensorDesc,
        up: trtp.TensorDesc,
        alpha: trtp.TensorDesc,
        beta: trtp.TensorDesc,
        gate: trtp.TensorDesc,
    ) -> trtp.TensorDesc:
        return value.like()

    def choices(
        x: trtp.TensorDesc,
        value: trtp.TensorDesc,
        down: trtp.TensorDesc,
        up: trtp.TensorDesc,
        alpha: trtp.TensorDesc,
        beta: trtp.TensorDesc,
        gate: trtp.TensorDesc,
        outputs: tuple[trtp.TensorDesc],
    ) -> list[trtp.AutoTuneCombination]:
        return [trtp.AutoTuneCombination(", ".join([kind] * (_INPUTS + 1)), "LINEAR") for kind in _FORMATS]

    def kernel(
        x: trtp.TensorDesc,
        value: trtp.TensorDesc,
        down: trtp.TensorDesc,
        up: trtp.TensorDesc,
        alpha: trtp.TensorDesc,
        beta: trtp.TensorDesc,
        gate: trtp.TensorDesc,
        outputs: tuple[trtp.TensorDesc],
        tactic: int,
    ) -> tuple[str | bytes, str | bytes, trtp.KernelLaunchParams, trtp.SymExprs]:
        return launch_of(trtp, x, down, gate)

    trtp.register(PLUGIN)(describe)
    trtp.autotune(PLUGIN)(choices)
    trtp.aot_impl(PLUGIN)(kernel)


def launch_of(trtp: Any, x: Any, down: Any, gate: Any) -> tuple[str, bytes, Any, Any]:
    """Kernel's name, PTX, launch and extra integers for tensor descriptions of TensorRT.

    Raises UserError for a rank, head size or type that no kernel is compiled for.
    """
    element = _TYPES.get(str(x.dtype).split(".")[-1])
    if element is None:
        raise UserError(f"{PLUGIN} takes {' or '.join(ELEMENTS)}, not {x.dtype}; build the engine in one of them")
    rank, heads, width = (_constant(size) for size in (down.shape_expr[1], gate.shape_expr[2], x.shape_expr[2]))
    if rank not in RANKS:
        raise UserError(f"{PLUGIN} is compiled for the ranks {RANKS}, not {rank}; pad the factors with zeros")
    if width % heads or width // heads % 8:
        raise UserError(f"{PLUGIN} needs heads of a multiple of 8 channels, not {width} over {heads}")
    variant = gated_low_rank(element, rank, node=True)
    batch, tokens = x.shape_expr[0], x.shape_expr[1]
    launch = trtp.KernelLaunchParams()
    launch.grid_x, launch.grid_y, launch.grid_z = trtp.cdiv(tokens, _TOKENS), batch, 1
    launch.block_x, launch.block_y, launch.block_z = variant.threads, 1, 1
    launch.shared_mem = 0  # the kernel's is static
    extra = trtp.SymIntExprs(3)
    extra[0], extra[1], extra[2] = trtp.SymInt32(tokens), trtp.SymInt32(width), trtp.SymInt32(heads)
    return variant.name, ptx(variant).code, launch, extra


def _constant(size: Any) -> int:
    return size if isinstance(size, int) else size.constant_value()
