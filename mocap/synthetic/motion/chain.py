"""Moving figures with constant bone lengths: an articulated chain and a walking stick person."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mocap.core.keypoints import COCO_17
from mocap.core.rotation import matrix_from_rotvec
from mocap.core.shapes import FloatArray, check_shapes

# (name, parent, length of the bone to the parent in metres, rest direction or None = random)
_UP, _DOWN = (0.0, 0.0, 1.0), (0.0, 0.0, -1.0)
_TREE: tuple[tuple[str, int, float, tuple[float, float, float] | None], ...] = (
    ("pelvis", -1, 0.0, None),
    ("spine", 0, 0.25, _UP),
    ("chest", 1, 0.25, _UP),
    ("neck", 2, 0.12, _UP),
    ("head", 3, 0.18, _UP),
    ("left_shoulder", 2, 0.18, None),
    ("left_elbow", 5, 0.29, None),
    ("left_wrist", 6, 0.26, None),
    ("right_shoulder", 2, 0.18, None),
    ("right_elbow", 8, 0.29, None),
    ("right_wrist", 9, 0.26, None),
    ("left_hip", 0, 0.11, None),
    ("left_knee", 11, 0.42, _DOWN),
    ("left_ankle", 12, 0.42, _DOWN),
    ("left_ball", 13, 0.12, None),
    ("left_toe", 14, 0.06, None),
    ("left_heel", 13, 0.09, None),
    ("right_hip", 0, 0.11, None),
    ("right_knee", 17, 0.42, _DOWN),
    ("right_ankle", 18, 0.42, _DOWN),
    ("right_ball", 19, 0.12, None),
    ("right_toe", 20, 0.06, None),
    ("right_heel", 19, 0.09, None),
    ("crown", 4, 0.12, None),
    ("left_hand", 7, 0.09, None),
    ("right_hand", 10, 0.09, None),
)
_TRUNK = 4  # keypoints up to here swing less than the limbs
_EXTREMITIES = (4, 7, 10, 15, 21, 23, 24, 25)  # where further keypoints of a denser set grow


@dataclass(frozen=True, eq=False)
class ChainMotion:
    """A moving figure with known truth.

    Attributes:
        keypoint_names: names of the keypoints.
        bones: pairs of names whose distance is constant.
        fps: frames per second.
        xyz: (frame, keypoint, 3) metres, Z up.
    """

    keypoint_names: tuple[str, ...]
    bones: tuple[tuple[str, str], ...]
    fps: float
    xyz: FloatArray

    def __post_init__(self) -> None:
        """Check shapes."""
        check_shapes(self, keypoint_names="keypoint", xyz="frame keypoint 3")


def articulated_chain(
    frames: int = 1000, keypoints: int = 26, fps: float = 60.0, seed: int = 21
) -> ChainMotion:
    """Return a tree of rigid bones, each swinging at several frequencies up to 3 Hz.

    26 keypoints make a body; more (133, say) add short bones at hands, feet and head. The root
    mean square acceleration is about 17 m/s², that of brisk exercise.
    """
    rng = np.random.default_rng(seed)
    time_s = np.arange(frames) / fps
    names = [name for name, _, _, _ in _TREE[:keypoints]]
    parents = [parent for _, parent, _, _ in _TREE[:keypoints]]
    lengths = [length for _, _, length, _ in _TREE[:keypoints]]
    rest = [direction for _, _, _, direction in _TREE[:keypoints]]
    while len(names) < keypoints:
        parents.append(int(rng.choice(_EXTREMITIES)))
        names.append(f"detail_{len(names)}")
        lengths.append(float(rng.uniform(0.015, 0.04)))
        rest.append(None)
    xyz = np.zeros((frames, keypoints, 3))
    xyz[:, 0] = _wandering_root(time_s)
    for k in range(1, keypoints):
        direction = _swinging_direction(rng, time_s, rest[k], 0.35 if k < _TRUNK else 0.9)
        xyz[:, k] = xyz[:, parents[k]] + lengths[k] * direction
    bones = tuple((names[parents[k]], names[k]) for k in range(1, keypoints))
    return ChainMotion(tuple(names), bones, fps, xyz)


def _wandering_root(time_s: FloatArray) -> FloatArray:
    """Return root positions (frame, 3) walking around in a 2.5 m square, bouncing at 1.8 Hz."""
    turn = 2.0 * np.pi * time_s / 7.0
    x = 1.1 * np.cos(turn) + 0.2 * np.sin(2.3 * time_s)
    z = 0.95 + 0.04 * np.sin(2.0 * np.pi * 1.8 * time_s)
    return np.stack([x, 1.1 * np.sin(0.9 * turn), z], axis=1)


def _swinging_direction(
    rng: np.random.Generator,
    time_s: FloatArray,
    rest: tuple[float, float, float] | None,
    amplitude_rad: float,
) -> FloatArray:
    """Return unit vectors (frame, 3): a rest direction rotated by four random oscillations."""
    start = rng.normal(size=3) * (1.0, 1.0, 1.2) if rest is None else np.array(rest)
    direction = np.repeat((start / np.linalg.norm(start))[None], len(time_s), axis=0)
    for _ in range(4):
        frequency_hz = rng.uniform(0.2, 3.0)
        angle = rng.normal(0.0, amplitude_rad / (1.0 + frequency_hz)) * np.sin(
            2.0 * np.pi * frequency_hz * time_s + rng.uniform(0.0, 2.0 * np.pi)
        )
        axis = rng.normal(size=3)
        rotation = matrix_from_rotvec(angle[:, None] * axis / np.linalg.norm(axis))
        direction = np.einsum("fij,fj->fi", rotation, direction)
    return direction


def stick_person(
    frames: int,
    fps: float = 60.0,
    *,
    position_m: tuple[float, float] = (0.0, 0.0),
    heading_deg: float = 0.0,
    speed_m_s: float = 0.0,
    height_m: float = 1.75,
    phase: float = 0.0,
) -> ChainMotion:
    """Return the 17 COCO keypoints of a person stepping in place or walking straight on.

    `heading_deg` is the walking direction in the floor plane, 0 along +x; `phase` in [0, 1)
    shifts the step cycle so that two people do not move alike.
    """
    time_s = np.arange(frames) / fps
    swing = 0.45 * np.sin(2.0 * np.pi * (0.9 * time_s + phase))
    forward = np.stack([speed_m_s * time_s, 0.0 * time_s, 0.0 * time_s], axis=1)
    body: dict[str, FloatArray] = {}

    def place(name: str, x: float, y: float, z: float) -> None:
        body[name] = forward + np.array([x, y, z]) * height_m

    def hang(name: str, parent: str, length: float, angle: FloatArray, tilt: float = 0.0) -> None:
        down = np.stack([np.sin(angle), np.full_like(angle, tilt), -np.cos(angle)], axis=1)
        down /= np.linalg.norm(down, axis=1, keepdims=True)
        body[name] = body[parent] + length * height_m * down

    place("nose", 0.06, 0.0, 0.93)
    for side, sign in (("left", 1.0), ("right", -1.0)):
        place(f"{side}_eye", 0.05, 0.018 * sign, 0.95)
        place(f"{side}_ear", 0.0, 0.042 * sign, 0.94)
        place(f"{side}_shoulder", 0.0, 0.11 * sign, 0.82)
        place(f"{side}_hip", 0.0, 0.06 * sign, 0.53)
        hang(f"{side}_elbow", f"{side}_shoulder", 0.17, -sign * swing, 0.2 * sign)
        hang(f"{side}_wrist", f"{side}_elbow", 0.15, 0.5 - sign * swing, 0.1 * sign)
        hang(f"{side}_knee", f"{side}_hip", 0.245, 0.1 + sign * swing)
        hang(f"{side}_ankle", f"{side}_knee", 0.245, sign * swing - 0.15)
    xyz = np.stack([body[name] for name in COCO_17.keypoint_names], axis=1)
    turn = matrix_from_rotvec(np.array([0.0, 0.0, np.radians(heading_deg)]))
    xyz = xyz @ turn.T + np.array([*position_m, 0.0])
    return ChainMotion(COCO_17.keypoint_names, COCO_17.bones, fps, xyz)
