"""Motion clips with a label: two free data sets and scripted motion of our own body.

UI-PRMD (public domain) and a selection of the CMU Graphics Lab motion capture database (free for
any use) lie outside the project; the caller says where. Each clip knows its person, so that nobody
is in training and in test at once.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from mocap.core.keypoints import COCO_17_FEET
from mocap.core.shapes import Array, FloatArray
from mocap.understand.joints import JOINT_NAMES, RATE_HZ, body_size_m, pick_joints

if TYPE_CHECKING:
    from mocap.synthetic.footage.puppet import SyntheticMotion

UIPRMD_FILE = "uiprmd/uiprmd_kinect_positions.npz"
CMU_FILE = "cmu_actions/cmu_actions.npz"

EXERCISES = (
    "deep_squat", "hurdle_step", "inline_lunge", "side_lunge", "sit_to_stand",
    "straight_leg_raise", "shoulder_abduction", "shoulder_extension", "shoulder_rotation",
    "shoulder_scaption",
)  # fmt: skip
"""Of UI-PRMD, m01 to m10."""

_CMU_LABELS = {
    "walking": "walk",
    "running": "run",
    "jumping": "jump",
    "soccer": "soccer",
    "basketball": "basketball",
    "basketball_signal": "arm_signals",
    "directing_traffic": "arm_signals",
    "washwindow": "wash_window",
}

_SCRIPT_LABELS = {
    "walk": "walk",
    "squat": "deep_squat",
    "throw": "throw",
    "arm_raise": "other",
    "dance": "other",
}

FOLDS = 3


@dataclass(frozen=True, eq=False)
class Clip:
    """One recording of one person.

    Attributes:
        xyz: (frame, 13, 3) metres, Z up, 30 Hz.
        label: what is done.
        origin: data set: "uiprmd", "cmu" or "script".
        kind: finer than the label: the data set's own word.
        person: number of the person, clip or seed; the fold is `person % 3`.
        episode: repetition of a person.
        good: done as it should be.
        size_m: size of the body.
    """

    xyz: FloatArray
    label: str
    origin: str
    kind: str
    person: int
    size_m: float
    episode: int = 0
    good: bool = True

    @property
    def fold(self) -> int:
        """Which third of the people this one is in."""
        return self.person % FOLDS


def _z_up(y_up: Array) -> FloatArray:
    """Turn Y up into Z up without mirroring: (x, y, z) -> (x, -z, y)."""
    return np.stack([y_up[..., 0], -y_up[..., 2], y_up[..., 1]], axis=-1).astype(np.float64)


def _clip(xyz: FloatArray, label: str, origin: str, kind: str, person: int) -> Clip:
    return Clip(xyz, label, origin, kind, person, body_size_m(xyz))


def uiprmd_clips(data: Path) -> list[Clip]:
    """Return single repetitions of ten exercises by ten people, done well and done badly."""
    with np.load(data / UIPRMD_FILE) as stored:
        order = _order(stored["joint_names"])
        clips = []
        for key in stored.files:
            match = re.fullmatch(r"(in)?correct__m(\d+)_s(\d+)_e(\d+)", key)
            if match is None:
                continue
            movement, person, episode = (int(match.group(k)) for k in (2, 3, 4))
            xyz = _z_up(stored[key])[:, order]
            label = EXERCISES[movement - 1]
            clip = _clip(xyz, label, "uiprmd", label, person)
            clips.append(replace(clip, episode=episode, good=match.group(1) is None))
    sizes = {
        p: float(np.median([c.size_m for c in clips if c.person == p]))
        for p in {c.person for c in clips}
    }
    return [replace(clip, size_m=sizes[clip.person]) for clip in clips]


def cmu_clips(data: Path) -> list[Clip]:
    """Return daily and sports motion; every clip counts as a person of its own."""
    counted: dict[str, int] = {}
    clips = []
    with np.load(data / CMU_FILE) as stored:
        order = _order(stored["joint_names"])
        for key in sorted(stored.files):
            kind, separator, _ = key.partition("__")
            if not separator:
                continue
            number = counted.get(kind, 0)
            counted[kind] = number + 1
            xyz = _z_up(stored[key])[:, order]
            clips.append(_clip(xyz, _CMU_LABELS[kind], "cmu", kind, number))
    return clips


def _order(names: Array) -> list[int]:
    listed = [str(name) for name in names]
    return [listed.index(name) for name in JOINT_NAMES]


def scripted_clips(count: int = 30, *, seed: int = 0) -> Iterator[Clip]:
    """Yield `count` clips of each scripted motion and twice as many random ones, many bodies."""
    from mocap.body.model import load_free_body
    from mocap.synthetic.motion.motion import MOTIONS, body_keypoints
    from mocap.synthetic.motion.random_motion import random_motion

    body = load_free_body()
    rng = np.random.default_rng(seed)

    def clip(motion: SyntheticMotion, label: str, kind: str, person: int) -> Clip:
        keypoints = body_keypoints(motion, COCO_17_FEET, body)
        joints = pick_joints(keypoints, COCO_17_FEET.keypoint_names)
        return _clip(joints, label, "script", f"scripted_{kind}", person)

    for name, label in _SCRIPT_LABELS.items():
        for number in range(count):
            betas = rng.normal(0.0, 1.0, body.shape_count)
            motion = MOTIONS[name](5.0, RATE_HZ, seed=seed + number, betas=betas, model=body)
            yield clip(motion, label, name, number)
    for number in range(2 * count):
        motion = random_motion(150, RATE_HZ, seed=seed + number, model=body)
        yield clip(motion, "other", "random", number)


def random_clips(count: int = 140, frames: int = 240, *, seed: int = 1000) -> Iterator[Clip]:
    """Yield longer random motions: poses that no data set holds."""
    from mocap.body.model import load_free_body
    from mocap.synthetic.motion.motion import body_keypoints
    from mocap.synthetic.motion.random_motion import random_motion

    body = load_free_body()
    for number in range(seed, seed + count):
        motion = random_motion(frames, RATE_HZ, seed=number, model=body)
        keypoints = body_keypoints(motion, COCO_17_FEET, body)
        joints = pick_joints(keypoints, COCO_17_FEET.keypoint_names)
        yield _clip(joints, "other", "script", "scripted_random", number)
