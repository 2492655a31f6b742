"""The right picture of a file that holds several: EXR layers, HEIC and AVIF, camera raw, animations."""

import io
import struct

import av
import numpy as np
import OpenImageIO as oiio
import pillow_heif
import pytest
from PIL import Image

from lumaflux.errors import UserError
from lumaflux.media.metadata.info import probe
from lumaflux.media.stills.picture import read_still

BEAUTY, OTHER = (0.5, 0.25, 0.125), (0.9, 0.9, 0.9)


def exr(path, *parts, **attributes):
    """Each part: (title, {channel: value})."""
    specs, pixels = [], []
    for title, channels in parts:
        spec = oiio.ImageSpec(16, 8, len(channels), "float")
        spec.channelnames = tuple(channels)
        if title:
            spec.attribute("oiio:subimagename", title)
        for name, value in attributes.items():
            spec.attribute(name, oiio.TypeDesc("float[8]"), value) if isinstance(value, tuple) else None
        specs.append(spec)
        pixels.append(np.tile(np.array(list(channels.values()), np.float32), (8, 16, 1)))
    output = oiio.ImageOutput.create("openexr")
    if len(parts) == 1:
        assert output.open(str(path), specs[0]), output.geterror()
        assert output.write_image(pixels[0])
    else:
        assert output.open(str(path), tuple(specs)), output.geterror()
        for number, values in enumerate(pixels):
            if number:
                assert output.open(str(path), specs[number], "AppendSubimage")
            assert output.write_image(values)
    output.close()
    return path


def rgb(prefix, values, alpha=None):
    channels = dict(zip((f"{prefix}R", f"{prefix}G", f"{prefix}B"), values, strict=True))
    return channels if alpha is None else {**channels, f"{prefix}A": alpha}


def light(path, **options):
    return read_still(path, **options).sdr[:, 4, 8].astype(np.float64) ** 2.4


FILES = {
    "blender": (("", {**rgb("ViewLayer.AO.", OTHER), **rgb("ViewLayer.Combined.", BEAUTY, 1.0)}),),
    "unnamed": (("", {**rgb("diffuse.", OTHER), **rgb("", BEAUTY)}),),
    "lower case": (("", {"z": 4.0, **{k.lower(): v for k, v in rgb("", BEAUTY).items()}}),),
    "beauty": (("", {**rgb("albedo.", OTHER), **rgb("beauty.", BEAUTY), "Z": 7.0}),),
    "rgba part": (("depth", {"Z": 5.0}), ("albedo", rgb("", OTHER)), ("rgba", rgb("", BEAUTY, 1.0))),
    "normals": (("", {"N.X": 0.1, "N.Y": 0.2, "N.Z": 1.0, **rgb("RGBA.", BEAUTY)}),),
    "depth only beside": (("", {**rgb("", BEAUTY), "Z": 3.0}),),
}


@pytest.mark.parametrize("name", FILES)
def test_the_beauty_of_an_exr_file_by_name(tmp_path, name):
    path = exr(tmp_path / "a.exr", *FILES[name])
    np.testing.assert_allclose(light(path), BEAUTY, atol=1e-3)


def test_what_is_not_read_of_an_exr_file_is_named(tmp_path):
    assert "ViewLayer.AO" in " ".join(probe(exr(tmp_path / "a.exr", *FILES["blender"])).dropped)
    assert {"Z", "other layers (albedo)"} <= set(probe(exr(tmp_path / "b.exr", *FILES["beauty"])).dropped)


def test_a_layer_by_its_name(tmp_path):
    path = exr(tmp_path / "a.exr", *FILES["rgba part"])
    np.testing.assert_allclose(light(path, layer="albedo"), OTHER, atol=1e-3)
    with pytest.raises(UserError, match=r"no layer 'specular'; its layers are rgba, albedo"):
        read_still(path, layer="specular")


TWINS = (("left", {**rgb("beauty.", BEAUTY), **rgb("ao.", (0.3, 0.3, 0.3))}), ("right", rgb("beauty.", OTHER)))


@pytest.mark.parametrize(
    ("asked", "values"),
    [
        ("left/beauty", BEAUTY),
        ("Right/Beauty", OTHER),
        ("0/beauty", BEAUTY),
        ("1/beauty", OTHER),
        ("right", OTHER),
        ("1", OTHER),
        ("ao", (0.3, 0.3, 0.3)),
        ("left/ao", (0.3, 0.3, 0.3)),
    ],
)
def test_a_layer_of_one_part_of_several(tmp_path, asked, values):
    np.testing.assert_allclose(light(exr(tmp_path / "a.exr", *TWINS), layer=asked), values, atol=1e-3)


