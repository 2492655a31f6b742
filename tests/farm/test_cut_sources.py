"""A job of all frames of a file that was cut short is refused before anything is rendered; one of named frames is not:
a farm reads frames by their numbers, and would end well with those that are there."""

from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from lumaflux.errors import UserError
from lumaflux.farm.job_spec import JobSpec
from lumaflux.farm.manifest import numbers_of, source_of

FRAMES = 24


def clip(path: Path, codec: str) -> Path:
    rng = np.random.default_rng(2)
    with av.open(str(path), "w") as container:
        video: Any = container.add_stream(codec, rate=25)
        video.width, video.height, video.pix_fmt = 96, 64, "yuvj420p" if codec == "mjpeg" else "yuv420p"
        for number in range(FRAMES):
            frame = av.VideoFrame.from_ndarray(rng.integers(0, 255, (64, 96, 3), dtype=np.uint8), format="rgb24")
            frame.pts = number
            container.mux(video.encode(frame))
        container.mux(video.encode())
    return path


@pytest.mark.parametrize(
    ("name", "codec"),
    [("a.mkv", "libx264"), ("a.webm", "libvpx"), ("a.avi", "mjpeg"), ("a.flv", "libx264"), ("a.nut", "ffv1")],
)
def test_all_frames_of_a_cut_file_are_refused(tmp_path, name, codec):
    source = clip(tmp_path / name, codec)
    spec = JobSpec(source=source)
    assert numbers_of(spec, source_of(spec)) == [*range(FRAMES)]
    source.write_bytes(source.read_bytes()[: source.stat().st_size // 2])
    with pytest.raises(UserError, match=r"is not whole \(.*missing|is not whole \(.*cut off") as refused:
        numbers_of(spec, source_of(spec))
    assert "name --frames 0-" in str(refused.value)
    named = JobSpec(source=source, frames="0-3")
    assert numbers_of(named, source_of(named)) == [0, 1, 2, 3]
