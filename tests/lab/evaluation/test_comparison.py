import numpy as np

from lumaflux.lab.evaluation.comparison import comparison


def test_three_panels_and_a_grey_that_is_grey():
    sdr = np.full((3, 40, 60), 0.5, dtype=np.float32)
    hdr = np.full((3, 40, 60), 0.5, dtype=np.float32)
    sheet = np.asarray(comparison(sdr, hdr))
    assert sheet.shape == (40 + 44, 180, 3)
    for left in (0, 60):
        panel = sheet[30:60, left + 5 : left + 55].reshape(-1, 3)
        assert np.ptp(panel) <= 1
