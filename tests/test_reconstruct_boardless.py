"""A rig from one walker: exact derivatives, right poses, figures that know how wrong they are."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from mocap.core.camera import Calibration
from mocap.core.errors import ReconstructionError
from mocap.core.keypoints import COCO_17_FEET
from mocap.core.rotation import angle_between_deg
from mocap.core.shapes import FloatArray
from mocap.core.transform import rigid
from mocap.reconstruct.boardless.bundle import CAMERA, WalkBundle, cost_of, linearise, moved
from mocap.reconstruct.boardless.solve import Solved, solve, with_poses
from mocap.reconstruct.boardless.trust import Trust, judge
from mocap.reconstruct.boardless.walk import BONE_SHARE, JOINTS, KINDS, walk_of
from mocap.reconstruct.boardless.world import world_of
from mocap.reconstruct.rig.views import PeopleTake
from mocap.synthetic.rigs import ring
from mocap.synthetic.walkers import Habits, seen_by, walked_circle

HEIGHT_M = 1.66


@pytest.fixture(scope="module")
def rig() -> Calibration:
    return ring(4, radius_m=4.3, focal_px=1250.0, image_size=(1920, 1080), jitter=1.0, seed=2)


@pytest.fixture(scope="module")
def walker() -> FloatArray:
    return walked_circle(8.0, 10.0, seed=3)


def solved_of(rig: Calibration, take: PeopleTake) -> tuple[Solved, Trust]:
    """Solve with the true lenses and no idea of any pose."""
    lenses = with_poses(rig, np.tile(np.eye(4), (len(rig.cameras), 1, 1)))
    solved = solve(walk_of([take], lenses), BONE_SHARE * HEIGHT_M)
    return solved, judge(solved, BONE_SHARE * HEIGHT_M)


@pytest.fixture(scope="module")
def found(rig: Calibration, walker: FloatArray) -> tuple[Solved, Trust]:
    return solved_of(rig, PeopleTake("walk", seen_by(rig, walker, Habits(seed=4), fps=10.0)))


def test_gradients_are_finite_differences(rig: Calibration) -> None:
    random = np.random.default_rng(1)
    points = random.uniform([-0.5, -0.5, 0.3], [0.5, 0.5, 1.7], (3, len(JOINTS), 3))
    pixels = rig.project(points) + random.normal(0.0, 3.0, (4, 3, len(JOINTS), 2))
    pixels[1, 2, 4] = np.nan
    scene = WalkBundle(
        np.stack([camera.lens for camera in rig.cameras]),
        np.stack([camera.camera_from_world for camera in rig.cameras]),
        points + random.normal(0.0, 0.01, points.shape),
        np.log(BONE_SHARE * HEIGHT_M),
        pixels,
        np.full(4, 3.0),
        random.normal(0.0, 0.02, 4),
        focal_sd=0.1,
    )
    equations = linearise(scene)
    dense, joints = np.zeros(CAMERA * 4 + KINDS), np.zeros((3, 3 * len(JOINTS)))
    for vector, gradient, index in (
        (dense, equations.dense_gradient, (2,)),
        (dense, equations.dense_gradient, (10,)),
        (dense, equations.dense_gradient, (13,)),
        (dense, equations.dense_gradient, (CAMERA * 4 + 1,)),
        (joints, equations.joint_gradient, (1, 4)),
        (joints, equations.joint_gradient, (2, 20)),
    ):
        step = 1e-6
        vector[index] = step
        above = cost_of(moved(scene, dense, joints))
        vector[index] = -step
        below = cost_of(moved(scene, dense, joints))
        vector[index] = 0.0
        # Downhill, and half of the derivative: a sum of weighted squares.
        assert gradient[index] == pytest.approx(-(above - below) / (4.0 * step), rel=1e-4, abs=1e-3)


def test_a_walker_places_all_cameras(rig: Calibration, found: tuple[Solved, Trust]) -> None:
    solved, trust = found
    assert trust.accepted, trust.reasons
    assert solved.left_out == ()
    ours, true = (
        np.stack([c.camera_from_world[:3, :3] for c in each.cameras]) for each in (solved.rig, rig)
    )
    off = [angle_between_deg(ours[i] @ ours[0].T, true[i] @ true[0].T) for i in range(1, 4)]
    # A detector with habits of 17 and 35 mm leaves .6 degrees in the median of many rigs.
    assert np.median(off) < 1.2
    assert 1.0 < trust.predicted_mm < 20.0
    assert max(abs(ms) for ms in trust.lag_ms.values()) < 10.0
    assert trust.focal_off == {}


def test_the_world_stands_upright_on_the_floor(
    rig: Calibration, found: tuple[Solved, Trust], walker: FloatArray
) -> None:
    solved, _ = found
    world = world_of(solved.scene.points, solved.walk.time_s, solved.walk.run, HEIGHT_M)
    placed = solved.rig.transformed(rigid(world.rotation, world.translation), world.scale)
    heights = np.array([camera.center[2] for camera in placed.cameras])
    truth = np.array([camera.center[2] for camera in rig.cameras])
    # Scale and floor come from one body: some percent of two metres.
    np.testing.assert_allclose(heights, truth, atol=0.12)


@pytest.mark.slow
def test_a_late_video_a_mirrored_one_and_a_wrong_lens_are_refused(
    rig: Calibration, walker: FloatArray
) -> None:
    take = PeopleTake("walk", seen_by(rig, walker, Habits(seed=4), fps=10.0))
    late = np.array(take.detections.pixels)
    late[1, 2:] = late[1, :-2].copy()
    told = replace(take, detections=replace(take.detections, pixels=late))
    assert any("not synchronised" in reason for reason in solved_of(rig, told)[1].reasons)
    mirrored = np.array(take.detections.pixels)
    mirrored[1, ..., 0] = 1919.0 - mirrored[1, ..., 0]
    told = replace(take, detections=replace(take.detections, pixels=mirrored))
    assert any("'cam2'" in reason for reason in solved_of(rig, told)[1].reasons)
    zoomed = np.array(take.detections.pixels)
    middle = (np.array(rig.cameras[1].image_size) - 1.0) / 2.0
    zoomed[1] = middle + 1.35 * (zoomed[1] - middle)
    told = replace(take, detections=replace(take.detections, pixels=zoomed))
    trust = solved_of(rig, told)[1]
    # Of one camera; a focal length from a walk is good to some percent.
    assert set(trust.focal_off) == {"cam2"}
    assert trust.focal_off["cam2"] == pytest.approx(1.35, abs=0.1)
    assert any("'cam2' 3" in reason and "longer" in reason for reason in trust.reasons)


def test_a_person_whom_one_camera_sees_places_nothing(rig: Calibration, walker: FloatArray) -> None:
    take = PeopleTake("walk", seen_by(rig, walker, Habits(seed=4), fps=10.0))
    alone = np.array(take.detections.pixels)
    alone[1:] = np.nan
    told = replace(take, detections=replace(take.detections, pixels=alone))
    with pytest.raises(ReconstructionError, match="no two cameras agree"):
        solve(walk_of([told], rig), BONE_SHARE * HEIGHT_M)
    names = tuple(n for n in COCO_17_FEET.keypoint_names if n != "left_ear")
    short = replace(
        take.detections,
        keypoint_names=names,
        pixels=take.detections.pixels[..., 1:, :],
        confidence=take.detections.confidence[..., 1:],
    )
    with pytest.raises(ReconstructionError, match="have no 'left_ear'"):
        walk_of([replace(take, detections=short)], rig)
