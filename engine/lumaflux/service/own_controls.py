"""Controls that only an effect has: presets, Analyse, the model's name, what the panel says."""

from typing import Any

GROUPS = {name: f"group_{name.lower()}" for name in ("Colour", "Look", "Detail", "Temporal", "Model", "Status")}
# By pipeline: label, and the spaces that it sets. Hosts keep the index: new ones at the end.
PIPELINES = {
    "own": ("As set below", None),
    "resolve-pq": ("Resolve, unmanaged, ST.2084 timeline", ("bt709-bt1886", "pq-bt2020")),
    "resolve-wide-gamut": ("Resolve, DaVinci Wide Gamut, then a transform", ("davinci-intermediate", "pq-bt2020")),
    "nuke-linear": ("Nuke or Natron, linear Rec.709", ("linear-bt709", "linear-bt709")),
    "aces": ("ACEScg, by the inverse view (see the guide)", ("acescg", "pq-bt2020")),
}
PIPELINE: dict[str, Any] = {
    "name": "pipeline",
    "label": "Pipeline",
    "hint": "Sets the input and the output space for a host's way of working.",
    "type": "choice",
    "default": "own",
    "choices": [label for label, _ in PIPELINES.values()],
    "values": list(PIPELINES),
    "sets": {
        name: dict(zip(("input_space", "output_space"), spaces, strict=True))
        for name, (_, spaces) in PIPELINES.items()
        if spaces is not None
    },
    "own": True,
    "animates": False,
    "group": GROUPS["Colour"],
}
TEMPORAL: list[dict[str, Any]] = [
    {
        "name": "source_file",
        "label": "Source file",
        "hint": "The file behind this clip, for Analyse, which finds the clip's frames in it; empty to analyse the "
        "frames that the host hands over.",
        "type": "file",
        "default": "",
        "group": GROUPS["Temporal"],
    },
    {
        "name": "analyse",
        "label": "Analyse",
        "hint": "Find the shots of the clip and the tone of each, and name them in Tone track.",
        "type": "button",
        "group": GROUPS["Temporal"],
    },
    {
        "name": "tone_track",
        "label": "Tone track",
        "hint": "A file of Analyse or of lumaflux analyze: one tone for each shot, so that nothing pumps. "
        "Empty: every frame has its own tone.",
        "type": "file",
        "default": "",
        "group": GROUPS["Temporal"],
    },
    {
        "name": "track_start",
        "label": "Track start",
        "hint": "The frame of the host at which the tone track begins; Analyse sets it.",
        "type": "int",
        "default": 0,
        "min": -(2**31),
        "max": 2**31 - 1,
        "display_min": 0,
        "display_max": 1000,
        "group": GROUPS["Temporal"],
    },
    {
        "name": "track_says",
        "label": "Analysed",
        "hint": "What the last analysis found.",
        "type": "label",
        "default": "",
        "group": GROUPS["Temporal"],
    },
    {
        "name": "analyses",
        "label": "Analyses",
        "hint": "How many there were: a host's cached frames end with the next.",
        "type": "int",
        "default": 0,
        "min": 0,
        "max": 2**31 - 1,
        "display_min": 0,
        "display_max": 1000,
        "secret": True,
        "group": GROUPS["Temporal"],
    },
]
OF_MODEL: list[dict[str, Any]] = [
    {
        "name": "model_name",
        "label": "Model by name",
        "hint": "The chosen model's name: a project keeps it, where a menu keeps a number.",
        "type": "text",
        "default": "",
        "secret": True,
        "group": GROUPS["Model"],
    },
    {
        "name": "draw_failures",
        "label": "Draw failures",
        "hint": "For hosts that go on after a frame failed (MLT): write the reason into the frame instead.",
        "type": "boolean",
        "default": False,
        "own": True,
        "animates": False,
        "group": GROUPS["Model"],
    },
]
STATUS: list[dict[str, Any]] = [
    {
        "name": "load_model",
        "label": "Load model now",
        "hint": "Start the engine and load the model before the first frame asks for it; Engine says what runs.",
        "type": "button",
        "group": GROUPS["Status"],
    },
    {
        "name": "engine_says",
        "label": "Engine",
        "hint": "What renders: the model, by which library, on which device.",
        "type": "label",
        "default": "",
        "passing": True,
        "group": GROUPS["Status"],
    },
    {
        "name": "frame_says",
        "label": "Last frame",
        "hint": "How long the engine took for the last frame, and whether a tone track was used.",
        "type": "label",
        "default": "",
        "passing": True,
        "group": GROUPS["Status"],
    },
]
