from __future__ import annotations

import numpy as np
import pytest

from mocap.core.keypoints import COCO_17
from mocap.synthetic.motion.chain import articulated_chain, stick_person
from mocap.synthetic.observations import OUTLIER_MIN_PX, observe_people, observe_points
from mocap.synthetic.rigs import ring

RIG = ring(4, image_size=(1280, 960))
CHAIN = articulated_chain(200, 30)


@pytest.mark.parametrize("keypoints", [1, 26, 133])
def test_bones_of_the_chain_are_rigid(keypoints: int) -> None:
    chain = articulated_chain(50, keypoints)
    assert chain.xyz.shape == (50, keypoints, 3)
    assert len(chain.bones) == keypoints - 1
    for a, b in chain.bones:
        i, j = chain.keypoint_names.index(a), chain.keypoint_names.index(b)
        length = np.linalg.norm(chain.xyz[:, i] - chain.xyz[:, j], axis=1)
        assert np.ptp(length) < 1e-9


def test_chain_moves_like_brisk_exercise() -> None:
    acceleration = np.diff(articulated_chain(1000, 26).xyz, n=2, axis=0) * 60.0**2
    rms = np.sqrt(np.mean(np.sum(acceleration**2, axis=-1)))
    assert 10.0 < rms < 30.0


def test_chain_is_reproducible() -> None:
    np.testing.assert_array_equal(articulated_chain(9).xyz, articulated_chain(9).xyz)
    assert np.abs(articulated_chain(9).xyz - articulated_chain(9, seed=22).xyz).max() > 0.01


def test_stick_person_has_rigid_bones_and_stands_on_the_floor() -> None:
    person = stick_person(60, speed_m_s=1.2, heading_deg=90.0, position_m=(1.0, -2.0))
    assert person.keypoint_names == COCO_17.keypoint_names
    for a, b in COCO_17.bone_indices():
        assert np.ptp(np.linalg.norm(person.xyz[:, a] - person.xyz[:, b], axis=1)) < 1e-9
    assert 0.0 < person.xyz[..., 2].min() < 0.2
    # One second of walking along +y.
    np.testing.assert_allclose(
        person.xyz[-1, 0] - person.xyz[0, 0], [0, 1.2 * 59 / 60, 0], atol=1e-9
    )


def test_observations_have_the_noise_outliers_and_gaps_asked_for() -> None:
    xyz = CHAIN.xyz[:, None]
    tracks = observe_points(
        RIG, xyz, CHAIN.keypoint_names, noise_px=2.0, outliers=0.1, missing=0.2, seed=1
    )
    truth = RIG.project(xyz)
    error = tracks.pixels - truth
    seen = ~np.isnan(error[..., 0])
    distance = np.linalg.norm(error, axis=-1)
    wrong = seen & (distance > OUTLIER_MIN_PX - 8.0)
    inside = np.all((truth > -0.5) & (truth < np.array([1279.5, 959.5])), axis=-1)
    # 24 000 observations: shares are known to half a percent, bursts overlap a little.
    assert seen.sum() / inside.sum() == pytest.approx(0.8, abs=0.02)
    assert wrong.sum() / seen.sum() == pytest.approx(0.1, abs=0.015)
    assert np.std(error[seen & ~wrong]) == pytest.approx(2.0, rel=0.03)
    assert (tracks.confidence[~seen] == 0.0).all()
    assert tracks.confidence[wrong].mean() < tracks.confidence[seen & ~wrong].mean() - 0.1


def test_half_of_the_outliers_last_ten_frames() -> None:
    xyz = CHAIN.xyz[:, None]
    tracks = observe_points(RIG, xyz, CHAIN.keypoint_names, noise_px=0.0, outliers=0.1, seed=1)
    wrong = np.linalg.norm(tracks.pixels - RIG.project(xyz), axis=-1) > 1.0
    followed = wrong[:, 1:] & wrong[:, :-1]
    # A burst of ten has nine followers; single outliers are followed by chance (10 %) only.
    assert 0.35 < followed.sum() / wrong.sum() < 0.65


def test_people_are_shuffled_and_boxed() -> None:
    xyz = np.stack([stick_person(20, position_m=(x, 0.0)).xyz for x in (-0.8, 0.0, 0.8)], axis=1)
    detections = observe_people(RIG, xyz, COCO_17.keypoint_names, noise_px=0.0, seed=2)
    truth = RIG.project(xyz)
    distance = np.linalg.norm(detections.pixels[:, :, :, None] - truth[:, :, None], axis=-1)
    who = np.nanmedian(distance, axis=-1).argmin(axis=-1)
    assert (np.sort(who, axis=-1) == [0, 1, 2]).all()
    assert len(np.unique(who.reshape(-1, 3), axis=0)) == 6
    low, high = detections.boxes[..., None, :2], detections.boxes[..., None, 2:]
    seen = ~np.isnan(detections.pixels[..., 0])
    inside = np.all((detections.pixels >= low) & (detections.pixels <= high), axis=-1)
    assert inside[seen].all()