def test_layers_that_are_not_to_be_told_apart(tmp_path):
    path = exr(tmp_path / "a.exr", *TWINS)
    with pytest.raises(UserError, match="'beauty' in several parts; name one of left/beauty, right/beauty"):
        read_still(path, layer="beauty")
    with pytest.raises(UserError, match="its layers are left/beauty, right/beauty, ao"):
        read_still(path, layer="left/normals")
    assert "other layers (right/beauty, ao)" in probe(path).dropped
    assert "--layer names another" in " ".join(
        probe(exr(tmp_path / "b.exr", ("", {**rgb("x.", OTHER), **rgb("y.", OTHER)}))).dropped
    )
    Image.fromarray(np.zeros((4, 4, 3), np.uint8)).save(tmp_path / "a.png")
    with pytest.raises(UserError, match="no EXR file and has no layer 'ao'; leave --layer out"):
        read_still(tmp_path / "a.png", layer="ao")


@pytest.mark.parametrize("channels", [{"Z": 1.0}, {"N.X": 0.0, "N.Y": 0.0, "N.Z": 1.0}, {"A": 1.0}])
def test_no_picture_in_an_exr_file(tmp_path, channels):
    with pytest.raises(UserError, match="holds no picture, only the channels"):
        read_still(exr(tmp_path / "a.exr", ("", channels)))


def test_luminance_and_luminance_chroma(tmp_path):
    np.testing.assert_allclose(light(exr(tmp_path / "y.exr", ("", {"Y": 0.3}))), 0.3, atol=1e-3)
    luminance = float(np.dot((0.2126, 0.7152, 0.0722), BEAUTY))
    chroma = {"BY": BEAUTY[2] / luminance - 1, "RY": BEAUTY[0] / luminance - 1, "Y": luminance}
    np.testing.assert_allclose(light(exr(tmp_path / "c.exr", ("", chroma))), BEAUTY, atol=2e-3)


def test_light_as_xyz(tmp_path):
    xyz = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]]) @ BEAUTY
    path = exr(tmp_path / "xyz.exr", ("", dict(zip("XYZ", xyz, strict=True))))
    np.testing.assert_allclose(light(path), BEAUTY, atol=2e-3)


@pytest.mark.parametrize("blue", [(0.0, 0.0), (0.0001, -0.077)])
def test_primaries_without_luminance(tmp_path, blue):
    """CIE XYZ as primaries (blue lies at y = 0), and ACES'."""
    path = exr(tmp_path / "p.exr", ("", rgb("", (0.3,) * 3)), chromaticities=(1.0, 0.0, 0.0, 1.0, *blue, 1 / 3, 1 / 3))
    np.testing.assert_allclose(light(path), 0.3, atol=1e-3)


def corners(size=(60, 40)):
    """Red at the upper left, green at the lower right."""
    pixels = np.zeros((size[1], size[0], 3), np.uint8)
    pixels[:16, :16], pixels[-16:, -16:] = (220, 30, 30), (30, 200, 60)
    return pixels


@pytest.mark.parametrize("alpha", [False, True])
@pytest.mark.parametrize("suffix", [".heic", ".avif"])
def test_heic_and_avif(tmp_path, suffix, alpha):
    pillow_heif.register_heif_opener()
    picture = Image.fromarray(corners())
    if alpha:
        picture.putalpha(100)
    path = tmp_path / f"a{suffix}"
    picture.save(path, quality=100)
    still = read_still(path)
    assert (still.info.kind, still.info.width, still.info.height, still.info.alpha) == ("still", 60, 40, alpha)
    np.testing.assert_allclose(still.sdr[:, 4, 4], np.array((220, 30, 30)) / 255, atol=0.02)
    np.testing.assert_allclose(still.sdr[:, -4, -4], np.array((30, 200, 60)) / 255, atol=0.02)
    if alpha:
        np.testing.assert_allclose(still.alpha, 100 / 255, atol=0.01)


