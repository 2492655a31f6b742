"""``python -m lumaflux.lab.training CONFIG``: what each process of ``accelerate launch -m`` runs."""

import argparse
from pathlib import Path

from lumaflux.arguments import number
from lumaflux.endings import told
from lumaflux.threads import wait_passively


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m lumaflux.lab.training", description=__doc__)
    parser.add_argument("config", type=Path)
    parser.add_argument("--cpu", action="store_true", help="ignore accelerators")
    parser.add_argument("--minutes", type=number(0), help="end by the clock; the learning rate falls with the time")
    options = parser.parse_args()
    wait_passively()
    from lumaflux.lab.training.train import train

    with told("lumaflux"):
        print(train(options.config, cpu=options.cpu, minutes=options.minutes))


if __name__ == "__main__":
    main()
