"""Pictures come out in the light that their profile, chunks or Exif mean, whatever these are called."""

import struct

import numpy as np
import OpenImageIO as oiio
import pytest
from PIL import Image, ImageCms

from lumaflux.color import hlg, pq, srgb
from lumaflux.color.primaries import ACES_WHITE, BT709, D65, P3_D65, Primaries, rgb_to_rgb, rgb_to_xyz
from lumaflux.errors import UserError
from lumaflux.media.metadata.coding_points import CHROMATICITIES
from lumaflux.media.metadata.info import probe
from lumaflux.media.stills import png_chunks
from lumaflux.media.stills.icc import D50_TO_D65, IccProfile
from lumaflux.media.stills.picture import read_still

PATCHES = np.array(
    [(255, 255, 255), (128, 128, 128), (200, 60, 50), (60, 180, 70), (50, 70, 190), (220, 170, 140), (235, 210, 40)]
)
ADOBE_RGB = CHROMATICITIES["adobe-rgb"]
PROPHOTO = Primaries(red=(0.7347, 0.2653), green=(0.1596, 0.8404), blue=(0.0366, 0.0001), white=(0.3457, 0.3585))
CODES = 2.2  # of 8 bits: two roundings in different spaces


def curve_tag(gamma, form):
    """``form`` may be the tag itself."""
    if isinstance(form, bytes):
        return form
    if form == "curv":
        return b"curv\0\0\0\0" + struct.pack(">IH", 1, round(gamma * 256)) + b"\0\0"
    if form == "table":
        table = np.round(65535 * np.linspace(0, 1, 1024) ** gamma).astype(">u2")
        return b"curv\0\0\0\0" + struct.pack(">I", 1024) + table.tobytes()
    return b"para\0\0\0\0" + struct.pack(">HHi", 0, 0, round(gamma * 65536))


def description(name, version):
    if version == 4:
        text = name.encode("utf-16-be")
        return b"mluc\0\0\0\0" + struct.pack(">II4sII", 1, 12, b"enUS", len(text), 28) + text
    text = name.encode("latin-1") + b"\0"
    return b"desc\0\0\0\0" + struct.pack(">I", len(text)) + text + bytes(79)


def icc_profile(name, primaries, gamma, form="curv", version=2, space=b"RGB ", extra=()):
    """A profile of a matrix and curves (ICC.1:2022 clause 8.3), or of grey."""
    tags = [(b"desc", description(name, version)), (b"wtpt", xyz_tag((0.9642, 1.0, 0.8249))), *extra]
    if space == b"RGB ":
        light = np.linalg.inv(D50_TO_D65) @ _under_d65(primaries)
        curve = curve_tag(gamma, form)
        for column, letter in enumerate(b"rgb"):
            tags += [(bytes([letter]) + b"XYZ", xyz_tag(light[:, column])), (bytes([letter]) + b"TRC", curve)]
    else:
        tags.append((b"kTRC", curve_tag(gamma, form)))
    head, body = struct.pack(">I", len(tags)), b""
    start = 128 + 4 + 12 * len(tags)
    for kind, payload in tags:
        payload = payload.ljust(-(-len(payload) // 4) * 4, b"\0")
        head += struct.pack(">4sII", kind, start + len(body), len(payload))
        body += payload
    header = bytearray(128)
    struct.pack_into(">I4sI4s4s4s", header, 0, start + len(body), b"none", version << 24, b"mntr", space, b"XYZ ")
    header[36:40] = b"acsp"
    struct.pack_into(">3i", header, 68, 63190, 65536, 54061)  # D50
    return bytes(header) + head + body


def _under_d65(primaries):
    return rgb_to_xyz(BT709) @ rgb_to_rgb(primaries, BT709) if primaries.white != D65 else rgb_to_xyz(primaries)


def xyz_tag(xyz):
    return b"XYZ \0\0\0\0" + struct.pack(">3i", *(round(float(value) * 65536) for value in xyz))


def stored(primaries, gamma):
    """Codes in a space of what the patches mean in sRGB, [1, n, 3]."""
    light = srgb.eotf(PATCHES / 255.0) @ np.linalg.inv(rgb_to_rgb(primaries, BT709)).T
    return np.round(255 * light.clip(0, 1) ** (1 / gamma)).astype(np.uint8)[None]


def save(path, codes, profile=None, **options):
    picture = Image.fromarray(np.repeat(np.repeat(codes, 16, axis=0), 16, axis=1))
    extra = {"quality": 100, "subsampling": 0} if path.suffix == ".jpg" else {}
    extra |= {"lossless": True} if path.suffix == ".webp" else {}
    picture.save(path, **extra, **({"icc_profile": profile} if profile else {}), **options)
    return path


def read(path):
    still = read_still(path)
    return still, 255 * still.sdr[:, 8, 8::16].T


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".tif", ".webp"])
@pytest.mark.parametrize(
    ("name", "primaries", "gamma"),
    [
        ("opRGB", ADOBE_RGB, 2.2),
        ("Compatible with Adobe RGB (1998)", ADOBE_RGB, 2.19921875),
        ("ProPhoto RGB", PROPHOTO, 1.8),
        ("Image P3", P3_D65, 2.6),
        ("sRGB of a camera", P3_D65, 1.8),  # its name is not what it says
    ],
)
def test_profiles_by_what_they_say(tmp_path, suffix, name, primaries, gamma):
    path = save(tmp_path / f"a{suffix}", stored(primaries, gamma), icc_profile(name, primaries, gamma))
    still, codes = read(path)
    wide = 8 if primaries is PROPHOTO else CODES  # a code of ProPhoto's is coarse in blue and green
    np.testing.assert_allclose(codes, PATCHES, atol=wide + 2 * (suffix == ".jpg"))
    assert still.info.primaries.source == "tagged"


