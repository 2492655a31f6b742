"""The commands `lumaflux serve` and `lumaflux plugin`. No logic."""

from typing import Literal

from cyclopts import App

app = App(name="plugin", help="Install the OpenFX effect where hosts look, show its state, remove it.")


def serve(
    *,
    idle: float = 900.0,
    model: str = "lite",
    device: str | None = None,
    precision: Literal["fp32", "bf16", "fp16"] | None = None,
    cache: int = 512,
) -> None:
    """Run the engine as a worker of this user, which the effect starts by itself when it needs one.

    Parameters
    ----------
    idle
        Leave after so many seconds in which nobody asked for anything; 0 stays.
    model
        The model to load at the start.
    device
        As `lumaflux doctor` lists them; the first of them if not named.
    precision
        fp32, bf16 or fp16; fp32 on the CPU and bf16 elsewhere if not named.
    cache
        Megabytes of rendered frames to keep.
    """
    from engine.service.serve import serve as run
    from engine.service.server import Options

    options = Options(model=model, device=device, precision=precision, idle_s=idle, cache_bytes=cache << 20)
    if not run(options):
        print("an engine of this user runs already")
