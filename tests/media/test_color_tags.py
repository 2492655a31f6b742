"""Videos of every primaries and transfer of H.273 come out in the light they mean; HDR is refused however said."""

import struct
from fractions import Fraction

import av
import colour
import numpy as np
import pytest

from lumaflux.errors import UserError
from lumaflux.media.metadata import coding_points
from lumaflux.media.metadata.info import probe
from lumaflux.media.metadata.mastering import DisplayCodes, container_display
from lumaflux.media.video import isobmff
from lumaflux.media.video.hdr_marks import DolbyVision, dolby_vision
from lumaflux.media.video.reader import VideoReader

LIMITED = 1
PATCHES = np.array([(0.9, 0.9, 0.9), (0.5, 0.5, 0.5), (0.6, 0.45, 0.4), (0.35, 0.5, 0.4), (0.3, 0.35, 0.5), (0.1,) * 3])
SDR_TRANSFERS = {code: name for code, name in coding_points.TRANSFER.items() if name not in ("pq", "hlg")}
CURVES = {  # light of a signal, by other means than the product's
    "gamma22": lambda v: v**2.2,
    "gamma28": lambda v: v**2.8,
    "linear": lambda v: v,
    "log": lambda v: np.where(v > 0, 100.0 ** (v - 1), 0),
    "log-sqrt": lambda v: np.where(v > 0, 10.0 ** (2.5 * (v - 1)), 0),
    "srgb": colour.models.eotf_sRGB,
    "st428": lambda v: 52.37 / 48 * v**2.6,
}
WHITES = {"p3-dci": (0.314, 0.351), "bt470m": (0.310, 0.316), "film": (0.310, 0.316), "xyz": (1 / 3, 1 / 3)}
RGB = {
    "bt470m": ((0.67, 0.33), (0.21, 0.71), (0.14, 0.08)),
    "film": ((0.681, 0.319), (0.243, 0.692), (0.145, 0.049)),
    "xyz": ((1, 0), (0, 1), (0, 1e-9)),
    "p3-dci": ((0.68, 0.32), (0.265, 0.69), (0.15, 0.06)),
    "p3-d65": ((0.68, 0.32), (0.265, 0.69), (0.15, 0.06)),
    "bt2020": ((0.708, 0.292), (0.17, 0.797), (0.131, 0.046)),
    "bt470bg": ((0.64, 0.33), (0.29, 0.60), (0.15, 0.06)),
    "smpte170m": ((0.63, 0.34), (0.31, 0.595), (0.155, 0.07)),
    "smpte240m": ((0.63, 0.34), (0.31, 0.595), (0.155, 0.07)),
    "ebu3213": ((0.63, 0.34), (0.295, 0.605), (0.155, 0.077)),
    "bt709": ((0.64, 0.33), (0.30, 0.60), (0.15, 0.06)),
}


def patches_frame():
    """The patches as columns of 16-bit R'G'B'."""
    frame = av.VideoFrame(96, 32, "gbrp12le")
    for plane, channel in zip(frame.planes, (1, 2, 0), strict=True):
        rows = np.frombuffer(plane, np.uint16).reshape(plane.height, -1)
        rows[:, :96] = np.repeat(np.round(PATCHES[:, channel] * 4095), 16)
    return frame


def read_patches(path):
    with VideoReader(path) as reader:
        frame = next(iter(reader))
        return reader.info, frame.sdr[:, 16, 8::16].T.astype(np.float64)


def light_in_bt709(signal, primaries, curve):
    light = curve(signal)
    if primaries != "bt709":
        space = colour.RGB_Colourspace("s", RGB[primaries], np.array(WHITES.get(primaries, (0.3127, 0.3290))))
        target = colour.RGB_Colourspace("t", RGB["bt709"], np.array((0.3127, 0.3290)))
        space.use_derived_matrix_RGB_to_XYZ = target.use_derived_matrix_XYZ_to_RGB = True
        light = colour.RGB_to_RGB(light, space, target, chromatic_adaptation_transform="Bradford")
    return light.clip(0, 1)


