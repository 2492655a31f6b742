"""A batch rendered at once is what one by one gives: the same operators, the same spread, eight bits."""

import numpy as np
import pytest
import torch

from lumaflux.color import pq
from lumaflux.color.operators import OPERATORS
from lumaflux.lab.data import batch_renderings
from lumaflux.lab.data.batch_renderings import _jittered, render_batch
from lumaflux.lab.data.draws import DeviceGenerator, generator_on, host_of, how_many, on_device
from lumaflux.lab.data.imperfections import quantize
from lumaflux.lab.data.renderings import STANDARD_SHARE, render_pairs


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


@pytest.fixture(scope="module")
def masters():
    rows, columns = np.mgrid[0:48, 0:48] / 48
    phases = np.random.default_rng(3).uniform(0, 6, (24, 3, 1, 1))
    signal = 0.35 + 0.3 * np.sin(7 * columns + phases) * np.cos(5 * rows - phases)
    return torch.from_numpy(signal).float().clamp(0.0, 0.75)


def test_every_sample_is_eight_bits_and_the_same_again(masters):
    sdr = render_batch(masters, seeded(4), 0.4)
    assert sdr.shape == masters.shape
    assert float(sdr.min()) >= 0
    assert float(sdr.max()) <= 1
    assert torch.equal(sdr, quantize(sdr))
    assert torch.equal(sdr, render_batch(masters, seeded(4), 0.4))
    assert not torch.equal(sdr, render_batch(masters, seeded(5), 0.4))


def test_the_samples_are_distributed_as_one_by_one(masters):
    """Mean and deviation of the codes over many draws; the tolerance is four standard errors of 240 pictures."""
    many = masters.repeat(5, 1, 1, 1)
    both = [render(many, seeded(seed), 0.3) for render in (render_batch, render_pairs) for seed in (1, 2)]
    at_once, one_by_one = torch.cat(both[:2]), torch.cat(both[2:])
    of = lambda x: x.mean(dim=(1, 2, 3))  # noqa: E731
    error = float((of(at_once).var() / 240 + of(one_by_one).var() / 240).sqrt())
    assert abs(float(of(at_once).mean() - of(one_by_one).mean())) < 4 * error
    assert float(of(at_once).std() / of(one_by_one).std()) == pytest.approx(1, abs=0.25)


@pytest.mark.parametrize("name", list(OPERATORS))
def test_most_samples_are_at_the_operators_standard(masters, name, monkeypatch):
    many = masters.repeat(4, 1, 1, 1)
    sdr, standard = _jittered(name, many, seeded(6)), OPERATORS[name](pq.eotf(many)).clamp(0, 1)
    off = (sdr - standard).abs().mean(dim=(1, 2, 3))
    same = off < (0.002 if name == "aces-1.3" else 1e-6)  # a lattice
    assert float(same.float().mean()) == pytest.approx(STANDARD_SHARE, abs=0.2)
    assert float(off[~same].min()) > 1e-5
    assert len(set(off[~same].tolist())) > 0.8 * int((~same).sum())  # each around it in its own way


def test_operators_left_out_render_nothing(masters, monkeypatch):
    seen = []
    monkeypatch.setattr(batch_renderings, "_jittered", lambda name, x, g: seen.append(name) or x)
    render_batch(masters, seeded(), 0.0, ("reinhard", "bt2390"))
    assert set(seen) == {"reinhard", "bt2390"}


def test_how_many_fall_to_each():
    counts = how_many(1000, [3.0, 1.0, 0.0], seeded())
    assert sum(counts) == 1000
    assert counts[0] == pytest.approx(750, abs=60)
    assert counts[2] == 0


def test_a_devices_generator_has_one_of_the_host_beside_it():
    assert host_of(plain := seeded()) is plain
    assert on_device(plain, torch.device("cpu")) is plain
    made = DeviceGenerator()
    made.host = seeded(1)
    assert host_of(made) is made.host
    assert type(generator_on(torch.device("cpu"), 3)) is torch.Generator
