"""`--encoder`: what it makes, what it refuses, and how codes are laid out for devices."""

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from lumaflux.color.yuv420p10 import yuv420p10
from lumaflux.doctor import DEVICE_ENCODERS
from lumaflux.errors import UserError
from lumaflux.media.encoders import AUTO, HARDWARE, built_in, output_profile_by
from lumaflux.media.metadata.mastering import container_display
from lumaflux.media.output_profiles import OUTPUT_PROFILES, output_profile
from lumaflux.media.video import hardware_streams as streams
from lumaflux.media.video.encoding import video_frame
from lumaflux.media.video.writer import VideoWriter

KINDS = [streams.NvencEncoding, streams.QsvEncoding, streams.AmfEncoding, streams.VideoToolboxEncoding]
SIZE = (192, 160)


def encoding(kind):
    return kind(
        width=SIZE[0],
        height=SIZE[1],
        time_base=Fraction(1, 24),
        frame_rate=Fraction(24),
        sample_aspect_ratio=Fraction(1),
        display=container_display(1000),
    )


def test_doctor_names_the_devices_that_can_be_asked_for():
    assert tuple(HARDWARE.values()) == DEVICE_ENCODERS


def test_auto_is_the_delivery_s_own():
    for name, target in ((None, "a.mp4"), ("hdr10-av1", "a.mkv"), ("png", "a.%04d.png")):
        assert output_profile_by(AUTO, name, Path(target)) == output_profile(name, Path(target))


def test_a_program_that_is_named_decides_what_is_delivered():
    assert output_profile_by("svtav1", None, Path("a.mp4")) == ("hdr10-av1", OUTPUT_PROFILES["hdr10-av1"])
    assert output_profile_by("x265", None, Path("a.mkv"))[0] == "hdr10"
    assert output_profile_by("x265", "hlg", Path("a.mkv"))[0] == "hlg"


@pytest.mark.parametrize(
    ("encoder", "name", "target"),
    [
        ("x265", "hdr10-av1", "a.mp4"),
        ("svtav1", "hdr10", "a.mp4"),
        ("svtav1", None, "a.mov"),
        ("x265", None, "a.png"),
        ("nvenc", "hlg", "a.mp4"),
    ],
)
def test_what_an_encoder_does_not_make_is_refused(encoder: str, name: str | None, target: str):
    with pytest.raises(UserError, match=f"--encoder {encoder} makes"):
        output_profile_by(encoder, name, Path(target))


@pytest.mark.parametrize("encoder", list(HARDWARE))
def test_a_device_makes_hdr10_where_it_is_built_in(encoder: str):
    if not built_in(HARDWARE[encoder]):
        with pytest.raises(UserError, match="this build of PyAV lacks"):
            output_profile_by(encoder, None, Path("a.mp4"))
        return
    name, made = output_profile_by(encoder, None, Path("a.mp4"))
    assert made.encoding is not None
    assert (name, made.encoding().codec) == ("hdr10", HARDWARE[encoder])


@pytest.mark.parametrize("kind", KINDS)
def test_codes_lie_in_a_p010_frame_as_the_format_says(kind):
    planes = yuv420p10(np.random.default_rng(0).random((3, SIZE[1], SIZE[0]), np.float32))
    frame = video_frame(encoding(kind), planes, 7, None)
    y, chroma = (np.frombuffer(plane, np.uint16).reshape(plane.height, -1) for plane in frame.planes)
    assert frame.format.name == "p010le"
    assert np.array_equal(y[:, : SIZE[0]] >> 6, planes[0])
    assert np.array_equal(chroma[:, : SIZE[0] : 2] >> 6, planes[1])
    assert np.array_equal(chroma[:, 1 : SIZE[0] : 2] >> 6, planes[2])
    assert not (chroma & 63).any()


@pytest.mark.parametrize("kind", KINDS)
def test_quality_and_speed_reach_it(kind):
    made = encoding(kind).rated(30, kind.presets[-1] if kind.presets else None)
    assert kind is streams.VideoToolboxEncoding or "30" in made.options().values()
    assert not kind.presets or kind.presets[-1] in made.options().values()


@pytest.mark.skipif(not built_in("hevc_nvenc"), reason="PyAV was built without NVENC")
def test_a_machine_without_the_device_says_so_and_writes_nothing(tmp_path: Path):
    import torch

    if torch.cuda.is_available():
        pytest.skip("this machine may have the device")
    with (
        pytest.raises(UserError, match="hevc_nvenc cannot be opened on this machine"),
        VideoWriter(tmp_path / "a.mp4", SIZE, encoding(streams.NvencEncoding)),
    ):
        pass
    assert not list(tmp_path.iterdir())
