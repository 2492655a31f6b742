"""HDRTV1K (Chen et al., ICCV 2021): 1235 training and 117 test pairs of 4K frames, YouTube's SDR beside its HDR10.

Layout: training_set/{train_sdr,train_hdr}/*.png and test_set/{test_sdr,test_hdr}/*.png, paired by stem.
"""

from pathlib import Path

from lumaflux.lab.data.layouts.records import Pair, folder_of, paired_by_stem, refuse
from lumaflux.lab.data.scenes import Split

LICENCE = "academic use (HDRTV1K; the videos' own rights)"
_SPLITS: tuple[tuple[Split, str, str], ...] = (
    ("train", "training_set", "train"),
    ("test", "test_set", "test"),
)


def pairs(root: Path) -> list[Pair]:
    """Every pair below ``root``; either of the two sets may be missing. Each frame counts as a scene of its own.

    Raises UserError for another layout and for pictures without a partner.
    """
    found = []
    for split, folder, prefix in _SPLITS:
        sdr = folder_of(root, [rf"(.*/)?{folder}/{prefix}_sdr", rf"(.*/)?{prefix}_sdr"])
        hdr = folder_of(root, [rf"(.*/)?{folder}/{prefix}_hdr", rf"(.*/)?{prefix}_hdr"])
        if sdr is None or hdr is None:
            continue
        for left, right in paired_by_stem(sdr, hdr, "HDRTV1K"):
            scene = f"hdrtv1k-{prefix}-{left.stem}"
            found.append(
                Pair(
                    name=f"hdrtv1k/{prefix}-{left.stem}",
                    sdr=left,
                    hdr=right,
                    medium="picture",
                    scene=scene,
                    split=split,
                    content="pgc",
                    rendering="native",
                    crf=None,
                    licence=LICENCE,
                )
            )
    if not found:
        raise refuse(root, "HDRTV1K", "test_set/test_sdr/*.png and test_set/test_hdr/*.png, or training_set likewise")
    return found
