"""A wheel, installed in an environment of its own outside the checkout, does what the checkout does."""

import ctypes
import json
import os
import subprocess
import sys
import venv
from itertools import product
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

ROOT = Path(__file__).parents[1]
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """The scripts' folder of an environment that holds the wheel, and of this one only the packages it depends on."""
    folder = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder), str(ROOT)]
    effect = ROOT / "build" / "test" / "plugin"  # the effect's tests have built the same sources, if they ran before
    if (effect / "LumaFlux.ofx.bundle" / "Contents" / "Linux-x86-64" / "LumaFluxBridge.so").exists():
        build.append(f"-Ccmake.define.LUMAFLUX_BUNDLES={effect}")
    subprocess.run(build, check=True, capture_output=True)
    (wheel,) = folder.glob("lumaflux-*.whl")
    venv.create(folder / "venv", with_pip=True)
    python = folder / "venv" / "bin" / "python"
    where = subprocess.run(
        [python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"], capture_output=True, text=True
    ).stdout.strip()
    # A line of a .pth file adds a folder, but does not read the .pth files in it: not the editable checkout.
    Path(where, "dependencies.pth").write_text(f"{Path(np.__file__).parents[1]}\n")
    subprocess.run([python, "-m", "pip", "install", "--quiet", "--no-deps", wheel], check=True)
    return folder / "venv" / "bin"


@pytest.fixture
def run(installed, tmp_path):
    """run(program, *arguments) -> standard output; in an empty folder."""

    def call(program, *arguments, **environment):
        done = subprocess.run(
            [installed / program, *map(str, arguments)],
            cwd=tmp_path,
            env={**os.environ, "LUMAFLUX_ENGINES": os.devnull, **environment},
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stderr[-3000:]
        return done.stdout

    return call


@pytest.fixture
def clip(tmp_path):
    """The example clip, out of the checkout."""
    copy = tmp_path / "clip.mp4"
    copy.write_bytes((ROOT / "examples" / "rooftop-sdr.mp4").read_bytes())
    return copy


def test_the_package_is_the_wheels_own(run, installed):
    script = (
        "import lumaflux, lumaflux.export, export; print(lumaflux.__file__, lumaflux.export.__file__, export.__file__)"
    )
    for place in run("python", "-c", script).split():
        assert Path(place).is_relative_to(installed.parent)
    assert run("python", "-m", "export", "--version") == run("lumaflux", "--version")


def test_native_code_and_kernel_sources_are_in_it(run):
    script = "import lumaflux_native; from lumaflux.ops.sources import folder; print(len(list(folder().glob('*.cuh'))))"
    assert int(run("python", "-c", script)) >= 5


def test_the_effect_is_in_it_and_needs_no_compiler(run, tmp_path):
    said = run("lumaflux", "plugin", "install", "--dir", tmp_path / "OFX", "--no-self-test", PATH="/nonexistent")
    contents = tmp_path / "OFX" / "LumaFlux.ofx.bundle" / "Contents"
    assert f"installed {contents.parent}" in said
    plugins = ctypes.CDLL(contents / "Linux-x86-64" / "LumaFlux.ofx")
    assert plugins.OfxGetNumberOfPlugins() == 1
    about = json.loads((contents / "Resources" / "engine.json").read_text())
    assert run(about["python"], "-c", "import lumaflux; print(lumaflux.__version__)").strip() == about["version"]
    assert (contents / "Linux-x86-64" / "LumaFluxBridge.so").exists()
    assert (contents / "Info.plist").exists()
    assert len(json.loads((contents / "Resources" / "parameters.json").read_text())["parameters"]) > 20


def test_it_converts_and_evaluates(run, clip, tmp_path):
    run("lumaflux", "convert", clip, "hdr.%04d.png", "--limit", 2, "--progress", "none")
    for number in range(2):
        for kind in ("made", "meant"):
            (tmp_path / kind).mkdir(exist_ok=True)
            (tmp_path / kind / f"{number}.png").write_bytes((tmp_path / f"hdr.{number:04d}.png").read_bytes())
    said = run("lumaflux", "evaluate", "--predictions", "made", "--references", "meant", "--report", "scores.json")
    assert said
    assert "0.0" in (tmp_path / "scores.json").read_text()


def test_it_makes_a_farm_job(run, clip, tmp_path):
    run("lumaflux", "farm", "job", clip, "film.mp4", "--out", "bundle")
    assert list((tmp_path / "bundle").iterdir())


def test_it_trains_by_a_bundled_configuration(run, tmp_path):
    views = tmp_path / "corpus" / "views"
    views.mkdir(parents=True)
    rng, entries = np.random.default_rng(0), []
    for number, (split, kind) in enumerate(product(("train", "validation"), ("panorama", "still", "photograph"))):
        save_file({"views": rng.integers(0, 48000, (4, 3, 96, 96), dtype=np.uint16)}, views / f"{number}.safetensors")
        facts = {"name": str(number), "scene": str(number), "split": split, "kind": kind}
        entries.append({"file": f"{number}.safetensors", **facts})
    (views / "manifest.json").write_text(json.dumps(entries))
    run("lumaflux", "train", "tiny-vae", "--cpu")
    assert (tmp_path / "runs" / "tiny" / "vae" / "train.log").exists()


def test_it_exports(run, tmp_path):
    run("python", "-m", "export", "build-engine", "--model", "tiny", "--out", "engine")
    manifest = json.loads((tmp_path / "engine" / "manifest.json").read_text())
    assert manifest["parts"]
