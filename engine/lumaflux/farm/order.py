"""An order as the file that travels with a job: what to render, but neither where the input lies nor where it goes."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from lumaflux.errors import UserError
from lumaflux.farm.manifest import Order
from lumaflux.farm.tone_tracks import NONE
from lumaflux.settings import Settings

_TRAVELS = ("model", "frames", "device", "precision", "threads", "force_sdr")


def order_text(order: Order) -> str:
    """JSON; of a sequence also its naming, since farms hand over the folder."""
    whole: dict[str, Any] = {name: getattr(order, name) for name in _TRAVELS}
    if order.tone_track is not None:
        whole["tone_track"] = NONE if order.tone_track == NONE else str(Path(order.tone_track).resolve())
    if order.motion_blending:
        whole["motion_blending"] = order.motion_blending
    if "%" in order.source.name:
        whole["naming"] = order.source.name
    return json.dumps(whole | {"settings": asdict(order.settings)}, indent=1)


def read_order(path: Path, source: Path) -> Order:
    """``source``: the input on this machine. Raises UserError for what :func:`order_text` did not write."""
    try:
        whole = json.loads(path.read_text("utf-8"))
        naming = whole.pop("naming", None)
        return Order(
            source=source / naming if naming else source,
            settings=Settings(**whole.pop("settings")),
            **whole,
        )
    except OSError as error:
        raise UserError(f"the order {path} cannot be read: {error.strerror}.") from None
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise UserError(f"{path} is no order of this version ({error}); write it anew by lumaflux farm job.") from None
