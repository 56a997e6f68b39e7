"""Content hashes of input files, remembered so that large videos are read once."""

from __future__ import annotations

import hashlib
import json
from contextlib import suppress
from pathlib import Path

from mocap.core.errors import MocapError, StorageError
from mocap.core.files.reading import read_json
from mocap.core.store import file_hash, write_text


class FileHashes:
    """SHA-256 of files and folders, kept in a small JSON file with each file's size and time.

    A file whose size and modification time have not changed is not read again. A cache that cannot
    be read is started anew: it holds nothing that cannot be computed.
    """

    def __init__(self, cache: Path, root: Path) -> None:
        """Keep hashes of files below `root` in `cache`."""
        self._cache = cache
        self._root = root
        self._known = _load(cache)

    def __call__(self, path: Path) -> str:
        """Return the hash of a file, or of all files of a folder with their names."""
        if path.is_dir():
            digest = hashlib.sha256()
            for each in sorted(path.iterdir()):
                if each.is_file():
                    digest.update(f"{each.name}\0{self._file(each)}\n".encode())
            found = digest.hexdigest()
        else:
            found = self._file(path)
        return found

    def _file(self, path: Path) -> str:
        status = path.stat()
        state = [status.st_size, status.st_mtime_ns]
        whole, root = path.resolve(), self._root.resolve()
        # Relative, so that a session can be moved without reading everything again.
        name = str(whole.relative_to(root) if whole.is_relative_to(root) else whole)
        known = self._known.get(name)
        if known is not None and known[:2] == state:
            return str(known[2])
        digest = file_hash(path)
        self._known[name] = [*state, digest]
        # Where nothing can be written, as in a session that is only read, it costs time alone.
        with suppress(StorageError):
            write_text(self._cache, json.dumps(self._known, indent=0, sort_keys=True))
        return digest


def _load(cache: Path) -> dict[str, list[int | str]]:
    try:
        document = read_json(cache)
    except MocapError:
        return {}
    return {
        name: entry
        for name, entry in document.items()
        if isinstance(entry, list) and len(entry) == 3 and isinstance(entry[2], str)
    }
