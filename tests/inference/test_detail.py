"""Detail transfer: nothing to do leaves the base; gain follows the source's edges; highlights follow their control."""

import pytest
import torch

from lumaflux.color import pq
from lumaflux.color.primaries import BT2020_LUMA, luminance
from lumaflux.inference import composition, detail
from lumaflux.inference.composition import Enlargement, GainGrid, compose
from lumaflux.inference.detail import clipping, gain_map, guide_of, guided_filter, without_tint


def test_rows_are_reduced_as_the_whole_is(monkeypatch):
    picture = torch.rand(1, 1, 101, 97, generator=torch.Generator().manual_seed(3))
    monkeypatch.setattr(detail, "_BAND_PIXELS", 700)
    asked = []

    def rows_of(top, bottom):
        asked.append(bottom - top)
        return picture[..., top:bottom, :]

    assert torch.equal(detail.reduce_rows(rows_of, 101, 97, 900), detail.reduce_to(picture, 900))
    assert max(asked) == 7
    assert sum(asked) == 101


@pytest.mark.parametrize("pixels", [900, 9216])
def test_a_reduced_picture_is_not_reduced_again(pixels):
    for height in range(1, 400, 7):
        for width in range(1, 700, 11):
            size = detail.reduced_size(height, width, pixels)
            assert detail.reduced_size(*size, pixels) == size


def transfer(base, sdr, generated, begun, reduced_base, recovery):
    """Detail transfer of a source whose placement is ``base``."""
    gain, guide = gain_map(generated, begun), guide_of(reduced_base)
    guided = guided_filter(gain, guide)
    light = GainGrid(guided=guided, structure=gain - guided.of(guide))
    return compose(base, sdr, lambda placed: placed, light, recovery)


def textured(height: int = 64, width: int = 96) -> torch.Tensor:
    """A PQ picture with fine texture and one edge."""
    picture = 0.35 + 0.03 * torch.randn(1, 1, height, width, generator=torch.Generator().manual_seed(0))
    picture[..., width // 2 :] += 0.2
    return picture.expand(1, 3, -1, -1).clamp(0, 0.75).contiguous()


def blurred(picture: torch.Tensor) -> torch.Tensor:
    """What a soft autoencoder leaves."""
    return torch.nn.functional.avg_pool2d(torch.nn.functional.pad(picture, (2,) * 4, mode="replicate"), 5, stride=1)


def test_a_model_that_changes_nothing_changes_nothing():
    base = textured()
    result = transfer(base, 0.5 * base, blurred(base), blurred(base), base, recovery=0.0)
    assert (result - base).abs().max() < 1e-4


def test_an_autoencoder_s_blur_cancels():
    """Twice the light, seen through the blur, gives twice the light with all the texture."""
    base = textured()
    doubled = pq.inverse_eotf(2 * pq.eotf(base))
    result = transfer(base, 0.5 * base, blurred(doubled), blurred(base), base, recovery=0.0)
    assert (result - doubled).abs().mean() < 0.004
    fine = [picture - blurred(picture) for picture in (result, doubled)]
    assert 0.95 < fine[0].std() / fine[1].std() < 1.05


def test_upsampling_keeps_to_the_edges():
    """Gain only right of the edge: at full size the step is within two pixels of the source's."""
    full = torch.full((1, 1, 64, 256), 2.0)
    full[..., 131:] = 6.0
    small = torch.nn.functional.interpolate(full, scale_factor=0.25, mode="area")
    gain = torch.where(small > 4, 1.0, 0.0).expand(1, 3, -1, -1)
    guided = guided_filter(gain, small)
    slope, level = (Enlargement(part, 64, 256, "bilinear").rows(0, 64) for part in (guided.slope, guided.level))
    stops = slope * full + level
    assert stops[..., :129].abs().max() < 0.15
    assert (stops[..., 134:] - 1).abs().max() < 0.15


def test_recovery_is_the_share_of_what_was_generated():
    sdr = torch.full((1, 3, 32, 32), 0.5)
    sdr[..., 8:24, 8:24] = 1.0
    base, generated = torch.full_like(sdr, 0.5), torch.full_like(sdr, 0.5)
    generated[..., 16, 16] = 0.7
    none, half, whole = (transfer(base, sdr, generated, base, base, recovery=r) for r in (0.0, 0.5, 1.0))
    assert whole[0, 0, 16, 16].item() == pytest.approx(0.7, abs=1e-5)
    assert none[0, 0, 16, 16] < half[0, 0, 16, 16] < whole[0, 0, 16, 16]
    assert torch.equal(none[..., 0, :], whole[..., 0, :])


def test_clipping_is_soft_and_only_at_the_top():
    sdr = torch.full((1, 3, 20, 20), 0.9)
    sdr[..., 10:] = 1.0
    mask = clipping(sdr)
    assert mask[..., 0].max() == 0
    assert mask[..., 19].min() == 1
    assert 0 < mask[0, 0, 10, 10] < 1
    assert clipping(torch.ones(1, 3, 1, 1)).item() == 1


def test_gain_is_quiet_in_black():
    black = torch.zeros(1, 3, 8, 8)
    noise = black + 0.02
    assert gain_map(noise, black).abs().max() < 0.1
    assert torch.isfinite(guide_of(black)).all()


def test_bands_make_no_difference(monkeypatch):
    base = textured(75, 96)
    sdr = base / base.max()
    whole = transfer(base, sdr, blurred(base) + 0.1, blurred(base), base, recovery=0.7)
    monkeypatch.setattr(composition, "BAND_PIXELS", 1)
    banded = transfer(base, sdr, blurred(base) + 0.1, blurred(base), base, recovery=0.7)
    torch.testing.assert_close(banded, whole, atol=1e-6, rtol=0)


@pytest.mark.parametrize("mode", ["bilinear", "bicubic"])
def test_rows_of_an_enlargement_are_those_of_the_whole(mode):
    low = torch.rand(2, 3, 7, 9)
    whole = torch.nn.functional.interpolate(low, (40, 31), mode=mode, align_corners=False)
    torch.testing.assert_close(Enlargement(low, 40, 31, mode).rows(11, 29), whole[..., 11:29, :], atol=1e-5, rtol=0)


def test_structure_leaves_dark_lines_in_front_of_clipped_light():
    """A wire of two pixels across a clipped area, four pixels of the source to one of the model's."""
    full = torch.full((1, 3, 64, 256), 0.65)
    full[..., 128:130] = 0.3
    sdr = full / 0.65
    small = torch.nn.functional.interpolate(full, scale_factor=0.25, mode="area")
    brighter = small + 0.02 * (torch.arange(64) % 8 < 4)
    light = [transfer(full, sdr, brighter, small, small, recovery=r) for r in (0.0, 1.0)]
    assert (light[1] - light[0])[..., 128:130].abs().max() < 0.02
    assert (light[1] - light[0])[..., 8:120].abs().max() > 0.005


def test_the_model_s_colour_stays_out_of_grey():
    base = torch.full((1, 3, 4, 8), 0.5)
    base[:, 0, :, 4:] = 0.65
    tinted = base + torch.tensor([0.02, 0.0, -0.02]).view(3, 1, 1)
    kept = without_tint(tinted, base)
    assert (kept.amax(1) - kept.amin(1))[..., :4].max() < 1e-5
    assert (kept - tinted)[..., 4:].abs().max() < 0.01
    luminances = [luminance(pq.eotf(picture), BT2020_LUMA) for picture in (kept, tinted)]
    torch.testing.assert_close(luminances[0][..., :4], luminances[1][..., :4], rtol=1e-4, atol=0)
