"""HDR-LPIPS weights from the layouts in which LPIPS is published, with random values."""

import pytest
import torch
from safetensors.torch import load_file

from lumaflux.cli import app
from lumaflux.color import pq
from lumaflux.errors import UserError
from lumaflux.lab.evaluation.metrics.hdr_lpips import HdrLpips
from lumaflux.lab.evaluation.metrics.lpips_checkpoint import CONVOLUTIONS, convert_lpips


@pytest.fixture(scope="module")
def layers():
    generator = torch.Generator().manual_seed(0)
    made = {}
    for index, shape in CONVOLUTIONS.items():
        made[f"{index}.weight"] = 0.05 * torch.randn(shape, generator=generator)
        made[f"{index}.bias"] = torch.rand(shape[0], generator=generator)
    heads = [torch.rand(1, shape[0], 1, 1, generator=generator) for shape in CONVOLUTIONS.values()]
    return made, heads


@pytest.fixture
def published(layers, tmp_path):
    """torchvision's file and the package's: alexnet.pth, alex.pth."""
    made, heads = layers
    alexnet = {f"features.{name}": value for name, value in made.items()} | {"classifier.1.bias": torch.zeros(8)}
    torch.save(alexnet, tmp_path / "alexnet.pth")
    old = {"_use_new_zipfile_serialization": False}  # as the package's file was written
    torch.save({f"lin{number}.model.1.weight": head for number, head in enumerate(heads)}, tmp_path / "alex.pth", **old)
    return tmp_path


def test_two_files_and_the_whole_network_give_the_same_weights(layers, published, capsys):
    app(["luma-eval", "lpips-weights", str(published / "two.safetensors"), *(str(published / name) for name in
        ("alex.pth", "alexnet.pth"))], result_action="return_value")  # fmt: skip
    made, heads = layers
    whole = {f"net.slice{1 + number // 2}.{name}": value for number, (name, value) in enumerate(made.items())}
    whole |= {f"lin{number}.model.1.weight": head for number, head in enumerate(heads)}
    whole |= {f"lins.{number}.model.1.weight": head for number, head in enumerate(heads)}
    whole["scaling_layer.shift"] = torch.zeros(1, 3, 1, 1)
    torch.save(whole, published / "whole.pth")
    convert_lpips([published / "whole.pth"], published / "one.safetensors")
    two, one = load_file(published / "two.safetensors"), load_file(published / "one.safetensors")
    assert two.keys() == one.keys()
    assert len(two) == 15
    assert all(torch.equal(two[name], one[name]) for name in two)
    assert torch.equal(two["features.3.weight"], made["3.weight"])
    lpips = HdrLpips(published / "two.safetensors")
    nits = pq.eotf(0.6 * torch.rand(1, 3, 64, 64, generator=torch.Generator().manual_seed(1)))
    assert lpips(nits, nits).item() == 0
    assert 0 < lpips(nits * 1.02, nits).item() < lpips(nits * 1.5, nits).item()


def test_what_is_no_such_checkpoint_is_named(published):
    target = published / "out.safetensors"
    with pytest.raises(UserError, match=r"features\.0\.weight is missing; give torchvision's AlexNet"):
        convert_lpips([published / "alex.pth"], target)
    with pytest.raises(UserError, match=r"lin0\.model\.1\.weight is missing"):
        convert_lpips([published / "alexnet.pth"], target)
    with pytest.raises(UserError, match=r"no\.pth is missing"):
        convert_lpips([published / "no.pth"], target)
    (published / "text.pth").write_text("not a checkpoint")
    with pytest.raises(UserError, match=r"text\.pth is no checkpoint of tensors alone"):
        convert_lpips([published / "text.pth"], target)
    torch.save([torch.zeros(1)], published / "list.pth")
    with pytest.raises(UserError, match="is no state dictionary"):
        convert_lpips([published / "list.pth"], target)
    vgg = torch.load(published / "alex.pth", weights_only=True) | {"lin1.model.1.weight": torch.rand(1, 128, 1, 1)}
    torch.save(vgg, published / "vgg.pth")
    with pytest.raises(UserError, match=r"lin1\.model\.1\.weight is 1x128x1x1 and not 1x192x1x1; HDR-LPIPS takes"):
        convert_lpips([published / "alexnet.pth", published / "vgg.pth"], target)
    assert not target.exists()


class Runs:
    """Pickles as a call."""

    def __reduce__(self):
        return (exec, ("raise SystemExit(9)",))


def test_a_checkpoint_runs_no_code(published):
    torch.save({"lin0.model.1.weight": Runs()}, published / "code.pth")
    with pytest.raises(UserError, match="no checkpoint of tensors alone"):
        convert_lpips([published / "code.pth"], published / "out.safetensors")
