"""A small made-up benchmark run: three methods, eight scenes, eight renderings at three CRF, with known laws."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lumaflux.color import pq
from lumaflux.lab.evaluation.records import OPTIONS, RESULTS, Record, append_records
from lumaflux.lab.evaluation.report.write import write_report
from lumaflux.lab.evaluation.sets.manifest import Clip, Manifest, write_manifest

RENDERINGS = ("aces-1.3", "aces-2.0", "bt2390", "bt2446a", "bt2446c", "gamma-clip", "hard-clip", "reinhard")
CRF = (23, 31, 39)
EVIL = "</script><img src=https://example.invalid/x onerror=alert(1)> &\"'|`"
PENALTY = {"static-203": 4.0, "inverse-bt2446a": 2.0, EVIL: 0.0}
FRAMES = 2


@dataclass(frozen=True, kw_only=True)
class Sample:
    run: Path
    set_folder: Path
    records: list[Record]

    def render(self, method: str, clip: str, frame: int):
        """A grey ramp with a bright spot; a method's error grows with its penalty."""
        height, width = 45, 80
        ramp = np.linspace(0, 1, width, dtype=np.float32) * np.ones((3, height, 1), np.float32)
        nits = 0.1 + 200 * ramp**2.4
        nits[:, 10:20, 30:40] = 900
        reference = pq.inverse_eotf(nits).astype(np.float32)
        return ramp, (reference * (1 - 0.01 * PENALTY.get(method, 1))).astype(np.float32), reference


def clip_names(scenes: int):
    for scene in range(scenes):
        for rendering in RENDERINGS:
            for crf in CRF:
                yield scene, rendering, crf, f"scene-{scene}/{rendering}-crf{crf}"


def make_sample(folder: Path, scenes: int = 8, methods: dict[str, float] | None = None) -> Sample:
    penalties = methods or PENALTY
    rng = np.random.default_rng(5)
    offsets = rng.normal(0, 1, scenes)
    set_folder, run = folder / "set", folder / "run"
    set_folder.mkdir(parents=True)
    run.mkdir()
    clips, records = [], []
    for scene, rendering, crf, name in clip_names(scenes):
        facts: dict[str, Any] = {"sequence": f"scene-{scene}", "scene": f"scene-{scene}", "split": "test"}
        facts |= {"content": "pgc" if scene % 2 else "ugc", "rendering": rendering, "crf": crf}
        references = tuple(f"references/scene-{scene}/{frame:06d}.png" for frame in range(FRAMES))
        clips.append(
            Clip(name=name, frame_rate=24.0, licence="CC0-1.0", sdr=f"sdr/{name}.mp4", references=references, **facts)
        )
        for method, penalty in penalties.items():
            difficulty = 8 + penalty + offsets[scene] + 0.1 * (crf - 23)
            for frame in range(FRAMES):
                error = difficulty + 0.3 * rng.normal()
                scores = {
                    "psnr": 45 - error,
                    "delta_e_itp": error,
                    "delta_e_itp_clipped": None if rendering == "reinhard" else 1.5 * error,
                    "hdr_lpips": "unavailable",
                    "new_score": 0.01 * error,
                }
                records.append(Record(method=method, clip=name, frame=frame, scores=scores, **facts))
            levels = {"p99": [500.0, 520.0 - 10 * penalty], "p50": [20.0, 21.0], "mean": [50.0, 51.0]}
            tracks = {"prediction": levels, "reference": {"p99": [510.0, 530.0], "p50": [20.0, 20.0], "mean": [50, 50]}}
            temporal = {"flicker": 0.1 * difficulty, "tracks": tracks}
            records.append(Record(method=method, clip=name, frame=None, scores=temporal, **facts))
    files = {path: "0" * 64 for clip in clips for path in (clip.sdr, *clip.references)}
    write_manifest(
        set_folder, Manifest(name="Sample <set>", specification={"seed": 5}, clips=tuple(clips), files=files)
    )
    write_run(run, records, penalties)
    return Sample(run=run, set_folder=set_folder, records=records)


def write_run(run: Path, records: list[Record], methods) -> None:
    (run / RESULTS).unlink(missing_ok=True)
    append_records(run / RESULTS, records)
    told = {"inverse-bt2446a": "bt2446a", "static-203": "hard-clip"}
    options = {
        "set": {"name": "Sample <set>", "frames_per_clip": None},
        "scores": {"preset": "luma-eval", "psnr": {"peak": 1.0}},
        "software": {"lumaflux": "0.1"},
        "methods": {name: {"specification": name, "told": told.get(name)} for name in methods},
    }
    (run / OPTIONS).write_text(json.dumps(options))


@pytest.fixture(scope="session")
def make_sample_run():
    """make_sample, for tests that change the run."""
    return make_sample


@pytest.fixture(scope="session")
def write_sample_run():
    return write_run


@pytest.fixture(scope="session")
def evil() -> str:
    """A method's name that tries to be HTML; the best method of the sample."""
    return EVIL


@pytest.fixture(scope="session")
def report_files(sample) -> dict[str, Path]:
    """The written report of ``sample`` by suffix."""
    paths = write_report(sample.run, set_folder=sample.set_folder, render=sample.render, worst=2)
    return {path.suffix: path for path in paths}


@pytest.fixture(scope="session")
def sample(tmp_path_factory) -> Sample:
    return make_sample(tmp_path_factory.mktemp("sample"))
