"""`lumaflux bench`: its commands call what they name, and what cannot be measured is refused in a sentence."""

import json
import re
from pathlib import Path

import pytest

from lumaflux.cli import app
from lumaflux.errors import UserError
from lumaflux.lab.bench import conversion, report
from lumaflux.lab.bench.report import Measured

CALLS = {
    "conversion": ("conversion", (None, 24, 15)),
    "conversion --clip a.mp4 --limit 3 --rounds 2": ("conversion", (Path("a.mp4"), 3, 2)),
    "sizes": ("sizes", ((),)),
    "sizes 2160p 1080p": ("sizes", (("2160p", "1080p"),)),
    "long 300": ("long_clip", (300,)),
    "scores": ("scores", ()),
    "training lite-adapters": ("training", (Path("lite-adapters"),)),
    "engine lite-cpu --rounds 4": ("engine", (Path("lite-cpu"), 4)),
    "kernels": ("kernels", ()),
    "gpu": ("gpu", (15,)),
}


def bench(words):
    app(["bench", *words.split()], exit_on_error=False, print_error=False, result_action="return_value")


@pytest.mark.parametrize("words", CALLS)
def test_a_command_measures_what_it_names(words, monkeypatch):
    name, wanted = CALLS[words]
    seen = []
    monkeypatch.setattr(report, name, lambda *given: seen.append(given) or Measured({}))
    bench(words)
    assert seen == [wanted]


def test_tables_and_figures_are_printed_and_written(monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(report, "scores", lambda: Measured({"a": {"s": 2.5}}, "| table |"))
    monkeypatch.setattr(report, "gpu", lambda rounds: Measured({"b": 3}, "| kernels |", whole=True))
    bench(f"scores --report {tmp_path}/new/a.json")
    assert {"| table |", "a: s 2.5"} < set(capsys.readouterr().out.splitlines())
    bench(f"gpu --report {tmp_path}/b.json")
    assert capsys.readouterr().out == "| kernels |\n"
    written = [json.loads((tmp_path / name).read_text()) for name in ("new/a.json", "b.json")]
    assert (written[0]["a"], written[1]["b"]) == ({"s": 2.5}, 3)
    assert written[0]["machine"] == written[1]["machine"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("long 3", "name 10 at least, as in lumaflux bench long 10000"),
        ("sizes 9k", "there is no size 9k; name 1080p, 2160p, 4320p"),
        ("conversion --clip none.mp4", "the clip none.mp4 is missing"),
    ],
)
def test_what_cannot_be_measured_is_refused(words, said):
    with pytest.raises(UserError, match=re.escape(said)):
        bench(words)


def test_memory_over_time_compares_clips_of_two_lengths(monkeypatch):
    """Tones are those of a whole source: a part of a long clip would cost as much as the clip."""
    made = []
    monkeypatch.setattr(conversion, "write_moving_gradient", lambda path, frames: made.append((path.name, frames)))
    monkeypatch.setattr(
        conversion, "conversion", lambda clip, count, steps: {"seconds": 2.0, "frames": count, "peak_mb": count / 10}
    )
    assert conversion.growth(100) == {
        "ms_a_frame_10": 200.0,
        "peak_mb_10": 1.0,
        "ms_a_frame_100": 20.0,
        "peak_mb_100": 10.0,
    }
    assert made == [("10.mp4", 10), ("100.mp4", 100)]


def test_a_conversion_that_fails_is_told(tmp_path):
    with pytest.raises(UserError, match=r"failed: .*none\.mp4"):
        conversion.conversion(tmp_path / "none.mp4", 3)
