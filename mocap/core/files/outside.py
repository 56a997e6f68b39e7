"""Sentences for what the world outside does: full disks, permissions, names, broken devices."""

from __future__ import annotations

import errno
import io
import os
import shutil
import sys
from contextlib import suppress
from pathlib import Path

_SENTENCES = {
    errno.ENOSPC: "the disk is full{free}. Make room, then run the command again",
    errno.EDQUOT: "your quota on this disk is used up. Make room, then run the command again",
    errno.EFBIG: "the file would be larger than this disk or your limits allow (`ulimit -f`)",
    errno.EROFS: "the disk is read-only. Copy the session to a disk that can be written to",
    errno.EACCES: "you may not do that there. Change the permissions of the file and its folder",
    errno.EPERM: "you may not do that there. Change the permissions of the file and its folder",
    errno.EIO: "the disk reports an error of its own. Check its cable and its health, and copy the "
    "session to another one",
    errno.ENOENT: "it does not exist",
    errno.EISDIR: "a folder lies where a file belongs. Move it away",
    errno.ENOTDIR: "a file lies where a folder belongs. Move it away",
    errno.EEXIST: "something else lies there already. Move it away",
    errno.ENOTEMPTY: "a folder there is not empty. Move it away",
    errno.ENAMETOOLONG: "the name is too long for this disk. Shorten it or the folders above",
    errno.EILSEQ: "the name holds characters that this disk cannot store. Rename it",
    errno.EMFILE: "this program has too many files open (`ulimit -n`)",
    errno.ENFILE: "this machine has too many files open",
    errno.EBUSY: "another program uses it. Close that, then run the command again",
    errno.ETXTBSY: "another program uses it. Close that, then run the command again",
    errno.ESTALE: "the network drive lost it. Connect the drive again, then run the command again",
    errno.ETIMEDOUT: "the network drive does not answer. Connect it again, then run again",
    errno.ENOTCONN: "the drive is not connected. Connect it again, then run the command again",
    errno.ENODEV: "the drive is not connected. Connect it again, then run the command again",
    errno.ENXIO: "the drive is not connected. Connect it again, then run the command again",
    errno.ENOMEM: "this machine has no memory left. Close other programs, then run again",
}


def sentence(error: OSError, doing: str = "", place: Path | None = None) -> str:
    """Return what happened, where, and what to do.

    Args:
        error: what the operating system said.
        doing: "write FILE"; empty: what the error itself names.
        place: a folder on the disk in question, to say how much is free there.
    """
    named = error.filename2 if error.filename2 is not None else error.filename
    # An open file descriptor has a number, not a name.
    known = named is not None and not isinstance(named, int)
    where = doing or (f"use {os.fsdecode(named)}" if known else "use a file")
    reason = _SENTENCES.get(error.errno or 0)
    if reason is None:
        reason = error.strerror or str(error) or type(error).__name__
    return printable(f"cannot {where}: {reason.format(free=_free(place))}.")


OUTSIDE = (OSError, UnicodeEncodeError, MemoryError)
"""What is no fault of this program and no error of its own: the command line says it."""


def what_happened(error: Exception) -> str:
    """Return the sentence of an error that reached the command line.

    Raises:
        OSError: whoever read the output has gone: the command line ends quietly.
    """
    if isinstance(error, OSError):
        if error.errno == errno.EPIPE:
            raise error
        return sentence(error)
    if isinstance(error, UnicodeEncodeError):
        return f"the name {printable(str(error.object))[:200]!r} is no UTF-8 text. Rename the file."
    if isinstance(error, MemoryError):
        return sentence(OSError(errno.ENOMEM, ""), "go on")
    return str(error)


def print_any_name() -> None:
    """Write names that the terminal cannot show with backslashes instead of failing."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            with suppress(OSError):  # a stream that was turned elsewhere half-way
                stream.reconfigure(errors="backslashreplace")


def printable(text: str | Path) -> str:
    """Return a text or the name of a file as any terminal and file can hold it.

    File names on Linux are bytes; those that are no UTF-8 have no character of their own.
    """
    return str(text).encode("utf-8", "backslashreplace").decode("utf-8")


def _free(place: Path | None) -> str:
    """Return how much room is left on the disk of a folder; empty where nobody knows."""
    if place is not None:
        with suppress(OSError):
            return f" ({shutil.disk_usage(place).free / 1e6:.1f} MB are free)"
    return ""
