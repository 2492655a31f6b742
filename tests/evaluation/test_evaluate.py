import json
import math

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from engine.color import pq
from engine.errors import FrameError, UserError
from engine.evaluation.evaluate import evaluate, refuse_failures
from engine.evaluation.metrics.hdr_lpips import HdrLpips
from engine.evaluation.presets import KEYS
from engine.media.stills import write_still


@pytest.fixture
def folders(tmp_path):
    rng = np.random.default_rng(0)
    for name in ("made", "wanted", "sdr"):
        (tmp_path / name).mkdir()
    for stem in ("a", "b"):
        base = np.repeat(np.repeat(rng.random((3, 8, 10), dtype=np.float32) * 0.7, 6, axis=1), 6, axis=2)
        write_still(tmp_path / "wanted" / f"{stem}.png", base)
        write_still(tmp_path / "made" / f"{stem}.png", (base + 0.01).astype(np.float32))
        write_sdr(tmp_path / "sdr" / f"{stem}.png", base)
    return tmp_path


def write_sdr(path, picture):
    import OpenImageIO as oiio

    pixels = (255 * picture.transpose(1, 2, 0)).round().astype(np.uint8)
    oiio.ImageBuf(np.ascontiguousarray(pixels)).write(str(path))


def run(folders, preset="luma-eval", sdr=True, **options):
    target = folders / "result.json"
    source = folders / "sdr" if sdr else None
    result = evaluate(folders / "made", folders / "wanted", source, preset, target, **options)
    return result, json.loads(target.read_text())


def test_every_key_is_there_and_psnr_is_what_it_must_be(folders):
    result, written = run(folders)
    assert tuple(written["mean"]) == KEYS
    assert set(written["frames"]) == {"a", "b"}
    assert written["mean"]["psnr"] == pytest.approx(40.0, abs=0.01)
    assert written["mean"]["hdr_lpips"] == "unavailable"
    assert written["options"]["psnr"]["peak"] == 1.0
    assert written["failed"] == {}
    refuse_failures(result)


def test_without_sdr_the_clipped_score_is_null(folders):
    _, written = run(folders, sdr=False)
    assert written["mean"]["delta_e_itp_clipped"] is None


def test_the_hdrtv_preset_has_its_four_scores(folders):
    _, written = run(folders, preset="hdrtv1k")
    assert set(written["mean"]) == {"psnr", "ssim", "delta_e_itp", "hdrvdp3_q"}


def test_equal_pictures_are_infinite_and_said_so(folders):
    (folders / "made" / "a.png").write_bytes((folders / "wanted" / "a.png").read_bytes())
    result, written = run(folders)
    assert result.frames["a"]["psnr"] == math.inf
    assert written["frames"]["a"]["psnr"] == "infinite"
    assert written["mean"]["psnr"] == pytest.approx(40.0, abs=0.01)
    assert any("infinite" in note and "a" in note for note in written["notes"])


def spoil_size(folders):
    write_still(folders / "made" / "a.png", np.zeros((3, 20, 20), dtype=np.float32), overwrite=True)


def spoil_bits(folders):
    write_sdr(folders / "wanted" / "a.png", np.full((3, 48, 60), 0.5))


def spoil_levels(folders):
    bright = np.full((3, 48, 60), 0.99, dtype=np.float32)
    write_still(folders / "made" / "a.png", bright, overwrite=True)


def spoil_missing(folders):
    (folders / "made" / "a.png").unlink()


def spoil_damaged(folders):
    (folders / "made" / "a.png").write_bytes(b"\x89PNG\r\n\x1a\n....")


def spoil_sdr(folders):
    (folders / "sdr" / "a.png").unlink()


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (spoil_size, "20x20"),
        (spoil_bits, "8 bits"),
        (spoil_levels, "another transfer"),
        (spoil_missing, "no prediction"),
        (spoil_damaged, "a.png"),
        (spoil_sdr, "no SDR picture"),
    ],
)
def test_a_bad_frame_is_named_and_the_rest_is_scored(folders, spoil, said):
    spoil(folders)
    result, written = run(folders)
    assert said in written["failed"]["a"]
    assert set(written["frames"]) == {"b"}
    with pytest.raises(FrameError, match="1 of 2 frames") as caught:
        refuse_failures(result)
    assert caught.value.exit_code == 3


