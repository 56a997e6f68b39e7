"""From one walking person to the poses of all cameras, lenses known."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from mocap.core.camera import Calibration
from mocap.core.errors import ReconstructionError
from mocap.core.shapes import FloatArray
from mocap.reconstruct.boardless.bundle import WalkBundle, bundle
from mocap.reconstruct.boardless.pairs import Pair, all_pairs, placed_cameras
from mocap.reconstruct.boardless.walk import Walk, bone_scale, triangulated

# A round of triangulation and adjustment each: how far a view may be off its point.
GATES_RAD = (0.06, 0.03, 0.02)
ITERATIONS = (12, 12, 40)
# Noise of a detector: the larger of some pixels and an angle.
SIGMA_PX, SIGMA_RAD = 2.5, 0.0024
# A view agrees when it is this near to its point: 48 mm at 4 m.
AGREES_RAD = 0.012
# Cameras of which less than this share of the usual agrees are taken out: a mirrored video, another
# person or a wrong file finds a place by chance among many cameras.
LIAR_SHARE = 0.6


@dataclass(frozen=True, eq=False)
class Solved:
    """A rig from people, in the world of some camera, bones at their reference lengths.

    Attributes:
        walk: as the cameras saw it that are left.
        rig: those cameras.
        scene: the adjusted scene.
        pairs: what told the first poses.
        left_out: names of cameras that no place was found for, or that disagree with all others.
    """

    walk: Walk
    rig: Calibration
    scene: WalkBundle
    pairs: tuple[Pair, ...]
    left_out: tuple[str, ...]


def with_poses(lenses: Calibration, camera_from_world: FloatArray) -> Calibration:
    """Return cameras of given lenses at poses (camera, 4, 4)."""
    return replace(
        lenses,
        cameras=tuple(
            replace(camera, camera_from_world=pose)
            for camera, pose in zip(lenses.cameras, camera_from_world, strict=True)
        ),
        rms_px={},
        metadata={},
    )


def solve(walk: Walk, bones_m: FloatArray) -> Solved:
    """Return the rig that explains a walk best.

    Raises:
        ReconstructionError: no two cameras agree on one person.
    """
    pairs = all_pairs(walk, bones_m)
    poses, placed = placed_cameras(len(walk.lenses.names), pairs)
    names = walk.lenses.names
    kept = [name for name, there in zip(names, placed, strict=True) if there]
    if len(kept) < 2:
        raise ReconstructionError(
            "no two cameras agree on where they stand: they do not see one person at one time long "
            "enough. Walk a circle of two metres where all cameras see you, alone, for 12 seconds."
        )
    out = [name for name in names if name not in kept]
    part = walk.of_cameras(kept)
    solved = refined(part, poses[placed], bones_m)
    while len(kept) > 2:
        share = agreeing_shares(solved[0], part)
        worst = int(share.argmin())
        if share[worst] > LIAR_SHARE * np.median(share):
            break
        out.append(kept.pop(worst))
        part = part.of_cameras(kept)
        left = np.delete(solved[1].camera_from_world, worst, axis=0)
        solved = refined(part, left, bones_m, rounds=2)
    return Solved(part, solved[0], solved[1], tuple(pairs), tuple(out))


def refined(
    walk: Walk, poses: FloatArray, bones_m: FloatArray, *, rounds: int = len(GATES_RAD)
) -> tuple[Calibration, WalkBundle]:
    """Return rig and scene after the last `rounds` rounds of triangulation and adjustment.

    Raises:
        ReconstructionError: hardly any joint is seen by two cameras.
    """
    rig = with_poses(walk.lenses, poses)
    lens = np.stack([camera.lens for camera in rig.cameras])
    sigma = np.maximum(SIGMA_PX, SIGMA_RAD * lens[:, 0])
    scene: WalkBundle | None = None
    for gate, most in zip(GATES_RAD[-rounds:], ITERATIONS[-rounds:], strict=True):
        points, _ = triangulated(rig, walk.pixels, gate)
        scale, _ = bone_scale(points, bones_m)
        if not np.isfinite(scale):
            raise ReconstructionError(
                "hardly any arm or leg was seen whole by two cameras at one time. Walk where all "
                "cameras see the whole body."
            )
        pose = np.stack([camera.camera_from_world for camera in rig.cameras])
        pose[:, :3, 3] *= scale
        bones, given = np.log(bones_m), np.zeros(len(lens))
        start = WalkBundle(lens, pose, scale * points, bones, walk.pixels, sigma, given)
        scene = bundle(start, max_iterations=most)
        rig = with_poses(walk.lenses, scene.camera_from_world)
    assert scene is not None
    return rig, scene


def agreeing_shares(rig: Calibration, walk: Walk) -> FloatArray:
    """Return by camera (camera,) the share of its views that agree with their point."""
    _, squared = triangulated(rig, walk.pixels, 0.04)
    limit = (AGREES_RAD * rig.vectors()[:, 6])[:, None, None]
    near = np.sqrt(np.nan_to_num(squared, nan=np.inf)) < limit
    seen = np.isfinite(walk.pixels[..., 0])
    return np.asarray(near.sum(axis=(1, 2)) / np.maximum(seen.sum(axis=(1, 2)), 1))
