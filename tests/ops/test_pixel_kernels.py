"""The passes over pixels under emulation, against their torch expressions in float64."""

import pytest
import torch

from lumaflux.color import pq
from lumaflux.color.primaries import BT2020_LUMA
from lumaflux.color.ycbcr import rgb_to_ycbcr, ycbcr_to_rgb
from lumaflux.inference.composition import Enlargement, with_gain
from lumaflux.inference.detail import LARGEST_STOPS, OFFSET_NITS, guide_of
from lumaflux.model.spline import PEAK_PQ, Knots, apply_spline, knots_from_logits, tone_expression
from lumaflux.ops import gain_map, spline_pq
from lumaflux.ops.sources import GAIN_MAP, SPLINE_PQ

CODE = 1 / 1023  # of a 10-bit signal


def spline_inputs(batch, pixels, bins=8):
    generator = torch.Generator().manual_seed(11)
    knots = knots_from_logits(torch.randn(batch, 3 * bins + 1, generator=generator), bins)
    rgb = 1.2 * torch.rand(batch, 3, pixels, generator=generator) - 0.1  # beyond [0, P] on both sides
    rgb[0, :, :4] = torch.tensor([0.0, PEAK_PQ, 1.0, float(knots.x[0, 1] * PEAK_PQ)])
    chroma = torch.tensor([1.1, 0.05, -0.03, 0.9, 0.01, -0.02])
    return rgb, knots, chroma


def spline_reference(rgb, knots, chroma):
    ycc = rgb_to_ycbcr(rgb.double().unsqueeze(2).clamp(0, PEAK_PQ), BT2020_LUMA)
    exact = Knots(x=knots.x.double(), y=knots.y.double(), derivatives=knots.derivatives.double())
    luma = PEAK_PQ * apply_spline(ycc[:, :1] / PEAK_PQ, exact)
    turned = torch.einsum("oi,bihw->bohw", chroma[:4].double().view(2, 2), ycc[:, 1:])
    turned = turned + chroma[4:].double().view(1, 2, 1, 1)
    return ycbcr_to_rgb(torch.cat([luma, turned], dim=1), BT2020_LUMA).clamp(0, PEAK_PQ).squeeze(2)


