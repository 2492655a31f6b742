"""`python -m export`: see `commands` beside this file."""

from lumaflux.endings import end_by_signals, told
from lumaflux.threads import wait_passively

from .commands import app


def main() -> None:
    wait_passively()
    end_by_signals()
    with told("export", "interrupted; the same command goes on at the stage that it reached"):
        app(exit_on_error=False, print_error=False)


if __name__ == "__main__":
    main()
