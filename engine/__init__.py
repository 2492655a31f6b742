"""LumaFlux: 8-bit BT.709 video to 10-bit PQ/BT.2020 HDR with a physically guided diffusion transformer."""

__version__ = "0.1.0"
