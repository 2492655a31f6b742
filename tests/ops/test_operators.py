"""The kernels as torch operators: one node for compilers, the paper's gradients, and refusals before any launch."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.checkpoint import checkpoint

from lumaflux.ops import coupler_add, film_layer_norm, gated_low_rank, launch
from lumaflux.ops.sources import gated_low_rank as variant_of

B, T, D, H, R, M = 2, 9, 32, 4, 6, 4


def inputs_of(name, dtype=torch.float32, grad=False):
    generator = torch.Generator().manual_seed(17)
    normal = lambda *shape: torch.randn(*shape, generator=generator).to(dtype).requires_grad_(grad)  # noqa: E731
    shapes = {
        "gated_low_rank": [(B, T, D), (B, T, D), (R, D), (D, R), (B,), (B,), (B, T, H), (B, H), (B,)],
        "film_layer_norm": [(B, T, D), (B, 1, 2 * D), (B,), (B,)],
        "coupler_add": [(B, T, D), (B, T, 2 * M), (D, M), (D, M), (B,)],
    }
    return [normal(*shape) for shape in shapes[name]]


OPERATORS = {
    "gated_low_rank": gated_low_rank.gated_low_rank,
    "film_layer_norm": film_layer_norm.film_layer_norm,
    "coupler_add": coupler_add.coupler_add,
}


@pytest.mark.parametrize("name", OPERATORS)
def test_gradients(name):
    assert torch.autograd.gradcheck(OPERATORS[name], inputs_of(name, torch.float64, grad=True))


def test_gradients_without_a_spectrum():
    assert torch.autograd.gradcheck(gated_low_rank.gated_low_rank, inputs_of("gated_low_rank", torch.float64, True)[:7])


@pytest.mark.parametrize("name", OPERATORS)
def test_a_proper_operator(name):
    operator = getattr(torch.ops.lumaflux, name).default
    torch.library.opcheck(operator, tuple(inputs_of(name, grad=True)))


@pytest.mark.parametrize("name", OPERATORS)
def test_export_sees_one_node(name):
    class Whole(nn.Module):
        def forward(self, *tensors):
            return OPERATORS[name](*tensors)

    inputs = tuple(inputs_of(name))
    program = torch.export.export(Whole(), inputs)
    calls = [node.target for node in program.graph.nodes if node.op == "call_function"]
    assert calls == [getattr(torch.ops.lumaflux, name).default]
    assert torch.equal(program.module()(*inputs), OPERATORS[name](*inputs))


@pytest.mark.parametrize("name", OPERATORS)
def test_compile_sees_one_node(name):
    seen = []

    def keep(graph, _):
        seen.extend(node.target for node in graph.graph.nodes if node.op == "call_function")
        return graph

    inputs = inputs_of(name)
    compiled = torch.compile(OPERATORS[name], backend=keep, fullgraph=True)
    assert torch.equal(compiled(*inputs), OPERATORS[name](*inputs))
    assert getattr(torch.ops.lumaflux, name) in [getattr(target, "overloadpacket", target) for target in seen]
    assert len(seen) == 1


@pytest.mark.parametrize("name", OPERATORS)
def test_recomputed_gradients_are_the_same(name):
    results = []
    for recomputed in (False, True):
        inputs = inputs_of(name, grad=True)
        call = OPERATORS[name]
        y = checkpoint(call, *inputs, use_reentrant=False) if recomputed else call(*inputs)
        y.square().sum().backward()
        results.append([part.grad for part in inputs])
    assert all(torch.equal(one, other) for one, other in zip(*results, strict=True))


def test_low_precision_training_keeps_types():
    x, value, *rest = inputs_of("gated_low_rank", grad=True)
    with torch.autocast("cpu", torch.bfloat16):
        y = gated_low_rank.gated_low_rank(x, value, *rest)
        projected = F.linear(y, torch.eye(D))
    projected.float().sum().backward()
    assert all(part.grad is not None and part.grad.dtype == part.dtype for part in (x, value, *rest))


REFUSED = [
    ("gated_low_rank", {0: torch.zeros(B, 0, D)}, "at least one token"),
    ("gated_low_rank", {1: torch.zeros(B, T + 1, D)}, r"value is \[2, 10, 32\]; beside x it is \[2, 9, 32\]"),
    ("gated_low_rank", {2: torch.zeros(R, D + 1)}, "down is"),
    ("gated_low_rank", {3: torch.zeros(D, R + 1)}, "up is"),
    ("gated_low_rank", {4: torch.zeros(B + 1)}, "alpha is"),
    ("gated_low_rank", {6: torch.zeros(B, T, 5)}, "5 heads do not divide the width 32"),
    ("gated_low_rank", {6: torch.zeros(B, T - 1, H)}, "gate is"),
    ("gated_low_rank", {8: None}, "together"),
    ("film_layer_norm", {0: torch.zeros(B, 0, D)}, "at least one token"),
    ("film_layer_norm", {1: torch.zeros(B, 1, D)}, "film is"),
    ("coupler_add", {0: torch.zeros(B, 0, D)}, "at least one token"),
    ("coupler_add", {1: torch.zeros(B, T - 1, 2 * M)}, "bottlenecks is"),
    ("coupler_add", {3: torch.zeros(D, M + 1)}, "perceptual is"),
]


@pytest.mark.parametrize(("name", "changes", "words"), REFUSED)
def test_refused_before_any_work(name, changes, words):
    inputs = inputs_of(name)
    for place, tensor in changes.items():
        inputs[place] = tensor
    with pytest.raises(ValueError, match=words):
        OPERATORS[name](*inputs)


def wide(tensor):
    return torch.cat([tensor, tensor], dim=-1)[..., : tensor.shape[-1]]


def shifted(tensor):
    return torch.zeros(tensor.numel() + 1, dtype=tensor.dtype)[1:].view(tensor.shape)


OBSTACLES = {
    "type": (lambda t: {name: part.float() for name, part in t.items()}, 80, "float32"),
    "mixed types": (lambda t: t | {"gate": t["gate"].bfloat16()}, 80, "gate is of bfloat16"),
    "rows apart": (lambda t: t | {"x": wide(t["x"])}, 80, "x is not contiguous"),
    "misaligned": (lambda t: t | {"value": shifted(t["value"])}, 80, "multiple of 16 bytes"),
    "rank": (lambda t: t | {"down": torch.zeros(40, D).half(), "up": torch.zeros(D, 40).half()}, 80, "rank 40"),
    "head size": (lambda t: t | {"gate": torch.zeros(B, T, 8).half()}, 80, "heads of 4 channels"),
    "old device": (lambda t: t, 75, "compute capability 7.5 has no kernels"),
    "new device": (lambda t: t, 110, "compute capability 11.0 has no kernels"),
    "no device": (lambda t: t, None, "CUDA device"),
}


@pytest.mark.parametrize("name", OBSTACLES)
def test_what_the_kernel_cannot_take_is_said(name):
    change, capability, words = OBSTACLES[name]
    given = gated_low_rank.Inputs(*inputs_of("gated_low_rank", torch.float16))
    assert words in (gated_low_rank.obstacle(given._replace(**change(given._asdict())), capability) or "")


def test_what_it_can_take_has_no_obstacle():
    given = gated_low_rank.Inputs(*inputs_of("gated_low_rank", torch.float16))
    assert gated_low_rank.obstacle(given, 89) is None
    film = film_layer_norm.Inputs(*inputs_of("film_layer_norm", torch.bfloat16))
    assert film_layer_norm.obstacle(film, 90) is None
    wide = film._replace(hidden=torch.zeros(1, 1, 4104), film=torch.zeros(1, 1, 8208))
    assert "4104" in (film_layer_norm.obstacle(wide, 120) or "")
    coupler = coupler_add.Inputs(*inputs_of("coupler_add", torch.bfloat16))
    weights = torch.zeros(D, 32).bfloat16()
    fitting = coupler._replace(bottlenecks=torch.zeros(B, T, 64).bfloat16(), physical=weights, perceptual=weights)
    assert coupler_add.obstacle(fitting, 120) is None
    narrow = coupler._replace(physical=weights[:, :4], perceptual=weights[:, :4])
    assert "4 channels" in (coupler_add.obstacle(narrow, 120) or "")


def test_the_kernel_alone_refuses_with_the_reason():
    with pytest.raises(ValueError, match="CUDA device"):
        gated_low_rank.kernel(*inputs_of("gated_low_rank", torch.float16))


@pytest.mark.parametrize(
    ("capability", "own"), [(75, None), (80, 80), (86, 86), (87, 86), (89, 89), (90, 90), (100, None), (121, 120)]
)
def test_machine_code_for_a_device(capability, own):
    assert launch.architecture(capability) == own


def test_what_the_operator_launches_without_a_spectrum(emulated, relative_error):
    parts = inputs_of("gated_low_rank", torch.float16)[:7]
    y = torch.empty_like(parts[1])
    variant, grid, arguments = gated_low_rank.call(gated_low_rank.Inputs(*parts), y)
    emulated(variant)(grid, arguments)
    exact = gated_low_rank.expression(*(part.double() for part in parts))
    rounding = relative_error(exact.half(), exact)
    assert relative_error(y, exact) < (rounding**2 + 1e-6) ** 0.5


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16], ids=str)
@pytest.mark.parametrize("rank", [6, 8, 20])
def test_what_the_operator_launches_is_its_expression(emulated, relative_error, rank, dtype):
    x, value, _, _, alpha, beta, gate, spectral, gain = inputs_of("gated_low_rank", dtype)
    down, up = 0.2 * torch.ones(rank, D).to(dtype), 0.2 * torch.randn(D, rank).to(dtype)
    y = torch.empty_like(value)
    parts = (x, value, down, up, alpha, beta, gate, spectral, gain)
    variant, grid, arguments = gated_low_rank.call(gated_low_rank.Inputs(*parts), y)
    assert variant == variant_of(launch.element_of(x), {6: 8, 8: 8, 20: 32}[rank])
    emulated(variant)(grid, arguments)
    exact = gated_low_rank.expression(*(part.double() for part in parts))
    rounding = relative_error(exact.to(dtype), exact)
    assert relative_error(y, exact) < (rounding**2 + 1e-6) ** 0.5


def test_parts_of_longer_rows_and_rows_of_psi_need_no_copy(emulated, relative_error):
    """Single-stream blocks give the image's tokens as a part of all; numbers of a batch are columns of one table."""
    whole, psi = torch.randn(3, T + 5, D).half(), torch.rand(3, 4, 6)
    hidden, numbers = whole[:, 5:], psi[:, 2].unbind(1)
    film, weights = torch.randn(3, 1, 2 * D).half(), [torch.randn(D, 32).half() for _ in range(2)]
    bottlenecks, value = torch.randn(3, T, 64).half(), torch.randn(3, T, D).half()
    gates = torch.rand(3, T, 2).half(), torch.rand(3, 2).half()
    factors = torch.randn(8, D).half(), torch.randn(D, 8).half()
    calls = {
        film_layer_norm: (hidden, film, *numbers[:2]),
        coupler_add: (hidden, bottlenecks, *weights, numbers[5]),
        gated_low_rank: (value, value, *factors, *numbers[:2], *gates, numbers[4]),
    }
    for module, inputs in calls.items():
        y = torch.zeros(3, T, D).half()
        variant, grid, arguments = module.call(module.Inputs(*inputs), y)
        given = {part.data_ptr() for part in inputs}
        assert all(part.data_ptr() in given for part in arguments if isinstance(part, torch.Tensor) and part is not y)
        emulated(variant)(grid, arguments)
        exact = module.expression(*(part.double() for part in inputs))
        rounding = relative_error(exact.half(), exact)
        assert relative_error(y, exact) < (rounding**2 + 1e-6) ** 0.5
    expanded = psi[:1, 2, 0].expand(3)  # as the sampler hands a schedule's Psi to a batch
    assert launch.numbers(expanded)[1] == 0
    assert film_layer_norm.obstacle(film_layer_norm.Inputs(*calls[film_layer_norm]), 90) is None
    apart = coupler_add.Inputs(*calls[coupler_add])._replace(hidden=whole[:, ::2])
    assert "lie apart" in (coupler_add.obstacle(apart, 90) or "")


def test_what_the_other_operators_launch_are_their_expressions(emulated, relative_error):
    for module, inputs in (
        (film_layer_norm, inputs_of("film_layer_norm", torch.float16)),
        (coupler_add, [torch.randn(*s).half() for s in ((B, T, D), (B, T, 64), (D, 32), (D, 32), (B,))]),
    ):
        y = torch.empty_like(inputs[0])
        variant, grid, arguments = module.call(module.Inputs(*inputs), y)
        emulated(variant)(grid, arguments)
        exact = module.expression(*(part.double() for part in inputs))
        rounding = relative_error(exact.half(), exact)
        assert relative_error(y, exact) < (rounding**2 + 1e-6) ** 0.5
