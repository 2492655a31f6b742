"""What the page refuses to whoever asks: other sites, other files, other machines; and what is left of a visitor."""

import json
import os
import shutil
import threading
import urllib.error
import urllib.request
from types import SimpleNamespace

import pytest

from lumaflux.demo.guard import own_names, refusal
from lumaflux.demo.visitors import Visitors

NAMES = own_names(["demo.studio"])


@pytest.mark.parametrize(
    "headers",
    [
        {"host": "127.0.0.1:7860"},
        {"host": "localhost:7860", "origin": "http://localhost:7860"},
        {"host": "[::1]:7860", "origin": "http://[::1]:7860"},
        {"host": "192.168.1.7", "origin": "http://192.168.1.7"},
        {"host": "Demo.Studio", "origin": "https://demo.studio"},
        {"host": "127.0.0.1:7860", "origin": "https://demo.studio"},  # a proxy that tells its own host
    ],
)
def test_its_own_pages_are_answered(headers):
    assert refusal("/gradio_api/upload", headers, NAMES) is None


@pytest.mark.parametrize(
    ("headers", "said"),
    [
        ({}, "not reached as ''"),
        ({"host": "evil.example:7860"}, "not reached as 'evil.example:7860'"),
        ({"host": "evil.example", "origin": "http://evil.example"}, "not reached as"),
        ({"host": "localhost.evil.example"}, "not reached as"),
        ({"host": "127.0.0.1.evil.example"}, "not reached as"),
        ({"host": "[::1"}, "not reached as"),
        ({"host": "127.0.0.1:7860", "origin": "http://evil.example"}, "another site"),
        ({"host": "127.0.0.1:7860", "origin": "null"}, "another site"),
        ({"host": "127.0.0.1:7860", "origin": "http://127.0.0.1:9000"}, "another site"),
        ({"host": "127.0.0.1:7860", "origin": "http://demo.studio.evil.example"}, "another site"),
    ],
)
def test_other_sites_are_refused(headers, said):
    refused = refusal("/gradio_api/upload", headers, NAMES)
    assert refused is not None
    assert refused[0] == 403
    assert said in refused[1]


@pytest.mark.parametrize(
    "path", ["/gradio_api/file=http://a.example/x", "/gradio_api/file=HTTPS://a.example/x", "/gradio_api/proxy=x"]
)
def test_nothing_is_fetched_for_a_visitor(path):
    assert refusal(path, {"host": "localhost"}, NAMES) == (403, "This page fetches nothing from elsewhere.")


def test_an_upload_leaves_room_on_the_disk(tmp_path, monkeypatch):
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: SimpleNamespace(free=(1 << 30) + 100))
    told = [{"host": "localhost", "content-length": size} for size in ("100", "101")]
    assert refusal("/gradio_api/upload", told[0], NAMES, tmp_path) is None
    refused = refusal("/gradio_api/upload", told[1], NAMES, tmp_path)
    assert refused is not None
    assert refused[0] == 507


def _uploaded(visitors, name, contents=b"x"):
    """As Gradio does: below the digest of its contents, in the place of another of the same name."""
    path = visitors.root / f"digest-{contents.hex()}" / name
    path.parent.mkdir(exist_ok=True)
    part = visitors.root / "part"
    part.write_bytes(contents)
    part.rename(path)
    return visitors.take(path)


def test_uploads_alone_are_read(tmp_path):
    visitors = Visitors(tmp_path / "files")
    visitors.root.mkdir()
    upload = _uploaded(visitors, "photo.png")
    (tmp_path / "secret.png").write_bytes(b"x")
    result = visitors.begin("a").folder / "photo-hdr.png"
    result.parent.mkdir(parents=True)
    result.write_bytes(b"x")
    (visitors.root / "link.png").symlink_to(tmp_path / "secret.png")
    (visitors.root / "folder").symlink_to(tmp_path)
    assert visitors.is_upload(str(upload))
    for other in (
        tmp_path / "secret.png",
        visitors.root / ".." / "secret.png",
        visitors.root / "link.png",
        visitors.root / "folder" / "secret.png",
        visitors.root,
        visitors.root / "gone.png",
        result,
        "http://a.example/x.png",
    ):
        assert not visitors.is_upload(str(other)), other
    assert not any(visitors.is_upload(other) for other in ("", None, 5))


