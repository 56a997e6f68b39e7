"""From joint angles to the postures RULA and REBA ask for."""

from __future__ import annotations

import numpy as np

from mocap.core.rotation import unit
from mocap.core.shapes import BoolArray, FloatArray
from mocap.measure.angles import joint_angles
from mocap.measure.ergonomics.scores import Posture
from mocap.measure.segments.segments import Segments

LEVEL_FEET_M = 0.08
"""Feet whose heights differ by less both carry: the least height of an ordinary step is double."""

RELAXED_DEG = 10.0
"""A hanging arm's forearm points this far outwards (carrying angle and the width of the hips)."""


def postures(segments: Segments) -> dict[str, Posture]:
    """Return the posture of trunk and legs with the left arm and with the right arm.

    With keypoints alone, tilts are those of the trunk line and twists those of the shoulder line
    against the hips, which shrugs and reaching change too.
    """
    angles = joint_angles(segments)
    trunk = "thorax" if segments.has_chest else "shoulder_line"
    knee = np.fmax(angles["left_knee_flexion"], angles["right_knee_flexion"])
    out = {}
    for side in ("left", "right"):
        flexion, sideways, out_of_lane = _arm(segments, side)
        out[side] = Posture(
            trunk_flexion=angles[f"{trunk}_forward_tilt"],
            trunk_side_bend=angles["trunk_right_lateral_bend"],
            trunk_twist=angles["trunk_left_rotation"],
            neck_flexion=angles["neck_flexion"],
            neck_side_bend=angles["neck_right_lateral_bend"],
            neck_twist=angles["neck_left_rotation"],
            upper_arm=flexion,
            upper_arm_abduction=sideways,
            elbow_flexion=angles[f"{side}_elbow_flexion"],
            forearm_across=out_of_lane,
            wrist_flexion=angles[f"{side}_wrist_flexion"],
            wrist_deviation=angles[f"{side}_wrist_ulnar_deviation"],
            knee_flexion=knee,
            both_feet=_both_feet(segments),
        )
    return out


def _arm(segments: Segments, side: str) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return how an upper arm and its hand stand to the trunk, all (frame,) in degrees.

    Elevation against the trunk, negative when the arm points backwards more than sideways; how far
    the arm leaves the plane of forwards and up (lateral elevation: an arm raised forwards and up
    is not abducted, however high); and how far the hand lies past the middle of the body, or
    outside of its shoulder and elbow, as the angle by which the forearm would have to turn back.
    Outside counts `RELAXED_DEG` less: a hanging forearm points outwards by nearly that.
    """
    person = segments if side == "right" else segments.mirrored()
    trunk = person.rotation("thorax")
    shoulder, elbow, wrist = (
        person.position(f"right_{name}") for name in ("shoulder", "elbow", "wrist")
    )
    middle = 0.5 * (shoulder + person.position("left_shoulder"))
    arm = np.einsum("fji,fj->fi", trunk, unit(elbow - shoulder))
    forwards, up, outwards = arm.T
    elevation = np.rad2deg(np.arccos(np.clip(-up, -1.0, 1.0)))
    backwards = (forwards < 0.0) & (-forwards > np.abs(outwards))
    sideways = np.abs(np.rad2deg(np.arcsin(np.clip(outwards, -1.0, 1.0))))
    length = np.nanmedian(np.linalg.norm(wrist - elbow, axis=-1))

    def outward(point: FloatArray) -> FloatArray:
        return np.asarray(np.einsum("fji,fj->fi", trunk, point - middle)[:, 2])

    past = _turn_deg(-outward(wrist) / length)
    outside = outward(wrist) - np.maximum(outward(shoulder), outward(elbow))
    out_of_lane = np.maximum(past, _turn_deg(outside / length) - RELAXED_DEG)
    return np.where(backwards, -elevation, elevation), sideways, out_of_lane


def _turn_deg(share: FloatArray) -> FloatArray:
    return np.asarray(np.rad2deg(np.arcsin(np.clip(share, -1.0, 1.0))))


def _both_feet(segments: Segments) -> BoolArray:
    heights = [segments.position(f"{side}_ankle")[:, 2] for side in ("left", "right")]
    return np.asarray(np.abs(heights[0] - heights[1]) < LEVEL_FEET_M)
