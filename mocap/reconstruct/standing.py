"""Do people stand upright on the floor, and are they as tall as people are?

A world that is tilted, upside down or of another scale fits every image as well as the right one:
only what is known of people tells.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from mocap.core.points import Points3D
from mocap.core.shapes import FloatArray
from mocap.reconstruct.boardless.walk import BONE_FIRST, BONE_KIND, BONE_SECOND, BONE_SHARE, JOINTS
from mocap.reconstruct.boardless.world import ANKLE_SHARE

# People who work are bent by 20 to 30 degrees for seconds, hardly for half of a take.
MOST_TILT_DEG = 35.0
# Bones tell the stature to 2.5 %, detectors shift their ends by some percent.
MOST_OFF_KNOWN, TALLEST_M, SHORTEST_M = 0.09, 2.15, 1.15
# Somebody may stand on a beam, a box or a treadmill.
MOST_ABOVE_M, MOST_BELOW_M = 0.5, 0.15
LEAST_FRAMES = 20

Found = tuple[str, str, str]
"""Part, sentence, next step with {root} and {take}."""


def standing_findings(points: Points3D, heights_m: Mapping[int, float]) -> list[Found]:
    """Return what people say against scale and floor.

    Args:
        points: keypoints of people with COCO's names; others say nothing.
        heights_m: by person, where they are known.
    """
    names = points.keypoint_names
    if any(joint not in names for joint in JOINTS if joint != "head"):
        return []
    at = {joint: names.index(joint) for joint in JOINTS if joint != "head"}
    found: list[Found] = []
    for index, person in enumerate(points.person_ids):
        xyz = np.asarray(points.xyz[:, index], dtype=np.float64)
        up = _trunk(xyz, at)
        if len(up) < LEAST_FRAMES:
            continue
        found += _tilt(up)
        if not found:
            found += _floor(xyz, at)
        found += _scale(_stature_m(xyz, at), heights_m.get(person))
    return found[:2]


def _trunk(xyz: FloatArray, at: Mapping[str, int]) -> FloatArray:
    """Return the way from ankles to shoulders (n, 3) where both were seen."""
    shoulders = 0.5 * (xyz[:, at["left_shoulder"]] + xyz[:, at["right_shoulder"]])
    ankles = 0.5 * (xyz[:, at["left_ankle"]] + xyz[:, at["right_ankle"]])
    up = shoulders - ankles
    return np.asarray(up[np.isfinite(up[:, 0])])


def _tilt(up: FloatArray) -> list[Found]:
    """Return whether people lean, all the time."""
    mean = np.median(up, axis=0)
    tilt_deg = float(np.rad2deg(np.arccos(np.clip(mean[2] / np.linalg.norm(mean), -1.0, 1.0))))
    if tilt_deg <= MOST_TILT_DEG:
        return []
    how = "upside down" if tilt_deg > 145.0 else f"tilted by about {tilt_deg:.0f} degrees"
    return [
        (
            "world",
            f"people lean by {tilt_deg:.0f} degrees in the median of the take: the world is {how}, "
            "unless they lie.",
            "mocap world {root} --board-on-floor TIME, or --from-people {take}",
        )
    ]


def _floor(xyz: FloatArray, at: Mapping[str, int]) -> list[Found]:
    """Return whether feet stand far above or below the floor."""
    ankles = xyz[:, [at["left_ankle"], at["right_ankle"]], 2]
    lowest = np.nanmin(np.where(np.isfinite(ankles), ankles, np.inf), axis=1)
    lowest = lowest[np.isfinite(lowest)]
    if len(lowest) < LEAST_FRAMES:
        return []
    above = float(np.median(lowest)) - ANKLE_SHARE * 1.7
    if -MOST_BELOW_M < above < MOST_ABOVE_M:
        return []
    return [
        (
            "world",
            f"feet stand {100 * abs(above):.0f} cm {'above' if above > 0 else 'below'} the floor: "
            "the board did not lie on the floor where its place was taken from.",
            "mocap world {root} --board-on-floor TIME, or --from-people {take}",
        )
    ]


def _stature_m(xyz: FloatArray, at: Mapping[str, int]) -> float:
    """Return the stature that the bones of a person are of."""
    ratios = []
    for first, second, kind in zip(BONE_FIRST, BONE_SECOND, BONE_KIND, strict=True):
        length = np.linalg.norm(xyz[:, at[JOINTS[first]]] - xyz[:, at[JOINTS[second]]], axis=1)
        length = length[np.isfinite(length)]
        if len(length) >= LEAST_FRAMES:
            ratios.append(float(np.median(length)) / BONE_SHARE[kind])
    return float(np.median(ratios)) if ratios else float("nan")


def _scale(stature_m: float, known_m: float | None) -> list[Found]:
    """Return whether people are too large or too small."""
    if known_m is not None and abs(stature_m / known_m - 1.0) > MOST_OFF_KNOWN:
        off = stature_m / known_m - 1.0
        return [
            (
                "calibration",
                f"the bones are those of somebody of {stature_m:.2f} m, but {known_m:.2f} m is "
                f"known: all lengths are {100 * abs(off):.0f} % too "
                f"{'long' if off > 0 else 'short'}, so square_mm is wrong (or height_m).",
                "measure a square of the print, correct session.toml, mocap calibrate {root}",
            )
        ]
    if known_m is None and not SHORTEST_M < stature_m < TALLEST_M:
        return [
            (
                "calibration",
                f"the bones are those of somebody of {stature_m:.2f} m: the scale is wrong, unless "
                "it is a child.",
                "measure a square of the print, correct session.toml, mocap calibrate {root}",
            )
        ]
    return []
