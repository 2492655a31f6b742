import pytest
import torch

from lumaflux.backends.device import list_devices, pick_device, pick_dtype
from lumaflux.errors import UserError


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
