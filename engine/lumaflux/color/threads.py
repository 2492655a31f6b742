"""How many threads the native colour paths take: as many as this process may use cores."""

import os

THREADS = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
