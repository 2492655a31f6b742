"""``python -m engine.training CONFIG``: what ``accelerate launch -m engine.training CONFIG`` starts in each process."""

import argparse
import sys
from pathlib import Path

from engine.errors import UserError
from engine.training.train import train


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m engine.training", description=__doc__)
    parser.add_argument("config", type=Path)
    parser.add_argument("--cpu", action="store_true", help="ignore accelerators")
    options = parser.parse_args()
    try:
        print(train(options.config, cpu=options.cpu))
    except UserError as error:
        print(f"lumaflux: {error}", file=sys.stderr)
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())
