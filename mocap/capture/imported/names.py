"""What other systems call the points of a body, and the joint centres that markers give.

Joint centres of laboratories are taken as they are. Markers go to the bony landmarks they lie on;
joints are the middles of the markers on both sides of them. Hips come from the pelvis (Bell et al.
1990: 30 % of the distance between the ASIS below, 14 % inwards, 22 % behind), shoulders from the
acromion (17 % of the distance between the acromia below it, down the thorax).
"""

from __future__ import annotations

import re
from collections.abc import Mapping

import numpy as np

from mocap.core.rotation import unit
from mocap.core.shapes import FloatArray

_PARTS = {
    "shoulder": ("shoulder", "sho", "sjc", "gh", "upperarm", "arm", "shoulderjc"),
    "elbow": ("elbow", "elb", "ejc", "forearm", "elbowjc", "lowerarm"),
    "wrist": ("wrist", "wri", "wjc", "hand", "wristjc"),
    "hip": ("hip", "hjc", "upleg", "thigh", "upperleg", "hipjc"),
    "knee": ("knee", "kjc", "leg", "shin", "calf", "kneejc", "lowerleg"),
    "ankle": ("ankle", "ajc", "foot", "anklejc"),
    "heel": ("heel", "calc", "hee", "calcaneus"),
    "big_toe": ("bigtoe", "toes", "toebase", "toe", "hallux", "ball"),
    "small_toe": ("smalltoe", "littletoe"),
    "ear": ("ear",),
    "eye": ("eye",),
    # Markers: Plug-in Gait, Helen Hayes, IOR (Leardini et al. 2007), Rajagopal (2016), SynthPose.
    "asis": ("asi", "asis"),
    "psis": ("psi", "psis"),
    "acromion": ("acr", "acromion", "shomarker", "aa"),
    "lateral_elbow": ("lel", "hle", "lateralelbow", "lelb"),
    "medial_elbow": ("mel", "hme", "medialelbow", "melb"),
    "lateral_wrist": ("wra", "faradius", "rs", "radialstyloid", "lateralwrist"),
    "medial_wrist": ("wrb", "faulna", "us", "ulnarstyloid", "medialwrist"),
    "lateral_knee": ("lfc", "fle", "lateralknee", "le", "kne"),
    "medial_knee": ("mfc", "fme", "medialknee", "me", "mkne", "knm", "kneemedial"),
    "lateral_ankle": ("lmal", "lm", "fal", "lateralankle", "ank"),
    "medial_ankle": ("mmal", "mm", "tam", "medialankle", "mank", "anm", "anklemedial"),
    "fifth_metatarsal": ("mt5", "fmt5", "vm", "fifthmetatarsal", "5meta"),
    "second_metatarsal": ("mt2", "sm", "secondmetatarsal"),
}
_MIDDLE = {
    "nose": "nose", "head": "head", "c7": "c7", "t10": "t11", "t11": "t11", "t6": "t6", "l2": "l2",
    "strn": "sternum", "sternum": "sternum", "midhip": "mid_hip",
}  # fmt: skip

# In marker sets these letters mean markers, in joint sets joints: `LKNE` beside `LASI` lies on the
# skin, `LKNE` alone is a joint.
_MARKERS_IF_PELVIS = {"kne": "lateral_knee", "ank": "lateral_ankle", "elb": "lateral_elbow",
                      "sho": "acromion", "toe": "second_metatarsal",
                      "hee": "heel"}  # fmt: skip
_JOINTS_ELSE = {"kne": "knee", "ank": "ankle", "elb": "elbow", "sho": "shoulder"}

_MIDPOINTS = {
    "elbow": ("lateral_elbow", "medial_elbow"),
    "wrist": ("lateral_wrist", "medial_wrist"),
    "knee": ("lateral_knee", "medial_knee"),
    "ankle": ("lateral_ankle", "medial_ankle"),
}
_HIP_BELOW, _HIP_INWARDS, _HIP_BEHIND = 0.30, 0.14, 0.22
_SHOULDER_BELOW = 0.17


