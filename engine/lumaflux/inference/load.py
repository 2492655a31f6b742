"""Loads a converter by model name or directory."""

import sys
from dataclasses import replace
from pathlib import Path
from typing import cast

import torch

from lumaflux.backends.compiled import check_compiler, compile_blocks
from lumaflux.backends.cuda_graphs import check_graphs, record_velocity
from lumaflux.backends.device import FP8, further_devices, pick_device, pick_dtype
from lumaflux.backends.network import Backend
from lumaflux.backends.offload import OffloadingBackend
from lumaflux.backends.torch import TorchBackend
from lumaflux.errors import UserError
from lumaflux.inference.backbones import ADAPTERS, adapters_of, backbone_of, is_release, warn_of_another_base
from lumaflux.inference.converter import Converter
from lumaflux.inference.installed_engine import engine_for
from lumaflux.inference.memory_plan import AUTO, Budget, budget_of, plan_for, refuse_the_cpu, with_key_batch
from lumaflux.inference.planned import PlannedConverter
from lumaflux.inference.weights import LITE, weight_digests
from lumaflux.model.autoencoder import set_tile
from lumaflux.model.build import build
from lumaflux.model.checkpoint import load_adapters, load_model
from lumaflux.model.config import LumaFluxConfig, read_config
from lumaflux.model.look_file import take_look
from lumaflux.model.lumaflux import LumaFlux
from lumaflux.model.presets import HUB_BACKBONES, PRESETS
from lumaflux.model.pretrained import Placement, build_on_pretrained
from lumaflux.model.small_decoder import check_small_decoder, small_decoder
from lumaflux.options import ModelOptions, Precision


def load(
    name_or_directory: str | Path = "lite",
    *,
    device: str | None = None,
    dtype: str | None = None,
    adapters: str | Path | None = None,
    backbone: str | Path | None = None,
    engine: str | Path | None = None,
    tile: str | int = "auto",
    vram: str | float = AUTO,
    look: str | Path | None = None,
    key_batch: int = 1,
    compile: bool = False,
    cuda_graphs: bool = False,
    quick_decode: bool = False,
) -> Converter:
    """Loads a model. Nothing is downloaded.

    Args:
        name_or_directory: ``lite``, ``tiny`` and ``tiny-flux`` (random, for tests), ``flux-dev``, ``flux-schnell``,
            ``flux2-klein``, ``flux2-klein-base``, or a model directory.
        device: As torch names it: ``cpu``, ``cuda``, ``cuda:1``, ``mps``; by default the best that is there.
        dtype: ``fp32``, ``bf16``, ``fp16`` (not on a CPU) or ``fp8`` (a published backbone on a GPU, or with ``vram``);
            by default ``fp32`` on a CPU and ``bf16`` elsewhere.
        adapters: An adapter file (own or published layout) or a fetched one's name, loaded over the model's own.
        backbone: The folder or file of a release, with SigLIP in ``siglip/`` beside it; by default what
            `lumaflux models get` fetched.
        engine: A bundle that ``python -m export build-engine`` made of this model; it evaluates it instead of torch.
        tile: ``auto``, ``none`` or pixels a side (128 or more), of the tiles in which large frames of
            `Converter.convert` pass the network.
        vram: GiB of the device that a published backbone may take, or ``auto``, which goes by the GPU.
        look: A file that `lumaflux learn` made over the same weights.
        key_batch: How many key frames of a tone track pass the network at a time, 1 to 64; by a memory plan fewer,
            where so many do not fit.
        compile: Whether torch.compile makes one graph of each kind of block.
        cuda_graphs: Whether velocities are recorded as CUDA graphs.
        quick_decode: Whether the small autoencoder of ``lite`` decodes FLUX.2's latents, for previews.

    Returns:
        A converter, which holds no state between frames.

    Raises:
        UserError: A value that cannot be, an unknown model, missing or damaged weights, an unavailable or too small
            device, an engine or a look of other weights.

    Examples:
        >>> import lumaflux
        >>> converter = lumaflux.load("lite", device="cpu")
        >>> converter.config.name
        'lite'
        >>> lumaflux.load("huge")
        Traceback (most recent call last):
            ...
        lumaflux.errors.UserError: ...
    """
    return load_named(
        ModelOptions(
            model=str(name_or_directory),
            device=device,
            precision=cast(Precision | None, dtype),
            adapters=Path(adapters) if adapters else None,
            backbone=Path(backbone) if backbone else None,
            engine=None if engine is None else Path(engine),
            tile=str(tile),
            vram=str(vram),
            look=None if look is None else Path(look),
            key_batch=key_batch,
            compile=compile,
            cuda_graphs=cuda_graphs,
            quick_decode=quick_decode,
        )
    )