@pytest.mark.parametrize("code", SDR_TRANSFERS)
def test_every_transfer(make_clip, code):
    clip = make_clip("t.mkv", [patches_frame()], codec="ffv1", tags=(2, 0, 1, code))
    info, signal = read_patches(clip)
    name = SDR_TRANSFERS[code]
    assert (info.transfer.value, info.transfer.source) == (name, "tagged")
    stored = np.round(PATCHES * 4095) / 4095
    curve = CURVES.get(name, lambda v: v**2.4)  # camera curves are watched on a BT.1886 display
    np.testing.assert_allclose(signal**2.4, light_in_bt709(stored, "bt709", curve), atol=2e-5)


@pytest.mark.parametrize("code", coding_points.PRIMARIES)
def test_every_primaries(make_clip, code):
    clip = make_clip("p.mkv", [patches_frame()], codec="ffv1", tags=(2, 0, code, 1))
    info, signal = read_patches(clip)
    name = coding_points.PRIMARIES[code]
    assert (info.primaries.value, info.primaries.source) == (name, "tagged")
    stored = np.round(PATCHES * 4095) / 4095
    np.testing.assert_allclose(signal**2.4, light_in_bt709(stored, name, lambda v: v**2.4), atol=2e-3)
    np.testing.assert_allclose(signal[:2], stored[:2], atol=1e-4)  # greys stay greys


def test_matrices_that_are_not_read_are_refused(make_clip, bars, bars_frame):
    frame = bars_frame(bars["bt709"])
    for tags, words in (
        ((LIMITED, 12, 1, 1), "chroma-derived-nc matrix"),
        ((LIMITED, 8, 1, 1), "ycgco matrix"),
    ):
        clip = make_clip("u.mkv", [frame], codec="ffv1", tags=tags)
        with pytest.raises(UserError, match=words):
            VideoReader(clip)


def remuxed(source, path, change=lambda context: None, data=None):
    """The packets of ``source`` in another container, its tags changed, the stream's own left as they are."""
    if data is not None:
        source = path.with_name("changed" + source.suffix)
        source.write_bytes(data)
    with av.open(str(source)) as container, av.open(str(path), "w") as target:
        copy = target.add_stream_from_template(container.streams.video[0], opaque=True)
        change(copy.codec_context)
        for packet in container.demux(video=0):
            if packet.size:
                packet.stream = copy
                target.mux(packet)
    return path


@pytest.mark.parametrize("suffix", [".mp4", ".mov", ".mkv"])
@pytest.mark.parametrize(("transfer", "name"), [(16, "PQ"), (18, "HLG")])
def test_tags_of_the_container_alone(make_clip, tmp_path, bars, bars_frame, suffix, transfer, name):
    def tag(context):
        context.color_primaries, context.color_trc, context.colorspace, context.color_range = 9, transfer, 9, LIMITED

    path = remuxed(make_clip("plain.mp4", [bars_frame(bars["bt709"])] * 3), tmp_path / f"tagged{suffix}", tag)
    info = probe(path)
    assert (info.primaries.value, info.transfer.source, info.matrix.value) == ("bt2020", "tagged", "bt2020nc")
    with pytest.raises(UserError, match=rf"is HDR already \({name}\)"):
        VideoReader(path)


def with_boxes(path, *boxes):
    """An MP4 file's bytes with ``boxes`` in its video's sample entry; the index behind the pictures."""
    with path.open("rb") as file:
        chain = isobmff.find(file, (*isobmff.video_entry(b"")[:-1], b"avc1")) or [
            *isobmff.find(file, isobmff.video_entry(b"")[:-1])
        ]
        entry = next(isobmff.visual_entries(file))
        chain = chain if chain[-1].kind == entry.kind else [*chain, entry]
    return isobmff.append(path.read_bytes(), chain, b"".join(boxes))


def record(profile, compatibility):
    """A DOVIDecoderConfigurationRecord: level 3, metadata and base layer there."""
    return bytes([1, 0, profile << 1, (3 << 3) | 0b101, compatibility << 4]) + bytes(19)


