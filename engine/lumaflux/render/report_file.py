"""``--report FILE.json``: what a conversion did, for people and for farms."""

import dataclasses
import json
from pathlib import Path

from lumaflux.inference.weights import rendering_identity
from lumaflux.media.atomic_file import AtomicFile
from lumaflux.render.job import Job, Report
from lumaflux.settings import Settings
from lumaflux.version import __version__


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
        "model": rendering_identity(job),
        "settings": dataclasses.asdict(settings),
        "conversions": entries,
        "ending": ending,
    }
    return json.dumps(whole, indent=1, default=str) + "\n"


def write_report(path: Path, reports: list[Report], settings: Settings, job: Job, ending: str = "finished") -> None:
    """Replaces an older report. Raises UserError where it cannot be written."""
    with AtomicFile(path, overwrite=True) as file:
        file.partial.write_text(report_text(reports, settings, job, ending), "utf-8")
