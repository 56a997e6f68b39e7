"""Refine where the cameras stand from the people they saw.

Rounds of association, triangulation and robust bundle adjustment of all camera poses; lenses are
never touched: from people the focal length runs away. The frames are cut into two halves, each is
solved alone and judged on the other, and the rig of all frames is believed only when frames a
solve has not seen fit clearly better.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from mocap.core.camera import Calibration
from mocap.core.errors import ReconstructionError
from mocap.core.rotation import angle_between_deg
from mocap.core.shapes import FloatArray
from mocap.reconstruct.people.scene import TOLERANCE_OF_SIZE
from mocap.reconstruct.rig.adjust import Bundle, adjust, pose_covariance
from mocap.reconstruct.rig.anchor import (
    Floor,
    FloorMove,
    anchored_to_cameras,
    floor_move,
    scale_uncertainty,
)
from mocap.reconstruct.rig.jackknife import median_mm, space_errors_m, thinned
from mocap.reconstruct.rig.verdict import (
    CameraChange,
    HeldOutError,
    coverage_of,
    data_findings,
    held_out_error,
    judge,
    parallax_deg,
)
from mocap.reconstruct.rig.views import (
    SOLVED_JOINTS,
    PeopleTake,
    RigViews,
    Run,
    chosen_runs,
    points_of_runs,
    views_of,
)

# A round each: how far views of a person may disagree, as a share of their size. A camera turned
# by 2 degrees sees a person 4 m away displaced by 8 % of their height; a better rig needs less.
TOLERANCES = (0.24, 0.12, TOLERANCE_OF_SIZE)
# Cauchy's scale: detectors scatter by about 4 px where the focal length is 1700 px.
SCALE_PX = 4.0
SCALE_RAD = 0.0024
# The first rounds only lead to better views: the last one settles.
MAX_ITERATIONS, MAX_ITERATIONS_AT_LAST = 10, 50
MIN_GAIN_SHARE = 1e-5
# A third of the joints is left out at a time; each third holds arms and legs of both sides. One way
# to part them tells a variance by two degrees of freedom; three ways by up to six.
_LEFT_OUT = (
    (
        ("left_wrist", "right_knee", "left_ankle"),
        ("right_wrist", "left_elbow", "right_ankle"),
        ("right_elbow", "left_knee"),
    ),
    (
        ("right_wrist", "left_knee", "right_ankle"),
        ("left_wrist", "right_elbow", "left_ankle"),
        ("left_elbow", "right_knee"),
    ),
    (
        ("left_wrist", "left_elbow", "left_ankle"),
        ("right_wrist", "right_elbow", "right_ankle"),
        ("left_knee", "right_knee"),
    ),
)
# From the root of a jackknife's variance to the error that half of such rigs stay below: .83 for
# errors that lie in two directions (.67 in one, .89 in three), and a jackknife's variance is too
# large rather than too small (Efron & Stein 1981). Ten walks with four and ten with eight cameras
# gave .71; ten others of each .80 of them within a factor of two (benchmarks/boardless.py).
TYPICAL = 0.75


@dataclass(frozen=True, eq=False)
class RigRefinement:
    """A refined rig and whether to believe it.

    Attributes:
        accepted: use `calibration`; False: keep the old rig.
        reasons: why not, one sentence each; why, when accepted.
        warnings: what limits an accepted rig.
        calibration: the refined rig, in the world of the old one; the old rig when too little was
            seen to refine anything.
        cameras: how each camera moved.
        before, after: error of frames not solved from, with the old and the refined rig.
        frames: frames used.
        parallax_deg: median over the joints of the widest angle between two views.
        scale_sd: standard deviation of the scale, as a share of it.
        floor: how the rig was moved to put the floor where it belongs.
        predicted_mm: by how much points will be wrong where people were, after the best
            similarity, by solving again without parts (`rig.jackknife`).
    """

    accepted: bool
    reasons: tuple[str, ...]
    warnings: tuple[str, ...]
    calibration: Calibration
    cameras: tuple[CameraChange, ...] = ()
    before: HeldOutError | None = None
    after: HeldOutError | None = None
    frames: int = 0
    parallax_deg: float = float("nan")
    scale_sd: float = float("nan")
    floor: FloorMove | None = None
    predicted_mm: float = float("nan")


def refine_rig(
    calibration: Calibration, takes: Sequence[PeopleTake], *, floor: Floor = "keep"
) -> RigRefinement:
    """Return the rig with the camera poses that explain people best, and a verdict.

    At most 300 frames are used, in evenly spread runs: the cost does not grow with the takes.

    Args:
        calibration: the rig to refine; every camera must see people in the takes.
        takes: people detected in the rig's cameras.
        floor: "keep": the floor stays where the old rig saw feet; "feet": people stood on the
            floor in these takes, so their soles are at z = 0.

    Raises:
        ReconstructionError: nobody is seen by two cameras, or the feet that should tell the
            floor are not seen.
    """
    if not takes:
        raise ReconstructionError("no take was given to refine the rig from. Name one or more.")
    runs = chosen_runs(takes)
    views = views_of(runs, calibration, tolerance=TOLERANCES[0])
    frames = len(np.unique(views.frame))
    problems = data_findings(calibration, views)
    if problems:
        return RigRefinement(False, problems, (), calibration, frames=frames)
    halves = [_solved(runs, calibration, half)[0] for half in (0, 1)]
    solved, scene = _solved(runs, calibration, None)
    anchored = anchored_to_cameras(solved, calibration)
    move = _floor(runs, anchored, calibration, floor)
    refined = anchored.transformed(move.new_from_old)
    before, after = _held_out(runs, calibration, halves)
    final = views_of(runs, refined)
    cameras = _changes(refined, calibration, final, scene, halves)
    parallax = parallax_deg(refined, final)
    scale_sd = scale_uncertainty(anchored, calibration)
    predicted = _predicted_mm(runs, solved, halves)
    accepted, reasons, warnings = judge(
        cameras, before, after, parallax=parallax, scale_sd=scale_sd, predicted_mm=predicted
    )
    return RigRefinement(
        accepted, reasons, warnings, replace(refined, rms_px={}),
        cameras, before, after, frames, parallax, scale_sd, move, predicted,
    )  # fmt: skip


def _predicted_mm(runs: Sequence[Run], solved: Calibration, halves: Sequence[Calibration]) -> float:
    """Return by how much points will be wrong where people were, in mm."""
    points = thinned(views_of(runs, solved, joints=SOLVED_JOINTS).points)
    sides = [f"{side}_{joint}" for joint in SOLVED_JOINTS for side in ("left", "right")]

    def without(joints: tuple[str, ...]) -> Calibration:
        # From the solution of everything only the last round is needed.
        kept = tuple(name for name in sides if name not in joints)
        return _solved(runs, solved, None, joints=kept, tolerances=TOLERANCES[-1:])[0]

    thirds = [[without(third) for third in way] for way in _LEFT_OUT]
    frames, joints = space_errors_m(solved, points, len(points), halves, thirds)
    return TYPICAL * float(np.hypot(median_mm(frames), median_mm(joints)))


def _solved(
    runs: Sequence[Run],
    calibration: Calibration,
    half: int | None,
    *,
    joints: tuple[str, ...] = SOLVED_JOINTS,
    tolerances: tuple[float, ...] = TOLERANCES,
) -> tuple[Calibration, Bundle]:
    """Return the rig solved from all frames or one half, in an arbitrary world, and its scene."""
    rig = calibration
    lens = np.stack([camera.lens for camera in rig.cameras])
    scale_px = _scale_px(lens)
    for tolerance in tolerances:
        views = views_of(runs, rig, half, tolerance=tolerance, joints=joints)
        solved = ~np.isnan(views.points[:, 0])
        poses = np.stack([camera.camera_from_world for camera in rig.cameras])
        scene = Bundle(lens, poses, views.points[solved], views.pixels[solved])
        last = tolerance == tolerances[-1]
        scene = adjust(
            scene,
            scale_px,
            max_iterations=MAX_ITERATIONS_AT_LAST if last else MAX_ITERATIONS,
            min_gain_share=MIN_GAIN_SHARE,
        )
        rig = _with_poses(rig, scene.camera_from_world)
    return rig, scene


def _scale_px(lens: FloatArray) -> float:
    return max(SCALE_PX, SCALE_RAD * float(np.median(lens[:, 0])))


def _with_poses(rig: Calibration, camera_from_world: FloatArray) -> Calibration:
    """Return the rig with other poses, rounding drift taken out of their rotations."""
    cameras = []
    for camera, pose in zip(rig.cameras, camera_from_world, strict=True):
        u, _, vt = np.linalg.svd(pose[:3, :3])
        clean = pose.copy()
        clean[:3, :3] = u @ vt
        cameras.append(replace(camera, camera_from_world=clean))
    return replace(rig, cameras=tuple(cameras))


def _held_out(
    runs: Sequence[Run], old: Calibration, halves: Sequence[Calibration]
) -> tuple[HeldOutError, HeldOutError]:
    """Return the error of the old rig, and of each half's rig on the other half's frames.

    Both are asked about the same views, those of the rig that finds more of them: a rig that
    loses the views it cannot explain must not look better for it.
    """
    befores, afters = [], []
    for half, rig in enumerate(halves):
        found = [views_of(runs, each, 1 - half, tolerance=TOLERANCES[0]) for each in (old, rig)]
        pixels = max(found, key=lambda views: int(views.seen.sum())).pixels
        befores.append((old, pixels))
        afters.append((rig, pixels))
    return held_out_error(befores), held_out_error(afters)


def _floor(runs: Sequence[Run], anchored: Calibration, old: Calibration, floor: Floor) -> FloorMove:
    """Return the motion that the floor asks for."""
    new_points, old_points = points_of_runs(runs, anchored, (anchored, old))
    return floor_move(floor, new_points, old_points)


def _changes(
    refined: Calibration,
    old: Calibration,
    views: RigViews,
    scene: Bundle,
    halves: Sequence[Calibration],
) -> tuple[CameraChange, ...]:
    """Return how each camera moved, with standard deviations.

    The larger of what the scatter of the residuals says and of what the two halves say: those
    differ by twice the standard deviation of the whole, and know that errors of neighbouring
    frames are alike.
    """
    covariance = pose_covariance(scene, _scale_px(scene.lens))
    second = anchored_to_cameras(halves[1], halves[0])
    coverage = coverage_of(refined, views)
    out = []
    for index, (new, was) in enumerate(zip(refined.cameras, old.cameras, strict=True)):
        one, other = halves[0].cameras[index], second.cameras[index]
        turned = _turn_deg(one.camera_from_world, other.camera_from_world)
        apart = float(np.linalg.norm(one.center - other.center))
        turn_sd = float(np.rad2deg(np.sqrt(np.trace(covariance[index, :3, :3]))))
        move_sd = float(np.sqrt(np.trace(covariance[index, 3:, 3:])))
        out.append(
            CameraChange(
                name=new.name,
                turn_deg=_turn_deg(was.camera_from_world, new.camera_from_world),
                turn_sd_deg=max(turn_sd, 0.5 * turned),
                move_mm=1000.0 * float(np.linalg.norm(new.center - was.center)),
                move_sd_mm=1000.0 * max(move_sd, 0.5 * apart),
                frames=len(np.unique(views.frame[views.seen[:, index]])),
                coverage=coverage[index],
            )
        )
    return tuple(out)


def _turn_deg(first: FloatArray, second: FloatArray) -> float:
    return float(angle_between_deg(first[:3, :3], second[:3, :3]))
