"""The unit of work: idempotent, bit-identical however it is cut, honest about what it cannot do."""

import os
import random
import resource
import shutil
import signal
import time

import pytest
from footage import grey_of, pictures, write_picture

from lumaflux.errors import UserError
from lumaflux.farm.frames import WorkerError
from lumaflux.farm.job import JobFolder
from lumaflux.media.stills.frame_numbers import frames_text
from lumaflux.settings import Settings


@pytest.mark.parametrize("seed", range(3))
def test_any_chunking_in_any_order_gives_the_same_bits(render, undisturbed, tmp_path, seed):
    shuffled = random.Random(seed)
    numbers = list(range(24))
    shuffled.shuffle(numbers)
    while numbers:
        size = shuffled.randint(1, 9)
        render(tmp_path, frames_text(numbers[:size]))
        numbers = numbers[size:]
    assert pictures(tmp_path) == undisturbed


def test_finished_frames_are_kept_and_the_model_stays_unloaded(render, tmp_path):
    assert len(render(tmp_path, "0-4").rendered) == 5

    def load():
        raise AssertionError("loaded")

    again = render(tmp_path, "0-4", load=load)
    assert (again.rendered, again.kept) == ([], [0, 1, 2, 3, 4])


def test_clocks_do_not_matter(render, tmp_path):
    render(tmp_path, "0-3")
    for number, shift in enumerate((-1e9, 1e9, -86400, 86400)):
        stamp = time.time() + shift
        os.utime(JobFolder(tmp_path).picture(number), (stamp, stamp))
        os.utime(JobFolder(tmp_path).record_path(number), (stamp, stamp))
    assert render(tmp_path, "0-3").kept == [0, 1, 2, 3]


@pytest.mark.parametrize("damage", ["flip", "cut", "empty", "gone", "record gone", "record torn"])
def test_damage_is_mended(render, undisturbed, tmp_path, damage):
    render(tmp_path, "0-4")
    job = JobFolder(tmp_path)
    path, record = job.picture(3), job.record_path(3)
    if damage == "flip":
        content = bytearray(path.read_bytes())
        content[len(content) // 2] ^= 1
        path.write_bytes(content)
    elif damage in ("cut", "empty"):
        os.truncate(path, 100 if damage == "cut" else 0)
    elif damage == "gone":
        path.unlink()
    elif damage == "record gone":
        record.unlink()
    else:
        record.write_text('{"frame": 3, "dig')
    assert job.fault(3) is not None
    assert render(tmp_path, "0-4").rendered == [3]
    assert path.read_bytes() == undisturbed[path.name]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"settings": Settings(strength=0.5)}, "strength is 1.0, not 0.5"),
        ({"source": "other.mp4"}, None),
        ({"threads": 2}, "threads is 1, not 2"),
        ({"precision": "bf16"}, "precision is fp32, not bf16"),
        ({"model": "lite"}, "model is tiny, not lite"),
        ({"of": "0-9"}, "frames is 0-23, not 0-9"),
    ],
)
def test_another_job_is_refused(render, media, tmp_path, changes, words):
    render(tmp_path, "0")
    if words is None:  # the same picture data under another name is the same input
        assert render(tmp_path, "0", **changes).kept == [0]
        return
    with pytest.raises(UserError, match=words):
        render(tmp_path, "0", **changes)


def test_another_input_is_refused(render, media, tmp_path):
    changed = tmp_path / "changed.mp4"
    shutil.copy(media / "clip.mp4", changed)
    render(tmp_path / "out", "0", source=changed)
    with changed.open("r+b") as file:
        file.seek(500)
        byte = file.read(1)
        file.seek(500)
        file.write(bytes([byte[0] ^ 1]))
    with pytest.raises(UserError, match="source digest"):
        render(tmp_path / "out", "1", source=changed)


class Poisoned:
    """The tiny converter, to which some pictures are poison."""

    others = ()  # one device

    def __init__(self, converter, poison, error=None):
        self.converter, self.poison, self.asked = converter, poison, []
        self.error = error or RuntimeError("cannot be rendered")

    def render_timed(self, sdr, settings, hooks, **options):
        mean = round(float(sdr.mean()), 4)
        self.asked.append(mean)
        if self.poison(len(self.asked) - 1):
            raise self.error
        return self.converter.render_timed(sdr, settings, hooks, **options)


