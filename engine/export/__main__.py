"""``python -m export``: `lumaflux.export` under the name that its documentation uses."""

from lumaflux.export.__main__ import main

if __name__ == "__main__":
    main()
