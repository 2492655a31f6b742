"""``--sdr-exact`` while converting: the sidecar of a video, and what of the SDR really comes back."""

import math
from dataclasses import asdict
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

from lumaflux.errors import UserError
from lumaflux.media.stills.sequence_path import SequencePath
from lumaflux.render.sdr_sidecar import Sidecar, SidecarWriter, check_exact, sidecar_of

if TYPE_CHECKING:
    import numpy as np

    from lumaflux.inference.inverse import Lighting
    from lumaflux.render.source import Source
    from lumaflux.settings import Settings


class WayBack:
    """The sidecar of one video, and frames of its source that are compared with what comes back.

    Raises UserError for a look that is not led back, and for a target that is no video's file.
    """

    def __init__(self, target: Path, settings: "Settings", *, overwrite: bool):
        from lumaflux.media.standard_streams import STANDARD
        from lumaflux.render.restore import Check

        check_exact(settings)
        if SequencePath.parse(target) is not None or target == STANDARD:
            raise UserError(f"--sdr-exact is of a video's file or a JPEG photograph, not of {target}")
        self._target, self._writer, self._check = target, SidecarWriter(target, overwrite=overwrite), Check()
        self._numbers: list[int] = []  # of the source's frames, in order
        self._facts: dict[str, object] = {}
        self._residual_bytes = 0

    def check(self, delivery: str) -> None:
        """Raises UserError for a video that holds no PQ."""
        from lumaflux.media.output_profiles import PQ_VIDEOS

        if delivery not in PQ_VIDEOS:
            raise UserError(f"--sdr-exact leads back from PQ, not from {delivery}; deliver {', '.join(PQ_VIDEOS)}")

    def add(self, lighting: "Lighting", sdr: "np.ndarray", number: int) -> None:
        """The next frame that was written: the source's of that number."""
        self._writer.add(lighting)
        self._check.see(len(self._numbers), sdr)
        self._numbers.append(number)

    def add_residual(self, source: "Source") -> str:
        """After the video is whole, before ``finish``; what was added, in a sentence."""
        from lumaflux.render.restore import restored_frames
        from lumaflux.render.sdr_residual import write_residual

        into, delivered = self._writer.scratch, self._target.stat().st_size
        try:
            kind, coding = write_residual(
                into, source, self._numbers, lambda: restored_frames(self._target, self._writer), delivered
            )
            self._residual_bytes = into.stat().st_size
            self._writer.attach(into)
        finally:
            into.unlink(missing_ok=True)
        self._facts = {"residual": {"kind": kind, **asdict(coding)}}
        what = "the source's own coded pictures" if kind == "pictures" else "the difference, coded"
        share = self._residual_bytes / delivered
        return f"The sidecar holds {what}: {self._residual_bytes / 1e3:.0f} kB, {share:.2f} of the HDR file."

    def finish(self) -> None:
        """After the video is whole."""
        self._writer.finish(self._target, self._facts)

    def compared(self) -> dict[str, float]:
        """After the sidecar is whole: what ``Check.compared`` finds, and bytes a frame."""
        beside, frames = sidecar_of(self._target), max(1, len(self._numbers))
        sizes = {"delivered": self._target.stat().st_size, "sidecar": beside.stat().st_size}
        if self._residual_bytes:
            sizes["residual"] = self._residual_bytes
        with Sidecar(beside, self._target) as led:
            found = self._check.compared(self._target, led)
        return found | {f"{name}_bytes": size / frames for name, size in sizes.items()}

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


def same_base(source: Path | None, target: Path) -> dict[str, float]:
    """What the base of a gain-map picture differs by from its source: as ``Check.compared``."""
    import numpy as np
    from PIL import Image

    assert source is not None
    pictures = []
    for path in (source, target):
        with Image.open(path) as picture:
            pictures.append(np.asarray(picture.convert("RGB")).astype(np.int16))
    error = np.abs(pictures[0] - pictures[1]).astype(np.float64)
    mean = float((error**2).mean())
    psnr = math.inf if mean == 0 else 10 * math.log10(255**2 / mean)
    return {"psnr": psnr, "largest_error": float(error.max()), "frames": 1.0}
