"""What every backend for engine bundles does alike: checks the bundle, and puts its runner behind a network."""

from abc import ABC, abstractmethod
from pathlib import Path

import torch

from lumaflux.backends.bundle import Manifest, check_bundle, read_manifest
from lumaflux.backends.by_blocks import in_order
from lumaflux.backends.engine_network import EngineNetwork, Runner, load_host
from lumaflux.model.config import config_from_json


class EngineBackend(ABC):
    """As lumaflux.backends.torch.TorchBackend, for a bundle whose parts a runner evaluates. ``device`` holds the host's
    part.

    Raises UserError for a bundle that is not this backend's, or not for this machine, version or these weights.
    """

    def __init__(
        self,
        directory: Path,
        *,
        device: str | None = None,
        model_sha256: str | None = None,
        adapters_sha256: str | None = None,
    ):
        self.manifest = manifest = read_manifest(directory)
        check_bundle(directory, manifest, model_sha256, adapters_sha256)
        self.dtype, self.config = torch.float32, config_from_json(manifest.config)
        self.device, runner = self._runner(directory, manifest, device)
        host = load_host(self.config, directory / manifest.host).to(self.device)
        self.network = EngineNetwork(self.config, host, in_order(runner, self.config) if manifest.by_blocks else runner)

    @abstractmethod
    def _runner(self, directory: Path, manifest: Manifest, device: str | None) -> tuple[torch.device, Runner]:
        """Where the host's part lies, and what evaluates the others; ``device`` is the user's wish."""
        ...
