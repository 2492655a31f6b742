import pytest

from lumaflux.errors import UserError
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


def test_peak_must_exceed_white():
    with pytest.raises(UserError, match="above reference white"):
        Settings(target_peak=400, reference_white=400)


def test_words_for_the_ends_of_detail():
    from lumaflux.cli import _plain_words

    words = ["convert", "--detail", "source", "--detail=generated", "--detail", "0.3", "source"]
    assert _plain_words(words) == ["convert", "--detail", "1", "--detail=0", "--detail", "0.3", "source"]
