"""`lumaflux models`: what can be fetched, fetching it, and what is there. No logic."""

from cyclopts import App

from lumaflux.options import Flag

models = App(name="models", help="Fetch the weights of models, and see that they are what they were.")


@models.command(name="list")
def list_models() -> None:
    """Show the known models: licence, size, whether they are gated, and which are there."""
    from lumaflux.store.known_models import KNOWN
    from lumaflux.store.model_store import find, read_record

    for model in KNOWN.values():
        folder = None if model.ships else find(model.name)
        if folder is not None:
            record = read_record(folder)
            there = f"{record.bytes / 1e9:.2f} GB in {folder}, revision {record.revision[:12]}"
        else:
            there = "ships with LumaFlux" if model.ships else "not fetched"
        size = f"{model.gigabytes:g} GB"
        print(f"{model.name}\t{model.what}\tlicence: {model.licence}\tabout {size}\tgated: {model.gated}\t{there}")


@models.command
def get(name: str, *, repository: str | None = None, revision: str | None = None, offline: Flag = False) -> None:
    """Fetch a model, go on with a download that was cut off, or verify what is there.

    Parameters
    ----------
    name
        As `lumaflux models list` has it.
    repository
        OWNER/NAME on the model hub, of adapters whose place is not known.
    revision
        The commit to fetch; the newest if not named. It is recorded, and verified from then on.
    offline
        Verify what is there, and connect to nothing.
    """
    from lumaflux.store.download import get as fetch
    from lumaflux.store.known_models import known

    folder, record = fetch(
        known(name),
        repository=repository,
        revision=revision,
        offline=offline,
        progress=lambda file, size: print(f"{file}  {size / 1e9:.3g} GB", flush=True),
    )
    print(f"{folder}: {len(record.files)} files, {record.bytes / 1e9:.3g} GB, revision {record.revision}")


@models.command
def verify(name: str) -> None:
    """Read every file of a model and compare it with what was recorded when it was fetched."""
    from lumaflux.store.known_models import known
    from lumaflux.store.model_store import verify as check

    record = check(known(name).name)
    print(f"{name}: {len(record.files)} files are those of {record.repository} at {record.revision}")


@models.command
def path(name: str) -> None:
    """Print the folder of a model, for --backbone."""
    from lumaflux.store.known_models import known
    from lumaflux.store.model_store import folder_of

    print(folder_of(known(name).name))


@models.command
def remove(name: str) -> None:
    """Delete a model, or what of one was fetched, from your own store."""
    from lumaflux.store.known_models import known
    from lumaflux.store.model_store import remove as delete

    print(f"{name}: {delete(known(name).name) / 1e9:.3g} GB removed")
