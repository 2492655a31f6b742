"""The memory plans of published backbones on cards of several sizes, by calculation on any machine.

``python -m lumaflux.lab.bench.memory_plans [--presets flux-dev,flux2-klein] [--cards 48,24,16,12,8,6] [--keys 8]``
prints a table in Markdown: form, peak, and how many key frames at a time there is room for beside it.
"""

import argparse
from collections.abc import Iterator, Sequence

import torch

from lumaflux.arguments import listed, number, one_of, whole
from lumaflux.endings import told
from lumaflux.inference.memory_plan import GIB, USABLE, Budget, MemoryPlan, plan_for, with_key_batch
from lumaflux.model.presets import PRESETS

_LARGEST_TILE = 2048


def form(plan: MemoryPlan) -> str:
    """A plan in a table's cell."""
    words = ["fp8" if plan.fp8 else "bf16"]
    if plan.resident < plan.blocks:
        words.append(f"{plan.blocks - plan.resident} of {plan.blocks} blocks on the host")
    elif plan.vae_tile < _LARGEST_TILE:
        words.append(f"tiles of {plan.vae_tile} px")
    return ", ".join([*words, f"{plan.peak / GIB:.1f} GiB"])


def rows(presets: Sequence[str], cards: Sequence[float], keys: int) -> Iterator[str]:
    """The table's rows: card, and for each model its plan and its key frames at a time, of ``keys`` asked for."""
    for card in cards:
        cells = []
        for preset in presets:
            config, budget = PRESETS[preset], Budget(limit=USABLE * card * GIB, free=None)
            plan = plan_for(config, budget.limit)
            batch = with_key_batch(config, plan, keys, budget, torch.bfloat16)
            cells += [form(plan), f"{batch.key_batch}, {batch.peak / GIB:.1f} GiB"]
        yield f"| {card:g} GiB | " + " | ".join(cells) + " |"


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m lumaflux.lab.bench.memory_plans", description=__doc__)
    parser.add_argument("--presets", type=listed(one_of(PRESETS)), default="flux-dev,flux2-klein")
    parser.add_argument("--cards", type=listed(number(1, 10_000)), default="48,24,16,12,8,6", help="GiB")
    parser.add_argument("--keys", type=whole(), default=8, help="key frames at a time, at most")
    asked = parser.parse_args()
    print("| card | " + " | ".join(f"`{preset}` | key frames" for preset in asked.presets) + " |")
    print("|---" * (1 + 2 * len(asked.presets)) + "|")
    for row in rows(asked.presets, asked.cards, asked.keys):
        print(row, flush=True)


if __name__ == "__main__":
    with told("lumaflux"):
        main()
