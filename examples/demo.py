"""`make demo`: converts the example clip to HDR10, says where it is and how bright, and draws a comparison."""

from itertools import islice
from pathlib import Path

from lumaflux.inference.load import load
from lumaflux.lab.evaluation.comparison import write_comparison
from lumaflux.media.metadata.info import probe
from lumaflux.media.video.reader import VideoReader
from lumaflux.progress import show_progress
from lumaflux.render import Job, convert
from lumaflux.settings import Settings

EXAMPLE = Path(__file__).parent / "rooftop-sdr.mp4"
OUT = Path("out")
SHOWN_FRAME = 20


def main() -> None:
    OUT.mkdir(exist_ok=True)
    target = OUT / "rooftop-hdr10.mp4"
    converter = load("lite")
    with show_progress(EXAMPLE.name) as progress:
        convert(EXAMPLE, target, lambda: converter, Settings(), Job(overwrite=True), progress)
    with VideoReader(EXAMPLE) as reader:
        sdr = next(islice(reader, SHOWN_FRAME, None)).sdr
    write_comparison(OUT / "comparison.png", sdr, converter.render(sdr))
    written = probe(target)
    print(f"HDR10 clip:  {target} ({written.width}x{written.height}, {written.codec}, {written.transfer.value})")
    print(f"light:       MaxCLL {written.max_cll} cd/m2, MaxFALL {written.max_fall} cd/m2, as measured and written")
    print(f"comparison:  {OUT / 'comparison.png'}")


if __name__ == "__main__":
    main()
