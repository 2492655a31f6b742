"""The report of a benchmark run, in all of its forms, each file whole or not at all."""

from pathlib import Path

from lumaflux.lab.evaluation.report.content import Content, make_content
from lumaflux.lab.evaluation.report.html import report_html
from lumaflux.lab.evaluation.report.json_csv import report_csv, report_json
from lumaflux.lab.evaluation.report.markdown import report_markdown
from lumaflux.lab.evaluation.report.pictures import ALL_PICTURES_BYTES
from lumaflux.lab.evaluation.report.rendered import FrameName, Progress, Render, Rendered, render_frames
from lumaflux.lab.evaluation.report.run_folder import read_run
from lumaflux.media.atomic_file import AtomicFile


def write_report(
    run_folder: Path,
    *,
    set_folder: Path,
    render: Render,
    baseline: str | None = None,
    worst: int = 3,
    progress: Progress = lambda done, total: None,
) -> list[Path]:
    """Writes report.json, report.csv, report.md and report.html into ``run_folder``, over earlier ones; their paths.

    ``baseline``: the method that differences are shown against first. ``worst``: so many worst, best and hardest
    frames are shown; ``render`` makes them again, ``progress`` counts them. Raises UserError when the run or the set
    cannot be read, for an unknown baseline, and when the folder cannot be written.
    """
    run = read_run(run_folder, set_folder)
    content = make_content(run, baseline, worst)
    texts = {
        "report.json": report_json(content),
        "report.csv": report_csv(run.records),
        "report.md": report_markdown(content),
        "report.html": report_html(content, _rendered(content, render, progress), worst),
    }
    return [write_whole(run_folder / name, text) for name, text in texts.items()]


def write_whole(path: Path, text: str) -> Path:
    """UTF-8, over an earlier file; raises UserError where the folder does not allow it."""
    with AtomicFile(path, overwrite=True) as file:
        file.partial.write_text(text, encoding="utf-8", newline="")
    return path


def _rendered(content: Content, render: Render, progress: Progress) -> dict[FrameName, Rendered]:
    scores = content.run.scores
    hard = [(scores.clips[clip].name, frame) for clip, frame in (scores.units[unit] for unit in content.hardest)]
    return render_frames(
        render,
        with_pictures=[(chosen.method, chosen.clip, chosen.frame) for chosen in content.chosen],
        with_curves=[(name, clip, frame) for name in scores.methods for clip, frame in hard if frame is not None],
        picture_bytes=ALL_PICTURES_BYTES,
        progress=progress,
    )
