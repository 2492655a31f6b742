"""The same map on a Ray cluster whose nodes share the corpus' folder. Extra ``[farm]``."""

from collections.abc import Callable, Iterator
from typing import Any

from lumaflux.errors import MissingExtraError, UserError
from lumaflux.lab.data.curation.segments import Segment
from lumaflux.lab.data.shards import Shard

_IN_FLIGHT = 4  # calls a core: bounds what waits in the cluster
_RETRIES = 3  # where a worker or a node is lost


def ray_map(work: Callable[[Segment], Shard], segments: list[Segment]) -> Iterator[Shard]:
    """``work`` of every segment, in order; on the cluster that RAY_ADDRESS names, or on this machine.

    Raises MissingExtraError without Ray; UserErrors of ``work`` come through as they are.
    """
    try:
        import ray
    except ImportError:
        raise MissingExtraError("Ray", "farm") from None

    library: Any = ray
    started = not library.is_initialized()
    if started:
        library.init(log_to_driver=False, include_dashboard=False, ignore_reinit_error=True)
    try:
        remote = library.remote(num_cpus=1, max_retries=_RETRIES)(_single_threaded)
        limit = max(1, int(library.cluster_resources().get("CPU", 1))) * _IN_FLIGHT
        waiting: list[Any] = []
        for segment in segments:
            if len(waiting) >= limit:
                yield _result(library, waiting.pop(0))
            waiting.append(remote.remote(work, segment))
        while waiting:
            yield _result(library, waiting.pop(0))
    finally:
        if started:
            library.shutdown()


def _single_threaded(work: Callable[[Segment], Shard], segment: Segment) -> Shard:
    import torch

    torch.set_num_threads(1)
    return work(segment)


def _result(library: Any, reference: Any) -> Shard:
    try:
        return library.get(reference)
    except library.exceptions.RayTaskError as error:
        if isinstance(error.cause, UserError):
            raise error.cause from None
        raise
