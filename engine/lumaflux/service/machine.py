"""What this machine says of processes and memory: by Linux's /proc, which is quicker to ask, else by psutil."""

import os
from pathlib import Path

import psutil

_PROC = Path("/proc")


def resident_mb() -> int:
    """Memory of this process that is in RAM, in megabytes."""
    try:
        pages = int((_PROC / "self" / "statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE") // 1_000_000
    except (OSError, AttributeError):  # macOS has no /proc, Windows no sysconf
        return psutil.Process().memory_info().rss // 1_000_000


def available_bytes() -> int:
    """Memory that may be taken without swapping (proc(5): MemAvailable)."""
    try:
        facts = (_PROC / "meminfo").read_text()
    except OSError:
        facts = ""
    for line in facts.splitlines():
        if line.startswith("MemAvailable:"):
            return 1024 * int(line.split()[1])
    return psutil.virtual_memory().available


def process_lives(pid: int) -> bool:
    """Whether a process runs; one that has ended and is not yet waited for does not."""
    try:
        return (_PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        if _PROC.is_dir():
            return False
    try:
        return psutil.Process(pid).status() not in (psutil.STATUS_ZOMBIE, psutil.STATUS_DEAD)
    except psutil.NoSuchProcess:
        return False
    except psutil.AccessDenied:
        return True