def test_an_avif_picture_is_turned_upright(tmp_path):
    exif = Image.Exif()
    exif[0x112] = 6  # which the writer turns into the file's own rotation
    Image.fromarray(corners()).save(tmp_path / "a.avif", quality=100, exif=exif)
    still = read_still(tmp_path / "a.avif")
    assert still.sdr.shape == (3, 60, 40)
    assert (still.info.width, still.info.height) == (40, 60)
    np.testing.assert_allclose(still.sdr[:, 4, -4], np.array((220, 30, 30)) / 255, atol=0.02)


def test_ten_bits_of_heic_are_kept(tmp_path):
    values = np.linspace(0, 65535, 64 * 16).reshape(16, 64).astype(np.uint16)
    codes = np.stack([values] * 3, axis=-1)
    made = pillow_heif.from_bytes(mode="RGB;16", size=(64, 16), data=codes.tobytes())
    made.save(tmp_path / "a.heic", quality=-1)
    still = read_still(tmp_path / "a.heic")
    assert still.info.bit_depth == 10
    assert len(np.unique(still.sdr[1])) > 300


@pytest.mark.parametrize(("transfer", "name"), [(16, "PQ"), (18, "HLG")])
def test_hdr_heic_and_avif_are_refused(tmp_path, transfer, name):
    """The codes in the file's nclx box are changed: libraries write sRGB's."""
    pillow_heif.register_heif_opener()
    for suffix in (".heic", ".avif"):
        Image.fromarray(corners()).save(tmp_path / f"a{suffix}", quality=90)
        data = bytearray((tmp_path / f"a{suffix}").read_bytes())
        place = data.find(b"colrnclx")
        struct.pack_into(">HH", data, place + 8, 9, transfer)
        (tmp_path / f"a{suffix}").write_bytes(bytes(data))
        with pytest.raises(UserError, match=rf"is HDR already \({name}\)"):
            read_still(tmp_path / f"a{suffix}")


def test_the_profile_of_an_avif_picture_counts(tmp_path):
    from PIL import ImageCms

    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    Image.fromarray(corners()).save(tmp_path / "a.avif", quality=100, icc_profile=profile)
    info = probe(tmp_path / "a.avif")
    assert (info.primaries.value, info.transfer.value) == ("bt709", "srgb")


