"""Serves the page: on this machine alone unless told otherwise, with nothing from elsewhere."""

import contextlib
import ipaddress
import os
import socket
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

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


def application(load_converter: "Callable[[], Converter]", root: Path, limits: Limits) -> Any:
    """The ASGI application; ``root`` holds uploads and results. Raises MissingExtraError without Gradio."""
    os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
    os.environ["HF_HUB_OFFLINE"] = "1"
    try:
        import gradio as gr
        from fastapi import FastAPI, Request
    except ImportError:
        raise MissingExtraError("Gradio, of which the page is made,", "demo") from None
    from lumaflux.demo.page import keep_copies_in, page

    keep_copies_in(root / "copies")
    made = page(load_converter, Visitors(root / "visitors"), limits)
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)

    @app.middleware("http")
    async def guard(request: Request, call_next: Callable[[Request], Any]) -> Any:
        response = await call_next(request)
        response.headers["Content-Security-Policy"] = POLICY
        response.headers["Referrer-Policy"] = "no-referrer"
        return response

    return gr.mount_gradio_app(
        app,
        made,
        path="/",
        max_file_size=limits.megabytes << 20,
        allowed_paths=[str(root / "visitors")],
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


def serve(load_converter: "Callable[[], Converter]", host: str, port: int, limits: Limits) -> None:
    """Until interrupted; then every upload and result is deleted."""
    with TemporaryDirectory(prefix="lumaflux-demo-") as folder:
        app = application(load_converter, Path(folder), limits)
        import uvicorn

        with contextlib.closing(bound(host, port)) as listening:
            address, real = listening.getsockname()[:2]
            shown = f"[{address}]" if ":" in address else address
            print(f"LumaFlux is at http://{shown}:{real}/ (Ctrl-C ends it)", flush=True)
            if not is_private(host):
                print("Everybody who reaches this machine can use the page, for it asks for no password.", flush=True)
            config = uvicorn.Config(app, log_level="warning", timeout_graceful_shutdown=3)
            uvicorn.Server(config).run(sockets=[listening])
