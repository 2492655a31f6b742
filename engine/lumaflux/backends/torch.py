"""The torch voice: a LumaFlux model on one device in one precision."""

from lumaflux.backends.device import pick_device, pick_dtype
from lumaflux.model.lumaflux import LumaFlux


class TorchBackend:
    """``network`` evaluates on ``device`` in ``dtype``; see lumaflux.backends.network for what it offers."""

    def __init__(self, model: LumaFlux, device: str | None = None, dtype: str | None = None):
        self.device = pick_device(device)
        self.dtype = pick_dtype(dtype, self.device)
        self.network = model.cast(self.dtype).to(self.device).eval()
        self.config = model.config
