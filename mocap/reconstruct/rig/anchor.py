"""Put a refined rig back into the world it came from: images alone do not tell where that is.

Position, heading, tilt and scale come from where the cameras were, the height of the floor from
the feet. Measured: on rigs whose cameras were displaced at random the old poses keep tilt and
scale three times better than the old triangulated points do; on a recorded rig they lifted the
floor by 45 mm, which the feet show at once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from mocap.core import transform
from mocap.core.camera import Calibration
from mocap.core.errors import ReconstructionError
from mocap.core.points import Points3D
from mocap.core.rotation import matrix_from_rotvec, rotation_between, rotvec_from_matrix
from mocap.core.shapes import FloatArray, check_shapes

Floor = Literal["keep", "feet"]

# A turn counts like a move of this many metres per radian: on a recorded rig and on tripods that
# were bumped, a degree goes with some 45 mm.
LEVER_M = 2.5
# Cameras that disagree by less than this are all believed alike: finer than any rig is known.
MIN_WIDTH_M = 0.005
ROUNDS = 50

FOOT_KEYPOINTS = ("left_heel", "left_big_toe", "right_heel", "right_big_toe")
ANKLES = ("left_ankle", "right_ankle")
# A foot keypoint on the skin lies about this high above the floor while the foot stands flat.
SOLE_M = 0.02
# A standing foot moves slower, a swung one ten times faster.
STANDING_M_PER_S = 0.25
STANDING_WINDOW_S = 0.2
# Fewer samples make the height of the floor a matter of luck.
MIN_FLOOR_SAMPLES = 20
# The tilt that the cameras keep is known to about this, the height of a standing foot to this,
# and a foot that stands for ten frames tells as much as one frame.
TILT_SD_RAD = 0.006
FOOT_SD_M = 0.005
FRAMES_A_STEP = 10.0


@dataclass(frozen=True, eq=False)
class FloorMove:
    """How a rig was moved to put its floor where it belongs.

    Attributes:
        new_from_old: (4, 4), a lift and, from standing feet, a tilt.
        lift_m, tilt_deg: its size.
        samples: foot keypoints that told it.
        scatter_m: their robust standard deviation.
    """

    new_from_old: FloatArray
    lift_m: float
    tilt_deg: float
    samples: int
    scatter_m: float

    def __post_init__(self) -> None:
        """Check shapes."""
        check_shapes(self, new_from_old="4 4")


def anchored_to_cameras(refined: Calibration, old: Calibration) -> Calibration:
    """Return `refined` moved, turned and scaled as a whole so that its cameras fit `old` best.

    Robust (Cauchy): of cameras among which one was bumped, the others stay where they were.
    """
    camera_a, camera_b = _poses(refined), _poses(old)
    centers_a = np.stack([camera.center for camera in refined.cameras])
    centers_b = np.stack([camera.center for camera in old.cameras])
    scale, rotation, shift = transform.similarity(centers_a, centers_b)
    for _ in range(ROUNDS):
        placed = scale * centers_a @ rotation.T
        turn = rotvec_from_matrix(np.swapaxes(camera_b, 1, 2) @ camera_a @ rotation.T)
        off = np.concatenate([centers_b - placed - shift, LEVER_M * turn], axis=1)
        distance = np.linalg.norm(off, axis=1)
        width = max(float(np.median(distance)), MIN_WIDTH_M)
        weight = 1.0 / np.sqrt(1.0 + (distance / width) ** 2)
        rows = _derivative(placed)
        step = np.linalg.lstsq(
            (weight[:, None, None] * rows).reshape(-1, 7), (weight[:, None] * off).ravel()
        )[0]
        rotation = matrix_from_rotvec(step[:3]) @ rotation
        shift = shift + step[3:6]
        scale *= 1.0 + step[6]
        if float(np.abs(step).max()) < 1e-9:
            break
    return refined.transformed(transform.rigid(rotation, shift), scale)


def scale_uncertainty(anchored: Calibration, old: Calibration) -> float:
    """Return the standard deviation of the scale that camera centres give, as a share of it.

    Least squares of one factor from centres that are off by s per axis: s / sqrt(sum r²), r their
    distances from the middle. Large where cameras stand close together and moved much.
    """
    centers = np.stack([camera.center for camera in anchored.cameras])
    off = centers - np.stack([camera.center for camera in old.cameras])
    # Seven numbers were chosen to make these small.
    freedom = max(3 * len(off) - 7, 1)
    per_axis = np.sqrt(np.sum(off**2) / freedom)
    spread = np.sqrt(np.sum((centers - centers.mean(axis=0)) ** 2))
    return float(per_axis / max(spread, 1e-9))


def _poses(rig: Calibration) -> FloatArray:
    """Return the rotations (camera, 3, 3) of a rig."""
    return np.stack([camera.camera_from_world[:3, :3] for camera in rig.cameras])


def _derivative(placed: FloatArray) -> FloatArray:
    """Return d (placed centre, lever x turn) / d (turn, move, log scale): (camera, 6, 7)."""
    rows = np.zeros((len(placed), 6, 7))
    rows[:, [0, 1, 2], [1, 2, 0]] = np.stack([placed[:, 2], placed[:, 0], placed[:, 1]], axis=1)
    rows[:, [0, 1, 2], [2, 0, 1]] = -np.stack([placed[:, 1], placed[:, 2], placed[:, 0]], axis=1)
    rows[:, :3, 3:6] = np.eye(3)
    rows[:, :3, 6] = placed
    rows[:, 3:, :3] = LEVER_M * np.eye(3)
    return rows


def floor_move(floor: Floor, new: Sequence[Points3D], old: Sequence[Points3D]) -> FloorMove:
    """Return the motion that puts the floor of an anchored rig where it belongs.

    Args:
        floor: "keep": feet and ankles keep the height at which the old rig saw them; "feet":
            standing feet are on z = 0, which tells the tilt too where they stand far apart.
        new, old: the same keypoints triangulated with the anchored and the old rig, by take.

    Raises:
        ReconstructionError: too few feet were seen.
    """
    if floor == "keep":
        seen = [_foot_points(points, FOOT_KEYPOINTS + ANKLES) for points in new]
        was = [_foot_points(points, FOOT_KEYPOINTS + ANKLES) for points in old]
        places = np.concatenate([each.reshape(-1, 3) for each in seen])
        places[:, 2] -= np.concatenate([each[..., 2].ravel() for each in was])
    else:
        places = np.concatenate([_standing_feet(points) for points in new])
        places[:, 2] -= SOLE_M
    places = places[np.isfinite(places[:, 2])]
    if len(places) < MIN_FLOOR_SAMPLES:
        what = "heels and toes standing still" if floor == "feet" else "ankles, heels and toes"
        raise ReconstructionError(
            f"the height of the floor cannot be told: {what} were triangulated {len(places)} "
            f"times, at least {MIN_FLOOR_SAMPLES} are needed. Use a take in which feet are seen."
        )
    return _move_to(places, with_tilt=floor == "feet")


def _move_to(places: FloatArray, *, with_tilt: bool) -> FloorMove:
    """Return the motion that brings heights (n, 3: x, y, height above the floor) to zero."""
    middle = np.median(places, axis=0)
    off = places - middle
    scatter_m = 1.4826 * float(np.median(np.abs(off[:, 2])))
    slope = np.zeros(2)
    if with_tilt:
        sigma = max(scatter_m, FOOT_SD_M)
        near = off[np.abs(off[:, 2]) < 3.0 * sigma]
        a = np.concatenate([near[:, :2], np.ones((len(near), 1))], axis=1)
        normal = a.T @ a / (FRAMES_A_STEP * sigma**2)
        normal[:2, :2] += np.eye(2) / TILT_SD_RAD**2
        plane = np.linalg.solve(normal, a.T @ near[:, 2] / (FRAMES_A_STEP * sigma**2))
        slope = plane[:2]
        middle[2] += plane[2]
    up = np.array([-slope[0], -slope[1], 1.0])
    rotation = rotation_between(up, np.array([0.0, 0.0, 1.0]))
    # About the middle of the feet, which only moves up or down.
    shift = middle - rotation @ middle - np.array([0.0, 0.0, middle[2]])
    return FloorMove(
        transform.rigid(rotation, shift),
        -float(middle[2]),
        float(np.rad2deg(np.arctan(np.hypot(*slope)))),
        len(places),
        scatter_m,
    )


def _columns(points: Points3D, names: tuple[str, ...]) -> list[int]:
    return [points.keypoint_names.index(name) for name in names if name in points.keypoint_names]


def _foot_points(points: Points3D, names: tuple[str, ...]) -> FloatArray:
    """Return (frame, person, keypoint, 3) of the named keypoints that there are."""
    return np.asarray(points.xyz, dtype=np.float64)[:, :, _columns(points, names)]


def _standing_feet(points: Points3D) -> FloatArray:
    """Return heels and toes (n, 3) while they stand."""
    xyz = _foot_points(points, FOOT_KEYPOINTS)
    half = max(1, round(0.5 * STANDING_WINDOW_S * points.fps))
    if len(xyz) <= 2 * half:
        return np.zeros((0, 3))
    speed = np.linalg.norm(xyz[2 * half :] - xyz[: -2 * half], axis=-1) * points.fps / (2 * half)
    return np.asarray(xyz[half:-half][speed < STANDING_M_PER_S])
