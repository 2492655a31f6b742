"""What cannot be built is refused in one sentence, before any work starts."""

from pathlib import Path

import pytest
from build_requests import request
from lumaflux.export.targets import check_request, config_of, estimate, parse_sizes, weight_bytes

from lumaflux.errors import UserError


def test_a_plain_request_passes(tmp_path):
    check_request(request(tmp_path / "bundle"))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"target": "sm_70"}, "unknown target"),
        ({"backend": "tvm"}, "unknown backend"),
        ({"precision": "int4"}, "unknown precision"),
        ({"precision": "fp8", "target": "sm_80", "backend": "trt"}, "has no fp8"),
        ({"precision": "fp8", "target": "sm_86", "backend": "rtx"}, "has no fp8"),
        ({"target": "sm_90", "backend": "rtx"}, "no sm_90"),
        ({"backend": "rtx"}, "builds for GPUs"),
        ({"precision": "fp8"}, "calibration frames"),
        ({"precision": "bf16"}, "no bf16"),
        ({"frames": 0}, "at least 1"),
        ({"frames": -3}, "at least 1"),
        ({"calibration": Path("nowhere.mp4")}, "do not exist"),
        ({"model": "flux-pro"}, "unknown model"),
        ({"model": "flux-dev"}, "adapter file"),
    ],
)
def test_refusals(tmp_path, changes, words):
    with pytest.raises(UserError, match=words):
        check_request(request(tmp_path / "bundle", **changes))


def test_enterprise_tensorrt_builds_for_the_device_that_is_there(tmp_path, monkeypatch):
    import torch

    monkeypatch.setattr("lumaflux.export.targets._check_packages", lambda backend: None)
    wanted = request(tmp_path / "bundle", precision="fp16", target="sm_90", backend="trt")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(UserError, match="this machine has none"):
        check_request(wanted)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda *device: (8, 9))
    with pytest.raises(UserError, match="name --target sm_89"):
        check_request(wanted)
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda *device: (9, 0))
    check_request(wanted)


def test_too_little_memory_and_disk_are_said(tmp_path, monkeypatch):
    monkeypatch.setattr("lumaflux.export.targets.estimate", lambda request: (1 << 50, 0))
    with pytest.raises(UserError, match="GiB of memory"):
        check_request(request(tmp_path / "bundle"))
    monkeypatch.setattr("lumaflux.export.targets.estimate", lambda request: (0, 1 << 60))
    with pytest.raises(UserError, match="GiB on"):
        check_request(request(tmp_path / "bundle"))


def test_missing_package_is_named_with_its_install_command(tmp_path, monkeypatch):
    monkeypatch.setattr("lumaflux.export.targets.importlib.util.find_spec", lambda name: None)
    with pytest.raises(UserError, match=r"pip install .*lumaflux\[export\]"):
        check_request(request(tmp_path / "bundle"))


def test_flux_is_counted_without_being_made():
    assert 48e9 < weight_bytes(config_of("flux-dev")) < 52e9  # 12.0 + 0.4 + 0.1 billion weights in fp32


def test_needs_count_one_model_at_a_time_and_what_fp8_is_made_of(tmp_path):
    half, eighth = (request(tmp_path / "bundle", precision=p, backend="rtx", target="sm_89") for p in ("fp16", "fp8"))
    whole = weight_bytes(config_of("lite"))
    assert estimate(half)[0] == pytest.approx(2 * whole + 2**30, rel=1e-3)
    assert estimate(half)[1] == pytest.approx(whole + 2**26, rel=1e-3)
    assert estimate(eighth)[1] == pytest.approx(1.5 * whole + 2**26, rel=1e-3)


def test_sizes():
    assert parse_sizes("512x512:1024x1024:1920x1088") == ((512, 512), (1024, 1024), (1920, 1088))
    assert parse_sizes("256x144") == ((256, 144),) * 3


@pytest.mark.parametrize("text", ["512", "500x512", "64x64:32x32:96x96", "64x64:96x96", "axb", "0x16"])
def test_sizes_refused(text):
    with pytest.raises(UserError):
        parse_sizes(text)
