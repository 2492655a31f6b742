"""`lumaflux farm job`: a job bundle of the Open Job Description (specification jobtemplate-2023-09)."""

import contextlib
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

import yaml

from lumaflux.errors import UserError
from lumaflux.farm.job_spec import JobSpec, spec_text
from lumaflux.options import EncodeOptions

TEMPLATE = "template.yaml"
PARAMETERS = "parameter_values.yaml"  # as AWS Deadline Cloud's bundles have it
OPENJD_PARAMETERS = "openjd_parameters.yaml"  # as `openjd run --job-param file://` reads them
_START_S, _CHUNK_S, _ENCODE_S = 3600, 24 * 3600, 24 * 3600


@dataclass(frozen=True, kw_only=True)
class Bundle:
    """What a bundle is made of. ``frames``: the folder of the pictures; ``target``: the file that they become, if any.

    ``chunk`` frames make a task; a farm that adapts chunks aims at ``chunk_seconds``.
    """

    spec: JobSpec
    frames: Path
    numbers: str
    target: Path | None
    chunk: int = 24
    chunk_seconds: int = 600
    command: str = "lumaflux"
    video: EncodeOptions = field(default_factory=EncodeOptions)


def template(bundle: Bundle) -> dict[str, Any]:
    """The template as a document."""
    steps = [_frames_step(bundle)]
    if bundle.target is not None:
        steps.append(_encode_step(bundle))
    for file in steps[0]["stepEnvironments"][0]["script"]["embeddedFiles"]:
        file["data"] = _plain(file["data"], "{\\u007b", "}\\u007d")  # of JSON, where it stands in strings alone
    return {
        "specificationVersion": "jobtemplate-2023-09",
        "extensions": ["TASK_CHUNKING"],
        "name": _job_name(f"LumaFlux {bundle.spec.source.name}"),
        "parameterDefinitions": [_definition(parameter) for parameter in _parameters(bundle)],
        "steps": steps,
    }


def write_bundle(bundle: Bundle, folder: Path, *, overwrite: bool = False) -> Path:
    """Writes template.yaml and its parameters' values, in two shapes, into ``folder``, which is made. Returns the
    template's path."""
    document = template(bundle)
    check_template(document)
    values = {parameter["name"]: str(parameter["default"]) for parameter in _parameters(bundle)}
    deadline = {"parameterValues": [{"name": name, "value": value} for name, value in values.items()]}
    texts = {
        name: yaml.safe_dump(written, sort_keys=False, allow_unicode=True, width=100)
        for name, written in ((PARAMETERS, deadline), (OPENJD_PARAMETERS, values), (TEMPLATE, document))
    }
    write_together(folder, texts, overwrite=overwrite)
    return folder / TEMPLATE


def write_together(folder: Path, texts: dict[str, str], *, overwrite: bool) -> None:
    """Files of one ``folder``, which is made: all of them or none, the last of ``texts`` last.

    Raises UserError for one that is there (unless ``overwrite``) and where they cannot be written.
    """
    from lumaflux.media.atomic_file import AtomicFile

    made = not folder.exists()
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"the directory {folder} cannot be made: {error.strerror}; choose another name") from None
    try:
        with contextlib.ExitStack() as files:  # which leaves the first last
            for name, text in reversed(texts.items()):
                files.enter_context(AtomicFile(folder / name, overwrite=overwrite)).partial.write_text(text, "utf-8")
    except BaseException:
        if made:
            with contextlib.suppress(OSError):
                folder.rmdir()
        raise


def check_template(document: dict[str, Any]) -> Any:
    """The library's own model of it; without the library (extra ``[farm]``) it goes unchecked and is None."""
    try:
        from openjd.model import DecodeValidationError, decode_job_template
    except ImportError:
        return None
    try:
        return decode_job_template(template=document, supported_extensions=["TASK_CHUNKING"])
    except DecodeValidationError as error:
        raise UserError(f"no valid job: {' '.join(str(error).split())}") from None


def _job_name(text: str) -> str:
    """What the description allows: 64 characters, none that controls, and no expression."""
    shown = "".join(letter if letter.isprintable() else " " for letter in text)
    return _plain(shown, "{ {", "} }")[:64]


def _definition(parameter: dict[str, Any]) -> dict[str, Any]:
    """Without the default of a path: the description allows none outside of the template's directory."""
    return {key: value for key, value in parameter.items() if key != "default" or parameter["type"] != "PATH"}


