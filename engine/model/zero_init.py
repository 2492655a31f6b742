"""Zero initialisation: a module that starts as 'nothing added'."""

from torch import nn


def zero_init(module: nn.Module) -> nn.Module:
    """Sets weight and bias to zero, so that the adapted network starts as the frozen one."""
    for parameter in module.parameters():
        nn.init.zeros_(parameter)
    return module
