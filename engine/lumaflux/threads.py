"""How many threads numeric libraries take, how these wait for each other, and what a process spends on its memory."""

import atexit
import ctypes
import gc
import os
import sys

_M_ARENA_MAX = -8  # of glibc's malloc.h
_COUNTS_WHAT_IS_LEFT = {"OpenImageIO", "PyOpenColorIO"}  # by nanobind, which complains of it on standard error

# That the native paths take: as many as this process may use cores.
THREADS = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def wait_passively() -> None:
    """OpenMP threads sleep at barriers instead of spinning; a policy that the user has set stays.

    A thread that spins keeps a core from the encoder, from other programs, and from the thread it waits for: beside
    other work a conversion then takes several times as long. OpenMP reads the variable when torch is loaded, so this
    has to be called before.
    """
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")


def share_heaps() -> None:
    """No more of glibc's heaps than cores; a number that the user has set by MALLOC_ARENA_MAX stays.

    By itself it makes up to eight a core, and each keeps what the frames of one thread left in it: 190 MB of a 4K clip.
    For processes of our own, before they have threads; elsewhere than on glibc it does nothing.
    """
    if sys.platform == "linux" and "MALLOC_ARENA_MAX" not in os.environ:
        mallopt = getattr(ctypes.CDLL(None), "mallopt", None)  # musl has none
        if mallopt is not None:
            mallopt(_M_ARENA_MAX, max(2, THREADS))


def collect_rarely() -> None:
    """Garbage is looked for after 10,000 new objects instead of 700, and not when the interpreter ends.

    What the imports and a model are made of, 400,000 objects, was looked through again and again and is no garbage.
    For processes of our own.
    """
    gc.set_threshold(10_000, 20, 20)
    atexit.register(_leave_garbage)


def _leave_garbage() -> None:
    if _COUNTS_WHAT_IS_LEFT.isdisjoint(sys.modules):
        gc.freeze()
    else:
        gc.unfreeze()


def trim_heaps() -> None:
    """Gives what is free in glibc's heaps back to the system; elsewhere than on glibc it does nothing."""
    if sys.platform == "linux":
        trim = getattr(ctypes.CDLL(None), "malloc_trim", None)  # musl has none
        if trim is not None:
            trim(0)
