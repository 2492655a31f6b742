"""``python -m lumaflux``: the command where its script is not on the path."""

from lumaflux.cli import main

if __name__ == "__main__":
    main()
