"""What a conversion must keep, measured: neutral greys, order, smooth gradients, edges without halos, fine detail."""

import numpy as np
from numpy.typing import NDArray

from lumaflux.color import ictcp, pq
from lumaflux.color.primaries import BT2020_LUMA, luminance

_TILE = 32  # pixels; detail is measured in tiles that hold no clipped pixel
_CLIPPED, _BLACK = 0.92, 0.05  # SDR signals beyond which a pixel is not counted
_FLOOR_NITS = 0.5
_BORDER = 16  # pixels: a gradient of 8 bits ends at a picture's border with a step
_HALF_NYQUIST = 0.25  # cycles per pixel

Floats = NDArray[np.float64]


def chroma(hdr_pq: NDArray) -> Floats:
    """PQ/BT.2020 [3,H,W] -> Delta-E-ITP [H,W] of each pixel to the grey of its own intensity (BT.2124-0 Annex 1)."""
    _, ct, cp = ictcp.rgb_to_ictcp(pq.eotf(hdr_pq.astype(np.float64)))
    return 720 * np.hypot(0.5 * ct, cp)


def largest_fall(hdr_pq: NDArray) -> float:
    """How far, in PQ, the luminance of a picture that should rise from left to right ever falls below what it was."""
    row = _luminance_pq(hdr_pq).mean(axis=0)
    return float((np.maximum.accumulate(row) - row).max())


def largest_step(hdr_pq: NDArray) -> float:
    """The largest Delta-E-ITP between horizontal neighbours, borders left out: a band shows from about 1 on."""
    nits = pq.eotf(hdr_pq[:, :, _BORDER:-_BORDER].astype(np.float64))
    return float(ictcp.delta_e_itp(nits[:, :, 1:], nits[:, :, :-1]).max())


def halo(hdr_pq: NDArray, sdr: NDArray) -> float:
    """Of flat fields side by side ``sdr``: how far, in Delta-E-ITP, the result strays from a field's own median."""
    found = 0.0
    nits = pq.eotf(hdr_pq.astype(np.float64))
    for level in np.unique(sdr[0]):
        field = nits[:, :, (sdr[0] == level).all(axis=0)]
        middle = np.broadcast_to(np.median(field, axis=(1, 2), keepdims=True), field.shape)
        found = max(found, float(ictcp.delta_e_itp(field, middle).max()))
    return found


def detail_energy(hdr_pq: NDArray, sdr: NDArray) -> float:
    """Energy of log luminance (stops squared) above half Nyquist, summed over tiles without clipped pixels of ``sdr``.

    PQ/BT.2020 and SDR [3,H,W]. Raises ValueError where no tile is free of clipping.
    """
    stops = np.log2(luminance(pq.eotf(hdr_pq.astype(np.float64)), BT2020_LUMA)[0] + _FLOOR_NITS)
    window = np.outer(np.hanning(_TILE), np.hanning(_TILE))
    fine = np.hypot(*np.meshgrid(np.fft.fftfreq(_TILE), np.fft.fftfreq(_TILE))) > _HALF_NYQUIST
    energies = []
    for top in range(0, sdr.shape[1] - _TILE + 1, _TILE // 2):
        for left in range(0, sdr.shape[2] - _TILE + 1, _TILE // 2):
            place = slice(top, top + _TILE), slice(left, left + _TILE)
            source = sdr[:, *place]
            if source.max() < _CLIPPED and source.max(axis=0).min() > _BLACK:
                tile = stops[place] - stops[place].mean()
                energies.append((np.abs(np.fft.fft2(window * tile)[fine]) ** 2).sum())
    if not energies:
        raise ValueError(f"no tile of {_TILE} pixels is free of clipping")
    return float(np.sum(energies))


def _luminance_pq(hdr_pq: NDArray) -> Floats:
    return pq.inverse_eotf(luminance(pq.eotf(hdr_pq.astype(np.float64)), BT2020_LUMA)[0])
