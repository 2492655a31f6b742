"""Agreement of an export with torch in fp32: part by part, and on whole frames in Delta-E-ITP (ITU-R BT.2124)."""

from collections.abc import Iterable
from pathlib import Path

import torch
from torch import Tensor

from lumaflux.backends.bundle import Agreement, FrameAgreement
from lumaflux.backends.onnxruntime import run_session, session
from lumaflux.color import pq
from lumaflux.color.ictcp import delta_e_itp
from lumaflux.errors import UserError
from lumaflux.inference.converter import Converter
from lumaflux.model.lumaflux import LumaFlux

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
    compared on ``velocity_inputs``, those of a frame.
    """
    found = {}
    for part in parts_of(model, size):
        inputs = part.inputs if part.name != "velocity" or velocity_inputs is None else velocity_inputs
        reference = part.module(*inputs.values())
        reference = reference if isinstance(reference, tuple) else (reference,)
        made = run_session(session(files[part.name], optimise=False), inputs)
        found[part.name] = {
            name: agreement(value, made[name]) for name, value in zip(part.outputs, reference, strict=True)
        }
    return found


@torch.inference_mode()
def verify_frames(reference: Converter, engine: Converter, frames: Iterable[Tensor]) -> FrameAgreement:
    """Whole conversions of SDR frames [3,H,W]: the engine's against torch's."""
    deltas, largest, size = [], 0.0, (0, 0)
    for frame in frames:
        ours, theirs = engine.convert(frame).hdr_pq, reference.convert(frame).hdr_pq
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
    velocity = parts["velocity"]["velocity"]
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
