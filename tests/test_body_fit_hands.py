"""Body and fingers together on the images: wrong views, fingers that one camera sees, windows."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from finger_joints import in_hand

from mocap.body.body_skeleton import skeleton_of
from mocap.body.fit.fit import fit
from mocap.body.fit.hands import hand_keypoints, relaxed_fingers, seen_fingers
from mocap.body.fit.views import CameraTracks
from mocap.body.fit.windows import MARGIN_FRAMES, WINDOW_FRAMES, window_frames, windows
from mocap.body.landmarks import Offsets
from mocap.body.model import BodyModel, load_free_body
from mocap.core.body_motion import BodyMotion
from mocap.core.detections import Tracks2D
from mocap.core.rotation import matrix_from_rotvec
from mocap.core.shapes import FloatArray
from mocap.reconstruct.triangulate import triangulate
from mocap.synthetic.footage.puppet import SyntheticMotion
from mocap.synthetic.motion.random_motion import (
    BODY_AND_HANDS_63,
    random_motion,
    true_points,
)
from mocap.synthetic.observations import observe_points
from mocap.synthetic.rigs import ring

FRAMES, FPS = 24, 30.0
# Hands 120 px long in images of five million pixels.
RIG = ring(4, focal_px=2500.0, image_size=(2526, 1894), jitter=1.0, seed=5)


@pytest.fixture(scope="module")
def body() -> BodyModel:
    return load_free_body()


@pytest.fixture(scope="module")
def truth() -> SyntheticMotion:
    return random_motion(FRAMES, FPS, seed=9301, hands=True)


@pytest.fixture(scope="module")
def tracks(truth: SyntheticMotion) -> Tracks2D:
    xyz = true_points(truth, BODY_AND_HANDS_63)[:, None]
    return observe_points(RIG, xyz, BODY_AND_HANDS_63, fps=FPS, noise_px=3.0, seed=6)


def error_mm(body: BodyModel, found: BodyMotion, truth: SyntheticMotion) -> FloatArray:
    """Return mean errors (frame, 2) of both hands in the frames of their wrists."""
    here = in_hand(body, *skeleton_of(found, body).forward_kinematics())
    there = in_hand(body, *truth.skeleton.forward_kinematics())
    return np.asarray(1000.0 * np.linalg.norm(here - there, axis=-1).mean(axis=-1))


def fitted(body: BodyModel, tracks: Tracks2D, *, views: bool) -> BodyMotion:
    exact = Offsets(sigma_m=dict.fromkeys(BODY_AND_HANDS_63, 0.002))
    seen = CameraTracks(tracks, RIG) if views else None
    return fit(triangulate(tracks, RIG), body, offsets=exact, views=seen).motion


def test_hands_that_a_view_has_wrong_hardly_matter(
    body: BodyModel, truth: SyntheticMotion, tracks: Tracks2D
) -> None:
    # A network that errs does so with the whole hand: in a quarter of the images by a finger.
    rng = np.random.default_rng(4)
    pixels = np.array(tracks.pixels)
    hands = [
        k for k, name in enumerate(BODY_AND_HANDS_63) if name.count("_") == 2 and "toe" not in name
    ]
    wrong = rng.random(pixels.shape[:2]) < 0.25
    off = np.where(wrong[..., None], rng.normal(0.0, 20.0, (*wrong.shape, 2)), 0.0)
    pixels[:, :, 0, hands] += off[:, :, None]
    poor = replace(tracks, pixels=pixels)
    found, clean = (
        error_mm(body, fitted(body, each, views=True), truth).mean() for each in (poor, tracks)
    )
    # 3 px are 5 mm in space; 20 px that counted as much as they are off would add 8 mm.
    assert clean < 5.0 and found < clean + 1.0


def test_fingers_that_one_camera_sees_are_bent_as_it_sees_them(
    body: BodyModel, truth: SyntheticMotion, tracks: Tracks2D
) -> None:
    hidden = [BODY_AND_HANDS_63.index(name) for name in hand_keypoints(BODY_AND_HANDS_63)]
    when = slice(8, 16)
    confidence, pixels = np.array(tracks.confidence), np.array(tracks.pixels)
    for camera in (1, 2, 3):
        confidence[camera, when, 0, hidden], pixels[camera, when, 0, hidden] = 0.0, np.nan
    poor = replace(tracks, confidence=confidence, pixels=pixels)
    points, views = (
        error_mm(body, fitted(body, poor, views=v), truth)[when] for v in (False, True)
    )
    assert views.mean() < 0.8 * points.mean()


def test_a_hand_that_nobody_ever_saw_is_relaxed(
    body: BodyModel, truth: SyntheticMotion, tracks: Tracks2D
) -> None:
    left = [k for k, name in enumerate(BODY_AND_HANDS_63) if name in hand_keypoints((name,))]
    left = [k for k in left if BODY_AND_HANDS_63[k].startswith("left_")]
    confidence, pixels = np.array(tracks.confidence), np.array(tracks.pixels)
    confidence[..., left], pixels[..., left, :] = 0.0, np.nan
    poor = replace(tracks, confidence=confidence, pixels=pixels)
    assert {name.split("_")[0] for name in seen_fingers(triangulate(poor, RIG), 0)} == {"right"}
    found = fitted(body, poor, views=True)
    joint = body.joint("left_middle2")
    turns = matrix_from_rotvec(found.rotation_vectors()[:, joint])
    relaxed = np.tile(relaxed_fingers(body)[joint], (FRAMES, 1, 1))
    np.testing.assert_allclose(turns, relaxed, atol=1e-6)
    assert not found.observable[joint]


def test_windows_of_a_body_with_fingers_are_shorter() -> None:
    assert window_frames(53) == WINDOW_FRAMES
    assert 3 * MARGIN_FRAMES < window_frames(149) < WINDOW_FRAMES
    assert len(windows(WINDOW_FRAMES)) == 1 and len(windows(WINDOW_FRAMES, 149)) > 1
