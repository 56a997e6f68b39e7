"""Pose the free body by hand: joint angles for trunk and arms, planted feet for the legs.

Stage frame of this file: Y up, floor at y = 0, the body at rest faces +Z, its left is +X (the
frame of the body model). `world_motion` turns the stage into the Z-up world. Angles in degrees;
`side` is +1 for left and -1 for right: the same numbers give mirror images.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mocap.body.model import WORLD_FROM_BODY, BodyModel
from mocap.body.model_motion import skeleton_from_pose
from mocap.core.errors import BodyError
from mocap.core.keypoints import mirrored_name
from mocap.core.motion import SkeletonMotion
from mocap.core.rotation import matrix_from_rotvec
from mocap.core.shapes import Array, FloatArray, check_shapes
from mocap.synthetic.motion.feet import Foot, measure_foot

SIDE_NAME = {1: "left", -1: "right"}
Angle = Array | float
"""Degrees: one for all frames, or (frame,)."""

_AXES = {"x": 0, "y": 1, "z": 2}

# Share of the arm's elevation above the horizontal that the collar bone takes; scapula and
# clavicle together take about a third in life.
_COLLAR_SHARE = 0.25
# The collar comes in over this range of elevation instead of at a corner.
_COLLAR_BLEND_DEG = 25.0

# A leg is never straighter than this: a fully stretched one makes the knee snap.
STRAIGHTEST_KNEE_DEG = 6.0


@dataclass(frozen=True, eq=False)
class SyntheticMotion:
    """A motion of the free body, as a skeleton and as poses for the skin.

    Attributes:
        skeleton: in the world, SMPL-X joint names.
        rotations: (frame, joint, 3, 3) local rotations for `BodyModel.skin`.
        transl: (frame, 3) metres for `BodyModel.skin`.
        betas: (shape,) of the person.
    """

    skeleton: SkeletonMotion
    rotations: FloatArray
    transl: FloatArray
    betas: FloatArray

    def __post_init__(self) -> None:
        """Check shapes."""
        check_shapes(self, rotations="frame joint 3 3", transl="frame 3", betas="shape")


def turn(axis: str, angle_deg: Angle) -> FloatArray:
    """Return rotations (..., 3, 3) about the axis "x", "y" or "z"."""
    rotvec = np.zeros((*np.shape(angle_deg), 3))
    rotvec[..., _AXES[axis]] = np.deg2rad(angle_deg)
    return matrix_from_rotvec(rotvec)


class Puppet:
    """A body posed in all frames at once: fill it, then take `world_motion`.

    Order matters where one part needs another: root, then trunk, arms, legs.
    """

    def __init__(self, model: BodyModel, betas: FloatArray, frames: int) -> None:
        """Start in the zero pose, standing on the floor, with relaxed fingers."""
        self.model, self.betas, self.frames = model, betas, frames
        self.joints = model.joints(betas)
        self.rotations = np.tile(np.eye(3), (frames, model.joint_count, 1, 1))
        self.feet: dict[int, Foot] = {
            side: measure_foot(model, betas, name) for side, name in SIDE_NAME.items()
        }
        self.root_position = np.zeros((frames, 3))
        for side in SIDE_NAME:
            self.curl_fingers(side, 22.0)

    @property
    def leg_length_m(self) -> float:
        """Hip to knee to ankle."""
        hip, knee, ankle = (self.at(f"left_{joint}") for joint in ("hip", "knee", "ankle"))
        return float(np.linalg.norm(knee - hip) + np.linalg.norm(ankle - knee))

    @property
    def standing_height_m(self) -> float:
        """Height of the pelvis above the floor in the zero pose."""
        ankle = self.at("left_ankle")[1] - self.feet[1].flat_height
        return float(self.joints[0, 1] - ankle)

    def at(self, joint: str) -> FloatArray:
        """Return a joint's rest position (3,)."""
        return self.joints[self.model.joint(joint)]

    def put(self, joint: str, rotations: FloatArray) -> None:
        """Set a joint's local rotations (frame, 3, 3) or one for all frames (3, 3)."""
        self.rotations[:, self.model.joint(joint)] = rotations

    def pelvis(self, yaw_deg: Angle, tilt_deg: Angle, list_deg: Angle) -> None:
        """Turn the pelvis: yaw to the left, tilt forwards, list raises the left side."""
        self.put("pelvis", turn("y", yaw_deg) @ turn("x", tilt_deg) @ turn("z", list_deg))

    def trunk(self, yaw_deg: Angle, flex_deg: Angle, side_deg: Angle) -> None:
        """Bend the spine evenly: yaw to the left, flex forwards, side raises the left side."""
        share = 1.0 / 3.0
        bend = [
            turn(axis, share * np.asarray(angle))
            for axis, angle in (("y", yaw_deg), ("x", flex_deg), ("z", side_deg))
        ]
        for joint in ("spine1", "spine2", "spine3"):
            self.put(joint, bend[0] @ bend[1] @ bend[2])

    def head(self, yaw_deg: Angle, nod_deg: Angle, side_deg: Angle = 0.0) -> None:
        """Turn the head on the neck, half in each of the two joints."""
        half = [
            turn(axis, 0.5 * np.asarray(angle))
            for axis, angle in (("y", yaw_deg), ("x", nod_deg), ("z", side_deg))
        ]
        for joint in ("neck", "head"):
            self.put(joint, half[0] @ half[1] @ half[2])

    def arm(self, side: int, upper: FloatArray, elbow_deg: Angle, forearm_deg: Angle = 0.0) -> None:
        """Set an arm.

        Args:
            side: +1 left, -1 right.
            upper: (frame, 3, 3) of the upper arm relative to the chest, from `hanging_arm` or
                `raised_arm`; the collar takes its share of the elevation.
            elbow_deg: flexion, 0 straight.
            forearm_deg: turn of the forearm about itself.
        """
        name = SIDE_NAME[side]
        along = upper[..., 0] * side
        elevation = np.rad2deg(np.arcsin(np.clip(along[..., 1], -1.0, 1.0)))
        raised = 0.5 * (elevation + np.hypot(elevation, _COLLAR_BLEND_DEG))
        collar = turn("z", side * _COLLAR_SHARE * raised)
        self.put(f"{name}_collar", collar)
        self.put(f"{name}_shoulder", np.swapaxes(collar, -1, -2) @ upper)
        self.put(f"{name}_elbow", turn("y", -side * np.asarray(elbow_deg)) @ turn("x", forearm_deg))

    def wrist(self, side: int, flexion_deg: Angle) -> None:
        """Bend the hand, palmwards positive."""
        self.put(f"{SIDE_NAME[side]}_wrist", turn("z", -side * np.asarray(flexion_deg)))

    def curl_fingers(self, side: int, curl_deg: Angle) -> None:
        """Curl the four fingers by the same angle in each joint."""
        for finger in ("index", "middle", "ring", "pinky"):
            for k in (1, 2, 3):
                bend = turn("z", -side * np.asarray(curl_deg))
                self.put(f"{SIDE_NAME[side]}_{finger}{k}", bend)

    def leg(
        self,
        side: int,
        ankle: FloatArray,
        foot_yaw_deg: Angle,
        foot_pitch_deg: Angle,
        knee_yaw_deg: Angle,
        toes_deg: Angle | None = None,
    ) -> None:
        """Bend a leg so that its ankle is where it should be; needs the root set before.

        Args:
            side: +1 left, -1 right.
            ankle: (frame, 3) in the stage.
            foot_yaw_deg, foot_pitch_deg: of the foot in the stage, toes up positive.
            knee_yaw_deg: heading in the stage to which the knee points.
            toes_deg: bend of the toes upwards; flat on the floor when the heel is up without.

        Raises:
            BodyError: when the leg is too short to reach.
        """
        name = SIDE_NAME[side]
        pelvis = self.rotations[:, 0]
        hip = self.root_position + pelvis @ (self.at(f"{name}_hip") - self.joints[0])
        thigh = self.at(f"{name}_knee") - self.at(f"{name}_hip")
        shank = self.at(f"{name}_ankle") - self.at(f"{name}_knee")
        reach = ankle - hip
        knee = turn("x", _knee_flexion_deg(thigh, shank, np.linalg.norm(reach, axis=-1), name))
        straight = thigh + knee @ shank
        ahead = turn("y", knee_yaw_deg) @ np.array([0.0, 0.0, 1.0])
        across = np.cross(ahead, reach)  # the knee's axis, towards the left
        rest = orthonormal_axes(straight, np.array([-1.0, 0.0, 0.0]))
        upper = np.asarray(orthonormal_axes(reach, -across) @ np.swapaxes(rest, -1, -2))
        foot = turn("y", foot_yaw_deg) @ turn("x", -np.asarray(foot_pitch_deg))
        toes = -np.minimum(foot_pitch_deg, 0.0) if toes_deg is None else np.asarray(toes_deg)
        self.put(f"{name}_hip", np.swapaxes(pelvis, -1, -2) @ upper)
        self.put(f"{name}_knee", knee)
        self.put(f"{name}_ankle", np.swapaxes(upper @ knee, -1, -2) @ foot)
        self.put(f"{name}_foot", turn("x", -toes))

    def rolling_ankle(
        self, side: int, ball_xz: Array, yaw_deg: Angle, pitch_deg: Angle, lift_m: Angle = 0.0
    ) -> FloatArray:
        """Return the ankle (frame, 3) of a foot that rolls at `ball_xz` (frame, 2) of the stage."""
        foot = self.feet[side]
        local = foot.roll(np.broadcast_to(pitch_deg, (self.frames,))) - foot.ball
        placed = np.einsum(
            "fab,fb->fa", np.broadcast_to(turn("y", yaw_deg), (self.frames, 3, 3)), local
        )
        placed[:, [0, 2]] += ball_xz
        placed[:, 1] += lift_m
        return placed

    def stand_up(self, ankles: dict[int, FloatArray], above_m: Array) -> None:
        """Set the root's height to `above_m` (frame,) plus a constant as great as the legs allow.

        Needs the root's horizontal position and rotation; `ankles` (frame, 3) by side.
        """
        thigh = self.at("left_knee") - self.at("left_hip")
        shank = self.at("left_ankle") - self.at("left_knee")
        longest = float(np.linalg.norm(thigh + turn("x", STRAIGHTEST_KNEE_DEG) @ shank))
        constant = np.inf
        for side, ankle in ankles.items():
            hip_from_root = self.at(f"{SIDE_NAME[side]}_hip") - self.joints[0]
            hip = self.root_position + self.rotations[:, 0] @ hip_from_root
            away = np.hypot(*(hip - ankle)[:, [0, 2]].T)
            hip_from_root_up = hip[:, 1] - self.root_position[:, 1]
            highest = ankle[:, 1] + np.sqrt(longest**2 - away**2) - hip_from_root_up
            constant = min(constant, float(np.min(highest - above_m)))
        self.root_position[:, 1] = constant + above_m

    def mirror(self) -> None:
        """Swap left and right in everything posed so far."""
        flip = np.array([-1.0, 1.0, 1.0])
        other = [self.model.joint(mirrored_name(name)) for name in self.model.joint_names]
        self.rotations = self.rotations[:, other] * np.outer(flip, flip)
        self.root_position = self.root_position * flip

    def world_motion(
        self, fps: float, heading_deg: float, origin_m: tuple[float, float]
    ) -> SyntheticMotion:
        """Stand the stage in the world: its +Z along `heading_deg` from world X, at `origin_m`."""
        world_from_stage = turn("z", heading_deg + 90.0) @ WORLD_FROM_BODY
        rotations = self.rotations.copy()
        rotations[:, 0] = world_from_stage @ rotations[:, 0]
        position = self.root_position @ world_from_stage.T + np.array([*origin_m, 0.0])
        transl = position - self.joints[0]
        skeleton = skeleton_from_pose(self.model, rotations, self.betas, transl, fps)
        return SyntheticMotion(skeleton, rotations, transl, self.betas)


