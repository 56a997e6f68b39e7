"""Everybody in the take: identities over time, choice, edits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from scipy.optimize import linear_sum_assignment

from mocap.capture.edits_file import IdentityEdit, load_identity_edits
from mocap.core.camera import Calibration
from mocap.core.errors import InputError, ReconstructionError
from mocap.core.keypoints import COCO_17
from mocap.core.shapes import FloatArray
from mocap.reconstruct.associate import AssociationReport, associate_with_report
from mocap.reconstruct.people.assignment_kernels import UNASSIGNED, assign_rows
from mocap.reconstruct.people.following import turns
from mocap.reconstruct.people.instant_kernels import NOBODY
from mocap.reconstruct.people.naming import names_by_height
from mocap.reconstruct.people.scene import Scene
from mocap.reconstruct.people.solving_kernels import depth_sd_m, solve_person
from mocap.reconstruct.people.stitching import size_difference
from mocap.reconstruct.triangulate import triangulate
from mocap.synthetic.crowd import crossing, embrace, standing, walker
from mocap.synthetic.crowd_detector import DetectorFaults, detect_crowd
from mocap.synthetic.identity_score import score_identities
from mocap.synthetic.rigs import ring

FPS = 30.0
LIMBS = ("elbow", "wrist", "knee", "ankle")
MIRROR = np.array(COCO_17.mirror_indices())
NO_FAULTS = DetectorFaults(
    noise_px=0.0, missed=0.0, invented=0.0, ghosts=0, exchanged=0.0, keypoints_missed=0.0,
    occlusion=False,
)  # fmt: skip


def rig(cameras: int, seed: int) -> Calibration:
    return ring(cameras, image_size=(1280, 960), radius_m=4.5, jitter=1.0, seed=seed)


def line(start: tuple[float, float], end: tuple[float, float], frames: int) -> FloatArray:
    return np.linspace(start, end, frames)


def found(
    xyz: FloatArray,
    cameras: int,
    seed: int,
    faults: DetectorFaults | None = None,
    **options: object,
) -> tuple[FloatArray, AssociationReport]:
    """Return triangulated people (frame, person, keypoint, 3) and what was said."""
    calibration = rig(cameras, seed)
    detections, _ = detect_crowd(calibration, xyz, fps=FPS, faults=faults, seed=seed)
    tracks, report = associate_with_report(detections, calibration, **options)  # type: ignore[arg-type]
    return triangulate(tracks, calibration).xyz, report


@pytest.mark.parametrize(
    ("xyz", "cameras", "seed"),
    [(crossing(3, seconds=12.0, seed=4), 6, 4), (embrace(pass_through=True), 4, 7)],
    ids=["crossing", "embrace"],
)
def test_nobody_is_mistaken_for_another(xyz: FloatArray, cameras: int, seed: int) -> None:
    people, report = found(xyz, cameras, seed)
    score = score_identities(people, xyz)
    assert len(report.chosen) == xyz.shape[1]
    assert (score.switches, score.ghosts) == (0, 0.0)
    # Four cameras of which 15 % of the views and 60 % of the hidden are missed leave 7 % of the
    # people with less than two views (measured with known identities); six leave next to none.
    assert score.missed < (0.02 if cameras == 6 else 0.12)
    # 5 px at 4.5 m and 960 px are 23 mm a view; two views at least.
    assert score.median_m < 0.04


def test_the_performer_is_main_and_the_spectator_is_listed() -> None:
    frames = 300
    time_s = np.arange(frames) / FPS
    path = np.stack([0.8 * np.sin(time_s), 0.8 * np.sin(0.7 * time_s)], axis=1)
    near = rig(4, 3).cameras[0].center[:2] * 0.62
    spectator = walker(standing((float(near[0]), float(near[1])), frames), FPS, phase=0.3)
    xyz = np.stack([walker(path, FPS), spectator], axis=1)
    people, report = found(xyz, 4, 3, person="main")
    # Hidden behind the spectator or missed: 6 % of the frames.
    assert score_identities(people, xyz[:, :1]).missed < 0.1
    assert any("person 1 was found too" in sentence for sentence in report.warnings())


def test_three_cameras_never_make_a_mirror_image() -> None:
    xyz = crossing(1, seconds=15.0, seed=41)
    faults = DetectorFaults(exchanged=0.05, invented=0.0, ghosts=0)
    people, _ = found(xyz, 3, 41, faults)
    plain = np.linalg.norm(people[:, 0] - xyz[:, 0], axis=-1)
    turned = np.linalg.norm(people[:, 0] - xyz[:, 0, MIRROR], axis=-1)
    assert not (np.nansum(turned, axis=1) < np.nansum(plain, axis=1)).any()


def test_strangers_at_one_door_stay_two() -> None:
    door, frames, leaves, comes = (2.2, 0.0), 500, 220, 280
    xyz = np.full((frames, 2, 17, 3), np.nan)
    xyz[:leaves, 0] = walker(line((-1.5, -0.5), door, leaves), FPS, height_m=1.8)
    xyz[comes:, 1] = walker(line(door, (-1.5, 0.5), frames - comes), FPS, height_m=1.65)
    people, report = found(xyz, 4, 8)
    assert len(report.people) == 2
    assert score_identities(people, xyz).people == 2


def test_one_who_comes_back_elsewhere_is_the_same_and_it_is_said() -> None:
    xyz = crossing(1, seconds=14.0, seed=9)
    xyz[150:290] = np.nan
    people, report = found(xyz, 4, 9)
    assert people.shape[1] == 1
    assert any("unseen for 4." in note for note in report.people[0].notes)
    assert any("taken for the same" in sentence for sentence in report.warnings())


def test_choice_by_number_name_and_rule() -> None:
    xyz = crossing(2, seconds=6.0, seed=5)
    edits = [IdentityEdit("name", (1,), name="Anna")]
    for choice, ids in (("all", [0, 1]), ("main", [0]), ("Anna", [1]), ("1, 0", [0, 1])):
        _, report = found(xyz, 5, 5, person=choice, edits=edits)
        assert [each.person_id for each in report.chosen] == ids
    with pytest.raises(ReconstructionError, match=r"no person 'Berta'.*1 \(Anna\)"):
        found(xyz, 5, 5, person="Berta", edits=edits)


def seen(
    xyz: FloatArray, edits: Sequence[IdentityEdit] = ()
) -> tuple[FloatArray, AssociationReport]:
    """Return the pixels (frame, person, camera, keypoint, 2) of a take with edits."""
    calibration = rig(5, 6)
    detections, _ = detect_crowd(calibration, xyz, fps=FPS, seed=6)
    tracks, report = associate_with_report(detections, calibration, edits=edits)
    # Limbs are put right with the frames around them, which an edit changes.
    trunk = [k for k, name in enumerate(tracks.keypoint_names) if not name.endswith(LIMBS)]
    return np.moveaxis(tracks.pixels[..., trunk, :], 0, 2), report


def test_edits_swap_split_merge_and_drop() -> None:
    xyz = crossing(2, seconds=6.0, seed=6)
    plain, _ = seen(xyz)
    swapped, _ = seen(xyz, edits=[IdentityEdit("swap", (0, 1), 60, 119)])
    np.testing.assert_array_equal(swapped[:60], plain[:60])
    np.testing.assert_array_equal(swapped[60:120], plain[60:120, ::-1])
    np.testing.assert_array_equal(swapped[120:], plain[120:])
    split = IdentityEdit("split", (0,), 90)
    three, report = seen(xyz, edits=[split])
    assert [each.person_id for each in report.people] == [0, 1, 2]
    np.testing.assert_array_equal(three[90:, 2], plain[90:, 0])
    assert np.isnan(three[90:, 0]).all()
    again, _ = seen(xyz, edits=[split, IdentityEdit("merge", (0, 2))])
    np.testing.assert_array_equal(again, plain)
    one, _ = seen(xyz, edits=[IdentityEdit("drop", (0,))])
    np.testing.assert_array_equal(one[:, 0], plain[:, 1])
    with pytest.raises(ReconstructionError, match=r"entry 1 \(merge 0 and 1\).*two people"):
        seen(xyz, edits=[IdentityEdit("merge", (0, 1))])
    with pytest.raises(ReconstructionError, match=r"there is no person 7; there are 0, 1"):
        seen(xyz, edits=[IdentityEdit("drop", (7,))])
    with pytest.raises(ReconstructionError, match=r"drops everybody"):
        seen(xyz, edits=[IdentityEdit("drop", (0,)), IdentityEdit("drop", (1,))])


def test_edits_file_is_read_strictly(tmp_path) -> None:  # type: ignore[no-untyped-def]
    path = tmp_path / "edits.toml"
    edits = (IdentityEdit("swap", (0, 1), 3, 9), IdentityEdit("name", (0,), name="Anna B."))
    path.write_text("\n".join(edit.as_toml() for edit in edits), encoding="utf-8")
    assert load_identity_edits(path) == edits
    for wrong, message in (
        ('do = "kill"\npeople = [0]', "must be one of swap"),
        ('do = "swap"\npeople = [0]\nfrom_frame = 1', "takes 2 different person numbers"),
        ('do = "split"\npeople = [0]', "'split' needs 'from_frame'"),
        ('do = "drop"\npeople = [0]\nfrom_frame = 9\nto_frame = 3', "lies before"),
        ('do = "name"\npeople = [0]\nname = "7"', "not a number"),
        ('do = "drop"\npeople = [-1]', "person number"),
    ):
        path.write_text(f"[[identity]]\n{wrong}\n", encoding="utf-8")
        with pytest.raises(InputError, match=message):
            load_identity_edits(path)


def test_assignment_is_the_cheapest() -> None:
    random = np.random.default_rng(2)
    for _ in range(200):
        rows = int(random.integers(1, 8))
        cost = np.round(random.random((rows, rows + int(random.integers(0, 6)))), 1)
        column_of = np.full(rows, UNASSIGNED)
        assign_rows(cost, column_of)
        assert len(set(column_of)) == rows
        best = cost[linear_sum_assignment(cost)].sum()
        assert cost[np.arange(rows), column_of].sum() == pytest.approx(best)


def test_sides_follow_the_majority_of_long_spans_only() -> None:
    votes = np.full(100, 2.0)
    votes[20:25] = -3.0
    votes[60:] = -2.0
    turn = turns(votes, 30.0)
    assert not turn[:60].any()
    assert turn[60:].all()


def test_names_by_height_only_beyond_doubt() -> None:
    subjects = {"Anna": 1.62, "Ben": 1.84}
    assert names_by_height({0: 1.80, 1: 1.63}, subjects) == {0: "Ben", 1: "Anna"}
    assert names_by_height({0: 1.72, 1: 1.73}, subjects) == {}
    assert names_by_height({0: 1.80}, subjects) == {}
    assert names_by_height({0: 2.30, 1: 1.63}, subjects) == {}


def test_size_difference_is_the_ratio_of_bodies() -> None:
    bones = np.array([0.4, 0.42, 0.3, np.nan, 0.25])
    assert size_difference(bones, 1.08 * bones) == pytest.approx(0.08)
    assert np.isnan(size_difference(bones[:2], bones[:2]))


@pytest.mark.parametrize("cameras", [3, 4])
def test_exchanged_legs_of_one_view_are_put_right(cameras: int) -> None:
    xyz = crossing(1, seconds=6.0, seed=12)
    calibration = rig(cameras, 12)
    faults = DetectorFaults(missed=0.0, exchanged=0.0, invented=0.0, ghosts=0, keypoints_missed=0.0)
    detections, _ = detect_crowd(calibration, xyz, fps=FPS, faults=faults, seed=12)
    legs = [
        COCO_17.index(f"{side}_{part}") for part in ("knee", "ankle") for side in ("left", "right")
    ]
    wrong = detections.pixels.copy()
    part = wrong[1, 60:80]
    part[:, :, legs] = part[:, :, MIRROR[legs]]
    straight, _ = associate_with_report(detections, calibration)
    mended, report = associate_with_report(replace(detections, pixels=wrong), calibration)
    same = np.asarray(np.isclose(mended.pixels, straight.pixels) | np.isnan(mended.pixels))
    # Where the legs pass each other nothing tells left from right, and either will do.
    assert np.asarray(same.all(axis=(2, 3, 4)))[1, 60:80].mean() > 0.8
    assert same[[c for c in range(cameras) if c != 1]].all()
    assert report.people[0].limbs_by_camera["cam2"] >= 12
    if cameras == 3:
        assert not any(report.people[0].limbs_left_out_by_camera.values())


def test_two_cameras_that_face_each_other_do_not_tell_how_far_away_somebody_is() -> None:
    calibration = ring(4, image_size=(1280, 960), radius_m=4.5, heights_m=(1.3,))
    xyz = walker(standing((0.1, 0.0), 2), FPS)
    detections, _ = detect_crowd(calibration, xyz[:, None], fps=FPS, faults=NO_FAULTS, seed=1)
    scene = Scene(detections, calibration)
    instants = scene.instants(slice(0, 1))
    rays, confidence = instants.rays[0], instants.confidence[0]
    slot = np.argmax(~np.isnan(instants.tolerance[0]), axis=1)
    tolerance = np.full(4, 0.04)
    across = calibration.cameras[0].center - calibration.cameras[2].center
    along = across / np.linalg.norm(across)
    # Predicted 10 cm nearer to one camera and 10 cm aside.
    aside = np.cross(along, [0.0, 0.0, 1.0])
    predicted = xyz[0] + 0.1 * along + 0.1 * aside
    solved = np.zeros((17, 3))
    for seen, told in (((0, 2), False), ((0, 1), True)):
        members = np.full(4, NOBODY)
        members[list(seen)] = slot[list(seen)]
        swapped = np.zeros(4, dtype=bool)
        solve_person(scene.rig, rays, confidence, members, swapped, predicted, predicted, 1.5,
                     tolerance, solved)  # fmt: skip
        error = np.nanmedian(solved - xyz[0], axis=0)
        # Rays weigh 1 / (0.04 x 4.5 m)² = 31, the prediction 1.5: it draws by a tenth at most
        # where rays tell, and stays where it was where they do not.
        assert abs(error @ aside) < 0.012
        assert (abs(error @ along) < 0.012) == told
        # s / sqrt(1 - |cos a|) with s = 0.04 x 4.5 m / 8 = 2.3 cm across the rays.
        sd_m = depth_sd_m(scene.rig, members, xyz[0], tolerance)
        assert sd_m == pytest.approx(0.023, rel=0.2) if told else sd_m > 0.2
