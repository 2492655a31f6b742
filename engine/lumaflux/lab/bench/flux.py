"""FLUX.1-dev's shapes with random weights made on the device: what velocity, frame and training step cost.

``python -m lumaflux.lab.bench.flux --json FILE [--preset flux-dev] [--sizes 1024x1024,1920x1088] [--budget SECONDS]``.
Every figure is written as soon as it is there, and nothing is begun that the budget does not hold. The tests run it on
the CPU with the preset ``tiny-flux``.
"""

import argparse
import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from diffusers import AutoencoderKL, FluxTransformer2DModel
from torch import Tensor
from transformers import SiglipVisionConfig, SiglipVisionModel

from lumaflux.arguments import listed, new_file, number, size, whole
from lumaflux.endings import told
from lumaflux.inference.sampler import euler, schedule
from lumaflux.lab.bench.clock import forget_peak, peak_bytes, synchronize, waited
from lumaflux.lab.training.losses import multiscale_l1
from lumaflux.model.bare import bare
from lumaflux.model.conditioner import modulation
from lumaflux.model.config import LumaFluxConfig
from lumaflux.model.latents import pack
from lumaflux.model.lumaflux import Adapters, LumaFlux
from lumaflux.model.presets import HUB_BACKBONES, PRESETS
from lumaflux.ops import launch

STEPS = 8  # of the sampler, a frame
_SCATTER = 0.01  # deviation added to the adapters' weights: zeros would flatter


@dataclass
class Figures:
    """What was found, in ``file`` after every figure; ``budget`` seconds from now on for all of them."""

    file: Path
    budget: float
    device: torch.device
    found: dict[str, Any] = field(default_factory=dict)
    began: float = field(default_factory=time.monotonic)

    @property
    def left(self) -> float:
        return self.budget - (time.monotonic() - self.began)

    def say(self, name: str, value: Any) -> None:
        self.found[name] = value
        self.file.write_text(json.dumps(self.found, indent=1) + "\n")
        print(f"{time.monotonic() - self.began:6.1f} s {name}: {value}", flush=True)

    def attempt(self, name: str, seconds: float, measure: Callable[[], Any]) -> None:
        """Runs ``measure`` if it has the time; what fails is said, and the rest goes on."""
        if self.left < seconds:
            self.say(name, f"left out: {self.left:.0f} of {seconds:.0f} s are left")
            return
        forget_peak(self.device)
        try:
            value = measure()
        except (RuntimeError, ValueError, TypeError) as error:  # out of memory is a RuntimeError
            self.say(name, f"{type(error).__name__}: {str(error)[:300]}")
            return
        if (peak := peak_bytes(self.device)) is not None:
            value = (value if isinstance(value, dict) else {"ms": value}) | {"peak_gib": round(peak / 2**30, 2)}
        self.say(name, value)

    def milliseconds(self, name: str) -> float | None:
        value = self.found.get(name)
        value = value.get("ms") if isinstance(value, dict) else value
        return value if isinstance(value, float) else None


def random_model(config: LumaFluxConfig, device: torch.device) -> LumaFlux:
    """Random weights, made on ``device`` in bf16 (24 GB for FLUX.1-dev; fp32 first would be 48); the VAE in fp32."""
    torch.manual_seed(0)
    before = torch.get_default_dtype()
    with torch.device(device):
        torch.set_default_dtype(torch.bfloat16)
        try:
            transformer = FluxTransformer2DModel(**config.transformer)
            vae, tower = AutoencoderKL(**config.vae), SiglipVisionModel(SiglipVisionConfig(**config.siglip))
        finally:
            torch.set_default_dtype(before)
        adapters = Adapters(config)
    model = LumaFlux(config, transformer, vae, tower, adapters).cast(torch.bfloat16, torch.float32).to(device).eval()
    with torch.no_grad():
        for parameter in model.adapter_parameters():
            parameter.add_(_SCATTER * torch.randn_like(parameter))
    return model


