"""What test_other_systems.py runs to see the engine's worker on a system without Linux's modules and names."""

import os
import subprocess
import sys
import time
from multiprocessing import resource_tracker
from pathlib import Path

import numpy as np

from lumaflux.service import runtime
from lumaflux.service.client import Client

resource_tracker.register = lambda *_: None  # Windows's shared memory has no such process
HIDDEN, ROOT, SYSTEM = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3]
os.environ["LUMAFLUX_RUNTIME_DIR"] = str(ROOT)
directory = runtime.open_runtime_directory()
assert directory.path.name == ("lumaflux-engine" if SYSTEM == "windows" else f"lumaflux-{os.geteuid()}")
arguments = ["serve", "--model", "tiny", "--device", "cpu", "--no-warm"]
worker = subprocess.Popen([sys.executable, HIDDEN, SYSTEM, *arguments])
try:
    until = time.monotonic() + 60
    while not runtime.answers(directory):
        assert worker.poll() is None
        assert time.monotonic() < until
        time.sleep(0.05)
    with Client(directory) as client:
        source = np.random.default_rng(0).random((36, 48, 4), dtype=np.float32)
        pixels = client.render(source, {"model": "tiny", "strength": 0.0}).pixels
        assert pixels is not None
        np.testing.assert_array_equal(pixels[..., 3], source[..., 3])
        assert 0.0 <= pixels.min() < pixels.max() <= 1.0
        client.shutdown()
    assert worker.wait(30) == 0
finally:
    worker.kill()
left = {path.name for path in directory.path.iterdir()}
assert left == {"engine.lock", "engine.log"}, left
sys.stdout.write("all\n")