def load_named(options: ModelOptions) -> Converter:
    """:func:`load`, of the options alone: no engine but the one that they name, one device, threads as they are."""
    if options.engine is not None:
        return _load_on_engine(options.engine, options)
    on, name, look = pick_device(options.device), options.model, options.look
    if options.compile:
        check_compiler(on)
    if options.cuda_graphs:
        check_graphs(on)
    published = published_config(name)
    if options.quick_decode:
        check_small_decoder(PRESETS.get(name) if published is None else published, name)
    budget = None if published is None else budget_of(options.vram, on)
    kind = pick_dtype(options.precision, on)
    if options.precision == FP8 and budget is None:
        raise UserError(f"{name} in fp8 is for FLUX on a GPU, or with a --vram; name another --precision")
    if published is not None and budget is not None and (options.vram != AUTO or kind != torch.float32):
        if look is not None:
            take_look(None, look)  # which refuses: a published model has no tone predictor
        return _faster(_load_planned(published, options, budget, on, kind), options)
    # The autoencoder is small: it comes in full precision, and the backend decides.
    placement = Placement(device=on, dtype=kind, vae_dtype=torch.float32)
    network = load_network(name, adapters=options.adapters, backbone=options.backbone, placement=placement)
    if look is not None:
        take_look(network.adapters.tone_predictor, look)
    backend = TorchBackend(network, options.device, options.precision)
    return _faster(Converter(backend, tile=options.tile, key_batch=options.key_batch), options)


def _faster(converter: Converter, options: ModelOptions) -> Converter:
    network = converter.backend.network
    assert isinstance(network, LumaFlux)
    if options.quick_decode:
        network.decoder = small_decoder(network.config, LITE).to(converter.backend.device)
    if options.compile:
        compile_blocks(network)
    if options.cuda_graphs:
        record_velocity(network)
    return converter


def _load_planned(
    config: LumaFluxConfig, options: ModelOptions, budget: Budget, device: torch.device, dtype: torch.dtype
) -> Converter:
    eight = None if options.precision is None else options.precision == FP8
    plan = plan_for(config, budget.limit, dtype=dtype, fp8=eight, free=budget.free)
    plan = with_key_batch(config, replace(plan, scaled=options.precision == FP8), options.key_batch, budget, dtype)
    print(plan.sentence(), file=sys.stderr, flush=True)
    if (options.compile or options.cuda_graphs) and plan.resident < plan.blocks:
        raise UserError(
            f"{plan.blocks - plan.resident} blocks of {plan.model} are kept on the host, and blocks that come and go "
            "are not compiled or recorded; leave --compile and --cuda-graphs out, or name more with --vram"
        )
    placement = Placement(
        device=device,
        dtype=dtype,
        vae_dtype=torch.float32,
        fp8=plan.fp8,
        scaled=plan.scaled,
        resident=plan.resident,
    )
    network = load_network(
        options.model,
        adapters=options.adapters,
        backbone=options.backbone,
        placement=placement,
        working_pixels=plan.working_pixels,
    )
    set_tile(network.vae, plan.vae_tile)
    return PlannedConverter(OffloadingBackend(network, device, dtype, plan.resident), plan, tile=options.tile)