def test_a_poison_frame_is_named_once_and_the_rest_is_done(render, converter, tmp_path):
    poisoned = Poisoned(converter, lambda call: call == 2)
    chunk = render(tmp_path, "0-5", load=lambda: poisoned)
    assert chunk.rendered == [0, 1, 3, 4, 5]
    assert chunk.failed == {2: "cannot be rendered"}
    assert len(poisoned.asked) == 6
    job = JobFolder(tmp_path)
    assert job.failures() == {2: "cannot be rendered"}
    assert render(tmp_path, "0-5").rendered == [2]
    assert job.failures() == {}


def test_a_worker_that_fails_always_stops(render, converter, tmp_path):
    poisoned = Poisoned(converter, lambda call: True, MemoryError())
    with pytest.raises(WorkerError, match="8 frames in a row failed here, the last 7: MemoryError"):
        render(tmp_path, load=lambda: poisoned)
    assert len(poisoned.asked) == 8


def test_a_picture_that_does_not_decode(render, media, tmp_path):
    plates = tmp_path / "plates"
    shutil.copytree(media / "plates", plates)
    os.truncate(plates / "plate.1003.png", 90)
    chunk = render(tmp_path / "out", "1001-1006", source=plates / "plate.%04d.png")
    assert chunk.rendered == [1001, 1002, 1004, 1005, 1006]
    assert list(chunk.failed) == [1003]
    write_picture(plates / "plate.1003.png", grey_of(2))
    assert render(tmp_path / "out", "1001-1006", source=plates / "plate.%04d.png").rendered == [1003]


def test_a_picture_that_was_replaced_is_rendered_again(render, media, tmp_path):
    plates = tmp_path / "plates"
    shutil.copytree(media / "plates", plates)
    render(tmp_path / "out", "1001-1004", source=plates / "plate.####.png")
    write_picture(plates / "plate.1002.png", 77)
    assert render(tmp_path / "out", "1001-1004", source=plates / "plate.####.png").rendered == [1002]


def test_an_input_that_vanishes_stops_the_work(render, media, converter, tmp_path):
    plates = tmp_path / "plates"
    shutil.copytree(media / "plates", plates)

    class Vanishing(Poisoned):
        def render_timed(self, sdr, settings, hooks, **options):
            if len(self.asked) == 2:
                shutil.rmtree(plates)
            return super().render_timed(sdr, settings, hooks, **options)

    vanishing = Vanishing(converter, lambda call: False)
    with pytest.raises(UserError, match="is gone; bring it back"):
        render(tmp_path / "out", source=plates / "plate.%04d.png", load=lambda: vanishing)
    job = JobFolder(tmp_path / "out")
    assert job.record(1001) is not None  # 1002 is being written while its input vanishes
    assert job.record(1004) is None
    assert job.failures() == {}


def test_a_full_disk_stops_the_work_and_leaves_nothing_half(render, tmp_path, undisturbed):
    render(tmp_path, "0-2")
    limit = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (300, limit[1]))  # writing beyond fails as on a full disk
    try:
        with pytest.raises(UserError, match="cannot be written"):
            render(tmp_path, "3-6")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limit)
        signal.signal(signal.SIGXFSZ, handler)
    assert sorted(pictures(tmp_path)) == [f"frame.{number:07d}.png" for number in range(3)]
    assert not list(JobFolder(tmp_path).partials())
    assert JobFolder(tmp_path).failures() == {}
    assert render(tmp_path).rendered == list(range(3, 24))
    assert pictures(tmp_path) == undisturbed


def test_an_output_that_cannot_be_written(render, tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(UserError, match="cannot be written"):
        render(tmp_path / "file" / "out", "0")


def test_frames_that_are_not_there(render, tmp_path):
    with pytest.raises(UserError, match="has no frames 24-29; it has 0-23"):
        render(tmp_path, of="20-29")
