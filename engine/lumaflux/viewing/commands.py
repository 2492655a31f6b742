"""`lumaflux view` and `lumaflux compare`. No logic."""

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from lumaflux.options import Overwrite


def view(
    file: Path,
    other: Path | None = None,
    *,
    out: Annotated[Path, Parameter(name=["--out", "-o"])],
    frame: int | None = None,
    shots: bool = True,
    overwrite: Overwrite = False,
) -> None:
    """See an HDR file on any screen: tone-mapped and in false color, with scopes, light levels and shots.

    Parameters
    ----------
    file
        A picture, a clip or a numbered sequence, HDR or SDR.
    other
        A second one, for a slider between the two.
    out
        A self-contained page (.html), or a directory for PNG pictures.
    frame
        The frame of a clip or a sequence; the first if not named.
    shots
        Show every shot of a clip or a sequence, which is read whole for it.
    overwrite
        Replace what is there (-y), or refuse to (-n).
    """
    from lumaflux.progress import show_progress
    from lumaflux.viewing.write import write_view

    with show_progress(file.name) as progress:
        written, rows = write_view(file, other, out, frame=frame, shots=shots, overwrite=overwrite, progress=progress)
    for name, value in rows:
        print(f"{name}: {value}")
    size = f" ({written.stat().st_size / 1e6:.2f} MB)" if written.is_file() else ""
    print(f"wrote {written}{size}")


def compare(
    first: Path,
    second: Path,
    *,
    map: Path | None = None,
    frame: int | None = None,
    limit: int | None = None,
    json: bool = False,
    overwrite: Overwrite = False,
) -> None:
    """Compare two conversions of one source: Delta-E-ITP and PSNR of the PQ signal, and where they differ.

    Parameters
    ----------
    first
        A picture, a clip or a numbered sequence.
    second
        Another of the same size.
    map
        A PNG for the differences of the frame that differs most.
    frame
        This frame alone.
    limit
        Stop after so many frames.
    json
        Print the figures as JSON.
    overwrite
        Replace an existing map (-y), or refuse to (-n).
    """
    from lumaflux.progress import show_progress
    from lumaflux.viewing.comparison import compare as run
    from lumaflux.viewing.write import comparison_text, write_map

    with show_progress(first.name) as progress:
        found = run(first, second, frame=frame, limit=limit, progress=progress)
    if map is not None:
        write_map(found, map, overwrite=overwrite)
    print(comparison_text(found, as_json=json))
