"""A page in one file: its template with style and script inside, and a policy that lets nothing else run.

Names of files and methods come from outside: the template engine escapes every one of them, and the page's content
security policy allows only the style and the script whose hashes it names.
"""

import base64
import hashlib
from collections.abc import Mapping
from functools import cache
from importlib import resources
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup


def self_contained(package: str, **content: Any) -> str:
    """HTML of the package's ``page.html`` with its ``page.css`` and ``page.js``; ``content`` is the template's."""
    style, script = (resources.files(package).joinpath(f"page.{kind}").read_text("utf-8") for kind in ("css", "js"))
    policy = (
        f"default-src 'none'; img-src data:; style-src '{_hash(style)}'; script-src '{_hash(script)}'; "
        "base-uri 'none'; form-action 'none'"
    )
    template = _environment(package).get_template("page.html")
    return template.render(policy=policy, style=Markup(style), script=Markup(script), **content)


@cache
def _environment(package: str) -> Environment:
    environment = Environment(
        loader=PackageLoader(package, "."),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.tests["mapping_like"] = lambda value: isinstance(value, Mapping)
    return environment


def _hash(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
