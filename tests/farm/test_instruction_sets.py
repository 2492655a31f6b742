"""Machines of a farm differ in instruction sets: their frames differ by one code of 16 bit at most."""

import os
import subprocess
import sys

import numpy as np
import pytest

SCRIPT = """
import sys
import numpy as np
import torch
from lumaflux.inference.load import load
from lumaflux.settings import Settings

torch.set_num_threads(1)
ramp = np.linspace(0, 1, 240, dtype=np.float32)
down = np.linspace(0, 1, 135)[:, None].repeat(240, 1)
sdr = np.stack([ramp[None].repeat(135, 0), ramp[::-1][None].repeat(135, 0), down])
sdr = (sdr + np.random.default_rng(0).normal(0, 0.02, sdr.shape)).clip(0, 1).astype(np.float32)
hdr_pq = load("lite", device="cpu").render(sdr, Settings())
np.save(sys.argv[1], np.floor(hdr_pq * 65535 + 0.5).astype(np.int32))
"""


def rendered(path, **environment):
    subprocess.run([sys.executable, "-c", SCRIPT, path], env={**os.environ, **environment}, check=True)
    return np.load(path)


@pytest.mark.slow
def test_the_oldest_and_this_one(tmp_path):
    here = rendered(tmp_path / "here.npy")
    oldest = rendered(tmp_path / "oldest.npy", ATEN_CPU_CAPABILITY="default", DNNL_MAX_CPU_ISA="SSE41")
    assert np.abs(here - oldest).max() <= 1
