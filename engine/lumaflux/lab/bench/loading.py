"""Loading frozen parts beside diffusers' and transformers' own loading of the same files: seconds and peak memory.

``python -m lumaflux.lab.bench.loading FOLDER [--preset flux-dev] [--blocks 2+4] [--rounds 5]`` writes a preset's exact
shapes with few blocks and random weights in bf16: a folder in shards, and an original single file beside the same
autoencoder and tower. Each is loaded on the CPU, in bf16 and in fp32, by both in turn: every time in a process of its
own that has imported all that it needs, and after a round that is not counted. A loader may hand over weights that
still lie in the file, so the clock stops when every page of every weight was read. Peak memory is the most that the
process held, mapped files included, less what it held before. A table in Markdown is printed: seconds, with those of
the processor in brackets, which other work on the machine changes least.
"""

import argparse
import statistics
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from itertools import product
from multiprocessing import get_context
from pathlib import Path

import torch
from safetensors import safe_open
from safetensors.torch import save_file

from lumaflux.arguments import whole
from lumaflux.endings import told
from lumaflux.lab.bench import loaders
from lumaflux.lab.bench.flux_rehearsal import few_blocks, write_release
from lumaflux.lab.bench.loaders import DTYPES, FILE, RELEASE, SINGLE, Load, loaded
from lumaflux.lab.bench.machine import describe
from lumaflux.model.config import LumaFluxConfig
from lumaflux.model.original_names import SWAPPED, original_keys
from lumaflux.model.presets import HUB_BACKBONES, PRESETS
from lumaflux.model.weight_files import contents, shards

_SHARD = 1 << 30  # bytes


def write_layouts(config: LumaFluxConfig, folder: Path, shard_bytes: int = _SHARD) -> None:
    """``folder/release`` as diffusers writes it, and ``folder/single``: one transformer file by the original names."""
    release, single = folder / RELEASE, folder / SINGLE
    write_release(config, release, shard_bytes)
    single.mkdir(exist_ok=True)
    save_file(_by_original_names(release / "transformer", second=config.second_generation), single / FILE)
    for name, target in (("ae.safetensors", _only_file(release / "vae")), ("siglip", release / "siglip")):
        (single / name).unlink(missing_ok=True)
        (single / name).symlink_to(target.resolve())


def _only_file(folder: Path) -> Path:
    (found,) = shards(folder)
    return found


def _by_original_names(folder: Path, *, second: bool) -> dict[str, torch.Tensor]:
    found = contents(shards(folder))
    made = {}
    for key, targets in original_keys(found, second=second).items():
        rows = []
        for target in targets:
            with safe_open(found[target].path, "pt") as file:
                rows.append(file.get_tensor(target))
        whole = torch.cat(rows)
        made[key] = torch.cat(whole.chunk(2)[::-1]) if key.startswith(SWAPPED) else whole
    return made


def measured(folder: Path, rounds: int) -> Iterator[tuple[str, dict[str, list[Load]]]]:
    """For each layout and precision the loads of both, one of each a round."""
    context = get_context("forkserver")
    context.set_forkserver_preload([loaders.__name__])
    with ProcessPoolExecutor(1, mp_context=context, max_tasks_per_child=1) as processes:
        for layout, precision in product((RELEASE, SINGLE), DTYPES):
            found: dict[str, list[Load]] = {"ours": [], "theirs": []}
            for turn in range(rounds + 1):
                for way, loads in found.items():
                    load = processes.submit(loaded, way, folder, layout, precision).result()
                    loads += [load] if turn else []
            yield f"{layout}, {precision}", found


def row(name: str, found: dict[str, list[Load]]) -> str:
    """Of the table: medians, and the median of the rounds' ratios."""
    ours, theirs = found["ours"], found["theirs"]
    ratio = statistics.median(a.seconds / b.seconds for a, b in zip(ours, theirs, strict=True))
    cells = [f"{ours[0].bytes / 1e9:.2f} GB"]
    for loads in (ours, theirs):
        seconds = statistics.median(load.seconds for load in loads)
        processor = statistics.median(load.processor for load in loads)
        cells.append(f"{seconds:.2f} ({processor:.2f})")
    cells.append(f"{ratio:.2f}")
    cells += [f"{statistics.median(load.peak / load.bytes for load in loads):.3f}" for loads in (ours, theirs)]
    return f"| {name} | " + " | ".join(cells) + " |"


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m lumaflux.lab.bench.loading", description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--preset", choices=HUB_BACKBONES, default="flux-dev")
    parser.add_argument("--blocks", default="2+4")
    parser.add_argument("--rounds", type=whole(), default=5)
    asked = parser.parse_args()
    write_layouts(few_blocks(PRESETS[asked.preset], asked.blocks), asked.folder)
    print(describe(), flush=True)
    print("| files | weights | ours, s | theirs, s | ratio | our peak / weights | their peak / weights |")
    print("|---|---|---|---|---|---|---|")
    for name, found in measured(asked.folder, asked.rounds):
        print(row(name, found), flush=True)


if __name__ == "__main__":
    with told("lumaflux"):
        main()
