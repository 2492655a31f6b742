"""Proves that an installed effect will work: a worker started as the effect starts it, and frames it must get right."""

import contextlib
import secrets
import sys
from dataclasses import dataclass

import numpy as np

from lumaflux.color.sdr_to_pq import sdr_to_pq
from lumaflux.errors import UserError
from lumaflux.service import runtime
from lumaflux.service.client import Client, EngineGoneError, connect_or_start
from lumaflux.version import __version__

_HEIGHT, _WIDTH = 54, 96
_CODE = 1 / 65535


@dataclass(frozen=True, kw_only=True)
class Proof:
    """``started``: no worker ran before. ``seconds``: of the first frame, without the start."""

    pid: int
    python: str
    started: bool
    seconds: float


def self_test(
    python: str = sys.executable, *, directory: runtime.RuntimeDirectory | None = None, model: str = "lite"
) -> Proof:
    """Renders a ramp through a worker and checks it: the static placement to one code of 16 bits, the model's frame
    for light that is finite, in range and not the placement, and alpha bit for bit.

    A worker of another version is asked to leave first. Raises UserError that says what failed.
    """
    directory = directory or runtime.open_runtime_directory()
    end_worker(directory, other_than=__version__)
    client, process = connect_or_start(directory, python, "--model", model, version=__version__)
    with client:
        frame, seed = ramp(), secrets.randbelow(2**31)  # a frame that no cache holds
        sdr = np.ascontiguousarray(frame[..., :3].transpose(2, 0, 1))
        placed = _rendered(client, frame, {"strength": 0.0, "model": model}).transpose(2, 0, 1)
        worst = float(np.abs(placed[:3] - sdr_to_pq(sdr)).max())
        if worst > _CODE:
            raise UserError(
                f"the self-test failed: the static placement is off by {worst / _CODE:.1f} codes of 16 bits"
            )
        answer = client.render(frame, {"model": model, "seed": seed}, priority="interactive")
        lit = _checked(answer.pixels, frame).transpose(2, 0, 1)
        if not (lit[:3].min() >= 0.0 and lit[:3].max() <= 1.0):
            raise UserError("the self-test failed: the result is no PQ signal")
        if np.abs(lit - placed).max() < 10 * _CODE:
            raise UserError("the self-test failed: the model does nothing")
        return Proof(
            pid=client.welcome["pid"],
            python=client.welcome["python"],
            started=process is not None,
            seconds=answer.seconds,
        )


def end_worker(directory: runtime.RuntimeDirectory, *, other_than: str | None = None) -> bool:
    """Asks the worker to leave, if one runs whose version is another; whether it did ask."""
    with contextlib.suppress(EngineGoneError), Client(directory) as client:
        if client.welcome["version"] != other_than:
            client.shutdown()
            return True
    return False


def ramp() -> np.ndarray:
    """A ramp of colours with clipped light and falling alpha, float32 [H,W,4]."""
    x, y = np.meshgrid(np.linspace(0, 1, _WIDTH), np.linspace(0, 1, _HEIGHT))
    colours = np.stack([x, 0.5 * (x + y), y, 1 - 0.5 * y], axis=-1).astype(np.float32)
    colours[:10, -20:, :3] = 1.0
    return colours


def _rendered(client: Client, frame: np.ndarray, params: dict[str, float | str]) -> np.ndarray:
    return _checked(client.render(frame, params, priority="interactive").pixels, frame)


def _checked(pixels: np.ndarray | None, frame: np.ndarray) -> np.ndarray:
    if pixels is None or not np.isfinite(pixels).all():
        raise UserError("the self-test failed: the engine gave no picture, or one that holds no numbers")
    if not np.array_equal(pixels[..., 3], frame[..., 3]):
        raise UserError("the self-test failed: alpha was changed")
    return pixels
