"""``--report FILE.json``: what a conversion did, for people and for farms."""

import dataclasses
import json
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from lumaflux.errors import UserError
from lumaflux.inference.weights import rendering_identity
from lumaflux.media.atomic_file import AtomicFile
from lumaflux.render.job import Job, Report
from lumaflux.settings import Settings
from lumaflux.version import __version__


@dataclass(kw_only=True)
class Kept:
    """What a report will be written of; ``job`` may become more definite on the way."""

    job: Job
    reports: list[Report] = field(default_factory=list)


@contextmanager
def kept_in(path: Path | None, settings: Settings, job: Job) -> Iterator[Kept]:
    """Writes the report when the block ends, however it does: of the reports that were kept, or that what was raised
    has with it. Raises UserError before the block where none can be written there.
    """
    kept = Kept(job=job)
    if path is None:
        yield kept
        return
    AtomicFile(path, overwrite=True)  # for its checks
    try:
        yield kept
    except BaseException as ending:
        said = str(ending) or ("interrupted" if isinstance(ending, KeyboardInterrupt) else "no reason given")
        if not isinstance(ending, UserError | KeyboardInterrupt):
            said = f"{type(ending).__name__}: {said}"
        with suppress(UserError):  # what ended the work is what people must hear of
            write_report(path, getattr(ending, "reports", kept.reports), settings, kept.job, said)
        raise
    write_report(path, kept.reports, settings, kept.job)


def report_text(reports: list[Report], settings: Settings, job: Job, ending: str = "finished") -> str:
    """JSON: engine, settings, one entry a target, and how it ended. Light is in cd/m2, measured on what was written."""
    entries = []
    for report in reports:
        entry = dataclasses.asdict(report)
        entry |= {"source": str(report.source), "target": str(report.target)}
        entry["frames_per_second"] = report.frames / report.seconds if report.seconds else None
        entries.append(entry)
    whole = {
        "engine": __version__,
        "model": _model(job),
        "settings": dataclasses.asdict(settings),
        "conversions": entries,
        "ending": ending,
    }
    return json.dumps(whole, indent=1, default=str) + "\n"


def _model(job: Job) -> str | None:
    """None where there is none of that name, which the ending says."""
    with suppress(UserError, OSError):
        return rendering_identity(job)
    return None


def write_report(path: Path, reports: list[Report], settings: Settings, job: Job, ending: str = "finished") -> None:
    """Replaces an older report. Raises UserError where it cannot be written."""
    with AtomicFile(path, overwrite=True) as file:
        file.partial.write_text(report_text(reports, settings, job, ending), "utf-8")
