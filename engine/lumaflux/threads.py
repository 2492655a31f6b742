"""How many threads numeric libraries take, and how these wait for each other."""

import os

# That the native paths take: as many as this process may use cores.
THREADS = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def wait_passively() -> None:
    """OpenMP threads sleep at barriers instead of spinning; a policy that the user has set stays.

    A thread that spins keeps a core from the encoder, from other programs, and from the thread it waits for: beside
    other work a conversion then takes several times as long. OpenMP reads the variable when torch is loaded, so this
    has to be called before.
    """
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