def test_files_go_with_their_visitors(tmp_path):
    visitors = Visitors(tmp_path / "files", idle=0.0)
    visitors.root.mkdir()
    uploads = {key: _uploaded(visitors, "photo.png") for key in ("a", "b", "waits")}  # the same file, thrice
    for key in ("a", "b"):
        visitors.hold(key, uploads[key])
    one, two = visitors.begin("a"), visitors.begin("b")
    assert one.folder != two.folder
    for visitor in (one, two):
        visitor.folder.mkdir(parents=True)
    visitors.cancel("a")
    assert (one.canceled.is_set(), two.canceled.is_set()) == (True, False)
    visitors.leave("a")
    assert not one.folder.exists()
    assert [visitors.is_upload(path) for path in uploads.values()] == [False, True, True]
    visitors.sweep()
    assert two.folder.exists()  # it is being worked for
    assert visitors.is_upload(uploads["b"])
    visitors.end("b")
    visitors.sweep()
    assert not [path for path in visitors.root.rglob("*") if path.is_file()]
    assert not two.folder.exists()
    assert len(visitors) == 0
    again, before = visitors.begin("c"), visitors.begin("c")
    assert again.canceled.is_set()
    assert again.folder != before.folder  # a browser keeps pictures by their address


def test_what_nobody_converts_is_swept(tmp_path):
    visitors = Visitors(tmp_path, idle=1000.0)
    young, old = (_uploaded(visitors, name, name.encode()) for name in ("young.png", "old.png"))
    visitors.sweep()
    assert old.exists()
    visitors.idle = 0.0
    visitors.hold("a", young)
    visitors.begin("a")
    with visitors.swept(0.01):
        gone = threading.Event()
        while old.exists():
            gone.wait(0.01)
    assert young.exists()


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_no_other_file_of_the_machine_is_converted(tmp_path, monkeypatch):
    pytest.importorskip("gradio")
    from PIL import Image

    from lumaflux.demo.figure import served
    from lumaflux.demo.limits import Limits

    monkeypatch.setenv("GRADIO_TEMP_DIR", "")  # set anew by the page
    private = tmp_path / "private.png"
    Image.new("RGB", (64, 64)).save(private)

    def never():
        raise AssertionError("the model was loaded for a file that nobody uploaded")

    with served(never, Limits(megabytes=1)) as (address, folder):

        def asked(path, body=None, kind="application/json", **headers):
            request = urllib.request.Request(address + path, body, {"Content-Type": kind, **headers})
            try:
                with urllib.request.urlopen(request, timeout=60) as answer:
                    return answer.status, answer.read().decode()
            except urllib.error.HTTPError as refused:
                return refused.code, refused.read().decode()

        ways = [private, folder / "files" / os.path.relpath(private, folder.resolve() / "files"), "http://a.example/x"]
        parameters = json.loads(asked("gradio_api/info")[1])["named_endpoints"]["/convert"]["parameters"]
        settings = [one["parameter_default"] for one in parameters[1:]]
        for named in ways:
            file = {"path": str(named), "meta": {"_type": "gradio.FileData"}}
            status, said = asked("gradio_api/call/convert", json.dumps({"data": [file, *settings]}).encode())
            assert status == 200
            _, events = asked(f"gradio_api/call/convert/{json.loads(said)['event_id']}")
            assert "event: error" in events
            assert "The file is not here" in events
            assert "private" not in events
            assert asked(f"gradio_api/file={named}")[0] == 403
        form = b'--x\r\nContent-Disposition: form-data; name="files"; filename="%s"\r\n\r\n%s\r\n--x--\r\n'
        kind = "multipart/form-data; boundary=x"
        status, said = asked("gradio_api/upload", form % (b"../../out.png", b"abc"), kind)
        assert status == 200
        assert json.loads(said)[0].startswith(f"{folder.resolve()}/files/")
        assert asked("gradio_api/upload", form % (b"a.png", bytes(1 << 21)), kind)[0] == 413
        assert asked("gradio_api/upload", form % (b"a.png", b"abc"), kind, Origin="http://evil.example")[0] == 403
        assert asked("", Host="evil.example")[0] == 403
