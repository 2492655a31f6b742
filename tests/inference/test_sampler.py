import pytest
import torch

from lumaflux.inference.sampler import euler, schedule
from lumaflux.model.build import build
from lumaflux.model.presets import TINY_FLUX


class Field:
    """A velocity field with a known answer: dz/dt = t gives z(0) = z(1) - sum of t_i / N."""

    def __init__(self):
        self.psi_calls = 0

    def psi(self, t):
        self.psi_calls += 1
        return torch.zeros(len(t), 1, 6)

    def velocity(self, z, t, conditions, psi=None):
        return t.view(-1, 1, 1, 1).expand_as(z)


@pytest.mark.parametrize("steps", [1, 2, 8, 40])
def test_euler_is_the_left_sum_and_psi_is_computed_once(steps):
    field = Field()
    z = euler(field, torch.zeros(2, 1, 2, 2), None, schedule(steps))
    expected = -sum((1 - i / steps) / steps for i in range(steps))
    assert torch.allclose(z, torch.full_like(z, expected), atol=1e-6)
    assert field.psi_calls == 1


def test_no_steps_is_an_error():
    with pytest.raises(ValueError, match="at least one step"):
        schedule(0)


def test_cached_psi_equals_psi_at_every_step():
    model = build(TINY_FLUX, seed=0)
    sdr = torch.rand(1, 3, 32, 32)
    with torch.no_grad():
        seen, z, times = model.condition(sdr), model.encode(sdr), schedule(3)
        cached = euler(model, z, seen, times)
        for i in range(3):
            z = z + (times[i + 1] - times[i]) * model.velocity(z, times[i : i + 1], seen)
    assert torch.equal(cached, z)
