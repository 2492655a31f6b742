"""Everything that a report says in numbers, computed once for all of its forms."""

from collections.abc import Mapping
from dataclasses import dataclass

from lumaflux.errors import UserError
from lumaflux.lab.evaluation.report import bootstrap, tables
from lumaflux.lab.evaluation.report.chosen_frames import ChosenFrame, deciding_metric, hardest, worst_and_best
from lumaflux.lab.evaluation.report.directions import metric_named
from lumaflux.lab.evaluation.report.run_folder import Run
from lumaflux.lab.evaluation.report.score_arrays import Status

Grouped = dict[str, dict[str, dict[str, dict[str, float | None]]]]


@dataclass(frozen=True, kw_only=True)
class Content:
    """``grouped``: grouping -> key -> group -> method -> mean. ``decider`` is the key that chose the frames;
    ``hardest`` are units of ``run.scores``."""

    run: Run
    baseline: str
    counts: dict[str, int]
    overall: dict[str, dict[str, tables.Cell]]
    complete: set[str]
    grouped: Grouped
    differences: dict[tuple[str, str, str], tables.Difference]
    decider: str | None
    chosen: list[ChosenFrame]
    hardest: list[int]
    notes: list[str]


def make_content(run: Run, baseline: str | None, worst: int) -> Content:
    """``baseline`` is what differences are shown against first (the first method without it); ``worst`` frames of
    each kind are shown. Raises UserError for a baseline that is no method of the run and for a negative number."""
    scores = run.scores
    if baseline is not None and baseline not in scores.methods:
        raise UserError(f"the run has no method '{baseline}'; name one of {', '.join(scores.methods)}")
    if worst < 0:
        raise UserError(f"{worst} frames cannot be shown; take 0 or more")
    overall = tables.overall(scores)
    complete = tables.complete_methods(scores)
    decider = deciding_metric(scores)
    counts = {
        "methods": len(scores.methods),
        "scenes": len({clip.scene for clip in scores.clips}),
        "clips": len(scores.clips),
        "frames": len(scores.frames()),
        "failures": len(scores.failures),
    }
    return Content(
        run=run,
        baseline=baseline or scores.methods[0],
        counts=counts,
        overall=overall,
        complete=complete,
        grouped={grouping: tables.grouped(scores, grouping) for grouping in tables.GROUPINGS},
        differences=tables.differences(scores),
        decider=decider,
        chosen=worst_and_best(scores, decider, worst) if decider else [],
        hardest=hardest(scores, decider, worst) if decider else [],
        notes=_notes(run, overall, complete, counts),
    )


def _notes(
    run: Run, overall: Mapping[str, Mapping[str, tables.Cell]], complete: set[str], counts: Mapping[str, int]
) -> list[str]:
    """One sentence for each thing that a reader must know before believing a number."""
    notes = []
    if counts["failures"]:
        failed = sorted({row.method for row in run.scores.failures})
        notes.append(f"{counts['failures']} records failed ({', '.join(failed)}); they are listed at the end.")
    if partial := [name for name in run.scores.methods if name not in complete]:
        notes.append(
            f"† Not scored on every frame, so never marked best; compare by the differences: {', '.join(partial)}."
        )
    renderings = {clip.rendering for clip in run.scores.clips}
    if told := [
        f"{word} for {name}" for name, word in run.told.items() if name in run.scores.methods and word in renderings
    ]:
        notes.append(f"° Left out of the method's means, because it undoes that rendering: {', '.join(told)}.")
    for key in run.scores.keys:
        label = metric_named(key).label
        status = run.scores.status[key]
        if unavailable := int((status == Status.UNAVAILABLE).sum()):
            of = int((status != Status.ABSENT).sum())
            count = "all" if unavailable == of else f"{unavailable} of {of}"
            notes.append(f"{label} is unavailable for {count} scores: an optional part or its weights are missing.")
        if infinite := {name: row[key].infinite for name, row in overall.items() if row[key].infinite}:
            frames = ", ".join(f"{name} {count}" for name, count in infinite.items())
            notes.append(f"{label} is infinite (equal pictures) in some frames, left out of the mean: {frames}.")
    if counts["scenes"] < bootstrap.SCENES_FOR_A_VERDICT:
        notes.append(
            f"With {counts['scenes']} scenes intervals are rough and no difference is called significant: under "
            f"{bootstrap.SCENES_FOR_A_VERDICT} scenes even full agreement could be chance at the 5 % level."
        )
    return notes
