"""`lumaflux farm opencue`: a job for OpenCue: chunks of frames, and an encode that waits for them.

Layers call lumaflux itself; pyoutline's own would call back into pyoutline, on every host.
"""

import getpass
import os
import shlex
import xml.etree.ElementTree as ElementTree
from pathlib import Path

from lumaflux.farm.job_spec import spec_text
from lumaflux.farm.template import Bundle, encode_words, write_together

JOB, SPEC = "job.xml", "job.json"
_FIRST = "#FRAME_START#"  # Cuebot writes the first frame of a chunk here
_HEAD = (
    '<?xml version="1.0"?>\n<!DOCTYPE spec PUBLIC "SPI Cue  Specification Language" '
    '"http://localhost:8080/spcue/dtd/cjsl-1.15.dtd">\n'
)


def write_job(bundle: Bundle, folder: Path, *, show: str, shot: str, overwrite: bool = False) -> Path:
    """Writes job.xml and the file that it names into ``folder``, which the hosts must see under this name too."""
    spec = folder.resolve() / SPEC
    texts = {SPEC: spec_text(bundle.spec), JOB: job_xml(bundle, spec, show, shot)}
    write_together(folder, texts, overwrite=overwrite)
    return folder / JOB


def job_xml(bundle: Bundle, spec_file: Path, show: str, shot: str) -> str:
    """OpenCue's job specification, CJSL 1.15. A chunk is told by its first frame and the chunks' size: what Cuebot
    says of its last frame is of no use where a set has holes."""
    source, name = bundle.spec.source.resolve(), _name(bundle.spec.source.stem)
    spec = ElementTree.Element("spec")
    for key, text in (("facility", "local"), ("show", show), ("shot", shot), ("user", _user())):
        _text(spec, key, text)
    _text(spec, "uid", _uid())
    job = ElementTree.SubElement(spec, "job", name=name)
    for key, text in (("paused", "False"), ("priority", "1"), ("maxretries", "2"), ("autoeat", "False")):
        _text(job, key, text)
    ElementTree.SubElement(job, "env")
    layers = ElementTree.SubElement(job, "layers")
    folder = str(bundle.frames.resolve())
    part = ["part", str(spec_file), str(source.parent if "%" in source.name else source), folder]
    part += ["--count", str(bundle.chunk), "--first"]
    _layer(layers, bundle, "frames", [*part, _FIRST], bundle.numbers, bundle.chunk)
    depends = ElementTree.SubElement(spec, "depends")
    if bundle.target is not None:
        encode = ["encode", folder, str(bundle.target.resolve()), "-y"]
        _layer(layers, bundle, "encode", encode + encode_words(bundle), "1", 1)
        depend = ElementTree.SubElement(depends, "depend", type="LAYER_ON_LAYER", anyframe="False")
        for key, text in (("depjob", name), ("deplayer", "encode"), ("onjob", name), ("onlayer", "frames")):
            _text(depend, key, text)
    ElementTree.indent(spec)
    return _HEAD + ElementTree.tostring(spec, encoding="unicode") + "\n"


def _layer(layers: ElementTree.Element, bundle: Bundle, name: str, words: list[str], numbers: str, chunk: int) -> None:
    layer = ElementTree.SubElement(layers, "layer", name=name, type="Render")
    call = shlex.join([*shlex.split(bundle.command), "farm", *words]).replace(f"'{_FIRST}'", _FIRST)
    described = (("cmd", call), ("range", numbers), ("chunk", str(chunk)), ("cores", f"{bundle.spec.threads or 1}.0"))
    for key, text in (*described, ("threadable", "False")):
        _text(layer, key, text)
    ElementTree.SubElement(layer, "env")
    _text(ElementTree.SubElement(layer, "services"), "service", "shell")
    ElementTree.SubElement(layer, "outputs")


def _text(parent: ElementTree.Element, name: str, text: str) -> None:
    ElementTree.SubElement(parent, name).text = text


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, ImportError, OSError):  # a user id without a name, as in containers
        return _uid()


def _uid() -> str:
    """Windows has no numbers of users."""
    return str(os.getuid() if hasattr(os, "getuid") else 0)


def _name(stem: str) -> str:
    plain = "".join(letter if letter.isalnum() else "_" for letter in stem.partition("%")[0])
    return f"lumaflux_{plain.strip('_').lower()}".rstrip("_")
