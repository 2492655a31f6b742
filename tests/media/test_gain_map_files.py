"""Gain maps in HEIC, AVIF and JPEG XL are read as pairs, Apple's too, and what is not sound is named."""

import io
import struct
from dataclasses import replace

import numpy as np
import pillow_heif
import pytest
from PIL import Image

from lumaflux.color import bt1886, pq, srgb
from lumaflux.color.primaries import BT709, BT2020, apply_matrix, rgb_to_rgb
from lumaflux.errors import UserError
from lumaflux.lab.data.look_pairs import find_pairs, read_pairs
from lumaflux.media.display_light import DisplayLight
from lumaflux.media.gainmap import jxl_bundle
from lumaflux.media.gainmap.apple import AUXILIARY, headroom_of
from lumaflux.media.gainmap.beside_base import write_with_gain_map
from lumaflux.media.gainmap.heif_items import HeifItems, Item, box, heif_file
from lumaflux.media.gainmap.photograph import read_gain_map_photograph
from lumaflux.media.metadata.info import probe
from lumaflux.media.stills.picture import read_still

FORMS = {"heic": "heic", "avif": "avif", "jpegxl": "jxl"}


def scene(height=96, width=128):
    """BT.1886 SDR, and PQ/BT.2020 that is brighter the brighter it is, up to 1000 nit."""
    rng = np.random.default_rng(1)
    smooth = np.kron(rng.random((3, height // 32, width // 32)), np.ones((32, 32)))
    sdr = (np.round(255 * smooth) / 255).astype(np.float32)
    linear = np.asarray(bt1886.eotf(sdr, white_nits=1.0))
    nits = 203 * linear * (1 + 3.9 * linear.max(axis=0))
    return sdr, np.asarray(pq.inverse_eotf(apply_matrix(rgb_to_rgb(BT709, BT2020), nits)), np.float32)


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    folder, (sdr, hdr_pq) = tmp_path_factory.mktemp("gain"), scene()
    for form, suffix in FORMS.items():
        write_with_gain_map(folder / f"a.{suffix}", sdr, hdr_pq, form)
    return folder


@pytest.mark.parametrize("suffix", FORMS.values())
def test_a_pair_comes_back(written, suffix):
    """Mean of the differences: HDR 0.006 of PQ, SDR 0.012 of BT.1886 codes, both of 8 bits compressed."""
    path, (sdr, hdr_pq) = written / f"a.{suffix}", scene()
    info = probe(path)
    assert (info.dropped, info.camera, info.is_hdr, info.width) == (("gain map",), "a gain map", False, 128)
    photograph = read_gain_map_photograph(path)
    assert np.abs(pq.inverse_eotf(photograph.hdr_nits().clip(0, 10000)) - hdr_pq).mean() < 0.006
    assert np.abs(read_still(path).bt1886 - sdr).mean() < 0.012
    assert np.abs(bt1886.inverse_eotf(photograph.sdr_linear(), white_nits=1.0) - sdr).mean() < 0.012
    lit = DisplayLight(path)
    assert not lit.is_sdr
    assert lit.frame().nits.max() == pytest.approx(pq.eotf(hdr_pq).max(), rel=0.08)
    ((name, first, second),) = find_pairs([str(path)])
    (pair,) = read_pairs(name, first, second)
    assert pair.match > 0.9


def test_what_decoders_show_is_the_base(written):
    assert pillow_heif.open_heif(written / "a.heic")[0].size == (128, 96)
    assert len(pillow_heif.open_heif(written / "a.heic")) == 1
    with Image.open(written / "a.avif") as picture:
        assert (picture.size, getattr(picture, "n_frames", 1)) == ((128, 96), 1)


def test_gains_of_the_alternate_colors(written, tmp_path):
    """The flag of base colors taken away: the gains go onto BT.2020, of which the tone-mapped item says it is."""
    data = (written / "a.heic").read_bytes()
    at = data.index(HeifItems.of(data).items[3].payload) + 5
    (tmp_path / "a.heic").write_bytes(data[:at] + bytes([data[at] & ~0x40]) + data[at + 1 :])
    other, base = (read_gain_map_photograph(folder / "a.heic") for folder in (tmp_path, written))
    assert other.primaries == BT2020
    assert base.primaries == BT709
    assert other.sdr_linear() == pytest.approx(base.sdr_linear(), abs=2e-3)
    grey = np.ptp(base.base_linear, axis=0) < 0.02
    assert other.hdr_nits()[:, grey] == pytest.approx(base.hdr_nits()[:, grey], rel=0.1, abs=2)


def apple_notes(bright, gain):
    """Exif with maker notes 33 and 48."""
    entries = b"".join(struct.pack(">HHII", tag, 10, 1, 16 + 24 + 8 * index) for index, tag in enumerate((33, 48)))
    values = b"".join(struct.pack(">ii", round(1e6 * value), 10**6) for value in (bright, gain))
    exif = Image.Exif()
    exif.get_ifd(0x8769)[0x927C] = b"Apple iOS\0\0\1MM" + struct.pack(">H", 2) + entries + values
    return exif.tobytes()


def apple_heic(path, base, gain, exif, xmp=b"", kind=AUXILIARY):
    """As phones write it: the map an auxiliary picture of the base, with texts of their own."""
    made, out = pillow_heif.HeifFile(), io.BytesIO()
    for mode, codes in (("RGB", base), ("L", gain)):
        made.add_frombytes(mode, (codes.shape[1], codes.shape[0]), codes.tobytes())
    made.save(out, quality=95, chroma=444, save_nclx_profile=True)
    shown, hidden = HeifItems.of(out.getvalue()).items.values()
    said = (box(b"auxC", bytes(4) + kind + b"\0"), True)
    items = [shown, replace(hidden, properties=(*hidden.properties, said))]
    refers = [(b"auxl", 2, (1,))]
    if exif:
        items.append(Item(kind=b"Exif", payload=struct.pack(">I", 0) + exif.removeprefix(b"Exif\0\0")))
        refers.append((b"cdsc", len(items), (1,)))
    if xmp:
        items.append(Item(kind=b"mime", payload=xmp))
        refers.append((b"cdsc", len(items), (2,)))
    path.write_bytes(heif_file((b"heic", b"mif1"), items, refers))
    return path


@pytest.mark.parametrize(
    ("bright", "gain", "headroom"),
    [(0.0, 0.0, 2**1.8), (0.0, 1.0, 2**1.5), (1.0, 0.005, 2**2.65), (1.0, 1.0, 4.0), (1.5, 8.0, 1.0)],
)
def test_headroom_by_maker_notes(bright, gain, headroom):
    assert headroom_of(apple_notes(bright, gain), b"") == pytest.approx(headroom, rel=1e-3)


def test_apple_pictures_are_pairs(tmp_path):
    base = np.full((64, 96, 3), 188, np.uint8)
    gain = np.kron(np.array([[0, 128, 255]], np.uint8), np.ones((32, 16), np.uint8))
    path = apple_heic(tmp_path / "a.heic", base, gain, apple_notes(1.0, 1.0))
    assert probe(path).dropped == ("gain map",)
    light, white = read_gain_map_photograph(path).hdr_nits()[:, 32], float(srgb.eotf(np.array([188 / 255]))[0])
    middle = ((128 / 255 + 0.099) / 1.099) ** (1 / 0.45)
    for column, gained in ((8, 1.0), (48, 1 + 3 * middle), (88, 4.0)):
        assert light[:, column] == pytest.approx([203 * white * gained] * 3, rel=0.04)
    stated = apple_heic(tmp_path / "b.heic", base, gain, b"", b'<x HDRGainMap:HDRGainMapHeadroom="2.0"/>')
    assert read_gain_map_photograph(stated).hdr_nits()[0, 32, 88] == pytest.approx(203 * white * 2, rel=0.04)


def test_maps_that_cannot_be_used_are_named(written, tmp_path):
    codes = np.full((64, 96, 3), 90, np.uint8)
    alone = apple_heic(tmp_path / "a.heic", codes, codes[::2, ::2, 0].copy(), b"")
    assert probe(alone).dropped == ("gain map without headroom",)
    assert DisplayLight(alone).is_sdr
    with pytest.raises(UserError, match="neither its maker notes nor its map say the headroom"):
        read_gain_map_photograph(alone)
    depth = apple_heic(tmp_path / "d.heic", codes, codes[::2, ::2, 0].copy(), b"", kind=b"urn:other")
    with pytest.raises(UserError, match="has no gain map"):
        read_gain_map_photograph(depth)
    data = (written / "a.heic").read_bytes()
    payload = HeifItems.of(data).items[3].payload
    at = data.index(payload)
    for place, value, said in ((0, 9, "tone-mapped item"), (2, 7, "reader of version 7"), (5, 0xC4, "HDR already")):
        (tmp_path / "v.heic").write_bytes(data[: at + place] + bytes([value]) + data[at + place + 1 :])
        with pytest.raises(UserError, match=said):
            read_gain_map_photograph(tmp_path / "v.heic")
    whole = (written / "a.jxl").read_bytes()
    (tmp_path / "brob.jxl").write_bytes(whole[: whole.index(b"jhgm") - 4] + box(b"brob", b"jhgmxxxx"))
    assert probe(tmp_path / "brob.jxl").dropped == ("gain map",)
    with pytest.raises(UserError, match="compressed"):
        read_gain_map_photograph(tmp_path / "brob.jxl")
    (tmp_path / "cut.jxl").write_bytes(whole[:-9])
    with pytest.raises(UserError, match="truncated or damaged"):
        probe(tmp_path / "cut.jxl")
    assert jxl_bundle.bundle_of(jxl_bundle.codestream(whole)) is None


def test_sizes_that_a_format_has_not(tmp_path):
    sdr = np.full((3, 8, 9), 0.5, np.float32)
    with pytest.raises(UserError, match="16 to 16384 pixels a side, not 9x8"):
        write_with_gain_map(tmp_path / "a.heic", sdr, sdr, "heic")
    write_with_gain_map(tmp_path / "a.jxl", sdr, sdr, "jpegxl")
    assert read_gain_map_photograph(tmp_path / "a.jxl").gain_map.shape == (3, 8, 9)
