"""Starts the worker: the claim on the user's directory, the log, the event loop."""

import asyncio
import errno
import logging
import logging.handlers
import os
import socket

from lumaflux.errors import UserError
from lumaflux.service import runtime
from lumaflux.service.server import Options, Server
from lumaflux.threads import collect_rarely, share_heaps, wait_passively

_LOG_BYTES, _LOG_FILES = 1 << 20, 3


def serve(options: Options) -> bool:
    """Runs the worker until it leaves; False when one runs already. Raises UserError where none can run."""
    wait_passively()
    share_heaps()
    collect_rarely()
    directory = runtime.open_runtime_directory()
    try:
        claim = runtime.claim(directory)
        if claim is None:
            return False
        handler = _log_to(directory)
    except OSError as error:
        raise _no_room(directory, error) from error
    try:
        listening, contact = runtime.open_door(directory)
        runtime.write_private(directory.pid, f"{os.getpid()}\n")
        ended = asyncio.run(_run(directory, listening, contact, options))
    except OSError as error:
        raise _no_room(directory, error) from error
    finally:
        for path in (runtime.door(directory), directory.token, directory.pid):
            runtime.remove(path)
        handler.close()
    if not ended:
        os._exit(0)  # a step of a large model may last for minutes, and the interpreter cannot end under it
    os.close(claim)
    return True


async def _run(
    directory: runtime.RuntimeDirectory, listening: socket.socket, contact: runtime.Contact, options: Options
) -> bool:
    return await Server(directory, listening, contact, options).run()


def _no_room(directory: runtime.RuntimeDirectory, error: OSError) -> UserError:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        said = f"the disk of {directory.path}, where the engine works, is full; free space there"
        return UserError(f"{said}, or set LUMAFLUX_RUNTIME_DIR to a directory elsewhere")
    return UserError(f"the engine cannot work in {directory.path} ({error}); set LUMAFLUX_RUNTIME_DIR")


def _log_to(directory: runtime.RuntimeDirectory) -> logging.Handler:
    handler = logging.handlers.RotatingFileHandler(
        directory.log, maxBytes=_LOG_BYTES, backupCount=_LOG_FILES - 1, encoding="utf-8"
    )
    os.chmod(directory.log, 0o600)
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
    logger = logging.getLogger("lumaflux.service")
    logger.setLevel(logging.INFO)
    logger.propagate = False
    logger.addHandler(handler)
    return handler
