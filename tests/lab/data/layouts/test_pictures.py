"""HDRTV1K and HDRTV4K on small trees."""

import pytest

from lumaflux.errors import UserError
from lumaflux.lab.data.layouts import hdrtv1k, hdrtv4k


def tree(root, *names):
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(b"x")
    return root


def test_hdrtv1k_pairs_by_stem_and_set(tmp_path):
    names = [f"test_set/test_{side}/{n:03d}.png" for side in ("sdr", "hdr") for n in (1, 2)]
    names += [f"training_set/train_{side}/0001.png" for side in ("sdr", "hdr")]
    found = hdrtv1k.pairs(tree(tmp_path, *names, "test_set/test_sdr/.hidden.png", "test_set/test_sdr/readme.txt"))
    assert [(pair.split, pair.sdr.parent.name, pair.hdr.parent.name, pair.sdr.name) for pair in found] == [
        ("train", "train_sdr", "train_hdr", "0001.png"),
        ("test", "test_sdr", "test_hdr", "001.png"),
        ("test", "test_sdr", "test_hdr", "002.png"),
    ]
    assert {(pair.rendering, pair.crf, pair.content) for pair in found} == {("native", None, "pgc")}
    assert len({pair.scene for pair in found}) == 3


@pytest.mark.parametrize("root", ["HDRTV1K/", "dataset/", ""])
def test_hdrtv1k_may_lie_deeper_or_alone(tmp_path, root):
    tree(tmp_path, f"{root}test_sdr/1.png", f"{root}test_hdr/1.png")
    assert len(hdrtv1k.pairs(tmp_path)) == 1


def test_hdrtv1k_names_pictures_without_a_partner(tmp_path):
    tree(tmp_path, "test_set/test_sdr/1.png", "test_set/test_sdr/2.png", "test_set/test_hdr/1.png")
    with pytest.raises(UserError, match=r"1 pictures .* no partner: 2$"):
        hdrtv1k.pairs(tmp_path)


@pytest.mark.parametrize("module", [hdrtv1k, hdrtv4k])
def test_another_layout_is_refused_by_what_was_expected(tmp_path, module):
    tree(tmp_path, "pictures/1.png")
    with pytest.raises(UserError, match=r"is not laid out as HDRTV\dK; expected .*SDR|is not laid out as .*test_sdr"):
        module.pairs(tmp_path)
    with pytest.raises(UserError, match="does not exist"):
        module.pairs(tmp_path / "nowhere")


def test_hdrtv4k_pairs_every_version_with_the_one_hdr_folder(tmp_path):
    versions = ("GT", "OCIO2", "2446c+GM", "HC+GM", "YouTube", "mine")
    names = [f"test/{folder}/{n}.png" for folder in versions for n in (1, 2)]
    names += ["train/HDR/a.tif", "train/Reinhard/a.png"]
    found = hdrtv4k.pairs(tree(tmp_path, *names))
    test = [pair for pair in found if pair.split == "test"]
    assert {pair.rendering for pair in test} == {"aces-ocio2", "bt2446c-gm", "hard-clip-gm", "youtube", "mine"}
    assert len(test) == 10
    assert all(pair.hdr.parent.name == "GT" and pair.hdr.stem == pair.sdr.stem for pair in test)
    assert [(pair.rendering, pair.hdr.name, pair.sdr.name) for pair in found if pair.split == "train"] == [
        ("reinhard", "a.tif", "a.png")
    ]
    assert len({pair.name for pair in test}) == 2  # versions of a frame share its name, and so its references
