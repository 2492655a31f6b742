"""The errors a user can cause: one sentence each, an exit code, never a traceback."""


class UserError(Exception):
    """Bad usage or bad input. The message says what is wrong, where, and what to do; the command exits with 2.

    Examples:
        >>> from lumaflux.settings import Settings
        >>> try:
        ...     Settings(strength=2)
        ... except UserError as error:
        ...     error.exit_code
        2
    """

    exit_code = 2


def refuse_bytes(name: str) -> None:
    """Raises UserError for a name that is no UTF-8, which Linux allows: templates, tracks and picture libraries take
    text alone."""
    if any("\udc80" <= letter <= "\udcff" for letter in name):
        shown = name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
        raise UserError(f"the name {shown} is not written in UTF-8; rename the file or its folder")


class FrameError(UserError):
    """One frame of a job failed although the job as a whole was sound; the command exits with 3."""

    exit_code = 3


class MismatchError(UserError):
    """A frame that was rendered again is not what its certificate says; the command exits with 4."""

    exit_code = 4


class ReaderLeftError(UserError):
    """Who reads standard output left before its end; the command exits with 141, as shells say of SIGPIPE."""

    exit_code = 141


class MissingExtraError(UserError):
    """An optional part is not installed.

    ``what`` names the part, ``extra`` the pip extra that brings it.
    """

    def __init__(self, what: str, extra: str):
        super().__init__(f"{what} is not installed; install it with: pip install 'lumaflux[{extra}]'")
