"""What every farm command asks for: the part of Order that a command line sets."""

from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from lumaflux.settings import Settings

if TYPE_CHECKING:
    from lumaflux.farm.manifest import Order


def _option(default: Any, help_text: str) -> Any:
    return field(default=default, metadata={"help": help_text})


@dataclass(frozen=True, kw_only=True)
class OrderOptions:
    """See :class:`lumaflux.farm.manifest.Order`."""

    frames: str | None = _option(
        None, "The frames of the job: 1001-1020x2,1030; all if not named. A clip counts from 0."
    )
    model: str = _option("lite", "lite, or a model directory that all workers see under the same name.")
    tone_track: str | None = _option(None, "A file of `lumaflux analyze`; none; or found by the first worker.")
    motion_blending: float = _option(0.0, "0 to 1: steady what the model generates along the source's motion.")
    device: str | None = _option(None, "The workers' kind of device, cpu or cuda; their first one if not named.")
    precision: Literal["fp32", "bf16", "fp16"] | None = _option(
        None, "fp32 on the CPU and bf16 elsewhere if not named."
    )
    threads: int = _option(1, "CPU threads of a worker. Sums depend on it, so it is the same on all of them.")
    force_sdr: bool = _option(False, "Read a PQ- or HLG-tagged source as if it were SDR.")

    def order(self, source: Path, settings: Settings) -> "Order":
        from lumaflux.farm.manifest import Order

        return Order(source=source, settings=settings, **{f.name: getattr(self, f.name) for f in fields(self)})
