"""Rate and speed of a video encoder, as users name them."""

from fractions import Fraction

import pytest

from lumaflux.errors import UserError
from lumaflux.media.video.av1_stream import Av1Encoding
from lumaflux.media.video.hdr10_stream import Hdr10Encoding, HlgEncoding
from lumaflux.media.video.intermediate_streams import Ffv1Encoding, ProRes422Encoding


def encoding(kind):
    return kind(
        width=64,
        height=64,
        time_base=Fraction(1, 24),
        frame_rate=Fraction(24),
        sample_aspect_ratio=Fraction(1),
        display=None,
    )


@pytest.mark.parametrize(("kind", "preset"), [(Hdr10Encoding, "ultrafast"), (HlgEncoding, "slow"), (Av1Encoding, "13")])
def test_they_reach_the_encoder(kind, preset):
    options = encoding(kind).rated(30, preset).options()
    assert (options["preset"], float(options["crf"])) == (preset, 30)


def test_unnamed_they_stay(monkeypatch):
    assert encoding(Hdr10Encoding).rated(None, None) == encoding(Hdr10Encoding)


@pytest.mark.parametrize(
    ("kind", "crf", "preset", "said"),
    [
        (Hdr10Encoding, 52, None, "0 (finest) to 51"),
        (Hdr10Encoding, -1, None, "0 (finest) to 51"),
        (Av1Encoding, 0, None, "1 (finest) to 63"),
        (Hdr10Encoding, None, "13", "has ultrafast, .* placebo"),
        (Av1Encoding, None, "slow", "has 0, .* 13"),
        (ProRes422Encoding, 20, None, "no constant rate factor"),
        (Ffv1Encoding, None, "slow", "has none"),
    ],
)
def test_what_the_codec_has_not_is_refused(kind, crf, preset, said):
    with pytest.raises(UserError, match=said.replace("(", r"\(").replace(")", r"\)")):
        encoding(kind).rated(crf, preset)
