"""Clocks of cameras started by hand come back from the people they saw."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TypeVar

import numpy as np
import pytest

from mocap.core.camera import Calibration
from mocap.core.clocks import CameraClock, Verdict
from mocap.core.errors import SessionError
from mocap.core.files import replay
from mocap.core.files.replay import FoundParts, Replay
from mocap.core.shapes import FloatArray
from mocap.sync import refine as refining
from mocap.sync.offsets import PairCurves, all_pairs, consistent_offsets, joint_offsets
from mocap.sync.people import PeopleSync, sync_people
from mocap.sync.refine_kernels import OWN, accumulate
from mocap.sync.streams import frozen
from mocap.synthetic.hand_started import HandStarted, hand_started, joined_streams, lagging, script
from mocap.synthetic.rigs import ring

RIG = ring(3, image_size=(1280, 960), jitter=1.0, seed=4, arc_deg=240.0)
STARTS = (1.0, 4.137, 2.411)

T = TypeVar("T")


@pytest.fixture(scope="module")
def acting() -> FloatArray:
    return script("mixed", 24.0, 11)


@pytest.fixture(scope="module")
def take(acting: FloatArray) -> HandStarted:
    rates = (30.0, 30000 / 1001, 60.0)
    return hand_started(acting, RIG, fps=rates, length_s=16.0, start_s=STARTS, lost=0.02, seed=5)


@pytest.fixture(scope="module")
def found(take: HandStarted) -> PeopleSync:
    return sync_people(take.detections, take.calibration)


def error_s(take: HandStarted, clock: CameraClock, camera: int) -> float:
    middle = np.array([clock.middle_s])
    return float(clock.common(middle)[0] - take.common_s(camera, middle)[0])


def test_offsets_of_unequal_rates_and_lost_frames(take: HandStarted, found: PeopleSync) -> None:
    # 2 px of noise at 700 px per metre and hands of 1 m/s: 3 ms an observation. Twelve seconds of
    # 20 keypoints 25 times a second, a third of them moving, leave 0.1 ms; the rig adds its part.
    for camera, clock in enumerate(found.clocks.cameras[1:], start=1):
        assert clock.verdict is Verdict.SURE
        assert abs(error_s(take, clock, camera)) < min(2e-3, 4 * clock.sigma_s)
        assert clock.offset_s == pytest.approx(STARTS[camera] - STARTS[0], abs=2e-3)
    assert found.clocks.cameras[0].verdict is Verdict.REFERENCE and found.absent() == []


def test_drift_is_found_over_a_long_take(acting: FloatArray) -> None:
    take = hand_started(acting, RIG, length_s=20.0, start_s=(1, 2, 3), drift_ppm=300.0, seed=8)
    heard: dict[str, tuple[int, int]] = {}
    found = sync_people(
        take.detections, take.calibration,
        told=lambda what, done, total: heard.update({what: (done, total)}),
    )  # fmt: skip
    cameras = len(RIG.names)
    pairs = cameras * (cameras - 1) // 2
    assert heard["pairs of cameras"] == (pairs, pairs) and heard["cameras"] == (cameras, cameras)
    assert heard["rounds"][0] > 0
    true = 1e6 * ((1 + take.drift) / (1 + take.drift[0]) - 1)
    applied = [c for c, clock in enumerate(found.clocks.cameras) if clock.drift_ppm != 0.0]
    assert applied, "one of the cameras drifts by hundreds of ppm: 6 ms over the take"
    for camera in applied:
        clock = found.clocks.cameras[camera]
        # The prior of 150 ppm pulls a larger drift by a part of its sigma.
        assert clock.drift_ppm == pytest.approx(true[camera], abs=5 * clock.sigma_drift_ppm)
        assert clock.sigma_drift_ppm < 100.0


def test_a_rig_a_little_off_is_not_taken_for_lateness(take: HandStarted) -> None:
    bent = take.calibration.cameras[1].camera_from_world.copy()
    turn = np.deg2rad(0.3)
    bent[:3] = (
        np.array([[np.cos(turn), 0, np.sin(turn)], [0, 1, 0], [-np.sin(turn), 0, np.cos(turn)]])
        @ bent[:3]
    )
    cameras = list(take.calibration.cameras)
    cameras[1] = replace(cameras[1], camera_from_world=bent)
    found = sync_people(take.detections, Calibration(tuple(cameras)))
    clock = found.clocks.cameras[1]
    assert abs(error_s(take, clock, 1)) < max(2e-3, 3 * clock.sigma_s)
    assert found.refined is not None and found.refined.turned_deg[1] > 0.1


def test_habits_of_a_detector_are_in_the_sigma(
    acting: FloatArray, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each keypoint of each camera is seen late by its own time: time alone does not show it."""
    take = hand_started(
        acting, RIG, fps=30.0, length_s=8.0, start_s=(1.0, 1.4, 1.9), missing=0.0, outliers=0.0,
        noise_px=0.5, seed=2,
    )  # fmt: skip
    seen = lagging(take.detections, 0.005, seed=8)
    found = sync_people(seen, take.calibration).clocks.cameras[1:]
    monkeypatch.setattr(refining, "KEYPOINT_BLOCKS", 1)
    time_alone = sync_people(seen, take.calibration).clocks.cameras[1:]
    error, sigma, too_small = (
        np.array([error_s(take, clock, c) for c, clock in enumerate(found, start=1)]),
        *(np.array([each.sigma_s for each in clocks]) for clocks in (found, time_alone)),
    )
    # Some ten keypoints move, late by 5 ms each: their mean is 1.6 ms off, between two cameras 2.
    assert 0.5e-3 < np.abs(error).max() < 6e-3
    assert (np.abs(error) < 3.0 * sigma).all()
    assert (sigma > 1.5 * too_small).all()


