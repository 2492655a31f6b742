"""aces-1.3 as a table of colours: how far it is from the operator, on colours as pictures have them and on any."""

import pytest
import torch

from lumaflux.color import pq
from lumaflux.color.operators import OPERATORS
from lumaflux.lab.data.lattice import Lattice

CPU = torch.device("cpu")
TOP = float(pq.inverse_eotf(torch.tensor(1000.0, dtype=torch.float64)))


def codes_off(lattice, signal):
    light = pq.eotf(signal)
    return (255 * (lattice(light) - OPERATORS["aces-1.3"](light).clamp(0, 1))).abs().flatten()


@pytest.fixture(scope="module")
def lattice():
    return Lattice("aces-1.3", CPU)


def test_colours_of_pictures_are_a_tenth_of_a_code_off(lattice):
    generator = torch.Generator().manual_seed(0)
    grey = TOP * torch.rand(2, 1, 96, 128, generator=generator)
    off = codes_off(lattice, (grey + 0.06 * torch.randn(2, 3, 96, 128, generator=generator)).clamp(0, TOP))
    assert float(off.mean()) < 0.1
    assert float(off.quantile(0.99)) < 1.5


def test_any_colour(lattice):
    signal = TOP * torch.rand(1, 3, 96, 128, generator=torch.Generator().manual_seed(1))
    off = codes_off(lattice, signal)
    assert float(off.mean()) < 0.5
    assert float(off.quantile(0.99)) < 6.0


def test_the_channels_are_told_apart():
    """A table that is looked up in another order would give another colour."""
    lattice = Lattice("aces-1.3", CPU, 17)
    red = torch.tensor([300.0, 5.0, 20.0]).view(1, 3, 1, 1).expand(1, 3, 2, 2)
    found, exact = lattice(red)[0, :, 0, 0], OPERATORS["aces-1.3"](red)[0, :, 0, 0]
    assert float((found - exact).abs().max()) < 0.05
    assert found[0] > found[2] > found[1]
