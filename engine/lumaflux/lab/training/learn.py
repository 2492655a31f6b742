"""`lumaflux learn`: from files to a look, and what is said of it."""

import time
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path

from lumaflux.digests import file_digest
from lumaflux.errors import UserError
from lumaflux.lab.data.look_pairs import LookPair, find_pairs, new_file, read_pairs
from lumaflux.lab.training.look import Score, difference, fit, is_better
from lumaflux.lab.training.timeline_pairs import is_timeline, stretches
from lumaflux.version import __version__

Progress = Callable[[int, int | None], None]


def learn(
    sources: Sequence[str],
    out: Path,
    model: str = "lite",
    *,
    seed: int = 0,
    overwrite: bool = False,
    progress: Progress = lambda done, total: None,
) -> list[str]:
    """Writes the look of the pairs that ``sources`` name, over ``model``; what to tell the user, a line each.

    Raises UserError for pairs that cannot be read or do not match, for too few of them, and for a target that exists.
    """
    from lumaflux.inference.load import load_network
    from lumaflux.model.look_file import tone_digest, write_look

    named = find_pairs(sources)
    start = time.perf_counter()
    with new_file(out, overwrite=overwrite) as partial:
        pairs: list[LookPair] = []
        for done, (name, sdr, hdr) in enumerate(named):
            progress(done, len(named))
            if not is_timeline(sdr):
                pairs += read_pairs(name, sdr, hdr)
                continue
            for one in stretches(sdr, hdr):
                pairs += read_pairs(f"{name}, {one.name}", one.sdr, one.hdr, (one.sdr_frames, one.hdr_frames))
        progress(len(named), len(named))
        predictor = load_network(model).adapters.tone_predictor
        if predictor is None:
            raise UserError(f"{model} has no tone predictor to fit; take lite, or a model directory that has one")
        tensors, scores = fit(predictor, pairs, seed)
        better = is_better(scores)
        files = {path for _, sdr, hdr in named for path in (sdr, hdr) if path.is_file()}
        known = [(path.name, file_digest(path)) for path in files]  # names alone collide; where they lay is private
        provenance = {
            "engine": __version__,
            "model": Path(model).name,
            "pairs": [pair.name for pair in pairs],
            "files": [{"name": name, "digest": digest} for name, digest in sorted(known)],
            "left_out": [asdict(score) for score in scores],
            "better": better,
            "seed": seed,
        }
        write_look(partial, tensors, tone_digest(predictor), provenance)
    notes = [note for pair in pairs for note in pair.notes]
    notes += [f"{pair.name}: the HDR begins {pair.offset} frames later" for pair in pairs if pair.offset]
    return [*notes, *described(scores, better), f"{out}: {len(pairs)} pairs, {time.perf_counter() - start:.0f} s"]


def described(scores: Sequence[Score], better: bool) -> list[str]:
    """Scores on pairs that the look did not see, and the verdict."""
    lines = [f"{'left out':30} {'shipped':>16} {'look':>16}   (dB / Delta-E-ITP)"]
    for score in scores:
        shipped = f"{score.shipped_psnr:.2f} / {score.shipped_itp:.2f}"
        lines.append(f"{score.name[:30]:30} {shipped:>16} {f'{score.look_psnr:.2f} / {score.look_itp:.2f}':>16}")
    psnr = difference([score.look_psnr - score.shipped_psnr for score in scores])
    itp = difference([score.look_itp - score.shipped_itp for score in scores])
    lines.append(
        f"change: {psnr.mean:+.2f} dB ({psnr.low:+.2f} to {psnr.high:+.2f}), "
        f"{itp.mean:+.2f} Delta-E-ITP ({itp.low:+.2f} to {itp.high:+.2f})"
    )
    if not better:
        lines.append(
            "The look is not better than the shipped model on pairs that it did not see; add pairs of one grade."
        )
    return lines
