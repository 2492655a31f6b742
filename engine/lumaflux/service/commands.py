"""The commands `lumaflux serve` and `lumaflux plugin`. No logic."""

from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter

from lumaflux.errors import UserError
from lumaflux.options import ModelOptions, part

app = App(name="plugin", help="Install the OpenFX effect where hosts look, show its state, remove it.")

_LONGEST_S = 1e7  # 115 days
_LARGEST_CACHE = 1 << 20  # megabytes
_Folder = Annotated[Path | None, Parameter(name="--dir")]


def serve(
    *,
    resident: Annotated[bool, Parameter(env_var="LUMAFLUX_RESIDENT")] = False,
    idle: float | None = None,
    free: float | None = None,
    options: Annotated[ModelOptions, Parameter(name="*")] = ModelOptions(),  # noqa: B008 (frozen)
    warm: bool = True,
    cache: int = 512,
) -> None:
    """Run the engine as a worker of this user; the effect starts it by itself when it needs one.

    The model that is named is loaded at the start; frames may name another.

    Parameters
    ----------
    resident
        Stay between sessions, so that the first frame of the next does not wait for the start.
    idle
        Leave after so many seconds in which nobody asked for anything; 0 stays. 900, and 43200 with --resident.
    free
        Give the memory of the model and of frames back after so many seconds in which nobody asked for anything, and
        load the model again when a host comes; 0 keeps it. 1800 with --resident.
    warm
        Load the model now, in the background, and not only for the first frame.
    cache
        Megabytes of rendered frames to keep.
    """
    from lumaflux.service.serve import serve as run
    from lumaflux.service.server import FREE_S, IDLE_S, RESIDENT_S, Options

    idle_s = idle if idle is not None else RESIDENT_S if resident else IDLE_S
    free_s = free if free is not None else FREE_S if resident else 0.0
    for name, seconds in (("idle", idle_s), ("free", free_s)):
        if not 0.0 <= seconds <= _LONGEST_S:
            raise UserError(f"--{name} is {seconds:g}; it must be from 0 to {_LONGEST_S:.0f} seconds")
    if not 0 <= cache <= _LARGEST_CACHE:
        raise UserError(f"--cache is {cache} megabytes; it must be from 0 to {_LARGEST_CACHE}")
    if not run(part(Options, options, warm=warm, idle_s=idle_s, free_s=free_s, cache_bytes=cache << 20)):
        print("an engine of this user runs already")


@app.command
def install(
    *,
    folder: _Folder = None,
    bundle: Path | None = None,
    model: Annotated[list[str] | None, Parameter(negative="")] = None,
    resident: bool = False,
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
    resident
        The engine that the effect starts stays between sessions, as `lumaflux serve --resident`.
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
    target = bundles.install(bundles.plugin_folder(folder), built=bundle, models=models, resident=resident)
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
    from lumaflux.service.session import STATUS

    place = bundles.plugin_folder(folder)
    found = bundles.installed(place)
    if found is None:
        raise UserError(f"the effect is not installed in {place}; run `lumaflux plugin install`")
    print(f"effect: {found.path}, version {found.version or 'unknown'}\npython: {found.python or 'unknown'}")
    directory = runtime.open_runtime_directory()
    if runtime.answers(directory):
        with Client(directory, name=STATUS) as client:
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
def stop() -> None:
    """Let the engine of this user leave when the frames under way are done; the effect starts it again when needed."""
    from lumaflux.service import runtime
    from lumaflux.service.self_test import end_worker

    ended = end_worker(runtime.open_runtime_directory())
    print("the engine leaves when its frames are done" if ended else "no engine of this user runs")


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
