"""Alerts from postures and actions, by rules that the user writes.

A rule is a list of conditions that must hold together for a while. Nothing is learnt and nothing is
hidden: the file says what an alert means. A fall is not among the measures: nothing here was ever
tested on one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from mocap.capture.toml_tables import check_keys, load_toml, number, suggest, tables, text
from mocap.core.errors import InputError
from mocap.core.runs import runs
from mocap.core.shapes import BoolArray, FloatArray
from mocap.understand.actions import ActionWindow
from mocap.understand.comparison import ANGLES, comparison_angles_deg
from mocap.understand.joints import ANKLES, HEAD, JOINT_NAMES, RATE_HZ, JointClip

_WRISTS = {side: JOINT_NAMES.index(f"{side}_wrist") for side in ("left", "right")}
_ANGLE_MEASURES = tuple(f"{name.replace(' ', '_')}_deg" for name in ANGLES)
MEASURES = (
    *_ANGLE_MEASURES,
    *(f"{side}_wrist_height_m" for side in _WRISTS),
    *(f"{side}_wrist_over_head_m" for side in _WRISTS),
)


@dataclass(frozen=True)
class Condition:
    """One measure on one side of a value."""

    measure: str
    above: float | None
    below: float | None

    def holds(self, values: FloatArray) -> BoolArray:
        """Return where values (frame,) fulfil it; never where they are unknown."""
        inside = np.isfinite(values)
        if self.above is not None:
            inside = inside & (values > self.above)
        if self.below is not None:
            inside = inside & (values < self.below)
        return np.asarray(inside, np.bool_)


@dataclass(frozen=True)
class Rule:
    """What raises an alert.

    Attributes:
        name: short name for tables.
        says: what is said of the person, after "the person".
        for_s: shortest time for which all conditions hold together, seconds.
        conditions: all must hold.
        action: label of a recognised action that must be going on, empty for any.
    """

    name: str
    says: str
    for_s: float
    conditions: tuple[Condition, ...]
    action: str = ""


@dataclass(frozen=True)
class Alert:
    """A rule that held for a while.

    Attributes:
        rule: its name.
        says: its words.
        start_s, end_s: seconds from the first frame of the take.
    """

    rule: str
    says: str
    start_s: float
    end_s: float

    @property
    def seconds(self) -> float:
        """How long it lasted."""
        return self.end_s - self.start_s


def load_rules(path: Path) -> tuple[Rule, ...]:
    """Read rules from a TOML file.

    Raises:
        InputError: the file is no TOML, or a key, a measure or a value is wrong.
    """
    document = load_toml(path)
    check_keys(document, ("rule",), path)
    rules = tuple(_rule(table, path) for table in tables(document, "rule", path))
    if not rules:
        raise InputError(f"{path} holds no [[rule]].")
    names = [rule.name for rule in rules]
    repeated = sorted({name for name in names if names.count(name) > 1})
    if repeated:
        raise InputError(f"{path} has several rules called {', '.join(repeated)}.")
    return rules


def check_actions(rules: Sequence[Rule], labels: Sequence[str]) -> None:
    """Refuse rules that ask for an action which no model recognises: they would never alert.

    Raises:
        InputError: there is one.
    """
    for rule in rules:
        if rule.action and rule.action not in labels:
            raise InputError(
                f"rule '{rule.name}' asks for the action '{rule.action}', which is none. "
                f"{suggest(rule.action, labels)}"
            )


def _rule(table: Mapping[str, Any], path: Path) -> Rule:
    check_keys(table, ("name", "says", "for_s", "all", "action"), path, "rule")
    name = text(table, "name", path)
    conditions = tuple(_condition(each, path) for each in tables(table, "all", path))
    action = text(table, "action", path, "")
    if not conditions and not action:
        raise InputError(f"{path}: rule '{name}' has no condition: give it [[rule.all]] or action.")
    return Rule(name, text(table, "says", path), number(table, "for_s", path), conditions, action)


def _condition(table: Mapping[str, Any], path: Path) -> Condition:
    check_keys(table, ("measure", "above", "below"), path, "rule.all")
    measure = text(table, "measure", path)
    if measure not in MEASURES:
        raise InputError(f"{path}: nothing is called '{measure}'. {suggest(measure, MEASURES)}")
    limits = {key: _limit(table[key], key, path) for key in ("above", "below") if key in table}
    if not limits:
        raise InputError(f"{path}: the condition on '{measure}' needs 'above' or 'below'.")
    return Condition(measure, limits.get("above"), limits.get("below"))


def _limit(value: Any, key: str, path: Path) -> float:
    # An angle may be compared with 0 and a height with less than that.
    plain = isinstance(value, (int, float)) and not isinstance(value, bool)
    if not plain or not abs(value) < 1e6:
        raise InputError(f"{path}: '{key}' is {value!r}; it must be a number.")
    return float(value)


def measures_of(clip: JointClip) -> dict[str, FloatArray]:
    """Return every measure (frame,) of a clip; NaN where a joint that it needs was not seen."""
    angles = comparison_angles_deg(np.where(clip.seen[..., None], clip.xyz, np.nan))
    values = {name: angles[:, k] for k, name in enumerate(_ANGLE_MEASURES)}
    height = np.where(clip.seen, clip.xyz[..., 2], np.nan)
    floor = np.fmin(height[:, ANKLES[0]], height[:, ANKLES[1]])
    for side, wrist in _WRISTS.items():
        values[f"{side}_wrist_height_m"] = height[:, wrist] - floor
        values[f"{side}_wrist_over_head_m"] = height[:, wrist] - height[:, HEAD]
    return values


def find_alerts(
    clip: JointClip, rules: Sequence[Rule], windows: Sequence[ActionWindow] = ()
) -> tuple[Alert, ...]:
    """Return where rules held, ordered by time.

    The same function serves a stream: give it the last seconds again and again.

    Args:
        clip: joints of a person.
        rules: see `load_rules`.
        windows: recognised actions, for rules that ask for one.
    """
    values = measures_of(clip)
    found = []
    for rule in rules:
        holds = np.ones(len(clip.times_s), np.bool_)
        for condition in rule.conditions:
            holds &= condition.holds(values[condition.measure])
        if rule.action:
            holds &= _during(clip.times_s, windows, rule.action)
        for start, end in runs(holds):
            if (end - start) / RATE_HZ >= rule.for_s - 1e-9:
                begin, last = clip.times_s[start], clip.times_s[end - 1]
                found.append(Alert(rule.name, rule.says, float(begin), float(last + 1 / RATE_HZ)))
    return tuple(sorted(found, key=lambda alert: (alert.start_s, alert.rule)))


def _during(times_s: FloatArray, windows: Sequence[ActionWindow], label: str) -> BoolArray:
    """Tell for each time whether a window of this label covers it."""
    covered = np.zeros(len(times_s), np.bool_)
    for window in windows:
        if window.label == label:
            covered |= (times_s >= window.start_s) & (times_s <= window.end_s)
    return covered