def test_nobody_moving_is_refused_and_nothing_is_claimed() -> None:
    still = script("still", 16.0, 3)
    take = hand_started(still, RIG, length_s=12.0, start_s=(1.0, 2.0, 1.5), seed=2)
    found = sync_people(take.detections, take.calibration)
    assert all(clock.verdict is not Verdict.SURE for clock in found.clocks.cameras)
    refused = [c for c in found.clocks.cameras if c.verdict is Verdict.REFUSED]
    assert refused and all(c.offset_s == 0.0 and c.method == "recorded" for c in refused)


def test_a_camera_of_another_time_is_named(acting: FloatArray) -> None:
    early = hand_started(acting, RIG, length_s=8.0, start_s=(1.0, 2.0, 1.5), seed=2)
    late = hand_started(acting, RIG, length_s=8.0, start_s=(1.0, 2.0, 15.5), seed=2)
    mixed = replace(
        early.detections,
        pixels=np.concatenate([early.detections.pixels[:2], late.detections.pixels[2:]]),
    )
    found = sync_people(mixed, RIG)
    assert found.clocks["cam3"].verdict is not Verdict.SURE
    assert found.clocks["cam2"].verdict is not Verdict.REFUSED
    assert found.clocks["cam2"].offset_s == pytest.approx(1.0, abs=4e-3)


def test_two_people_in_slots_that_change(acting: FloatArray, take: HandStarted) -> None:
    other = script("walk", 24.0, 5) + np.array([0.8, 0.9, 0.0])
    second = hand_started(other, RIG, fps=(30.0, 30000 / 1001, 60.0), length_s=16.0,
                          start_s=STARTS, lost=0.02, seed=5)  # fmt: skip
    rng = np.random.default_rng(1)
    times, pixels = [], []
    for c in range(3):
        real = np.isfinite(take.detections.times_s[c])
        both = np.concatenate(
            [take.detections.pixels[c, real], second.detections.pixels[c, real]], axis=1
        )
        flip = rng.random(len(both)) < 0.5
        both[flip] = both[flip][:, ::-1]
        times.append(take.detections.times_s[c, real])
        pixels.append(both)
    found = sync_people(joined_streams(RIG.names, times, pixels, 30.0), RIG)
    for camera, clock in enumerate(found.clocks.cameras[1:], start=1):
        assert clock.verdict is Verdict.SURE
        assert abs(error_s(take, clock, camera)) < max(3e-3, 4 * clock.sigma_s)


def test_wrong_pairs_do_not_move_consistent_offsets() -> None:
    true = np.array([0.0, 1.5, -0.7, 3.2])
    lags = {(i, j): (float(true[j] - true[i]), 1e-3) for i, j in all_pairs(4)}
    lags[1, 2] = (9.0, 1e-3)
    offsets, residuals = consistent_offsets(lags, 4)
    np.testing.assert_allclose(offsets, true, atol=1e-3)
    assert abs(residuals[1, 2]) > 10 and max(abs(residuals[p]) for p in lags if p != (1, 2)) < 2e-3
    alone, _ = consistent_offsets({(0, 1): (1.5, 1e-3)}, 3)
    assert alone[1] == pytest.approx(1.5) and np.isnan(alone[2])


def test_joint_offsets_overrule_a_false_peak() -> None:
    grid: FloatArray = np.arange(-100.0, 101.0) * 0.04
    true = np.array([0.0, 1.2, -0.8])
    curves = {}
    for i, j in all_pairs(3):
        curves[i, j] = np.exp(-0.5 * ((grid - (true[j] - true[i])) / 0.08) ** 2)
    curves[0, 1] += 1.2 * np.exp(-0.5 * ((grid + 2.0) / 0.08) ** 2)
    np.testing.assert_allclose(joint_offsets(PairCurves(curves, grid, 3)), true, atol=0.041)


