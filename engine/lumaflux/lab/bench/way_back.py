"""How near the SDR comes back after `--sdr-exact`: ``python -m lumaflux.lab.bench.way_back CLIP ...``.

Each clip is converted to HDR10 with a sidecar and its residual; frames are restored by the curves of the sidecar alone,
and with the residual, and compared with the source. One row of a table a clip is printed.
"""

import argparse
import math
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from lumaflux.inference.converter import Converter


@dataclass(frozen=True, kw_only=True)
class Figures:
    """PSNR in dB over R'G'B' of 8 bits and the largest error in codes, by the curves ``alone`` and with the
    ``residual``; bytes a frame; ``kind`` of the residual: the source's ``pictures``, or the ``difference``."""

    alone: tuple[float, int]
    residual: tuple[float, int]
    kind: str
    delivered_bytes: float
    curves_bytes: float
    residual_bytes: float

    def row(self, name: str) -> str:
        """Of a Markdown table."""

        def near(error: tuple[float, int]) -> str:
            return "no error" if error[1] == 0 else f"{error[0]:.1f} dB, {error[1]}"

        sizes = (self.delivered_bytes, self.curves_bytes, self.residual_bytes)
        kilobytes = " | ".join(f"{size / 1e3:.1f}" for size in sizes)
        return f"| `{name}` | {near(self.alone)} | {near(self.residual)}, {self.kind} | {kilobytes} |"


def way_back(clip: Path, converter: "Converter", frames: str | None, limit: int | None, crf: int) -> Figures:
    """Of ``frames`` of the clip, numbered from 0 as `--frames` has them, or its first ``limit``.

    Raises UserError for what cannot be converted or led back.
    """
    from lumaflux.render import Job, convert
    from lumaflux.render.sdr_sidecar import Sidecar, sidecar_of
    from lumaflux.settings import Settings

    with tempfile.TemporaryDirectory() as folder:
        hdr = Path(folder) / "hdr.mp4"
        job = Job(deliver="hdr10", crf=crf, frames=frames, limit=limit, sdr_exact=True, sdr_residual=True)
        (report,) = convert(clip, hdr, lambda: converter, Settings(), job)
        with Sidecar(sidecar_of(hdr), hdr) as led:
            wanted = _numbers(frames, led.frames)
            whole = _errors(clip, hdr, led, wanted)
            assert led.residual is not None
            kind = str(led.facts["residual"]["kind"])
            led.residual = None
            alone = _errors(clip, hdr, led, wanted)
        sizes = report.restored
        return Figures(
            alone=alone,
            residual=whole,
            kind=kind,
            delivered_bytes=sizes["delivered_bytes"],
            curves_bytes=sizes["sidecar_bytes"] - sizes["residual_bytes"],
            residual_bytes=sizes["residual_bytes"],
        )


def _numbers(frames: str | None, count: int) -> list[int]:
    from lumaflux.media.stills.frame_numbers import parse_frames

    return list(range(count)) if frames is None else sorted(int(number) for number in parse_frames(frames))


def _errors(clip: Path, hdr: Path, led, wanted: list[int]) -> tuple[float, int]:
    """PSNR and largest error in codes, over every frame."""
    from lumaflux.media.video.reader import VideoReader
    from lumaflux.render.restore import restored_frames

    squares, count, largest, last = 0.0, 0, 0, wanted[-1]
    asked: Callable[[int], bool] = set(wanted).__contains__
    with VideoReader(clip) as reader:
        sources = (frame for frame in reader.frames(lambda number: number > last or asked(number)))
        for source, (codes, _) in zip(sources, restored_frames(hdr, led), strict=False):
            error = np.abs(np.rint(codes * 255) - np.floor(source.sdr * 255 + 0.5))
            squares, count = squares + float((error.astype(np.float64) ** 2).sum()), count + error.size
            largest = max(largest, int(error.max()))
    return (math.inf if squares == 0 else 10 * math.log10(255**2 * count / squares)), largest


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m lumaflux.lab.bench.way_back", description=__doc__)
    parser.add_argument("clips", type=Path, nargs="+")
    parser.add_argument("--frames", help="as of `lumaflux convert`; of a clip that does not begin at 0, no pictures")
    parser.add_argument("--limit", type=int, help="the first frames alone")
    parser.add_argument("--crf", type=int, default=12)
    options = parser.parse_args(arguments)
    from lumaflux.inference.load import load

    converter = load("lite")
    print(
        "| clip | curves alone | with the residual | HDR, kB a frame | curves | residual |\n|---|---|---|---|---|---|"
    )
    for clip in options.clips:
        found = way_back(clip, converter, options.frames, options.limit, options.crf)
        print(found.row(clip.stem), flush=True)


if __name__ == "__main__":
    main()
