"""One frame as an effect sees it: host pixels in, host pixels out. Worker and embedded engine call the same."""

import gc
import logging
import os
from collections.abc import Callable, Hashable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import xxhash

from lumaflux.color import bt1886, pq
from lumaflux.color.sdr_to_pq import sdr_to_pq
from lumaflux.color.spaces import from_nits, to_nits
from lumaflux.color.srgb import srgb_to_bt1886
from lumaflux.errors import UserError
from lumaflux.inference.weights import rendering_identity
from lumaflux.options import ModelOptions
from lumaflux.render.frame_renderer import FrameRenderer
from lumaflux.render.tones import Tones
from lumaflux.service.cache import FrameCache
from lumaflux.service.parameters import LINEAR, RenderParameters
from lumaflux.service.tracks import Tracks
from lumaflux.threads import trim_heaps
from lumaflux.torch_import import import_torch

if TYPE_CHECKING:
    from lumaflux.inference.converter import Converter

CACHE_BYTES = 512 << 20
DRAFT_PIXELS = 1 << 17  # what a draft is rendered at: a thumbnail must not start a minute of work
_BACKENDS = {
    "TorchBackend": "PyTorch",
    "OffloadingBackend": "PyTorch with weights in main memory",
    "OnnxRuntimeBackend": "ONNX Runtime",
    "TensorRTBackend": "TensorRT",
}
_LARGEST_LINEAR, _LARGEST_LOG = 1000.0, 1.0  # of an input; beyond lies no light of a picture, and curves stay finite

log = logging.getLogger(__name__)


class ModelError(UserError):
    """A model cannot be loaded; the message says why and what to do."""


@dataclass(frozen=True, kw_only=True)
class Rendered:
    """``pixels`` have the source's shape and type; ``cached``: the engine's part came from the cache. ``backend``: what
    ran the model, "" where none was needed. ``track``: whether a tone track set the tone."""

    pixels: np.ndarray
    cached: bool
    backend: str = ""
    track: bool = False


class Renderer:
    """One loaded model, which changes when another is asked for, and the cache of what it made. For one thread."""

    def __init__(self, options: ModelOptions | None = None, *, cache_bytes: int = CACHE_BYTES):
        """``options``: those of `lumaflux serve`; adapters, a backbone and an engine are of the model named there."""
        options = options or ModelOptions()
        if options.engine is None and (named := os.environ.get("LUMAFLUX_ENGINE")):
            options = replace(options, engine=Path(named))
        self.options = options
        self.cache = FrameCache(cache_bytes)
        self.tracks = Tracks()
        self.loading = ""  # the model that is being loaded just now; read by other threads
        self._loaded: tuple[Hashable, Converter, str] | None = None

    @property
    def backend(self) -> str:
        """What runs the model that is in memory, and where: "PyTorch on cpu"; "" without one."""
        if self._loaded is None:
            return ""
        backend = self._loaded[1].backend
        kind = type(backend).__name__
        return f"{_BACKENDS.get(kind, kind)} on {backend.device}"

    @property
    def model(self) -> str:
        """The model that is in memory, as a frame names it; "" without one."""
        return self._loaded[2] if self._loaded is not None else ""

    @property
    def ready(self) -> bool:
        """Whether a model is in memory."""
        return self._loaded is not None

    def options_of(self, model: str) -> ModelOptions:
        """What a model is loaded with that a frame names."""
        if model == self.options.model:
            return self.options
        return replace(self.options, model=model, adapters=None, backbone=None)

    def load(self, model: str) -> "Converter":
        """The converter of a model, kept in memory instead of the one before. Raises ModelError."""
        options = self.options_of(model)
        identity = rendering_identity(options)
        if self._loaded is None or self._loaded[0] != identity:
            import_torch()
            from lumaflux.inference.load import load_chosen

            self._loaded = None  # before the next one comes: two of the largest need not fit
            self.loading = model
            try:
                converter = load_chosen(options)
            except UserError as error:
                raise ModelError(str(error)) from None
            finally:
                self.loading = ""
            self._loaded = identity, converter, model
            log.info("loaded %s on %s", model, converter.backend.device)
        return self._loaded[1]

    def free(self) -> None:
        """Gives back the memory of the model, of the frames that were kept and of the tracks. The libraries stay."""
        import torch

        self._loaded = None
        self.cache.clear()
        self.tracks = Tracks()
        gc.collect()
        if torch.cuda.is_initialized():
            torch.cuda.empty_cache()
        trim_heaps()

    def render_frame(
        self,
        pixels: np.ndarray,
        parameters: RenderParameters,
        *,
        premultiplied: bool = False,
        draft: bool = False,
        on_step: Callable[[], None] | None = None,
        out: np.ndarray | None = None,
    ) -> Rendered:
        """Pixels [H,W,3|4] of float32, float16, uint16 or uint8, top row first, in the input space -> the same in
        the output space, alpha untouched.

        The pixels of ``result`` in PQ are those of ``Converter.render``. ``draft``: one step at a small size.
        ``on_step`` is called after every step of the sampler; what it raises ends the rendering. ``out``: where the
        result goes, a new array if None; it may be ``pixels``.
        Raises UserError (ModelError for a model that cannot be loaded) and MemoryError.
        """
        if pixels.ndim != 3 or pixels.shape[2] not in (3, 4) or 0 in pixels.shape:
            raise UserError(f"a frame must have the shape [H,W,3] or [H,W,4], but has {pixels.shape}")
        out = np.empty_like(pixels) if out is None else out
        if pixels.dtype.kind == "u" and parameters.output_space in LINEAR and not parameters.bypass:
            bits = 8 * pixels.itemsize
            raise UserError(f"linear output ends at white in {bits} bits; set the clip to float, or choose PQ BT.2020")
        if parameters.bypass:
            if out is not pixels:
                out[:] = pixels
            return Rendered(pixels=out, cached=False)
        from lumaflux.service.samples import planes_of, write_planes
        from lumaflux.service.views import view_of

        tones, place, of_track = self.tracks.of(parameters, self.options_of(parameters.model))
        parameters = replace(parameters, settings=tones.at(place, parameters.settings)[0])
        frame_key = _frame_key(pixels, parameters.input_space, premultiplied)
        key = (frame_key, of_track, *self._engine_key(parameters, draft))
        result_pq, sdr = self.cache.get(key), None
        wants_matte = parameters.view == "confidence"
        matte = self.cache.get((*key, "matte")) if wants_matte else None
        cached = result_pq is not None and (matte is not None or not wants_matte)
        if result_pq is None or not cached:
            mattes: list[np.ndarray] = []
            sdr = sdr_of(planes_of(pixels, premultiplied=premultiplied), parameters.input_space)
            on_matte = mattes.append if wants_matte else None
            if of_track is not None:
                self.tracks.check_picture(parameters, sdr)
            result_pq = self._convert(sdr, parameters, draft, on_step, tones, place, on_matte)
            self.cache.put(key, result_pq)
            if mattes:
                matte = mattes[0]
                self.cache.put((*key, "matte"), matte)
        if parameters.view != "result":
            if sdr is None:
                sdr = sdr_of(planes_of(pixels, premultiplied=premultiplied), parameters.input_space)
            result_pq = view_of(parameters.view, result_pq, sdr, parameters.settings.reference_white, matte)
        planes = in_output_space(result_pq, parameters.output_space, parameters.settings.reference_white)
        write_planes(planes, pixels, out, premultiplied=premultiplied)
        backend = "" if parameters.settings.strength == 0.0 else self.backend
        return Rendered(pixels=out, cached=cached, backend=backend, track=of_track is not None)

    def _engine_key(self, parameters: RenderParameters, draft: bool) -> tuple[Hashable, ...]:
        return parameters.settings, rendering_identity(self.options_of(parameters.model)), draft

    def _convert(
        self,
        sdr: np.ndarray,
        parameters: RenderParameters,
        draft: bool,
        on_step: Callable[[], None] | None,
        tones: Tones,
        place: int,
        on_matte: Callable[[np.ndarray], None] | None = None,
    ) -> np.ndarray:
        settings = parameters.settings
        if settings.strength == 0.0:  # needs no model
            if on_matte is not None:
                on_matte(np.stack([np.ones_like(sdr[0]), np.zeros_like(sdr[0]), np.zeros_like(sdr[0])]))
            return sdr_to_pq(sdr, settings.reference_white)
        converter = self.load(parameters.model)
        try:
            if draft:
                renderer = FrameRenderer(converter=converter, settings=replace(settings, steps=1), tones=tones)
                return _draft(renderer, place, sdr, on_step, on_matte)
            renderer = FrameRenderer(converter=converter, settings=settings, tones=tones)
            return renderer.render(place, sdr, on_step, on_matte)[0]
        except RuntimeError as error:  # torch.OutOfMemoryError is one; the CPU's allocator says it in words
            if "out of memory" in str(error).lower() or "allocate memory" in str(error):
                raise MemoryError(str(error)) from None
            raise


