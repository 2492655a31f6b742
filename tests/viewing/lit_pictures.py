"""Pictures of known light."""

import numpy as np

from lumaflux.color import pq
from lumaflux.media.stills.picture import write_still


def light(levels, size=(36, 64)):
    """Columns of grey [3,H,W] in cd/m2, each level as wide as the others."""
    columns = np.repeat(np.array(levels, np.float32), -(-size[1] // len(levels)))[: size[1]]
    return np.broadcast_to(columns, (3, *size)).copy()


def write_pq(path, nits):
    write_still(path, np.asarray(pq.inverse_eotf(nits), np.float32))
    return path
