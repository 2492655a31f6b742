"""A job's tone track: a file that is given, or one that the first worker makes in the job's folder for all."""

import fcntl
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from lumaflux.errors import UserError
from lumaflux.farm.job import HIDDEN

if TYPE_CHECKING:
    import numpy as np

    from lumaflux.farm.manifest import Order
    from lumaflux.render.numbered_source import Source
from lumaflux.render.source_kind import settings_for

_IN_A_ROW = 8  # frames that cannot be read, after which nothing more is expected
NONE = "none"
_TRACK, _LOCK = "tone-track.json", "tone-track.lock"


def track_of_job(order: "Order", folder: Path) -> Path | None:
    """``order.tone_track``: a file, "none" for a tone of its own for every frame, or None for one found here.

    Whoever comes while it is being made waits for it. Raises UserError for a track of another input.
    """
    if order.tone_track == NONE or order.settings.strength == 0.0:
        return None
    if order.tone_track is not None:
        _check(Path(order.tone_track), order)
        return Path(order.tone_track)
    path = folder / HIDDEN / _TRACK
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with (path.parent / _LOCK).open("a") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not path.exists():
                _make(order, path)
    except OSError as error:
        raise UserError(f"{folder} cannot be written: {error.strerror}; choose a directory you may write to.") from None
    return path


def _pictures(source: "Source") -> "Iterator[np.ndarray]":
    """One for every frame of the input; a frame that cannot be read counts as the one before it."""
    todo, unread, in_a_row, last = deque(source.numbers), 0, 0, None
    while todo and in_a_row < _IN_A_ROW:  # what lies beyond the end of a track belongs to its last shot
        try:
            for _, sdr in source.read(list(todo)):
                todo.popleft()
                for _ in range(unread + 1):
                    yield sdr
                unread, in_a_row, last = 0, 0, sdr
        except UserError:
            todo.popleft()
            in_a_row += 1
            if last is None:
                unread += 1
            else:
                yield last


def _check(path: Path, order: "Order") -> None:
    from lumaflux.inference.tone_track import read_track
    from lumaflux.render.analysis import check_clip, check_model
    from lumaflux.render.model_identity import weights_identity

    track = read_track(path)
    check_clip(track, order.source)
    check_model(track, path, weights_identity(order.model))


def _make(order: "Order", path: Path) -> None:
    import torch

    from lumaflux.inference.load import load
    from lumaflux.inference.tone_track import text_of
    from lumaflux.media.atomic_file import AtomicFile
    from lumaflux.render.analysis import track_of
    from lumaflux.render.model_identity import weights_identity
    from lumaflux.render.numbered_source import open_source

    torch.set_num_threads(order.threads)
    source = open_source(order.source, allow_hdr=order.force_sdr)
    converter = load(order.model, device=order.device, dtype=order.precision)
    settings = settings_for(order.settings, order.source)[0]
    track = track_of(_pictures(source), converter, settings, order.source, weights_identity(order.model))
    with AtomicFile(path, overwrite=True) as file:
        file.partial.write_text(text_of(track), "utf-8")
