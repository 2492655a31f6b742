"""The first bar of a model: Delta-E-ITP on unseen scenes x eight operators, against static placement and static curves.

``python -m lumaflux.lab.training.validate MODEL --views POOL`` prints the model card's table. Test views are the first
ones of each test scene, operators stand at their standard parameters, SDR has 8 bits, the mean is over pixels, then
over views and scenes. The static curves are fitted on the training scenes through the same eight operators.
"""

import argparse
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from lumaflux.arguments import folder_there, whole
from lumaflux.color import ictcp, pq
from lumaflux.color.operators import OPERATORS
from lumaflux.color.sdr_to_pq import sdr_to_pq
from lumaflux.endings import told
from lumaflux.lab.data.renderings import render_standard
from lumaflux.lab.data.scenes import Split
from lumaflux.lab.data.views import FULL_SCALE, SceneViews, load_views
from lumaflux.lab.evaluation.static_curve import Family, StaticCurve, fit_static_curve
from lumaflux.lab.training.adapters import sample
from lumaflux.model.lumaflux import LumaFlux

Converter = Callable[[Tensor], Tensor]  # SDR [B,3,H,W] -> PQ/BT.2020


@dataclass(frozen=True, kw_only=True)
class Score:
    delta_e_itp: float
    pq_psnr: float


def masters(scene: SceneViews, count: int) -> Tensor:
    """The first ``count`` views [count,3,S,S] of a scene, as PQ."""
    return torch.from_numpy(scene.views[:count].astype(np.float32) / FULL_SCALE)


def score(output_pq: Tensor, target_pq: Tensor) -> list[Score]:
    """One score a picture of the batch; PSNR on the PQ signal, peak 1."""
    difference = ictcp.delta_e_itp(pq.eotf(output_pq), pq.eotf(target_pq)).mean(dim=(1, 2))
    psnr = -10 * (output_pq - target_pq).square().mean(dim=(1, 2, 3)).log10()
    return [Score(delta_e_itp=float(d), pq_psnr=float(p)) for d, p in zip(difference, psnr, strict=True)]


