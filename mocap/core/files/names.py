"""Names of files that every system can hold."""

from __future__ import annotations

import hashlib
import re

_REFUSED = re.compile(r'[<>:"/\\|?*\x00-\x1f]')
_DEVICES = re.compile(r"(?i)(con|prn|aux|nul|com\d|lpt\d)(\..*)?")
"""What Windows takes for a device, with or without an ending ("Naming Files", Microsoft)."""


def unportable(name: str) -> str:
    """Say why Windows cannot hold a name; "" when it can."""
    letters = "".join(dict.fromkeys(_REFUSED.findall(name)))
    if letters:
        return f"it holds {letters}" if letters.isprintable() else "it holds control characters"
    if name != name.rstrip(". "):
        return "it ends in a dot or a space"
    return "it is the name of a device" if _DEVICES.fullmatch(name) else ""


def portable(name: str) -> str:
    """Return a name as every system can hold it, as it is where it can.

    What is changed ends in four digits of its own, so that two names never become one.
    """
    if not unportable(name):
        return name
    digits = hashlib.sha256(name.encode("utf-8", "surrogateescape")).hexdigest()[:4]
    return f"{_REFUSED.sub('_', name).rstrip('. ')}_{digits}"
