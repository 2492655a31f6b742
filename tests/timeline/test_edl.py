"""Edit decision lists: times at the rate of the media, which they do not state; and editors' other formats, named."""

from fractions import Fraction

import opentimelineio as otio
import pytest
from footage import write_clip

from lumaflux.errors import UserError
from lumaflux.timeline.timeline import find_clips, read_timeline

pytestmark = pytest.mark.skipif(
    "cmx_3600" not in otio.adapters.available_adapter_names(), reason="otio-cmx3600-adapter is missing"
)

HEAD = "TITLE: cut\nFCM: {} FRAME\n\n"
EVENT = "{:03d}  AX       V     C        {} {} {} {}\n{}* FROM CLIP NAME: {}\n\n"


@pytest.fixture
def shown(tmp_path):
    """The frames that a list of events (source begin, end, record begin, end, media, and perhaps a speed) shows."""

    def show(*events, mode="NON-DROP"):
        text = HEAD.format(mode)
        for number, (*times, name, speed) in enumerate((*event, "")[:6] for event in events):
            text += EVENT.format(number + 1, *times, f"M2   AX       {speed} {times[0]}\n" if speed else "", name)
        (tmp_path / "cut.edl").write_text(text)
        found = find_clips(read_timeline(tmp_path / "cut.edl"), tmp_path, all_clips=True)
        return [(clip.first, clip.last) for clip in found.clips] or [skipped.reason for skipped in found.skipped]

    return show


@pytest.mark.parametrize("rate", [Fraction(24000, 1001), 24, 25, Fraction(30000, 1001), 30, 50])
def test_frames_are_counted_at_the_rate_of_the_media(tmp_path, shown, rate):
    write_clip(tmp_path / "shot.mp4", 70, rate)
    second = round(rate)
    last = f"00:00:01:{second - 1:02d}"
    events = [
        ("00:00:00:00", "00:00:00:04", "01:00:00:00", "01:00:00:04", "shot.mp4"),
        ("00:00:01:00", "00:00:01:04", "01:00:00:04", "01:00:00:08", "shot.mp4"),
        ("00:00:01:02", last, "01:00:00:08", f"01:00:01:{8 - 3:02d}", "shot.mp4"),
    ]
    wanted = [(0, 3), (second, second + 3)]
    if 2 * second <= 70:
        wanted.append((second + 2, 2 * second - 2))
    assert shown(*events[: len(wanted)]) == wanted


def test_speed_is_that_of_the_rate(tmp_path, shown):
    write_clip(tmp_path / "shot.mp4", 60, 25)
    half = ("00:00:01:00", "00:00:01:04", "01:00:00:00", "01:00:00:08", "shot.mp4", "012.5")
    assert shown(half) == [(25, 29)]  # the last picture lies between 28 and 29


def test_drop_frame_addresses_are_read_as_such_or_refused(tmp_path, shown):
    write_clip(tmp_path / "shot.mp4", 40, Fraction(30000, 1001))
    times = ("00:00:01;00", "00:00:01;04", "01:00:00;00", "01:00:00;04")
    assert shown((*times, "shot.mp4"), mode="DROP") == [(30, 33)]
    with pytest.raises(UserError, match="says FCM: DROP FRAME, and writes 00:00:00:00 in place"):
        shown((*(time.replace(";", ":") for time in times), "shot.mp4"), mode="DROP")


def test_media_of_several_rates_are_refused(tmp_path, shown):
    write_clip(tmp_path / "a.mp4", 12, 24)
    write_clip(tmp_path / "b.mp4", 12, 25)
    times = ("00:00:00:00", "00:00:00:04")
    with pytest.raises(UserError, match=r"media of several rates \(a\.mp4 24, b\.mp4 25 frames/s\) and states none"):
        shown((*times, "01:00:00:00", "01:00:00:04", "a.mp4"), (*times, "01:00:00:04", "01:00:00:08", "b.mp4"))


def test_media_that_are_missing_are_named(shown):
    (reason,) = shown(("00:00:00:00", "00:00:00:04", "01:00:00:00", "01:00:00:04", "gone.mp4"))
    assert "no video named 'gone.mp4' lies beside the timeline" in reason


@pytest.mark.parametrize(("suffix", "package"), [("fcpxml", "otio-fcpx-xml"), ("xml", "otio-fcp"), ("aaf", "otio-aaf")])
def test_other_formats_are_named_with_what_reads_them(tmp_path, suffix, package):
    if suffix in otio.adapters.suffixes_with_defined_adapters(read=True):
        pytest.skip("its adapter is installed")
    (tmp_path / f"cut.{suffix}").write_text("<xmeml/>")
    with pytest.raises(UserError, match=rf"cut\.{suffix} is .*.* not installed; export an \.otio .*{package}-adapter"):
        read_timeline(tmp_path / f"cut.{suffix}")
