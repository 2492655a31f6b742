"""Where a run reports: lines of JSON in ``train.log``, sample pictures in ``samples/``, and trackio where asked for."""

import json
import logging
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any, Protocol

import numpy as np
from PIL import Image
from torch import Tensor

from lumaflux.errors import MissingExtraError
from lumaflux.lab.training.config import TrainConfig

log = logging.getLogger("lumaflux.lab.training")
PROJECT = "lumaflux"
_MARGIN = 2  # pixels between the pictures of a sheet


class Tracker(Protocol):
    """What the loop tells: figures of an update, and pictures by name."""

    def figures(self, step: int, figures: Mapping[str, float]) -> None: ...

    def pictures(self, step: int, pictures: Mapping[str, Image.Image]) -> None: ...

    def close(self) -> None: ...


class LogTracker:
    """``train.log`` and ``samples/<step>-<name>.png`` in the run's folder."""

    def __init__(self, config: TrainConfig):
        self.folder = config.run / "samples"
        self._handler = logging.FileHandler(config.run / "train.log")
        self._handler.setFormatter(logging.Formatter("%(asctime)s %(message)s"))
        log.setLevel(logging.INFO)
        log.addHandler(self._handler)

    def figures(self, step: int, figures: Mapping[str, float]) -> None:
        rounded = {k: v if isinstance(v, int) else round(float(v), 6) for k, v in figures.items()}
        log.info("%s", json.dumps({"step": step, **rounded}))

    def pictures(self, step: int, pictures: Mapping[str, Image.Image]) -> None:
        self.folder.mkdir(exist_ok=True)
        for name, picture in pictures.items():
            picture.save(self.folder / f"{step:06d}-{name}.png")

    def close(self) -> None:
        log.removeHandler(self._handler)
        self._handler.close()


class TrackioTracker(LogTracker):
    """The same, and trackio's local dashboard (``trackio show --project lumaflux``), kept below the run's folder."""

    def __init__(self, config: TrainConfig):
        os.environ.setdefault("TRACKIO_DIR", str(config.run.resolve() / "trackio"))
        try:
            import trackio
        except ImportError:
            raise MissingExtraError("trackio", "train") from None
        super().__init__(config)
        self._trackio: Any = trackio
        settings = {name: str(value) for name, value in asdict(config).items()}
        trackio.init(project=PROJECT, name=config.run.name, config=settings, resume="allow", embed=False)

    def figures(self, step: int, figures: Mapping[str, float]) -> None:
        super().figures(step, figures)
        self._trackio.log({name: float(value) for name, value in figures.items()}, step=step)

    def pictures(self, step: int, pictures: Mapping[str, Image.Image]) -> None:
        super().pictures(step, pictures)
        self._trackio.log({name: self._trackio.Image(picture) for name, picture in pictures.items()}, step=step)

    def close(self) -> None:
        self._trackio.finish()
        super().close()


class Silent:
    """For processes other than the first, and for tests of the loop."""

    def figures(self, step: int, figures: Mapping[str, float]) -> None: ...

    def pictures(self, step: int, pictures: Mapping[str, Image.Image]) -> None: ...

    def close(self) -> None: ...


def tracker_for(config: TrainConfig, *, main: bool) -> Tracker:
    """Raises MissingExtraError where trackio is asked for and not installed."""
    if not main:
        return Silent()
    return TrackioTracker(config) if config.tracker == "trackio" else LogTracker(config)


def grid(rows: Sequence[Tensor]) -> Image.Image:
    """Rows of pictures [N,3,H,W] in [0,1], one size -> one RGB picture, row under row."""
    count, _, height, width = rows[0].shape
    sheet = Image.new("RGB", (count * (width + _MARGIN), len(rows) * (height + _MARGIN)), "white")
    for top, row in enumerate(rows):
        pixels = (row.detach().cpu().clamp(0, 1) * 255).round().byte().permute(0, 2, 3, 1).numpy()
        for left, picture in enumerate(pixels):
            sheet.paste(
                Image.fromarray(np.ascontiguousarray(picture)), (left * (width + _MARGIN), top * (height + _MARGIN))
            )
    return sheet
