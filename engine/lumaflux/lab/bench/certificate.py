"""What a certificate costs and what it shows: ``python -m lumaflux.lab.bench.certificate CLIP --picture PICTURE``.

The clip is converted without and with a certificate, in turn, and verified. Then one thing after the other is changed,
the certificate sealed anew where whoever changed it would, and what `lumaflux verify` answers is printed as rows of a
table. The picture shows a frame, what the certificate holds of its cells, and how far a brighter conversion is from
that.
"""

import argparse
import hashlib
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from lumaflux.arguments import file_there, new_file, whole
from lumaflux.endings import told
from lumaflux.errors import UserError

if TYPE_CHECKING:
    from lumaflux.inference.converter import Converter
    from lumaflux.render.certificate import Certificate

_DRAWN, _SEED = 5, 7  # frames that verify renders again
_BRIGHTER = 0.1  # stops, of the conversion that takes the place of the certified one
_CODES = 876  # of ten bits in narrow range, PQ 0 to 1


@dataclass(kw_only=True)
class Figures:
    """Seconds of each run; bytes; ``answers`` by change: the exit code and the sentence. ``cells`` are mean PQ luma of
    the first frame, as certified and of the brighter conversion."""

    without_s: list[float] = field(default_factory=list)
    with_s: list[float] = field(default_factory=list)
    verify_s: float = 0.0
    frames: int = 0
    head_bytes: int = 0
    frame_bytes: float = 0.0
    answers: dict[str, tuple[int, str]] = field(default_factory=dict)
    cells: tuple[list[float], list[float]] = ([], [])

    def rows(self) -> list[str]:
        """Of a Markdown table."""
        without, certified = statistics.median(self.without_s), statistics.median(self.with_s)
        return [
            f"| size | {self.head_bytes} bytes, and {self.frame_bytes:.0f} a frame |",
            f"| `convert` of {self.frames} frames without and with one, median of {len(self.with_s)} pairs | "
            f"{without:.1f} and {certified:.1f} s |",
            f"| `verify` of {min(_DRAWN, self.frames)} of them | {self.verify_s:.1f} s |",
            "",
            *(f"| {change} | {code} | {said} |" for change, (code, said) in self.answers.items()),
        ]


def measured(clip: Path, converter: "Converter", frames: int, pairs: int) -> Figures:
    """Of the first ``frames`` of ``clip``. Raises UserError for what cannot be converted."""
    from lumaflux.render import Job, convert
    from lumaflux.render.certificate import read_certificate
    from lumaflux.render.verify import verify
    from lumaflux.settings import Settings

    found = Figures()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        source = Path(shutil.copy(clip, folder / f"source{clip.suffix}"))
        video, proof = folder / "out.mp4", folder / "out.json"

        def made(target: Path, certificate: Path | None, exposure: float = 0.0) -> float:
            begun = time.perf_counter()
            job = Job(deliver="hdr10", limit=frames, certificate=certificate, overwrite=True)
            convert(source, target, lambda: converter, Settings(exposure=exposure), job)
            return time.perf_counter() - begun

        def verified() -> None:
            verify(proof, lambda job: converter, frames=_DRAWN, seed=_SEED)

        for _ in range(pairs):
            found.without_s.append(made(folder / "plain.mp4", None))
            found.with_s.append(made(video, proof))
        known = read_certificate(proof)
        lines = [line for line in proof.read_text("utf-8").splitlines(keepends=True) if line.startswith('{"number"')]
        found.frames = len(known.frames)
        found.frame_bytes = sum(map(len, lines)) / len(lines)
        found.head_bytes = proof.stat().st_size - sum(map(len, lines))
        begun = time.perf_counter()
        found.answers["nothing"] = _answer(verified, folder)
        found.verify_s = time.perf_counter() - begun
        other, other_proof = folder / "brighter.mp4", folder / "brighter.json"
        made(other, other_proof, exposure=_BRIGHTER)
        found.cells = (known.frames[0].grid, read_certificate(other_proof).frames[0].grid)
        for change, files in _changes(known, proof, video, source, other).items():
            kept = {path: path.read_bytes() for path in files}
            for path, contents in files.items():
                path.write_bytes(contents)
            found.answers[change] = _answer(verified, folder)
            for path, contents in kept.items():
                path.write_bytes(contents)
    return found


