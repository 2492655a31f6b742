"""Mutated files of every kind that is read end in a result or in one sentence, in time, and leave no half file."""

import random
import signal

import numpy as np
import OpenImageIO as oiio
import pytest
from PIL import Image

from lumaflux.errors import UserError

SECONDS = 60  # for one small file, on a busy machine
VIDEOS = {  # by suffix: codec, pixel format
    "mp4": ("libx264", "yuv420p"),
    "mkv": ("mjpeg", "yuvj420p"),
    "mov": ("prores_ks", "yuv422p10le"),
    "ts": ("libx264", "yuv420p"),
    "avi": ("libx264", "yuv420p"),
    "y4m": ("rawvideo", "yuv420p"),
    "h264": ("libx264", "yuv420p"),
    "webm": ("libvpx-vp9", "yuv420p"),
}
OTHERS = {  # containers and codecs that fewer people have
    "ogg": ("libvpx", "yuv420p"),
    "flv": ("libx264", "yuv420p"),
    "asf": ("msmpeg4", "yuv420p"),
    "mpg": ("mpeg2video", "yuv420p"),
    "mxf": ("mpeg2video", "yuv420p"),
    "nut": ("ffv1", "yuv420p"),
    "ivf": ("libvpx-vp9", "yuv420p"),
    "mkv": ("ffv1", "yuv420p"),
    "mp4": ("libsvtav1", "yuv420p"),
    "mov": ("libx265", "yuv420p"),
    "avi": ("mpeg4", "yuv420p"),
}
RARE = {  # what archives and old cameras hold
    "mpg": ("mpeg1video", "yuv420p"),
    "wmv": ("wmv2", "yuv420p"),
    "hevc": ("libx265", "yuv420p"),
    "obu": ("libsvtav1", "yuv420p"),
    "m2ts": ("libx265", "yuv420p"),
    "mov": ("qtrle", "rgb24"),
    "mkv": ("libvpx", "yuv420p"),
    "avi": ("utvideo", "yuv420p"),
    "mp4": ("libvpx-vp9", "yuva420p"),
    "flv": ("flv", "yuv420p"),
    "webm": ("libsvtav1", "yuv420p"),
    "mxf": ("jpeg2000", "yuv420p"),
}
PICTURES = ("png", "tif", "jpg", "webp", "exr", "dpx", "avif", "heic", "jxl")
MOVING = (*VIDEOS, "gif")
KINDS = (*MOVING, *PICTURES)


def whole_files(folder, make_clip, videos):
    """A file of each kind; what headers say most of, such as profiles, Exif, color tags and layers, among them."""
    for kind, (codec, form) in videos.items():
        sound = kind in ("mp4", "mkv", "ts")
        make_clip(
            f"whole.{kind}",
            frames=5,
            codec=codec,
            form=form,
            sound=sound,
            options={"crf": "20"} if codec == "libx264" else {},
        )
    pixels = np.random.default_rng(0).integers(0, 255, (24, 32, 3), dtype=np.uint8)
    for kind in PICTURES[:6]:
        form = oiio.HALF if kind == "exr" else oiio.UINT8
        assert oiio.ImageBuf(pixels).write(str(folder / f"whole.{kind}"), form), kind
    picture = Image.fromarray(pixels)
    exif = picture.getexif()
    exif[0x0112], exif[0x010F] = 6, "Maker"
    from PIL import ImageCms

    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    for kind in ("jpg", "tif", "png"):
        picture.save(folder / f"whole.{kind}", exif=exif, icc_profile=profile)
    turned = [picture.rotate(90 * number, expand=False) for number in range(1, 5)]
    picture.save(folder / "whole.gif", save_all=True, append_images=turned, duration=40)
    import pillow_heif

    pillow_heif.from_pillow(picture).save(folder / "whole.heic")
    large = oiio.ImageBuf(np.kron(pixels, np.ones((8, 8, 1), np.uint8)))  # a file of 128 bytes or more is read
    assert large.write(str(folder / "whole.jxl"))
    picture.save(folder / "whole.avif")


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


def fuzz(run, tmp_path, make_clip, count, seed, videos=VIDEOS, kinds=KINDS):
    def too_long(number, frame):
        raise AssertionError(f"a file took longer than {SECONDS} s")

    whole_files(tmp_path, make_clip, videos)
    rng = random.Random(seed)
    outcomes, sentences, wrong = {"converted": 0, "refused": 0}, [], []
    before = signal.signal(signal.SIGALRM, too_long)
    try:
        for number in range(count):
            kind = kinds[number % len(kinds)]
            path, target = tmp_path / f"mutant.{kind}", tmp_path / ("out.png" if kind in PICTURES else "out.mkv")
            path.write_bytes(mutated((tmp_path / f"whole.{kind}").read_bytes(), rng))
            options = {"force_sdr": True, "keep_going": rng.random() < 0.5, "interlaced": "progressive", "limit": 8}
            if kind not in PICTURES:
                options["encoder_preset"] = "ultrafast"
            signal.alarm(SECONDS)
            try:
                run(path, target, **options)
                assert target.stat().st_size > 0
                target.unlink()
                outcomes["converted"] += 1
            except UserError as error:
                sentences.append(str(error))
                outcomes["refused"] += 1
            except Exception as error:  # all of them are told at the end, with the file that did it
                kept = path.with_name(f"wrong-{number}.{kind}")
                path.rename(kept)
                wrong.append(f"{kept}: {type(error).__name__}: {error}")
            finally:
                signal.alarm(0)
            assert not target.exists(), path
            left = [p.name for p in tmp_path.iterdir() if p.name.startswith(".")]
            assert not left, (number, left)
    finally:
        signal.signal(signal.SIGALRM, before)
    print(
        f"{count} mutated files: {outcomes['converted']} converted, {outcomes['refused']} refused, {len(wrong)} wrong"
    )
    assert not wrong, "\n".join(wrong)
    assert not [sentence for sentence in sentences if "\n" in sentence]
    assert min(outcomes.values()) > count // 20, outcomes


@pytest.mark.slow
def test_two_hundred_mutated_files(run, tmp_path, make_clip):
    fuzz(run, tmp_path, make_clip, 200, 5)


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(8))
def test_mutated_files(run, tmp_path, make_clip, seed):
    """2,400 in all, and 600 texts in tests/timeline/test_mutated_texts.py."""
    fuzz(run, tmp_path, make_clip, 300, 100 + seed)


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(3))
def test_mutated_files_of_other_kinds(run, tmp_path, make_clip, seed):
    """720 in all."""
    fuzz(run, tmp_path, make_clip, 240, 9000 + seed, OTHERS, tuple(OTHERS))


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(2))
def test_mutated_files_of_rare_kinds(run, tmp_path, make_clip, seed):
    """480 in all."""
    fuzz(run, tmp_path, make_clip, 240, 9100 + seed, RARE, tuple(RARE))
