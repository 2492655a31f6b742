"""Nothing grows with the clip: memory of ten times as many frames is the same. A large picture is held twice."""

import json
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

_CHILD = """
import json, resource, sys
from pathlib import Path
from lumaflux.render import Job, convert
from lumaflux.inference.load import load
from lumaflux.settings import Settings
job = Job(overwrite=True, limit=int(sys.argv[3]), track="none")
report = convert(Path(sys.argv[1]), Path(sys.argv[2]), lambda: load("tiny"), Settings(strength=0.0), job)[0]
print(json.dumps({"frames": report.frames, "kb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss}))
"""


@pytest.mark.soak
def test_memory_of_500_and_of_5000_frames(tmp_path):
    from lumaflux.lab.bench.conversion import write_moving_gradient

    write_moving_gradient(tmp_path / "in.mp4", 5000)
    peaks = []
    for frames in (500, 5000):
        command = [sys.executable, "-c", _CHILD, str(tmp_path / "in.mp4"), str(tmp_path / "out.mp4"), str(frames)]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        result = json.loads(done.stdout.splitlines()[-1])
        assert result["frames"] == frames
        peaks.append(result["kb"])
    print(f"peak memory {peaks[0] / 1024:.0f} MiB of 500 frames, {peaks[1] / 1024:.0f} MiB of 5000")
    assert peaks[1] <= 1.05 * peaks[0]


_PICTURE = """
import resource, sys
from pathlib import Path
from lumaflux.render import Job, convert
from lumaflux.inference.load import load
from lumaflux.settings import Settings
convert(Path(sys.argv[1]), Path(sys.argv[2]), lambda: load("lite"), Settings(), Job(track="none"))
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


@pytest.mark.soak
def test_memory_of_a_picture_of_50_megapixels(tmp_path):
    """604 MB a picture of float32, twice: the source; without its steps, then the result. And program and model."""
    grey = np.random.default_rng(0).integers(0, 255, (58, 87, 3), dtype=np.uint8)
    Image.fromarray(grey).resize((8688, 5792), Image.Resampling.BICUBIC).save(tmp_path / "in.jpg")
    command = [sys.executable, "-c", _PICTURE, str(tmp_path / "in.jpg"), str(tmp_path / "out.png")]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    peak = int(done.stdout.splitlines()[-1]) / 1024**2
    print(f"peak memory {peak:.2f} GiB")
    assert peak < 1.7
