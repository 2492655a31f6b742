"""How the threads of numeric libraries wait for each other."""

import os


def wait_passively() -> None:
    """OpenMP threads sleep at barriers instead of spinning; a policy that the user has set stays.

    A thread that spins keeps a core from the encoder, from other programs, and from the thread it waits for: beside
    other work a conversion then takes several times as long. OpenMP reads the variable when torch is loaded, so this
    has to be called before.
    """
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
