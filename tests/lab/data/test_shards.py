"""Shards: content addresses, exact pairs back, 1:1 sampling of the content classes, damage named."""

from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import torch

from lumaflux.digests import sha256
from lumaflux.errors import UserError
from lumaflux.lab.data.shards import Corpus, Rendering, Shard, ShardPairs, read_corpus, write_corpus, write_shard

SIZE = 32


def shard(folder: Path, name: str, content: str, level: int, split: str = "train") -> Shard:
    """HDR of one value, SDR of another, so that a pair says where it came from."""
    hdr = np.full((2, 3, SIZE, SIZE), 256 * level, np.uint16)
    hdr[1] += 1
    sdr = np.full((4, 3, SIZE, SIZE), level, np.uint8)
    file, digest = write_shard(folder, hdr, sdr, [0, 1, 0, 1])
    return Shard(
        file=file,
        sha256=digest,
        source=f"s/{name}",
        scene=name,
        split=split,
        content=content,
        licence="CC0",
        hdr=2,
        renderings=tuple(Rendering(name="reinhard", crf=23) for _ in range(4)),
    )


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    shards = [shard(tmp_path, f"pgc{i}", "pgc", 10 + i) for i in range(5)]
    shards += [shard(tmp_path, "ugc", "ugc", 200), shard(tmp_path, "held", "pgc", 90, "validation")]
    write_corpus(tmp_path, Corpus(size=SIZE, specification={}, shards=tuple(shards)))
    return tmp_path


def test_names_are_contents(corpus: Path):
    for entry in read_corpus(corpus).shards:
        assert entry.sha256 == sha256(corpus / entry.file)
        assert entry.file.startswith(entry.sha256[:24])


def test_pairs_belong_together_and_classes_are_even(corpus: Path):
    sdr, hdr = ShardPairs(corpus, "train").draw(400, 16, torch.Generator().manual_seed(1))
    assert sdr.shape == hdr.shape == (400, 3, 16, 16)
    levels = (sdr[:, 0, 0, 0] * 255).round().int()
    assert torch.equal((hdr[:, 0, 0, 0] * 65535).round().int() // 256, levels)
    counts = Counter(levels.tolist())
    assert set(counts) == {10, 11, 12, 13, 14, 200}
    assert 160 < counts[200] < 240


def test_draws_repeat(corpus: Path):
    pairs = ShardPairs(corpus, "train")
    first = pairs.draw(3, 8, torch.Generator().manual_seed(5))
    again = ShardPairs(corpus, "train").draw(3, 8, torch.Generator().manual_seed(5))
    assert all(torch.equal(a, b) for a, b in zip(first, again, strict=True))


def test_crops_are_cut_and_mirrored_alike(tmp_path: Path):
    ramp = np.arange(SIZE, dtype=np.uint16)
    hdr = np.broadcast_to(256 * ramp, (1, 3, SIZE, SIZE)).copy()
    sdr = np.broadcast_to(ramp.astype(np.uint8), (1, 3, SIZE, SIZE)).copy()
    file, digest = write_shard(tmp_path, hdr, sdr, [0])
    entry = shard(tmp_path, "a", "pgc", 1).model_copy(
        update={"file": file, "sha256": digest, "hdr": 1, "renderings": (Rendering(name="x"),)}
    )
    write_corpus(tmp_path, Corpus(size=SIZE, specification={}, shards=(entry,)))
    sdr_crops, hdr_crops = ShardPairs(tmp_path, "train").draw(12, 8, torch.Generator().manual_seed(0))
    assert torch.allclose(hdr_crops * 65535, sdr_crops * 255 * 256, atol=0.01)
    rising = sdr_crops[:, 0, 0, -1] > sdr_crops[:, 0, 0, 0]
    assert rising.any()
    assert not rising.all()


def test_a_damaged_shard_is_named(corpus: Path):
    victim = corpus / next(s.file for s in read_corpus(corpus).shards if s.content == "ugc")
    victim.write_bytes(victim.read_bytes()[:-1] + b"x")
    with pytest.raises(UserError, match=victim.name):
        ShardPairs(corpus, "train").draw(20, 8, torch.Generator().manual_seed(0))


def test_bad_corpora(corpus: Path, tmp_path_factory: pytest.TempPathFactory):
    with pytest.raises(UserError, match=r"'test' of .* is empty"):
        ShardPairs(corpus, "test")
    with pytest.raises(UserError, match="do not fit"):
        ShardPairs(corpus, "train").draw(1, 64, torch.Generator())
    with pytest.raises(UserError, match="lumaflux curate"):
        read_corpus(tmp_path_factory.mktemp("none"))
    entry = read_corpus(corpus).shards[0]
    with pytest.raises(ValueError, match="in the splits train and test"):
        Corpus(size=SIZE, specification={}, shards=(entry, entry.model_copy(update={"split": "test"})))
