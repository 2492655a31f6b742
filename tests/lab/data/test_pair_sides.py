"""What the two sides of a studio's pair must be; swapped, foreign, doubled, of another rate, with gaps: a sentence."""

import shutil
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from PIL import Image

from lumaflux.color import pq
from lumaflux.color.primaries import BT2020, P3_D65, apply_matrix, rgb_to_rgb
from lumaflux.color.sdr_to_pq import sdr_to_pq
from lumaflux.errors import UserError
from lumaflux.lab.data.look_pairs import find_pairs, read_pairs
from lumaflux.media.stills.picture_writer import PNG, PictureOptions, write_picture

_HDR = {"color_trc": 16, "color_primaries": 9, "colorspace": 9}
_SIZE = (64, 48)


def picture(number):
    """Soft colored blobs that move to the right with the number: BT.1886 codes [3,H,W]."""
    small = np.random.default_rng(5).random((3, 6, 8)).astype(np.float32)
    planes = [np.asarray(Image.fromarray(plane).resize(_SIZE, Image.Resampling.BICUBIC)) for plane in small]
    return np.roll(np.stack(planes).clip(0.05, 0.95), 2 * number, axis=2)


@pytest.fixture
def clip(tmp_path):
    """Writes ``frames`` numbered pictures, lossless; with ``tags`` of H.273 as light one stop brighter, in PQ."""

    def make(name, frames=range(24), rate=24, tags=None, black=()):
        with av.open(str(tmp_path / name), "w") as container:
            stream: Any = container.add_stream("libx264", rate=Fraction(rate), options={"qp": "0"})
            stream.width, stream.height, stream.pix_fmt = *_SIZE, "yuv444p"
            for attribute, code in (tags or {}).items():
                setattr(stream.codec_context, attribute, code)
            for place, number in enumerate(frames):
                codes = picture(number) * (number not in black)
                if tags:
                    codes = pq.inverse_eotf(2.0 * pq.eotf(np.asarray(sdr_to_pq(codes))))
                pixels = (np.moveaxis(codes, 0, -1) * 255).round().astype(np.uint8)
                frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(pixels), format="rgb24")
                frame = frame.reformat(format="yuv444p", dst_colorspace=9 if tags else 1)
                frame.pts, frame.time_base = place, 1 / Fraction(rate)
                container.mux(stream.encode(frame))
            container.mux(stream.encode(None))
        return tmp_path / name

    return make


@pytest.fixture
def hdr_picture(tmp_path):
    """Writes light one stop above placement as a tagged PNG of PQ."""

    def make(name, number=0):
        light = 2.0 * pq.eotf(np.asarray(sdr_to_pq(picture(number))))
        write_picture(tmp_path / name, np.asarray(pq.inverse_eotf(light), np.float32), PNG, PictureOptions())
        return tmp_path / name

    return make


def test_two_clips_are_a_pair(clip):
    (pair,) = read_pairs("shot", clip("sdr.mp4"), clip("hdr.mp4", tags=_HDR))
    assert (pair.offset, pair.notes) == (0, ())
    assert pair.match > 0.95


@pytest.mark.parametrize(
    ("sdr", "hdr", "message"),
    [
        (_HDR, _HDR, r"a\.mp4 is HDR \(PQ\); the SDR side of a pair is SDR$"),
        ({**_HDR, "color_trc": 18}, _HDR, r"a\.mp4 is HDR \(HLG\); the SDR side of a pair is SDR$"),
        (_HDR, None, r"a\.mp4 is HDR \(PQ\); .* the sides are swapped: write .*b\.mp4=.*a\.mp4$"),
        (None, None, r"b\.mp4 is SDR; the HDR side of a pair is PQ, HLG"),
    ],
)
def test_sides_that_are_not_sdr_and_hdr_are_named(clip, sdr, hdr, message):
    with pytest.raises(UserError, match=message):
        read_pairs("shot", clip("a.mp4", tags=sdr), clip("b.mp4", tags=hdr))


def test_pictures_and_light_on_the_sdr_side_are_named(clip, hdr_picture, tmp_path):
    import OpenImageIO as oiio

    hdr = hdr_picture("b.png")
    with pytest.raises(UserError, match=r"a\.png is HDR \(PQ\); the SDR side"):
        read_pairs("shot", hdr_picture("a.png"), hdr)
    light = np.moveaxis(4.0 * picture(0), 0, -1)
    assert oiio.ImageBuf(np.ascontiguousarray(light)).write(str(tmp_path / "a.exr"))
    with pytest.raises(UserError, match=r"a\.exr holds light \(EXR\), not codes; the SDR side"):
        read_pairs("shot", tmp_path / "a.exr", hdr)
    for one, other in ((clip("a.mp4"), hdr), (tmp_path / "s.png", clip("b.mp4", tags=_HDR))):
        if not one.exists():
            pixels = np.moveaxis(picture(0), 0, -1)
            assert oiio.ImageBuf(np.ascontiguousarray((255 * pixels).round().astype(np.uint8))).write(str(one))
        with pytest.raises(UserError, match=r"moves and .* is one picture; a pair is two clips, or two pictures"):
            read_pairs("shot", one, other)


def test_hdr_of_other_primaries_is_converted_by_its_tag(clip):
    """The same codes of PQ as BT.2020, P3 and BT.709: each the light that its primaries give."""
    sdr = clip("sdr.mp4")
    found = {
        code: read_pairs("shot", sdr, clip("hdr.mp4", tags={**_HDR, "color_primaries": code}))[0] for code in (9, 12)
    }
    wide, narrow = (pq.eotf(found[code].hdr[0]) for code in (9, 12))
    assert np.abs(apply_matrix(rgb_to_rgb(P3_D65, BT2020), wide) - narrow).max() < 0.02 * narrow.max()
    assert np.abs(wide - narrow).max() > 0.1 * narrow.max()


