"""The torch voice: a LumaFlux model on one device in one precision."""

import torch

from engine.backends.device import pick_device, pick_dtype
from engine.model.lumaflux import LumaFlux


class TorchBackend:
    """``network`` evaluates on ``device`` in ``dtype``; see engine.backends.network for what it offers."""

    def __init__(self, model: LumaFlux, device: str | None = None, dtype: str | None = None):
        self.device = pick_device(device)
        self.dtype = pick_dtype(dtype, self.device)
        self.network = model.cast(self.dtype).to(self.device).eval()
        # convolutions of few channels take 0.7 of the time on a CPU
        self.network.vae.to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]
        self.config = model.config
