"""Starts a compiler in a process of its own: TensorRT's native failures end the process they happen in."""

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from lumaflux.backends.by_blocks import FIRST, LAST, is_block
from lumaflux.errors import UserError
from lumaflux.model.config import LumaFluxConfig

from ..targets import config_of
from .kernel_nodes import reason_against

Profile = dict[str, tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...]]]

_TAIL = 600  # characters of a compiler's last words that are shown


@dataclass(frozen=True, kw_only=True)
class Compiler:
    """What all parts of a bundle are compiled with; ``device`` as sm_89, ``sizes`` as (width, height) three times."""

    backend: str
    device: str
    sizes: tuple[tuple[int, int], ...]
    model: str
    precision: str

    def compile(self, part: str, graph: Path, target: Path) -> None:
        """Compiles the graph of ``part``, writing ``target`` beside itself first.

        Raises UserError with the compiler's last words when it fails.
        """
        partial, config = target.with_name(f".{target.name}"), config_of(self.model)
        profile: Profile = profile_of(part, config, self.sizes)
        job = {
            "graph": str(graph),
            "target": str(partial),
            "nodes": str(nodes_file(target)),
            "device": self.device,
            "profile": profile,
            "backend": self.backend,
            "kernel": reason_against(config, self.backend, self.precision) is None,
        }
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(entry for entry in sys.path if entry)}
        command = [sys.executable, "-m", f"{__package__}.tensorrt_build", json.dumps(job)]
        done = subprocess.run(command, capture_output=True, text=True, env=environment)
        if done.returncode or not partial.is_file():
            partial.unlink(missing_ok=True)
            words = (done.stderr.strip() or done.stdout.strip())[-_TAIL:]
            raise UserError(
                f"{self.backend} could not build {part} for {self.device} (exit {done.returncode}): {words}"
            )
        os.replace(partial, target)


def nodes_file(target: Path) -> Path:
    """Where a compiler notes which nodes of an engine took the project's kernel; not a file of the bundle."""
    return target.with_name(f".{target.name}.nodes.json")


def profile_of(part: str, config: LumaFluxConfig, sizes: tuple[tuple[int, int], ...]) -> Profile:
    """The least, usual and largest shape of every input whose size follows the frame's, of which ``sizes`` are three
    (width, height). Inputs that are not named have one shape alone."""
    shapes = [_shapes(part, config, width, height) for width, height in sizes]
    return {name: (shapes[0][name], shapes[1][name], shapes[2][name]) for name in shapes[0]}


def _shapes(part: str, config: LumaFluxConfig, width: int, height: int) -> dict[str, tuple[int, ...]]:
    picture = (1, 3, height, width)
    latents = (1, config.latent_channels, height // config.vae_stride, width // config.vae_stride)
    n = (height // config.token_stride) * (width // config.token_stride)
    seen = config.null_tokens + config.siglip_tokens
    turns = (1, seen + n, 1, config.width // config.heads // 2, 2)
    hidden = (1, n, config.width)
    if is_block(part):
        physical, bottlenecks = (1, n, config.heads), (1, n, 2 * config.bottleneck)
        return {"hidden": hidden, "turns": turns, "physical": physical, "bottlenecks": bottlenecks}
    return {
        "conditions": {"sdr": picture},
        "encode": {"picture": picture},
        "decode": {"z": latents},
        "knots": {"z": latents},
        "tone": {"vae_pq": picture},
        "velocity": {
            "tokens": (1, n, 4 * config.latent_channels),
            "turns": turns,
            "physical": (config.blocks, 1, n, config.heads),
            "bottlenecks": (config.blocks, 1, n, 2 * config.bottleneck),
        },
        FIRST: {"tokens": (1, n, 4 * config.latent_channels)},
        LAST: {"hidden": hidden},
    }[part]