@pytest.mark.parametrize("form", ["curv", "table", "para"])
@pytest.mark.parametrize("version", [2, 4])
def test_curves_of_every_form(tmp_path, form, version):
    profile = icc_profile("display", P3_D65, 2.4, form, version)
    assert IccProfile(profile, "a.png").name == "display"
    _, codes = read(save(tmp_path / "a.png", stored(P3_D65, 2.4), profile))
    np.testing.assert_allclose(codes, PATCHES, atol=CODES)


def test_a_profile_of_srgb_changes_no_bit(tmp_path):
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    _, codes = read(save(tmp_path / "a.png", PATCHES.astype(np.uint8)[None], profile))
    np.testing.assert_allclose(codes, PATCHES, atol=1e-4)


def test_a_profile_of_grey(tmp_path):
    light = srgb.eotf(np.array([0.0, 0.25, 0.5, 1.0]))
    codes = np.round(255 * light ** (1 / 1.5)).astype(np.uint8)
    profile = icc_profile("Grey 1.5", None, 1.5, space=b"GRAY")
    picture = Image.fromarray(np.repeat(np.repeat(codes[None], 8, axis=0), 8, axis=1), "L")
    picture.save(tmp_path / "a.png", icc_profile=profile)
    found = read_still(tmp_path / "a.png").sdr[:, 4, 4::8]
    np.testing.assert_allclose(found, np.broadcast_to([0.0, 0.25, 0.5, 1.0], (3, 4)), atol=CODES / 255)


@pytest.mark.parametrize("suffix", [".tif", ".jpg"])
def test_cmyk_with_a_profile_goes_through_it_and_without_is_said(tmp_path, suffix):
    inks = np.zeros((16, 64, 4), np.uint8)
    inks[:, 16:32, 3], inks[:, 32:48, 0], inks[:, 48:, 1] = 128, 255, 255
    Image.fromarray(inks, "CMYK").save(tmp_path / f"a{suffix}")
    still = read_still(tmp_path / f"a{suffix}")
    assert any("CMYK without a profile" in note for note in still.notes)
    np.testing.assert_allclose(still.sdr[:, 8, 8], 1, atol=0.02)


def test_a_profile_of_tables_goes_through_littlecms(tmp_path):
    """Lab pictures as Pillow writes them."""
    lab = ImageCms.profileToProfile(
        Image.fromarray(np.repeat(PATCHES.astype(np.uint8)[None], 16, axis=0)),
        ImageCms.createProfile("sRGB"),
        ImageCms.createProfile("LAB"),
        outputMode="LAB",
    )
    assert lab is not None
    lab.save(tmp_path / "lab.tif")
    found = 255 * read_still(tmp_path / "lab.tif").sdr[:, 8].T
    np.testing.assert_allclose(found, PATCHES, atol=3)  # of 8-bit Lab


