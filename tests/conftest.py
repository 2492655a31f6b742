"""colour-science, a test oracle, puts stand-ins for packages that it misses into sys.modules.

Other libraries would take them for the real ones, so they are removed before any test module is imported. Engines that
this user has installed would render in torch's place: tests see none.

Two processes share the tests (pytest-xdist), a thread of torch each. Tests that share what one of them builds stay in
one process: a file's, or a folder's.
"""

import os
import signal
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

os.environ["LUMAFLUX_ENGINES"] = os.devnull
if "PYTEST_XDIST_WORKER" in os.environ:
    os.environ["OMP_NUM_THREADS"] = "1"

# A shell has what it starts in the background ignore Ctrl-C, and tests that interrupt would wait for ever.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# How fast examples come says how busy the machine is, not whether the code is right.
settings.register_profile("busy-machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("busy-machine")

_before = set(sys.modules)
import colour  # noqa: E402, F401

for _name in set(sys.modules) - _before:
    if getattr(sys.modules[_name], "__spec__", None) is None:
        del sys.modules[_name]

_HERE = Path(__file__).parent
# Folders without anything that is made once for all of them: their files may go to either process.
_BY_FILE = {".", "export", "inference", "integrations", "lab/bench", "media", "render", "service", "weights"}
_TOGETHER = {"host": "plugin", "timeline": "farm"}  # they share what is built
# The longest first, so that neither process waits for the other in the end.
_FIRST = ("plugin", "export", "lab/training", "service", "lab/evaluation", "farm", "lab/bench", "weights", "inference")


def _folder(path: str) -> str:
    folder = Path(path).parent.as_posix()
    return _TOGETHER.get(folder, folder)


def _unit(path: str) -> str:
    """What runs in one process, of a test file's path below this folder."""
    return path if _folder(path) in _BY_FILE else _folder(path)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items):
    def place(item):
        folder = _folder(item.path.relative_to(_HERE).as_posix())
        return _FIRST.index(folder) if folder in _FIRST else len(_FIRST)

    items.sort(key=place)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config, log):
    """Not ``--dist loadgroup``: pytest-xdist 3.8 tells groups by an attribute that pytest 9.2 does not have."""
    from xdist.scheduler import LoadScopeScheduling

    class ByUnit(LoadScopeScheduling):
        def _split_scope(self, nodeid):
            return _unit(nodeid.partition("::")[0].removeprefix("tests/"))

    return ByUnit(config, log)
