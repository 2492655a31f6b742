import json
import math
import zlib

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from lumaflux.color import pq
from lumaflux.errors import FrameError, UserError
from lumaflux.lab.evaluation.evaluate import PairSources, evaluate, refuse_failures
from lumaflux.lab.evaluation.metrics.hdr_lpips import HdrLpips
from lumaflux.lab.evaluation.pairs import read_pq, read_sdr
from lumaflux.lab.evaluation.presets import KEYS
from lumaflux.media.stills.picture import write_still


@pytest.fixture
def folders(tmp_path):
    rng = np.random.default_rng(0)
    for name in ("made", "wanted", "sdr"):
        (tmp_path / name).mkdir()
    for stem in ("a", "b"):
        base = np.repeat(np.repeat(rng.random((3, 8, 10), dtype=np.float32) * 0.7, 6, axis=1), 6, axis=2)
        write_still(tmp_path / "wanted" / f"{stem}.png", base)
        write_still(tmp_path / "made" / f"{stem}.png", (base + 0.01).astype(np.float32))
        write_sdr(tmp_path / "sdr" / f"{stem}.png", 1.1 * base)
    return tmp_path


def write_sdr(path, picture):
    import OpenImageIO as oiio

    pixels = (255 * picture.transpose(1, 2, 0)).round().astype(np.uint8)
    oiio.ImageBuf(np.ascontiguousarray(pixels)).write(str(path))


def run(folders, preset="luma-eval", sdr=True, **options):
    target = folders / "result.json"
    source = folders / "sdr" if sdr else None
    result = evaluate(
        PairSources(predictions=folders / "made", references=folders / "wanted", sdr=source), preset, target, **options
    )
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


def spoil_by_sdr_levels(folders):
    write_still(folders / "wanted" / "a.png", np.full((3, 48, 60), 0.7, dtype=np.float32), overwrite=True)


def spoil_by_linear_levels(folders):
    light = np.full((3, 48, 60), 0.03, dtype=np.float32)  # of a peak of 1000 cd/m2: 30
    light[:, :2, :10] = 1
    write_still(folders / "wanted" / "a.png", light, overwrite=True)


def spoil_by_dim_linear_levels(folders):
    write_still(folders / "wanted" / "a.png", linear_of(folders), overwrite=True)


def linear_of(folders):
    """What the reference would be as light, 10000 cd/m2 at 1."""
    return (pq.eotf(read_pq(folders / "wanted" / "a.png"))[0] / 10000).numpy()


def spoil_by_the_source(folders):
    write_still(folders / "wanted" / "a.png", read_sdr(folders / "sdr" / "a.png")[0].numpy(), overwrite=True)


def spoil_by_tag(transfer, primaries):
    def spoil(folders):
        path = folders / "wanted" / "a.png"
        data = path.read_bytes()
        at = data.index(b"cICP") + 4
        chunk = b"cICP" + bytes([primaries, transfer, 0, 1])
        path.write_bytes(data[: at - 4] + chunk + zlib.crc32(chunk).to_bytes(4, "big") + data[at + 8 :])

    return spoil


def write_float(folders, pixels):
    """A TIFF file of floats in place of prediction a."""
    import OpenImageIO as oiio

    (folders / "made" / "a.png").unlink()
    oiio.ImageBuf(np.ascontiguousarray(pixels.transpose(1, 2, 0))).write(str(folders / "made" / "a.tif"))


def spoil_by_nan(folders):
    signal = np.full((3, 48, 60), 0.4, dtype=np.float32)
    signal[1, 3:5, 7] = np.nan
    signal[0, 9, 9] = np.inf
    write_float(folders, signal)


def spoil_by_light(folders):
    write_float(folders, np.full((3, 48, 60), 120, dtype=np.float32))


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
        (spoil_by_sdr_levels, "half of its pixels"),
        (spoil_by_linear_levels, "linear light"),
        (spoil_by_dim_linear_levels, "linear light"),
        (spoil_by_the_source, "codes of its SDR source"),
        (spoil_by_tag(18, 9), "tagged hlg"),
        (spoil_by_tag(13, 1), "tagged srgb"),
        (spoil_by_tag(16, 12), "p3-d65 primaries"),
        (spoil_by_nan, "NaN or infinite values in 3 of 2880 pixels"),
        (spoil_by_light, "seems to be linear light"),
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


