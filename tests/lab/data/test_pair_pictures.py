import numpy as np
import OpenImageIO as oiio
import pytest

from lumaflux.errors import UserError
from lumaflux.lab.data.pair_pictures import read_pq_picture, read_sdr_codes, write_sdr_picture
from lumaflux.media.stills.picture import probe_still, read_still, write_still
from lumaflux.media.stills.png_chunks import chunk, copy_with

CODES = np.random.default_rng(0).integers(0, 256, (3, 5, 7), np.uint8)


@pytest.mark.parametrize("transfer", ["srgb", "bt709"])
def test_sdr_codes_and_their_transfer_survive(tmp_path, transfer):
    write_sdr_picture(tmp_path / "a.png", CODES, transfer)
    assert np.array_equal(read_sdr_codes(tmp_path / "a.png"), CODES)
    info = probe_still(tmp_path / "a.png")
    assert (info.transfer.value, info.primaries.value, info.transfer.source) == (transfer, "bt709", "tagged")
    assert read_still(tmp_path / "a.png").transfer == transfer
    assert [path.name for path in tmp_path.iterdir()] == ["a.png"]


def test_refuses_what_is_no_sdr_code(tmp_path):
    for wrong in (CODES.astype(np.float32), CODES[:1], CODES[0]):
        with pytest.raises(ValueError, match="uint8"):
            write_sdr_picture(tmp_path / "a.png", wrong, "srgb")
    write_16_bits(tmp_path / "deep.png", CODES.astype(np.uint16) * 257)
    with pytest.raises(UserError, match="16 bits"):
        read_sdr_codes(tmp_path / "deep.png")


def write_16_bits(path, codes):
    """Without colour chunks, as frames cut out of a video come."""
    tagged = path.with_suffix(".tagged.png")
    assert oiio.ImageBuf(np.ascontiguousarray(codes.transpose(1, 2, 0))).write(str(tagged))
    with tagged.open("rb") as source, path.open("wb") as target:
        copy_with(source, target, b"")


def test_untagged_16_bit_codes_are_pq(tmp_path):
    codes = np.random.default_rng(1).integers(0, 65536, (3, 4, 6), np.uint16)
    write_16_bits(tmp_path / "a.png", codes)
    assert np.array_equal(np.rint(read_pq_picture(tmp_path / "a.png") * 65535), codes)
    write_still(tmp_path / "b.png", codes.astype(np.float32) / 65535)
    assert np.array_equal(read_pq_picture(tmp_path / "b.png"), read_pq_picture(tmp_path / "a.png"))


def test_refuses_8_bits_and_other_tags(tmp_path):
    write_sdr_picture(tmp_path / "eight.png", CODES, "srgb")
    with pytest.raises(UserError, match="8 bits"):
        read_pq_picture(tmp_path / "eight.png")
    write_16_bits(tmp_path / "plain.png", CODES.astype(np.uint16))
    with (tmp_path / "plain.png").open("rb") as plain, (tmp_path / "hlg.png").open("wb") as tagged:
        copy_with(plain, tagged, chunk(b"cICP", bytes((9, 18, 0, 1))))
    with pytest.raises(UserError, match="tagged hlg"):
        read_pq_picture(tmp_path / "hlg.png")
