import torch
from torch import nn

from lumaflux.inference.rounds import Rounds
from lumaflux.model.picture_norm import PictureNorm, Share, with_picture_norms


def network():
    torch.manual_seed(0)
    layers = nn.Sequential(nn.Conv2d(3, 8, 1), nn.GroupNorm(4, 8), nn.SiLU(), nn.Conv2d(8, 8, 1), nn.GroupNorm(2, 8))
    for norm in (layers[1], layers[4]):
        nn.init.normal_(norm.weight)
        nn.init.normal_(norm.bias)
    return layers


def test_tiles_are_normalised_as_the_whole_picture():
    layers, picture = network(), 3 * torch.rand(2, 3, 12, 20) + torch.linspace(0, 5, 20)
    tiles = [(0, 12, Share(columns=(0, 10 / 12))), (8, 20, Share(columns=(2 / 12, 1.0)))]
    rounds = Rounds()
    cut = with_picture_norms(layers, lambda: tiles[rounds.current][2], rounds.pause)
    with torch.inference_mode():
        whole = layers(picture)
        made = rounds.run([lambda t=t: cut(picture[..., t[0] : t[1]]) for t in tiles])
        alone = layers(picture[..., :12])
    for (left, right, _), tile in zip(tiles, made, strict=True):
        torch.testing.assert_close(tile, whole[..., left:right], rtol=0, atol=2e-5)
    assert (alone - whole[..., :12]).abs().max() > 0.1


def test_the_copy_shares_weights_and_leaves_the_original_alone():
    layers = network()
    cut = with_picture_norms(layers, Share, lambda: None)
    assert isinstance(cut[1], PictureNorm)
    assert isinstance(layers[1], nn.GroupNorm)
    assert {id(p) for p in cut.parameters()} == {id(p) for p in layers.parameters()}


def test_without_rows_and_columns_it_is_the_norm():
    norm, x = nn.GroupNorm(2, 4), torch.rand(1, 4, 9)
    assert torch.equal(PictureNorm(norm, Share, lambda: None)(x), norm(x))