def test_a_prediction_in_floats_is_scored_as_its_16_bits_are(folders):
    by_codes, _ = run(folders)
    write_float(folders, read_pq(folders / "made" / "a.png")[0].numpy())
    by_floats, _ = run(folders)
    assert by_floats.frames == by_codes.frames


def test_a_prediction_without_reference_is_named(folders):
    (folders / "wanted" / "b.png").unlink()
    _, written = run(folders)
    assert set(written["frames"]) == {"a"}
    assert written["notes"] == ["no reference has the name of b.png; not scored"]


def test_black_frames_are_infinite_and_have_no_exposure(folders):
    black = np.zeros((3, 48, 60), dtype=np.float32)
    for folder in ("made", "wanted"):
        write_still(folders / folder / "a.png", black, overwrite=True)
    result, written = run(folders, sdr=False)
    scores = written["frames"]["a"]
    assert scores["psnr"] == scores["pu21_psnr"] == scores["pu21_psnr_y"] == "infinite"
    assert scores["ssim"] == scores["pu21_ssim"] == 1
    assert scores["delta_e_itp"] == 0
    assert scores["hdrvdp3_q"] == 10
    assert {key for key, score in scores.items() if score is None} == {
        "psnr_aligned",
        "delta_e_itp_aligned",
        "delta_e_itp_above_203",
        "delta_e_itp_clipped",
    }
    assert "psnr is infinite (equal pictures) for a; left out of the mean" in written["notes"]
    assert any(note.startswith("psnr_aligned has no value for a (no pixel") for note in written["notes"])
    assert written["mean"]["psnr"] == pytest.approx(40, abs=0.01)
    refuse_failures(result)


def test_light_against_black_has_numbers_but_no_exposure(folders):
    write_still(folders / "wanted" / "a.png", np.zeros((3, 48, 60), dtype=np.float32), overwrite=True)
    _, written = run(folders, sdr=False)
    scores = written["frames"]["a"]
    assert 0 < scores["psnr"] < 20
    assert scores["hdrvdp3_q"] < 6
    assert scores["psnr_aligned"] is None


def test_nothing_to_score_is_an_error_before_any_file(folders, tmp_path):
    with pytest.raises(UserError, match="not a directory"):
        evaluate(
            PairSources(predictions=tmp_path / "nowhere", references=folders / "wanted"),
            "luma-eval",
            folders / "r.json",
        )
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
    by_manifest = evaluate(PairSources(predictions=manifest(folders, *lines)), "luma-eval", None)
    assert by_manifest.to_json() == by_stem.to_json()
    assert list(by_manifest.frames) == ["a", "b"]


def test_a_manifest_may_leave_references_and_sdr_to_the_directories(folders):
    by_stem, _ = run(folders)
    file = manifest(folders, {"name": "a", "prediction": "a.png"}, {"name": "b", "prediction": "nowhere.png"})
    found = evaluate(
        PairSources(predictions=file, references=folders / "wanted", sdr=folders / "sdr"), "luma-eval", None
    )
    assert found.frames["a"] == by_stem.frames["a"]
    assert "nowhere.png does not exist" in found.failed["b"]
    file = manifest(folders, {"name": "a", "prediction": "a.png"})
    alone = evaluate(PairSources(predictions=file, references=folders / "wanted"), "hdrtv1k", None)
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
        evaluate(PairSources(predictions=file), "hdrtv1k", None)


def test_a_directory_of_predictions_needs_references(folders):
    with pytest.raises(UserError, match="--references"):
        evaluate(PairSources(predictions=folders / "made"), "hdrtv1k", None)


@pytest.mark.slow
def test_two_workers_give_what_one_gives(folders):
    one, _ = run(folders)
    (folders / "made" / "b.png").unlink()
    two, written = run(folders, workers=2)
    numbers = {key: score for key, score in one.frames["a"].items() if isinstance(score, float)}
    assert {key: two.frames["a"][key] for key in numbers} == pytest.approx(numbers, rel=1e-5)
    assert "no prediction" in written["failed"]["b"]
