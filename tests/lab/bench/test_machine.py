import subprocess
import sys

from lumaflux.lab.bench.machine import describe, peak_resident_mb

CHILD = "from lumaflux.lab.bench.machine import peak_resident_mb; print(peak_resident_mb())"


def test_the_machine_is_named():
    assert "cores" in describe()
    assert "torch" in describe()


def test_peak_memory_is_the_process_own():
    held = bytearray(400 << 20)
    held[::4096] = b"x" * len(held[::4096])
    own = peak_resident_mb()
    child = float(subprocess.run([sys.executable, "-c", CHILD], capture_output=True, text=True, check=True).stdout)
    assert own > 400
    assert child < own - 300
