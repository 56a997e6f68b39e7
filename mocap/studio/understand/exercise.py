"""The page of an exercise: each repetition with a small picture and what differs, in words."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from mocap.core.shapes import FloatArray
from mocap.studio.page.page import (
    Markup,
    cards,
    join,
    number,
    prose,
    section,
    tag,
    text,
    write_page,
)
from mocap.studio.understand.actions import label_words
from mocap.understand.exercise import ExerciseReading, RepetitionVerdict, cut_out
from mocap.understand.joints import LEFT_HIP, RIGHT_HIP, JointClip

NOTE = (
    "Every repetition is compared with your own reference. The page says what differs and by how "
    "much, with the band in which repetitions of the reference differ among themselves. What is "
    "right for you is between you and your therapist or coach."
)
_LIMBS = (
    (0, 1), (0, 2), (1, 2), (1, 3), (3, 5), (2, 4), (4, 6), (1, 7), (2, 8), (7, 8),
    (7, 9), (9, 11), (8, 10), (10, 12),
)  # fmt: skip
_SIZE = 150
_NAMED_BY = {
    "examples": "like the examples of the training",
    "geometry": "by its geometry; like none of the examples",
    "": "like no exercise known here",
}
_LEFT, _RIGHT, _MIDDLE = "#0072b2", "#d55e00", "#5b6670"


def write_exercise_page(
    path: Path, take_name: str, clip: JointClip, reading: ExerciseReading, named_by: str
) -> None:
    """Write the page of a set of repetitions; `named_by` says what named the exercise."""
    doubtful = sum(each.doubtful for each in reading.repetitions)
    figures = cards(
        [
            ("Exercise", label_words(reading.exercise), _NAMED_BY[named_by]),
            ("Repetitions", str(len(reading.repetitions)), f"{doubtful} to look at"),
            ("Working side", reading.working_side, "the one that moves more"),
        ]
    )
    rows = [_repetition(k, each, clip) for k, each in enumerate(reading.repetitions, 1)]
    body = [
        tag("p", prose(NOTE), class_="note"),
        figures,
        section("Repetitions", *rows, note=f"Compared with {reading.reference}."),
    ]
    write_page(path, title=f"Exercise: {take_name}", subtitle=label_words(reading.exercise),
               body=body, data={})  # fmt: skip


def _repetition(count: int, found: RepetitionVerdict, clip: JointClip) -> Markup:
    motion = cut_out(clip, (found.start_s, found.end_s))
    said = [text(sentence) for sentence in found.said()]
    if found.is_reference:
        said = [text("reference")]
    elif not said:
        said = [text("like your reference")]
    words = [tag("strong", text(f"{count}. at {number(found.start_s, 1, 's')}"))]
    if found.doubtful:
        words.append(text(" differs as doubtful repetitions of this exercise do"))
    listed = tag("ul", *(tag("li", each) for each in said))
    side = tag("div", *words, listed)
    style = "display:flex;gap:1.2rem;align-items:center;flex-wrap:wrap"
    return tag("div", stick_figure(motion[_furthest(motion)]), side, style=style)


def _furthest(motion: FloatArray) -> int:
    """Return the frame in which the pose is furthest from the first one, seen from the hips."""
    hips = 0.5 * (motion[:, LEFT_HIP] + motion[:, RIGHT_HIP])
    pose = motion - hips[:, None]
    away = np.linalg.norm(pose - pose[:1], axis=-1).sum(axis=-1)
    sunk = np.abs(hips[:, 2] - hips[0, 2]) * motion.shape[1]
    return int(np.argmax(away + sunk))


def stick_figure(joints: FloatArray) -> Markup:
    """Return a person (13, 3) as lines, seen obliquely from the front; left is blue."""
    across = joints[LEFT_HIP] - joints[RIGHT_HIP]
    angle = np.arctan2(across[1], across[0]) + np.radians(35.0)
    right = np.array([-np.cos(angle), -np.sin(angle), 0.0])
    x, y = joints @ right, -joints[:, 2]
    span = max(float(np.ptp(x)), float(np.ptp(y)), 1e-6)
    scale = 0.86 * _SIZE / span
    px = _SIZE / 2 + scale * (x - 0.5 * (x.max() + x.min()))
    py = _SIZE / 2 + scale * (y - 0.5 * (y.max() + y.min()))
    lines = []
    for a, b in _LIMBS:
        sides = {k % 2 for k in (a, b) if k > 0}
        same = len(sides) == 1 and 0 not in (a, b)
        colour = (_LEFT if a % 2 else _RIGHT) if same else _MIDDLE
        at = {"x1": px[a], "y1": py[a], "x2": px[b], "y2": py[b]}
        places = {key: f"{value:.1f}" for key, value in at.items()}
        lines.append(tag("line", stroke=colour, stroke_width="4", stroke_linecap="round", **places))
    head = tag("circle", cx=f"{px[0]:.1f}", cy=f"{py[0]:.1f}", r="7", fill=_MIDDLE)
    box = f"0 0 {_SIZE} {_SIZE}"
    size = {"width": str(_SIZE), "height": str(_SIZE)}
    return tag("svg", join(lines), head, viewBox=box, role="img", aria_label="pose", **size)
