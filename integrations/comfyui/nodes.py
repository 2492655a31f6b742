"""ComfyUI's nodes. Pictures are IMAGE tensors: float32 [B,H,W,3] in [0,1].

SDR ones are sRGB, as ComfyUI loads photographs, or BT.1886, as frames of a video. HDR ones hold PQ R'G'B' of BT.2020
primaries in [0,1], so that other nodes pass them on unchanged.
"""

from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import torch

from lumaflux.color import bt2390, pq
from lumaflux.color.sdr_to_pq import REFERENCE_WHITE_NITS
from lumaflux.color.srgb import srgb_to_bt1886
from lumaflux.errors import UserError
from lumaflux.inference.converter import Converter
from lumaflux.inference.load import load
from lumaflux.settings import Settings, choices, controls
from lumaflux.viewing.views import in_false_color, with_legend

CATEGORY = "LumaFlux"
CODES = ("sRGB", "BT.1886")
LINKED = "LUMAFLUX_MODEL"
TRACK = "LUMAFLUX_TONES"


class LoadModel:
    """Loads a model once; the others take it."""

    CATEGORY, FUNCTION, RETURN_TYPES, RETURN_NAMES = CATEGORY, "load", (LINKED,), ("model",)

    @classmethod
    def INPUT_TYPES(cls):
        return {
            "required": {"model": ("STRING", {"default": "lite", "tooltip": "lite, or a model directory"})},
            "optional": {"device": ("STRING", {"default": "", "tooltip": "as lumaflux doctor lists them"})},
        }

    def load(self, model, device=""):
        return (load(model, device=device or None),)


class Tones:
    """The tones of a batch that is one clip, in order: a tone a shot, so that the result does not pump."""

    CATEGORY, FUNCTION, RETURN_TYPES, RETURN_NAMES = CATEGORY, "find", (TRACK,), ("tones",)

    @classmethod
    def INPUT_TYPES(cls):
        return {"required": {"model": (LINKED,), "images": ("IMAGE",), "codes": (list(CODES),)}}

    def find(self, model: Converter, images, codes):
        from lumaflux.render.analysis import ClipAnalysis

        analysis = ClipAnalysis(model, Settings())
        for picture in _sdr(images, codes):
            analysis.see(picture)
        return (analysis.shots(),)


class Convert:
    """SDR to HDR: PQ/BT.2020, and what an SDR screen can show of it."""

    CATEGORY, FUNCTION = CATEGORY, "convert"
    RETURN_TYPES, RETURN_NAMES = ("IMAGE", "IMAGE"), ("hdr_pq", "sdr_proxy")

    @classmethod
    def INPUT_TYPES(cls):
        required = {"model": (LINKED,), "images": ("IMAGE",), "codes": (list(CODES),)}
        return {"required": {**required, **_settings_inputs()}, "optional": {"tones": (TRACK,)}}

    def convert(self, model: Converter, images, codes, tones=None, **values):
        settings = Settings(**values)
        made = []
        for number, picture in enumerate(_sdr(images, codes)):
            tone = None if tones is None else _tone_at(tones, number)
            made.append(model.render(picture, settings, tone))
            _check_interrupted()
        hdr = np.stack(made)
        peak = max(settings.target_peak, REFERENCE_WHITE_NITS)
        proxy = np.stack([bt2390.sdr_from_hdr(pq.eotf(one), peak, REFERENCE_WHITE_NITS) for one in hdr])
        return _images(hdr), _images(proxy)


class FalseColor:
    """Luminance of PQ/BT.2020 pictures as colors, with the legend below."""

    CATEGORY, FUNCTION, RETURN_TYPES, RETURN_NAMES = CATEGORY, "show", ("IMAGE",), ("images",)

    @classmethod
    def INPUT_TYPES(cls):
        return {"required": {"hdr_pq": ("IMAGE",)}}

    def show(self, hdr_pq):
        shown = [with_legend(in_false_color(np.asarray(pq.eotf(one), np.float32))) for one in _planes(hdr_pq)]
        return (torch.from_numpy(np.stack(shown).astype(np.float32) / 255),)


class Save:
    """PQ/BT.2020 pictures as EXR, PQ PNG, or one HDR10 video, by the format; nothing that exists is replaced."""

    CATEGORY, FUNCTION, RETURN_TYPES, RETURN_NAMES = CATEGORY, "save", ("STRING",), ("path",)
    OUTPUT_NODE = True

    @classmethod
    def INPUT_TYPES(cls):
        return {
            "required": {
                "hdr_pq": ("IMAGE",),
                "format": (["exr", "exr-acescg", "png", "hdr10"],),
                "name": ("STRING", {"default": "lumaflux/hdr"}),
                "frames_per_second": ("FLOAT", {"default": 24.0, "min": 1.0, "max": 240.0}),
                "peak_nits": ("FLOAT", {"default": 1000.0, "min": 400.0, "max": 4000.0}),
            }
        }

    def save(self, hdr_pq, format, name, frames_per_second, peak_nits):
        target = _free(_inside(_output_folder(), name), ".mp4" if format == "hdr10" else _SUFFIX[format])
        target.parent.mkdir(parents=True, exist_ok=True)
        frames = _planes(hdr_pq)
        if format == "hdr10":
            _write_video(target, frames, frames_per_second, peak_nits)
        else:
            _write_pictures(target, frames, format, peak_nits)
        return {"ui": {"text": [str(target)]}, "result": (str(target),)}


