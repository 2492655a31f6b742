import pytest
import torch

from lumaflux.color import pq
from lumaflux.errors import UserError
from lumaflux.inference.look import apply_look
from lumaflux.settings import Settings, controls


def test_every_control_is_described_and_its_default_is_in_range():
    for name, control in controls().items():
        assert control.label
        assert control.help.endswith(".")
        assert control.low <= getattr(Settings(), name) <= control.high


@pytest.mark.parametrize(
    ("name", "value"),
    [("strength", 1.1), ("target_peak", 399), ("reference_white", 401), ("saturation", -0.1), ("steps", 101)],
)
def test_out_of_range_is_named(name, value):
    with pytest.raises(UserError, match="must be between"):
        Settings(**{name: value})


def test_a_peak_at_white_leaves_nothing_brighter():
    settings = Settings(target_peak=400, reference_white=400)
    ramp = torch.linspace(0, 1, 64).expand(1, 3, 1, 64)
    nits = pq.eotf(apply_look(pq.inverse_eotf(1000 * ramp), ramp, settings))
    assert float(nits.max()) == pytest.approx(400, rel=1e-4)
    assert (nits.diff(dim=-1) >= -1e-3).all()


def test_words_for_the_ends_of_detail():
    from lumaflux.cli import _plain_words

    words = ["convert", "--detail", "source", "--detail=generated", "--detail", "0.3", "source"]
    assert _plain_words(words) == ["convert", "--detail", "1", "--detail=0", "--detail", "0.3", "source"]
