import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from lumaflux.model.latents import bridge_noise, pack, pad_to_multiple, position_ids, unpack


@given(rows=st.integers(1, 5), columns=st.integers(1, 5), channels=st.integers(1, 6))
def test_packing_round_trip(rows, columns, channels):
    latents = torch.randn(2, channels, 2 * rows, 2 * columns)
    assert torch.equal(unpack(pack(latents), (rows, columns)), latents)


def test_packing_order_is_channel_then_row_then_column():
    latents = torch.arange(8.0).view(1, 2, 2, 2)
    assert pack(latents)[0, 0].tolist() == [0, 1, 2, 3, 4, 5, 6, 7]


@settings(deadline=None)
@given(top=st.integers(0, 9), left=st.integers(0, 9), channels=st.sampled_from([3, 4, 16]))
def test_a_tile_sees_the_noise_of_the_whole_frame(top, left, channels):
    whole = bridge_noise(7, channels, 16, 20)
    tile = bridge_noise(7, channels, 5, 6, top=top, left=left)
    assert torch.equal(tile, whole[:, top : top + 5, left : left + 6])


def test_noise_is_standard_normal_and_depends_on_the_seed():
    noise = bridge_noise(1, 16, 64, 64)
    assert abs(noise.mean()) < 0.01
    assert abs(noise.std() - 1) < 0.01
    assert not torch.equal(noise, bridge_noise(2, 16, 64, 64))


def test_padding_replicates_the_border():
    padded = pad_to_multiple(torch.rand(1, 3, 17, 31), 16)
    assert padded.shape == (1, 3, 32, 32)
    assert torch.equal(padded[..., 31, :31], padded[..., 16, :31])


def test_position_ids_are_row_major_after_the_context():
    ids = position_ids(2, (2, 3), torch.device("cpu"))
    assert ids[:2].abs().sum() == 0
    assert ids[2:].tolist() == [[0, r, c] for r in range(2) for c in range(3)]