@pytest.mark.parametrize("bits", [8, 16])
def test_lab_tiff_of_both_depths(tmp_path, bits):
    """Neutral and colored points of CIE Lab under D50, with negative a* and b*."""
    lab = [(100, 0, 0), (50, 0, 0), (60, -40, 30), (40, 50, -30)]
    scale, kind = 2 ** (bits - 8), np.uint8 if bits == 8 else np.uint16
    codes = np.array([[round(L / 100 * (2**bits - 1)), round(a * scale), round(b * scale)] for L, a, b in lab])
    spec = oiio.ImageSpec(4, 1, 3, "uint8" if bits == 8 else "uint16")
    path = tmp_path / "lab.tif"
    output = oiio.ImageOutput.create("tiff")
    assert output is not None
    assert output.open(str(path), spec)
    assert output.write_image((codes % 2**bits).astype(kind).reshape(1, 4, 3))
    output.close()
    data = bytearray(path.read_bytes())
    entry = data.find(struct.pack("<HHI", 262, 3, 1))
    struct.pack_into("<H", data, entry + 8, 8)  # photometric interpretation: CIE Lab
    path.write_bytes(bytes(data))
    import colour

    d50 = np.array([0.9642, 1.0, 0.8249])
    xyz = colour.Lab_to_XYZ(np.array(lab, dtype=float), colour.XYZ_to_xy(d50))
    want = srgb.inverse_eotf((xyz @ (np.linalg.inv(rgb_to_xyz(BT709)) @ D50_TO_D65).T).clip(0, 1))
    np.testing.assert_allclose(read_still(path).sdr[:, 0].T, want, atol=0.012 if bits == 8 else 0.003)


@pytest.mark.parametrize("gamma", [1.0, 1.8, 2.2, 2.6])
def test_png_gamma(tmp_path, gamma):
    path = save(tmp_path / "a.png", stored(BT709, gamma))
    with path.open("rb") as source, (tmp_path / "g.png").open("wb") as target:
        png_chunks.copy_with(source, target, png_chunks.chunk(b"gAMA", struct.pack(">I", round(100_000 / gamma))))
    _, codes = read(tmp_path / "g.png")
    np.testing.assert_allclose(codes, PATCHES, atol=4 if gamma == 1.0 else CODES)


@pytest.mark.parametrize(
    "primaries", [ADOBE_RGB, P3_D65, Primaries(red=(0.7, 0.3), green=(0.2, 0.7), blue=(0.15, 0.05), white=ACES_WHITE)]
)
def test_png_chromaticities(tmp_path, primaries):
    path = save(tmp_path / "a.png", stored(primaries, 2.2))
    points = (primaries.white, primaries.red, primaries.green, primaries.blue)
    payload = struct.pack(">8I", *(round(value * 100_000) for point in points for value in point))
    chunks = png_chunks.chunk(b"gAMA", struct.pack(">I", 45455)) + png_chunks.chunk(b"cHRM", payload)
    with path.open("rb") as source, (tmp_path / "c.png").open("wb") as target:
        png_chunks.copy_with(source, target, chunks)
    _, codes = read(tmp_path / "c.png")
    np.testing.assert_allclose(codes, PATCHES, atol=CODES)


def test_srgb_chunk_stands_above_gamma(tmp_path):
    path = save(tmp_path / "a.png", PATCHES.astype(np.uint8)[None])
    chunks = png_chunks.chunk(b"gAMA", struct.pack(">I", 100_000)) + png_chunks.chunk(b"sRGB", b"\0")
    with path.open("rb") as source, (tmp_path / "s.png").open("wb") as target:
        png_chunks.copy_with(source, target, chunks)
    np.testing.assert_allclose(read(tmp_path / "s.png")[1], PATCHES, atol=1e-4)


