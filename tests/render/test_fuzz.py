"""Mutated files of every kind that is read end in a result or in one sentence, in time, and leave no half file."""

import random
import signal

import numpy as np
import OpenImageIO as oiio
import pytest

from lumaflux.errors import UserError

SECONDS = 60  # for one small file, on a busy machine
KINDS = ("mp4", "mkv", "mov", "h264", "png", "tif", "jpg", "webp", "exr", "dpx")


def whole_files(folder, make_clip):
    make_clip("whole.mp4", frames=5, sound=True)
    make_clip("whole.mkv", frames=5, codec="mjpeg", form="yuvj420p")
    make_clip("whole.mov", frames=5, codec="prores_ks", form="yuv422p10le")
    make_clip("whole.h264", frames=5)
    pixels = np.random.default_rng(0).integers(0, 255, (24, 32, 3), dtype=np.uint8)
    for kind in KINDS[4:]:
        form = oiio.HALF if kind == "exr" else oiio.UINT8
        assert oiio.ImageBuf(pixels).write(str(folder / f"whole.{kind}"), form), kind


def mutated(content, rng):
    content = bytearray(content)
    for _ in range(rng.randint(1, 12)):
        place = rng.randrange(min(len(content), 400) if rng.random() < 0.5 else len(content))  # headers above all
        content[place] = rng.choice([0, 255, rng.randrange(256), content[place] ^ (1 << rng.randrange(8))])
    if rng.random() < 0.2:
        del content[rng.randrange(len(content)) :]
    if rng.random() < 0.1:
        start = rng.randrange(len(content) or 1)
        content[start:start] = content[:64]
    return bytes(content)


def fuzz(run, tmp_path, make_clip, count, seed):
    def too_long(number, frame):
        raise AssertionError(f"a file took longer than {SECONDS} s")

    whole_files(tmp_path, make_clip)
    rng = random.Random(seed)
    outcomes, sentences = {"converted": 0, "refused": 0}, []
    before = signal.signal(signal.SIGALRM, too_long)
    try:
        for number in range(count):
            kind = KINDS[number % len(KINDS)]
            path, target = tmp_path / f"mutant.{kind}", tmp_path / ("out.png" if number % 10 > 3 else "out.mkv")
            path.write_bytes(mutated((tmp_path / f"whole.{kind}").read_bytes(), rng))
            signal.alarm(SECONDS)
            try:
                run(path, target, force_sdr=True, keep_going=rng.random() < 0.5, interlaced="progressive", limit=8)
                assert target.stat().st_size > 0
                target.unlink()
                outcomes["converted"] += 1
            except UserError as error:
                sentences.append(str(error))
                outcomes["refused"] += 1
            finally:
                signal.alarm(0)
            assert not target.exists(), path
            left = [p.name for p in tmp_path.iterdir() if p.name.startswith(".")]
            assert not left, (number, left)
    finally:
        signal.signal(signal.SIGALRM, before)
    assert not [sentence for sentence in sentences if "\n" in sentence]
    assert min(outcomes.values()) > count // 20, outcomes


@pytest.mark.slow
def test_two_hundred_mutated_files(run, tmp_path, make_clip):
    fuzz(run, tmp_path, make_clip, 200, 5)


@pytest.mark.soak
def test_two_thousand_mutated_files(run, tmp_path, make_clip):
    fuzz(run, tmp_path, make_clip, 2000, 6)
