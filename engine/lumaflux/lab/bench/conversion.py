"""Speed by stage, and peak memory, of whole conversions of a small clip, each in a process of its own."""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

from lumaflux.errors import UserError

WIDTH, HEIGHT = 320, 180
MEMORY_FRAMES = (50, 500)

_CHILD = """
import json, sys
from pathlib import Path
from lumaflux.lab.bench.machine import peak_resident_mb
from lumaflux.render import Job, convert
from lumaflux.inference.load import load
from lumaflux.settings import Settings
source, target, frames, steps = sys.argv[1:]
job = Job(overwrite=True, limit=int(frames))
report = convert(Path(source), Path(target), lambda: load("lite"), Settings(steps=int(steps)), job)[0]
figures = {"frames": report.frames, "seconds": report.seconds, "stages": report.stages}
print(json.dumps({**figures, "peak_mb": peak_resident_mb()}))
"""


def conversion(source: Path, frames: int, steps: int = 0) -> dict:
    """Converts up to ``frames`` of ``source`` in a fresh process: frames, seconds, stages (s), peak_mb.

    Raises UserError with what that process said last, where it fails.
    """
    with tempfile.TemporaryDirectory() as folder:
        arguments = [str(source), str(Path(folder) / "out.mp4"), str(frames), str(steps)]
        done = subprocess.run([sys.executable, "-c", _CHILD, *arguments], capture_output=True, text=True)
    if done.returncode:
        said = done.stderr.strip().splitlines() or [f"exit code {done.returncode}"]
        raise UserError(f"the conversion of {source} that is measured failed: {said[-1]}")
    return json.loads(done.stdout.splitlines()[-1])


def stages_and_speed(source: Path, frames: int) -> dict:
    """``convert_fps`` and ``stages_ms`` (milliseconds a frame)."""
    result = conversion(source, frames)
    per_frame = {name: 1000 * seconds / result["frames"] for name, seconds in result["stages"].items()}
    return {"convert_fps": result["frames"] / result["seconds"], "stages_ms": per_frame}


def peak_memory() -> dict:
    """``peak_mb_50`` and ``peak_mb_500``: resident memory of converting 50 and 500 frames at 320x180, one step."""
    with tempfile.TemporaryDirectory() as folder:
        clip = Path(folder) / "noise.mp4"
        write_moving_gradient(clip, max(MEMORY_FRAMES))
        return {f"peak_mb_{frames}": conversion(clip, frames, steps=1)["peak_mb"] for frames in MEMORY_FRAMES}


def growth(frames: int) -> dict:
    """``ms_a_frame`` and ``peak_mb`` of converting a clip of a tenth of ``frames`` at 320x180, and one of all of them,
    one step."""
    figures = {}
    with tempfile.TemporaryDirectory() as folder:
        for count in (max(1, frames // 10), frames):
            clip = Path(folder) / f"{count}.mp4"
            write_moving_gradient(clip, count)
            made = conversion(clip, count, steps=1)
            figures[f"ms_a_frame_{count}"] = 1000 * made["seconds"] / made["frames"]
            figures[f"peak_mb_{count}"] = made["peak_mb"]
    return figures


def write_moving_gradient(path: Path, frames: int) -> None:
    """A synthetic SDR clip: a gradient that drifts, so that every frame differs."""
    import av
    import numpy as np

    ramp = np.linspace(0, 255, WIDTH, dtype=np.float32)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25)
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        for index in range(frames):
            row = np.roll(ramp, 3 * index)
            picture = np.stack(
                [np.tile(row, (HEIGHT, 1)), np.tile(row[::-1], (HEIGHT, 1)), np.full((HEIGHT, WIDTH), 96)]
            )
            frame = av.VideoFrame.from_ndarray(picture.astype(np.uint8).transpose(1, 2, 0).copy(), format="rgb24")
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