def hanging_arm(side: int, forward_deg: Angle, outward_deg: Angle, twist_deg: Angle) -> FloatArray:
    """Return an upper arm hung from the shoulder and swung: forward, away from the body, inwards.

    All zero: straight down, palm to the thigh.
    """
    down = turn("z", side * (np.asarray(outward_deg) - 90.0)) @ turn("x", twist_deg)
    return turn("x", -np.asarray(forward_deg)) @ down


def raised_arm(
    side: int, across_deg: Angle, elevation_deg: Angle, rotation_deg: Angle
) -> FloatArray:
    """Return an upper arm by horizontal adduction, elevation and external rotation.

    All zero: level to the side with the bent forearm pointing forwards; `across_deg` 90 points
    it forwards; `rotation_deg` 90 turns the bent forearm up (a thrower cocks to about 170).
    """
    level = turn("z", side * np.asarray(elevation_deg)) @ turn("x", -np.asarray(rotation_deg))
    return turn("y", -side * np.asarray(across_deg)) @ level


def _knee_flexion_deg(
    thigh: FloatArray, shank: FloatArray, distance: FloatArray, name: str
) -> FloatArray:
    """Solve |thigh + Rx(flexion) shank| = distance for the flexion."""
    level = thigh[0] * shank[0]
    cosine = thigh[1] * shank[1] + thigh[2] * shank[2]
    sine = thigh[2] * shank[1] - thigh[1] * shank[2]
    wanted = 0.5 * (distance**2 - thigh @ thigh - shank @ shank) - level
    largest = np.hypot(cosine, sine)
    if np.any(np.abs(wanted) > largest):
        raise BodyError(
            f"the {name} leg cannot reach its foot: {distance.max():.3f} m from the hip at most, "
            f"in frame {int(np.argmax(distance))}. Lower the pelvis or shorten the step."
        )
    return np.asarray(np.rad2deg(np.arctan2(sine, cosine) + np.arccos(wanted / largest)))


def orthonormal_axes(first: Array, second: Array) -> FloatArray:
    """Return orthonormal axes as columns (..., 3, 3): first, second made square to it, third."""
    x = first / np.linalg.norm(first, axis=-1, keepdims=True)
    z = np.cross(x, np.broadcast_to(second, x.shape))
    z /= np.linalg.norm(z, axis=-1, keepdims=True)
    return np.stack([x, np.cross(z, x), z], axis=-1)