def test_nothing_to_score_is_an_error_before_any_file(folders, tmp_path):
    with pytest.raises(UserError, match="not a directory"):
        evaluate(tmp_path / "nowhere", folders / "wanted", None, "luma-eval", folders / "r.json")
    with pytest.raises(UserError, match="unknown preset"):
        run(folders, preset="nope")
    assert not (folders / "r.json").exists()


def lpips_weights(path, heads=5):
    generator = torch.Generator().manual_seed(0)
    shapes = {0: (64, 3, 11, 11), 3: (192, 64, 5, 5), 6: (384, 192, 3, 3), 8: (256, 384, 3, 3), 10: (256, 256, 3, 3)}
    tensors = {}
    for number, (index, shape) in enumerate(shapes.items()):
        tensors[f"features.{index}.weight"] = 0.05 * torch.randn(shape, generator=generator)
        tensors[f"features.{index}.bias"] = torch.zeros(shape[0])
        if number < heads:
            tensors[f"lin{number}.model.1.weight"] = torch.rand(1, shape[0], 1, 1, generator=generator)
    save_file(tensors, path)
    return path


def test_lpips_with_the_users_weights(tmp_path):
    lpips = HdrLpips(lpips_weights(tmp_path / "w.safetensors"))
    nits = pq.eotf(0.6 * torch.rand(1, 3, 64, 64, generator=torch.Generator().manual_seed(1)))
    assert lpips(nits, nits).item() == 0
    near, far = lpips(nits * 1.02, nits).item(), lpips(nits * 1.5, nits).item()
    assert 0 < near < far
    with pytest.raises(UserError, match="lin4"):
        HdrLpips(lpips_weights(tmp_path / "broken.safetensors", heads=4))


def manifest(folders, *lines):
    file = folders / "made" / "pairs.jsonl"
    file.write_text("".join((line if isinstance(line, str) else json.dumps(line)) + "\n" for line in lines))
    return file


def test_a_manifest_names_what_a_directory_has_by_stem(folders):
    by_stem, _ = run(folders)
    lines = [
        {"name": stem, "prediction": f"{stem}.png", "reference": f"../wanted/{stem}.png", "sdr": f"../sdr/{stem}.png"}
        for stem in ("b", "a")
    ]
    by_manifest = evaluate(manifest(folders, *lines), None, None, "luma-eval", None)
    assert by_manifest.to_json() == by_stem.to_json()
    assert list(by_manifest.frames) == ["a", "b"]


def test_a_manifest_may_leave_references_and_sdr_to_the_directories(folders):
    by_stem, _ = run(folders)
    file = manifest(folders, {"name": "a", "prediction": "a.png"}, {"name": "b", "prediction": "nowhere.png"})
    found = evaluate(file, folders / "wanted", folders / "sdr", "luma-eval", None)
    assert found.frames["a"] == by_stem.frames["a"]
    assert "nowhere.png does not exist" in found.failed["b"]
    alone = evaluate(manifest(folders, {"name": "a", "prediction": "a.png"}), folders / "wanted", None, "hdrtv1k", None)
    assert "no prediction has the name of b.png" in alone.failed["b"]


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ({"name": "a"}, "line 2, must be"),
        ({"name": "x", "prediction": "a.png"}, 'line 2, has no "reference" for x'),
        ({"name": "b", "prediction": "b.png", "reference": 1}, 'has a "reference" that is no path'),
        ({"name": "a", "prediction": "b.png", "reference": "b.png"}, "names a a second time"),
        ("{", "line 2, is no JSON object"),
    ],
)
def test_a_bad_line_of_a_manifest_is_named(folders, line, said):
    file = manifest(folders, {"name": "a", "prediction": "a.png", "reference": "../wanted/a.png"}, line)
    with pytest.raises(UserError, match=said):
        evaluate(file, None, None, "hdrtv1k", None)


def test_a_directory_of_predictions_needs_references(folders):
    with pytest.raises(UserError, match="--references"):
        evaluate(folders / "made", None, None, "hdrtv1k", None)


@pytest.mark.slow
def test_two_workers_give_what_one_gives(folders):
    one, _ = run(folders)
    (folders / "made" / "b.png").unlink()
    two, written = run(folders, workers=2)
    numbers = {key: score for key, score in one.frames["a"].items() if isinstance(score, float)}
    assert {key: two.frames["a"][key] for key in numbers} == pytest.approx(numbers, rel=1e-5)
    assert "no prediction" in written["failed"]["b"]
