"""`take.toml`: what a person knows about a take better than the computer.

subject = "A"                    # who was recorded, when session.toml names several subjects

[[throws]]                       # in time order; older files say [[pitches]]
ball_release_s = 1.792           # seconds from the first frame; any event of `EVENTS`

[sync]                           # clocks of cameras that were started by hand
reference = "left"               # the others are brought to its clock
offset_s = { right = 3.412 }     # seconds after the reference at which a camera started
readout_ms = { right = 16.0 }    # rolling shutter, first row to last; before that of the rig

[ergonomics]                     # what a pose does not show, as scores of the worksheets
reba_load = 1
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from mocap.capture.rigs import readout_of
from mocap.capture.toml_tables import check_keys, load_toml, tables, text
from mocap.core.errors import InputError

EVENTS = (
    "peak_knee_height",
    "foot_contact",
    "foot_plant",
    "max_external_rotation",
    "ball_release",
    "max_internal_rotation",
)
"""Of a throw, in the order in which they happen."""

_THROWS = ("throws", "pitches")
"""Name of the table, and what it was called before."""
_EVENT_KEYS = tuple(f"{name}_s" for name in EVENTS)
ERGONOMICS_KEYS = {
    "rula_muscle_use": (0, 1),
    "rula_force": (0, 3),
    "reba_load": (0, 3),
    "reba_coupling": (0, 3),
    "reba_activity": (0, 3),
    "arm_supported": (0, 1),
    "wrist_twist_end": (0, 1),
    "legs_supported": (0, 1),
    "shoulder_raised": (0, 1),
    "sitting": (0, 1),
}
"""Least and largest value of each; those that are yes or no may be written true or false."""


@dataclass(frozen=True)
class TakeSettings:
    """What `take.toml` says.

    Attributes:
        throws: per throw, in time order: event -> seconds from the first frame.
        ergonomics: worksheet inputs by name.
        subject: name of the subject, None when nothing is said.
        reference: camera whose clock the others are brought to, None when nothing is said.
        offset_s: by camera: seconds after the reference at which it started.
        readout_s: by camera: from the first row of its rolling shutter to the last.
    """

    throws: tuple[Mapping[str, float], ...] = ()
    ergonomics: Mapping[str, int] = field(default_factory=dict)
    subject: str | None = None
    reference: str | None = None
    offset_s: Mapping[str, float] = field(default_factory=dict)
    readout_s: Mapping[str, float] = field(default_factory=dict)


def load_take_settings(path: Path) -> TakeSettings:
    """Read `take.toml`; without the file there are no settings.

    Raises:
        InputError: an unknown key or a wrong value; the message names it.
    """
    if not path.is_file():
        return TakeSettings()
    table = load_toml(path)
    check_keys(table, ("subject", *_THROWS, "ergonomics", "sync"), path)
    named = [name for name in _THROWS if name in table]
    if len(named) > 1:
        raise InputError(f"{path}: [[throws]] and [[pitches]] are the same: keep one of them.")
    throws = []
    for each in tables(table, named[0], path) if named else ():
        check_keys(each, _EVENT_KEYS, path, f"[{named[0]}]")
        throws.append({key.removesuffix("_s"): _time(each[key], key, path) for key in each})
    given = table.get("ergonomics", {})
    if not isinstance(given, dict):
        raise InputError(f"{path}: 'ergonomics' must be a table written as [ergonomics].")
    check_keys(given, ERGONOMICS_KEYS, path, "ergonomics")
    scores = {key: _score(value, key, path) for key, value in given.items()}
    subject = text(table, "subject", path) if "subject" in table else None
    clocks = _clocks(table.get("sync", {}), path)
    return TakeSettings(tuple(throws), scores, subject, *clocks)


def _clocks(table: object, path: Path) -> tuple[str | None, dict[str, float], dict[str, float]]:
    """Return reference, offsets and readouts (s) of [sync]."""
    if not isinstance(table, dict):
        raise InputError(f"{path}: 'sync' must be a table written as [sync].")
    check_keys(table, ("reference", "offset_s", "readout_ms"), path, "sync")
    reference = text(table, "reference", path) if "reference" in table else None
    given = table.get("offset_s", {})
    if not isinstance(given, dict):
        raise InputError(f"{path}: 'offset_s' must be a table written as [sync.offset_s].")
    for camera, value in given.items():
        number = isinstance(value, (int, float)) and not isinstance(value, bool)
        if not number or not abs(value) < 1e6:
            raise InputError(
                f"{path}: 'offset_s' of camera '{camera}' is {value!r}; give seconds after the "
                "reference at which it started."
            )
    rows = table.get("readout_ms", {})
    if not isinstance(rows, dict):
        raise InputError(f"{path}: 'readout_ms' must be a table written as [sync.readout_ms].")
    readout_s = {
        str(camera): readout_of(value, str(camera), path) for camera, value in rows.items()
    }
    offset_s = {str(camera): float(value) for camera, value in given.items()}
    return reference, offset_s, readout_s


def _time(value: object, key: str, path: Path) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value < 1e6:
        raise InputError(f"{path}: '{key}' is {value!r}; give seconds from the first frame.")
    return float(value)


def _score(value: object, key: str, path: Path) -> int:
    least, most = ERGONOMICS_KEYS[key]
    if not isinstance(value, int) or not least <= int(value) <= most:
        raise InputError(f"{path}: '{key}' is {value!r}; it must be {least} to {most}.")
    return int(value)
