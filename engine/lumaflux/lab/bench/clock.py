"""How long a call takes on a device: replayed as a CUDA graph, between events, or as its caller waits for it.

On the CPU all three are the time of the call.
"""

import statistics
import time
from collections.abc import Callable, Sequence

import torch

_WARM_UP = 2


def synchronize(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def waited(call: Callable[[], object], rounds: int, device: torch.device) -> float:
    """Median seconds of ``rounds`` calls until their work is done, the host's own time included."""

    def one() -> float:
        synchronize(device)
        begin = time.perf_counter()
        call()
        synchronize(device)
        return time.perf_counter() - begin

    for _ in range(_WARM_UP):
        call()
    return statistics.median(one() for _ in range(rounds))


def replayed(calls: Sequence[Callable[[], object]], rounds: int, device: torch.device) -> float:
    """Median seconds of one of ``calls``, recorded together as a CUDA graph: the device's own time of a launch.

    Each call has inputs of its own, so that no call finds its inputs in the cache. Raises what the recording raises.
    """
    for call in calls:
        for _ in range(_WARM_UP):
            call()
    if device.type != "cuda":
        return statistics.median(waited(call, rounds, device) for call in calls)
    with torch.cuda.device(device):
        torch.cuda.synchronize()
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            kept = [call() for call in calls]
        seconds = [_between_events(graph.replay) for _ in range(rounds + _WARM_UP)][_WARM_UP:]
    del kept
    return statistics.median(seconds) / len(calls)


def _between_events(call: Callable[[], object]) -> float:
    begin, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
    begin.record()
    call()
    end.record()
    end.synchronize()
    return begin.elapsed_time(end) / 1e3


def peak_bytes(device: torch.device) -> int | None:
    """The most that tensors held on a CUDA device since ``forget_peak``; None elsewhere."""
    return torch.cuda.max_memory_allocated(device) if device.type == "cuda" else None


def forget_peak(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats(device)
