"""Which requests the page answers: those of its own visitors, for its own files.

A page of another site, open in the same browser, can send forms to this machine, and can give its own name this
machine's address (DNS rebinding). Such requests carry the other site's name, in Origin or in Host.
"""

import ipaddress
import shutil
import socket
from collections.abc import Collection, Mapping
from pathlib import Path
from urllib.parse import urlsplit

_RESERVE = 1 << 30  # bytes of the disk that uploads leave free, for results and for others


def own_names(further: Collection[str] = ()) -> frozenset[str]:
    """Names of this machine, lower case, beside its addresses."""
    machine = socket.gethostname().lower()
    return frozenset({"localhost", machine, f"{machine}.local", *(name.lower() for name in further)})


def refusal(
    path: str, headers: Mapping[str, str], names: Collection[str], folder: Path | None = None
) -> tuple[int, str] | None:
    """HTTP status and sentence for a request that is not answered, else None.

    ``headers`` have lower-case names; ``names`` are those of :func:`own_names`. ``folder``, of an upload, is where it
    would lie.
    """
    host = headers.get("host", "")
    if not _is_own(_name(f"//{host}"), names):
        return 403, f"This page is not reached as '{host[:200]}'; whoever serves it can allow that by --name."
    origin = headers.get("origin")
    if origin is not None and urlsplit(origin).netloc.lower() != host.lower() and _name(origin) not in names:
        return 403, "The request comes from a page of another site."
    if any(word in path.lower() for word in ("=http:", "=https:", "/proxy=")):
        return 403, "This page fetches nothing from elsewhere."
    if folder is not None:
        length = headers.get("content-length", "0")
        wanted = int(length) if length.isdecimal() else 0
        if shutil.disk_usage(folder).free < wanted + _RESERVE:
            return 507, "The machine that serves the page has no room for the file; try again later."
    return None


def _name(address: str) -> str:
    try:
        return (urlsplit(address).hostname or "").lower()
    except ValueError:
        return ""


def _is_own(name: str, names: Collection[str]) -> bool:
    """Addresses count, for a name is what another site must use."""
    if name in names:
        return True
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
