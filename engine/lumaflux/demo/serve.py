"""Serves the page: on this machine alone unless told otherwise, with nothing from elsewhere."""

import contextlib
import ipaddress
import json
import logging
import os
import socket
from collections.abc import AsyncIterator, Callable, Collection
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from lumaflux.demo.guard import own_names, refusal
from lumaflux.demo.limits import Limits
from lumaflux.demo.visitors import Visitors
from lumaflux.errors import MissingExtraError, UserError

if TYPE_CHECKING:
    from lumaflux.inference.converter import Converter

# Gradio's own scripts make styles and functions; nothing may come from, or go to, another machine.
POLICY = (
    "default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data: blob:; media-src 'self' blob:; font-src 'self' data:; connect-src 'self'; "
    "worker-src 'self' blob:; frame-ancestors 'self'; base-uri 'self'; form-action 'self'"
)
_SWEEP_SECONDS = 60.0
_UPLOAD = "/gradio_api/upload"


def application(
    load_converter: "Callable[[], Converter]", root: Path, limits: Limits, names: Collection[str] = ()
) -> Any:
    """The ASGI application; ``root`` holds uploads and results, ``names`` are further ones that browsers may ask for.

    Raises MissingExtraError without Gradio.
    """
    os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
    os.environ["HF_HUB_OFFLINE"] = "1"
    try:
        import gradio as gr
        from fastapi import FastAPI, Request
        from fastapi.responses import JSONResponse, PlainTextResponse
    except ImportError:
        raise MissingExtraError("Gradio, of which the page is made,", "demo") from None
    from lumaflux.demo.page import keep_files_in, page

    files = root.resolve() / "files"
    files.mkdir(mode=0o700)
    keep_files_in(files)
    visitors, known = Visitors(files), own_names(names)

    @contextlib.asynccontextmanager
    async def swept(_: FastAPI) -> AsyncIterator[None]:
        with visitors.swept(_SWEEP_SECONDS):
            yield

    made = page(load_converter, visitors, limits)
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None, lifespan=swept)

    @app.middleware("http")
    async def guard(request: Request, call_next: Callable[[Request], Any]) -> Any:
        path = request.url.path
        refused = refusal(path, request.headers, known, files if path == _UPLOAD else None)
        response: Any = PlainTextResponse(refused[1], refused[0]) if refused else await call_next(request)
        if path == _UPLOAD and response.status_code == 200:
            named = json.loads(b"".join([part async for part in response.body_iterator]))
            response = JSONResponse([str(visitors.take(Path(one))) for one in named])
        response.headers["Content-Security-Policy"] = POLICY
        response.headers["Referrer-Policy"] = "no-referrer"
        return response

    return gr.mount_gradio_app(
        app,
        made,
        path="/",
        max_file_size=limits.megabytes << 20,
        show_error=True,
        footer_links=[],
        ssr_mode=False,
        enable_monitoring=False,
        theme=gr.themes.Base(font=["system-ui", "sans-serif"], font_mono=["ui-monospace", "monospace"]),
    )


def bound(host: str, port: int) -> socket.socket:
    """A listening socket. Raises UserError for a host or a port that cannot be had."""
    if not 0 <= port <= 65535:
        raise UserError(f"the port is {port}; it must be between 0 (any that is free) and 65535")
    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        made = socket.socket(family, socket.SOCK_STREAM)
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.bind((host, port))
        made.listen()  # who follows the printed address at once waits, and is not refused
    except OSError as error:
        raise UserError(f"{host}:{port} cannot be listened on ({error.strerror}); choose another with --port") from None
    return made


def is_private(host: str) -> bool:
    """Whether only this machine can reach it."""
    with contextlib.suppress(ValueError):
        return ipaddress.ip_address(host).is_loopback
    return host == "localhost"


def serve(
    load_converter: "Callable[[], Converter]", host: str, port: int, limits: Limits, names: Collection[str] = ()
) -> None:
    """Until interrupted; then every upload and result is deleted."""
    with TemporaryDirectory(prefix="lumaflux-demo-") as folder:
        app = application(load_converter, Path(folder), limits, names)
        import uvicorn

        with contextlib.closing(bound(host, port)) as listening:
            address, real = listening.getsockname()[:2]
            shown = f"[{address}]" if ":" in address else address
            print(f"LumaFlux is at http://{shown}:{real}/ (Ctrl-C ends it)", flush=True)
            if not is_private(host):
                print("Everybody who reaches this machine can use the page, for it asks for no password.", flush=True)
            config = uvicorn.Config(app, log_level="warning", timeout_graceful_shutdown=3)
            server = uvicorn.Server(config)
            # Pages that are open hold a connection; that it is cut at the end is no error.
            logging.getLogger("uvicorn.error").addFilter(lambda _: not server.should_exit)
            server.run(sockets=[listening])