def load_chosen(options: ModelOptions) -> Converter:
    """What the options name, with the engine that is installed for the CPU where they name none. As :func:`load`."""
    if options.threads is not None:
        torch.set_num_threads(options.threads)
    published = None if options.engine is not None else published_config(options.model)
    if options.model in HUB_BACKBONES and published is not None:
        _named_adapters(options.model, options.adapters)
    if published is not None and pick_device(options.device).type == "cpu":
        refuse_the_cpu(published, options.precision, yes=options.yes)
    further = further_devices(options.also_on, pick_device(options.device)) if options.also_on else []
    made = load_named(replace(options, engine=_engine_for(options)))
    made.others = tuple(load_chosen(replace(options, device=str(device), also_on=None)) for device in further)
    return made


def _engine_for(options: ModelOptions) -> Path | None:
    """The one named, or the one installed, where nothing is asked for that torch alone has."""
    if options.engine is None and (options.compile or options.cuda_graphs or options.quick_decode):
        return None
    return engine_for(options.engine, options.model, options.adapters, options.device, options.precision)


def _named_adapters(name: str, adapters: str | Path | None) -> str | Path:
    if adapters is None:
        raise UserError(f"{name} needs an adapter file; name it with --adapters FILE")
    return adapters


def load_network(
    name_or_directory: str | Path = "lite",
    *,
    adapters: str | Path | None = None,
    backbone: str | Path | None = None,
    placement: Placement | None = None,
    working_pixels: int | None = None,
) -> LumaFlux:
    """The torch modules alone, in float32 on the CPU, or a published backbone in ``placement``. As :func:`load`."""
    name = str(name_or_directory)
    if name == "lite":
        model = load_model(LITE)
    elif (config := published_config(name)) is not None:
        folder = None if name in HUB_BACKBONES else Path(name)
        if folder is not None and adapters is None:
            adapters = folder / ADAPTERS
        adapters = _named_adapters(name, adapters)
        named = Path(backbone) if backbone else folder
        if working_pixels is not None:
            config = replace(config, working_pixels=working_pixels)
        model = build_on_pretrained(config, *backbone_of(name, named), placement=placement)
        warn_of_another_base(load_adapters(model, adapters_of(Path(adapters))), named, name)
        return model
    elif name in PRESETS:
        model = build(PRESETS[name], seed=0)
    elif Path(name).is_dir():
        model = load_model(Path(name))
    else:
        choices = ", ".join(["lite", *PRESETS])
        raise UserError(f"unknown model '{name}'; choose one of {choices}, or name a model directory")
    if adapters is not None:
        load_adapters(model, adapters_of(Path(adapters)))
    return model


def published_config(name: str) -> LumaFluxConfig | None:
    """Of a model whose frozen parts lie as others publish them: a known one, or a folder that has them and a
    config.json of this project's."""
    if name in HUB_BACKBONES:
        return PRESETS[name]
    return read_config(Path(name) / "config.json") if is_release(Path(name)) else None


def _load_on_engine(directory: Path, options: ModelOptions) -> Converter:
    if options.compile or options.cuda_graphs or options.quick_decode:
        raise UserError(
            "--compile, --cuda-graphs and --quick-decode are for torch, not for an engine; leave out one of both"
        )
    backend = _engine(directory, options)
    if options.look is not None:
        take_look(getattr(backend.network, "host").tone_predictor, options.look)  # noqa: B009 (an engine's network has one)
    return Converter(backend, tile=options.tile, key_batch=options.key_batch)


def _engine(directory: Path, options: ModelOptions) -> Backend:
    from lumaflux.backends.bundle import read_manifest
    from lumaflux.backends.onnxruntime import OnnxRuntimeBackend

    manifest, dtype, adapters = read_manifest(directory), options.precision, options.adapters
    if dtype is not None and dtype != manifest.precision:
        raise UserError(f"the engine {directory} is in {manifest.precision}, not in {dtype}; leave --precision out")
    if adapters is not None and not adapters.is_file():
        raise UserError(f"the weights file {adapters} is missing")
    backbone_sha256, adapters_sha256 = weight_digests(options.model, adapters)
    digests = {"model_sha256": backbone_sha256, "adapters_sha256": adapters_sha256}
    if manifest.backend == "ort":
        return OnnxRuntimeBackend(directory, device=options.device, **digests)
    from lumaflux.backends.tensorrt import TensorRTBackend

    return TensorRTBackend(directory, device=options.device, **digests)
