"""Zero initialisation: a module that starts as 'nothing added'."""

from typing import TypeVar

from torch import nn

M = TypeVar("M", bound=nn.Module)


def zero_init(module: M) -> M:
    """Sets weight and bias to zero, so that the adapted network starts as the frozen one."""
    for parameter in module.parameters():
        nn.init.zeros_(parameter)
    return module
