"""``--sdr-exact`` while converting: the sidecar of a video, and what of the SDR really comes back."""

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from lumaflux.errors import UserError
from lumaflux.media.stills.sequence_path import SequencePath
from lumaflux.render.restored_error import RestoredError, compared_frames, restored_figures
from lumaflux.render.sdr_sidecar import SidecarWriter, check_exact, sidecar_of

if TYPE_CHECKING:
    from lumaflux.inference.inverse import Lighting
    from lumaflux.media.metadata.shot_levels import ShotLight
    from lumaflux.render.source import Source
    from lumaflux.settings import Settings


class WayBack:
    """The sidecar of one video, and frames of its source that are compared with what comes back.

    Raises UserError for a look that is not led back, and for a target that is no video's file.
    """

    def __init__(self, target: Path, settings: "Settings", *, overwrite: bool):
        from lumaflux.media.standard_streams import STANDARD

        check_exact(settings)
        if SequencePath.parse(target) is not None or target == STANDARD:
            raise UserError(f"--sdr-exact is of a video's file or a JPEG photograph, not of {target}")
        self._target, self._writer = target, SidecarWriter(target, overwrite=overwrite)
        self._numbers: list[int] = []  # of the source's frames, in order
        self._facts: dict[str, Any] = {}
        self._residual_bytes = 0

    def check(self, delivery: str) -> None:
        """Raises UserError for a video that holds no PQ."""
        from lumaflux.media.output_profiles import PQ_VIDEOS

        if delivery not in PQ_VIDEOS:
            raise UserError(f"--sdr-exact leads back from PQ, not from {delivery}; deliver {', '.join(PQ_VIDEOS)}")

    def add(self, lighting: "Lighting", number: int) -> None:
        """The next frame that was written: the source's of that number."""
        self._writer.add(lighting)
        self._numbers.append(number)

    def add_residual(self, source: "Source") -> str:
        """After the video is whole, before ``finish``; what was added, in a sentence."""
        from lumaflux.render.restore import restored_frames
        from lumaflux.render.sdr_residual import write_residual

        into, delivered = self._writer.scratch, self._target.stat().st_size
        kind, coding = write_residual(
            into, source, self._numbers, lambda: restored_frames(self._target, self._writer), delivered
        )
        self._residual_bytes = into.stat().st_size
        self._writer.attach(into, kind, coding)
        self._facts = {"residual": {"kind": kind, **asdict(coding)}}
        what = "the source's own coded pictures" if kind == "pictures" else "the difference, coded"
        share = self._residual_bytes / delivered
        return f"The sidecar holds {what}: {self._residual_bytes / 1e3:.0f} kB, {share:.2f} of the HDR file."

    def finish(self, source: "Source", shots: "Sequence[ShotLight]") -> None:
        """After the video is whole; ``shots`` as they were found on it. The sidecar says how near each comes back."""
        self._facts |= {"restored": self._compared(source, [range(shot.first, shot.last + 1) for shot in shots])}
        self._writer.finish(self._target, self._facts)

    def _compared(self, source: "Source", shots: Sequence[range]) -> dict[str, Any]:
        from lumaflux.render.restore import restored_frames
        from lumaflux.render.sdr_residual import source_frames

        shots = shots or [range(len(self._numbers))]
        places = compared_frames(shots)
        restored = restored_frames(self._target, self._writer, set(places).__contains__)
        sources = source_frames(source, [self._numbers[place] for place in places])
        return restored_figures(places, shots, (made for made, _ in restored), (sdr for sdr, _ in sources))

    def measured(self) -> dict[str, Any]:
        """After the sidecar is whole: what ``restored_figures`` found, and bytes a frame."""
        frames = max(1, len(self._numbers))
        sizes = {"delivered": self._target.stat().st_size, "sidecar": sidecar_of(self._target).stat().st_size}
        if self._residual_bytes:
            sizes["residual"] = self._residual_bytes
        return self._facts["restored"] | {f"{name}_bytes": size / frames for name, size in sizes.items()}

    def __enter__(self) -> Self:
        self._writer.__enter__()
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._writer.__exit__(kind, error, trace)


def check_base(source: Path | None) -> None:
    """Raises UserError for a picture whose own bytes cannot be the base of a gain map."""
    from lumaflux.media.metadata.coding_points import CHROMATICITIES
    from lumaflux.media.stills.probe import probe_still

    info = None if source is None else probe_still(source)
    if (
        info is None
        or info.codec != "jpeg"
        or info.transfer.value != "srgb"
        or info.primaries.value not in CHROMATICITIES
    ):
        raise UserError(f"{source} is no JPEG in sRGB or Display P3, whose bytes a gain map could stand behind")


def same_base(source: Path | None, target: Path) -> dict[str, Any]:
    """What the base of a gain-map picture differs by from its source: as ``RestoredError.figures``."""
    import numpy as np
    from PIL import Image

    assert source is not None
    pictures = []
    for path in (source, target):
        with Image.open(path) as picture:
            pictures.append(np.asarray(picture.convert("RGB"), np.float32) / 255)
    error = RestoredError()
    error.add(pictures[1], pictures[0])
    return error.figures()
