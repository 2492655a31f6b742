"""``python -m engine.training CONFIG``: trains one stage, or goes on with it."""

import argparse
import sys
from pathlib import Path

from engine.errors import UserError
from engine.training.train import train


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m engine.training", description=__doc__)
    parser.add_argument("config", type=Path)
    try:
        print(train(parser.parse_args().config))
    except UserError as error:
        print(f"lumaflux: {error}", file=sys.stderr)
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())
