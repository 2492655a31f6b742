"""The page itself, made of Gradio's parts; its controls are those of the settings descriptor."""

import os
import threading
from collections.abc import Callable
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

if TYPE_CHECKING:
    from lumaflux.inference.converter import Converter

_CLEAN_EVERY, _KEEP = 120, 1800  # seconds, of the copies that Gradio keeps
_WHOLE = ("steps", "seed")
_NOTE = "Files stay on the machine that serves this page, are seen by you alone, and are deleted when you leave."


def page(load_converter: Callable[[], "Converter"], visitors: Visitors, limits: Limits) -> gr.Blocks:
    """``load_converter`` is asked once, when the first file comes. One conversion runs at a time; others wait."""
    load, lock = cache(load_converter), threading.Lock()
    defaults = Settings()

    def loaded() -> "Converter":
        with lock:
            return load()

    def run(
        request: gr.Request,
        progress: gr.Progress = gr.Progress(),  # noqa: B008 (how Gradio asks for it)
        upload: str | None = None,
        *values: Any,
    ) -> list[Any]:
        if upload is None:
            raise gr.Error("Drop a picture or a clip first.", duration=None, print_exception=False)
        key = request.session_hash or ""
        visitor = visitors.begin(key)
        try:
            settings = Settings(**{name: _typed(name, value) for name, value in zip(names, values, strict=True)})
            shown = convert_upload(
                Path(upload), settings, loaded(), visitor.folder, limits, _told(progress), visitor.canceled
            )
        except CanceledError:
            gr.Info("Canceled.")
            return [gr.skip()] * len(outputs)
        except UserError as error:
            raise gr.Error(str(error), duration=None, print_exception=False) from None
        finally:
            visitors.end(key)
        return _values(shown)

    def cancel(request: gr.Request) -> None:
        visitors.cancel(request.session_hash or "")

    def leave(request: gr.Request) -> None:
        visitors.leave(request.session_hash or "")

    with gr.Blocks(title="LumaFlux", analytics_enabled=False, delete_cache=(_CLEAN_EVERY, _KEEP)) as made:
        gr.Markdown("# LumaFlux\nSDR pictures and clips to HDR. " + _NOTE)
        with gr.Row():
            with gr.Column(scale=1):
                upload = gr.File(label="Picture or clip", type="filepath", height=120)
                parts = _controls(defaults)
                names = list(parts)
                with gr.Row():
                    start = gr.Button("Convert", variant="primary")
                    stop = gr.Button("Cancel")
                files = gr.File(label="Downloads", file_count="multiple", interactive=False)
            with gr.Column(scale=3):
                with gr.Tab("Before and after"):
                    slider = gr.ImageSlider(label="SDR source | HDR, tone-mapped", interactive=False, format="jpeg")
                with gr.Tab("On an HDR screen"):
                    gr.Markdown("An HDR screen shows the light of this gain-map JPEG, another its SDR base.")
                    hdr = gr.Image(label="Ultra HDR", type="filepath", interactive=False, format="jpeg")
                with gr.Tab("Light in false color"):
                    light = gr.Image(label="Luminance, cd/m2", interactive=False, format="jpeg")
                with gr.Tab("Scopes"):
                    scopes = gr.Gallery(
                        label="Scopes", columns=2, interactive=False, format="jpeg", object_fit="contain"
                    )
                facts = gr.Dataframe(headers=["light", "value"], label="First frame", interactive=False)
                notes = gr.Markdown()
        outputs = [slider, hdr, light, scopes, facts, notes, files]
        event = start.click(
            run, [upload, *parts.values()], outputs, concurrency_limit=1, api_name="convert", show_progress="full"
        )
        stop.click(cancel, queue=False, cancels=[event], api_visibility="private")
        made.unload(leave)
    made.queue(max_size=limits.waiting, default_concurrency_limit=1)
    return made


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


def _values(shown: Shown) -> list[Any]:
    notes = "\n".join(f"- {note}" for note in shown.notes)
    return [
        (shown.before, shown.after),
        str(shown.hdr_picture),
        shown.false_color,
        [(pixels, name) for name, pixels in shown.scopes.items()],
        [list(row) for row in shown.facts],
        notes,
        [str(path) for path in shown.files],
    ]


def keep_copies_in(folder: Path) -> None:
    """Where Gradio keeps uploads and results; before the page is made."""
    os.environ["GRADIO_TEMP_DIR"] = str(folder)
