"""What the page does, without the page: limits, private folders, cancellation, results."""

import threading
from typing import Any

import numpy as np
import pytest
from PIL import Image

from lumaflux.color.sdr_to_pq import sdr_to_pq
from lumaflux.demo.conversion import CanceledError, convert_upload
from lumaflux.demo.limits import Limits
from lumaflux.demo.serve import bound, is_private
from lumaflux.errors import UserError
from lumaflux.media.metadata.info import probe
from lumaflux.settings import Settings


class Placement:
    others = ()  # one device

    def render_timed(self, frame, settings, hooks, **rest):
        return np.asarray(sdr_to_pq(frame, settings.reference_white), np.float32), {}


CONVERTER: Any = Placement()


@pytest.fixture
def upload(tmp_path):
    path = tmp_path / "secret-folder" / "photo.png"
    path.parent.mkdir()
    grey = np.linspace(0, 255, 96).astype(np.uint8)
    Image.fromarray(np.broadcast_to(grey[None, :, None], (80, 96, 3)).copy()).save(path)
    return path


def test_a_picture_is_converted_seen_and_handed_out(upload, tmp_path):
    told = []
    shown = convert_upload(
        upload, Settings(), CONVERTER, tmp_path / "own", Limits(), lambda done, total: told.append((done, total))
    )
    assert sorted(path.name for path in shown.files) == [
        "photo-hdr.avif",
        "photo-hdr.exr",
        "photo-hdr.png",
        "photo-sdr.png",
        "photo-ultra-hdr.jpg",
    ]
    assert shown.hdr_picture.name == "photo-ultra-hdr.jpg"
    assert probe(tmp_path / "own" / "photo-hdr.png").transfer.value == "pq"
    assert shown.before.shape == shown.after.shape == (80, 96, 3)
    assert np.abs(shown.before[0, :60].astype(int) - shown.after[0, :60]).max() <= 2  # below the shoulder
    assert set(shown.scopes) == {"waveform", "chromaticity", "histogram", "tone curve"}
    assert dict(shown.facts)["largest R, G or B"] == "203.0 cd/m²"
    assert told[-1] == (1, 1)
    assert (tmp_path / "own").stat().st_mode & 0o777 == 0o700


def test_a_canceled_conversion_leaves_nothing(upload, tmp_path):
    canceled = threading.Event()
    canceled.set()
    with pytest.raises(CanceledError):
        convert_upload(upload, Settings(), CONVERTER, tmp_path / "own", Limits(), canceled=canceled)
    assert not (tmp_path / "own").exists()


@pytest.mark.parametrize(
    ("limits", "said"),
    [(Limits(pixels=100), "96x80 pixels; the page takes up to 100"), (Limits(), "photo.png")],
)
def test_messages_name_no_folder(upload, tmp_path, limits, said):
    if limits == Limits():
        upload.write_bytes(b"\x89PNG\r\n\x1a\n" + b"\0" * 60)
    with pytest.raises(UserError, match=said) as refused:
        convert_upload(upload, Settings(), CONVERTER, tmp_path / "own", limits)
    assert "secret-folder" not in str(refused.value)
    assert not (tmp_path / "own").exists()


def test_hdr_uploads_and_large_files_are_refused(upload, tmp_path):
    first = convert_upload(upload, Settings(), CONVERTER, tmp_path / "own", Limits()).files[0]
    with pytest.raises(UserError, match="is HDR already"):
        Limits().check(first)
    with upload.open("ab") as file:
        file.truncate(3 << 20)
    with pytest.raises(UserError, match="has 3 MB; the page takes up to 2"):
        Limits(megabytes=2).check(upload)
    with pytest.raises(UserError, match="at least 1"):
        Limits(frames=0)


def test_where_it_listens():
    assert [is_private(host) for host in ("127.0.0.1", "localhost", "::1", "0.0.0.0", "10.0.0.1")] == [
        *[True] * 3,
        *[False] * 2,
    ]
    with bound("127.0.0.1", 0) as taken:
        taken.listen()
        with pytest.raises(UserError, match="choose another with --port"):
            bound("127.0.0.1", taken.getsockname()[1])
    with pytest.raises(UserError, match="between 0"):
        bound("127.0.0.1", 70000)
