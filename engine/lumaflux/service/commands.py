"""The commands `lumaflux serve` and `lumaflux plugin`. No logic."""

from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter

from lumaflux.errors import UserError
from lumaflux.options import ModelOptions, part

app = App(name="plugin", help="Install the OpenFX effect where hosts look, show its state, remove it.")

_Folder = Annotated[Path | None, Parameter(name="--dir")]


def serve(
    *,
    idle: float = 900.0,
    options: Annotated[ModelOptions, Parameter(name="*")] = ModelOptions(),  # noqa: B008 (frozen)
    warm: bool = True,
    cache: int = 512,
) -> None:
    """Run the engine as a worker of this user; the effect starts it by itself when it needs one.

    The model that is named is loaded at the start; frames may name another.

    Parameters
    ----------
    idle
        Leave after so many seconds in which nobody asked for anything; 0 stays.
    warm
        Load the model now, in the background, and not only for the first frame.
    cache
        Megabytes of rendered frames to keep.
    """
    from lumaflux.service.serve import serve as run
    from lumaflux.service.server import Options

    if not run(part(Options, options, warm=warm, idle_s=idle, cache_bytes=cache << 20)):
        print("an engine of this user runs already")


@app.command
def install(
    *,
    folder: _Folder = None,
    bundle: Path | None = None,
    model: Annotated[list[str] | None, Parameter(negative="")] = None,
    self_test: bool = True,
) -> None:
    """Copy the effect to where hosts look, and prove by a render that it works.

    Parameters
    ----------
    folder
        Where; the first folder of OFX_PLUGIN_PATH, or /usr/OFX/Plugins, if not named.
    bundle
        The effect as `make plugin` built it, if it lies elsewhere.
    model
        LABEL=DIR: a model directory that the effect offers beside its own. May be given many times.
    self_test
        Start the engine and render a frame through it.
    """
    from lumaflux.service import bundle as bundles
    from lumaflux.service.self_test import self_test as prove

    models = {}
    for text in model or []:
        label, equals, directory = text.partition("=")
        if not (label and equals and directory):
            raise UserError(f"--model {text} must be LABEL=DIR")
        models[directory] = label
    target = bundles.install(bundles.plugin_folder(folder), built=bundle, models=models)
    print(f"installed {target}")
    if self_test:
        proof = prove()
        print(f"self-test passed: engine process {proof.pid}, {proof.python}, first frame in {proof.seconds:.2f} s")
    print("restart the hosts that were open")


@app.command
def status(*, folder: _Folder = None) -> None:
    """Show where the effect is installed, what runs it, and what is wrong.

    Parameters
    ----------
    folder
        Where to look; the first folder of OFX_PLUGIN_PATH, or /usr/OFX/Plugins, if not named.
    """
    from lumaflux.service import bundle as bundles
    from lumaflux.service import runtime
    from lumaflux.service.client import Client

    place = bundles.plugin_folder(folder)
    found = bundles.installed(place)
    if found is None:
        raise UserError(f"the effect is not installed in {place}; run `lumaflux plugin install`")
    print(f"effect: {found.path}, version {found.version or 'unknown'}\npython: {found.python or 'unknown'}")
    directory = runtime.open_runtime_directory()
    if runtime.answers(directory):
        with Client(directory) as client:
            state = client.ping()
            print(
                f"engine: process {client.welcome['pid']}, version {client.welcome['version']}, {state['rss_mb']} MB, "
                f"{'busy' if state['busy'] else 'idle'}, {state['queue']} frames waiting"
            )
    else:
        print("engine: does not run; the effect starts it when it needs one")
    print(f"log: {directory.log}")
    if found.faults:
        raise UserError("; ".join(found.faults))


@app.command
def uninstall(*, folder: _Folder = None) -> None:
    """Remove the effect, and let its engine leave.

    Parameters
    ----------
    folder
        Where it is; the first folder of OFX_PLUGIN_PATH, or /usr/OFX/Plugins, if not named.
    """
    from lumaflux.service import bundle as bundles
    from lumaflux.service import runtime
    from lumaflux.service.self_test import end_worker

    print(f"removed {bundles.uninstall(bundles.plugin_folder(folder))}")
    end_worker(runtime.open_runtime_directory())


@app.command
def scope(*, chart: Path | None = None, model: str = "lite") -> None:
    """Print which codes enter and leave the effect, beside other expansions: what a scope in the host must show.

    Parameters
    ----------
    chart
        A PNG file to write the patches of the second table to, for the host: BT.709 gamma 2.4, full range.
    model
        The model of the second table's last columns.
    """
    from lumaflux.service.scope_chart import tables, write_chart

    if chart is not None:
        write_chart(chart)
    print(tables(model))


@app.command
def parameters(target: Path) -> None:
    """Write the description of the effect's parameters, parameters.json.

    Parameters
    ----------
    target
        The file.
    """
    from lumaflux.service.parameters import write_parameters

    write_parameters(target)