@pytest.mark.parametrize("bits", [8, 16])
def test_png_of_narrow_range(tmp_path, bits):
    unit, kind = 2 ** (bits - 8), np.uint8 if bits == 8 else np.uint16
    codes = np.round((16 + 219 * PATCHES / 255.0) * unit).astype(kind)[None]
    spec = oiio.ImageSpec(len(PATCHES), 1, 3, "uint8" if bits == 8 else "uint16")
    output = oiio.ImageOutput.create("png")
    assert output is not None
    assert output.open(str(tmp_path / "a.png"), spec)
    assert output.write_image(codes)
    output.close()
    with (tmp_path / "a.png").open("rb") as source, (tmp_path / "n.png").open("wb") as target:
        png_chunks.copy_with(source, target, png_chunks.chunk(b"cICP", bytes([1, 13, 0, 0])))
    found = 255 * read_still(tmp_path / "n.png").sdr[:, 0].T
    np.testing.assert_allclose(found, PATCHES, atol=0.6 if bits == 8 else 0.01)


@pytest.mark.parametrize("suffix", [".jpg", ".webp", ".png"])
def test_exif_adobe_rgb(tmp_path, suffix):
    exif = Image.Exif()
    exif[0x8769] = {0xA001: 0xFFFF, 0xA005: {1: "R03"}}
    path = save(tmp_path / f"a{suffix}", stored(ADOBE_RGB, 2.19921875), exif=exif)
    _, codes = read(path)
    np.testing.assert_allclose(codes, PATCHES, atol=CODES + 2 * (suffix == ".jpg"))


def test_exif_that_says_not_srgb_and_not_which(tmp_path):
    exif = Image.Exif()
    exif[0x8769] = {0xA001: 0xFFFF}
    still, codes = read(save(tmp_path / "a.jpg", PATCHES.astype(np.uint8)[None], exif=exif))
    assert any("not sRGB, and not which" in note for note in still.notes)
    np.testing.assert_allclose(codes, PATCHES, atol=2)


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".tif", ".webp"])
@pytest.mark.parametrize("name", ["ITUR_2100_PQ_FULL", "Rec. 2100 HLG", "Rec2100PQ", "BT.2100 ST2084 display"])
def test_hdr_by_the_profiles_name(tmp_path, suffix, name):
    path = save(tmp_path / f"a{suffix}", stored(BT709, 2.2), icc_profile(name, PROPHOTO, 1.0))
    with pytest.raises(UserError, match="is HDR already"):
        read_still(path)
    assert probe(path).is_hdr
    assert read_still(path, allow_hdr=True).sdr.shape == (3, 16, 16 * len(PATCHES))


@pytest.mark.parametrize("name", ["EPSON 2100 Glossy", "Chlorophyll", "sRGB"])
def test_names_that_say_nothing_of_hdr(name):
    assert not IccProfile.names_hdr(name)


@pytest.mark.parametrize(("transfer", "word"), [(16, "PQ"), (18, "HLG"), (13, None)])
def test_hdr_by_the_profiles_cicp_tag(tmp_path, transfer, word):
    extra = ((b"cicp", b"cicp\0\0\0\0" + bytes([9, transfer, 0, 1])),)
    path = save(tmp_path / "a.png", stored(BT709, 2.2), icc_profile("a display", BT709, 2.2, version=4, extra=extra))
    if word is None:
        np.testing.assert_allclose(read(path)[1], PATCHES, atol=CODES)
        return
    with pytest.raises(UserError, match=f"{word} by its ICC profile"):
        read_still(path)


def test_a_damaged_profile_is_a_sentence(tmp_path):
    path = save(tmp_path / "a.png", stored(BT709, 2.2), icc_profile("x", BT709, 1.7)[:300])
    with pytest.raises(UserError, match=r"a\.png.*profile"):
        read_still(path)


@pytest.mark.parametrize("suffix", ["png", "tif", "jpg"])
@pytest.mark.parametrize("name", ["Ecran calibr\xe9", "\x80", "B\xfcro \xd8"])
def test_names_with_letters_beyond_ascii_in_old_profiles(tmp_path, suffix, name):
    profile = icc_profile(name, BT709, 1.7)
    assert IccProfile(profile, "a").name == name
    path = save(tmp_path / f"a.{suffix}", stored(BT709, 1.7), profile)
    np.testing.assert_allclose(read(path)[1], PATCHES, atol=CODES + 4 * (suffix == "jpg"))
    with pytest.raises(UserError, match="is HDR already"):
        read_still(save(tmp_path / f"b.{suffix}", stored(BT709, 1.7), icc_profile(f"PQ {name}", BT709, 1.7)))


