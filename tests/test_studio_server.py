"""The studio's server: this machine alone, a secret address, names and never paths."""

from __future__ import annotations

import http.client
import json
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from studio_session import TOKEN, serving, session_of_videos

from mocap.studio.player.pack import MAGIC


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    root = tmp_path_factory.mktemp("studio") / "lab"
    session_of_videos(root)
    with serving(root) as (address, _):
        yield address, root


class Asked:
    """An answer of the server."""

    def __init__(self, address: str, path: str, method: str = "GET", **headers: str) -> None:
        parts = urlsplit(address)
        connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=30)
        body = headers.pop("body", None)
        sent = {key.replace("_", "-"): value for key, value in headers.items()}
        # http.client sends the path as it is: browsers and curl would tidy "..".
        connection.putrequest(method, path, skip_host="host" in sent)
        for key, value in sent.items():
            connection.putheader(key, value)
        if body is not None:
            connection.putheader("content-length", str(len(body)))
        connection.endheaders(body.encode() if body is not None else None)
        answer = connection.getresponse()
        self.status, self.headers, self.body = answer.status, answer.headers, answer.read()
        connection.close()


def test_only_this_machine_with_the_token_and_from_the_page(served: tuple[str, Path]) -> None:
    address, _ = served
    host = urlsplit(address).netloc
    assert urlsplit(address).hostname == "127.0.0.1"
    assert Asked(address, f"/{TOKEN}/api/session").status == 200
    for path in ("/", "/api/session", "/wrong/api/session", f"/{TOKEN[:-1]}/api/session"):
        assert Asked(address, path).status == 403
    whole = f"/{TOKEN}/api/session"
    assert Asked(address, whole, host="evil.example:80").status == 403
    assert Asked(address, whole, origin="http://evil.example").status == 403
    assert Asked(address, whole, sec_fetch_site="cross-site").status == 403
    assert Asked(address, whole, origin=f"http://{host}").status == 200
    add = f"/{TOKEN}/api/takes/numbers/add"
    assert Asked(address, add, "POST", body="{}").status == 403
    assert Asked(address, add, "POST", body="[]", origin=f"http://{host}").status == 400
    refused = Asked(address, add, "POST", body='{"kind": "trim"}', origin=f"http://{host}")
    assert refused.status == 422 and "'trim' needs" in json.loads(refused.body)["error"]


@pytest.mark.parametrize(
    "path",
    [
        "/client/../server.py",
        "/client/..%2fserver.py",
        "/client/%2e%2e/%2e%2e/page.py",
        "/api/takes/../../session.toml/whole",
        "/api/takes/..%2f..%2fetc/whole",
        "/api/takes/numbers/video/..%2f..%2fsession",
        "/api/takes/numbers/files/..%2f..%2f..%2fsession.toml",
        "/api/takes/numbers/files/%2fetc%2fpasswd",
    ],
)
def test_paths_lead_nowhere(served: tuple[str, Path], path: str) -> None:
    address, _ = served
    answer = Asked(address, f"/{TOKEN}{path}")
    assert answer.status == 404 and b"rig =" not in answer.body and b"root:" not in answer.body


def test_links_are_not_followed(served: tuple[str, Path], tmp_path: Path) -> None:
    address, root = served
    secret = tmp_path / "secret.bvh"
    secret.write_text("secret")
    export = root / "takes" / "numbers" / "export"
    export.mkdir(exist_ok=True)
    (export / "fine.csv").write_text("x")
    (export / "link.bvh").symlink_to(secret)
    files = f"/{TOKEN}/api/takes/numbers/files"
    assert json.loads(Asked(address, files).body) == ["fine.csv"]
    assert Asked(address, f"{files}/fine.csv").body == b"x"
    assert Asked(address, f"{files}/link.bvh").status == 404
    video = root / "takes" / "numbers" / "back_left.mp4"
    moved = tmp_path / "moved.mp4"
    video.rename(moved)
    video.symlink_to(moved)
    try:
        assert Asked(address, f"/{TOKEN}/api/takes/numbers/video/back_left").status == 403
    finally:
        video.unlink()
        moved.rename(video)


def test_videos_come_by_ranges_and_takes_in_parts(served: tuple[str, Path]) -> None:
    address, root = served
    data = (root / "takes" / "numbers" / "back_left.mp4").read_bytes()
    video = f"/{TOKEN}/api/takes/numbers/video/back_left"
    part = Asked(address, video, range="bytes=100-199")
    assert part.status == 206 and part.body == data[100:200]
    assert part.headers["content-range"] == f"bytes 100-199/{len(data)}"
    assert Asked(address, video).body == data
    whole = Asked(address, f"/{TOKEN}/api/takes/numbers/whole")
    assert whole.body.startswith(MAGIC)
    assert Asked(address, f"/{TOKEN}/api/takes/numbers/part/old/0").status == 409
    assert Asked(address, f"/{TOKEN}/api/takes/nobody/whole").status == 404