def test_dolby_vision_without_a_base_is_refused(clip, tmp_path):
    """Profile 5: a record of 24 bytes in the sample entry, no tags in the stream."""
    from lumaflux.media.metadata.info import probe

    plain = clip("b.mp4", tags={"color_trc": 2}).read_bytes()
    record = bytes([1, 0, 5 << 1, 0b101, 0]) + bytes(19)
    box = (8 + len(record)).to_bytes(4, "big") + b"dvcC" + record
    at = plain.rindex(b"avcC") - 4
    grown = plain[:at] + box + plain[at:]
    for name in (b"moov", b"trak", b"mdia", b"minf", b"stbl", b"stsd", b"avc1"):
        where = grown.rindex(name) - 4
        size = int.from_bytes(grown[where : where + 4], "big") + len(box)
        grown = grown[:where] + size.to_bytes(4, "big") + grown[where + 4 :]
    (tmp_path / "dv.mp4").write_bytes(grown)
    assert probe(tmp_path / "dv.mp4").hdr == "Dolby Vision profile 5"
    with pytest.raises(UserError, match=r"dv\.mp4 is Dolby Vision profile 5, whose colors are not read"):
        read_pairs("shot", clip("a.mp4"), tmp_path / "dv.mp4")


@pytest.mark.parametrize("rate", [25, 30, 48])
def test_another_frame_rate_is_refused(clip, rate):
    with pytest.raises(UserError, match=rf"a\.mp4 has 24 frames/s and .*b\.mp4 {rate}; pair clips of one rate"):
        read_pairs("shot", clip("a.mp4"), clip("b.mp4", rate=rate, tags=_HDR))


def test_clips_of_23976_and_24_frames_are_of_one_rate(clip):
    assert read_pairs("shot", clip("a.mp4", rate=Fraction(24000, 1001)), clip("b.mp4", tags=_HDR))


def test_another_length_is_said_and_what_both_show_counts(clip):
    (pair,) = read_pairs("shot", clip("a.mp4"), clip("b.mp4", frames=range(3, 20), tags=_HDR))
    assert pair.offset == -3
    assert len(pair.notes) == 1
    assert pair.notes[0].endswith("b.mp4 17; 17 that both show count")


def test_clips_that_drift_apart_are_refused(clip):
    """Every second frame lacks: the first agree, those behind them do not."""
    with pytest.raises(UserError, match="shot: SDR and HDR show different pictures"):
        read_pairs("shot", clip("a.mp4", range(90)), clip("b.mp4", range(0, 180, 2), tags=_HDR))


def test_black_frames_of_a_fade_are_left_out(clip):
    black = set(range(8))
    (pair,) = read_pairs(
        "shot", clip("a.mp4", range(60), black=black), clip("b.mp4", range(60), tags=_HDR, black=black)
    )
    assert len(pair.sdr) >= 3
    assert pair.match > 0.9


def test_a_sequence_with_a_hole_is_refused(hdr_picture, tmp_path):
    import OpenImageIO as oiio

    for number in range(6):
        hdr_picture(f"h.{number}.png", number)
        pixels = (255 * np.moveaxis(picture(number), 0, -1)).round().astype(np.uint8)
        assert oiio.ImageBuf(np.ascontiguousarray(pixels)).write(str(tmp_path / f"s.{number}.png"))
    sides = tmp_path / "s.%d.png", tmp_path / "h.%d.png"
    assert read_pairs("shot", *sides)
    (tmp_path / "h.2.png").unlink()
    with pytest.raises(UserError, match=r"h\.%d\.png lacks 1 of its frames 0 to 5, the first 2; bring them"):
        read_pairs("shot", *sides)


def test_a_pair_counts_once(clip, hdr_picture, tmp_path):
    one, other = clip("a.mp4"), clip("b.mp4", tags=_HDR)
    with pytest.raises(UserError, match=r"a\.mp4 and its HDR are given twice; give each pair once"):
        find_pairs([f"{one}={other}", f"{one}={other}"])
    copies = [Path(shutil.copy(path, tmp_path / f"copy-{path.name}")) for path in (one, other)]
    with pytest.raises(UserError, match=r"a\.mp4 and .*copy-a\.mp4 are the same pair"):
        find_pairs([f"{one}={other}", f"{copies[0]}={copies[1]}"])
    assert len(find_pairs([f"{one}={other}", f"{one}={copies[1].rename(tmp_path / 'c.mp4')}"][:1])) == 1


def test_a_folder_leaves_hidden_files_out_and_names_two_of_one_name(tmp_path, hdr_picture):
    for side in ("sdr", "hdr"):
        (tmp_path / side).mkdir()
        (tmp_path / side / "one.png").write_bytes(side.encode())
    (tmp_path / "sdr" / ".DS_Store").write_bytes(b"")
    (tmp_path / "hdr" / "._one.png").write_bytes(b"")
    assert [name for name, _, _ in find_pairs([str(tmp_path)])] == ["one"]
    (tmp_path / "sdr" / "one.tif").write_bytes(b"")
    with pytest.raises(UserError, match=r"sdr/one\.png and one\.tif have one name, which says no pair"):
        find_pairs([str(tmp_path)])
