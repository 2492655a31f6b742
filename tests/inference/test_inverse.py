"""The way back: codes of 8 bits from a result's light and what lit it."""

from dataclasses import replace

import pytest
import torch

from lumaflux.backends.torch import TorchBackend
from lumaflux.inference.converter import Converter, RenderHooks
from lumaflux.inference.inverse import Lighting, restored
from lumaflux.model.build import build
from lumaflux.model.presets import TINY
from lumaflux.settings import Settings

HIGHLIGHTS = replace(TINY, name="highlights", local_light="highlights", working_pixels=1024, tone_bins=4)


@pytest.fixture(scope="module")
def converter() -> Converter:
    return Converter(TorchBackend(build(HIGHLIGHTS, seed=0)))


def _frame() -> torch.Tensor:
    """Codes of 8 bits with a lamp and every grey, [3,64,256]."""
    frame = torch.randint(20, 160, (3, 64, 256), generator=torch.Generator().manual_seed(0)) / 255
    frame[:, :4] = torch.arange(256) / 255
    frame[:, 20:40, 100:160] = 1.0
    return frame


@pytest.mark.parametrize("barred", [False, True])
def test_every_grey_and_nearly_every_color_comes_back(converter: Converter, barred: bool):
    frame, kept = _frame(), []
    if barred:
        frame = torch.nn.functional.pad(frame, (0, 0, 16, 16))
    result, _ = converter.render_timed(frame, Settings(), RenderHooks(on_lighting=kept.append))
    lighting: Lighting = kept[0]
    assert (lighting.stops > 0).any()
    back = (255 * restored(result[None], lighting)[0]).round()
    error = (back - 255 * frame).abs()
    assert float((error > 1).float().mean()) < 0.01
    assert float(error.mean()) < 0.2
    top = 16 if barred else 0
    assert float(error[:, top : top + 4].max()) <= 1  # greys
    assert float(error[:, top + 25 : top + 35, 110:150].max()) <= 1  # and the lamp, whose light was generated


def test_ten_bits_cost_less_than_a_code_on_average(converter: Converter):
    frame, kept = _frame(), []
    result, _ = converter.render_timed(frame, Settings(), RenderHooks(on_lighting=kept.append))
    back = restored((result * 1023).round()[None] / 1023, kept[0])[0]
    assert float((255 * (back - frame)).abs().mean()) < 0.7
