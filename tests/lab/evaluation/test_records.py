from dataclasses import replace

import pytest

from lumaflux.errors import UserError
from lumaflux.lab.evaluation.records import Record, append_records, read_records

RECORD = Record(
    method="lite",
    clip="a/reinhard-crf23",
    sequence="a",
    scene="a",
    split="test",
    content="pgc",
    rendering="reinhard",
    crf=23,
    frame=0,
    scores={"psnr": 31.5, "delta_e_itp_clipped": None, "hdr_lpips": "unavailable"},
)


def test_round_trip_and_append(tmp_path):
    path = tmp_path / "results.jsonl"
    append_records(path, [RECORD])
    append_records(path, [replace(RECORD, frame=None, scores={"flicker": 0.1})])
    assert [record.frame for record in read_records(path)] == [0, None]
    assert read_records(path)[0] == RECORD


def test_a_cut_last_line_is_left_out(tmp_path):
    path = tmp_path / "results.jsonl"
    append_records(path, [RECORD, RECORD])
    path.write_text(path.read_text()[:-9])
    assert read_records(path) == [RECORD]


def test_a_foreign_line_is_named(tmp_path):
    path = tmp_path / "results.jsonl"
    path.write_text("{}\n")
    with pytest.raises(UserError, match="line 1"):
        read_records(path)