def known_names(names: tuple[str, ...], given: Mapping[str, str]) -> dict[str, str]:
    """Return our name by the file's name, for all that are known.

    Args:
        names: of the file.
        given: what a person says: file's name -> our name; wins.
    """
    low = {_letters(name) for name in names}
    markers = bool(low & {"lasi", "rasi", "lasis", "rasis", "lpsi", "leftasis", "rightasis"})
    found: dict[str, str] = {}
    for name in names:
        ours = given.get(name) or _known(name, markers=markers)
        if ours and ours not in found.values():
            found[name] = ours
    return found


def _letters(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.lower())


def _known(name: str, *, markers: bool) -> str | None:
    """Return our name of a point, None when nobody knows it."""
    plain = _letters(name)
    if plain in _MIDDLE:
        return _MIDDLE[plain]
    for side, marks in (("left", ("left", "l")), ("right", ("right", "r"))):
        for mark in marks:
            for rest in (plain.removeprefix(mark), plain.removesuffix(mark)):
                if rest == plain or not rest:
                    continue
                part = _part(rest, markers=markers)
                if part:
                    return f"{side}_{part}"
    return None


def _part(rest: str, *, markers: bool) -> str | None:
    special = _MARKERS_IF_PELVIS if markers else _JOINTS_ELSE
    if rest in special:
        return special[rest]
    return next((part for part, spelled in _PARTS.items() if rest in spelled), None)


def with_joint_centres(at: dict[str, FloatArray]) -> tuple[dict[str, FloatArray], list[str]]:
    """Return the points (frame, 3) with joint centres that markers give, and which those are.

    A lateral marker without its medial partner gives no joint.
    """
    out, made = dict(at), []
    for side in ("left", "right"):
        for joint, (lateral, medial) in _MIDPOINTS.items():
            pair = (f"{side}_{lateral}", f"{side}_{medial}")
            if f"{side}_{joint}" not in out and set(pair) <= set(out):
                out[f"{side}_{joint}"] = 0.5 * (out[pair[0]] + out[pair[1]])
                made.append(f"{side}_{joint}")
    made += _hips(out) + _shoulders(out)
    return out, made


def _hips(out: dict[str, FloatArray]) -> list[str]:
    needed = {f"{side}_{name}" for side in ("left", "right") for name in ("asis", "psis")}
    if "left_hip" in out or not needed <= set(out):
        return []
    left, right = out["left_asis"], out["right_asis"]
    middle = 0.5 * (left + right)
    back = 0.5 * (out["left_psis"] + out["right_psis"])
    width = np.nanmedian(np.linalg.norm(left - right, axis=-1))
    lateral = unit(left - right)
    ahead = middle - back
    ahead = unit(ahead - np.sum(ahead * lateral, axis=-1, keepdims=True) * lateral)
    up = np.cross(ahead, lateral)
    for side, sign in (("left", 1.0), ("right", -1.0)):
        out[f"{side}_hip"] = middle + width * (
            sign * (0.5 - _HIP_INWARDS) * lateral - _HIP_BELOW * up - _HIP_BEHIND * ahead
        )
    return ["left_hip", "right_hip"]


def _shoulders(out: dict[str, FloatArray]) -> list[str]:
    needed = {"left_acromion", "right_acromion", "left_hip", "right_hip"}
    if "left_shoulder" in out or not needed <= set(out):
        return []
    left, right = out["left_acromion"], out["right_acromion"]
    width = np.nanmedian(np.linalg.norm(left - right, axis=-1))
    down = unit(0.5 * (out["left_hip"] + out["right_hip"]) - 0.5 * (left + right))
    for side in ("left", "right"):
        out[f"{side}_shoulder"] = out[f"{side}_acromion"] + _SHOULDER_BELOW * width * down
    return ["left_shoulder", "right_shoulder"]