@torch.inference_mode()
def measure_size(figures: Figures, model: LumaFlux, width: int, height: int, rounds: int) -> None:
    """Velocity with kernels, without, bare and with again; conditions, autoencoder, and a whole frame."""
    device, tag, config = figures.device, f"{width}x{height}", model.config
    sdr = torch.rand(1, 3, height, width, device=device)
    seen, t = model.condition(sdr), torch.tensor([0.5], device=device)
    z = torch.randn(1, config.latent_channels, height // config.vae_stride, width // config.vae_stride, device=device)
    psi, tokens, narrow = model.psi(t), pack(z).to(model.dtype), z.to(model.dtype)

    def steered() -> float:
        return 1e3 * waited(lambda: model.token_velocity(tokens, t, seen, psi), rounds, device)

    def unfused() -> float:
        with launch.expressions_only():
            return steered()

    def unsteered() -> float:
        with bare(model) as transformer:
            return 1e3 * waited(lambda: transformer(narrow, t.to(model.dtype), seen), rounds, device)

    def frame() -> Tensor:
        start = model.encode(model.start(sdr))
        return model.decode(euler(model, start, model.condition(sdr), schedule(STEPS, device))).hdr_pq

    for name, call in (("fused", steered), ("unfused", unfused), ("bare", unsteered), ("fused again", steered)):
        figures.attempt(f"velocity {name} {tag}", 15, call)
    parts = {"condition": lambda: model.condition(sdr), "encode": lambda: model.encode(sdr)}
    for name, part in (parts | {"decode": lambda: model.decode(z)}).items():
        figures.attempt(f"{name} {tag}", 5, lambda part=part: 1e3 * waited(part, 3, device))
    figures.attempt(f"frame of {STEPS} steps {tag}", 20, lambda: 1e3 * waited(frame, 1, device))
    reference = figures.milliseconds(f"velocity bare {tag}")
    for name in ("fused", "unfused"):
        taken = figures.milliseconds(f"velocity {name} {tag}")
        if reference and taken:
            figures.say(f"{name} over bare {tag}", round(taken / reference, 4))


@torch.inference_mode()
def measure_compiled(figures: Figures, model: LumaFlux, width: int, height: int, rounds: int, backend: str) -> None:
    """One double-stream and one single-stream block, eager and by torch.compile; the whole would take minutes."""
    device, config = figures.device, model.config
    seen, t = model.condition(torch.rand(1, 3, height, width, device=device)), torch.tensor([0.5], device=device)
    z = torch.randn(1, config.latent_channels, height // config.vae_stride, width // config.vae_stride, device=device)
    hidden, context, temb = model.begun(pack(z), t, seen.context, seen.pooled)
    psi, compiled = model.psi(t), torch.compile(model.steered_block, backend=backend, dynamic=False)

    def both(index: int) -> dict[str, float]:
        given = {"seen": seen.blocks[index], "row": modulation(psi, index), "temb": temb, "rotary": seen.rotary}
        begin = time.monotonic()
        compiled(index, hidden, context, **given)
        synchronize(device)
        figures_of = {"compile_s": round(time.monotonic() - begin, 1)}
        for name, step in (("eager_ms", model.steered_block), ("compiled_ms", compiled)):
            figures_of[name] = 1e3 * waited(lambda step=step: step(index, hidden, context, **given), rounds, device)
        return figures_of

    for name, index in (("double-stream", 0), ("single-stream", config.double_blocks)):
        figures.attempt(f"block compiled, {name}", 45, lambda index=index: both(index))


def measure_training(figures: Figures, model: LumaFlux, crop: int, micro: int) -> None:
    """An update of the adapters with gradient checkpointing: bridge, velocity, decoded picture, backward, AdamW."""
    device = figures.device
    for part in (model.adapters.perception, model.adapters.blocks):
        part.float()
    model.gradient_checkpointing = True
    parameters = list(model.adapter_parameters())
    optimizer = torch.optim.AdamW(parameters, lr=1e-4, fused=device.type == "cuda" or None)

    def update() -> Tensor:
        sdr, hdr = (torch.rand(micro, 3, crop, crop, device=device) for _ in range(2))
        with torch.no_grad():
            z1, z0 = model.encode(model.start(sdr)), model.encode(hdr)
        with torch.autocast(device.type, torch.bfloat16):
            velocity = model.velocity(z1, torch.ones(micro, device=device), model.condition(sdr)).float()
        picture = model.decode(z1 - velocity).hdr_pq
        loss = (velocity - (z1 - z0)).square().mean() + multiscale_l1(picture, hdr)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
        return loss

    def timed() -> dict[str, Any]:
        taken = waited(update, 3, device)
        idle = [
            name for name, p in model.adapters.named_parameters() if p.grad is None and "tone_predictor" not in name
        ]
        return {
            "ms": 1e3 * taken,
            "samples_per_second": round(micro / taken, 2),
            "parameters_without_gradient": len(idle),
            "finite": bool(torch.isfinite(update())),
        }

    figures.attempt(f"training step of {crop}, micro-batch {micro}", 25, timed)


def measure(figures: Figures, preset: str, sizes: list[tuple[int, int]], crop: int, rounds: int, backend: str) -> None:
    """All of it, the most important first."""
    name = torch.cuda.get_device_name(figures.device) if figures.device.type == "cuda" else "CPU"
    figures.say("device", name)
    model = random_model(PRESETS[preset], figures.device)
    synchronize(figures.device)
    figures.say("built after s", round(time.monotonic() - figures.began, 1))
    for width, height in sizes:
        measure_size(figures, model, width, height, rounds)
    for micro in (1, 2, 4):
        if micro == 1:
            measure_compiled(figures, model, *sizes[0], rounds, backend)
        measure_training(figures, model, crop, micro)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m lumaflux.lab.bench.flux", description=__doc__)
    parser.add_argument("--json", type=new_file, required=True, help="where the figures are written, one after another")
    parser.add_argument("--preset", choices=[*HUB_BACKBONES, "tiny-flux"], default="flux-dev")
    parser.add_argument("--sizes", type=listed(size(16)), default="1024x1024,1920x1088", help="multiples of 16")
    parser.add_argument("--crop", type=whole(16), default=512, help="of the training step")
    parser.add_argument("--rounds", type=whole(), default=5)
    parser.add_argument("--budget", type=number(0), default=170.0, help="seconds for all of it")
    parser.add_argument("--backend", default="inductor", help="of torch.compile")
    options = parser.parse_args()
    device = torch.device("cuda:0" if torch.cuda.is_available() else "cpu")
    figures = Figures(options.json, options.budget, device)
    measure(figures, options.preset, options.sizes, options.crop, options.rounds, options.backend)


if __name__ == "__main__":
    with told("lumaflux"):
        main()
