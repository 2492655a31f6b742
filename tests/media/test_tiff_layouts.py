"""TIFF files as bytes put together here: every layout comes out as numpy wrote it, or is refused."""

import itertools
import struct
import zlib

import numpy as np
import pytest

from lumaflux.errors import UserError
from lumaflux.media.stills.picture import read_still

SIZES = [(1, 9), (19, 21)]


def tiff(pixels, order, separate, tile, deflate):
    """Pixels [H,W,C] as a file of one strip or of tiles of 16x16."""
    height, width, channels = pixels.shape
    blocks = []
    for plane in np.split(pixels, channels, axis=2) if separate else [pixels]:
        parts = [plane]
        if tile:
            padded = np.pad(plane, ((0, -height % 16), (0, -width % 16), (0, 0)))
            rows = [np.split(row, padded.shape[1] // 16, axis=1) for row in np.split(padded, padded.shape[0] // 16)]
            parts = list(itertools.chain.from_iterable(rows))
        data = [part.astype(pixels.dtype.newbyteorder(order)).tobytes() for part in parts]
        blocks += [zlib.compress(part) if deflate else part for part in data]
    places = list(itertools.accumulate([8, *(len(block) for block in blocks)]))
    photometric = 2 if channels >= 3 else 1
    sample = {"u": 1, "i": 2, "f": 3}[pixels.dtype.kind]
    tags = {256: [width], 257: [height], 258: [8 * pixels.itemsize] * channels, 259: [8 if deflate else 1]}
    tags |= {262: [photometric], 277: [channels], 284: [2 if separate else 1], 339: [sample] * channels}
    tags |= {322: [16], 323: [16], 324: places[:-1]} if tile else {273: places[:-1], 278: [height]}
    tags |= {325 if tile else 279: [len(block) for block in blocks]}
    tags |= {338: [2]} if channels == 4 else {}
    entries, beyond, start = b"", b"", places[-1] + 2 + 12 * len(tags) + 4
    for tag, values in sorted(tags.items()):
        short = tag not in (273, 279, 324, 325)
        raw = struct.pack(f"{order}{len(values)}{'H' if short else 'I'}", *values)
        field = raw.ljust(4, b"\0") if len(raw) <= 4 else struct.pack(f"{order}I", start + len(beyond))
        beyond += raw if len(raw) > 4 else b""
        entries += struct.pack(f"{order}HHI", tag, 3 if short else 4, len(values)) + field
    mark = b"II*\0" if order == "<" else b"MM\0*"
    directory = struct.pack(f"{order}H", len(tags)) + entries + bytes(4)
    return mark + struct.pack(f"{order}I", places[-1]) + b"".join(blocks) + directory + beyond


@pytest.mark.parametrize("kind", ["u1", "u2", "u4", "i1", "i2", "i4", "f2", "f4", "f8", "u8", "i8"])
def test_every_layout_is_right_or_refused(tmp_path, kind):
    rng, path, refused = np.random.default_rng(5), tmp_path / "a.tif", 0
    dtype = np.dtype(kind)
    for size, channels, order, separate, tile in itertools.product(SIZES, (1, 4), "<>", (0, 1), (0, 1)):
        wanted = rng.uniform(0, 1, (*size, channels)).astype(np.float32)
        largest = 1 if dtype.kind == "f" else np.iinfo(dtype).max
        pixels = (wanted.astype(np.float64) * float(largest)).clip(0, float(largest) * (1 - 2**-50)).astype(dtype)
        path.write_bytes(tiff(pixels, order, separate, tile, deflate=separate or size[0] > 1))
        wanted = pixels.astype(np.float64) / float(largest)
        try:
            still = read_still(path, raw=True)
        except UserError:
            refused += 1
            continue
        shown = np.moveaxis(wanted[..., :3] if channels >= 3 else np.repeat(wanted, 3, 2), -1, 0)
        np.testing.assert_allclose(still.sdr, shown, atol=1e-3)
        if channels == 4:
            assert still.alpha is not None
            np.testing.assert_allclose(still.alpha, wanted[..., 3], atol=1e-3)
    assert (refused > 0) == (dtype.itemsize == 8)
    assert kind != "f8" or refused < 32  # rows in strips are read


@pytest.mark.parametrize("kind", ["u8", "i8"])
@pytest.mark.parametrize("channels", [1, 3])
def test_integers_of_64_bits_have_their_sentence(tmp_path, kind, channels):
    path = tmp_path / "a.tif"
    path.write_bytes(tiff(np.zeros((4, 5, channels), kind), "<", separate=False, tile=False, deflate=False))
    with pytest.raises(UserError, match="holds 64-bit integers, which are not read; save it with 16 bits"):
        read_still(path)
