"""What this machine says of processes and memory: by Linux's /proc, or without it as far as that goes."""

import os
from pathlib import Path

_PROC = Path("/proc")


def resident_mb() -> int:
    """Memory of this process that is in RAM, in megabytes; 0 where the system does not say."""
    try:
        pages = int((_PROC / "self" / "statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE") // 1_000_000
    except (OSError, AttributeError):  # macOS has no /proc, Windows no sysconf
        return 0


def available_bytes() -> int:
    """Memory that may be taken without swapping (proc(5): MemAvailable); as much as there can be where nothing says."""
    try:
        facts = (_PROC / "meminfo").read_text()
    except OSError:
        return 1 << 62
    for line in facts.splitlines():
        if line.startswith("MemAvailable:"):
            return 1024 * int(line.split()[1])
    return os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")


def process_lives(pid: int) -> bool:
    """Whether a process runs; one that has ended and is not yet waited for does not."""
    try:
        return (_PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        if _PROC.is_dir() or not hasattr(os, "kill") or os.name == "nt":  # there, os.kill ends what it is to ask
            return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
