"""Scale, up and floor of a rig that was solved from a walker."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mocap.core.rotation import rotation_between, unit
from mocap.core.shapes import FloatArray
from mocap.reconstruct.boardless.walk import (
    BONE_SHARE_SD,
    JOINTS,
    MEAN_STATURE_M,
    STATURE_SD,
)

# Ears of an upright walker at the top of a step over the floor, and the centre of a standing ankle,
# as shares of the stature (over the shapes of the shipped body); the first to about a percent for
# shoes and for bent people.
HEAD_SHARE, HEAD_SHARE_SD, ANKLE_SHARE = 0.920, 0.012, 0.045
# The way from ankles to shoulders of a person against gravity.
BODY_UP_SD_DEG = 5.0
# An ankle slower than this, and not clearly above the other, stands.
STANDING_M_S, HIGHER_M = 0.25, 0.05
MIN_STANDING, MIN_HEADS = 20, 50
# Ankles of successive frames of one stance are one measurement, good to this.
FRAMES_A_STANCE, ANKLE_SD_M = 10.0, 0.02
ROUNDS = 20


@dataclass(frozen=True, eq=False)
class World:
    """new = rotation @ (scale * old) + translation.

    Attributes:
        scale, rotation, translation: of the motion.
        scale_sd: as a share.
        up_sd_deg: how well up is known.
        stance_m: how far standing feet spread on the floor along their narrower direction (sd).
        scale_from, up_from: words for people.
    """

    scale: float
    rotation: FloatArray
    translation: FloatArray
    scale_sd: float
    up_sd_deg: float
    stance_m: float
    scale_from: str
    up_from: str


def world_of(
    points: FloatArray, time_s: FloatArray, run: FloatArray, height_m: float | None
) -> World:
    """Return the world of joints (frame, joint, 3) in metres by bones, in any camera's world.

    Floor from standing feet, up from their plane and from trunks, scale from the head over the feet
    where a stature is given and the person walks upright, else from bones.
    """
    shoulders = 0.5 * (_joint(points, "left_shoulder") + _joint(points, "right_shoulder"))
    ankles = 0.5 * (_joint(points, "left_ankle") + _joint(points, "right_ankle"))
    trunk = shoulders - ankles
    body_up = unit(np.median(unit(trunk[np.isfinite(trunk[:, 0])]), axis=0))
    stance = _standing_ankles(points, time_s, run, body_up)
    up, sd, spread, source = body_up, BODY_UP_SD_DEG, 0.0, "the trunk"
    if len(stance) >= MIN_STANDING:
        up, sd, spread = _plane(stance, body_up)
        source = "standing feet and the trunk"
        origin, level = np.median(stance, axis=0), float(np.median(stance @ up))
    else:
        seen = ankles[np.isfinite(ankles[:, 0])]
        origin, level = np.median(seen, axis=0), float(np.percentile(seen @ up, 5.0))
    ankle = ANKLE_SHARE * (height_m or MEAN_STATURE_M)
    scale, scale_sd, by = (
        1.0,
        float(np.hypot(BONE_SHARE_SD, 0.0 if height_m else STATURE_SD)),
        "bones",
    )
    head = _joint(points, "head") @ up - level
    head = head[np.isfinite(head)]
    if height_m is not None and len(head) >= MIN_HEADS:
        usual, tall = np.percentile(head, [75.0, 92.0])
        if tall - usual < 0.02 * tall:  # upright for a quarter of the time at least
            scale, scale_sd = (HEAD_SHARE * height_m - ankle) / float(tall), HEAD_SHARE_SD
            by = "the head over the feet"
    rotation = rotation_between(up, np.array([0.0, 0.0, 1.0]))
    translation = -scale * rotation @ origin
    translation[2] = ankle - scale * level
    return World(scale, rotation, translation, scale_sd, sd, spread, by, source)


def _joint(points: FloatArray, name: str) -> FloatArray:
    return points[:, JOINTS.index(name)]


def _standing_ankles(
    points: FloatArray, time_s: FloatArray, run: FloatArray, up: FloatArray
) -> FloatArray:
    """Return ankles (n, 3) while they stand."""
    out = []
    same = run[2:] == run[:-2]
    for side, other in (("left", "right"), ("right", "left")):
        track = _joint(points, f"{side}_ankle")
        speed = np.linalg.norm(track[2:] - track[:-2], axis=1) / (time_s[2:] - time_s[:-2])
        height = track[1:-1] @ up
        beside = np.nan_to_num(_joint(points, f"{other}_ankle")[1:-1] @ up, nan=np.inf)
        with np.errstate(invalid="ignore"):
            stands = same & (speed < STANDING_M_S) & (height < beside + HIGHER_M)
        out.append(track[1:-1][stands])
    return np.concatenate(out)


def _plane(stance: FloatArray, body_up: FloatArray) -> tuple[FloatArray, float, float]:
    """Return up of the plane of standing ankles, its sd in degrees, and how far they spread.

    Robust (Cauchy), with the trunk as a prior of some degrees.
    """
    up = body_up
    flat = np.eye(3)
    information = np.eye(3)
    for _ in range(ROUNDS):
        off = stance - np.median(stance, axis=0)
        weight = 1.0 / (1.0 + (off @ up / ANKLE_SD_M) ** 2)
        off = stance - (weight[:, None] * stance).sum(axis=0) / weight.sum()
        information = (weight[:, None] * off).T @ off / ANKLE_SD_M**2 / FRAMES_A_STANCE
        prior = (np.eye(3) - np.outer(body_up, body_up)) / np.deg2rad(BODY_UP_SD_DEG) ** 2
        found = np.linalg.eigh(information + prior)[1][:, 0]
        up = found * np.sign(found @ body_up)
    flat = np.eye(3) - np.outer(up, up)
    inside = flat @ (information + prior) @ flat
    sd = float(np.rad2deg(1.0 / np.sqrt(max(float(np.linalg.eigvalsh(inside)[1]), 1e-9))))
    spread = np.linalg.eigvalsh(flat @ np.cov(stance.T) @ flat)
    return up, sd, float(np.sqrt(max(float(spread[1]), 0.0)))
