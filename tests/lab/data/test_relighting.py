import torch

from lumaflux.lab.data.batches import CropSampler
from lumaflux.lab.data.mastering import relight
from lumaflux.lab.data.views import SceneViews


def masters() -> torch.Tensor:
    return 0.75 * torch.rand(6, 3, 24, 24, generator=torch.Generator().manual_seed(0))


def test_share_and_range():
    generator = torch.Generator().manual_seed(1)
    assert torch.equal(relight(masters(), 0.0, generator), masters())
    changed = relight(masters(), 1.0, generator)
    assert (changed - masters()).abs().amax(dim=(1, 2, 3)).min() > 0.005
    assert changed.max() <= 0.7519
    assert changed.min() >= 0


def test_order_of_light_is_kept():
    ramp = torch.linspace(0.1, 0.75, 100).expand(4, 3, 1, 100)
    changed = relight(ramp, 1.0, torch.Generator().manual_seed(2))
    assert (changed.diff(dim=-1) >= -1e-6).all()


def test_thinned_views_keep_the_distribution():
    view = (65535 * torch.rand(1, 3, 96, 96, generator=torch.Generator().manual_seed(3)) ** 2).numpy().astype("uint16")
    sampler = CropSampler([SceneViews("a", "a", "still", view)])
    picked = sampler.thinned(8, 32, torch.Generator().manual_seed(4))
    assert picked.shape == (8, 3, 32, 32)
    assert abs(float(picked.mean()) - view.mean() / 65535) < 0.02
