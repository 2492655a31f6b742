"""What light the model gives a picture: a gain on its reduced grid, by its shot's tone or its own."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from lumaflux.backends.network import Network
from lumaflux.inference.detail import gain_between, reduce_to
from lumaflux.inference.direct_path import DirectPath, StageClock
from lumaflux.inference.gain_blending import FrameGain, with_tone_of_the_shot
from lumaflux.inference.graphics import Graphics, reduced_clipping
from lumaflux.inference.highlights import mean_of_views, placed_stops, region_stops, stops_between
from lumaflux.inference.key_light import resized
from lumaflux.inference.sampler import Sampling
from lumaflux.inference.tone import Tone, mix, toned
from lumaflux.model.tone_predictor import ToneCurve
from lumaflux.settings import Settings


@dataclass(frozen=True, kw_only=True)
class FramePass:
    """How pictures of one film are rendered: by a shot's ``tone``, or else by their own; ``clock`` takes the time."""

    settings: Settings
    clock: StageClock
    on_step: Callable[[], None] | None = None
    tone: Tone | None = None

    @property
    def sampling(self) -> Sampling:
        return Sampling.of(self.settings)


class GainEstimator:
    """Finds a picture's gain by the direct path of a model."""

    def __init__(self, path: DirectPath):
        self._path = path

    @property
    def _network(self) -> Network[Any]:
        return self._path.backend.network

    @property
    def recovers(self) -> bool:
        """Whether the transformer finds the light of clipped pixels, and nothing else of a frame."""
        return self._path.config.local_light == "highlights"

    def clipped_shares(self, sdr: Tensor, graphics: Sequence[Graphics | None] = ()) -> Tensor:
        """SDR [B,3,H,W] -> how much of each reduced pixel is clipped and no graphics, [B,1,h,w] in [0,1]."""
        return reduced_clipping(sdr, graphics, self._path.config.working_pixels)

    def reduced(self, sdr: Tensor) -> Tensor:
        """SDR [B,3,H,W] at the size that the model works at."""
        return reduce_to(sdr, self._path.config.working_pixels)

    def seen_twice(self, stops: Tensor, reduced: Tensor, sampling: Sampling, clock: StageClock, tone: Tone) -> Tensor:
        """Stops [B,1,h,w] that the transformer found in reduced pictures, with those that it finds in a second view."""
        if not self._path.config.test_time_augmentation or self._path.bypass:
            return stops

        def find(view: Tensor) -> Tensor:
            made = self._path.generate(view, sampling, clock, None, tone)
            with clock("decode_latents"):
                begun = self._network.decode_latents(made.z_start)[..., : view.shape[-2], : view.shape[-1]]
            return stops_between(made.hdr_pq, self._network.to_pq(begun))

        return mean_of_views(stops, reduced, self._path.config.vae_stride, find)

    def steadied(self, seen: Tensor, asked: FramePass) -> Tone:
        """A shot's tone, the frame's own, or their mixture, found on the picture that the model will see; as much of it
        as ``settings.auto_tone`` says."""
        settings, tone = asked.settings, asked.tone
        share = 0.0 if tone is None else settings.temporal_stability
        if tone is not None and share == 1.0:
            return toned(tone, settings.auto_tone)
        placement, knots = self._path.placement(seen, settings), None
        if share > 0.0:
            _, z, _ = self._path.latents(seen, asked.sampling, asked.clock, asked.on_step, placement)
            knots = self._network.knots(z)
        own = Tone(placement=placement, knots=knots)
        found = own if tone is None or share == 0.0 else mix([tone, own], [share, 1.0 - share])
        return toned(found, settings.auto_tone)

    def estimate(self, smooth: Tensor, asked: FramePass, graphics: Sequence[Graphics | None]) -> FrameGain:
        """What the model makes of a debanded picture [B,3,h,w]; of one without clipped pixels, or whose shot has the
        stops of its highlights, the tone curve alone."""
        settings, clock, tone = asked.settings, asked.clock, asked.tone
        with clock("reduce"):
            reduced = self.reduced(smooth)
            clipped = self.clipped_shares(smooth, graphics) if self.recovers else None
        if clipped is not None and settings.detail == 1.0:
            if not clipped.any() or not settings.highlight_recovery:
                return self._placed(reduced, self.steadied(reduced, asked), None, clipped)
            if tone is not None and tone.stops is not None:
                return self._placed(reduced, self.steadied(reduced, asked), tone.stops.to(clipped), clipped)
        share = settings.temporal_stability if tone is not None and tone.placement is not None else 0.0
        light = self._generated(reduced, clipped, asked, self.steadied(reduced, asked))
        return light if self.recovers else with_tone_of_the_shot(light, share)

    def _generated(self, reduced: Tensor, clipped: Tensor | None, asked: FramePass, tone: Tone) -> FrameGain:
        """The direct path's of a reduced picture [B,3,h,w]: a gain everywhere, or where pixels are ``clipped``."""
        model, clock = self._network, asked.clock
        made = self._path.generate(reduced, asked.sampling, clock, asked.on_step, tone)
        with clock("decode_latents"):
            begun = model.decode_latents(made.z_start)[..., : reduced.shape[-2], : reduced.shape[-1]]
        with clock("detail"):
            base_pq, before = model.to_pq(model.start(reduced, made.placement)), model.to_pq(begun)
        if clipped is None:
            gain = gain_between(made.hdr_pq, before, base_pq)
        else:
            own = Tone(placement=made.placement, knots=made.knots)
            stops = self.seen_twice(stops_between(made.hdr_pq, before), reduced, asked.sampling, clock, own)
            gain = placed_stops(region_stops(stops, reduced, clipped), clipped, self._white(reduced, made.placement))
        return FrameGain(reduced=reduced, base_pq=base_pq, hdr_pq=made.hdr_pq, gain=gain, placement=made.placement)

    def _placed(self, reduced: Tensor, tone: Tone, stops: Tensor | None, clipped: Tensor) -> FrameGain:
        """The light of a frame for which the transformer is not asked: the placement's, and ``stops`` [1,1,h,w] between
        key frames where pixels are clipped."""
        model, placement = self._network, tone.placement
        base_pq = model.to_pq(model.start(reduced, placement))
        gain = torch.zeros_like(base_pq)
        if stops is not None:
            gain = placed_stops(resized(stops, clipped), clipped, self._white(reduced, placement))
        return FrameGain(reduced=reduced, base_pq=base_pq, hdr_pq=base_pq, gain=gain, placement=placement)

    def _white(self, reduced: Tensor, placement: ToneCurve | None) -> Tensor:
        """Where the largest code of each frame is placed: PQ/BT.2020 [B,3,1,1]."""
        model = self._network
        return model.to_pq(model.start(torch.ones_like(reduced[..., :1, :1]), placement))