def run_spline(emulated, guarded, edits=(), *, light=True, bins=8, size=(7, 130)):
    height, width = size
    pixels = height * width
    rgb, knots, chroma = spline_inputs(2, pixels, bins)
    given = [guarded(part).values for part in (rgb, knots.x, knots.y, knots.derivatives, chroma)]
    signal, nits = (guarded(torch.zeros_like(rgb), guard=7.0) for _ in range(2))
    arguments = [*given, PEAK_PQ, signal.values, nits.values if light else None]
    arguments += [height, width, 3 * pixels, pixels, width, bins]
    emulated(SPLINE_PQ, edits)((-(-width // 128), -(-height // 4), 2), arguments, "random", 4)
    assert signal.intact
    assert nits.intact
    return signal.values, nits.values, spline_reference(rgb, knots, chroma)


@pytest.mark.parametrize("bins", [2, 8, 32])
def test_the_tone_field_agrees_with_float64(emulated, guarded, bins):
    signal, nits, exact = run_spline(emulated, guarded, bins=bins)
    assert float((signal - exact).abs().max()) < 0.002 * CODE
    light = pq.eotf(exact)
    assert float(((nits - light).abs() / (light + 1e-3)).max()) < 1e-4


def test_light_is_written_only_where_asked_for(emulated, guarded):
    signal, nits, exact = run_spline(emulated, guarded, light=False)
    assert float((signal - exact).abs().max()) < 0.002 * CODE
    assert not nits.any()


@pytest.mark.parametrize(
    "edit",
    [
        ("lumas[row] >= start", "lumas[row] > start + 0.05f"),
        ("turn[2] * cb + turn[3] * cr", "turn[3] * cb + turn[2] * cr"),
        ("column >= w ? 0", "column > w ? 0"),
        ("h - first < kRows", "h - first < kRows - 1"),
        ("  __syncthreads();\n", "\n"),
    ],
    ids=["wrong bin", "swapped chroma", "one pixel too many", "one row too many", "dropped barrier"],
)
def test_a_broken_tone_field_is_caught(emulated, guarded, edit):
    try:
        signal, _, exact = run_spline(emulated, guarded, [edit])
    except AssertionError:
        return
    assert not float((signal - exact).abs().max()) < 0.002 * CODE


def gain_inputs(size, reduced):
    generator = torch.Generator().manual_seed(13)
    uniform = lambda *shape: torch.rand(*shape, generator=generator)  # noqa: E731
    base = 0.8 * uniform(2, 3, *size)
    base[0, :, 0, 0] = 0.0
    slope, level, structure = (2 * uniform(2, 3, *reduced) - 1 for _ in range(3))
    level[0, :, 0, 0] = 9.0  # beyond the largest gain
    return base, slope, level, structure, uniform(2, 1, *size) * (uniform(2, 1, *size) > 0.5)


def gain_reference(base, slope, level, structure, share):
    base, slope, level, structure, share = (part.double() for part in (base, slope, level, structure, share))
    height, width = base.shape[-2:]
    enlarged = [torch.nn.functional.interpolate(p, (height, width), mode="bilinear") for p in (slope, level, structure)]
    return with_gain(base, enlarged[0] * guide_of(base) + enlarged[1] + share * enlarged[2])


def run_gain(emulated, guarded, size, reduced, edits=(), *, with_share=True):
    inputs = gain_inputs(size, reduced)
    if not with_share:
        inputs = (*inputs[:4], torch.zeros_like(inputs[4]))
    given = [guarded(part).values for part in inputs]
    if not with_share:
        given[4] = None
    y = guarded(torch.zeros_like(inputs[0]), guard=7.0)
    arguments = [*given, OFFSET_NITS, LARGEST_STOPS, y.values, *size, 0, size[0], *reduced]
    emulated(GAIN_MAP, edits)((-(-size[1] // 128), -(-size[0] // 8), 2), arguments)
    assert y.intact
    return y.values, gain_reference(*inputs)


@pytest.mark.parametrize(
    ("size", "reduced"), [((9, 300), (4, 70)), ((5, 7), (5, 7)), ((8, 8), (1, 1)), ((6, 257), (6, 100))], ids=str
)
def test_the_gain_map_agrees_with_float64(emulated, guarded, size, reduced):
    result, exact = run_gain(emulated, guarded, size, reduced)
    assert float((result - exact).abs().max()) < 0.02 * CODE


def test_light_and_back_is_within_what_the_special_function_unit_may_err(emulated):
    signals = torch.linspace(CODE, 1, 900).view(1, 3, 1, 300)
    level, y = torch.zeros(1, 3, 1, 1), torch.empty(1, 3, 1, 300)
    arguments = [signals, level, level, level, None, 0.0, LARGEST_STOPS, y, 1, 300, 0, 1, 1, 1]
    emulated(GAIN_MAP)((3, 1, 1), arguments)
    assert 1e-8 < float((y - signals).abs().max()) < 2e-6


def test_no_share_is_a_share_of_zero(emulated, guarded):
    result, exact = run_gain(emulated, guarded, (9, 300), (4, 70), with_share=False)
    assert float((result - exact).abs().max()) < 0.02 * CODE


def test_the_reference_is_the_composition_of_the_converter():
    base, slope, level, structure, share = gain_inputs((9, 30), (4, 7))
    parts = [Enlargement(part, 9, 30, "bilinear").rows(0, 9) for part in (slope, level, structure)]
    composed = with_gain(base, parts[0] * guide_of(base) + parts[1] + share * parts[2])
    assert float((composed - gain_reference(base, slope, level, structure, share)).abs().max()) < 0.02 * CODE


@pytest.mark.parametrize(
    "edit",
    [
        ("near + 1 < reduced", "near + 1 <= reduced"),
        ("(index + 0.5f) * step - 0.5f", "index * step"),
        ("here[map] = above + down.far_share", "here[map] = above + (1 - down.far_share)"),
        ("down.near == held.far", "down.near != held.far"),
        ("column >= w", "column > w"),
    ],
    ids=["beyond the last row", "aligned corners", "swapped weights", "another reduced row", "one pixel too many"],
)
def test_a_broken_gain_map_is_caught(emulated, guarded, edit):
    try:
        result, exact = run_gain(emulated, guarded, (9, 300), (4, 70), [edit])
    except AssertionError:
        return
    assert not float((result - exact).abs().max()) < 0.02 * CODE


def test_the_tone_fields_operator_is_its_expression_and_its_kernel(emulated):
    rgb, knots, chroma = spline_inputs(2, 12 * 25)
    inputs = (rgb.view(2, 3, 12, 25), knots.x, knots.y, knots.derivatives, chroma[:4].view(2, 2, 1, 1), chroma[4:])
    by_operator = spline_pq.spline_pq(*inputs, PEAK_PQ)
    assert torch.equal(by_operator, tone_expression(*inputs, PEAK_PQ))
    out = torch.empty_like(by_operator)
    variant, grid, arguments = spline_pq.call(spline_pq.Inputs(*inputs, PEAK_PQ), out)
    emulated(variant)(grid, arguments)
    assert float((out - by_operator).abs().max()) < 0.002 * CODE
    torch.library.opcheck(torch.ops.lumaflux.spline_pq.default, (*inputs, PEAK_PQ))


def test_a_tone_field_of_a_part_of_a_picture_needs_no_copy(emulated):
    rgb, knots, chroma = spline_inputs(2, 24 * 31)
    curve = (knots.x, knots.y, knots.derivatives, chroma[:4].view(2, 2, 1, 1), chroma[4:])
    part = rgb.view(2, 3, 24, 31)[..., 3:20, 5:27]
    assert not part.is_contiguous()
    given = spline_pq.Inputs(part, *curve, PEAK_PQ)
    assert spline_pq.obstacle(given, 90) is None
    out = torch.zeros(part.shape)
    variant, grid, arguments = spline_pq.call(given, out)
    emulated(variant)(grid, arguments, "random", 2)
    assert float((out - tone_expression(part, *curve, PEAK_PQ)).abs().max()) < 0.002 * CODE
    assert "lie apart" in (spline_pq.obstacle(given._replace(vae_pq=part[..., ::2]), 90) or "")


def test_the_frames_of_a_1080p_conversion_meet_no_obstacle():
    _, knots, chroma = spline_inputs(1, 8)
    decoded = torch.empty(1, 3, 1088, 1920)[..., :1080, :]
    curve = (knots.x[:1], knots.y[:1], knots.derivatives[:1], chroma[:4].view(2, 2, 1, 1), chroma[4:])
    assert spline_pq.obstacle(spline_pq.Inputs(decoded, *curve, PEAK_PQ), 90) is None


def test_the_gain_maps_operator_is_its_expression_and_its_kernel_on_any_rows(emulated):
    base, slope, level, structure, share = gain_inputs((20, 30), (7, 9))
    whole = gain_reference(base, slope, level, structure, share)
    for top, bottom in ((0, 20), (0, 7), (7, 20)):
        parts = (base[..., top:bottom, :].contiguous(), slope, level, structure, share[..., top:bottom, :].contiguous())
        sizes = (top, 20, OFFSET_NITS, LARGEST_STOPS)
        by_operator = gain_map.gain_map(*parts, *sizes)
        assert float((by_operator - whole[..., top:bottom, :]).abs().max()) < 0.05 * CODE
        out = torch.empty_like(by_operator)
        variant, grid, arguments = gain_map.call(gain_map.Inputs(*parts, *sizes), out)
        emulated(variant)(grid, arguments)
        assert float((out - whole[..., top:bottom, :]).abs().max()) < 0.03 * CODE  # where a gain leaves 1e-4 cd/m2
        torch.library.opcheck(torch.ops.lumaflux.gain_map.default, (*parts, *sizes))


def test_pictures_that_do_not_fit_are_refused():
    base, slope, level, structure, share = gain_inputs((6, 8), (3, 4))
    numbers = (OFFSET_NITS, LARGEST_STOPS)
    for changed, top, words in (
        ((base[..., :0], slope, level, structure, share), 0, "at least one pixel"),
        ((base, slope, level[..., 1:], structure, share), 0, "level is"),
        ((base, slope, level, structure, share[..., 1:]), 0, "share is"),
        ((base, slope, level, structure, share), 1, "no part of a frame of 6 rows"),
    ):
        with pytest.raises(ValueError, match=words):
            gain_map.gain_map(*changed, top, 6, *numbers)
    rgb, knots, chroma = spline_inputs(2, 6)
    weight, bias = chroma[:4].view(2, 2, 1, 1), chroma[4:]
    for picture, x, words in ((rgb, knots.x, "picture is"), (rgb[:1, :, None], knots.x, "x is")):
        with pytest.raises(ValueError, match=words):
            spline_pq.spline_pq(picture, x, knots.y, knots.derivatives, weight, bias, PEAK_PQ)
    bins = torch.zeros(2, 81)
    many = spline_pq.Inputs(rgb, bins, bins, bins, weight, bias, PEAK_PQ)
    assert "80 bins" in (spline_pq.obstacle(many, 80) or "")
    wide = gain_map.Inputs(base.double(), slope, level, structure, None, 0, 6, *numbers)
    assert "float64" in (gain_map.obstacle(wide, 80) or "")
