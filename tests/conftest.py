"""colour-science, a test oracle, puts stand-ins for packages that it misses into sys.modules.

Other libraries would take them for the real ones, so they are removed before any test module is imported. Engines that
this user has installed would render in torch's place: tests see none.
"""

import os
import sys

os.environ["LUMAFLUX_ENGINES"] = os.devnull

_before = set(sys.modules)
import colour  # noqa: E402, F401

for _name in set(sys.modules) - _before:
    if getattr(sys.modules[_name], "__spec__", None) is None:
        del sys.modules[_name]
