"""`lumaflux demo`. No logic."""

from dataclasses import dataclass
from typing import Annotated

from cyclopts import Parameter

from lumaflux.options import ModelOptions


@dataclass(frozen=True, kw_only=True)
class DemoOptions(ModelOptions):
    """Which weights the page converts with."""


def demo(
    *,
    host: str = "127.0.0.1",
    port: int = 7860,
    name: tuple[str, ...] = (),
    max_megabytes: int = 500,
    max_frames: int = 300,
    options: Annotated[DemoOptions, Parameter(name="*")] = DemoOptions(),
) -> None:
    """Open a page in the browser that converts what is dropped on it, and shows it on any screen.

    Parameters
    ----------
    host
        Where the page is reached: this machine alone, or 0.0.0.0 for all that can reach it.
    port
        The port; 0 takes one that is free.
    name
        A further name by which browsers reach the page, such as a proxy's; may be given several times. Addresses, and
        this machine's own name, need none.
    max_megabytes
        The largest upload.
    max_frames
        The longest clip.
    """
    from lumaflux.demo.limits import Limits
    from lumaflux.demo.serve import serve

    def load_converter():
        from lumaflux.inference.load import load_chosen

        return load_chosen(options)

    serve(load_converter, host, port, Limits(megabytes=max_megabytes, frames=max_frames), name)
