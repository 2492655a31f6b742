"""Agreement of an export with torch in fp32: part by part, and on whole frames in Delta-E-ITP (ITU-R BT.2124)."""

from collections.abc import Iterable
from pathlib import Path

import torch
from torch import Tensor

from lumaflux.backends.bundle import Agreement, FrameAgreement
from lumaflux.backends.by_blocks import LAST, VELOCITY, handed_on, steps_of
from lumaflux.backends.onnxruntime import run_session, session
from lumaflux.color import pq
from lumaflux.color.ictcp import delta_e_itp
from lumaflux.errors import UserError
from lumaflux.inference.converter import Converter
from lumaflux.model.lumaflux import LumaFlux

from .block_parts import Part, block_parts
from .parts import parts_of

# Issue of the export's promises: fp32 of the velocity's largest difference; SNR in dB; Delta-E-ITP of whole frames.
LARGEST_FP32 = 1e-4
LEAST_SNR_DB = {"fp16": 50.0, "bf16": 35.0, "fp8": 25.0}
LARGEST_DELTA_E = {"fp32": 0.01, "fp16": 0.1, "bf16": 0.5, "fp8": 0.5}
_SILENCE_DB = 200.0  # stands for no difference at all


def agreement(reference: Tensor, other: Tensor) -> Agreement:
    difference, reference = other.double() - reference.double(), reference.double()
    noise, signal = float(difference.norm()), float(reference.norm())
    relative = noise / max(signal, 1e-30)
    snr = min(_SILENCE_DB, -20 * torch.tensor(max(relative, 1e-10), dtype=torch.float64).log10().item())
    return Agreement(max_abs=float(difference.abs().max()), relative_l2=relative, snr_db=round(snr, 2))


@torch.no_grad()
def verify_parts(
    model: LumaFlux,
    files: dict[str, Path],
    size: tuple[int, int],
    velocity_inputs: dict[str, Tensor] | None = None,
) -> dict[str, dict[str, Agreement]]:
    """Every output of every part at ``size`` through onnxruntime's CPU against ``model`` in fp32.

    The inputs are noise. A calibrated velocity has the ranges of pictures, which noise in every input leaves: it is
    compared on ``velocity_inputs``, those of a frame. A velocity by blocks is compared part by part along the way, each
    on what the one before it made, so that its last part has the error of the whole; one block is open at a time.
    """
    found = {}
    for part in parts_of(model, size):
        inputs = part.inputs if part.name != VELOCITY or velocity_inputs is None else velocity_inputs
        if part.name == VELOCITY and VELOCITY not in files:
            found |= _verify_blocks(model, files, inputs)
            continue
        made = run_session(session(files[part.name], optimise=False), inputs)
        found[part.name] = _agreements(_outputs(part, inputs), made)
    return found


def _verify_blocks(
    model: LumaFlux, files: dict[str, Path], inputs: dict[str, Tensor]
) -> dict[str, dict[str, Agreement]]:
    found, ours, theirs = {}, {}, {}
    wanted = steps_of(model.config, inputs, theirs)
    for part, (_, taken), (_, given) in zip(
        block_parts(model, inputs), wanted, steps_of(model.config, inputs, ours), strict=True
    ):
        reference, made = _outputs(part, taken), run_session(session(files[part.name], optimise=False), given)
        found[part.name] = _agreements(reference, made)
        theirs |= handed_on(reference)
        ours |= handed_on(made)
    return found


def _agreements(reference: dict[str, Tensor], made: dict[str, Tensor]) -> dict[str, Agreement]:
    return {name: agreement(value, made[name]) for name, value in reference.items()}


def _outputs(part: Part, inputs: dict[str, Tensor]) -> dict[str, Tensor]:
    made = part.module(*inputs.values())
    return dict(zip(part.outputs, made if isinstance(made, tuple) else (made,), strict=True))


@torch.inference_mode()
def verify_frames(engine: Converter, frames: Iterable[Tensor], references: Iterable[Tensor]) -> FrameAgreement:
    """Whole conversions of SDR frames [3,H,W] by an engine against torch's, ``references`` in PQ [3,H,W]."""
    deltas, largest, size = [], 0.0, (0, 0)
    for frame, theirs in zip(frames, references, strict=True):
        ours = engine.convert(frame).hdr_pq
        deltas.append(float(delta_e_itp(pq.eotf(ours), pq.eotf(theirs)).mean()))
        largest = max(largest, float((ours - theirs).abs().max()))
        size = (frame.shape[-2], frame.shape[-1])
    return FrameAgreement(
        frames=len(deltas),
        size=size,
        delta_e_itp_mean=sum(deltas) / len(deltas),
        delta_e_itp_worst_frame=max(deltas),
        max_abs_pq=largest,
    )


def refuse_disagreement(parts: dict[str, dict[str, Agreement]], frame: FrameAgreement | None, precision: str) -> None:
    """Raises UserError when an export falls short of its precision's promise."""
    velocity = parts[VELOCITY if VELOCITY in parts else LAST]["velocity"]
    if precision == "fp32" and velocity.max_abs > LARGEST_FP32:
        raise UserError(
            f"the fp32 export's velocity differs from torch by {velocity.max_abs:.2g}; {LARGEST_FP32} is allowed"
        )
    least = LEAST_SNR_DB.get(precision)
    if least is not None and velocity.snr_db < least:
        raise UserError(
            f"the {precision} velocity has {velocity.snr_db:.1f} dB of SNR; at least {least:.0f} dB are asked for"
        )
    if frame is not None and frame.delta_e_itp_mean > LARGEST_DELTA_E[precision]:
        raise UserError(
            f"whole {precision} frames differ by Delta-E-ITP {frame.delta_e_itp_mean:.3f}; "
            f"{LARGEST_DELTA_E[precision]} is allowed"
        )
