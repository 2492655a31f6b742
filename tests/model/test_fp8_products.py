"""Products in eight bits: torch's own scaled product, which the CPU has too, against what it should compute."""

import pytest
import torch
import torch.nn.functional as F

from lumaflux.backends.device import pick_dtype
from lumaflux.errors import UserError
from lumaflux.inference.load import load
from lumaflux.model.flux_transformer import FluxTransformer
from lumaflux.model.fp8_linear import Fp8Linear, blocks_of, dequantized, quantize_blocks, quantized, scaled_product


def drawn(*shape):
    return torch.randn(shape, generator=torch.Generator().manual_seed(sum(shape)))


def test_a_product_rounds_tokens_and_matrix_to_e4m3_and_nothing_else():
    x, weight, bias = drawn(2, 5, 64) * torch.logspace(-3, 3, 5)[:, None], drawn(48, 64), drawn(48)
    bits, exponent = quantized(weight)
    made = scaled_product(x, bits, exponent, bias)
    scale = x.abs().amax(-1, keepdim=True) / 448
    rounded = (x / scale).to(torch.float8_e4m3fn).float() * scale
    expected = rounded @ dequantized(bits, exponent, torch.float32).t()
    assert made.shape == (2, 5, 48)
    assert torch.allclose(made - bias, expected, rtol=2**-7, atol=2e-5)  # bf16
    noise = made - F.linear(x, weight, bias)
    signal = (x @ weight.t()).norm(dim=-1)
    assert (20 * (signal / noise.norm(dim=-1)).log10()).min() > 25  # dB, of every token


def test_zeros_stay_zeros():
    bits, exponent = quantized(drawn(16, 32))
    assert not scaled_product(torch.zeros(3, 32), bits, exponent, None).any()


def test_sides_that_are_no_multiples_of_16_keep_the_input_s_type():
    assert Fp8Linear(32, 48, bias=True, scaled=True).scaled
    assert not Fp8Linear(32, 40, bias=True, scaled=True).scaled
    transformer = FluxTransformer(
        in_channels=16, num_layers=1, num_single_layers=1, attention_head_dim=16, num_attention_heads=2
    )
    quantize_blocks(transformer, scaled=True)
    layers = [m for block in blocks_of(transformer) for m in block.modules() if isinstance(m, Fp8Linear)]
    assert len(layers) > 10
    assert all(layer.scaled for layer in layers)


@pytest.mark.parametrize(("capability", "has"), [((8, 6), False), ((8, 9), True), ((9, 0), True)])
def test_cards_that_have_them(monkeypatch, capability, has):
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device: capability)
    if has:
        assert pick_dtype("fp8", torch.device("cuda:0")) == torch.bfloat16
    else:
        with pytest.raises(UserError, match=r"no fp8 products.*8\.9.*leave --precision out"):
            pick_dtype("fp8", torch.device("cuda:0"))


def test_small_models_are_refused():
    with pytest.raises(UserError, match="fp8 is for FLUX"):
        load("lite", device="cpu", dtype="fp8")