def test_normal_equations_are_the_derivatives(acting: FloatArray) -> None:
    """Gradient of half the squared residuals against central differences, points fixed by many
    cameras: eliminating a point takes from the gradient what moving the point would gain."""
    rig = ring(4, image_size=(1280, 960), seed=1)
    rng = np.random.default_rng(0)
    points = rng.uniform([-0.5, -0.5, 0.5], [0.5, 0.5, 1.5], (6, 3))
    velocity = rng.normal(0.0, 1.0, (6, 3))
    since = rng.normal(0.0, 1.0, (6, 4))
    pixels = np.moveaxis(rig.project(points), 0, 1) + rng.normal(0.0, 0.5, (6, 4, 2))
    unknowns = OWN * 4

    def moved(x: FloatArray) -> FloatArray:
        """Return the pixels (point, camera, 2) that unknowns x predict."""
        from mocap.core.rotation import matrix_from_rotvec
        from mocap.core.transform import rigid

        out = np.zeros((6, 4, 2))
        for c, camera in enumerate(rig.cameras):
            own = x[8 + 6 * c : 14 + 6 * c]
            step = rigid(matrix_from_rotvec(own[:3]), own[3:])
            turned = replace(camera, camera_from_world=step @ camera.camera_from_world)
            out[:, c] = turned.project(points + velocity * (x[c] + x[4 + c] * since[:, c])[:, None])
        return out

    h, g = np.zeros((1, unknowns, unknowns)), np.zeros((1, unknowns))
    poses = np.stack([c.camera_from_world[:3] for c in rig.cameras])
    block = np.zeros(6, dtype=np.int64)
    accumulate(poses, rig.vectors(), pixels, points, velocity, since, 1e6, block, h, g,
               np.zeros((6, 4)))  # fmt: skip
    jacobian = np.stack(
        [(moved(step) - moved(-step)) / 2e-6 for step in 1e-6 * np.eye(unknowns)],
        axis=-1,
    )
    point_jacobian = np.stack(
        [
            (np.moveaxis(rig.project(points + s) - rig.project(points - s), 0, 1)) / 2e-6
            for s in 1e-6 * np.eye(3)
        ],
        axis=-1,
    )
    residual = pixels - moved(np.zeros(unknowns))
    want_h, want_g = np.zeros((unknowns, unknowns)), np.zeros(unknowns)
    for n in range(6):
        a, p, r = jacobian[n].reshape(8, -1), point_jacobian[n].reshape(8, 3), residual[n].ravel()
        rest = np.eye(8) - p @ np.linalg.solve(p.T @ p, p.T)
        want_h += a.T @ rest @ a
        want_g += a.T @ rest @ r
    # Central differences of a smooth function: relative 1e-8 of the largest entry, and rounding.
    np.testing.assert_allclose(h[0], want_h, atol=1e-6 * np.abs(want_h).max())
    np.testing.assert_allclose(g[0], want_g, atol=1e-6 * np.abs(want_g).max())


def test_stills_that_fill_a_video_up_are_no_evidence(take: HandStarted) -> None:
    pixels = take.detections.pixels[0, :40]
    held = np.concatenate([np.repeat(pixels[:1], 30, axis=0), pixels])
    # The image itself is one; its 29 repetitions and, in the recording, its own place are none.
    np.testing.assert_array_equal(np.flatnonzero(frozen(held)), np.arange(1, 31))
    assert not frozen(np.repeat(pixels, 2, axis=0)).any(), "images doubled to reach a rate"


def test_a_search_that_was_broken_off_goes_on_to_the_same_bytes(
    take: HandStarted, found: PeopleSync, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(replay, "KEEP_EVERY_S", 0.0)
    kept: list[FoundParts] = []
    made = 0

    def search(most: int) -> PeopleSync:
        nonlocal made
        made, remembered = 0, Replay(kept, kept.append)

        def counted(make: Callable[[], T]) -> T:
            def once() -> T:
                nonlocal made
                made += 1
                if made > most:
                    raise SessionError("killed")
                return make()

            return remembered(once)

        return sync_people(take.detections, take.calibration, remember=counted)

    done = 0
    for most in (2, 5, 40):
        with pytest.raises(SessionError, match="killed"):
            search(most)
        done += most
        assert len(kept) == done  # in pairs, in the refinement, and among the rivals
    again = search(10**6)
    assert made > 0 and len(kept) == done + made
    assert again.clocks == found.clocks
    for one, other in ((again.curves, found.curves), (again.lags_s, found.lags_s)):
        assert one.tobytes() == other.tobytes()
    search(0)  # all of it is known
    assert Replay([FoundParts.of(1, [1.0])], kept.append)(lambda: 2.0) == 2.0  # one is missing
