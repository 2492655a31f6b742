"""Fetches a model from the hub at one revision, goes on where it was cut off, and records what came.

The revision of the first contact is kept beside the files, so that a download that goes on later, after the hub's
branch moved, gets the same one. HF_ENDPOINT and HF_TOKEN mean what they mean to huggingface_hub.
"""

import os
from collections.abc import Callable
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

from lumaflux.digests import sha256
from lumaflux.errors import UserError
from lumaflux.store.known_models import KnownModel
from lumaflux.store.model_store import Record, StoredFile, find, own_store, read_record, verify, write_record

_REVISION = "lumaflux-revision.txt"

Progress = Callable[[str, int], None]  # a file that begins, and its bytes


def get(
    model: KnownModel,
    *,
    repository: str | None = None,
    revision: str | None = None,
    offline: bool = False,
    progress: Progress | None = None,
) -> tuple[Path, Record]:
    """The model's folder and record, fetched unless it is there; what is there is verified.

    ``repository``: of a known model that names none. ``revision``: a commit; the newest at first contact if None.
    Raises UserError: offline without it, not allowed to, another revision than recorded, not what the hub says.
    """
    if model.ships:
        raise UserError(f"{model.name} ships with LumaFlux; there is nothing to fetch")
    if (folder := find(model.name)) is not None:
        record = read_record(folder)
        if revision is not None and record.revision != revision:
            raise UserError(
                f"{folder} holds revision {record.revision}, not {revision}; "
                f"run `lumaflux models remove {model.name}` first to change it"
            )
        return folder, verify(model.name)
    if offline:
        raise UserError(f"{model.name} is not in {own_store()}, and --offline fetches nothing; run it once without")
    source = repository or model.repository
    if source is None:
        raise UserError(f"no repository of {model.name} is known; name the one that publishes it with --repository")
    return _fetched(model, source, revision, progress or (lambda _name, _bytes: None))


def _fetched(model: KnownModel, source: str, revision: str | None, progress: Progress) -> tuple[Path, Record]:
    from filelock import FileLock, Timeout
    from huggingface_hub.errors import GatedRepoError, RepositoryNotFoundError, RevisionNotFoundError

    try:
        own_store().mkdir(parents=True, exist_ok=True)
        with FileLock(own_store() / f".{model.name}.lock", timeout=0):
            return _all_files(model, source, revision, progress)
    except UserError:
        raise
    except Timeout:
        raise UserError(f"another process is fetching {model.name} into {own_store()}; wait for it") from None
    except GatedRepoError:
        raise UserError(_how_to_be_let_in(source)) from None
    except RevisionNotFoundError:
        raise UserError(f"{source} has no revision {revision}; name a commit of it, or none for the newest") from None
    except RepositoryNotFoundError:
        raise UserError(f"the hub has no {source}, or not for you: {_how_to_be_let_in(source)}") from None
    except Exception as error:  # those of the HTTP library below huggingface_hub are neither OSErrors nor its own
        first_line = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise UserError(f"{source} did not come whole ({first_line}); run the same command again, it goes on") from None


def _all_files(model: KnownModel, source: str, revision: str | None, progress: Progress) -> tuple[Path, Record]:
    from huggingface_hub import HfApi

    endpoint, folder = os.environ.get("HF_ENDPOINT"), own_store() / model.name
    begun = folder / _REVISION
    if begun.is_file():
        revision = _same(begun.read_text("utf-8").split(), source, revision, model.name)
    facts = HfApi(endpoint=endpoint).model_info(source, revision=revision, files_metadata=True)
    wanted = _wanted(facts, model, source)
    folder.mkdir(parents=True, exist_ok=True)
    begun.write_text(f"{source} {facts.sha}\n", "utf-8")
    files = []
    for sibling in wanted:
        progress(sibling.rfilename, sibling.size or 0)
        files.append(_file(folder, sibling, source, str(facts.sha), endpoint))
    record = Record(
        model=model.name, repository=source, revision=str(facts.sha), licence=_licence(facts, model), files=tuple(files)
    )
    write_record(folder, record)
    begun.unlink()
    return folder, record


def _file(folder: Path, sibling: Any, source: str, revision: str, endpoint: str | None) -> StoredFile:
    """One file, from where an earlier process left it: huggingface_hub's own downloads begin anew in each."""
    from huggingface_hub import hf_hub_url
    from huggingface_hub.file_download import http_get
    from huggingface_hub.utils import build_hf_headers

    path = folder / sibling.rfilename
    if not path.resolve().is_relative_to(folder.resolve()):
        raise UserError(f"{source} holds '{sibling.rfilename}', which lies outside of its folder; do not use it")
    if not path.is_file():
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = path.with_name(f"{path.name}.partial")
        with open(partial, "r+b" if partial.exists() else "w+b") as file:
            there = file.seek(0, os.SEEK_END)
            if sibling.size is None or there > sibling.size:
                there = file.truncate(0)
                file.seek(0)
            url = hf_hub_url(source, sibling.rfilename, revision=revision, endpoint=endpoint)
            http_get(url, file, resume_size=there, headers=build_hf_headers(), expected_size=sibling.size)
        partial.replace(path)
    return _checked(path, sibling, folder)


def _same(begun: list[str], source: str, revision: str | None, name: str) -> str:
    before, kept = begun if len(begun) == 2 else ("", "")
    if before != source or revision not in (None, kept):
        raise UserError(
            f"a download of {before or 'something else'} at {kept or 'no'} revision was begun there; "
            f"go on with it, or run `lumaflux models remove {name}` first"
        )
    return kept


def _wanted(facts: Any, model: KnownModel, source: str) -> list[Any]:
    files = [file for file in facts.siblings or [] if any(fnmatch(file.rfilename, each) for each in model.files)]
    if not any(file.rfilename.endswith(".safetensors") for file in files):
        raise UserError(f"{source} holds none of {', '.join(model.files)}; it is not {model.name}")
    return files


def _checked(path: Path, sibling: Any, folder: Path) -> StoredFile:
    digest, size = sha256(path), path.stat().st_size
    large = getattr(sibling, "lfs", None)
    expected = large.sha256 if large else None
    if (expected and digest != expected) or (sibling.size is not None and size != sibling.size):
        path.unlink()
        raise UserError(f"{path} is not what the hub says it is; it was removed, run the same command again")
    return StoredFile(path=path.relative_to(folder).as_posix(), size=size, sha256=digest)


def _licence(facts: Any, model: KnownModel) -> str:
    said = (getattr(facts, "card_data", None) or {}).get("license")
    return str(said) if said and model.repository is None else model.licence


def _how_to_be_let_in(source: str) -> str:
    return (
        f"{source} is gated: log in to the model hub, accept the licence on the page of {source}, make a token that "
        "may read, then run `hf auth login` or set HF_TOKEN to it"
    )
