"""What the effect's output becomes in ACES projects: light stays by the inverse output transform alone."""

import numpy as np
import pytest

from lumaflux.color import pq
from lumaflux.color.spaces import from_nits

ocio = pytest.importorskip("PyOpenColorIO")
DISPLAY = "Rec.2100-PQ - Display"
PROJECTS = {
    "cg-config-v1.0.0_aces-v1.3_ocio-v2.1": "ACES 1.1 - HDR Video (1000 nits & Rec.2020 lim)",
    "cg-config-v4.0.0_aces-v2.0_ocio-v2.5": "ACES 2.0 - HDR 1000 nits (Rec.2020)",
}


@pytest.fixture(params=PROJECTS, scope="module")
def project(request):
    """The PQ display light of scene light, and scene light of PQ, as the project's output transform has them."""
    config = ocio.Config.CreateFromBuiltinConfig(request.param)
    transform = ocio.DisplayViewTransform("ACES2065-1", DISPLAY, PROJECTS[request.param])
    forward = config.getProcessor(transform).getDefaultCPUProcessor()
    inverse = config.getProcessor(transform, ocio.TRANSFORM_DIR_INVERSE).getDefaultCPUProcessor()
    return forward, inverse


@pytest.mark.parametrize("nits", [1.0, 100.0, 203.0, 624.0])
def test_pq_read_by_the_inverse_output_transform_keeps_its_light(project, nits):
    forward, inverse = project
    signal = float(pq.inverse_eotf(np.array(nits)))
    shown = forward.applyRGB(inverse.applyRGB([signal] * 3))
    assert float(pq.eotf(np.array(shown[1]))) == pytest.approx(nits, rel=0.02)


def test_scene_light_is_tone_mapped_once_more(project):
    """Linear output is for compositing: shown through an output transform 624 cd/m2 come out at less than half."""
    forward, _ = project
    scene = from_nits(np.full((3, 1, 1), 624.0), "aces2065-1").ravel().tolist()
    shown = float(pq.eotf(np.array(forward.applyRGB(scene)[1])))
    assert 200 < shown < 320
