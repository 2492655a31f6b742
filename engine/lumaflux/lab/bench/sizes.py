"""The clips of full HD, UHD and 8K that conversions are timed on, and the pixel path by itself."""

import shutil
import statistics
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

# Width, height, frames: beyond the encoder's look-ahead.
SIZES = {"1080p": (1920, 1080, 40), "2160p": (3840, 2160, 24), "4320p": (7680, 4320, 24)}
USUAL = ("1080p", "2160p")  # measured where none is named
_LUT_SIDE = 33
_ROUNDS = 7


def pixel_path() -> dict[str, Any]:
    """``pixel_path_fps_1080p``: 4:2:0 codes in, debanding, placement, gain, PQ, 10-bit codes out, without the network;
    ``one_pass_fps_1080p``: the same by the routines that go from codes to codes, where they are built.

    With an ``ffmpeg`` on the path also ``lut3d_fps_1080p``, its tetrahedral 33-point look-up in 16 bits, interleaved.
    """
    import numpy as np
    import torch

    from lumaflux.color.clipping import CLIPPED_CODE
    from lumaflux.color.primaries import BT709_LUMA
    from lumaflux.color.ycbcr import code_scales
    from lumaflux.color.yuv420_rgb import Yuv420, rgb_from_yuv420
    from lumaflux.color.yuv420p10 import yuv420p10
    from lumaflux.inference import one_pass
    from lumaflux.inference.composition import GainGrid, compose
    from lumaflux.inference.debanding import deband
    from lumaflux.inference.detail import GuidedFilter
    from lumaflux.inference.graphics import Held
    from lumaflux.inference.load import load
    from lumaflux.lab.bench.velocity import interleaved
    from lumaflux.settings import Settings

    width, height, _ = SIZES["1080p"]
    rng = np.random.default_rng(0)
    half = (height // 2, width // 2)
    planes = [_smooth_codes(rng, *size) for size in ((height, width), half, half)]
    network = load("lite").backend.network
    reduced = torch.rand(1, 3, 96, 170)
    with torch.inference_mode():
        placement = network.placement(reduced)
        assert placement is not None
        light = GainGrid(
            guided=GuidedFilter(slope=0.01 * reduced, level=0.1 * reduced), structure=torch.zeros_like(reduced)
        )

        def once() -> None:
            rgb = rgb_from_yuv420(*planes, bits=8, full_range=False, luma=BT709_LUMA, siting="left")
            sdr = torch.from_numpy(rgb)[None]
            lit = compose(deband(sdr), sdr, lambda codes: network.start(codes, placement), light, 0.5, placement)
            yuv420p10(lit[0].numpy())

        def in_one_pass() -> None:
            nodes = one_pass.lattice_of(placement, Settings(), codes)
            native, threads = one_pass.lumaflux_native, torch.get_num_threads()
            share = native.clipped_share(*codes, CLIPPED_CODE, threads)
            stops = 0.5 * reduced[0, 0].numpy() if share else np.zeros((0, 0), np.float32)
            native.pq_codes(*codes, nodes, one_pass.LUMA_END, stops, *Held.nothing()[:3], threads)

        luma, cb, cr = planes
        codes = Yuv420(luma, cb, cr, code_scales(8, False), BT709_LUMA, True)
        calls: dict[str, Callable[[], object]] = {"pixel_path": once}
        if one_pass.available():
            calls["one_pass"] = in_one_pass
        with tempfile.TemporaryDirectory() as folder:
            if (ffmpeg := shutil.which("ffmpeg")) is not None:
                calls["lut3d"] = _lut3d(ffmpeg, Path(folder), width, height)
            seconds = interleaved(calls, _ROUNDS)
    frames = {"pixel_path": 1, "one_pass": 1, "lut3d": _LUT_FRAMES}
    return {f"{name}_fps_1080p": frames[name] / statistics.median(taken) for name, taken in seconds.items()}


_LUT_FRAMES = 24


def _lut3d(ffmpeg: str, folder: Path, width: int, height: int):
    """A call that runs ffmpeg's filter over many frames; its start is part of the time, and small beside them."""
    cube = folder / "identity.cube"
    write_cube(cube)
    source = f"color=gray:size={width}x{height}:rate=24:duration={_LUT_FRAMES / 24},format=gbrp16le"
    look_up = f"lut3d=file={cube}:interp=tetrahedral"
    command = [ffmpeg, "-v", "error", "-f", "lavfi", "-i", source, "-vf", look_up, "-f", "null", "-"]
    return lambda: subprocess.run(command, check=True)


def write_cube(path: Path) -> None:
    """The identity as a look-up table of 33 points a side."""
    steps = [i / (_LUT_SIDE - 1) for i in range(_LUT_SIDE)]
    rows = [f"{r:.6f} {g:.6f} {b:.6f}" for b in steps for g in steps for r in steps]
    path.write_text(f"LUT_3D_SIZE {_LUT_SIDE}\n" + "\n".join(rows) + "\n")


def _smooth_codes(rng, height: int, width: int):
    import numpy as np

    coarse = rng.integers(40, 210, (height // 60 + 1, width // 60 + 1)).astype(np.float32)
    whole = np.kron(coarse, np.ones((60, 60), np.float32))[:height, :width] + rng.normal(0, 3, (height, width))
    return whole.round().clip(16, 235).astype(np.uint8)


def write_textured_clip(path: Path, width: int, height: int, frames: int) -> None:
    """A synthetic SDR clip with edges and grain, which moves, as H.264."""
    import av
    import numpy as np

    rng = np.random.default_rng(0)
    still = np.stack([_smooth_codes(rng, height, width + 8 * frames) for _ in range(3)], axis=-1)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=24, options={"preset": "veryfast", "crf": "20"})
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        for index in range(frames):
            picture = np.ascontiguousarray(still[:, 8 * index : 8 * index + width])
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode())
