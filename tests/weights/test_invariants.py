"""What the shipped model must keep on the product's path: greys, order, smooth gradients, edges, fine detail."""

from copy import copy
from dataclasses import replace
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
import torch

import lumaflux
from lumaflux.color import pq
from lumaflux.inference.converter import Converter
from lumaflux.lab.evaluation import measures, signals
from lumaflux.media.video.reader import VideoReader
from lumaflux.settings import Settings

EXAMPLE = Path(__file__).parents[2] / "examples" / "rooftop-sdr.mp4"
TEN_BIT_CODE = 1 / 876  # of the PQ signal, narrow range


@pytest.fixture(scope="module")
def lite():
    return lumaflux.load("lite", device="cpu")


def placed(converter, sdr: np.ndarray) -> np.ndarray:
    """The source where the frame's own curve puts it: what detail is compared with."""
    network, frame = converter.backend.network, torch.from_numpy(sdr)[None]
    with torch.inference_mode():
        placement = network.placement(converter.reduced(frame))
        return network.to_pq(network.start(frame, placement))[0].numpy()


@pytest.mark.parametrize("recovery", [0.0, 0.5, 1.0])
def test_grey_stays_grey_and_in_order(lite, recovery: float):
    result = lite.render(signals.neutral_ramp(), Settings(highlight_recovery=recovery))
    assert measures.chroma(result).max() < 0.5
    assert measures.largest_fall(result[:, :, 20:]) < TEN_BIT_CODE
    below = pq.eotf(result[:, :, :20].astype(np.float64)).mean(axis=(0, 1))
    assert (np.maximum.accumulate(below) - below).max() < 0.005  # cd/m2: in black a code is less than an eye sees


@pytest.mark.parametrize("steps", [2, 4])
def test_grey_stays_grey_at_any_number_of_steps(lite, steps: int):
    assert measures.chroma(lite.render(signals.neutral_ramp(256, 64), Settings(steps=steps))).max() < 0.5


def test_gradients_show_no_bands(lite, monkeypatch: pytest.MonkeyPatch):
    sources = (signals.neutral_ramp(1024, 64, 0.3, 0.6), signals.sky_ramp())
    smooth = [measures.largest_step(lite.render(sdr)) for sdr in sources]
    monkeypatch.setattr("lumaflux.inference.converter.deband", lambda sdr: sdr)
    banded = [measures.largest_step(lite.render(sdr)) for sdr in sources]
    assert max(smooth) < 1 < min(banded)


def test_fields_beside_edges_stay_flat(lite):
    """8 is 1 % of the PQ range; what is left is the autoencoder's unrest in fields without any content."""
    sdr = signals.steps()
    assert measures.halo(lite.render(sdr), sdr) < 8


def test_what_stands_before_a_clipped_light_stays_dark(lite):
    """Wires across a clipped sun, at a size where one pixel of the model covers many of the source."""
    sdr = signals.clipped_sun(960, 540)
    clipped, wire = sdr.min(axis=0) == 1, np.abs(sdr[0] - 0.12) < 0.01
    near = np.roll(clipped, 4, axis=1) & np.roll(clipped, -4, axis=1) & wire
    assert near.sum() > 10
    curve, recovered = (lite.render(sdr, Settings(highlight_recovery=share)) for share in (0.0, 1.0))
    assert np.abs(recovered - curve)[:, near].max() < 0.03


def test_highlights_are_seen_twice(lite):
    """A mirror image has mirrored highlights, nearly; with a track's stops a frame looks as without."""
    sdr = signals.clipped_sun(480, 256)
    pictures = sdr, np.ascontiguousarray(sdr[..., ::-1])

    def unlikeness(converter) -> float:
        shares = [converter.clipped_shares(torch.from_numpy(picture)[None]) for picture in pictures]
        one, other = (converter.tone_of(p, clipped=c).stops for p, c in zip(pictures, shares, strict=True))
        assert one.max() > 1
        return float((one - other.flip(-1)).abs().max())

    one_view = copy(lite.backend)
    one_view.config = replace(lite.config, test_time_augmentation=False)
    assert unlikeness(lite) < 0.6 * unlikeness(Converter(one_view))
    tone = lite.tone_of(sdr, clipped=lite.clipped_shares(torch.from_numpy(sdr)[None]))
    assert np.abs(lite.render(sdr, tone=tone) - lite.render(sdr)).max() < 1e-3


def test_detail_is_the_source_s(lite):
    with VideoReader(EXAMPLE) as reader:
        rooftop = next(islice(reader, 20, None)).sdr
    for sdr in (rooftop, signals.texture()):
        ratio = measures.detail_energy(lite.render(sdr), sdr) / measures.detail_energy(placed(lite, sdr), sdr)
        assert abs(ratio - 1) < 0.02
    generated = measures.detail_energy(lite.convert(rooftop).hdr_pq, rooftop)
    assert (
        0.8 < generated / measures.detail_energy(placed(lite, rooftop), rooftop) < 1.2
    )  # the autoencoder keeps it too
