"""The picture of docs/demo.md: ``python -m lumaflux.demo.figure PICTURE SCREENSHOT``. Wants Chromium and Playwright."""

import contextlib
import shutil
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from lumaflux.demo.limits import Limits
from lumaflux.demo.serve import application, bound

if TYPE_CHECKING:
    from lumaflux.inference.converter import Converter


@contextlib.contextmanager
def served(load_converter: "Callable[[], Converter]", limits: Limits) -> Iterator[tuple[str, Path]]:
    """The address of a page that is served meanwhile, and where it keeps files."""
    with TemporaryDirectory() as folder, contextlib.closing(bound("127.0.0.1", 0)) as listening:
        app = application(load_converter, Path(folder), limits)
        import uvicorn

        server = uvicorn.Server(uvicorn.Config(app, log_level="error", timeout_graceful_shutdown=1))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{listening.getsockname()[1]}/", Path(folder)
        finally:
            server.should_exit = True
            thread.join(10)


def screenshot(address: str, upload: Path, target: Path, patience: float = 120_000) -> list[str]:
    """Converts ``upload`` on the page and takes its picture (.png or .jpg); returns what was asked of elsewhere.

    ``patience``: milliseconds until the result must be there.
    """
    from playwright.sync_api import sync_playwright

    elsewhere: list[str] = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1280, "height": 900})
        own = (address, "data:", "blob:")
        page.on("request", lambda request: None if request.url.startswith(own) else elsewhere.append(request.url))
        page.goto(address)
        page.get_by_role("button", name="Convert").wait_for(timeout=patience)
        page.wait_for_timeout(1500)  # what is dropped before the scripts listen is lost
        page.set_input_files("input[type=file]", upload, timeout=patience)
        page.get_by_text(upload.name).first.wait_for(timeout=patience)
        page.get_by_role("button", name="Convert").click()
        page.get_by_text("largest R, G or B").first.wait_for(timeout=patience)
        page.wait_for_timeout(1500)  # the pictures fade in
        page.screenshot(path=target, **({"type": "jpeg", "quality": 80} if target.suffix == ".jpg" else {}))
        browser.close()
    return elsewhere


def main() -> None:
    from lumaflux.inference.load import load

    with served(lambda: load("lite"), Limits()) as (address, _):
        screenshot(address, Path(sys.argv[1]), Path(sys.argv[2]))


if __name__ == "__main__":
    main()
