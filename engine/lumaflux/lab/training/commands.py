"""`lumaflux learn`. No logic."""

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from lumaflux.options import Overwrite


def learn(
    pairs: list[str],
    *,
    out: Annotated[Path, Parameter(name=["--out", "-o"])],
    model: str = "lite",
    seed: int = 0,
    overwrite: Overwrite = False,
) -> None:
    """Fit the tone of a model to your own SDR/HDR pairs: a look, for --look of every command (docs/looks.md).

    Parameters
    ----------
    pairs
        SDR=HDR of two pictures, clips or sequences; gain-map photographs; folders of such, or with sdr/ and hdr/ in it;
        or two timelines of one cut (.otio, .otioz, .edl), whose clips are paired by time.
    out
        The look, a small safetensors file.
    model
        lite, or a model directory with a tone predictor.
    seed
        Of the order in which pairs are seen.
    overwrite
        Replace an existing look (-y), or refuse to (-n).
    """
    from lumaflux.lab.training.learn import learn as run
    from lumaflux.progress import show_progress

    with show_progress("pairs") as progress:
        lines = run(pairs, out, model, seed=seed, overwrite=overwrite, progress=progress)
    print("\n".join(lines))