@pytest.mark.parametrize("suffix", [".heic", ".avif"])
def test_cut_heic_and_avif_are_a_sentence(tmp_path, suffix):
    pillow_heif.register_heif_opener()
    noise = np.random.default_rng(3).integers(0, 255, (64, 64, 3), dtype=np.uint8)
    Image.fromarray(noise).save(tmp_path / f"a{suffix}", quality=90)
    data = (tmp_path / f"a{suffix}").read_bytes()
    (tmp_path / f"a{suffix}").write_bytes(data[: len(data) // 2])
    with pytest.raises(UserError, match="truncated or damaged"):
        read_still(tmp_path / f"a{suffix}")


def dng_like(path, *, thumbnail=True, version=True):
    """A TIFF file whose first picture is small and RGB, with raw values below it."""
    picture = io.BytesIO()
    Image.fromarray(corners()).save(picture, "TIFF")
    data = bytearray(picture.getvalue())
    (first,) = struct.unpack_from("<I", data, 4)
    (count,) = struct.unpack_from("<H", data, first)
    entries = [bytes(data[first + 2 + 12 * n : first + 14 + 12 * n]) for n in range(count)]
    below = len(data)
    sub = struct.pack("<H", 1) + struct.pack("<HHII", 262, 3, 1, 32803) + struct.pack("<I", 0)
    data += sub
    entries.append(struct.pack("<HHII", 330, 4, 1, below))
    if thumbnail:
        entries.append(struct.pack("<HHII", 254, 4, 1, 1))
    if version:
        entries.append(struct.pack("<HHI4B", 50706, 1, 4, 1, 4, 0, 0))
    directory = len(data)
    data += struct.pack("<H", len(entries)) + b"".join(sorted(entries)) + struct.pack("<I", 0)
    struct.pack_into("<I", data, 4, directory)
    path.write_bytes(bytes(data))
    return path


@pytest.mark.parametrize(
    ("name", "version"), [("a.dng", True), ("a.nef", False), ("no-suffix", False), ("a.tif", True)]
)
def test_camera_raw_is_refused_not_its_thumbnail(tmp_path, name, version):
    path = dng_like(tmp_path / name, version=version)
    with pytest.raises(UserError, match=r"is a camera raw file \((DNG|camera raw)\); develop it first"):
        read_still(path)
    with pytest.raises(UserError, match="camera raw"):
        probe(path)


@pytest.mark.parametrize(
    ("head", "kind"),
    [
        (b"FUJIFILMCCD-RAW 0201FF", "Fujifilm RAF"),
        (b"IIRO\x08\0\0\0", "Olympus ORF"),
        (b"IIU\0\x18\0\0\0", "Panasonic RW2"),
        (b"\0\0\0\x18ftypcrx \0\0\0\1crx isom", "Canon CR3"),
        (b"II*\0\x10\0\0\0CR\x02\0", "Canon CR2"),
        (b"FOVb\0\0", "Sigma X3F"),
    ],
)
def test_raw_files_by_their_first_bytes(tmp_path, head, kind):
    (tmp_path / "a.raw").write_bytes(head.ljust(4096, b"\0"))
    with pytest.raises(UserError, match=rf"camera raw file \({kind}\)"):
        probe(tmp_path / "a.raw")


def test_an_ordinary_tiff_is_no_raw_file(tmp_path):
    Image.fromarray(corners()).save(tmp_path / "a.tif")
    assert read_still(tmp_path / "a.tif").sdr.shape == (3, 40, 60)


@pytest.mark.parametrize(("suffix", "options"), [(".png", {}), (".webp", {"lossless": True})])
@pytest.mark.parametrize("frames", [2, 5])
def test_frames_of_an_animation_are_named(tmp_path, suffix, options, frames):
    first, *others = (Image.fromarray(np.full((8, 8, 3), 20 * n, np.uint8)) for n in range(frames))
    first.save(tmp_path / f"a{suffix}", save_all=True, append_images=others, duration=100, **options)
    still = read_still(tmp_path / f"a{suffix}")
    assert f"animation ({frames - 1} further frames)" in still.info.dropped
    np.testing.assert_allclose(still.sdr, 0, atol=1e-6)


def test_an_image_sequence_is_a_video(make_clip, bars, bars_frame, tmp_path):
    frame = av.VideoFrame.from_ndarray(corners((64, 48)), format="rgb24")
    path = make_clip("a.mp4", [frame.reformat(format="yuv420p")] * 3)
    data = bytearray(path.read_bytes())
    data[8:12] = b"hevc"  # the brand of HEIF sequences
    path.write_bytes(bytes(data))
    assert probe(path).kind == "video"


def multi_picture(path, types):
    """JPEG pictures behind each other with their index (CIPA DC-007), of these MP types from the second on."""
    coded = []
    for number in range(len(types) + 1):
        data = io.BytesIO()
        Image.new("RGB", (16, 8), (40 * number, 90, 60)).save(data, "JPEG")
        coded.append(data.getvalue())
    count = len(coded)
    length = 4 + 8 + 2 + 12 + 4 + 16 * count  # after the segment's marker and size: MPF, header, one entry, rows
    places = [0]
    for data in coded:
        places.append(places[-1] + len(data) + (length + 4 if not places[-1] else 0))
    rows = b"".join(
        struct.pack("<IIII", kind, len(data), place - 10 if place else 0, 0)
        for kind, data, place in zip((0x030000, *types), coded, places, strict=False)
    )
    index = b"II*\0" + struct.pack("<IH", 8, 1) + struct.pack("<HHII", 0xB002, 7, len(rows), 26) + bytes(4) + rows
    segment = b"\xff\xe2" + struct.pack(">H", 2 + 4 + len(index)) + b"MPF\0" + index
    path.write_bytes(coded[0][:2] + segment + coded[0][2:] + b"".join(coded[1:]))
    return path


@pytest.mark.parametrize(
    ("types", "named"),
    [((0x020002,), ("further pictures (1)",)), ((0x020001, 0x020001), ("further pictures (2)",)), ((0x010002,), ())],
)
def test_further_pictures_of_a_jpeg_file_are_named(tmp_path, types, named):
    """A stereo picture's other eye and a panorama's parts are, a preview is not."""
    path = multi_picture(tmp_path / "a.jpg", types)
    assert probe(path).dropped == named
    assert read_still(path).sdr[0].max() < 0.1  # the first one
    data = bytearray(path.read_bytes())
    data[10:14] = b"\xff" * 4
    path.write_bytes(data)
    assert probe(path).dropped == ()