def _draft(
    renderer: FrameRenderer,
    place: int,
    sdr: np.ndarray,
    on_step: Callable[[], None] | None,
    on_matte: Callable[[np.ndarray], None] | None,
) -> np.ndarray:
    import torch

    from lumaflux.inference.detail import enlarge, reduce_to

    reduced = reduce_to(torch.as_tensor(sdr)[None], DRAFT_PIXELS)[0].numpy()
    size = (sdr.shape[1], sdr.shape[2])

    def enlarged(picture: np.ndarray) -> np.ndarray:
        return enlarge(torch.as_tensor(picture)[None], size)[0].numpy()

    whole = None if on_matte is None else lambda matte: on_matte(enlarged(matte))
    return enlarged(renderer.render(place, reduced, on_step, whole)[0])


def sdr_of(planes: np.ndarray, space: str) -> np.ndarray:
    """Finite planes [3,H,W] in a named space -> BT.709/BT.1886 SDR in [0,1]; light beyond diffuse white clips."""
    if space == "bt709-bt1886":
        return planes.clip(0.0, 1.0)
    if space == "srgb":
        return srgb_to_bt1886(planes.clip(0.0, 1.0)).astype(np.float32)
    largest = _LARGEST_LOG if space in ("davinci-intermediate", "acescct") else _LARGEST_LINEAR
    nits = to_nits(planes.clip(-largest, largest), space, 1.0)
    linear = from_nits(nits, "linear-bt709", 1.0).clip(0.0, 1.0)
    return bt1886.inverse_eotf(linear, white_nits=1.0).clip(0.0, 1.0).astype(np.float32)


def in_output_space(result_pq: np.ndarray, space: str, reference_white: float) -> np.ndarray:
    """PQ/BT.2020 [3,H,W] in a named space; where that is relative, 1 is ``reference_white``. HLG ends at 1000 cd/m2."""
    if space == "pq-bt2020":
        return result_pq
    return np.asarray(from_nits(pq.eotf(result_pq), space, reference_white), np.float32)


def _frame_key(pixels: np.ndarray, input_space: str, premultiplied: bool) -> Hashable:
    digest = xxhash.xxh3_128_digest(np.ascontiguousarray(pixels).data.cast("B"))
    return digest, pixels.shape, pixels.dtype.str, input_space, premultiplied
