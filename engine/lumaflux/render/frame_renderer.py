"""One frame of a source, whoever asks: its settings and tone from the track, its light blended with its neighbors'."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from lumaflux.render.motion_blending import MotionBlending
from lumaflux.render.source import Neighbors, Source
from lumaflux.render.tones import Tones
from lumaflux.settings import Settings

if TYPE_CHECKING:
    import numpy as np

    from lumaflux.color.yuv420_rgb import Yuv420
    from lumaflux.color.yuv420p10 import Planes
    from lumaflux.inference.converter import Converter
    from lumaflux.inference.inverse import Lighting
    from lumaflux.render.mask import Mask


@dataclass(frozen=True, kw_only=True)
class FrameRenderer:
    """Holds nothing that a frame depends on beside what is given: the same frame becomes the same pixels in any order,
    part or process."""

    converter: "Converter"
    settings: Settings
    tones: Tones = field(default_factory=Tones)
    blending: MotionBlending | None = None
    mask: "Mask | None" = None
    wants_matte: bool = False
    wants_lighting: bool = False
    samples_matte: bool = False

    def gives_matte(self, number: int) -> bool:
        """Whether the matte of that frame is wanted: of all; or of samples, 0, 1, 2, 4, 8 and so on, and every 256th,
        which are few enough to be rendered in floats beside their codes."""
        return self.wants_matte or (self.samples_matte and (number & (number - 1) == 0 or number % 256 == 0))

    def render(
        self,
        number: int,
        sdr: "np.ndarray",
        on_step: Callable[[], None] | None = None,
        on_matte: "Callable[[np.ndarray], None] | None" = None,
        on_lighting: "Callable[[Lighting], None] | None" = None,
    ) -> "tuple[np.ndarray, dict[str, float]]":
        """The frame of that number in the source: SDR [3,H,W] in [0,1] -> PQ BT.2020 [3,H,W], and seconds by stage.

        ``on_step`` is called after every step of the sampler; what it raises ends the rendering. ``on_matte`` is given
        the shares of lumaflux.inference.confidence [3,H,W], ``on_lighting`` the way back from the result.
        """
        from lumaflux.inference.converter import RenderHooks

        settings, tone = self.tones.at(number, self.settings)
        light = None if self.blending is None else self.blending.light(number, sdr)
        masked: dict[str, Any] = {} if self.mask is None else {"mask": self.mask.at(number)}
        hooks = RenderHooks(
            on_step=on_step,
            on_matte=None if on_matte is None else lambda found: on_matte(found[0].cpu().numpy()),
            on_lighting=on_lighting,
        )
        return self.converter.render_timed(sdr, settings, hooks, tone=tone, light=light, **masked)

    def render_codes(
        self, number: int, codes: "Yuv420", *, alone: bool = False
    ) -> "tuple[Planes, dict[str, float]] | None":
        """The frame of that number from 8-bit to 10-bit codes in one pass; None where that does not apply. ``alone``:
        no finished frame waits for the encoder, which may still be at work on the last one."""
        from lumaflux.inference.one_pass import render_codes

        settings, tone = self.tones.at(number, self.settings)
        if (
            tone is None
            or self.blending is not None
            or self.mask is not None
            or self.wants_matte
            or self.wants_lighting
        ):
            return None
        return render_codes(self.converter, codes, settings, tone, alone=alone)


@contextmanager
def blended(renderer: FrameRenderer, source: Source, amount: float) -> Iterator[FrameRenderer]:
    """The renderer with as much motion blending: it reads the neighbors of a frame by readers that are closed at the
    end. At 0 it stays as it is."""
    if amount == 0:
        yield renderer
        return
    neighbors = Neighbors(source)
    try:
        blending = MotionBlending(renderer.converter, renderer.tones, renderer.settings, amount, neighbors.read)
        yield replace(renderer, blending=blending)
    finally:
        neighbors.close()
