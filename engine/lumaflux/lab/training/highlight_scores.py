"""What is found where the source is clipped, on unseen scenes whose light is known and whose tone is given.

``python -m lumaflux.lab.training.highlight_scores MODEL --views POOL --bank FOLDER`` prints the table of the model
card: a model, its bypass and a distance-to-edge dome, in clipped areas, where every channel is clipped, and where the
true light is above white.
"""

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from lumaflux.arguments import folder_there, whole
from lumaflux.color.sdr_to_pq import sdr_to_pq
from lumaflux.endings import told
from lumaflux.errors import UserError
from lumaflux.inference.highlights import (
    distance_to_edge,
    mean_of_views,
    placed_stops,
    region_stops,
    stops_between,
)
from lumaflux.lab.training.highlight_losses import correlation, placed_luminance
from lumaflux.lab.training.latent_bank import LatentPairs, extend, load_bank
from lumaflux.model.autoencoder import latents_of
from lumaflux.model.latents import pad_to_multiple
from lumaflux.model.spline import PEAK_NITS

FLAT_CODE = 246  # of the smallest channel: beyond it none tells how bright a clipped pixel was
_LEAST_SHARE = 0.005  # of the picture clipped
_LEAST_SPREAD = 0.1  # stops of the reference inside the area: where it is flat, nothing can correlate
_TOGETHER = 8
_ABOVE = 0.02  # stops over white, from which on light is above it
AREAS = ("clipped", "flat", "above")  # the largest channel; all channels; true light above white
Generated = Callable[[LatentPairs], Tensor]  # stops [N,1,H,W] between where a model began and what it generated


class HighlightScores:
    """Rows of figures by picture, of an area: correlation with the reference's log2 luminance, mean absolute error and
    error of the largest value, in stops. Pictures count in an area that they have, and whose light varies in them."""

    def __init__(self) -> None:
        self.rows: dict[str, list[tuple[float, float, float]]] = {area: [] for area in AREAS}

    def add(self, pairs: LatentPairs, stops: Tensor) -> None:
        """``stops`` [N,1,H,W] that a method adds to the placed pictures of ``pairs``."""
        for i in range(len(pairs)):
            base = placed_luminance(pairs.sdr[i : i + 1], pairs.white[i : i + 1]).log2()
            wanted = (base + pairs.stops[i]).clamp(max=torch.tensor(PEAK_NITS).log2())
            inside = pairs.clipped[i : i + 1] > 0.5
            flat = inside & (pairs.sdr[i].amin(0) >= FLAT_CODE)
            above = wanted > pairs.white[i].log2() + _ABOVE
            for area, mask in zip(AREAS, (inside, flat, above), strict=True):
                if mask.float().mean() < _LEAST_SHARE or wanted[mask].std() < _LEAST_SPREAD:
                    continue
                found = base + stops[i : i + 1]
                weights = mask.to(found.dtype)
                error, peak = (found - wanted)[mask].abs().mean(), found[mask].max() - wanted[mask].max()
                self.rows[area].append((float(correlation(found, wanted, weights)[0]), float(error), float(peak)))

    def figures(self) -> dict[str, float]:
        """Means of correlation and error, medians of the peak's error and of its size, by area; NaN without any."""
        found = {}
        for area, rows in self.rows.items():
            table = torch.tensor(rows) if rows else torch.full((1, 3), torch.nan)
            found[f"{area}_pictures"] = len(rows)
            found[f"{area}_correlation"] = float(table[:, 0].mean())
            found[f"{area}_error"] = float(table[:, 1].mean())
            found[f"{area}_peak"] = float(table[:, 2].quantile(0.5))
            found[f"{area}_peak_size"] = float(table[:, 2].abs().quantile(0.5))
        return found


