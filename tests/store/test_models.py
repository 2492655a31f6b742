"""`lumaflux models` against a hub on this machine: recorded, verified, resumed, refused."""

from pathlib import Path

import pytest
from hub import Hub

from lumaflux.cli import app
from lumaflux.errors import UserError
from lumaflux.store import download
from lumaflux.store.known_models import KNOWN, known
from lumaflux.store.model_store import find, folder_of, read_record, remove, verify

NAME = "flux2-klein"
FILES = {
    "transformer/model-1.safetensors": b"one" * 40_000,
    "vae/config.json": b"{}",
    "text_encoder/model.safetensors": b"not asked for",
}


@pytest.fixture
def hub(tmp_path, monkeypatch):
    server = Hub(KNOWN[NAME].repository, dict(FILES))
    monkeypatch.setenv("HF_ENDPOINT", server.address)
    monkeypatch.setenv("HF_TOKEN", "")
    monkeypatch.setenv("LUMAFLUX_MODELS", str(tmp_path / "models"))
    monkeypatch.delenv("LUMAFLUX_SHARED_MODELS", raising=False)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_DISABLE_XET", True)
    monkeypatch.setattr("huggingface_hub.constants.DOWNLOAD_CHUNK_SIZE", 10_000)
    monkeypatch.setattr("huggingface_hub.file_download.time.sleep", lambda seconds: None)
    yield server
    server.close()


def get(**options):
    return download.get(known(NAME), **options)


def test_fetched_once_recorded_and_verified(hub):
    folder, record = get()
    assert (folder / "transformer/model-1.safetensors").read_bytes() == FILES["transformer/model-1.safetensors"]
    assert {file.path for file in record.files} == {"transformer/model-1.safetensors", "vae/config.json"}
    assert (record.revision, record.repository, record.licence) == (hub.revision, hub.repository, "Apache-2.0")
    assert record == read_record(folder) == verify(NAME)
    assert record.bytes == 120_002
    hub.requests.clear()
    assert get(offline=True) == (folder, record) == get()
    assert folder_of(NAME) == folder
    assert hub.requests == []


def test_a_download_that_was_cut_off_goes_on_at_its_revision(hub):
    hub.cut = [15_000, 0]
    with pytest.raises(UserError, match="run the same command again"):
        get()
    assert find(NAME) is None
    with pytest.raises(UserError, match="models get"):
        folder_of(NAME)
    hub.cut = []
    hub.requests.clear()
    _, record = get()
    ranges = [wanted for method, path, wanted in hub.requests if method == "GET" and "model-1" in path]
    assert len(ranges) == 1
    assert int(ranges[0].removeprefix("bytes=").rstrip("-")) >= 10_000
    asked = [path for _, path, _ in hub.requests if path.startswith("/api")]
    assert all(path.endswith(record.revision) for path in asked)  # not the branch, which may have moved
    verify(NAME)


def test_offline_touches_nothing(hub, tmp_path):
    with pytest.raises(UserError, match="--offline fetches nothing"):
        get(offline=True)
    assert hub.requests == []
    assert not (tmp_path / "models").exists()


def test_a_gated_model_says_what_to_do(hub):
    hub.gated = True
    with pytest.raises(UserError, match=r"accept the licence on the page of .*FLUX.2-klein-4B.*HF_TOKEN"):
        get()


def changed(folder):
    path = folder / "transformer/model-1.safetensors"
    path.write_bytes(b"two" * 40_000)


def missing(folder):
    (folder / "vae/config.json").unlink()


def added(folder):
    (folder / "vae/extra.safetensors").write_bytes(b"x")


@pytest.mark.parametrize(
    ("spoil", "said"),
    [(changed, "not the file that was fetched"), (missing, "is missing"), (added, "not fetched with")],
)
def test_what_changed_is_named(hub, spoil, said):
    spoil(get()[0])
    with pytest.raises(UserError, match=said):
        verify(NAME)


def test_another_revision_is_not_taken_for_the_recorded_one(hub):
    get()
    with pytest.raises(UserError, match=f"holds revision {'a' * 40}, not {'c' * 40}"):
        get(revision="c" * 40)


def test_a_file_that_is_not_what_the_hub_says_is_removed(hub, monkeypatch):
    monkeypatch.setattr(hub, "digest", lambda content: "0" * 64)
    with pytest.raises(UserError, match="not what the hub says"):
        get()
    assert find(NAME) is None


def test_the_shared_store_is_read_and_never_written(hub, tmp_path, monkeypatch):
    folder, record = get()
    monkeypatch.setenv("LUMAFLUX_SHARED_MODELS", str(tmp_path / "models"))
    monkeypatch.setenv("LUMAFLUX_MODELS", str(tmp_path / "own"))
    assert folder_of(NAME) == folder
    assert get()[1] == record
    with pytest.raises(UserError, match="shared store"):
        remove(NAME)
    assert not list((tmp_path / "own").glob("*"))


def test_remove(hub):
    folder, _ = get()
    assert remove(NAME) >= 120_002
    assert not folder.exists()
    with pytest.raises(UserError, match="nothing to remove"):
        remove(NAME)


def test_the_command(hub, capsys):
    app(["models", "list"], result_action="return_value")
    lines = capsys.readouterr().out.splitlines()
    assert [line.split("\t")[0] for line in lines] == list(KNOWN)
    assert "Non-Commercial" in lines[1]
    assert "licence to accept" in lines[1]
    app(["models", "get", NAME], result_action="return_value")
    app(["models", "path", NAME], result_action="return_value")
    assert Path(capsys.readouterr().out.splitlines()[-1]) == folder_of(NAME)
    with pytest.raises(UserError, match="unknown model"):
        app(["models", "remove", "../models"], exit_on_error=False, result_action="return_value")


def test_adapters_whose_place_is_not_known_ask_for_it(hub):
    with pytest.raises(UserError, match="--repository"):
        download.get(known("lumaflux-main"))