_SUFFIX = {"exr": ".exr", "exr-acescg": ".exr", "png": ".png"}
NODE_CLASS_MAPPINGS = {
    "LumaFluxLoadModel": LoadModel,
    "LumaFluxTones": Tones,
    "LumaFluxConvert": Convert,
    "LumaFluxFalseColor": FalseColor,
    "LumaFluxSave": Save,
}
NODE_DISPLAY_NAME_MAPPINGS = {
    "LumaFluxLoadModel": "Load LumaFlux model",
    "LumaFluxTones": "LumaFlux tones of a clip",
    "LumaFluxConvert": "LumaFlux SDR to HDR",
    "LumaFluxFalseColor": "LumaFlux false color",
    "LumaFluxSave": "LumaFlux save HDR",
}


def _settings_inputs():
    """Every setting, as the descriptor bounds it."""
    inputs, numbers, words, defaults = {}, controls(), choices(), Settings()
    for one in fields(Settings):
        default = getattr(defaults, one.name)
        if one.name in words:
            choice = words[one.name]
            inputs[one.name] = (list(choice.values), {"default": default, "tooltip": choice.help})
            continue
        control = numbers[one.name]
        whole = isinstance(default, int)
        bounds = {"default": default, "min": control.low, "max": control.high, "tooltip": control.help}
        if whole:
            inputs[one.name] = ("INT", {**bounds, "min": int(control.low), "max": int(control.high)})
        else:
            inputs[one.name] = ("FLOAT", {**bounds, "step": 1.0 if control.high > 50 else 0.01})
    return inputs


def _planes(images):
    """IMAGE [B,H,W,3] -> float32 [B,3,H,W]. Raises UserError for another shape."""
    tensor = images.detach().cpu().float()
    if tensor.ndim != 4 or tensor.shape[-1] not in (3, 4):
        raise UserError(f"images must have the shape [B,H,W,3], but have {tuple(tensor.shape)}")
    return np.ascontiguousarray(tensor[..., :3].permute(0, 3, 1, 2).numpy())


def _sdr(images, codes):
    planes = _planes(images).clip(0, 1)
    return planes if codes == "BT.1886" else [np.asarray(srgb_to_bt1886(one), np.float32) for one in planes]


def _images(planes):
    return torch.from_numpy(np.ascontiguousarray(np.asarray(planes, np.float32).transpose(0, 2, 3, 1)))


def _tone_at(shots, number):
    """Of the shot that holds the picture; of the last one beyond the end."""
    shot = next((one for one in shots if number <= one.last), shots[-1])
    return replace(shot.tone_at(min(number, shot.last)))


def _check_interrupted():
    try:
        from comfy.model_management import throw_exception_if_processing_interrupted as check
    except ImportError:  # outside of ComfyUI
        return
    check()


def _output_folder():
    try:
        from folder_paths import get_output_directory
    except ImportError:  # outside of ComfyUI
        return Path.cwd()
    return Path(get_output_directory())


def _inside(folder, name):
    """Raises UserError for a name that leads out of ComfyUI's folder of results."""
    path = (folder / name).resolve()
    if folder.resolve() not in path.parents:
        raise UserError(f"{name} leads out of {folder}; name a file inside of it")
    return path


def _free(path, suffix):
    """The first of NAME_00001, NAME_00002 and so on that no file begins with."""
    for number in range(1, 100_000):
        stem = f"{path.name}_{number:05d}"
        if not list(path.parent.glob(f"{stem}[._]*")):
            return path.with_name(f"{stem}{suffix}")
    raise UserError(f"{path} has no free number left; choose another name")


def _write_pictures(target, frames, format, peak_nits):
    from lumaflux.media.metadata.mastering import container_display
    from lumaflux.media.output_profiles import OUTPUT_PROFILES
    from lumaflux.media.stills.picture_writer import PictureOptions, write_picture

    kind = OUTPUT_PROFILES[format].picture
    assert kind is not None  # a video goes to _write_video
    options = PictureOptions(display=container_display(peak_nits))
    for number, frame in enumerate(frames):
        path = target if len(frames) == 1 else target.with_name(f"{target.stem}.{number:04d}{target.suffix}")
        write_picture(path, frame, kind, options)


def _write_video(target, frames, frames_per_second, peak_nits):
    from fractions import Fraction

    from lumaflux.media.metadata.mastering import container_display
    from lumaflux.media.output_profiles import OUTPUT_PROFILES, video_encoding
    from lumaflux.media.video.writer import VideoWriter

    rate = Fraction(frames_per_second).limit_denominator(1001)
    size = (frames.shape[3], frames.shape[2])
    display = container_display(peak_nits)
    encoding = video_encoding(OUTPUT_PROFILES["hdr10"], size, 1 / rate, rate, Fraction(1), display)
    with VideoWriter(target, size, encoding) as writer:
        for number, frame in enumerate(frames):
            writer.write(frame, number)
