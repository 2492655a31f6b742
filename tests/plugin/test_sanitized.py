"""The suite once more, effect and host built with AddressSanitizer (with leaks) and UndefinedBehaviorSanitizer."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_the_suite_is_clean_under_the_sanitizers():
    if os.environ.get("LUMAFLUX_SANITIZE") == "1":
        pytest.skip("this is the sanitized run")
    chosen = ["-q", "-p", "no:cacheprovider", "-m", "not slow and not soak", os.fspath(HERE)]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *chosen],
        cwd=HERE.parents[1],
        env={**os.environ, "LUMAFLUX_SANITIZE": "1", "UBSAN_OPTIONS": "print_stacktrace=1"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout[-5000:]
