"""HDR-VDP-3 (Mantiuk, Hammou, Hanji 2023, arXiv:2304.13625; release 3.0.7): the quality score of a pair of pictures."""

from engine.evaluation.hdrvdp3.score import HdrVdp3, hdrvdp3

__all__ = ["HdrVdp3", "hdrvdp3"]