@pytest.mark.parametrize(("profile", "compatibility"), [(5, 0), (7, 6), (8, 1), (8, 4), (10, 0)])
@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
def test_dolby_vision_is_refused(make_clip, tmp_path, bars, bars_frame, profile, compatibility, suffix):
    source = make_clip("plain.mp4", [bars_frame(bars["bt709"])] * 3)
    data = with_boxes(source, isobmff.box(b"dvcC" if profile <= 7 else b"dvvC", record(profile, compatibility)))
    path = tmp_path / f"dv{suffix}"
    if suffix == ".mp4":
        path.write_bytes(data)
    else:
        remuxed(source, path, data=data)
    wanted = DolbyVision(profile, compatibility)
    assert dolby_vision(path, probe(path).container) == wanted
    with pytest.raises(UserError, match=rf"is HDR already \({wanted.name}\)"):
        VideoReader(path)
    assert wanted.name in (probe(path).hdr or "")


def test_a_dolby_vision_stream_with_an_sdr_base_is_read(make_clip, tmp_path, bars, bars_frame):
    source = make_clip("plain.mp4", [bars_frame(bars["bt709"])] * 3)
    path = tmp_path / "sdr.mp4"
    path.write_bytes(with_boxes(source, isobmff.box(b"dvvC", record(8, 2))))
    assert not probe(path).is_hdr
    with VideoReader(path) as reader:
        assert len(list(reader)) == 3


def test_dolby_vision_in_a_program_map(make_clip, tmp_path, bars, bars_frame):
    source = make_clip("plain.ts", [bars_frame(bars["bt709"])] * 3)
    data = bytearray(source.read_bytes())
    for at in range(0, len(data), 188):
        if data[at + 1] & 0x40 and data[at + 5] == 0x02:  # the map's section, rewritten with a descriptor of profile 5
            section = data[at + 5 : at + 188]
            program = int.from_bytes(section[10:12], "big") & 0xFFF
            entry = 12 + program
            descriptor = bytes([0xB0, 5, 1, 0, 5 << 1, 0b101, 0])
            stream = bytes([section[entry], *section[entry + 1 : entry + 3], 0xF0, len(descriptor)]) + descriptor
            body = bytes(section[3:12]) + bytes(section[12:entry]) + stream
            made = bytes([2]) + struct.pack(">H", 0xB000 | (len(body) + 4)) + body
            made += struct.pack(">I", _crc(made))
            data[at + 5 : at + 188] = made.ljust(183, b"\xff")
    path = tmp_path / "dv.ts"
    path.write_bytes(bytes(data))
    with pytest.raises(UserError, match=r"is HDR already \(Dolby Vision profile 5\)"):
        VideoReader(path)


def _crc(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte << 24
        for _ in range(8):
            crc = ((crc << 1) ^ 0x04C11DB7 if crc & 0x80000000 else crc << 1) & 0xFFFFFFFF
    return crc


@pytest.mark.parametrize("kind", ["mdcv", "clli"])
def test_metadata_of_an_hdr_master_without_tags(make_clip, tmp_path, bars, bars_frame, kind):
    source = make_clip("plain.mp4", [bars_frame(bars["bt709"])] * 3)
    payload = DisplayCodes(container_display(1000)).pack("gbr") if kind == "mdcv" else struct.pack(">2H", 950, 300)
    path = tmp_path / "hdr.mp4"
    path.write_bytes(with_boxes(source, isobmff.box(kind.encode(), payload)))
    with pytest.raises(UserError, match=r"is HDR already \((a mastering display of 1000|MaxCLL 950)"):
        VideoReader(path)
    tagged = make_clip("tagged.mp4", [bars_frame(bars["bt709"])] * 3, tags=(LIMITED, 1, 1, 1))
    path.write_bytes(with_boxes(tagged, isobmff.box(kind.encode(), payload)))  # left over by a conversion to SDR
    with VideoReader(path) as reader:
        assert reader.info.transfer.value == "bt709"


def test_range_and_matrix_of_the_container_alone(make_clip, tmp_path, bars, bars_frame, at_bars):
    def tag(context):
        context.color_primaries, context.color_trc, context.colorspace, context.color_range = 1, 1, 1, LIMITED

    source = make_clip("plain.mkv", [bars_frame(bars["bt709"])] * 2, time_base=Fraction(1, 25))
    path = remuxed(source, tmp_path / "tagged.mp4", tag)
    with VideoReader(path) as reader:
        np.testing.assert_allclose(at_bars(next(iter(reader)).sdr), bars["rgb"], atol=1.1 / 255)
        assert reader.info.matrix.value == "bt709"
