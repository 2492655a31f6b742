"""`lumaflux farm status` and `verify`: what of a job is done, missing, failed or damaged, and what it still takes."""

import statistics
from dataclasses import dataclass, field
from pathlib import Path

from lumaflux.errors import FrameError
from lumaflux.farm.job import JobFolder
from lumaflux.media.stills.frame_numbers import frame_list, frames_text
from lumaflux.render.job import Progress


@dataclass(kw_only=True)
class Status:
    """Frames by what is recorded of them; ``seconds_left`` is the median frame's time for one worker, or None."""

    wanted: list[int]
    done: list[int] = field(default_factory=list)
    missing: list[int] = field(default_factory=list)
    failed: dict[int, str] = field(default_factory=dict)
    hosts: dict[str, int] = field(default_factory=dict)
    seconds_left: float | None = None
    max_nits: float = 0.0


def status_of(job: JobFolder) -> Status:
    """From the records and the files' presence; contents are verify's. Raises UserError where there is no job."""
    status = Status(wanted=frame_list(job.manifest().frames), failed=job.failures())
    seconds = []
    for number in status.wanted:
        record = job.record(number) if job.picture(number).exists() else None
        if record is None:
            status.missing.append(number)
            continue
        status.done.append(number)
        status.hosts[record.host] = status.hosts.get(record.host, 0) + 1
        status.max_nits = max(status.max_nits, record.max_nits)
        seconds.append(record.seconds)
    status.missing = [number for number in status.missing if number not in status.failed]
    if seconds:
        status.seconds_left = statistics.median(seconds) * (len(status.wanted) - len(status.done))
    return status


def status_lines(status: Status) -> list[str]:
    lines = [f"{len(status.done)} of {len(status.wanted)} frames done"]
    if status.missing:
        lines.append(f"missing: {frames_text(status.missing)}")
    lines += [f"failed: {number}: {reason}" for number, reason in sorted(status.failed.items())]
    if status.hosts:
        lines.append("hosts: " + ", ".join(f"{host} {count}" for host, count in sorted(status.hosts.items())))
    if status.seconds_left:
        lines.append(f"about {status.seconds_left:.0f} s of work left for one worker")
    return lines


@dataclass(kw_only=True)
class Verdict:
    """``faults``: reason by frame. ``strange``: files in the folder that no frame of the job accounts for."""

    frames: int
    faults: dict[int, str] = field(default_factory=dict)
    strange: list[Path] = field(default_factory=list)

    @property
    def sound(self) -> bool:
        return not self.faults and not self.strange


def verify_job(job: JobFolder, progress: Progress = lambda done, total: None) -> Verdict:
    """Reads every frame: there, of the recorded checksum, decodable, of the job's size, and no file besides."""
    from lumaflux.farm.encode import read_picture

    manifest = job.manifest()
    numbers = frame_list(manifest.frames)
    verdict = Verdict(frames=len(numbers))
    expected = set()
    for done, number in enumerate(numbers, 1):
        expected.add(job.picture(number).name)
        fault = job.fault(number)
        if fault is None:
            try:
                height, width = read_picture(job.picture(number)).shape[1:]
                if (width, height) != (manifest.width, manifest.height):
                    fault = f"is {width}x{height}"
            except FrameError:
                fault = "does not decode"
        if fault is not None:
            verdict.faults[number] = fault
        progress(done, len(numbers))
    verdict.strange = sorted(path for path in job.folder.iterdir() if path.is_file() and path.name not in expected)
    return verdict


def verdict_lines(verdict: Verdict) -> list[str]:
    lines = []
    for reason in sorted(set(verdict.faults.values())):
        lines.append(f"{reason}: {frames_text(n for n, fault in verdict.faults.items() if fault == reason)}")
    lines += [f"no frame of this job: {path.name}" for path in verdict.strange]
    sound = verdict.frames - len(verdict.faults)
    return [*lines, f"{sound} of {verdict.frames} frames are sound"]
