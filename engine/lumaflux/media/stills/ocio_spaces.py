"""Colour spaces of a user's OpenColorIO configuration, to the model's input and from its output.

Configurations meet in their interchange roles. Where the user's space is of a display, light is absolute there; where
it is of a scene, 1 is white on the way in and reference white on the way out.
"""

import os
from importlib import import_module
from typing import Any

import numpy as np

from lumaflux.color import bt1886, pq
from lumaflux.color.sdr_to_pq import REFERENCE_WHITE_NITS
from lumaflux.errors import UserError

_BUILT_IN = "cg-config-v2.1.0_aces-v1.3_ocio-v2.3"
_SDR_DISPLAY, _HDR_DISPLAY = "Rec.1886 Rec.709 - Display", "Rec.2100-PQ - Display"
_SDR_SCENE, _HDR_SCENE = "Linear Rec.709 (sRGB)", "Linear Rec.2020"


class OcioSpaces:
    """``config`` is a file, or a built-in configuration by its name (``ocio://...``).

    Raises UserError for a configuration that cannot be read and for a space that is not in it.
    """

    def __init__(self, config: str, input_space: str | None, output_space: str | None):
        self._ocio: Any = import_module("PyOpenColorIO")  # binary module without type information
        self._errors = (self._ocio.Exception, self._ocio.ExceptionMissingFile)
        try:
            self._config = self._ocio.Config.CreateFromFile(os.fspath(config))
            self._built_in = self._ocio.Config.CreateFromBuiltinConfig(_BUILT_IN)
        except self._errors as error:
            raise UserError(f"{config} is no OpenColorIO configuration that can be read ({_first(error)})") from None
        self._name = config
        self._in = self._out = None
        if input_space is not None:
            self._in_is_display = self._is_display(input_space)
            reference = _SDR_DISPLAY if self._in_is_display else _SDR_SCENE
            self._in = self._processor(self._config, input_space, self._built_in, reference)
        if output_space is not None:
            self._out_is_display = self._is_display(output_space)
            reference = _HDR_DISPLAY if self._out_is_display else _HDR_SCENE
            self._out = self._processor(self._built_in, reference, self._config, output_space)

    def _is_display(self, space: str) -> bool:
        found = self._config.getColorSpace(space)
        if found is None:
            names = ", ".join(list(self._config.getColorSpaceNames())[:8])
            raise UserError(f"{self._name} has no colour space '{space}'; its first are {names}")
        return found.getReferenceSpaceType() == self._ocio.REFERENCE_SPACE_DISPLAY

    def _processor(self, source: Any, source_space: str, target: Any, target_space: str) -> Any:
        try:
            made = self._ocio.Config.GetProcessorFromConfigs(source, source_space, target, target_space)
            return made.getDefaultCPUProcessor()
        except self._errors as error:
            raise UserError(
                f"{self._name} does not lead from '{source_space}' to '{target_space}' ({_first(error)}); its "
                "interchange roles must be set."
            ) from None

    def sdr(self, values: np.ndarray) -> np.ndarray:
        """R'G'B' for BT.1886 float32 [3,H,W] in [0,1] of values [3,H,W] in the input space."""
        if self._in is None:
            return values
        found = _apply(self._in, values).clip(0, 1)
        return found if self._in_is_display else bt1886.inverse_eotf(found, white_nits=1.0).astype(np.float32)

    @property
    def converts_output(self) -> bool:
        return self._out is not None

    def output(self, hdr_pq: np.ndarray) -> np.ndarray:
        """Values [3,H,W] in the output space of PQ BT.2020 R'G'B' [3,H,W] in [0,1]."""
        if self._out is None:
            return hdr_pq
        values = hdr_pq if self._out_is_display else (pq.eotf(hdr_pq) / REFERENCE_WHITE_NITS)
        return _apply(self._out, values)


def _apply(processor: Any, values: np.ndarray) -> np.ndarray:
    pixels = np.ascontiguousarray(np.moveaxis(values, 0, -1), dtype=np.float32)
    processor.applyRGB(pixels)
    return np.ascontiguousarray(np.moveaxis(pixels, -1, 0))


def _first(error: Exception) -> str:
    return str(error).strip().splitlines()[0].rstrip(".") if str(error).strip() else "no reason given"
