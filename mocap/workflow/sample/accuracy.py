"""How far the results of a rendered session are from what was drawn."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mocap.core import transform
from mocap.core.camera import Calibration
from mocap.core.detections import Tracks2D
from mocap.core.motion import SkeletonMotion
from mocap.core.points import Points3D
from mocap.core.rotation import angle_between_deg
from mocap.core.shapes import FloatArray
from mocap.reconstruct.smooth import smooth
from mocap.reconstruct.triangulate import triangulate
from mocap.synthetic.sample import SampleTruth, TakeTruth

# The volume people move in: half a side and height of the box, and points per side.
VOLUME_HALF_SIDE_M = 1.0
VOLUME_HEIGHT_M = 2.0
VOLUME_POINTS = 5
# Points of the volume carry no noise; the value only weighs views against each other.
VOLUME_SIGMA_PX = 0.1
# No view may be left out as an outlier: a wrong camera would hide behind the others.
VOLUME_GATE_PX = 1000.0
LIMB_BONES = (
    ("shoulder", "elbow"),
    ("elbow", "wrist"),
    ("hip", "knee"),
    ("knee", "ankle"),
)
LIMB_JOINTS = ("shoulder", "elbow", "wrist", "hip", "knee", "ankle")


@dataclass(frozen=True)
class TruthFigure:
    """One figure of the table: what, how much, in which unit."""

    name: str
    value: float
    unit: str


def calibration_figures(
    calibration: Calibration, truth: SampleTruth
) -> tuple[list[TruthFigure], FloatArray]:
    """Compare a calibration with the truth after a rigid alignment of their worlds.

    The alignment uses points in the volume, seen by the true cameras and triangulated with the
    calibration: what is left there is what the calibration adds to every result.

    Returns:
        the figures, and truth_from_world (4, 4).
    """
    names = calibration.names
    true_rig = truth.calibration.subset(names)
    points = _volume(truth)
    pixels = true_rig.project(points)
    tracks = _tracks(names, ("point",), 1.0, pixels[:, :, None, None, :], true_rig)
    triangulated = triangulate(
        tracks, calibration, sigma_px=VOLUME_SIGMA_PX, max_error_px=VOLUME_GATE_PX
    )
    found = triangulated.xyz[:, 0, 0]
    seen = np.isfinite(found).all(axis=-1)
    _, rotation, translation = transform.similarity(found[seen], points[seen], with_scale=False)
    truth_from_world = transform.rigid(rotation, translation)
    volume_mm = 1000 * np.linalg.norm(
        transform.apply(truth_from_world, found[seen]) - points[seen], axis=-1
    )
    aligned = calibration.transformed(truth_from_world)
    centers, turns, focal = [], [], []
    for name in names:
        ours, theirs = aligned[name], true_rig[name]
        centers.append(1000 * float(np.linalg.norm(ours.center - theirs.center)))
        turns.append(
            float(
                angle_between_deg(ours.camera_from_world[:3, :3], theirs.camera_from_world[:3, :3])
            )
        )
        ratio = np.diag(ours.camera_matrix)[:2] / np.diag(theirs.camera_matrix)[:2]
        focal.append(100 * float(np.abs(ratio - 1).max()))
    figures = [
        TruthFigure("calibration: camera centres, worst", max(centers), "mm"),
        TruthFigure("calibration: rotations, worst", max(turns), "deg"),
        TruthFigure("calibration: focal lengths, worst", max(focal), "%"),
        TruthFigure("calibration: points in the volume, rms", _rms(volume_mm), "mm"),
        TruthFigure("calibration: points in the volume, worst", float(volume_mm.max()), "mm"),
    ]
    return figures, truth_from_world


def take_figures(
    points: Points3D,
    calibration: Calibration,
    truth: TakeTruth,
    true_rig: Calibration,
    truth_from_world: FloatArray,
    take: str,
) -> list[TruthFigure]:
    """Compare smoothed keypoints with the truth: as detected, and with true 2D instead."""
    from_truth = _with_true_pixels(truth, true_rig.subset(calibration.names), calibration)
    figures = []
    for label, each in (("as detected", points), ("with true 2D", from_truth)):
        errors_mm = joint_errors_mm(each, truth, truth_from_world)
        figures += _spread(f"{take}: joints {label}", errors_mm)
    return figures + _bone_figures(points, truth, take)


def body_figures(
    skeleton: SkeletonMotion, truth: TakeTruth, truth_from_world: FloatArray, take: str
) -> list[TruthFigure]:
    """Compare the limb joints of a fitted body with those of the body that was drawn."""
    names = [f"{side}_{joint}" for side in ("left", "right") for joint in LIMB_JOINTS]
    positions, _ = skeleton.forward_kinematics()
    real = _named(truth.joints(), truth.skeleton.joint_names, names)
    found = _named(positions[: len(real)], skeleton.joint_names, names)
    found = transform.apply(truth_from_world, found)
    errors_mm = 1000 * np.linalg.norm(found - real[: len(found)], axis=-1)
    return _spread(f"{take}: joints of the fitted body", errors_mm)


def _spread(name: str, errors_mm: FloatArray) -> list[TruthFigure]:
    return [
        TruthFigure(f"{name}, median", float(np.median(errors_mm)), "mm"),
        TruthFigure(f"{name}, p95", float(np.percentile(errors_mm, 95)), "mm"),
        TruthFigure(f"{name}, worst", float(np.max(errors_mm)), "mm"),
    ]


def joint_errors_mm(points: Points3D, truth: TakeTruth, truth_from_world: FloatArray) -> FloatArray:
    """Return the distance (n,) of every limb joint in every frame to the truth."""
    names = limb_joints(points.keypoint_names)
    frames = min(len(points.xyz), len(truth.xyz))
    found = _named(points.xyz[:frames, 0], points.keypoint_names, names)
    real = _named(truth.xyz[:frames], truth.keypoint_names, names)
    errors = np.linalg.norm(transform.apply(truth_from_world, found) - real, axis=-1)
    return np.asarray(1000 * errors[np.isfinite(errors)])


def limb_joints(keypoint_names: Sequence[str]) -> list[str]:
    """Return the limb keypoints among the given ones: those whose truth is a joint centre."""
    return [name for name in keypoint_names if name.partition("_")[2] in LIMB_JOINTS]


def _with_true_pixels(
    truth: TakeTruth, true_rig: Calibration, calibration: Calibration
) -> Points3D:
    """Return the take as it would be if every detection were exact: what geometry adds."""
    pixels = true_rig.project(truth.xyz)[:, :, None]
    tracks = _tracks(calibration.names, truth.keypoint_names, truth.fps, pixels, true_rig)
    return smooth(triangulate(tracks, calibration), tracks, calibration)


def _bone_figures(points: Points3D, truth: TakeTruth, take: str) -> list[TruthFigure]:
    """Return how far bone lengths are off and how much they vary, over all limbs."""
    off, varying = [], []
    for side in ("left", "right"):
        for upper, lower in LIMB_BONES:
            pair = [f"{side}_{upper}", f"{side}_{lower}"]
            lengths = _lengths(points.xyz[:, 0], points.keypoint_names, pair)
            real = _lengths(truth.xyz, truth.keypoint_names, pair)
            lengths = lengths[np.isfinite(lengths)]
            off.append(1000 * abs(float(np.median(lengths) - np.median(real))))
            varying.append(100 * float(np.std(lengths) / np.mean(lengths)))
    return [
        TruthFigure(f"{take}: limb lengths, worst median error", max(off), "mm"),
        TruthFigure(f"{take}: limb lengths, median variation", float(np.median(varying)), "%"),
    ]


def _lengths(xyz: FloatArray, names: Sequence[str], pair: Sequence[str]) -> FloatArray:
    ends = _named(xyz, names, pair)
    return np.asarray(np.linalg.norm(ends[:, 0] - ends[:, 1], axis=-1))


def _named(xyz: FloatArray, names: Sequence[str], wanted: Sequence[str]) -> FloatArray:
    order = [list(names).index(name) for name in wanted]
    return np.asarray(xyz[:, order], dtype=np.float64)


def _volume(truth: SampleTruth) -> FloatArray:
    """Return a grid of points (n, 3) around where the people of the session were."""
    middle = np.nanmean(
        np.concatenate([take.xyz.reshape(-1, 3) for take in truth.takes.values()]), 0
    )
    side = np.linspace(-VOLUME_HALF_SIDE_M, VOLUME_HALF_SIDE_M, VOLUME_POINTS)
    height = np.linspace(0.0, VOLUME_HEIGHT_M, VOLUME_POINTS)
    grid = np.stack(np.meshgrid(side + middle[0], side + middle[1], height), axis=-1)
    return grid.reshape(-1, 3)


def _tracks(
    cameras: tuple[str, ...],
    keypoints: tuple[str, ...],
    fps: float,
    pixels: FloatArray,
    rig: Calibration,
) -> Tracks2D:
    """Return exact observations (camera, frame, person, keypoint, 2) inside the images."""
    sizes = np.array([rig[name].image_size for name in cameras]).reshape(-1, 1, 1, 1, 2)
    inside = np.all((pixels >= -0.5) & (pixels <= sizes - 0.5), axis=-1)
    kept = np.where(inside[..., None], pixels, np.nan)
    return Tracks2D(cameras, keypoints, (0,), fps, kept, inside.astype(np.float64))


def _rms(values: FloatArray) -> float:
    return float(np.sqrt(np.mean(np.square(values))))
