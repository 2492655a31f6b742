"""What is told of processes and memory where the system has no /proc."""

import os
import subprocess
import sys

from lumaflux.service import machine


def test_processes_and_memory_are_told_without_proc(monkeypatch, tmp_path):
    ended = subprocess.Popen([sys.executable, "-S", "-c", ""])
    ended.wait(60)
    assert machine.process_lives(os.getpid())
    assert not machine.process_lives(ended.pid)
    assert machine.resident_mb() > 10
    assert 0 < machine.available_bytes() < 1 << 60
    monkeypatch.setattr(machine, "_PROC", tmp_path / "nowhere")
    assert machine.process_lives(os.getpid())
    assert not machine.process_lives(ended.pid)
    assert machine.resident_mb() > 10
    assert 0 < machine.available_bytes() < 1 << 60
