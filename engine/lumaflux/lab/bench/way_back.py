"""How near the SDR comes back after `--sdr-exact`: ``python -m lumaflux.lab.bench.way_back CLIP ...``.

Each clip is converted to HDR10 with a sidecar and its residual; frames are restored by the curves of the sidecar alone,
and with the residual, and compared with the source. One row of a table a clip is printed, and one a shot of several.
"""

import argparse
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from lumaflux.arguments import file_there, whole
from lumaflux.endings import told
from lumaflux.render.restored_error import RestoredError

if TYPE_CHECKING:
    from lumaflux.inference.converter import Converter


@dataclass(frozen=True, kw_only=True)
class Figures:
    """Of every frame, by the curves ``alone`` and with the ``residual``, the whole and each of ``shots``; bytes a
    frame; ``kind`` of the residual: the source's ``pictures``, or the ``difference``."""

    alone: list[RestoredError]
    residual: list[RestoredError]
    shots: list[range]
    kind: str
    delivered_bytes: float
    curves_bytes: float
    residual_bytes: float

    def rows(self, name: str) -> list[str]:
        """Of a Markdown table: the clip and, where there are several, its shots."""

        def near(error: RestoredError) -> str:
            return "no error" if error.largest == 0 else f"{error.psnr:.1f} dB, {error.largest}"

        sizes = (self.delivered_bytes, self.curves_bytes, self.residual_bytes)
        kilobytes = " | ".join(f"{size / 1e3:.1f}" for size in sizes)
        alone, residual = ([near(error) for error in errors] for errors in (self.alone, self.residual))
        rows = [f"| `{name}` | {alone[0]} | {residual[0]}, {self.kind} | {kilobytes} |"]
        if len(self.shots) > 1:
            own = zip(self.shots, alone[1:], residual[1:], strict=True)
            rows += [f"| frames {shot[0]}-{shot[-1]} | {one} | {other} | | | |" for shot, one, other in own]
        return rows


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
        shots = [range(shot.first, shot.last + 1) for shot in report.shots]
        with Sidecar(sidecar_of(hdr), hdr) as led:
            wanted = _numbers(frames, led.frames)
            whole = _errors(clip, hdr, led, wanted, shots)
            assert led.residual is not None
            kind = str(led.facts["residual"]["kind"])
            led.residual = None
            alone = _errors(clip, hdr, led, wanted, shots)
        sizes = report.restored
        return Figures(
            alone=alone,
            residual=whole,
            shots=shots,
            kind=kind,
            delivered_bytes=sizes["delivered_bytes"],
            curves_bytes=sizes["sidecar_bytes"] - sizes["residual_bytes"],
            residual_bytes=sizes["residual_bytes"],
        )


def _numbers(frames: str | None, count: int) -> list[int]:
    from lumaflux.media.stills.frame_numbers import parse_frames

    return list(range(count)) if frames is None else sorted(int(number) for number in parse_frames(frames))


def _errors(clip: Path, hdr: Path, led, wanted: list[int], shots: list[range]) -> list[RestoredError]:
    """Over every frame, of the whole and of each shot."""
    from lumaflux.render.restore import restored_frames
    from lumaflux.render.sdr_residual import source_frames
    from lumaflux.render.source import Source

    whole, own = RestoredError(), [RestoredError() for _ in shots]
    frames = zip(source_frames(Source(clip), wanted), restored_frames(hdr, led), strict=True)
    for place, ((sdr, _), (restored, _)) in enumerate(frames):
        for error in (whole, *(error for shot, error in zip(shots, own, strict=True) if place in shot)):
            error.add(restored, sdr)
    return [whole, *own]


def drawn_clip(folder: Path) -> Path:
    """drawn.mp4: four shots of ten frames, 160x90, of scenes as :mod:`lumaflux.lab.bench.shots` draws them."""
    from lumaflux.lab.bench.shots import drawn_clips
    from lumaflux.lab.data.x264_clip import X264Encoding, write_x264

    cuts = list(islice(drawn_clips(2, seed=1, scenes="clouds"), 2))
    frames = (np.moveaxis(frame, -1, 0) for clip in cuts for frame in clip.frames[::4])
    write_x264(folder / "drawn.mp4", frames, X264Encoding(crf=18, frame_rate=Fraction(24)))
    return folder / "drawn.mp4"


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m lumaflux.lab.bench.way_back", description=__doc__)
    parser.add_argument("clips", type=file_there, nargs="*")
    parser.add_argument("--drawn", action="store_true", help="a clip of four shots, drawn anew, after them")
    parser.add_argument("--frames", help="as of `lumaflux convert`; of a clip that does not begin at 0, no pictures")
    parser.add_argument("--limit", type=whole(), help="the first frames alone")
    parser.add_argument("--crf", type=whole(0, 51), default=12)
    options = parser.parse_args(arguments)
    from lumaflux.inference.load import load

    converter = load("lite")
    print(
        "| clip | curves alone | with the residual | HDR, kB a frame | curves | residual |\n|---|---|---|---|---|---|"
    )
    with tempfile.TemporaryDirectory() as folder:
        for clip in options.clips + ([drawn_clip(Path(folder))] if options.drawn else []):
            found = way_back(clip, converter, options.frames, options.limit, options.crf)
            print("\n".join(found.rows(clip.stem)), flush=True)


if __name__ == "__main__":
    with told("lumaflux"):
        main()
