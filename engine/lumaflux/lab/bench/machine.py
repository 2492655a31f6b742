"""The machine a figure was measured on."""

import os
import platform
from pathlib import Path

import psutil
import torch


def describe() -> str:
    """Processor, cores in use, memory, torch version and threads, in one line."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    gib = _memory_bytes() / 2**30
    return (
        f"{_processor()}, {cores} cores, {gib:.0f} GiB, {platform.system()}, "
        f"torch {torch.__version__}, {torch.get_num_threads()} threads"
    )


def _processor() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        for line in cpuinfo.read_text().splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.processor() or platform.machine()


def _memory_bytes() -> int:
    return psutil.virtual_memory().total


def peak_resident_mb() -> float:
    """The most memory this process has held, in MiB.

    Linux: VmHWM, because ``ru_maxrss`` of a child begins at what its parent held when it was started.
    """
    status = Path("/proc/self/status")
    if status.exists():
        for line in status.read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) / 1024
    if platform.system() == "Windows":
        return psutil.Process().memory_info().peak_wset / 2**20
    import resource

    unit = 2**20 if platform.system() == "Darwin" else 2**10
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit
