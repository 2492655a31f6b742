"""``lumaflux`` and ``python -m lumaflux``. What interrupts while the command is loading is a sentence, too."""

import sys


def main() -> None:
    """The command's entry. Exit codes are those of lumaflux.endings."""
    try:
        from lumaflux.cli import main as command
    except KeyboardInterrupt:
        print("lumaflux: interrupted", file=sys.stderr)
        sys.exit(130)
    command()


if __name__ == "__main__":
    main()
