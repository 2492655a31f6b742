"""colour-science, a test oracle, puts stand-ins for packages that it misses into sys.modules.

Other libraries would take them for the real ones, so they are removed before any test module is imported. Engines that
this user has installed would render in torch's place: tests see none.

Two processes share the tests (pytest-xdist), a thread of torch each. A room's tests stay in one of them, with what they
build; rooms that look for processes of one kind on the machine stay together.
"""

import os
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

os.environ["LUMAFLUX_ENGINES"] = os.devnull
if "PYTEST_XDIST_WORKER" in os.environ:
    os.environ["OMP_NUM_THREADS"] = "1"

# How fast examples come says how busy the machine is, not whether the code is right.
settings.register_profile("busy-machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("busy-machine")

_before = set(sys.modules)
import colour  # noqa: E402, F401

for _name in set(sys.modules) - _before:
    if getattr(sys.modules[_name], "__spec__", None) is None:
        del sys.modules[_name]

_TOGETHER = {
    "service": "plugin",
    "host": "plugin",
    "lab/data": "farm",
    "timeline": "farm",
}  # engines of the effect; nodes of Ray
_FIRST = "plugin"  # the longest of them


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items):
    def group(item):
        parts = Path(item.path).relative_to(Path(__file__).parent).parts
        room = "/".join(parts[:2]) if parts[0] == "lab" else parts[0]
        return _TOGETHER.get(room, room)

    items.sort(key=lambda item: group(item) != _FIRST)
    for item in items:
        item.add_marker(pytest.mark.xdist_group(group(item)))
