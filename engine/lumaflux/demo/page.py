"""The page itself, made of Gradio's parts; its controls are those of the settings descriptor."""

import os
import threading
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import fields
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import gradio as gr

from lumaflux.demo.conversion import CanceledError, Shown, convert_upload
from lumaflux.demo.limits import Limits
from lumaflux.demo.visitors import Visitors
from lumaflux.errors import UserError
from lumaflux.settings import Settings, choices, controls
from lumaflux.viewing.views import Pixels

if TYPE_CHECKING:
    from lumaflux.inference.converter import Converter

_WHOLE = ("steps", "seed")
_NOTE = "Files stay on the machine that serves this page, are seen by you alone, and are deleted when you leave."


def page(load_converter: Callable[[], "Converter"], visitors: Visitors, limits: Limits) -> gr.Blocks:
    """``load_converter`` is asked once, when the first file comes. One conversion runs at a time; others wait."""
    loaded = _loaded_once(load_converter)

    def run(
        request: gr.Request,
        progress: gr.Progress = gr.Progress(),  # noqa: B008 (how Gradio asks for it)
        upload: str | None = None,
        *values: Any,
    ) -> list[Any]:
        if upload is None:
            raise gr.Error("Drop a picture or a clip first.", duration=None, print_exception=False)
        key = request.session_hash or ""
        visitors.hold(key, Path(upload))
        visitor = visitors.begin(key)
        try:
            with _told_to_the_visitor():
                settings = Settings(**{name: _typed(name, value) for name, value in zip(names, values, strict=True)})
                shown = convert_upload(
                    Path(upload), settings, loaded(), visitor.folder, limits, _told(progress), visitor.canceled
                )
                return _values(shown, visitor.folder)
        except CanceledError:
            gr.Info("Canceled.")
            return [gr.skip()] * len(outputs)
        finally:
            visitors.end(key)

    def hold(request: gr.Request, upload: str | None = None) -> None:
        if upload is not None:
            visitors.hold(request.session_hash or "", Path(upload))

    def cancel(request: gr.Request) -> None:
        visitors.cancel(request.session_hash or "")

    def leave(request: gr.Request) -> None:
        visitors.leave(request.session_hash or "")

    with gr.Blocks(title="LumaFlux", analytics_enabled=False) as made:
        gr.Markdown("# LumaFlux\nSDR pictures and clips to HDR. " + _NOTE)
        with gr.Row():
            with gr.Column(scale=1):
                upload = gr.File(label="Picture or clip", type="filepath", height=120)
                upload.async_move_resource_to_block_cache = _uploads_alone(visitors)
                parts = _controls(Settings())
                names = list(parts)
                with gr.Row():
                    start = gr.Button("Convert", variant="primary")
                    stop = gr.Button("Cancel")
                files = gr.File(label="Downloads", file_count="multiple", interactive=False)
            with gr.Column(scale=3):
                outputs = [*_views(), files]
        event = start.click(
            run, [upload, *parts.values()], outputs, concurrency_limit=1, api_name="convert", show_progress="full"
        )
        upload.upload(hold, upload, queue=False, show_progress="hidden", api_visibility="private")
        stop.click(cancel, queue=False, cancels=[event], api_visibility="private")
        made.unload(leave)
    made.queue(max_size=limits.waiting, default_concurrency_limit=1)
    return made


def _loaded_once(load_converter: Callable[[], "Converter"]) -> Callable[[], "Converter"]:
    load, lock = cache(load_converter), threading.Lock()

    def loaded() -> "Converter":
        with lock:
            return load()

    return loaded


@contextmanager
def _told_to_the_visitor() -> Iterator[None]:
    """What a visitor can mend is said on the page, what failed otherwise to who serves it."""
    try:
        yield
    except CanceledError:
        raise
    except UserError as error:
        raise gr.Error(str(error), duration=None, print_exception=False) from None
    except Exception as error:
        traceback.print_exception(error)  # it may name folders
        raise gr.Error("The page failed; what failed is said where it was started.", duration=None) from None


