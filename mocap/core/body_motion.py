"""A person's motion as the pose of a body model, with what is known about its errors."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from mocap.core.rotation import rotvec_from_matrix
from mocap.core.shapes import Array, BoolArray, FloatArray, check_shapes, check_unique, in_parts

BODY_JOINTS = 21
"""Joints of the trunk and the limbs, after the root."""

HAND_JOINTS = 15
"""Three for each finger."""

EYE_JOINTS = 2

BY_FRAME = (
    *("transl", "global_orient", "body_pose", "jaw_pose", "left_hand_pose", "right_hand_pose"),
    *("expression", "fit_error_mm", "rotation_sigma_deg"),
)
"""Fields of a motion that have a row for every frame."""

# Turning matrices into vectors takes several times their own room.
_FRAMES_AT_ONCE = 2048

# Where each part lies in the joint order of SMPL-X: root, body, jaw, eyes, left hand, right hand.
_JAW = 1 + BODY_JOINTS
_LEFT_HAND = _JAW + 1 + EYE_JOINTS
_RIGHT_HAND = _LEFT_HAND + HAND_JOINTS
JOINT_COUNT = _RIGHT_HAND + HAND_JOINTS


@dataclass(frozen=True, eq=False)
class BodyMotion:
    """One person in the SMPL-X parametrisation; rotations are axis-angle vectors in radians.

    The body's own frame is Y up and faces +Z; `global_orient` carries it into the world (Z up).
    The pelvis joint is at (rest pelvis + `transl`), as in SMPL-X: `transl` is not the pelvis.

    Attributes:
        person_id: as in the points it was fitted to.
        model_name, model_hash: which body; a hash of its mesh, joints and shapes.
        joint_names: of all 55 joints, in the model's order.
        fps: frames per second.
        betas: (shape,) shape in standard deviations of the model.
        transl: (frame, 3) metres.
        global_orient: (frame, 3) root rotation.
        body_pose: (frame, 21, 3) trunk and limbs.
        jaw_pose: (frame, 3).
        left_hand_pose, right_hand_pose: (frame, 15, 3).
        expression: (frame, expression) weights; no columns when the face was not fitted.
        flat_hand_mean: True when zero hand rotations mean a flat hand (no mean pose is added).
        fit_error_mm: (frame,) median distance to the keypoints seen; NaN without any.
        rotation_sigma_deg: (frame, joint) standard deviation of the local rotation about its
            worst axis. Joints that were not fitted have that of the prior.
        observable: (joint,) False where the keypoints hardly say how the joint is turned (about
            its worst axis): there the prior decides.
    """

    person_id: int
    model_name: str
    model_hash: str
    joint_names: tuple[str, ...]
    fps: float
    betas: FloatArray
    transl: FloatArray
    global_orient: FloatArray
    body_pose: FloatArray
    jaw_pose: FloatArray
    left_hand_pose: FloatArray
    right_hand_pose: FloatArray
    expression: FloatArray
    flat_hand_mean: bool
    fit_error_mm: FloatArray
    rotation_sigma_deg: FloatArray
    observable: BoolArray

    def __post_init__(self) -> None:
        """Check shapes and names."""
        check_shapes(
            self,
            joint_names=f"{JOINT_COUNT}",
            betas="shape",
            transl="frame 3",
            global_orient="frame 3",
            body_pose=f"frame {BODY_JOINTS} 3",
            jaw_pose="frame 3",
            left_hand_pose=f"frame {HAND_JOINTS} 3",
            right_hand_pose=f"frame {HAND_JOINTS} 3",
            expression="frame expression",
            fit_error_mm="frame",
            rotation_sigma_deg=f"frame {JOINT_COUNT}",
            observable=f"{JOINT_COUNT}",
        )
        check_unique(self, "joint_names", self.joint_names)

    @property
    def frame_count(self) -> int:
        """Number of frames."""
        return len(self.transl)

    def part(self, frames: slice) -> BodyMotion:
        """Return some frames."""
        return replace(self, **{name: getattr(self, name)[frames] for name in BY_FRAME})

    def rotation_vectors(self) -> FloatArray:
        """Return the local rotations of all joints (frame, 55, 3) in radians; eyes at rest."""
        return np.concatenate(
            [
                self.global_orient[:, None],
                self.body_pose,
                self.jaw_pose[:, None],
                np.zeros((self.frame_count, EYE_JOINTS, 3)),
                self.left_hand_pose,
                self.right_hand_pose,
            ],
            axis=1,
        )


def split_rotations(rotations: Array) -> dict[str, FloatArray]:
    """Return the pose fields of `BodyMotion` from local rotations (frame, 55, 3, 3)."""
    vectors = np.zeros(np.shape(rotations)[:-1])
    for part in in_parts(len(vectors), _FRAMES_AT_ONCE):
        vectors[part] = rotvec_from_matrix(rotations[part])
    return {
        "global_orient": vectors[:, 0],
        "body_pose": vectors[:, 1:_JAW],
        "jaw_pose": vectors[:, _JAW],
        "left_hand_pose": vectors[:, _LEFT_HAND:_RIGHT_HAND],
        "right_hand_pose": vectors[:, _RIGHT_HAND:],
    }
