"""The nodes against ComfyUI's contract, without ComfyUI: inputs, results, tensors, files, and the workflow."""

import importlib.util
import inspect
import json
import sys
from dataclasses import fields
from pathlib import Path

import numpy as np
import pytest
import torch

from lumaflux.color.sdr_to_pq import sdr_to_pq
from lumaflux.errors import UserError
from lumaflux.media.metadata.info import probe
from lumaflux.settings import Settings
from lumaflux.viewing.workflow_figure import columns, workflow_figure

FOLDER = Path(__file__).parents[2] / "integrations" / "comfyui"
OWN_OF_COMFYUI = {"LoadImage": ("IMAGE", "MASK"), "PreviewImage": ()}


@pytest.fixture(scope="module")
def nodes():
    spec = importlib.util.spec_from_file_location(
        "lumaflux_comfyui", FOLDER / "__init__.py", submodule_search_locations=[str(FOLDER)]
    )
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["lumaflux_comfyui"] = module
    spec.loader.exec_module(module)
    yield module
    for name in ("lumaflux_comfyui", "lumaflux_comfyui.nodes"):
        sys.modules.pop(name, None)


class Placement:
    def render(self, picture, settings, tone=None):
        assert tone is None or tone.frame >= 0
        return np.asarray(sdr_to_pq(picture, settings.reference_white), np.float32)


def defaults(node):
    given = {}
    for name, (kind, *options) in node.INPUT_TYPES()["required"].items():
        if isinstance(kind, list):
            given[name] = options[0]["default"] if options else kind[0]
        elif options:
            given[name] = options[0]["default"]
    return given


def test_the_contract(nodes):
    assert set(nodes.NODE_CLASS_MAPPINGS) == set(nodes.NODE_DISPLAY_NAME_MAPPINGS)
    for node in nodes.NODE_CLASS_MAPPINGS.values():
        inputs = {**node.INPUT_TYPES()["required"], **node.INPUT_TYPES().get("optional", {})}
        taken = inspect.signature(getattr(node, node.FUNCTION)).parameters
        assert "values" in taken or set(inputs) == set(taken) - {"self"}
        assert len(node.RETURN_TYPES) == len(node.RETURN_NAMES)
        for kind, *options in inputs.values():
            assert kind in ("IMAGE", "STRING", "FLOAT", "INT", "LUMAFLUX_MODEL", "LUMAFLUX_TONES") or kind
            if kind in ("FLOAT", "INT"):
                assert options[0]["min"] <= options[0]["default"] <= options[0]["max"]


def test_every_setting_is_an_input_of_its_range(nodes):
    node = nodes.NODE_CLASS_MAPPINGS["LumaFluxConvert"]
    given = defaults(node)
    assert {one.name for one in fields(Settings)} <= set(given)
    assert Settings(**{one.name: given[one.name] for one in fields(Settings)}) == Settings()


def test_a_batch_is_converted(nodes):
    node = nodes.NODE_CLASS_MAPPINGS["LumaFluxConvert"]
    images = torch.linspace(0, 1, 48 * 64).reshape(1, 48, 64, 1).repeat(2, 1, 1, 3)
    hdr, proxy = node().convert(Placement(), images, **{**defaults(node), "codes": "BT.1886"})
    assert hdr.shape == proxy.shape == (2, 48, 64, 3)
    assert hdr.dtype == proxy.dtype == torch.float32
    expected = sdr_to_pq(images[0].permute(2, 0, 1).numpy())
    np.testing.assert_allclose(hdr[0].permute(2, 0, 1).numpy(), expected, atol=1e-6)
    dark = images[0, :20]
    assert (proxy[0, :20] - dark).abs().max() < 0.01  # below the shoulder the proxy is the source
    (shown,) = nodes.NODE_CLASS_MAPPINGS["LumaFluxFalseColor"]().show(hdr)
    assert shown.shape == (2, 48 + 22, 64, 3)
    assert 0 <= shown.min() < shown.max() <= 1
    with pytest.raises(UserError, match=r"\[B,H,W,3\]"):
        node().convert(Placement(), images[0], **{**defaults(node), "codes": "sRGB"})


def test_photographs_and_frames_of_a_video_differ(nodes):
    node = nodes.NODE_CLASS_MAPPINGS["LumaFluxConvert"]
    images = torch.full((1, 4, 4, 3), 0.1)
    photograph, frame = (
        node().convert(Placement(), images, **{**defaults(node), "codes": codes})[0].mean()
        for codes in ("sRGB", "BT.1886")
    )
    assert photograph > frame + 0.02  # sRGB is brighter in the shadows


def test_tones_belong_to_their_shots(nodes):
    class Shot:
        def __init__(self, first, last):
            self.first, self.last = first, last

        def tone_at(self, frame):
            from lumaflux.inference.tone import Tone

            assert self.first <= frame <= self.last
            return Tone(placement=self.first, knots=None)

    found = sys.modules["lumaflux_comfyui.nodes"]._tone_at
    shots = [Shot(0, 2), Shot(3, 5)]
    assert [found(shots, number).placement for number in (0, 2, 3, 5, 9)] == [0, 0, 3, 3, 3]


@pytest.mark.parametrize(("format", "suffix"), [("exr", ".exr"), ("png", ".png"), ("hdr10", ".mp4")])
def test_results_are_saved_and_never_replaced(nodes, tmp_path, monkeypatch, format, suffix):
    monkeypatch.chdir(tmp_path)
    node = nodes.NODE_CLASS_MAPPINGS["LumaFluxSave"]
    images = torch.full((1, 32, 64, 3), 0.5)
    for number in (1, 2):
        done = node().save(images, **{**defaults(node), "format": format})
        path = Path(done["result"][0])
        assert path == tmp_path / "lumaflux" / f"hdr_{number:05d}{suffix}"
        assert probe(path).transfer.value == ("linear" if format == "exr" else "pq")
    with pytest.raises(UserError, match="leads out of"):
        node().save(images, **{**defaults(node), "name": "../outside"})


def test_the_workflow_fits_the_nodes(nodes):
    graph = json.loads((FOLDER / "workflow.json").read_text())
    for key, step in graph.items():
        node = nodes.NODE_CLASS_MAPPINGS.get(step["class_type"])
        if node is None:
            assert step["class_type"] in OWN_OF_COMFYUI
            continue
        inputs = node.INPUT_TYPES()
        assert set(inputs["required"]) <= set(step["inputs"]), key
        for name, value in step["inputs"].items():
            kind = {**inputs["required"], **inputs.get("optional", {})}[name][0]
            if isinstance(value, list):
                source = graph[value[0]]["class_type"]
                made = nodes.NODE_CLASS_MAPPINGS.get(source)
                types = OWN_OF_COMFYUI[source] if made is None else made.RETURN_TYPES
                assert types[value[1]] == kind
            elif isinstance(kind, list):
                assert value in kind


def test_the_picture_of_the_workflow_shows_every_node():
    graph = json.loads((FOLDER / "workflow.json").read_text())
    places = columns(graph)
    assert [places[key] for key in "1234"] == [0, 0, 1, 2]
    picture = np.asarray(workflow_figure(graph))
    assert (picture == (70, 84, 120)).all(-1).sum() > 200 * 20 * len(graph)  # their titles
    assert (picture == (230, 170, 60)).all(-1).any()
    with pytest.raises(ValueError, match="runs in a circle"):
        columns({"1": {"inputs": {"images": ["1", 0]}}})
