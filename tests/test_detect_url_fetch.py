"""Weights by their address, from a server that breaks off, lies and serves wrong files."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar

import pytest

from mocap.core.errors import InputError, ModelError
from mocap.detect import registry, url_fetch
from mocap.detect.checkpoints import CHECKPOINTS_FOLDER, published
from mocap.detect.detectors import best_here
from mocap.detect.registry import fetch_any, fetched_checkpoints
from mocap.detect.url_fetch import MIRROR_VARIABLE, address_of, fetch_file

CONTENT = bytes(range(256)) * 40
HASH = sha256(CONTENT).hexdigest()


class Server(BaseHTTPRequestHandler):
    """A server whose manners are the first part of the path."""

    asked: ClassVar[list[tuple[str, str | None]]] = []

    def do_GET(self) -> None:
        manners, given = self.path.split("/")[1], self.headers.get("Range")
        Server.asked.append((manners, given))
        start = int(given.removeprefix("bytes=").removesuffix("-")) if given else 0
        if manners == "missing":
            self.send_error(404)
        elif manners == "busy" and len(Server.asked) < 3:
            self.send_error(503)
        elif manners == "no_ranges":
            self._send(200, CONTENT, len(CONTENT), only=4000 if not given else None)
        elif manners == "breaks_off":
            self._send(206 if start else 200, CONTENT[start:], len(CONTENT) - start, only=3000)
        elif manners == "stays_away":
            self._send(200, CONTENT[start:], len(CONTENT) - start, only=0)
        elif manners == "too_long":
            self._send(200, CONTENT, 10 * url_fetch.LARGEST_FILE)
        elif manners == "too_short":
            self._send(200, CONTENT, 100)
        elif manners == "wrong":
            self._send(200, b"<html>not the file</html>", 25)
        else:
            self._send(206 if start else 200, CONTENT[start:], len(CONTENT) - start)

    def _send(self, status: int, body: bytes, length: int, only: int | None = None) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(length))
        self.end_headers()
        self.wfile.write(body[:only])

    def log_message(self, format: str, *args: object) -> None:
        """Keep quiet."""


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    monkeypatch.setattr(url_fetch, "WAIT_S", 0.0)
    monkeypatch.delenv(MIRROR_VARIABLE, raising=False)
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    Server.asked.clear()
    running = ThreadingHTTPServer(("127.0.0.1", 0), Server)
    threading.Thread(target=running.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{running.server_port}"
    running.shutdown()
    running.server_close()


def fetch(url: str, path: Path) -> None:
    fetch_file(url, path, HASH[:8], lambda _sentence: None)


@pytest.mark.parametrize("manners", ["good", "breaks_off", "no_ranges", "busy"])
def test_the_file_comes_whole(server: str, tmp_path: Path, manners: str) -> None:
    path = tmp_path / "models" / "w.pth"
    fetch(f"{server}/{manners}/w.pth", path)
    assert path.read_bytes() == CONTENT
    assert [each.name for each in path.parent.iterdir()] == ["w.pth"]
    if manners == "breaks_off":
        assert [given for _, given in Server.asked] == [
            None, "bytes=3000-", "bytes=6000-", "bytes=9000-",
        ]  # fmt: skip
    asked = len(Server.asked)
    fetch(f"{server}/{manners}/w.pth", path)
    assert len(Server.asked) == asked  # it is there


@pytest.mark.parametrize(
    ("manners", "sentence"),
    [
        ("missing", "the server says 404"),
        ("wrong", "is not the published one and was not kept|it is not the published one"),
        ("too_short", "it is not the published one"),
        ("too_long", "promises 40.0 GB; it is none"),
        ("stays_away", r"could not be fetched \(it broke off\); 0.0 MB have arrived"),
    ],
)
def test_what_is_refused_leaves_no_file(
    server: str, tmp_path: Path, manners: str, sentence: str
) -> None:
    path = tmp_path / "w.pth"
    with pytest.raises(ModelError, match=sentence) as caught:
        fetch(f"{server}/{manners}/w.pth", path)
    assert "\n" not in str(caught.value)
    assert not path.exists()


def test_it_goes_on_in_the_next_run(server: str, tmp_path: Path) -> None:
    path = tmp_path / "w.pth"
    (tmp_path / ".w.pth.part").write_bytes(CONTENT[:5000])
    fetch(f"{server}/good/w.pth", path)
    assert Server.asked == [("good", "bytes=5000-")]
    assert path.read_bytes() == CONTENT


def test_without_a_network_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(url_fetch, "WAIT_S", 0.0)
    with pytest.raises(ModelError, match=r"could not be fetched .* Without one, get the file by"):
        fetch("http://127.0.0.1:9/w.pth", tmp_path / "w.pth")


def test_a_checkpoint_by_its_name_from_a_mirror(
    server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The published hash is checked whoever serves the file: this one is another."""
    monkeypatch.setenv(registry.CACHE_VARIABLE, str(tmp_path))
    monkeypatch.setenv(MIRROR_VARIABLE, f"{server}/good/")
    known = next(each for each in published() if each.url)
    assert address_of(known.url) == f"{server}/good/{known.file}"
    with pytest.raises(ModelError, match=f"instead of {known.sha256}"):
        fetch_any(known.name)
    assert fetched_checkpoints() == ()
    folder = tmp_path / CHECKPOINTS_FOLDER
    (folder / known.file).write_bytes(CONTENT)
    assert fetched_checkpoints() == (folder / known.file,)
    with pytest.raises(
        InputError, match="there is no model 'hrnt'; known are blazepose, hands, movenet"
    ):
        fetch_any("hrnt")
    with pytest.raises(InputError, match="has no address of its own"):
        fetch_any("hrnet-w48-384-original")


def test_auto_takes_the_best_that_is_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(registry.CACHE_VARIABLE, str(tmp_path))
    with pytest.raises(ModelError, match="no weights of a detector are on this machine"):
        best_here()
    here = {"multipose"}
    real = registry.status

    def status(name: str) -> registry.ModelStatus:
        found = real(name)
        return replace(found, missing=()) if name in here else found

    monkeypatch.setattr(registry, "status", status)
    assert best_here() == ("multipose", None)
    here.add("movenet")
    assert best_here() == ("movenet", None)
    folder = tmp_path / CHECKPOINTS_FOLDER
    folder.mkdir()
    for name in ("hrnet-w32-256", "hrnet-w48-384-udp", "hrnet-w48-384"):
        registry.checkpoint_path(name).touch()
    assert best_here() == ("hrnet", registry.checkpoint_path("hrnet-w48-384-udp"))
    assert best_here(tmp_path / "own.pth") == ("hrnet", tmp_path / "own.pth")
