from types import SimpleNamespace

import pytest
import torch

from lumaflux.backends.device import list_devices, pick_device, pick_dtype
from lumaflux.backends.torch import frame_bytes, vae_dtype
from lumaflux.errors import UserError
from lumaflux.model.build import build
from lumaflux.model.presets import PRESETS


def test_the_cpu_is_always_there_and_the_first_device_is_the_default():
    names = [name for name, _ in list_devices()]
    assert "cpu" in names
    assert str(pick_device()) == names[0]
    assert pick_device("cpu") == torch.device("cpu")


def test_a_device_that_is_not_there_is_named_with_those_that_are():
    with pytest.raises(UserError, match=r"cuda:77.*cpu"):
        pick_device("cuda:77")


def test_precisions():
    cpu = torch.device("cpu")
    assert pick_dtype(None, cpu) == torch.float32
    assert pick_dtype(None, torch.device("cuda:0")) == torch.bfloat16
    assert pick_dtype("bf16", cpu) == torch.bfloat16
    with pytest.raises(UserError, match="fp16"):
        pick_dtype("fp16", cpu)


@pytest.mark.parametrize(
    ("gib", "name", "expected"),
    [
        (80, "flux-dev", torch.float32),
        (32, "flux-dev", torch.bfloat16),
        (4, "tiny-flux", torch.float32),
        (4, "tiny", torch.float32),  # another architecture of the autoencoder
    ],
)
def test_the_autoencoder_is_in_fp32_where_the_card_has_the_memory(monkeypatch, gib, name, expected):
    properties = SimpleNamespace(total_memory=gib << 30)
    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda device: properties)
    with torch.device("meta"):
        model = build(PRESETS[name])
    cuda = torch.device("cuda:0")
    assert vae_dtype(model, torch.bfloat16, cuda) == expected
    assert vae_dtype(model, torch.bfloat16, torch.device("cpu")) == torch.bfloat16
    assert vae_dtype(model, torch.float32, cuda) == torch.float32
    assert model.cast(torch.bfloat16, expected).vae.dtype == expected
    assert model.cast(torch.float16, torch.float16).vae.dtype == torch.float32  # it overflows in half precision


def test_what_a_frame_of_flux_needs():
    """11.9 thousand million weights of the transformer, 0.43 of the tower; 256 channels at 1088x1920."""
    with torch.device("meta"):
        model = build(PRESETS["flux-dev"])
    needed = frame_bytes(model, torch.bfloat16, torch.float32)
    assert 33e9 < needed < 35e9
    assert needed - frame_bytes(model, torch.bfloat16, torch.bfloat16) == pytest.approx(4.45e9, rel=0.02)
