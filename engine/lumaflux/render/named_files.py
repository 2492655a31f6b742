"""What a job names by its options: files that are read, and files that are written. No two of them may be one."""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from lumaflux.errors import UserError
from lumaflux.media.stills.sequence_path import SequencePath
from lumaflux.render.job import Job
from lumaflux.render.matte import in_the_picture
from lumaflux.render.sdr_sidecar import sidecar_of

Named = tuple[str, Path]

_READ = ("model", "adapters", "look", "backbone", "engine", "track", "match", "mask", "ocio", "hdr_metadata")
_TOLD = (  # where the second is opened, in words that fit it
    ("the input", "the target"),
    ("the target", "--also"),
    ("--also", "--also"),
    ("the target", "--matte"),
)


def refuse_overwriting(sources: Sequence[Path], target: Path, job: Job, report: Path | None = None) -> None:
    """Raises UserError where an output of the job is one of its inputs, or two outputs are one: --overwrite is for
    older results. ``report``: where that goes."""
    refuse_one_file([*(("the input", source) for source in sources), *read_by(job)], _written(target, job, report))


def refuse_one_file(read: Iterable[Named], written: Iterable[Named]) -> None:
    """The same of files by what they are called in the sentence, as ``--mask`` and ``the target``."""
    inputs = list(read)
    seen: list[Named] = []
    for name, path in written:
        for what, other in inputs:
            if (what, name) not in _TOLD and _is_one(path, other):
                raise UserError(f"{name} {path} is {what} itself; choose another name for what is written")
        for what, other in seen:
            if (what, name) not in _TOLD and _is_one(path, other):
                raise UserError(f"{name} and {what} are both {path}; give each a name of its own")
        seen.append((name, path))


def read_by(*options: object) -> Iterator[Named]:
    """The files that options of a job name to be read."""
    for each in options:
        for name in _READ:
            path = Path(str(getattr(each, name, None)))
            if path.is_file() or SequencePath.parse(path) is not None:  # not "lite", "auto" or "none"
                yield f"--{name.replace('_', '-')}", path


def _written(target: Path, job: Job, report: Path | None) -> Iterator[Named]:
    from lumaflux.media.standard_streams import STANDARD

    if target != STANDARD:
        yield "the target", target
        if job.sdr_exact and SequencePath.parse(target) is None:
            yield "the sidecar", sidecar_of(target)
    for entry in job.also:
        yield "--also", Path(entry.partition("=")[2])
    for name in ("matte", "certificate", "hdr10plus"):
        path = getattr(job, name)
        if path is not None and not (name == "matte" and in_the_picture(path)):
            yield f"--{name}", path
    if report is not None:
        yield "--report", report


def _is_one(one: Path, other: Path) -> bool:
    """The same file, a link to it, or a sequence of the same names."""
    patterns = [SequencePath.parse(path) for path in (one, other)]
    if patterns[0] is None and patterns[1] is None:
        try:
            return not one.is_dir() and one.samefile(other)
        except OSError:  # one is not there yet
            return one.resolve() == other.resolve()
    if patterns[0] is None or patterns[1] is None:
        file, pattern = (other, patterns[0]) if patterns[0] else (one, patterns[1])
        assert pattern is not None
        return file.is_file() and any(pattern.file(number).samefile(file) for number in _there(pattern))
    names = {(each.pattern.parent.resolve(), each.before, each.digits, each.after) for each in patterns if each}
    return len(names) == 1


def _there(pattern: SequencePath) -> list[int]:
    try:
        return pattern.numbers()
    except UserError:
        return []