@torch.no_grad()
def score(banks: Sequence[LatentPairs], generated: Generated) -> dict[str, float]:
    """Figures of what ``generated`` makes of pairs, taken by the product's path at the working size."""
    scores = HighlightScores()
    for bank in banks:
        for index in torch.arange(len(bank)).split(_TOGETHER):
            part = bank.taken(index)
            white = sdr_to_pq(torch.ones(len(part), 3, 1, 1), part.white.view(-1, 1, 1, 1))
            stops = region_stops(generated(part), part.sdr / 255, part.clipped)
            scores.add(part, placed_stops(stops, part.clipped, white)[:, :1])
    return scores.figures()


def dome(clipped: Tensor) -> Tensor:
    """log2(1 + distance to the edge) [N,1,H,W], in pixels: what needs no model."""
    own = (clipped > 0.5).float()
    return torch.log2(1 + distance_to_edge(own, max(clipped.shape[-2:])))


def baselines(banks: Sequence[LatentPairs]) -> dict[str, dict[str, float]]:
    found = {}
    methods: dict[str, Callable[[Tensor], Tensor]] = {"bypass": torch.zeros_like, "dome": dome}
    for name, method in methods.items():
        scores = HighlightScores()
        for bank in banks:
            scores.add(bank, method(bank.clipped))
        found[name] = scores.figures()
    return found


def generated_by(network: Any) -> Generated:
    """One step of a loaded model, adapters and tone field included, of pictures and, where it is so configured, of
    second views of them."""

    def found(start: Tensor, sdr: Tensor) -> Tensor:
        z = (start - network.config.latent_shift) * network.config.latent_scale
        conditions = network.condition(sdr / 255)
        clean = z - network.velocity(z, torch.ones(len(z), device=z.device), conditions)
        return stops_between(network.decode(clean).hdr_pq, network.decode_latents(z))

    def generate(pairs: LatentPairs) -> Tensor:
        def find(view: Tensor) -> Tensor:
            sdr = pad_to_multiple(view, network.config.token_stride)
            base_pq = sdr_to_pq(sdr / 255, pairs.white.view(-1, 1, 1, 1)).clamp(0, 1)
            return found(latents_of(network.vae, 2 * base_pq - 1), sdr)[..., : view.shape[-2], : view.shape[-1]]

        stops = found(pairs.start, pairs.sdr.float())
        if not network.config.test_time_augmentation:
            return stops
        return mean_of_views(stops, pairs.sdr.float(), network.config.vae_stride, find)

    return generate


def table(figures: dict[str, dict[str, float]]) -> str:
    titles = ("area", "pictures", "method", "correlation", "error", "peak", "size of the peak's error")
    lines = [f"| {' | '.join(titles)} |", "|---" * len(titles) + "|"]
    for area in AREAS:
        for name, row in figures.items():
            cells = (f"{row[f'{area}_{key}']:.2f}" for key in ("correlation", "error", "peak", "peak_size"))
            lines.append(f"| {area} | {row[f'{area}_pictures']:.0f} | {name} | {' | '.join(cells)} |")
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> None:
    from lumaflux.lab.data.views import load_views
    from lumaflux.model.checkpoint import load_model

    parser = argparse.ArgumentParser(prog="python -m lumaflux.lab.training.highlight_scores", description=__doc__)
    parser.add_argument("model", type=folder_there, nargs="+", help="model directories")
    parser.add_argument("--views", type=folder_there, help="a pool of views, to make the bank from")
    parser.add_argument("--bank", type=Path, required=True, help="encoded pairs; extended if --views is given")
    parser.add_argument("--split", choices=("validation", "test"), default="validation")
    parser.add_argument("--pairs", type=whole(), default=96)
    options = parser.parse_args(arguments)
    with told("lumaflux"):
        networks = {str(model): load_model(model) for model in options.model}
        if options.views is not None:
            vae = next(iter(networks.values())).vae
            extend(options.bank, vae, load_views(options.views, options.split), options.pairs, seed=2)
        banks = load_bank(options.bank)
        if not banks:
            raise UserError(f"{options.bank} holds no encoded pairs; name a pool of views with --views")
        figures = baselines(banks)
        for name, network in networks.items():
            figures[name] = score(banks, generated_by(network))
        print(table(figures))


if __name__ == "__main__":
    main()
