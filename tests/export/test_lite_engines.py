"""The default model's bundles, as a user builds them: through onnxruntime, and by TensorRT-RTX for a GPU that is not
here (compiled, not executed)."""

import subprocess
import sys
from pathlib import Path

import pytest

from lumaflux.backends.bundle import read_manifest
from lumaflux.errors import UserError
from lumaflux.inference.load import load

pytestmark = pytest.mark.slow
CLIP = Path(__file__).parents[2] / "examples" / "rooftop-sdr.mp4"


def build(out, precision, target, backend):
    options = {"precision": precision, "target": target, "backend": backend, "out": out, "calibration": CLIP}
    words = [str(word) for name, value in options.items() for word in (f"--{name}", value)]
    done = subprocess.run([sys.executable, "-m", "export", "build-engine", *words], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    return read_manifest(out)


def test_the_cpu_bundle_converts_a_clip(tmp_path):
    manifest = build(tmp_path / "engine", "fp32", "cpu", "ort")
    assert manifest.frame is not None
    assert manifest.frame.delta_e_itp_mean < 0.01
    command = [str(Path(sys.executable).with_name("lumaflux")), "convert", str(CLIP), str(tmp_path / "hdr.mp4")]
    options = ["--engine", str(tmp_path / "engine"), "--limit", "2", "--progress", "none"]
    done = subprocess.run([*command, *options], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "hdr.mp4").stat().st_size > 1000


@pytest.mark.parametrize("precision", ["fp16", "fp8"])
def test_rtx_engines_are_compiled_and_claim_no_more(tmp_path, precision):
    pytest.importorskip("tensorrt_rtx", reason="pip install tensorrt-rtx (make slow does)")
    manifest = build(tmp_path / "engine", precision, "sm_89", "rtx")
    assert not manifest.executed_on_device
    assert "not executed on a device" in manifest.note
    least = {"fp16": 50.0, "fp8": 25.0}[precision]
    assert manifest.parts["velocity"].agreement["velocity"].snr_db >= least
    for name, part in manifest.parts.items():
        engine = tmp_path / "engine" / str(part.engine)
        assert engine.name.startswith(f"{name}-{precision}-sm_89-rtx-")
        assert engine.stat().st_size > 1000
    with pytest.raises(UserError, match="no CUDA device"):
        load("lite", engine=tmp_path / "engine")