def _views() -> list[Any]:
    """Where what came of a file is seen, in the order of `_values`; the files to hand out come after."""
    with gr.Tab("Before and after"):
        slider = gr.ImageSlider(label="SDR source | HDR, tone-mapped", interactive=False, format="jpeg")
    with gr.Tab("On an HDR screen"):
        gr.Markdown("An HDR screen shows the light of this gain-map JPEG, another its SDR base.")
        hdr = gr.Image(label="Ultra HDR", type="filepath", interactive=False, format="jpeg")
    with gr.Tab("Light in false color"):
        light = gr.Image(label="Luminance, cd/m2", interactive=False, format="jpeg")
    with gr.Tab("Scopes"):
        scopes = gr.Gallery(label="Scopes", columns=2, interactive=False, format="jpeg", object_fit="contain")
    facts = gr.Dataframe(headers=["light", "value"], label="First frame", interactive=False)
    notes = gr.Markdown()
    return [slider, hdr, light, scopes, facts, notes]


def _controls(defaults: Settings) -> dict[str, Any]:
    """A part a setting, in the descriptor's order; the first three in sight, the others folded."""
    numbers, words = controls(), choices()
    names = [f.name for f in fields(Settings)]
    parts: dict[str, Any] = {}

    def add(name: str) -> None:
        default = getattr(defaults, name)
        if name in words:
            entries = [(label, word) for word, label in words[name].values.items()]
            parts[name] = gr.Dropdown(entries, value=default, label=words[name].label, info=words[name].help)
            return
        one = numbers[name]
        if name == "seed":
            bounds: dict[str, Any] = {"minimum": one.low, "maximum": one.high}
            parts[name] = gr.Number(default, label=one.label, info=one.help, precision=0, **bounds)
            return
        step = 1 if name in _WHOLE or one.high > 50 else 0.01
        label = f"{one.label} ({one.unit})"
        parts[name] = gr.Slider(one.low, one.high, value=default, step=step, label=label, info=one.help)

    for name in names[:3]:
        add(name)
    with gr.Accordion("More settings", open=False):
        for name in names[3:]:
            add(name)
    return parts


def _typed(name: str, value: Any) -> Any:
    if name in choices():
        return value
    return int(value) if name in _WHOLE else float(value)


def _told(progress: gr.Progress) -> Callable[[int, int | None], None]:
    class Told:
        passed = "converting"

        def name_pass(self, name: str) -> None:
            self.passed = name

        def __call__(self, done: int, total: int | None) -> None:
            progress((done, total) if total else 0, desc=self.passed, unit="frames")

    return Told()


def _uploads_alone(visitors: Visitors) -> Any:
    """In the place of Gradio's way of taking what a request names: inside of another application it reads every file
    of the machine (Blocks.has_launched is False there), and addresses of elsewhere."""

    async def taken(named: Any) -> str:
        if not visitors.is_upload(named):
            raise gr.Error("The file is not here, or not any longer; drop it again.", print_exception=False)
        return str(named)

    return taken


def _values(shown: Shown, folder: Path) -> list[Any]:
    """Pictures become files in the visitor's folder, where Gradio leaves them; of arrays it keeps copies."""
    from PIL import Image

    def kept(pixels: Pixels, name: str) -> str:
        Image.fromarray(pixels).save(folder / f"{name}.jpg", quality=90, subsampling=0)
        return str(folder / f"{name}.jpg")

    return [
        (kept(shown.before, "before"), kept(shown.after, "after")),
        str(shown.hdr_picture),
        kept(shown.false_color, "false-color"),
        [(kept(pixels, name), name) for name, pixels in shown.scopes.items()],
        [list(row) for row in shown.facts],
        "\n".join(f"- {note}" for note in shown.notes),
        [str(path) for path in shown.files],
    ]


def keep_files_in(folder: Path) -> None:
    """Where Gradio keeps uploads; before the page is made."""
    os.environ["GRADIO_TEMP_DIR"] = str(folder)
