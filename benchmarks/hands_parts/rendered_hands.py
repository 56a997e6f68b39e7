"""Hands of rendered people: detected, triangulated, smoothed and fitted, against the truth."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mocap.body.body_skeleton import skeleton_of
from mocap.body.fit.fit import fit
from mocap.body.fit.views import CameraTracks
from mocap.body.landmarks import offsets_of
from mocap.body.model import BodyModel, load_free_body
from mocap.core.camera import Calibration
from mocap.core.detections import Tracks2D
from mocap.core.keypoints import COCO_17_FEET
from mocap.core.shapes import Array, FloatArray
from mocap.detect.detect import Detector, detect, join_cameras
from mocap.detect.detectors import open_detector
from mocap.reconstruct.smooth import smooth
from mocap.reconstruct.triangulate import triangulate
from mocap.synthetic.footage.person_footage import person_frames
from mocap.synthetic.footage.puppet import SyntheticMotion
from mocap.synthetic.motion.random_motion import random_motion
from mocap.synthetic.observations import surest_person
from mocap.synthetic.rigs import ring
from mocap.synthetic.scene import Room

FRAMES, FPS, CAMERAS = 30, 30.0, 4
RADIUS_M, HAND_M = 4.0, 0.19
BODY = len(COCO_17_FEET.keypoint_names)
FINGERS = ("thumb", "index", "middle", "ring", "pinky")


@dataclass(frozen=True)
class RenderedHands:
    """Errors of the finger joints of one motion.

    Attributes:
        detected_mm, relaxed_mm: mean distance to the true joints in the world.
        detected_in_hand_mm, relaxed_in_hand_mm: the same in the frame of the wrist.
        seen_in_hand_mm: of detected ones, where two cameras or more see the hand.
        found_share: of hands in images.
    """

    detected_mm: float
    relaxed_mm: float
    detected_in_hand_mm: float
    relaxed_in_hand_mm: float
    seen_in_hand_mm: float
    found_share: float


def rendered_hands(size_px: int, seed: int) -> RenderedHands:
    """Return the errors for hands of about this size."""
    body = load_free_body()
    focal = size_px * RADIUS_M / HAND_M
    width = int(focal)
    rig = ring(
        CAMERAS,
        radius_m=RADIUS_M,
        focal_px=focal,
        image_size=(width, width * 3 // 4),
        jitter=1.0,
        seed=seed,
    )
    motion = random_motion(FRAMES, FPS, seed=seed, hands=True)
    tracks = seen(open_detector("movenet", hands=True, workers=2), rig, motion)
    fitted = finger_joints(body, tracks, rig)
    relaxed = finger_joints(body, body_only(tracks), rig)
    real = in_world_and_hand(body, *motion.skeleton.forward_kinematics())
    hands = np.asarray(tracks.confidence)[:, :, 0, BODY:].reshape(CAMERAS, FRAMES, 2, -1)
    seen_by_two = np.repeat((hands > 0).any(axis=-1).sum(axis=0) >= 2, 3 * len(FINGERS), axis=1)
    return RenderedHands(
        detected_mm=mean_mm(fitted[0] - real[0]),
        relaxed_mm=mean_mm(relaxed[0] - real[0]),
        detected_in_hand_mm=mean_mm(fitted[1] - real[1]),
        relaxed_in_hand_mm=mean_mm(relaxed[1] - real[1]),
        seen_in_hand_mm=mean_mm((fitted[1] - real[1])[seen_by_two]),
        found_share=float((hands > 0).any(axis=-1).mean()),
    )


def mean_mm(away_m: FloatArray) -> float:
    """Return the mean length (mm) of distances (..., 3) in metres."""
    return 1000.0 * float(np.linalg.norm(away_m, axis=-1).mean())


def seen(detector: Detector, rig: Calibration, motion: SyntheticMotion) -> Tracks2D:
    """Render a person and return what the detector finds of them."""
    images: dict[str, list[tuple[int, Array]]] = {name: [] for name in rig.names}
    for frame, camera, image in person_frames(
        rig,
        load_free_body(),
        motion.rotations,
        motion.transl,
        motion.betas,
        Room(center_m=(0.0, 0.0)),
    ):
        images[camera].append((frame, image))
    parts = [
        detect(each, detector, camera=camera, fps=FPS, workers=2) for camera, each in images.items()
    ]
    return surest_person(join_cameras(parts))


def body_only(tracks: Tracks2D) -> Tracks2D:
    """Return tracks without hands."""
    return Tracks2D(
        tracks.camera_names,
        tracks.keypoint_names[:BODY],
        tracks.person_ids,
        tracks.fps,
        tracks.pixels[..., :BODY, :],
        tracks.confidence[..., :BODY],
    )


def finger_joints(
    body: BodyModel, tracks: Tracks2D, rig: Calibration
) -> tuple[FloatArray, FloatArray]:
    """Return finger joints of the fitted body as `in_world_and_hand` does."""
    points = smooth(triangulate(tracks, rig), tracks, rig)
    offsets = offsets_of("movenet_blazepose+mediapipe_hands")
    motion = fit(points, body, offsets=offsets, views=CameraTracks(tracks, rig)).motion
    return in_world_and_hand(body, *skeleton_of(motion, body).forward_kinematics())


def in_world_and_hand(
    body: BodyModel, positions: FloatArray, turns: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Return finger joints (frame, 30, 3) as they are and in the frames of their wrists."""
    world, hand = [], []
    for side in ("left", "right"):
        wrist = body.joint(f"{side}_wrist")
        joints = [body.joint(f"{side}_{each}{k}") for each in FINGERS for k in (1, 2, 3)]
        arm = positions[:, joints] - positions[:, [wrist]]
        world.append(positions[:, joints])
        hand.append(np.einsum("fba,fjb->fja", turns[:, wrist], arm))
    return np.concatenate(world, axis=1), np.concatenate(hand, axis=1)
