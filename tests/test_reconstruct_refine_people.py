"""Camera poses refined from people: recovered, left alone, or refused."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from mocap.core.camera import Calibration
from mocap.core.detections import Tracks2D
from mocap.core.errors import ReconstructionError
from mocap.core.keypoints import COCO_17_FEET
from mocap.core.rotation import angle_between_deg, matrix_from_rotvec, rotvec_from_matrix
from mocap.core.shapes import FloatArray
from mocap.core.transform import rigid
from mocap.reconstruct.associate import associate
from mocap.reconstruct.rig.adjust import (
    Bundle,
    cost_of,
    linearise,
    moved,
    reduced_system,
    residuals,
    solve_step,
)
from mocap.reconstruct.rig.anchor import anchored_to_cameras
from mocap.reconstruct.rig.refine import refine_rig
from mocap.reconstruct.rig.views import MAX_FRAMES, PeopleTake, _well_seen, chosen_runs
from mocap.reconstruct.triangulate import triangulate
from mocap.synthetic.motion.motion import body_keypoints, walk
from mocap.synthetic.observations import observe_people
from mocap.synthetic.rigs import ring

FPS = 30.0
NAMES = COCO_17_FEET.keypoint_names


def rig(cameras: int, seed: int) -> Calibration:
    return ring(cameras, image_size=(1920, 1080), focal_px=1250.0, jitter=1.0, seed=seed)


def displaced(calibration: Calibration, seed: int, only: int | None = None) -> Calibration:
    """Return the rig with each camera, or one, turned by 0.5-2 deg and moved by 30-80 mm."""
    rng = np.random.default_rng(seed)
    cameras = []
    for index, camera in enumerate(calibration.cameras):
        axis, way = (v / np.linalg.norm(v) for v in rng.normal(size=(2, 3)))
        turn = matrix_from_rotvec(axis * np.radians(rng.uniform(0.5, 2.0)))
        center = camera.center + way * rng.uniform(0.03, 0.08)
        rotation = turn @ camera.camera_from_world[:3, :3]
        wrong = replace(camera, camera_from_world=rigid(rotation, -rotation @ center))
        cameras.append(wrong if only in (None, index) else camera)
    return replace(calibration, cameras=tuple(cameras))


@cache
def walker(seconds: float = 5.0) -> FloatArray:
    """Return the keypoints of a person walking round a circle, feet on z = 0."""
    return body_keypoints(walk(seconds, FPS, seed=21, radius_m=1.0))


def seen_by(
    calibration: Calibration, *, noise_px: float, seconds: float = 5.0, seed: int = 31
) -> PeopleTake:
    detections = observe_people(
        calibration,
        walker(seconds)[:, None],
        NAMES,
        fps=FPS,
        noise_px=noise_px,
        outliers=0.05,
        missing=0.05,
        seed=seed,
    )
    return PeopleTake("walk", detections)


def pose_errors(found: Calibration, true: Calibration) -> tuple[float, float]:
    """Return the worst turn (deg) and shift (mm) of a camera after best alignment of the rigs."""
    aligned = anchored_to_cameras(found, true)
    pairs = list(zip(aligned.cameras, true.cameras, strict=True))
    turn = max(
        float(angle_between_deg(a.camera_from_world[:3, :3], b.camera_from_world[:3, :3]))
        for a, b in pairs
    )
    return turn, 1000.0 * max(float(np.linalg.norm(a.center - b.center)) for a, b in pairs)


def floor_and_scale(found: Calibration, true: Calibration) -> tuple[float, float]:
    """Return where the rig puts the true floor: the worst height (mm), and the scale error (%)."""
    axis = np.linspace(-1.0, 1.0, 5)
    x, y = np.meshgrid(axis, axis)
    floor = np.stack([x, y, np.zeros_like(x)], axis=-1).reshape(-1, 3)
    rows, sides = [], []
    # Exact images of the floor, triangulated linearly: sum (I - d d')(X - c) = 0 over the rays.
    for camera in found.cameras:
        inside = true[camera.name].undistort(true[camera.name].project(floor))
        rays = np.concatenate([inside, np.ones((len(inside), 1))], axis=1)
        rays = rays / np.linalg.norm(rays, axis=1, keepdims=True)
        rays = rays @ camera.camera_from_world[:3, :3]
        across = np.eye(3) - rays[:, :, None] * rays[:, None, :]
        rows.append(across)
        sides.append(across @ camera.center)
    places = np.linalg.solve(np.sum(rows, axis=0), np.sum(sides, axis=0)[..., None])[..., 0]
    spread = np.linalg.norm(places - places.mean(axis=0), axis=1).sum()
    true_spread = np.linalg.norm(floor - floor.mean(axis=0), axis=1).sum()
    return 1000.0 * float(np.abs(places[:, 2]).max()), 100.0 * float(spread / true_spread - 1.0)


@pytest.mark.parametrize(("cameras", "noise_px", "seed"), [(4, 2.0, 41), (6, 5.0, 42)])
def test_displaced_cameras_are_recovered(cameras: int, noise_px: float, seed: int) -> None:
    true = rig(cameras, seed)
    old = displaced(true, seed)
    assert pose_errors(old, true)[0] > 0.7 and pose_errors(old, true)[1] > 25.0
    found = refine_rig(old, [seen_by(true, noise_px=noise_px, seconds=8.0)], floor="feet")
    assert found.accepted, found.reasons
    turn_deg, shift_mm = pose_errors(found.calibration, true)
    # 240 frames x 8 joints of 5 px are 0.11 px for a camera's aim, i.e. 0.005 deg at 1250 px, but
    # turn and shift trade against each other in a volume 2 m wide seen from 4.3 m: some 20 to 40
    # times that, and the more certain combination is what pixels feel.
    assert turn_deg < 0.2
    # 0.11 px at 4.3 m and 1250 px are 0.4 mm; the same trade gives 20 to 30 times that.
    assert shift_mm < 10.0
    assert found.before is not None and found.after is not None
    # The median of a two-dimensional error of sigma per axis is 1.18 sigma; with 2 n - 3 of 2 n
    # degrees of freedom left, 0.93 to 1.02 sigma.
    assert 0.8 * noise_px < found.after.median_px < 1.2 * noise_px
    assert found.before.median_px > 1.8 * noise_px
    # 5 % of the observations are outliers.
    assert found.after.agreeing > 0.93 > found.before.agreeing
    height_mm, _ = floor_and_scale(found.calibration, true)
    # Heels and toes of standing feet lie on the floor: 4 to 7 mm from the convention that a sole
    # is 20 mm below a detector's keypoint (here they lie on the skin, 14 mm up), plus 2 mm.
    assert height_mm < 10.0
    # Nobody can tell the scale but the cameras' places: displaced by 55 mm in the mean, of which
    # a root third is radial, they are 0.74 % wrong each at 4.3 m, 0.3-0.4 % together.
    old_scale = floor_and_scale(anchored_to_cameras(true, old), true)[1]
    assert abs(floor_and_scale(found.calibration, true)[1] - old_scale) < 0.15
    assert abs(floor_and_scale(found.calibration, true)[1]) < 0.5


def test_right_rig_is_left_alone() -> None:
    true = rig(4, 43)
    found = refine_rig(true, [seen_by(true, noise_px=3.0)])
    assert not found.accepted
    assert "the rig is right" in found.reasons[0]
    # The change that was not made is noise: within four of its standard deviations (each is the
    # root of a trace over three axes, so four are exceeded once in ten thousand cameras).
    for camera in found.cameras:
        assert camera.turn_deg < 4.0 * camera.turn_sd_deg
        assert camera.move_mm < 4.0 * camera.move_sd_mm + 1.0


def test_only_the_bumped_camera_moves() -> None:
    true = rig(5, 44)
    old = displaced(true, 44, only=2)
    found = refine_rig(old, [seen_by(true, noise_px=2.0, seconds=8.0)])
    assert found.accepted, found.reasons
    moved_mm = np.array([camera.move_mm for camera in found.cameras])
    assert np.argmax(moved_mm) == 2
    bump_mm = 1000.0 * np.linalg.norm(old.cameras[2].center - true.cameras[2].center)
    # Noise moves a camera by some millimetres, see the test above; a least-squares anchor would
    # also have given every other camera a fifth of the bump's 1 degree, i.e. 15 mm.
    assert moved_mm[2] == pytest.approx(bump_mm, abs=12.0)
    assert np.delete(moved_mm, 2).max() < 10.0


def test_floor_stays_where_the_feet_were_seen() -> None:
    true = rig(4, 45)
    old = displaced(true, 45)
    take = seen_by(true, noise_px=3.0)
    found = refine_rig(old, [take])
    assert found.accepted
    tracks = associate(take.detections, found.calibration)
    feet = [index for index, name in enumerate(NAMES) if name.endswith(("ankle", "heel", "toe"))]
    heights = [
        1000.0 * triangulate(tracks, each).xyz[:, 0, feet, 2] for each in (found.calibration, old)
    ]
    # 900 sightings that differ by some 20 mm between the rigs: 1 mm for the median.
    assert abs(np.nanmedian(heights[0] - heights[1])) < 3.0
    # What it is for: by its cameras alone the floor would have moved by more.
    assert found.floor is not None and abs(found.floor.lift_m) > 0.003


def test_too_little_data_is_refused() -> None:
    true = rig(4, 46)
    old = displaced(true, 46)
    short = refine_rig(old, [seen_by(true, noise_px=3.0, seconds=1.5)])
    assert not short.accepted and "at least 60 are needed" in short.reasons[0]
    assert short.calibration is old
    take = seen_by(true, noise_px=3.0)
    pixels = take.detections.pixels.copy()
    pixels[3, 20:] = np.nan
    confidence = np.where(np.isnan(pixels[..., 0]), 0.0, take.detections.confidence)
    away = replace(take.detections, pixels=pixels, confidence=confidence)
    blind = refine_rig(old, [PeopleTake("walk", away)])
    assert not blind.accepted
    assert any("'cam4' sees a person in" in reason for reason in blind.reasons)
    pair = true.subset(("cam1", "cam2"))
    seen = refine_rig(pair, [seen_by(pair, noise_px=3.0)])
    assert not seen.accepted and "2 cameras" in seen.reasons[0]


def test_cameras_side_by_side_are_refused() -> None:
    # Four cameras of one height on an arc of 4 degrees.
    true = ring(4, arc_deg=4.0, heights_m=(1.5,), image_size=(1920, 1080), focal_px=1250.0)
    # Other displacements leave no two cameras that agree on anybody: refused before.
    old = displaced(true, 49)
    found = refine_rig(old, [seen_by(true, noise_px=3.0)])
    assert not found.accepted
    assert any("look from one side" in reason for reason in found.reasons)
    # Displaced by 55 mm on a base of 280 mm, they cannot hold a scale to 3 % either.
    assert any("the scale would be uncertain" in reason for reason in found.reasons)


def test_no_take_and_nobody_are_errors() -> None:
    true = rig(4, 48)
    with pytest.raises(ReconstructionError, match="no take"):
        refine_rig(true, [])
    take = seen_by(true, noise_px=3.0)
    empty = replace(take.detections, confidence=np.zeros_like(take.detections.confidence))
    with pytest.raises(ReconstructionError, match="0 people found"):
        refine_rig(true, [PeopleTake("empty", empty)])
    no_feet = np.array([not name.endswith(("heel", "toe")) for name in NAMES])
    bare = replace(
        take.detections,
        keypoint_names=tuple(np.array(NAMES)[no_feet].tolist()),
        pixels=take.detections.pixels[:, :, :, no_feet],
        confidence=take.detections.confidence[:, :, :, no_feet],
    )
    with pytest.raises(ReconstructionError, match="heels and toes standing still"):
        refine_rig(displaced(true, 48), [PeopleTake("bare", bare)], floor="feet")


def test_same_digits_each_time() -> None:
    true = rig(3, 49)
    old = displaced(true, 49)
    first, second = (refine_rig(old, [seen_by(true, noise_px=3.0)]) for _ in range(2))
    np.testing.assert_array_equal(first.calibration.vectors(), second.calibration.vectors())
    assert first.after == second.after


def test_long_takes_are_sampled_evenly_in_runs() -> None:
    detections = seen_by(rig(3, 50), noise_px=3.0).detections
    many = replace(
        detections,
        pixels=np.tile(detections.pixels, (1, 20, 1, 1, 1)),
        times_s=np.zeros((0, 0)),
        confidence=np.tile(detections.confidence, (1, 20, 1, 1)),
        boxes=np.tile(detections.boxes, (1, 20, 1, 1)),
        view_ids=np.tile(detections.view_ids, (1, 20, 1)),
    )
    for takes in (1, 2):
        runs = chosen_runs([PeopleTake(str(k), many) for k in range(takes)])
        assert sum(len(run.half) for run in runs) == MAX_FRAMES
        # Halves alternate by runs: neighbouring frames are never on both sides.
        assert all(len(set(run.half.tolist())) == 1 for run in runs)
        assert np.mean(np.concatenate([run.half for run in runs])) == 0.5
    whole = chosen_runs([PeopleTake("short", detections)])
    assert len(whole) == 1 and whole[0].half.tolist()[:31] == [0] * 15 + [1] * 15 + [0]


def small_scene() -> Bundle:
    true = rig(3, 51)
    points = walker()[::40, 5:13].reshape(-1, 3)
    rng = np.random.default_rng(51)
    pixels = np.swapaxes(true.project(points), 0, 1) + rng.normal(0.0, 6.0, (len(points), 3, 2))
    pixels[3, 1] = np.nan
    lens = np.stack([camera.lens for camera in true.cameras])
    poses = np.stack([camera.camera_from_world for camera in true.cameras])
    return Bundle(lens, poses, points, pixels)


def test_gradients_are_the_derivatives_of_the_cost() -> None:
    scene, scale_px = small_scene(), 4.0
    equations = linearise(scene, scale_px)
    cameras, points = np.zeros((3, 6)), np.zeros_like(scene.points)

    def cost(camera_step: FloatArray, point_step: FloatArray) -> float:
        return cost_of(residuals(moved(scene, camera_step, point_step)), scale_px)

    assert equations.cost == pytest.approx(cost(cameras, points))
    step = 1e-6
    for index in np.ndindex(3, 6):
        cameras[index] = step
        slope = (cost(cameras, points) - cost(-cameras, points)) / (2.0 * step)
        cameras[index] = 0.0
        # Central differences of a cost of 1e3 with slopes of 1e4: rounding 1e-13 * 1e3 / 1e-6.
        assert -2.0 * equations.camera_gradient[index] == pytest.approx(slope, rel=1e-5, abs=1e-2)
    for index in [(0, 0), (3, 1), (7, 2)]:
        points[index] = step
        slope = (cost(cameras, points) - cost(cameras, -points)) / (2.0 * step)
        points[index] = 0.0
        assert -2.0 * equations.point_gradient[index] == pytest.approx(slope, rel=1e-5, abs=1e-2)


def world_motions(poses: FloatArray, size: float) -> FloatArray:
    """Return what seven small motions of the world do to camera poses: (7, camera, 6)."""
    out = np.zeros((7, len(poses), 6))
    for k in range(3):
        for kind in range(2):
            turn, shift = np.zeros((2, 3))
            (turn, shift)[kind][k] = size
            motion = rigid(matrix_from_rotvec(turn), shift)
            for c, pose in enumerate(poses):
                change = pose @ np.linalg.inv(motion) @ np.linalg.inv(pose)
                out[3 * kind + k, c, :3] = rotvec_from_matrix(change[:3, :3])
                out[3 * kind + k, c, 3:] = change[:3, 3]
    out[6, :, 3:] = size * poses[:, :3, 3]
    return out / size


def test_the_seven_motions_of_the_world_stay_free() -> None:
    scene = small_scene()
    equations = linearise(scene, 4.0)
    reduced = reduced_system(equations, 0.0)[0]
    free = world_motions(scene.camera_from_world, 1e-6).reshape(7, -1).T
    # At residuals of 6 px the Gauss-Newton matrix is exactly blind to them; 1e-6 is the size of
    # the difference quotient.
    assert np.abs(reduced @ free).max() < 1e-5 * np.abs(reduced).max()
    values = np.linalg.eigvalsh(reduced)
    assert values[6] < 1e-6 * values[7]
    camera_step, _ = solve_step(equations, 0.0)
    lever = np.tile([4.0] * 3 + [1.0] * 3, 3)
    # The shortest step, turns counted at 4 m, has no part along them.
    along = (lever * free.T) @ (lever * camera_step.ravel())
    assert np.abs(along).max() < 1e-4 * np.linalg.norm(lever * camera_step.ravel()) * lever.max()


def test_anchor_undoes_any_similarity() -> None:
    old = rig(4, 52)
    turn = rigid(matrix_from_rotvec(np.array([0.3, -0.5, 1.2])), np.array([2.0, -1.0, 0.4]))
    back = anchored_to_cameras(old.transformed(turn, 1.3), old)
    np.testing.assert_allclose(back.vectors(), old.vectors(), atol=1e-7)


def test_people_whom_two_of_four_cameras_see_say_nothing() -> None:
    # Two views agree in nearly any rig: somebody at the rim would draw it towards itself.
    pixels = np.full((4, 20, 2, 3, 2), np.nan)
    pixels[:, :, 0] = 100.0
    pixels[:2, :, 1] = 200.0
    names = ("left_hip", "right_hip", "nose")
    tracks = Tracks2D(("a", "b", "c", "d"), names, (4, 7), 30.0, pixels, np.ones(pixels.shape[:-1]))
    assert _well_seen(tracks).person_ids == (4,)
    two = Tracks2D(("a", "b"), names, (4, 7), 30.0, pixels[:2], np.ones((2, 20, 2, 3)))
    assert _well_seen(two).person_ids == (4, 7)
