"""From the command line's word to a method."""

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from lumaflux.errors import UserError
from lumaflux.lab.evaluation.baselines import BASELINES
from lumaflux.lab.evaluation.methods.classical import BaselineMethod, OracleMethod, StaticCurveMethod
from lumaflux.lab.evaluation.methods.method import Method
from lumaflux.lab.evaluation.methods.network import NetworkMethod, Route
from lumaflux.lab.evaluation.methods.stored import FolderMethod, read_predictions
from lumaflux.lab.evaluation.static_curve import FITTED, read_curve
from lumaflux.settings import Settings

_MODEL = "model:"
_ROUTES: tuple[Route, ...] = ("direct", "bypass")


def method_named(
    text: str, *, settings: Settings | None = None, device: str | None = None, precision: str | None = None
) -> Method:
    """A baseline's name, oracle, oracle-curve, static-curve[=FILE.json], model:NAME_OR_DIR[:direct|:bypass],
    NAME=DIR or NAME=FILE.jsonl; NAME= before any of them renames it. The options are for models.

    Raises UserError, listing what there is, for anything else.
    """
    if text.startswith(_MODEL):
        routes: list[Route] = [route for route in _ROUTES if text.endswith(f":{route}")]
        path: Route = routes[0] if routes else "render"
        model = text.removeprefix(_MODEL).removesuffix(f":{path}")
        return NetworkMethod(
            name=f"{_MODEL}{Path(model).name}{'' if path == 'render' else f':{path}'}",
            model=model,
            path=path,
            settings=settings or Settings(),
            device=device,
            precision=precision,
        )
    if text in BASELINES:
        return BaselineMethod(name=text, baseline=text)
    if text in ("oracle", "oracle-curve"):
        return OracleMethod(name=text, matrix=text == "oracle")
    if text == "static-curve":
        return StaticCurveMethod(name=text, curve=read_curve(FITTED))
    name, equals, rest = text.partition("=")
    if not (name and equals and rest):
        raise _unknown(text)
    if name == "static-curve":
        return StaticCurveMethod(name=name, curve=read_curve(Path(rest)))
    if Path(rest).is_dir():
        return FolderMethod(name=name, folder=Path(rest))
    if rest.endswith(".jsonl"):
        return replace(read_predictions(Path(rest)), name=name)
    if "=" not in rest or rest.startswith(("static-curve=", _MODEL)):
        return replace(method_named(rest, settings=settings, device=device, precision=precision), name=name)  # pyright: ignore[reportArgumentType,reportCallIssue]
    raise _unknown(text)


def methods_named(texts: Iterable[str], **options) -> dict[str, Method]:
    """Methods by name; raises UserError for none at all or two of one name."""
    methods: dict[str, Method] = {}
    for text in texts:
        method = method_named(text, **options)
        if method.name in methods:
            raise UserError(f"two methods are named {method.name}; rename one: --method NAME={text}")
        methods[method.name] = method
    if not methods:
        raise UserError("no method to score; name one, for instance --method static-203")
    return methods


def _unknown(text: str) -> UserError:
    return UserError(
        f"unknown method '{text}'; choose one of {', '.join(BASELINES)}, oracle, oracle-curve, "
        "static-curve[=FILE.json], model:NAME_OR_DIRECTORY[:direct|:bypass], NAME=DIRECTORY, NAME=FILE.jsonl"
    )
