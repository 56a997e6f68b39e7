"""Is a rig from people to be believed? Figures that need no truth, and rules.

How wrong points in space will be is predicted by solving again without parts of the data
(`rig.jackknife`): where the person was, and in a ball beside.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from mocap.core.camera import Calibration
from mocap.core.shapes import BoolArray, FloatArray
from mocap.reconstruct.boardless.clocks import lags_s
from mocap.reconstruct.boardless.lenses import focal_lengths_off
from mocap.reconstruct.boardless.solve import Solved, agreeing_shares, refined
from mocap.reconstruct.boardless.walk import (
    BONE_FIRST,
    BONE_KIND,
    BONE_SECOND,
    KINDS,
    Walk,
    bone_scale,
    triangulated,
)
from mocap.reconstruct.rig.jackknife import median_mm, space_errors_m, thinned

# Joints left out together, two ways: each third holds arms and legs of both sides.
THIRDS = (
    (
        ("left_wrist", "right_knee", "left_hip", "right_shoulder"),
        ("right_wrist", "left_ankle", "right_elbow", "right_hip", "head"),
        ("left_elbow", "right_ankle", "left_knee", "left_shoulder"),
    ),
    (
        ("left_wrist", "left_knee", "right_hip", "right_elbow"),
        ("right_wrist", "right_ankle", "left_hip", "right_shoulder", "head"),
        ("left_elbow", "left_ankle", "right_knee", "left_shoulder"),
    ),
)
# Frames in a row are alike: they are held out together.
RUN_FRAMES = 15
# How far beside the person the rig must hold too.
BESIDE_M, GRID = 1.2, 7

MIN_FRAMES, MIN_PARALLAX_DEG = 60, 20.0
MIN_AGREEING, MIN_AGREEING_OF_CAMERA = 0.62, 0.55
MAX_PREDICTED_MM, WARN_PREDICTED_MM = 25.0, 12.0
MAX_BONE_SCATTER, MAX_SIDES_DIFFER = 0.10, 0.08
MAX_LAG_MS = 15.0
MIN_WALKED_M, MIN_CAMERAS = 0.8, 3


@dataclass(frozen=True)
class Trust:
    """The verdict on a rig from people, with its figures.

    Attributes:
        reasons: why not, one sentence each; empty when it is accepted.
        warnings: what limits an accepted rig.
        predicted_mm: error in space where the person was, after the best similarity.
        beside_mm: the same in a ball 1.2 m around.
        frames_mm, joints_mm: what halves of the frames and thirds of the joints say of the first.
        agreeing: share of views that agree, by camera.
        parallax_deg: median over joints of the widest angle between two views.
        bone_scatter, sides_differ: of the logarithm of lengths.
        lag_ms: by camera.
        focal_off: by camera, what its focal length should be multiplied with; sound ones are left
            out.
        walked_m: extent of the middle of the body, along and across.
        frames: in which two cameras agree.
    """

    reasons: tuple[str, ...]
    warnings: tuple[str, ...]
    predicted_mm: float
    beside_mm: float
    frames_mm: float
    joints_mm: float
    agreeing: dict[str, float]
    parallax_deg: float
    bone_scatter: float
    sides_differ: float
    lag_ms: dict[str, float]
    focal_off: dict[str, float]
    walked_m: tuple[float, float]
    frames: int

    @property
    def accepted(self) -> bool:
        """Whether the rig may be used."""
        return not self.reasons


def judge(solved: Solved, bones_m: FloatArray) -> Trust:
    """Judge a solved rig; solves it nine times more, and oftener where a clock is suspected."""
    walk, rig = solved.walk, solved.rig
    points, squared = triangulated(rig, walk.pixels, 0.04)
    shares = agreeing_shares(rig, walk)
    lag = 1000.0 * lags_s(walk, rig, bones_m)
    frames_mm, joints_mm, beside_mm = _jackknife(solved, bones_m, points)
    figures = Trust(
        reasons=(),
        warnings=(),
        predicted_mm=float(np.hypot(frames_mm, joints_mm)),
        beside_mm=beside_mm,
        frames_mm=frames_mm,
        joints_mm=joints_mm,
        agreeing=dict(zip(rig.names, (float(s) for s in shares), strict=True)),
        parallax_deg=_parallax_deg(rig, points, np.isfinite(squared)),
        bone_scatter=bone_scale(points, bones_m)[1],
        sides_differ=_sides_differ(points),
        lag_ms=dict(zip(rig.names, (float(ms) for ms in lag), strict=True)),
        focal_off=focal_lengths_off(solved),
        walked_m=_walked_m(points),
        frames=int(np.isfinite(points[..., 0]).any(axis=1).sum()),
    )
    return _ruled(figures, solved.left_out)


def _jackknife(
    solved: Solved, bones_m: FloatArray, points: FloatArray
) -> tuple[float, float, float]:
    """Return the error in mm by frames, by joints, and of both beside the person."""
    walked = thinned(points.reshape(-1, 3))
    half = np.arange(len(solved.walk.time_s)) // RUN_FRAMES % 2
    poses = solved.scene.camera_from_world

    def again(part: Walk) -> Calibration:
        return refined(part, poses, bones_m, rounds=2)[0]

    frames, joints = space_errors_m(
        solved.rig,
        np.concatenate([walked, _ball(walked)]),
        len(walked),
        [again(solved.walk.of_frames(half == k)) for k in (0, 1)],
        [[again(solved.walk.without(third)) for third in way] for way in THIRDS],
    )
    count, both = len(walked), np.hypot(frames, joints)
    return median_mm(frames[:count]), median_mm(joints[:count]), median_mm(both[count:])


def _ball(points: FloatArray) -> FloatArray:
    """Return a grid of points in a ball around the middle of points (n, 3)."""
    axis = np.linspace(-BESIDE_M, BESIDE_M, GRID)
    grid = np.stack(np.meshgrid(axis, axis, axis), axis=-1).reshape(-1, 3)
    return np.median(points, axis=0) + grid[np.linalg.norm(grid, axis=1) <= BESIDE_M]


def _parallax_deg(rig: Calibration, points: FloatArray, seen: BoolArray) -> float:
    """Return the median over joints of the widest angle between two rays (head on counts none)."""
    there = np.isfinite(points[..., 0])
    if not there.any():
        return 0.0
    rays = points[there][:, None] - np.stack([camera.center for camera in rig.cameras])
    rays /= np.linalg.norm(rays, axis=2, keepdims=True)
    views = seen[:, there].T
    both = views[:, :, None] & views[:, None, :]
    cosine = np.where(both, np.abs(rays @ np.swapaxes(rays, 1, 2)), 1.0).clip(0.0, 1.0)
    return float(np.rad2deg(np.median(np.arccos(cosine).max(axis=(1, 2)))))


def _walked_m(points: FloatArray) -> tuple[float, float]:
    """Return how far the middle of the body went: along, and across (nine tenths of it)."""
    with np.errstate(all="ignore"):
        seen = np.isfinite(points[..., 0]).sum(axis=1) >= points.shape[1] // 2
    if seen.sum() < 10:
        return 0.0, 0.0
    middle = np.nanmedian(points[seen], axis=1)
    axes = np.linalg.svd(middle - np.median(middle, axis=0), full_matrices=False)[2]
    low, high = np.percentile(middle @ axes.T, [5.0, 95.0], axis=0)
    extent = np.sort(high - low)
    return float(extent[2]), float(extent[1])


def _sides_differ(points: FloatArray) -> float:
    """Return by how much bones of left and right differ: median over kinds, of the logarithm."""
    with np.errstate(all="ignore"):
        length = np.linalg.norm(points[:, BONE_FIRST] - points[:, BONE_SECOND], axis=-1)
    usual = [np.median(row[np.isfinite(row)]) if np.isfinite(row).any() else np.nan
             for row in length.T]  # fmt: skip
    sides = np.log(np.array(usual)).reshape(KINDS, 2)
    assert (BONE_KIND.reshape(KINDS, 2)[:, 0] == BONE_KIND.reshape(KINDS, 2)[:, 1]).all()
    return float(np.nanmedian(np.abs(sides[:, 0] - sides[:, 1])))


def _ruled(f: Trust, left_out: tuple[str, ...]) -> Trust:
    """Return the figures with what they say for and against the rig."""
    share = float(np.mean(list(f.agreeing.values())))
    worst = min(f.agreeing, key=lambda name: f.agreeing[name])
    late = {name: ms for name, ms in f.lag_ms.items() if abs(ms) > MAX_LAG_MS}
    others = ", ".join(
        f"'{name}' {abs(100 * (times - 1)):.0f} % {'longer' if times > 1 else 'shorter'}"
        for name, times in f.focal_off.items()
    )
    rules = (
        (
            f.frames < MIN_FRAMES,
            f"two cameras agree in {f.frames} frames only (at least {MIN_FRAMES}). Walk for 12 "
            "seconds where all cameras see you.",
        ),
        (
            f.parallax_deg < MIN_PARALLAX_DEG,
            "all cameras look from one side or head on: their views of a joint differ by "
            f"{f.parallax_deg:.0f} degrees (at least {MIN_PARALLAX_DEG:.0f}). Put cameras further "
            "apart.",
        ),
        (
            share < MIN_AGREEING,
            f"only {100 * share:.0f} % of the views agree (at least {100 * MIN_AGREEING:.0f} %). "
            "Record one person alone, and check that the lenses are right.",
        ),
        (
            f.agreeing[worst] < MIN_AGREEING_OF_CAMERA,
            f"only {100 * f.agreeing[worst]:.0f} % of the views of camera '{worst}' agree: it sees "
            "another person, its video is wrong or mirrored, or its lens is wrong.",
        ),
        (
            bool(f.focal_off),
            f"the lens that is given is wrong: with other focal lengths the views fit much better "
            f"({others}). Check zoom, resolution and crop of that camera, or calibrate its lens.",
        ),
        (
            not f.bone_scatter < MAX_BONE_SCATTER,
            f"bones change their length by {100 * f.bone_scatter:.0f} % (at most "
            f"{100 * MAX_BONE_SCATTER:.0f} %): the cameras do not fit together.",
        ),
        (
            not f.sides_differ < MAX_SIDES_DIFFER,
            f"left and right bones differ by {100 * f.sides_differ:.0f} % (at most "
            f"{100 * MAX_SIDES_DIFFER:.0f} %). Walk a circle, so that all cameras see both sides.",
        ),
        (
            bool(late),
            "the videos are not synchronised: "
            + ", ".join(f"'{name}' {ms:+.0f} ms" for name, ms in late.items())
            + ". Run `mocap sync` on the take first, or start the cameras together.",
        ),
        (
            not f.predicted_mm < MAX_PREDICTED_MM,
            f"points would be wrong by about {f.predicted_mm:.0f} mm where the person was (at most "
            f"{MAX_PREDICTED_MM:.0f}). Walk a circle of two metres, not on the spot.",
        ),
        (
            f.predicted_mm < MAX_PREDICTED_MM and not f.beside_mm < MAX_PREDICTED_MM,
            f"points would be wrong by about {f.beside_mm:.0f} mm a metre beside the person (at "
            f"most {MAX_PREDICTED_MM:.0f}). Walk a circle of two metres, not on the spot.",
        ),
        (
            bool(left_out),
            f"no place was found for camera {', '.join(repr(n) for n in left_out)}: it sees "
            "somebody else or too little, or its video is mirrored. Leave it out or mend it.",
        ),
    )
    warnings = (
        (
            f.predicted_mm > WARN_PREDICTED_MM,
            f"points may be wrong by about {f.predicted_mm:.0f} mm.",
        ),
        (
            f.walked_m[1] < MIN_WALKED_M,
            f"the person covered {f.walked_m[0]:.1f} x {f.walked_m[1]:.1f} m: the rig is right "
            "there only.",
        ),
        (
            len(f.agreeing) < MIN_CAMERAS,
            "two cameras: nothing is left over to test them by, and a late video does not show.",
        ),
    )
    return replace(
        f,
        reasons=tuple(text for holds, text in rules if holds),
        warnings=tuple(text for holds, text in warnings if holds),
    )
