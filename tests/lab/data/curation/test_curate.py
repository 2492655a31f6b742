"""Corpora: what is in them, the same bits however they are made, damage and mistakes named."""

import json
import shutil
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file

from lumaflux.digests import sha256
from lumaflux.errors import UserError
from lumaflux.lab.data.curation.curate import curate
from lumaflux.lab.data.curation.specification import CorpusSpecification, read_corpus_specification
from lumaflux.lab.data.shards import ShardPairs, read_corpus
from lumaflux.lab.data.sources import SourceFolders


def content(folder: Path) -> dict[str, str]:
    """Checksums of everything a user sees."""
    return {path.name: sha256(path) for path in sorted(folder.iterdir()) if path.is_file()}


@pytest.fixture(scope="module")
def made_once(tmp_path_factory: pytest.TempPathFactory, hdr_dir: Path, specification: CorpusSpecification) -> Path:
    folder = tmp_path_factory.mktemp("made") / "corpus"
    curate(specification, folder, SourceFolders(hdr_dir=hdr_dir))
    return folder


@pytest.fixture
def corpus(tmp_path: Path, made_once: Path) -> Path:
    """A copy to spoil."""
    return shutil.copytree(made_once, tmp_path / "corpus")


def test_what_is_in_it(corpus: Path):
    found = read_corpus(corpus)
    assert Counter(shard.scene for shard in found.shards) == {"meadow": 3, "lebombo": 3, "Vase": 2}
    assert {shard.scene: shard.split for shard in found.shards}["lebombo"] == "validation"
    kinds = {(r.crf is not None, r.jpeg is not None) for shard in found.shards for r in shard.renderings}
    assert {(True, False), (False, False)} <= kinds
    for shard in found.shards:
        tensors = load_file(corpus / shard.file)
        assert tensors["hdr"].shape == (2, 3, 32, 32)
        assert tensors["sdr"].shape == (6, 3, 32, 32)
        assert tensors["hdr_of"].tolist() == [0, 1] * 3
        assert tensors["hdr"].max() <= 0.7519 * 65535
        assert tensors["sdr"].std() > 1


def test_sdr_looks_like_its_hdr(corpus: Path):
    """Luma of a pair is strongly correlated, of two scenes it is not: masters and renderings are not mixed up."""
    import torch

    sdr, hdr = ShardPairs(corpus, "train").draw(40, 32, torch.Generator().manual_seed(0))
    a, b = (picture.mean(1).flatten(1).numpy() for picture in (sdr, hdr))
    own = [np.corrcoef(x, y)[0, 1] for x, y in zip(a, b, strict=True)]
    assert np.median(own) > 0.85


def test_the_same_bits_again_and_on_two_workers(
    corpus: Path, tmp_path: Path, hdr_dir: Path, specification: CorpusSpecification
):
    curate(specification, tmp_path / "two", SourceFolders(hdr_dir=hdr_dir), workers=2)
    assert content(corpus) == content(tmp_path / "two")


def test_what_is_damaged_or_missing_is_made_anew(corpus: Path, hdr_dir: Path, specification: CorpusSpecification):
    before = content(corpus)
    shards = sorted(corpus.glob("*.safetensors"))
    shards[0].unlink()
    shards[1].write_bytes(b"damaged")
    (corpus / ".123.partial").write_bytes(b"left by a kill")
    calls = []
    curate(
        specification, corpus, SourceFolders(hdr_dir=hdr_dir), progress=lambda done, total: calls.append((done, total))
    )
    assert calls[0] == (6, 8)
    assert content(corpus) == before


def test_another_specification_is_refused(corpus: Path, hdr_dir: Path, specification: CorpusSpecification):
    with pytest.raises(UserError, match="another specification"):
        curate(specification.model_copy(update={"seed": 2}), corpus, SourceFolders(hdr_dir=hdr_dir))


def test_no_training_scene(tmp_path: Path, specification: CorpusSpecification):
    with pytest.raises(UserError, match="no source belongs to the training split"):
        curate(specification, tmp_path / "c", SourceFolders())


def test_an_unreadable_source_is_named(tmp_path: Path, specification: CorpusSpecification):
    (tmp_path / "hdr" / "panoramas").mkdir(parents=True)
    (tmp_path / "hdr" / "panoramas" / "broken_1k.hdr").write_bytes(b"nothing")
    with pytest.raises(UserError, match="broken_1k"):
        curate(specification, tmp_path / "c", SourceFolders(hdr_dir=tmp_path / "hdr"))
    assert not (tmp_path / "c" / "corpus.json").exists()


def test_a_source_that_is_too_small_is_named(tmp_path: Path, hdr_dir: Path, specification: CorpusSpecification):
    with pytest.raises(UserError, match=r"Vase\.exr is 128x96, too small for pictures of 128 pixels"):
        curate(specification.model_copy(update={"size": 128}), tmp_path / "c", SourceFolders(hdr_dir=hdr_dir))


@pytest.mark.parametrize("name", ["lite", "flux"])
def test_committed_specifications(name: str):
    assert read_corpus_specification(name).name == name


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("name: x\nkept: 9\n", "kept is 9, of only 6 frames"),
        ("name: x\nsizes: 3\n", "sizes: Extra inputs"),
        ("name: x\ncollections: [netflix]\n", "unknown collections"),
        ("- 1\n", "specification"),
        ("name: [\n", "is not YAML"),
    ],
)
def test_bad_specifications(tmp_path: Path, text: str, sentence: str):
    (tmp_path / "s.yaml").write_text(text)
    with pytest.raises(UserError, match=sentence):
        read_corpus_specification(str(tmp_path / "s.yaml"))


def test_a_collection_needs_its_folder(tmp_path: Path, hdr_dir: Path, specification: CorpusSpecification):
    with pytest.raises(UserError, match="--root hidrovqa=DIR"):
        curate(
            specification.model_copy(update={"collections": ("hidrovqa",)}),
            tmp_path / "c",
            SourceFolders(hdr_dir=hdr_dir),
        )


def test_the_manifest_is_plain_json(corpus: Path):
    assert json.loads((corpus / "corpus.json").read_text())["specification"]["name"] == "small"
