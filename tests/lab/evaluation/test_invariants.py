"""The invariants, on renderers whose answers are known."""

import numpy as np
import pytest

from lumaflux.color import pq
from lumaflux.color.sdr_to_pq import sdr_to_pq
from lumaflux.errors import UserError
from lumaflux.lab.evaluation import invariants


def static(sdr):
    return sdr_to_pq(sdr).astype(np.float32)


def leveled(sdr):
    """Every frame at the same log-average, as a renderer that ignores what the SDR says."""
    nits = pq.eotf(static(sdr).astype(np.float64))
    return pq.inverse_eotf((nits * 20 / np.exp(np.log(nits + 0.05).mean())).clip(0, 1000)).astype(np.float32)


def test_static_placement_keeps_them_all():
    found = {one.name: one for one in invariants.measured(static)}
    assert all(one.kept for one in found.values()), [one for one in found.values() if not one.kept]
    assert found["SDR dimmed by 3 stops: error"].value < 0.1
    assert invariants.night_over_static(static) == pytest.approx(0, abs=1e-6)


def test_a_renderer_that_levels_exposure_is_found_out():
    missed = {one.name for one in invariants.measured(leveled) if not one.kept}
    assert {"letterbox of code 0: exposure", "SDR dimmed by 3 stops: error", "subtitle: white"} <= missed
    assert invariants.night_over_static(leveled) > 1


def test_unknown_renderers_are_named():
    with pytest.raises(UserError, match="static-203"):
        invariants.renderer_named("nope")