def training_pairs(pool: Path, per_scene: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Views of the training scenes through the eight operators."""
    for scene in load_views(pool, "train"):
        hdr = masters(scene, per_scene)
        for operator in OPERATORS:
            yield render_standard(hdr, operator).numpy(), hdr.numpy()


def fit_baseline(pool: Path, family: Family, per_scene: int = 1) -> StaticCurve:
    return fit_static_curve(training_pairs(pool, per_scene), family)


def as_converter(curve: StaticCurve) -> Converter:
    return lambda sdr: torch.from_numpy(curve(sdr.numpy()))


def model_converter(model: LumaFlux, steps: int) -> Converter:
    @torch.no_grad()
    def convert(sdr: Tensor) -> Tensor:
        return model.decode(sample(model, sdr, steps, torch.Generator().manual_seed(0))).hdr_pq

    return convert


def bypass_converter(model: LumaFlux) -> Converter:
    """The same model without its transformer: z(0) = z_sdr."""

    @torch.no_grad()
    def convert(sdr: Tensor) -> Tensor:
        return model.decode(model.encode(model.start(sdr))).hdr_pq

    return convert


def reconstruct(model: LumaFlux, hdr: Tensor) -> Tensor:
    """What the VAE alone leaves of the reference: the floor of the paper's direct path."""
    with torch.no_grad():
        return model.decode(model.encode(hdr)).vae_pq


def evaluate(
    converters: dict[str, Converter], scenes: Sequence[SceneViews], views: int
) -> dict[str, dict[str, list[Score]]]:
    """Scores by converter and operator, one a view."""
    table: dict[str, dict[str, list[Score]]] = {name: {op: [] for op in OPERATORS} for name in converters}
    for scene in scenes:
        hdr = masters(scene, views)
        for operator in OPERATORS:
            sdr = render_standard(hdr, operator)
            for name, converter in converters.items():
                table[name][operator] += score(converter(sdr), hdr)
    return table


def format_table(table: dict[str, dict[str, list[Score]]]) -> str:
    """A Markdown table: Delta-E-ITP by operator and overall, PQ-PSNR overall."""
    lines = [
        "| converter | " + " | ".join(OPERATORS) + " | **mean dE-ITP** | PQ-PSNR dB |",
        "|---" * (len(OPERATORS) + 3) + "|",
    ]
    for name, rows in table.items():
        means = [np.mean([s.delta_e_itp for s in rows[operator]]) for operator in OPERATORS]
        psnr = np.mean([s.pq_psnr for scores in rows.values() for s in scores])
        cells = " | ".join(f"{value:.2f}" for value in means)
        lines.append(f"| {name} | {cells} | **{np.mean(means):.2f}** | {psnr:.2f} |")
    return "\n".join(lines)


def video_scene(path: Path, count: int = 2) -> SceneViews:
    """``count`` frames of a PQ clip, averaged 2x2 and cut to whole tokens: a scene that no stage has seen."""
    import av

    frames = []
    with av.open(str(path)) as clip:
        for index, frame in enumerate(clip.decode(video=0)):
            if index % 40 == 0 and len(frames) < count:
                planes = frame.reformat(format="yuv444p16le").to_ndarray().astype(np.uint16)
                frames.append(_pq_of_frame(np.moveaxis(planes, -1, 0) >> 6))
    return SceneViews(path.stem, path.stem, "still", np.stack(frames))


def _pq_of_frame(planes: np.ndarray) -> np.ndarray:
    """10-bit limited-range BT.2020 Y'CbCr [3,H,W] -> PQ R'G'B' uint16, half size (averaged as a signal)."""
    from lumaflux.color.primaries import BT2020_LUMA
    from lumaflux.color.ycbcr import ycbcr_to_rgb

    offsets = np.array([64, 512, 512]).reshape(3, 1, 1)
    scales = np.array([876, 896, 896]).reshape(3, 1, 1)
    rgb = ycbcr_to_rgb((planes.astype(np.float64) - offsets) / scales, BT2020_LUMA)
    rgb = rgb.clip(0.0, float(pq.inverse_eotf(np.float64(1000.0).reshape(()))))
    height, width = (size // 32 * 32 for size in rgb.shape[1:])
    halved = rgb[:, :height, :width].reshape(3, height // 2, 2, width // 2, 2).mean(axis=(2, 4))
    return np.rint(halved * FULL_SCALE).astype(np.uint16)


def main(arguments: Sequence[str] | None = None) -> None:
    from lumaflux.model.checkpoint import load_model

    parser = argparse.ArgumentParser(prog="python -m lumaflux.lab.training.validate", description=__doc__)
    parser.add_argument("model", type=folder_there)
    parser.add_argument("--views", type=folder_there, required=True, help="pool made by lumaflux.lab.data.views")
    parser.add_argument("--split", choices=("validation", "test"), default="test")
    parser.add_argument("--steps", type=whole(1, 1000), nargs="+", default=[1, 4, 8])
    parser.add_argument("--per-scene", type=whole(), default=3)
    options = parser.parse_args(arguments)
    torch.set_num_threads(2)
    model = load_model(options.model)
    split: Split = options.split
    scenes = load_views(options.views, split)
    converters: dict[str, Converter] = {"static placement, 203 nit": sdr_to_pq}
    for family in ("channel", "luma"):
        converters[f"static curve, {family}"] = as_converter(fit_baseline(options.views, family))
    converters["transformer bypassed"] = bypass_converter(model)
    for steps in options.steps:
        converters[f"LumaFlux, {steps} steps"] = model_converter(model, steps)
    print(f"{len(scenes)} {split} scenes, {options.per_scene} views each: {', '.join(s.scene for s in scenes)}\n")
    print(format_table(evaluate(converters, scenes, options.per_scene)))
    floor = [s for scene in scenes for s in _floor(model, scene, options.per_scene)]
    print(
        f"\nVAE alone on the references: dE-ITP {np.mean([s.delta_e_itp for s in floor]):.2f}, "
        f"PQ-PSNR {np.mean([s.pq_psnr for s in floor]):.2f} dB"
    )
    if hdr_dir := os.environ.get("HDR_DIR"):
        clip = video_scene(Path(hdr_dir) / "video" / "hdr10-av1.mp4")
        print("\nTwo frames of the demonstration clip, unseen by every stage\n")
        print(format_table(evaluate(converters, [clip], 2)))


def _floor(model: LumaFlux, scene: SceneViews, views: int) -> list[Score]:
    hdr = masters(scene, views)
    return score(reconstruct(model, hdr), hdr)


if __name__ == "__main__":
    with told("lumaflux"):
        main()
