"""Get a published file by its address: goes on where it broke off, and believes only its hash.

The part that has arrived lies beside the file to be; it becomes the file when its hash is the
published one. Proxies are those of the environment (`https_proxy`); MOCAP_MODELS_MIRROR names a
server that holds the same files under their names.
"""

from __future__ import annotations

import http.client
import os
import ssl
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path

from mocap.core.errors import ModelError
from mocap.core.files.lock import locked
from mocap.core.files.outside import sentence
from mocap.core.store import file_hash

MIRROR_VARIABLE = "MOCAP_MODELS_MIRROR"
LARGEST_FILE = 4_000_000_000
"""Bytes; published checkpoints have up to 0.3 GB."""

TRIES = 4
WAIT_S = 0.5
"""After the first try, then twice as long each time."""

TIMEOUT_S = 30.0
_CHUNK = 1 << 20


def address_of(url: str) -> str:
    """Return where a file is fetched: from its publisher, or from the mirror of the environment."""
    mirror = os.environ.get(MIRROR_VARIABLE, "").rstrip("/")
    return f"{mirror}/{url.rpartition('/')[2]}" if mirror else url


def fetch_file(url: str, path: Path, sha256: str, announce: Callable[[str], None]) -> None:
    """Bring a file to `path`, unless it is there.

    Args:
        url: where its publisher keeps it.
        path: where it belongs.
        sha256: of the file, or its first digits.
        announce: told what begins.

    Raises:
        ModelError: no network, no such file, or another one than was published.
    """
    if path.is_file() and file_hash(path).startswith(sha256):
        return
    address, part = address_of(url), path.with_name(f".{path.name}.part")
    if not address.startswith(("http://", "https://")):
        raise ModelError(f"{address} is no address of a web server; correct {MIRROR_VARIABLE}.")
    announce(f"Downloading {path.name} from {address.rpartition('/')[0]}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with locked(path.parent, "mocap models fetch", waiting=announce):
            _whole(address, part)
            found = file_hash(part)
            if not found.startswith(sha256):
                part.unlink()
                raise ModelError(
                    f"{address} gives a file with SHA-256 {found[:12]}… instead of {sha256[:12]}…: "
                    "it is not the published one and was not kept."
                )
            part.replace(path)
    except OSError as error:
        raise ModelError(sentence(error, f"write {path}", path.parent)) from error


def _whole(address: str, part: Path) -> None:
    """Fetch until all has arrived; a connection that breaks off is taken up again."""
    reason = "it broke off"
    for attempt in range(TRIES):
        if attempt:
            time.sleep(WAIT_S * 2 ** (attempt - 1))
        try:
            if _more(address, part):
                return
        except urllib.error.HTTPError as error:
            error.close()
            if error.code == 416:
                # Nothing is behind what has arrived: it is all, or of another file.
                return
            if error.code < 500 and error.code != 429:
                raise ModelError(
                    f"{address} cannot be fetched: the server says {error.code} {error.reason}. "
                    "Get the file by other means and give it with --weights."
                ) from error
            reason = f"the server says {error.code}"
        except (urllib.error.URLError, http.client.HTTPException, TimeoutError) as error:
            reason = str(getattr(error, "reason", error)) or type(error).__name__
        except (ConnectionError, ssl.SSLError) as error:
            reason = error.strerror or "the connection broke off"
    got = part.stat().st_size / 1e6 if part.is_file() else 0.0
    raise ModelError(
        f"{address} could not be fetched ({reason}); {got:.1f} MB have arrived. Run the command "
        "again when there is a network: it goes on from there. Without one, get the file by other "
        "means and give it with --weights."
    )


def _more(address: str, part: Path) -> bool:
    """Fetch what is missing; tell whether the server has sent all it promised."""
    start = part.stat().st_size if part.is_file() else 0
    request = urllib.request.Request(address, headers={"User-Agent": "mocap-studio"})
    if start:
        request.add_header("Range", f"bytes={start}-")
    with urllib.request.urlopen(request, timeout=TIMEOUT_S) as answer:
        # A server that does not know ranges sends the file from its beginning.
        going_on = start > 0 and answer.status == 206
        promised = answer.headers.get("Content-Length")
        length = int(promised) if promised is not None and promised.isdigit() else None
        if length is not None and length > LARGEST_FILE:
            raise ModelError(f"{address} promises {length / 1e9:.1f} GB; it is none.")
        arrived = 0
        with part.open("ab" if going_on else "wb") as file:
            while chunk := answer.read(_CHUNK):
                arrived += len(chunk)
                if arrived > LARGEST_FILE:
                    raise ModelError(f"{address} does not end; no checkpoint is so large.")
                file.write(chunk)
    return length is None or arrived >= length
