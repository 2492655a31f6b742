import numpy as np
import pytest
import torch

from lumaflux.backends.torch import TorchBackend
from lumaflux.inference.converter import Converter
from lumaflux.inference.sampler import euler, schedule
from lumaflux.model.build import build
from lumaflux.model.presets import TINY_FLUX
from lumaflux.settings import Settings


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


class Turning:
    """A velocity that turns at t = 0.5, and counts its evaluations."""

    def __init__(self, turns):
        self.turns, self.calls = torch.tensor(turns), 0

    def psi(self, t):
        return torch.zeros(len(t), 1, 6)

    def velocity(self, z, t, conditions, psi=None):
        self.calls += 1
        turned = torch.where(self.turns & (t < 0.5), -1.0, 1.0)
        return turned.view(-1, 1, 1, 1) * (1 + 0.01 * t.view(-1, 1, 1, 1)) * torch.ones_like(z)


def test_a_steady_velocity_is_taken_again_but_never_twice_in_a_row():
    start, flow = torch.zeros(1, 1, 2, 2), schedule(8)
    whole, saved, none = (Turning([False]) for _ in range(3))
    exact = euler(whole, start, None, flow)
    near = euler(saved, start, None, flow, reuse=0.05)
    assert torch.equal(euler(none, start, None, flow, reuse=1e-4), exact)
    assert (whole.calls, saved.calls, none.calls) == (8, 5, 8)
    assert 0 < (near - exact).abs().max() < 0.002


def test_a_frame_of_a_batch_takes_what_it_would_take_alone():
    start, flow = torch.zeros(2, 1, 2, 2), schedule(8)
    both = euler(Turning([False, True]), start, None, flow, reuse=0.05)
    alone = [euler(Turning([turns]), start[:1], None, flow, reuse=0.05) for turns in (False, True)]
    assert torch.equal(both, torch.cat(alone))
    assert not torch.equal(alone[0], alone[1])


def test_the_setting_reaches_the_sampler():
    converter = Converter(TorchBackend(build(TINY_FLUX, seed=0), device="cpu"))
    frame, calls = np.full((3, 32, 32), 0.5, np.float32), []
    network = converter.backend.network
    network.velocity, real = lambda *given: calls.append(1) or real(*given), network.velocity
    for reuse, expected in ((0.0, 6), (1.0, 4)):
        calls.clear()
        converter.render(frame, Settings(steps=6, step_reuse=reuse, detail=0.0))
        assert len(calls) == expected
