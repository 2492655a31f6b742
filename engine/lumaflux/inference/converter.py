"""One frame from SDR to HDR: ``convert`` is the paper's direct path, ``render`` the product's, with its controls."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Generic, TypeVar

import numpy as np
import torch
from torch import Tensor

from lumaflux.backends.network import Backend
from lumaflux.color.sdr_to_pq import sdr_to_pq
from lumaflux.errors import UserError
from lumaflux.inference.active_area import Area, find_area, in_frame, without_bars
from lumaflux.inference.composition import GainGrid, compose
from lumaflux.inference.confidence import added_stops, in_whole, invented_highlights, mask_for, permitted, shares
from lumaflux.inference.debanding import deband
from lumaflux.inference.detail import clipping, enlarge
from lumaflux.inference.direct_path import DirectPath, StageClock
from lumaflux.inference.gain_blending import FrameGain
from lumaflux.inference.gain_estimate import FramePass, GainEstimator
from lumaflux.inference.graphics import Graphics, at_graphics_white, find_graphics, unclipped
from lumaflux.inference.highlights import invented, region_stops
from lumaflux.inference.inverse import Lighting
from lumaflux.inference.key_tones import stops_of, unlit_tone
from lumaflux.inference.look import apply_look, expose
from lumaflux.inference.sampler import Sampling
from lumaflux.inference.tiles import tile_side
from lumaflux.inference.tone import Tone
from lumaflux.model.spline import Knots
from lumaflux.model.tone_predictor import ToneCurve
from lumaflux.settings import Settings

Frame = TypeVar("Frame", np.ndarray, Tensor)


@dataclass(frozen=True, kw_only=True)
class Conversion(Generic[Frame]):
    """What `Converter.convert` gives.

    Attributes:
        hdr_pq: PQ/BT.2020 R'G'B' in [0, 1], float32, of the input's shape: a NumPy array for a NumPy array, a tensor on
            the model's device for a tensor.
        vae_pq: The same before the tone field.
        knots: The tone field's spline, one for each frame.
        timings: Seconds by stage: condition, sample, decode_latents, tone_field.
    """

    hdr_pq: Frame
    vae_pq: Frame
    knots: Knots
    timings: dict[str, float]


@dataclass(frozen=True, kw_only=True)
class RenderHooks:
    """Who is told of what while a frame is rendered; what any of them raises ends the rendering.

    Attributes:
        on_step: Called after every step of the sampler: so a frame is cancelled.
        on_matte: Given what is measured, extended and invented of the result, ``[B, 3, H, W]``
            (lumaflux.inference.confidence).
        on_lighting: Given what leads from one frame's result back to it (lumaflux.inference.inverse).
    """

    on_step: Callable[[], None] | None = None
    on_matte: Callable[[Tensor], None] | None = None
    on_lighting: Callable[[Lighting], None] | None = None


@dataclass(frozen=True, kw_only=True)
class _Relit:
    """The active area in the model's light, PQ/BT.2020 [B,3,h,w], and what gave it: ``light``, None where the network
    made every pixel, and the tone curve."""

    hdr_pq: Tensor
    light: FrameGain | None
    placement: ToneCurve | None


class Converter:
    """A loaded model. Holds no state between frames: the same frame gives the same pixels in any order.

    ``bypass`` leaves the transformer out, z(0) = z(1) without noise: what the frame is worth without it. ``tile``:
    "auto", "none" or pixels a side, of the tiles that larger frames pass the network in (lumaflux.inference.tiles).
    ``key_batch``: how many key frames of a track pass it at a time. ``others``: the same model on further devices.
    """

    def __init__(self, backend: Backend, *, bypass: bool = False, tile: str | int = "auto", key_batch: int = 1):
        self.backend, self.bypass, self.key_batch = backend, bypass, key_batch
        self.config, self.others = backend.config, tuple[Converter, ...]()
        self.tile = tile_side(tile, self.config)
        self._path = DirectPath(backend, bypass=bypass, tile=self.tile)
        self._gain = GainEstimator(self._path)

    @torch.inference_mode()
    def convert(
        self, frame: Frame, steps: int | None = None, noise: np.ndarray | Tensor | None = None, *, seed: int = 0
    ) -> Conversion[Frame]:
        """The paper's path: every pixel is decoded from the latents. `render` is the product's.

        Args:
            frame: BT.709/BT.1886 SDR R'G'B' in [0, 1], floating point of any width, ``[3, H, W]`` or
                ``[B, 3, H, W]``, NumPy or torch, of any size. Values outside are clipped.
            steps: Steps of the sampler; the model's own number by default, and for 0.
            noise: The bridge's standard normal start, of the latents' shape; drawn from ``seed`` by default.
            seed: Of the noise.

        Returns:
            The picture, and what led to it.

        Raises:
            UserError: A frame of another shape, of integers, or with NaN or infinite values; noise of another shape;
                steps that are not 0 to 1000, or a seed that is not 0 to 2147483647.

        Examples:
            >>> import numpy as np, lumaflux
            >>> lumaflux.load("lite", device="cpu").convert(np.zeros((3, 32, 48), np.float32), steps=1).hdr_pq.shape
            (3, 32, 48)
        """
        clock = StageClock()
        made = self._path.generate(self._batch(frame), Sampling(steps=steps, noise=noise, seed=seed), clock)
        return Conversion(
            hdr_pq=_like(made.hdr_pq, frame), vae_pq=_like(made.vae_pq, frame), knots=made.knots, timings=clock.seconds
        )

    @torch.inference_mode()
    def tone_of(
        self,
        frame: np.ndarray | Tensor,
        settings: Settings | None = None,
        area: Area | None = None,
        *,
        clipped: Tensor | None = None,
    ) -> Tone:
        """The tone that an SDR frame, or each of a batch, asks for by itself, found on its reduced picture.

        ``area``: what of it is picture, between black bars; found if None. ``clipped``: the share of each reduced pixel
        that is clipped (``clipped_shares``), and the tone has the stops of highlights; nothing is decoded without.
        """
        settings, sdr = settings or Settings(), self._batch(frame)
        area = area or find_area(sdr[0])
        reduced = self.reduced(area.of(sdr))
        placement = self._path.placement(reduced, settings)
        unlit = unlit_tone(self.backend.network, placement, area, clipped, len(sdr))
        if unlit is not None:
            return unlit
        begun, z, placement = self._path.latents(reduced, Sampling.of(settings), StageClock(), None, placement)
        tone = Tone(placement=placement, knots=self.backend.network.knots(z), area=area)
        if clipped is None or tone.knots is None:
            return tone
        twice = partial(
            self._gain.seen_twice, reduced=reduced, sampling=Sampling.of(settings), clock=StageClock(), tone=tone
        )
        found = stops_of(self.backend.network, begun, z, tone.knots, clipped, twice)
        return replace(tone, stops=region_stops(found, reduced, clipped).clamp(min=0))

    @property
    def recovers(self) -> bool:
        """Whether the transformer finds the light of clipped pixels, and nothing else of a frame."""
        return self._gain.recovers

    def clipped_shares(self, sdr: Tensor, graphics: Sequence[Graphics | None] = ()) -> Tensor:
        """SDR [B,3,H,W] -> how much of each reduced pixel is clipped and no graphics, [B,1,h,w] in [0,1]."""
        return self._gain.clipped_shares(sdr, graphics)

    def reduced(self, sdr: Tensor) -> Tensor:
        """SDR [B,3,H,W] at the size that the model works at."""
        return self._gain.reduced(sdr)

    def render(self, frame: Frame, settings: Settings | None = None, tone: Tone | None = None) -> Frame:
        """The product's path: the model's light on the source's own detail.

        Args:
            frame: As for `convert`.
            settings: The look; the defaults if None.
            tone: Takes the place of the frame's own, as a tone track's does, so that a shot does not pump; as far as
                ``settings.temporal_stability`` says.

        Returns:
            PQ/BT.2020 R'G'B' in [0, 1], where 1 is 10000 cd/m2: float32, of the frame's shape, a NumPy array for a
            NumPy array, a tensor on the model's device for a tensor.

        Raises:
            UserError: A frame of another shape, of integers, or with NaN or infinite values.

        Examples:
            >>> import numpy as np, lumaflux
            >>> from lumaflux.settings import Settings
            >>> converter = lumaflux.load("lite", device="cpu")
            >>> white = np.ones((3, 32, 48), np.float32)
            >>> placed = converter.render(white, Settings(strength=0))  # static placement: white at 203 cd/m2
            >>> round(float(placed.mean()), 3)
            0.581
        """
        return self.render_timed(frame, settings or Settings(), tone=tone)[0]

    @torch.inference_mode()
    def render_timed(
        self,
        frame: Frame,
        settings: Settings,
        hooks: RenderHooks | None = None,
        *,
        tone: Tone | None = None,
        light: FrameGain | None = None,
        mask: np.ndarray | Tensor | None = None,
    ) -> tuple[Frame, dict[str, float]]:
        """``render``, with the seconds of each stage.

        ``light`` is the frame's by ``light_timed``, blended with its neighbours'; where ``settings.detail`` is 0 there
        is none to take. ``mask`` [H,W] in [0,1]: how far invention is permitted, 0 never. Raises UserError for a mask
        of another size, and for light with no way back where ``hooks`` ask for one.
        """
        hooks = hooks or RenderHooks()
        sdr, clock = self._batch(frame), StageClock()
        allowed = None if mask is None else mask_for(mask, sdr)
        if settings.strength == 0.0:
            return _like(_placed_alone(sdr, settings, hooks), frame), {}
        areas = [_area(one, tone) for one in sdr]
        if any(area != areas[0] for area in areas):  # pictures of several films
            return _like(self._one_by_one(sdr, settings, hooks, tone, mask), frame), {}
        if allowed is not None and not allowed.any():
            settings = replace(settings, detail=1.0, highlight_recovery=0.0)
        asked = FramePass(settings=settings, clock=clock, on_step=hooks.on_step, tone=tone)
        with clock("area"):
            area = areas[0]
            active, sdr = area.of(sdr), without_bars(sdr, area)
        with clock("graphics"):
            graphics = self._graphics(active, settings)
        relit = self._relit(active, graphics, asked, light)
        allowed = None if allowed is None else area.of(allowed)
        if hooks.on_lighting is not None:
            hooks.on_lighting(self._way_back(active, relit, area, settings, allowed))
        hdr_pq = relit.hdr_pq
        if allowed is not None:
            with clock("detail"):
                hdr_pq = permitted(hdr_pq, self._on_the_curve(deband(active), active, relit.placement), allowed)
        with clock("graphics"):
            hdr_pq = at_graphics_white(hdr_pq, active, graphics)
        with clock("look"):
            graded = apply_look(in_frame(hdr_pq, sdr, area), sdr, settings)
        if hooks.on_matte is not None:
            with clock("matte"):
                made = in_whole(self._invented(active, relit.light, settings, allowed, graphics), area, *sdr.shape[-2:])
                hooks.on_matte(shares(made, graded, settings.reference_white))
        return _like(graded, frame), clock.seconds

    def _one_by_one(
        self,
        sdr: Tensor,
        settings: Settings,
        hooks: RenderHooks,
        tone: Tone | None,
        mask: np.ndarray | Tensor | None,
    ) -> Tensor:
        """Pictures whose bars differ, [B,3,H,W], each rendered alone; their mattes go on together."""
        mattes: list[Tensor] = []
        each = RenderHooks(on_step=hooks.on_step, on_matte=None if hooks.on_matte is None else mattes.append)
        alone = [self.render_timed(one[None], settings, each, tone=tone, mask=mask)[0] for one in sdr]
        if hooks.on_matte is not None:
            hooks.on_matte(torch.cat(mattes))
        return torch.cat(alone)

    def _relit(
        self, active: Tensor, graphics: Sequence[Graphics | None], asked: FramePass, light: FrameGain | None
    ) -> _Relit:
        """What is picture of a frame [B,3,h,w], in the model's light; in ``light`` where it is given."""
        if asked.settings.detail == 0.0:
            tone = self._gain.steadied(active, asked)
            made = self._path.generate(active, asked.sampling, asked.clock, asked.on_step, tone)
            return _Relit(hdr_pq=made.hdr_pq, light=light, placement=tone.placement)
        with asked.clock("reduce"):
            smooth = deband(active)
        light = light or self._gain.estimate(smooth, asked, graphics)
        relit = self._with_source_detail(smooth, active, light, asked)  # in the memory of smooth
        return _Relit(hdr_pq=relit, light=light, placement=light.placement)

    def _way_back(
        self, active: Tensor, relit: _Relit, area: Area, settings: Settings, allowed: Tensor | None
    ) -> Lighting:
        """Raises UserError where light does not follow from the codes by the curve and the stops of highlights."""
        if relit.light is None or relit.placement is None or not self.recovers:
            raise UserError("--sdr-exact needs a model with a tone predictor, such as lite, and --detail source")
        stops = added_stops(active, relit.light.gain, settings.highlight_recovery, allowed)
        return Lighting(placement=relit.placement, stops=stops, area=area)

    @torch.inference_mode()
    def invented(self, frame: Frame, settings: Settings | None = None) -> Frame:
        """How much of each pixel of `render` the model invents.

        Graphics are as white as paper, and nothing about them is invented.

        Args:
            frame: As for `render`.
            settings: The look that the frame is rendered with; the defaults if None.

        Returns:
            ``[1, H, W]`` or ``[B, 1, H, W]`` in [0, 1], float32, NumPy or torch as the frame: 0 where a pixel's light
            follows from its code by the tone alone, 1 where the source says nothing about it.

        Raises:
            UserError: As of `render`.

        Examples:
            >>> import numpy as np, lumaflux
            >>> converter = lumaflux.load("lite", device="cpu")
            >>> grey = np.full((3, 32, 48), 0.5, np.float32)  # nothing of it is clipped
            >>> float(converter.invented(grey).max())
            0.0
        """
        settings, sdr = settings or Settings(), self._batch(frame)
        return _like(invented(unclipped(clipping(sdr), self._graphics(sdr, settings)), settings), frame)

    @torch.inference_mode()
    def light_timed(
        self, frame: np.ndarray | Tensor, settings: Settings, *, tone: Tone | None = None
    ) -> tuple[FrameGain, dict[str, float]]:
        """What the model makes of a reduced SDR frame, with the seconds of each stage: the first half of ``render``."""
        sdr, clock = self._batch(frame), StageClock()
        active = _area(sdr[0], tone).of(sdr)
        with clock("graphics"):
            graphics = self._graphics(active, settings)
        with clock("reduce"):
            smooth = deband(active)
        return self._gain.estimate(
            smooth, FramePass(settings=settings, clock=clock, tone=tone), graphics
        ), clock.seconds

    def _graphics(self, active: Tensor, settings: Settings) -> list[Graphics | None]:
        """The graphics of each frame, as far as ``settings`` keep their white; None where there are none."""
        return [find_graphics(one) if settings.graphics_white == "auto" else None for one in active]

    def _with_source_detail(self, smooth: Tensor, sdr: Tensor, light: FrameGain, asked: FramePass) -> Tensor:
        model, settings = self.backend.network, asked.settings
        with asked.clock("detail"):
            reduced = GainGrid.of_highlights(light.gain) if self.recovers else GainGrid.of(light.gain, light.base_pq)

            def place(codes: Tensor) -> Tensor:
                return model.to_pq(model.start(codes, light.placement))

            recovery = settings.highlight_recovery
            relit = compose(smooth, sdr, place, reduced, recovery, light.placement, into_smooth=True)
            if settings.detail < 1.0:
                relit = torch.lerp(enlarge(light.hdr_pq, (sdr.shape[-2], sdr.shape[-1])), relit, settings.detail)
        return relit

    def _on_the_curve(self, smooth: Tensor, sdr: Tensor, placement: ToneCurve | None) -> Tensor:
        """The frame as its placement alone lights it: of every pixel a monotone function of its code."""
        model, nothing = self.backend.network, GainGrid.of_highlights(torch.zeros_like(sdr[..., :1, :1]))

        def place(codes: Tensor) -> Tensor:
            return model.to_pq(model.start(codes, placement))

        return compose(smooth, sdr, place, nothing, 0.0, placement, into_smooth=True)

    def _invented(
        self,
        sdr: Tensor,
        light: FrameGain | None,
        settings: Settings,
        allowed: Tensor | None,
        graphics: Sequence[Graphics | None],
    ) -> Tensor:
        """How much of each pixel of the active area is invented: [B,1,h,w] in [0,1]. A gain that the network finds
        everywhere, and not for clipped pixels alone, follows no curve: all of it counts."""
        made = torch.ones_like(sdr[:, :1])
        if light is not None and self.recovers:
            found = unclipped(invented_highlights(sdr, light.gain, settings.highlight_recovery), graphics)
            made = torch.lerp(made, found, settings.detail)
        made = settings.strength * made
        return made if allowed is None else allowed * made

    def _batch(self, frame: np.ndarray | Tensor) -> Tensor:
        tensor = torch.as_tensor(frame)
        if tensor.ndim not in (3, 4) or tensor.shape[-3] != 3 or 0 in tensor.shape:
            raise UserError(f"a frame must have the shape [3,H,W] or [B,3,H,W], but has {tuple(tensor.shape)}")
        if not tensor.is_floating_point():
            raise UserError(f"a frame must be floating point R'G'B' in [0,1], but is {tensor.dtype}")
        sdr = tensor.to(self.backend.device, torch.float32)
        if not (torch.isfinite(sdr.sum()) or torch.isfinite(sdr).all()):  # a sum is cheap, and may overflow
            raise UserError("the frame holds NaN or infinite values; repair them before converting")
        inside = sdr.amin() >= 0 and sdr.amax() <= 1  # a large picture is not copied in vain
        return (sdr if sdr.ndim == 4 else sdr.unsqueeze(0)) if inside else sdr.clamp(0, 1).reshape(-1, *sdr.shape[-3:])


def _placed_alone(sdr: Tensor, settings: Settings, hooks: RenderHooks) -> Tensor:
    """The static placement of [B,3,H,W], which is all that strength 0 leaves; all of it is measured or extended."""
    placed = expose(sdr_to_pq(sdr, settings.reference_white), settings)
    if hooks.on_matte is not None:
        hooks.on_matte(shares(torch.zeros_like(placed[:, :1]), placed, settings.reference_white))
    return placed


def _area(sdr: Tensor, tone: Tone | None) -> Area:
    """What of an SDR frame [3,H,W] is picture: what its shot's tone says, or its own."""
    return find_area(sdr) if tone is None or tone.area is None else tone.area


def _like(result: Tensor, frame: Frame) -> Frame:
    shaped = result if frame.ndim == 4 else result[0]
    return shaped if isinstance(frame, Tensor) else shaped.cpu().numpy()  # pyright: ignore[reportReturnType]
