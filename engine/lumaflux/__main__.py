"""``lumaflux`` and ``python -m lumaflux``. What interrupts while the command is loading is a sentence, too."""

import sys

_COMPUTING = ("convert", "watch", "analyze", "verify", "serve")


def main() -> None:
    """The command's entry. Exit codes are those of lumaflux.endings."""
    try:
        from lumaflux.torch_import import load_libraries

        if sys.argv[1:2] and sys.argv[1] in _COMPUTING and "--help" not in sys.argv:
            load_libraries()
        from lumaflux.cli import main as command
    except KeyboardInterrupt:
        print("lumaflux: interrupted", file=sys.stderr)
        sys.exit(130)
    command()


if __name__ == "__main__":
    main()