def _changes(known: "Certificate", proof: Path, video: Path, source: Path, other: Path) -> dict[str, dict[Path, bytes]]:
    """What is written in the place of which file, by the change."""
    from lumaflux.render.certificate import text_of

    def flipped(path: Path) -> bytes:
        contents = bytearray(path.read_bytes())
        contents[len(contents) // 2] ^= 1
        return bytes(contents)

    def sealed(**values: object) -> bytes:
        return text_of(known.model_copy(update=values)).encode()

    replaced = other.read_bytes()
    output = known.output.model_copy(update={"sha256": {"file": hashlib.sha256(replaced).hexdigest()}})
    settings = {**known.settings, "exposure": _BRIGHTER}
    return {
        "one bit of the video": {video: flipped(video)},
        "one bit of the source": {source: flipped(source)},
        "a setting in the certificate": {proof: proof.read_bytes().replace(b'"exposure": 0.0', b'"exposure": 0.1')},
        "the same, sealed anew": {proof: sealed(settings=settings)},
        f"the video, by one {_BRIGHTER:g} stops brighter": {video: replaced},
        "the same, its SHA-256 sealed in": {video: replaced, proof: sealed(output=output)},
    }


def _answer(verified: Callable[[], object], folder: Path) -> tuple[int, str]:
    try:
        verified()
    except UserError as error:
        return error.exit_code, str(error).replace(f"{folder}/", "")
    return 0, "all is as it was"


def draw(frame, cells: Sequence[float], others: Sequence[float], target: Path) -> None:
    """``frame``, SDR [3,H,W] in [0,1], under the certificate's grid; each cell's mean PQ luma in codes of ten bits; how
    far ``others`` are from it, in such codes."""
    import numpy as np
    from PIL import Image, ImageDraw, ImageFont

    from lumaflux.render.certificate import GRID

    height, width = frame.shape[1:]
    codes = np.rint(np.moveaxis(frame, 0, -1).clip(0, 1) * 255).astype(np.uint8)
    grey = np.asarray(cells).reshape(GRID, GRID)
    far = (np.asarray(others) - cells).reshape(GRID, GRID) * _CODES
    red = np.abs(far) / max(1.0, np.abs(far).max())

    def tiles(colors: np.ndarray) -> np.ndarray:
        rows, columns = np.arange(height) * GRID // height, np.arange(width) * GRID // width
        return np.rint(255 * colors[rows][:, columns]).astype(np.uint8)

    shown = [
        codes,
        tiles(np.repeat(grey[..., None], 3, -1)),
        tiles(np.stack([0.2 + 0.7 * red, 0.2 - 0.1 * red, 0.2 - 0.1 * red], -1)),
    ]
    picture = Image.fromarray(np.concatenate(shown, axis=1))
    pen, font = ImageDraw.Draw(picture), ImageFont.load_default(size=max(10, height // 20))
    for row in range(GRID):
        for column in range(GRID):
            left, top = column * width // GRID, row * height // GRID
            right, bottom = (column + 1) * width // GRID - 1, (row + 1) * height // GRID - 1
            pen.rectangle((left, top, right, bottom), outline=(255, 255, 255))
            middle = ((left + right) / 2, (top + bottom) / 2)
            for panel, text in ((1, f"{64 + _CODES * grey[row, column]:.1f}"), (2, f"{far[row, column]:+.1f}")):
                color = (0, 0, 0) if panel == 1 and grey[row, column] > 0.4 else (255, 255, 255)
                pen.text((middle[0] + panel * width, middle[1]), text, color, font, anchor="mm")
    picture.save(target)


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m lumaflux.lab.bench.certificate", description=__doc__)
    parser.add_argument("clip", type=file_there)
    parser.add_argument("--frames", type=whole(), default=72)
    parser.add_argument("--pairs", type=whole(), default=3, help="conversions without and with a certificate, in turn")
    parser.add_argument("--picture", type=new_file, help="the first frame, its cells, and a brighter conversion's")
    options = parser.parse_args(arguments)
    from lumaflux.inference.load import load
    from lumaflux.media.video.reader import VideoReader

    found = measured(options.clip, load("lite"), options.frames, options.pairs)
    print("\n".join(found.rows()))
    if options.picture is not None:
        with VideoReader(options.clip) as reader:
            draw(next(iter(reader)).sdr, *found.cells, options.picture)


if __name__ == "__main__":
    with told("lumaflux"):
        main()
