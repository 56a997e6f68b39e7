"""From joint angles to the postures RULA and REBA ask for."""

from __future__ import annotations

import numpy as np

from mocap.core.shapes import BoolArray, FloatArray
from mocap.measure.angles import AngleCurves, joint_angles
from mocap.measure.ergonomics.scores import Posture
from mocap.measure.segments.segments import Segments

LEVEL_FEET_M = 0.08
"""Feet whose heights differ by less both carry: the least height of an ordinary step is double."""


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
        flexion, sideways = _upper_arm(angles, side)
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
            forearm_across=angles[f"{side}_shoulder_external_rotation"] * -1.0,
            wrist_flexion=angles[f"{side}_wrist_flexion"],
            wrist_deviation=angles[f"{side}_wrist_ulnar_deviation"],
            knee_flexion=knee,
            both_feet=_both_feet(segments),
        )
    return out


def _upper_arm(angles: AngleCurves, side: str) -> tuple[FloatArray, FloatArray]:
    """Return the elevation, negative when the arm points backwards, and its sideways part.

    The worksheets draw flexion from the side; an arm raised sideways counts by its elevation and
    additionally as abducted.
    """
    elevation = angles[f"{side}_shoulder_elevation"]
    plane = np.deg2rad(np.nan_to_num(angles[f"{side}_shoulder_plane_of_elevation"], nan=90.0))
    forwards, sideways = elevation * np.sin(plane), np.abs(elevation * np.cos(plane))
    backwards = (forwards < 0) & (np.abs(forwards) > sideways)
    return np.where(backwards, -elevation, elevation), sideways


def _both_feet(segments: Segments) -> BoolArray:
    heights = [segments.position(f"{side}_ankle")[:, 2] for side in ("left", "right")]
    return np.asarray(np.abs(heights[0] - heights[1]) < LEVEL_FEET_M)
