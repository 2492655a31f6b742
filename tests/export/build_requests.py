"""Requests for engine bundles: lite for ONNX Runtime on a CPU, but for what a test changes."""

from pathlib import Path
from typing import Any

from lumaflux.export.build import Request

SIZES = ((64, 64), (256, 256), (512, 512))


def request(out: Path, **changes: Any) -> Request:
    """A request for a bundle in ``out``; ``changes``: fields of Request."""
    usual: dict[str, Any] = {
        "model": "lite",
        "adapters": None,
        "backbone": None,
        "precision": "fp32",
        "target": "cpu",
        "backend": "ort",
        "sizes": SIZES,
        "calibration": None,
        "out": out,
    }
    return Request(**{**usual, **changes})