def _plain(text: str, opening: str, closing: str) -> str:
    """Text without the braces around expressions of the description; ``opening`` and ``closing`` stand for them."""
    while "{{" in text or "}}" in text:
        text = text.replace("{{", opening).replace("}}", closing)
    return text


def _parameters(bundle: Bundle) -> list[dict[str, Any]]:
    source = bundle.spec.source.resolve()
    sequence = "%" in source.name
    found: list[dict[str, Any]] = [
        {
            "name": "Input",
            "type": "PATH",
            "objectType": "DIRECTORY" if sequence else "FILE",
            "dataFlow": "IN",
            "default": str(source.parent if sequence else source),
            "description": "The SDR clip, or the folder of the numbered pictures.",
        },
        {
            "name": "Frames",
            "type": "PATH",
            "objectType": "DIRECTORY",
            "dataFlow": "OUT",
            "default": str(bundle.frames.resolve()),
            "description": "The folder of the HDR pictures and of the records of what is done.",
        },
        {
            "name": "FrameSet",
            "type": "STRING",
            "default": bundle.numbers.replace("x", ":"),  # as this specification writes a step
            "description": "The frames to render: 0-99, 1001-1100,1200.",
        },
        {
            "name": "Engine",
            "type": "STRING",
            "default": bundle.command,
            "description": "The lumaflux command on the workers.",
        },
    ]
    if bundle.target is not None:
        found.append(
            {
                "name": "Output",
                "type": "PATH",
                "objectType": "FILE",
                "dataFlow": "OUT",
                "default": str(bundle.target.resolve()),
                "description": "The HDR10 file that the pictures become.",
            }
        )
    return found


def _frames_step(bundle: Bundle) -> dict[str, Any]:
    step: dict[str, Any] = {
        "name": "Frames",
        "stepEnvironments": [
            {
                "name": "Engine",
                "description": "Loads the model once for all chunks that this worker takes.",
                "script": {
                    "embeddedFiles": [
                        {"name": "Job", "type": "TEXT", "filename": "job.json", "data": spec_text(bundle.spec)}
                    ],
                    "actions": {
                        "onEnter": _action(
                            ["engine-start", "{{Env.File.Job}}", "{{Param.Input}}", "{{Param.Frames}}"], _START_S
                        ),
                        "onExit": _action(["engine-stop"], 60),
                    },
                },
            }
        ],
        "parameterSpace": {
            "taskParameterDefinitions": [
                {
                    "name": "Frame",
                    "type": "CHUNK[INT]",
                    "range": "{{Param.FrameSet}}",
                    "chunks": {
                        "defaultTaskCount": bundle.chunk,
                        "targetRuntimeSeconds": bundle.chunk_seconds,
                        "rangeConstraint": "NONCONTIGUOUS",
                    },
                }
            ]
        },
        "script": {"actions": {"onRun": _action(["chunk", "{{Task.Param.Frame}}"], _CHUNK_S)}},
    }
    if (bundle.spec.device or "").startswith("cuda"):
        step["hostRequirements"] = {"amounts": [{"name": "amount.worker.gpu", "min": 1}]}
    return step


def _encode_step(bundle: Bundle) -> dict[str, Any]:
    words = ["encode", "{{Param.Frames}}", "{{Param.Output}}", "-y", "--progress-lines"]
    words += ["--only", "{{Param.FrameSet}}"]
    if "%" not in bundle.spec.source.name:
        words += ["--source", "{{Param.Input}}"]
    words += encode_words(bundle)
    return {
        "name": "Encode",
        "dependencies": [{"dependsOn": "Frames"}],
        "script": {"actions": {"onRun": _action(words, _ENCODE_S)}},
    }


def encode_words(bundle: Bundle) -> list[str]:
    """The options of `lumaflux farm encode` that a person chose."""
    words = [] if bundle.spec.fps is None else ["--fps", bundle.spec.fps]
    for each in fields(EncodeOptions):
        value, name = getattr(bundle.video, each.name), each.name.replace("_", "-")
        if value == each.default:
            continue
        if isinstance(value, bool):
            words.append(f"--{name}" if value else f"--no-{name}")
        else:
            words += [f"--{name}", str(value.resolve()) if isinstance(value, Path) else f"{value}"]
    return words


def _action(words: list[str], timeout: int) -> dict[str, Any]:
    return {
        "command": "{{Param.Engine}}",
        "args": ["farm", *words],
        "timeout": timeout,
        "cancelation": {"mode": "NOTIFY_THEN_TERMINATE", "notifyPeriodInSeconds": 30},
    }
