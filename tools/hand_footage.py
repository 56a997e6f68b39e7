"""Hands of rendered people as a detector's hand network sees them: crops, not whole images.

A hand of 120 px in an image of a whole person needs five million pixels, of which the network gets
a hundredth. Here a camera is cut to the neighbourhood of each hand, frame by frame; the arms that
say where to look lie where the body's detector puts them.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from mocap.body.landmarks import BoundLandmarks, bind_landmarks, offsets_of
from mocap.body.model import load_free_body
from mocap.core.camera import Calibration, Camera
from mocap.core.detections import Tracks2D
from mocap.core.keypoints import COCO_17, HANDS_42
from mocap.core.points import Points3D
from mocap.core.shapes import Array, FloatArray
from mocap.detect.hands import HandFinder
from mocap.detect.people import Detection
from mocap.reconstruct.triangulate import triangulate
from mocap.synthetic.footage.person_footage import Clothes, clothed_meshes
from mocap.synthetic.footage.puppet import SyntheticMotion
from mocap.synthetic.footage.render import STUDIO_LIGHT, Mesh, Renderer
from mocap.synthetic.scene import Room, SensorNoise, room_image

# Holds the first square of a hand of 120 px wherever the wrist is thought to be.
CROP_PX = 600
ARM_DETECTOR = "movenet_blazepose"
CONFIDENCE = 0.8


def seen_hands(
    finder: HandFinder, rig: Calibration, motion: SyntheticMotion, clothes: Clothes, seed: int
) -> Points3D:
    """Return the hands (frame, 1, 42) of a motion, found in crops of rendered images and
    triangulated; single images, so nothing is tracked or smoothed."""
    arms = arm_pixels(rig, motion, seed)
    wrists = [COCO_17.index(f"{side}_wrist") for side in ("left", "right")]
    frames, half = len(motion.transl), len(HANDS_42.keypoint_names) // 2
    pixels = np.full((len(rig.cameras), frames, 1, 2 * half, 2), np.nan)
    confidence = np.zeros(pixels.shape[:-1])
    size = (CROP_PX, CROP_PX)
    noise = SensorNoise(size, seed)
    rooms = [
        room_image(Room(center_m=(0.0, 0.0)), cut(camera, np.array(camera.image_size) / 2))
        for camera in rig.cameras
    ]
    body = load_free_body()
    meshes = clothed_meshes(body, motion.rotations, motion.transl, motion.betas, clothes)
    with Renderer(size) as renderer:
        for frame, mesh in enumerate(meshes):
            for c, camera in enumerate(rig.cameras):
                for side, wrist in enumerate(wrists):
                    crop = cut(camera, arms[c, frame, wrist])
                    image = noise.expose(drawn(renderer, crop, mesh, rooms[c]))
                    corner = camera.camera_matrix[:2, 2] - crop.camera_matrix[:2, 2]
                    found, sure = finder(image, person(arms[c, frame] - corner))
                    part = slice(side * half, (side + 1) * half)
                    pixels[c, frame, 0, part] = found[part] + corner
                    confidence[c, frame, 0, part] = sure[part]
    tracks = Tracks2D(rig.names, HANDS_42.keypoint_names, (0,), 1.0, pixels, confidence)
    return triangulate(tracks, rig)


def arm_pixels(rig: Calibration, motion: SyntheticMotion, seed: int) -> FloatArray:
    """Return COCO's keypoints (camera, frame, 17, 2) where the body's detector puts them."""
    rng = np.random.default_rng(seed)
    body, offsets = load_free_body(), offsets_of(ARM_DETECTOR)
    landmarks = bind_landmarks(body, COCO_17.keypoint_names, offsets)
    positions, turns = body.forward_kinematics(motion.rotations, motion.betas, motion.transl)
    joints = body.joints(motion.betas)
    there = np.stack(
        [
            true_landmark(landmarks, k, joints, positions, turns, motion.betas)
            for k in range(len(landmarks.names))
        ],
        axis=1,
    )
    seen = np.full((len(rig.cameras), len(there), len(COCO_17.keypoint_names), 2), np.nan)
    for c, camera in enumerate(rig.cameras):
        off = rng.normal(0.0, 1.0, there.shape) * landmarks.sigma_m[:, None]
        flat = camera.project((there + off).reshape(-1, 3))
        seen[c][:, landmarks.keypoints] = flat.reshape(*there.shape[:2], 2)
    return seen


def true_landmark(
    landmarks: BoundLandmarks,
    index: int,
    joints: FloatArray,
    positions: FloatArray,
    turns: FloatArray,
    betas: Array,
) -> FloatArray:
    """Return a landmark's true positions (frame, 3).

    Args:
        landmarks: of the body.
        index: of the landmark.
        joints: (joint, 3) of the shape in the zero pose.
        positions, turns: (frame, joint, 3) and (frame, joint, 3, 3) of the motion.
        betas: the shape.
    """
    truth = np.zeros((len(positions), 3))
    for piece in range(landmarks.start[index], landmarks.start[index + 1]):
        joint = landmarks.joint[piece]
        local = landmarks.rest[piece] + landmarks.rest_by_beta[piece] @ betas - joints[joint]
        truth += landmarks.weight[piece] * (positions[:, joint] + turns[:, joint] @ local)
    return truth


def cut(camera: Camera, middle: FloatArray) -> Camera:
    """Return the camera that sees the square around a pixel (2,) of another one alone."""
    corner = np.round(middle) - CROP_PX // 2
    matrix = camera.camera_matrix.copy()
    matrix[:2, 2] -= corner
    return replace(camera, image_size=(CROP_PX, CROP_PX), camera_matrix=matrix)


def drawn(renderer: Renderer, camera: Camera, mesh: Mesh, room: Array) -> Array:
    """Return the image (h, w, 3) float32 of a person before a wall."""
    image = room.copy()
    person_drawn = renderer.draw_mesh(camera, mesh, STUDIO_LIGHT)
    if person_drawn is not None:
        person_drawn.over(image)
    return image


def person(pixels: FloatArray) -> Detection:
    """Return somebody with these keypoints (17, 2)."""
    confidence = np.where(np.isfinite(pixels[:, 0]), CONFIDENCE, 0.0)
    return Detection(pixels, confidence, np.array([0.0, 0.0, CROP_PX, CROP_PX]))
