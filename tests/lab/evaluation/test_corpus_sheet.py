from pathlib import Path

import numpy as np
import pytest

from lumaflux.errors import UserError
from lumaflux.lab.data.shards import Corpus, Rendering, Shard, write_corpus, write_shard
from lumaflux.lab.evaluation.corpus_sheet import corpus_sheet


def test_a_row_for_every_rendering(tmp_path: Path):
    shards = []
    for number, scene in enumerate(("a", "b")):
        hdr = np.full((1, 3, 32, 32), 30000 + number, np.uint16)
        sdr = np.stack([np.full((3, 32, 32), 200, np.uint8), np.full((3, 32, 32), 40, np.uint8)])
        file, sha256 = write_shard(tmp_path, hdr, sdr, [0, 0])
        entry = {"source": scene, "scene": scene, "split": "train", "content": "pgc", "licence": "CC0", "hdr": 1}
        names = (Rendering(name="reinhard"), Rendering(name="bt2390"))
        shards.append(Shard(file=file, sha256=sha256, renderings=names, **entry))
    write_corpus(tmp_path, Corpus(size=32, specification={}, shards=tuple(shards)))
    sheet = np.asarray(corpus_sheet(tmp_path, pairs=3))
    assert sheet.shape == (2 * 48, 3 * 70, 3)
    assert (sheet[20, 5] == 40).all()  # bt2390 comes first
    assert (sheet[70, 5] == 200).all()
    assert (sheet[20, 2 * 70 + 5] == 255).all()  # only two scenes


def test_an_empty_corpus(tmp_path: Path):
    write_corpus(tmp_path, Corpus(size=32, specification={}, shards=()))
    with pytest.raises(UserError, match="no pairs"):
        corpus_sheet(tmp_path)