def test_pq_of_our_own_tiff_and_dpx_is_known_by_its_description(tmp_path):
    from pathlib import Path

    from lumaflux.media.stills.picture_writer import DPX, TIFF, PictureOptions, write_picture

    for kind, name in ((TIFF, "a.tif"), (DPX, "a.dpx")):
        write_picture(Path(tmp_path, name), np.full((3, 8, 8), 0.5, np.float32), kind, PictureOptions())
        with pytest.raises(UserError, match=r"is HDR already \(PQ by its description\)"):
            read_still(tmp_path / name)


def test_dpx_of_linear_light(tmp_path):
    codes = np.round(65535 * (PATCHES / 255.0) ** 2.4).astype(np.uint16)[None]
    spec = oiio.ImageSpec(len(PATCHES), 1, 3, "uint16")
    spec.attribute("dpx:Transfer", "Linear")
    output = oiio.ImageOutput.create("dpx")
    assert output is not None
    assert output.open(str(tmp_path / "a.dpx"), spec)
    assert output.write_image(codes)
    output.close()
    still = read_still(tmp_path / "a.dpx")
    assert still.transfer == "bt709"
    np.testing.assert_allclose(255 * still.sdr[:, 0].T, PATCHES, atol=0.1)


@pytest.mark.parametrize("curve", ["PQ", "HLG"])
@pytest.mark.parametrize("suffix", ["png", "jpg", "tif", "webp"])
def test_hdr_by_the_profiles_curve_whatever_its_name(tmp_path, suffix, curve):
    signal = np.linspace(0, 1, 1024)
    light = pq.eotf(signal) / 10000 if curve == "PQ" else hlg.inverse_oetf(signal)
    table = b"curv\0\0\0\0" + struct.pack(">I", 1024) + np.round(light * 65535).astype(">u2").tobytes()
    profile = icc_profile("Monitor 7", CHROMATICITIES["bt2020"], None, table)
    path = save(tmp_path / f"picture.{suffix}", stored(BT709, 2.2), profile)
    with pytest.raises(UserError, match=f"the {curve} curve of its ICC profile 'Monitor 7'"):
        read_still(path)


def test_an_identity_curve_is_linear_light(tmp_path):
    """A `curv` without entries (ICC.1:2022 10.6)."""
    profile = icc_profile("sRGB", BT709, None, b"curv" + bytes(8))
    _, found = read(save(tmp_path / "picture.png", stored(BT709, 1.0), profile))
    assert np.abs(found - PATCHES).max() < 3.5  # 8 bits of light at code 40


@pytest.mark.parametrize("stated", [0, 1, 0xFFFFFFFF])
def test_a_gamma_that_no_picture_has_is_ignored(tmp_path, stated):
    path = save(tmp_path / "plain.png", PATCHES.astype(np.uint8)[None])
    chunk = png_chunks.chunk(b"gAMA", struct.pack(">I", stated))
    path.write_bytes(path.read_bytes()[:33] + chunk + path.read_bytes()[33:])
    assert np.abs(read(path)[1] - PATCHES).max() < 0.01


@pytest.mark.parametrize("kind", ["half", "float", "double"])
def test_floating_point_without_a_profile_is_light(tmp_path, kind):
    light = np.array([[[0.25, 0.5, 0.75], [1.0, 4.0, 0.0], [np.nan, 0.5, -0.5], [0.1, 0.2, 0.3]]], np.float32)
    light = light.repeat(2, axis=0)  # OpenImageIO does not write one row of doubles rightly
    spec = oiio.ImageSpec(4, 2, 3, kind)
    output = oiio.ImageOutput.create(str(path := tmp_path / "light.tif"))
    assert output is not None
    assert output.open(str(path), spec)
    output.write_image(light)
    output.close()
    still = read_still(path)
    assert still.transfer == "bt709"
    expected = np.nan_to_num(light, nan=0).clip(0, 1)[0]
    assert np.abs(still.sdr[:, 0].T ** 2.4 - expected).max() < 0.001
    said = " ".join(still.notes)
    for words in ("read as light", "2 NaN", "2 negative", "2 pixels brighter than white"):
        assert words in said
