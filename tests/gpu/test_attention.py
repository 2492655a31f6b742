"""Attention that has a gradient is not cuDNN's on a device."""

import pytest
import torch
import torch.nn.functional as F

from lumaflux.model import attention


@pytest.mark.parametrize("trains", [True, False])
def test_which_implementations_may_attend(cuda, monkeypatch, trains):
    allowed = []
    plain = F.scaled_dot_product_attention

    def noted(*given, **named):
        allowed.append((torch.backends.cuda.cudnn_sdp_enabled(), torch.backends.cuda.flash_sdp_enabled()))
        return plain(*given, **named)

    monkeypatch.setattr(F, "scaled_dot_product_attention", noted)
    query, key, value = (torch.empty(2, 5, 3, 8, device=cuda, dtype=torch.bfloat16) for _ in range(3))
    before = torch.backends.cuda.cudnn_sdp_enabled()
    with torch.set_grad_enabled(trains):
        out = attention.attend(query, key, value, None, None)
    assert out.shape == (2, 5, 24)
    assert allowed == [(not trains and before, True)]
    assert torch.backends.cuda.cudnn_sdp_enabled() == before
