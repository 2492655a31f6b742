"""A frame as the analysis of a clip sees it: as a picture or as codes, reduced whole and inside of its bars."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor

    from lumaflux.color.yuv420_rgb import Yuv420
    from lumaflux.inference.active_area import Area, Sighting
    from lumaflux.inference.converter import Converter
    from lumaflux.media.video.coded_frame import CodedFrame


@dataclass(frozen=True)
class WaitingKey:
    """A key frame, whose tone may wait for the picture area of its shot: reduced whole, and reduced inside of its own
    bars; both with the clipped share of each pixel, where those are wanted."""

    sighting: "Sighting"
    whole: "Tensor"
    own: "Area"
    active: "Tensor"
    clipped: "tuple[Tensor, Tensor] | None"

    def inside(self, area: "Area") -> "tuple[Tensor, Tensor | None]":
        """What lies inside of the shot's bars, and of the frame's own where those are larger: bars can move."""
        area = self.own.within(area)
        if area == self.own:
            return self.active, self.clipped and self.clipped[1]
        return area.of(self.whole), self.clipped and area.of(self.clipped[0])


class Picture:
    """A frame as it came, [1,3,H,W]."""

    def __init__(self, sdr: "Tensor", converter: "Converter"):
        self._sdr, self._converter = sdr, converter

    def reduced(self, area: "Area") -> "Tensor":
        """SDR [1,3,h,w] of an area."""
        return self._converter.reduced(area.of(self._sdr))

    def clipped(self, area: "Area") -> "Tensor":
        """How much of each of its pixels is clipped, [1,1,h,w]."""
        return self._converter.clipped_shares(area.of(self._sdr))


class Codes:
    """The same of a frame that came as codes, whose picture is made only where an area parts two samples of chroma."""

    def __init__(self, frame: "CodedFrame", codes: "Yuv420", converter: "Converter"):
        self._codes, self._frame, self._converter = codes, frame, converter
        self._device = converter.backend.device
        self._pixels = converter.config.working_pixels

    def reduced(self, area: "Area") -> "Tensor":
        from lumaflux.inference.coded_area import codes_in
        from lumaflux.inference.reduced_codes import reduced_rgb

        inside = codes_in(self._codes, area)
        return self._picture().reduced(area) if inside is None else reduced_rgb(inside, self._pixels).to(self._device)

    def clipped(self, area: "Area") -> "Tensor":
        from lumaflux.inference.coded_area import codes_in
        from lumaflux.inference.reduced_codes import clipped_shares_of, native_reduction

        inside = codes_in(self._codes, area) if native_reduction() else None
        if inside is None:
            return self._picture().clipped(area)
        return clipped_shares_of(inside, self._pixels).to(self._device)

    def _picture(self) -> Picture:
        import torch

        return Picture(torch.as_tensor(self._frame.sdr, device=self._device)[None], self._converter)


@dataclass(frozen=True)
class SeenFrame:
    """A frame and what was seen of it; reduced, whole and inside of its bars."""

    frame: Picture | Codes
    sighting: "Sighting"
    whole: "Tensor"
    own: "Area"
    active: "Tensor"

    def kept(self, *, lights: bool) -> WaitingKey:
        from lumaflux.inference.active_area import WHOLE

        clipped = None
        if lights:
            whole = self.frame.clipped(WHOLE)
            clipped = whole, whole if self.active is self.whole else self.frame.clipped(self.own)
        return WaitingKey(self.sighting, self.whole, self.own, self.active, clipped)
