"""LumaFlux: 8-bit BT.709 video to 10-bit PQ/BT.2020 HDR with a physically guided diffusion transformer."""

from typing import TYPE_CHECKING, Any

from lumaflux.version import __version__

if TYPE_CHECKING:
    from lumaflux.inference.load import load

__all__ = ["__version__", "load"]


def __getattr__(name: str) -> Any:
    if name == "load":  # torch is imported when a model is wanted, not for `lumaflux --help`
        from lumaflux.threads import wait_passively

        wait_passively()
        from lumaflux.inference.load import load

        return load
    raise AttributeError(f"module 'lumaflux' has no attribute '{name}'")
