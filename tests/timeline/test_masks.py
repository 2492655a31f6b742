"""Masks of trimmed media count as the media's own frames do; a folder's masks are found, and those of nobody named."""

import av
import edits
import numpy as np
import opentimelineio as otio
import pytest
from footage import converter, media  # noqa: F401 (fixtures)
from PIL import Image

from lumaflux.errors import UserError
from lumaflux.timeline.masks import mask_of, unused_masks
from lumaflux.timeline.plan import TimelineOptions
from lumaflux.timeline.render import render_timeline

WHITE_FROM = 12  # the frame of the media from which its mask lets the model invent
HOUR = 3600 * edits.RATE


def mask_picture(number):
    return np.full((32, 48, 3), 255 if number >= WHITE_FROM else 0, np.uint8)


def mask_clip(path, frames):
    with av.open(str(path), "w") as container:
        stream = container.add_stream("ffv1", rate=edits.RATE)
        stream.width, stream.height, stream.pix_fmt = 48, 32, "bgr0"
        for number in range(frames):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(mask_picture(number), format="rgb24")))
        container.mux(stream.encode())
    return path


def mask_pictures(folder, numbers, name="mask.%04d.png", first=0):
    folder.mkdir(exist_ok=True)
    for number in numbers:
        Image.fromarray(mask_picture(number - first)).save(folder / (name % number))
    return folder / name


@pytest.fixture
def invented(converter, media, tmp_path):  # noqa: F811
    """Whether the model invents anything, frame by frame, of the one file that a timeline needs; and what was said."""

    def render(clip, mask, **options):
        path = edits.save(edits.timeline([clip]), tmp_path / "cut.otio")
        asked = {"model": "tiny", "mapped": lambda p: str(media / p), "track": "none", "matte": tmp_path / "mattes"}
        asked = TimelineOptions(**{**asked, "mask": mask, **options})
        outcome = render_timeline(path, tmp_path / "out", lambda model: converter, asked)
        found = []
        for written in sorted((tmp_path / "mattes").iterdir()) if outcome.made else []:
            with av.open(str(written)) as container:
                found += [bool(f.to_ndarray(format="rgb24")[..., 2].max()) for f in container.decode(video=0)]
        return found, outcome

    return render


def trimmed(start, frames, path="clip.mp4", available=None, **reference):
    return edits.clip("a", path, edits.span(start, frames), [edits.effect()], available=available)


@pytest.mark.parametrize("kind", ["clip", "sequence"])
@pytest.mark.parametrize(
    ("start", "available"), [(10, None), (HOUR + 10, edits.span(HOUR, 24))], ids=["from 0", "from one o'clock"]
)
def test_a_mask_is_of_the_whole_media_whatever_of_it_is_shown(invented, tmp_path, kind, start, available):
    mask = mask_clip(tmp_path / "m.mkv", 24) if kind == "clip" else mask_pictures(tmp_path / "m", range(10, 14))
    found, outcome = invented(trimmed(start, 4, available=available), mask)
    assert not outcome.skipped
    assert found == [False, False, True, True]  # the media's frames 10 to 13


@pytest.mark.parametrize("kind", ["clip", "sequence"])
def test_masks_of_numbered_pictures(invented, tmp_path, kind):
    """A sequence's masks have its numbers; a clip's first frame masks its first picture."""
    if kind == "clip":
        mask = mask_clip(tmp_path / "m.mkv", 12)
    else:
        mask = mask_pictures(tmp_path / "m", range(1001, 1013), first=1001 - WHITE_FROM + 6)
    plates = otio.schema.ImageSequenceReference(
        target_url_base="plates/",
        name_prefix="plate.",
        name_suffix=".png",
        start_frame=1001,
        frame_zero_padding=4,
        rate=edits.RATE,
        available_range=edits.span(0, 12),
    )
    found, outcome = invented(trimmed(4, 4, plates), mask)
    assert not outcome.skipped
    assert found == ([False] * 4 if kind == "clip" else [False, False, True, True])


def test_a_mask_as_long_as_the_part_that_is_shown_is_refused(invented, tmp_path):
    found, outcome = invented(trimmed(10, 4), mask_clip(tmp_path / "m.mkv", 4))
    assert found == []
    assert "has 4 frames" in outcome.skipped[0].reason
    assert "it must be as long as the source" in outcome.skipped[0].reason
    found, outcome = invented(trimmed(10, 4), mask_pictures(tmp_path / "m", range(4)))
    assert "has no picture 10" in outcome.skipped[0].reason


def test_a_folder_holds_numbered_masks_too_and_those_of_nobody_are_named(invented, tmp_path):
    mask_pictures(tmp_path / "masks", range(10, 14), "clip_%03d.png")
    mask_clip(tmp_path / "masks" / "clap.mkv", 2)
    found, outcome = invented(trimmed(10, 4), tmp_path / "masks")
    assert found == [False, False, True, True]
    assert [note for note in outcome.notes if "masks: " in note] == [
        f"{tmp_path / 'masks'}: clap.mkv is the mask of no media that is rendered"
    ]


@pytest.mark.parametrize("names", [[], ["Clip.png"], ["clip-mask.png", "other.1.png", "other.2.png"], [".clip.png"]])
def test_a_folder_without_a_mask_of_any_media_is_refused(tmp_path, names):
    for name in names:
        (tmp_path / name).write_bytes(b"")
    with pytest.raises(UserError, match=r"holds no mask of the timeline's media; name masks as these: clip"):
        unused_masks(tmp_path, {"clip"})


def test_two_masks_of_one_media_are_refused(tmp_path):
    for names in (["clip.png", "clip.mkv"], ["clip.1.png", "clip_1.png"], ["clip.1.png", "clip.1.tif"]):
        folder = tmp_path / names[-1]
        folder.mkdir()
        for name in names:
            (folder / name).write_bytes(b"")
        with pytest.raises(UserError, match="has 2 masks for clip"):
            mask_of(folder, "clip")


def test_a_file_of_the_medias_own_name_comes_before_numbered_ones(tmp_path):
    for name in ("clip2.png", "clip.1.png", "clip.0002.png"):
        (tmp_path / name).write_bytes(b"")
    assert mask_of(tmp_path, "clip2") == tmp_path / "clip2.png"
    assert mask_of(tmp_path, "other") is None
    with pytest.raises(UserError, match="has 2 masks"):  # clip2.png is another sequence's second picture
        mask_of(tmp_path, "clip")
    (tmp_path / "clip2.png").unlink()
    assert mask_of(tmp_path, "clip") == tmp_path / "clip.%01d.png"
    assert unused_masks(tmp_path, {"clip"}) == []
