"""HDR-VDP-3, release 3.0.7 (Mantiuk, Hammou and Hanji 2023, arXiv:2304.13625): the quality of a pair of pictures.

Its stages are those of HDR-VDP-2 (Mantiuk, Kim, Rempel and Heidrich 2011, ACM ToG 30(4)) with refitted parameters.
"""

from lumaflux.lab.evaluation.hdrvdp3.score import HdrVdp3, hdrvdp3

__all__ = ["HdrVdp3", "hdrvdp3"]
