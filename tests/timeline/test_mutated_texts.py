"""Mutated timelines, tone tracks, manifests and orders end in a result or in one sentence, in time."""

import json
import random
import signal

import edits
import opentimelineio as otio
import pytest
import torch
import yaml
from footage import write_clip

from lumaflux.errors import UserError
from lumaflux.farm.check import status_of
from lumaflux.farm.job import HIDDEN, MANIFEST, JobFolder, Manifest
from lumaflux.farm.job_spec import job_spec, read_spec, spec_text
from lumaflux.farm.local_run import values_of
from lumaflux.inference.tone import Tone
from lumaflux.inference.tone_track import Clip, Key, Pins, Shot, StoredTone, ToneTrack, read_track, text_of
from lumaflux.media.metadata.stated import read_hdr_metadata
from lumaflux.model.spline import knots_from_logits
from lumaflux.model.tone_predictor import ToneCurve
from lumaflux.options import FarmOptions
from lumaflux.settings import Settings
from lumaflux.timeline.plan import TimelineOptions, plan
from lumaflux.timeline.render import find, lines_of

SECONDS = 20
EDL = """TITLE: REEL
FCM: NON-DROP FRAME

001  AX       V     C        00:00:00:00 00:00:01:00 01:00:00:00 01:00:01:00
* FROM CLIP NAME: clip.mp4
"""
STATED = {
    "mastering_display": {"primaries": "p3-d65", "max_nits": 1000, "min_nits": 0.005},
    "max_cll": 900,
    "max_fall": 90,
}
ODD = ("null", "NaN", "-1", "1e999", '""', "[]", "{}", "true", "99999999999999999999", '"\\u0000"', "[[[[", "é")


def track_text():
    knots = knots_from_logits(torch.zeros(1, 37), 12)
    placement = ToneCurve(
        knots=knots,
        floor=torch.tensor([0.1]),
        top=torch.tensor([0.6]),
        by_channel=torch.tensor([0.5]),
        matrix=torch.eye(3)[None],
    )
    stored = StoredTone.of(Tone(placement=placement, knots=knots))
    shots = [Shot(first=0, last=9, keys=[Key(frame=0, tone=stored)], pinned=Pins(strength=0.5))]
    clip = Clip(name="clip.mp4", frames=10, digest="0" * 32)
    return text_of(ToneTrack(clip=clip, model="tiny", shots=shots))


@pytest.fixture(scope="module")
def texts(tmp_path_factory):
    """By kind: the text, its file's name, and what reads it."""
    folder = tmp_path_factory.mktemp("texts")
    write_clip(folder / "clip.mp4", 24)
    marked = edits.clip("a", "clip.mp4", edits.span(2, 5), [edits.effect(strength=0.5)])
    reel = edits.timeline(otio.schema.Track("V1", [marked]))
    otio.adapters.write_to_file(reel, str(folder / "reel.otio"))
    options = TimelineOptions(all_clips=True)

    def timeline(path):
        found = find(path, options)[1]
        lines_of(found, options)
        plan(found, options)

    def job(path):
        folder = JobFolder(path.parent.parent)
        folder.manifest().looks()
        status_of(folder)

    manifest = Manifest(
        source="clip.mp4",
        source_kind="video",
        source_digest="0" * 32,
        width=64,
        height=48,
        frames="0-23",
        settings={"strength": 1.0, "seed": 0},
        model="tiny",
        reading={"force_sdr": False},
        device="cpu",
        precision="fp32",
        threads=1,
        weights="tiny",
        platform={},
    )
    (folder / HIDDEN).mkdir()
    order = job_spec(folder / "clip.mp4", Settings(), FarmOptions(model="tiny"))
    return folder, {
        "otio": ((folder / "reel.otio").read_text(), "reel.otio", timeline),
        "edl": (EDL, "reel.edl", timeline),
        "track": (track_text(), "track.json", read_track),
        "job": (manifest.model_dump_json(), f"{HIDDEN}/{MANIFEST}", job),
        "order": (spec_text(order), "job.json", lambda path: read_spec(path, folder / "clip.mp4")),
        "metadata": (json.dumps(STATED), "m.json", read_hdr_metadata),
        "values": (
            yaml.safe_dump({"Engine": "lumaflux", "Frames": "0-23"}),
            "openjd_parameters.yaml",
            lambda path: values_of(path.parent),
        ),
    }


def mutated(text, rng):
    """A digit or bytes changed, a value replaced by an odd one, cut, or doubled."""
    content = bytearray(text.encode())
    kind = rng.random()
    if kind < 0.2:  # often another whole text
        digits = [place for place, byte in enumerate(content) if byte in b"0123456789"]
        content[rng.choice(digits)] = rng.choice(b"0123456789")
    elif kind < 0.5:
        for _ in range(rng.randint(1, 6)):
            content[rng.randrange(len(content))] = rng.randrange(256)
    elif kind < 0.8:
        places = [place for place, byte in enumerate(content) if byte in b":,["]
        place = rng.choice(places or [0])
        end = next((p for p in range(place + 1, len(content)) if content[p] in b",]}\n"), len(content))
        content[place + 1 : end] = rng.choice(ODD).encode()
    elif kind < 0.9:
        del content[rng.randrange(len(content)) :]
    else:
        content[rng.randrange(len(content)) : 0] = rng.choice([b"[" * 5000, b'{"a":' * 2000, bytes(content)])
    return bytes(content)


def fuzz(texts, count, seed):
    def too_long(number, frame):
        raise AssertionError(f"a text took longer than {SECONDS} s")

    folder, kinds = texts
    rng = random.Random(seed)
    for text, name, reader in kinds.values():
        if not name.endswith(".edl"):  # which is refused
            (folder / name).write_text(text)
            reader(folder / name)
    read, refused, wrong = 0, 0, []
    before = signal.signal(signal.SIGALRM, too_long)
    try:
        for number in range(count):
            kind = list(kinds)[number % len(kinds)]
            text, name, reader = kinds[kind]
            content = mutated(text, rng)
            (folder / name).write_bytes(content)
            signal.alarm(SECONDS)
            try:
                reader(folder / name)
                read += 1
            except UserError as error:
                refused += 1
                if "\n" in str(error):
                    wrong.append(f"{kind}: {error}")
            except Exception as error:
                wrong.append(f"{kind}: {type(error).__name__}: {error}: {content[:3000]!r}")
            finally:
                signal.alarm(0)
                (folder / name).unlink()
    finally:
        signal.signal(signal.SIGALRM, before)
    assert not wrong, "\n".join(wrong)
    assert read > count // 20
    assert refused > count // 4


def test_seventy_mutated_texts(texts):
    fuzz(texts, 70, 1)


@pytest.mark.soak
def test_six_hundred_mutated_texts(texts):
    fuzz(texts, 600, 2)
