"""Damage files in the ways that disks, editors, other tools and attackers do."""

from __future__ import annotations

import io
import random
import re
import zipfile
from collections.abc import Callable

Mutation = Callable[[random.Random, bytes], bytes]

_NUMBERS = (
    *(b"nan", b"inf", b"-inf", b"1e400", b"-1", b"0", b"1e-320", b"1e308", b"-0.0", b"2.5"),
    *(b"9" * 400, b"9" * 5000, b"-" + b"9" * 400, b"9223372036854775808", b"1_0", b"0x10"),
    *(b"true", b'"text"', b"[]", b"{}", b"[[1.0]]", b"null", b"", b"1999-01-01"),
)
_INSERTS = (
    *(b"\xef\xbb\xbf", b"\xff\xfe", b"\xc3", b"\x00", b"\xed\xa0\x80", b"\r", b"\n", b" ", b"{"),
    *(b"}", b"[" * 3000, b"{" * 3000, b'{"a":' * 3000, b"\n[[a.b]]\n", b"\n[x]\n", b'"', b"'''"),
)
_WORDS = re.compile(rb"[A-Za-z_][\w.]*")
_VALUES = re.compile(rb"[-+]?\d[\d.eE+-]*")
_FIELDS = (b"\0" * 4, b"\xff" * 4, b"\xff\xff\xff\x7f", b"\0\0\0\x80", b"\x01\0\0\0", b"\0\0\0\1")


def of_text(chance: random.Random, content: bytes) -> bytes:
    """Return a text with a few things changed."""
    for _ in range(chance.choice((1, 1, 1, 2, 4))):
        content = chance.choice(
            (_number, _number, _number, _word, _insert, _bytes, _cut, _repeat, _short)
        )(chance, content)
    return content


def of_bytes(chance: random.Random, content: bytes) -> bytes:
    """Return a binary file with a few things changed."""
    for _ in range(chance.choice((1, 1, 2, 8))):
        content = chance.choice((_bytes, _bytes, _field, _cut, _repeat, _short))(chance, content)
    return content


def of_archive(chance: random.Random, content: bytes) -> bytes:
    """Return an archive whose directory is right and one of whose members is damaged.

    Damage of the archive itself is found by its checksums; what lies deeper is found by none.
    """
    if chance.random() < 0.3:
        return of_bytes(chance, content)
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        members = {each.filename: archive.read(each) for each in archive.infolist()}
    name = chance.choice(sorted(members))
    way = chance.random()
    if way < 0.1:
        del members[name]
    elif way < 0.2:
        members[name] = members[chance.choice(sorted(members))]
    elif way < 0.6:
        # The header of an array is text after ten bytes.
        head, body = members[name][:10], members[name][10:]
        members[name] = head + of_text(chance, body[:118]) + body[118:]
    else:
        members[name] = of_bytes(chance, members[name])
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for each, value in members.items():
            archive.writestr(each, value)
    return packed.getvalue()


def _number(chance: random.Random, content: bytes) -> bytes:
    return _replaced(chance, content, _VALUES, lambda: chance.choice(_NUMBERS))


def _word(chance: random.Random, content: bytes) -> bytes:
    words = _WORDS.findall(content) or [b"x"]
    return _replaced(chance, content, _WORDS, lambda: chance.choice(words))


def _replaced(
    chance: random.Random, content: bytes, where: re.Pattern[bytes], new: Callable[[], bytes]
) -> bytes:
    found = list(where.finditer(content))
    if not found:
        return content
    one = chance.choice(found)
    return content[: one.start()] + new() + content[one.end() :]


def _insert(chance: random.Random, content: bytes) -> bytes:
    at = chance.choice((0, chance.randint(0, len(content))))
    return content[:at] + chance.choice(_INSERTS) + content[at:]


def _bytes(chance: random.Random, content: bytes) -> bytes:
    changed = bytearray(content)
    for _ in range(chance.choice((1, 1, 3, 10)) if changed else 0):
        changed[chance.randrange(len(changed))] = chance.randrange(256)
    return bytes(changed)


def _field(chance: random.Random, content: bytes) -> bytes:
    at = chance.randint(0, len(content))
    return content[:at] + chance.choice(_FIELDS) + content[at + 4 :]


def _part(chance: random.Random, content: bytes) -> tuple[int, int]:
    start = chance.randint(0, len(content))
    return start, min(len(content), start + chance.choice((1, 4, 30, 300)))


def _cut(chance: random.Random, content: bytes) -> bytes:
    start, end = _part(chance, content)
    return content[:start] + content[end:]


def _repeat(chance: random.Random, content: bytes) -> bytes:
    start, end = _part(chance, content)
    return content[:end] + content[start:end] + content[end:]


def _short(chance: random.Random, content: bytes) -> bytes:
    return content[: chance.randint(0, len(content))]
