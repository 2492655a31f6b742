"""What runs in the interpreter that has ColorVideoVDP: the score of two raw clips. Imports nothing of the engine."""

import json
import sys


def jod(test: str, reference: str, shape: tuple[int, int, int, int], frame_rate: float, display: str) -> float:
    """JOD of the files ``test`` and ``reference``: PQ codes of 16 bits, ``shape`` [F,3,H,W]; 0 frames a second is a
    still."""
    import numpy as np
    import pycvvdp  # pyright: ignore[reportMissingImports]
    import torch

    # cvvdp reads int16 as the 16-bit codes of the same bits, one frame at a time: the files stay on disk
    clips = [torch.from_numpy(np.memmap(path, dtype=np.int16, mode="c", shape=shape)) for path in (test, reference)]
    metric = pycvvdp.cvvdp(display_name=display, quiet=True)
    score, _ = metric.predict(*clips, dim_order="FCHW", frames_per_second=frame_rate)
    return float(score)


if __name__ == "__main__":
    call = json.loads(sys.argv[1])
    print(json.dumps({"jod": jod(**{**call, "shape": tuple(call["shape"])})}))
