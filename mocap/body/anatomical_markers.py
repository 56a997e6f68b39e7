"""Bony landmarks that a person can feel: the one table of them, for markers and for measuring.

A mesh has no bones to feel. Each landmark is the vertex that a rule finds on the mean body in its
zero pose (T-pose, palms down). It follows the shape of the person as the skin does, and then moves
with its bone, not with the skin: skin slides over a bending knee or shoulder blade, bone does not.
Left ones are found, right ones are their mirror images. Names are those of the markers of the
OpenSim full-body model of Rajagopal et al. (2016), and of ISB (Wu et al. 2005) for STRN and T8.
The ISB thorax is spanned by C7, CLAV (IJ, the notch), STRN (PX) and T8.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache

import numpy as np

from mocap.body.model import WORLD_FROM_BODY, BodyModel, load_free_body
from mocap.core.body.landmarks import BonyLandmarks
from mocap.core.errors import BodyError
from mocap.core.keypoints import mirrored_name
from mocap.core.shapes import Array, BoolArray, FloatArray

# Skin this near the line of sight of a rule may be chosen: two edges of the mesh.
_NEAR_M = 0.02
# Skin this far below the outermost is still the outer surface, not the far side of a limb.
_OUTER_M = 0.015

# The hip joint in the pelvis, as shares of the distance between the two ASIS: below and inwards of
# the ASIS of its side (Bell et al. 1990).
_HIP_BELOW, _HIP_INWARDS = 0.30, 0.14
# The dimples over the PSIS are about a third as far apart as the ASIS, and in a standing pelvis,
# which tilts forwards by about 10 degrees, a tenth of that distance higher.
_PSIS_HALF_WIDTH, _PSIS_ABOVE = 0.18, 0.10
# Spinous processes on the line from C7 to the height of the PSIS: twelve thoracic vertebrae of
# 23 mm and five lumbar ones of 34 mm (with their disks; Gray's Anatomy), and thoracic processes
# that point down by one vertebra. T8 belongs to them: the lower end of the sternum (PX) lies
# about two vertebrae lower than its spinous process.
_SPINE = {"T6": 0.32, "T8": 0.42, "T11": 0.57, "L2": 0.73}
# The tuberosity of the heel bone lies in the lowest 5 cm of the foot; its rearmost skin is where
# the marker of gait laboratories is put.
_HEEL_M = 0.05
# From the notch above the sternum to its lower end, as a share of the body height (Clauser et al.
# 1969: 0.10 to 0.11).
_STERNUM = 0.10

_LEFT, _UP, _FRONT = np.eye(3)
_ARM = ("left_collar", "left_shoulder", "spine3")
_ELBOW = ("left_shoulder", "left_elbow")
_WRIST = ("left_elbow", "left_wrist")
_PELVIS = ("pelvis", "left_hip", "spine1")
_KNEE = ("left_hip", "left_knee")
_ANKLE = ("left_knee", "left_ankle")
_FOOT = ("left_ankle", "left_foot")
_TRUNK = ("pelvis", "spine1", "spine2", "spine3", "neck", "left_collar", "right_collar")

MIDDLE = ("C7", "CLAV", "STRN", "T6", "T8", "T11", "L2")
"""Markers of the middle plane."""

_BONES = {
    **dict.fromkeys(("C7", "CLAV", "STRN", "T6", "T8"), "spine3"),
    "T11": "spine2",
    "L2": "spine1",
    "LACR": "left_collar",
    **dict.fromkeys(("LLEL", "LMEL"), "left_shoulder"),
    **dict.fromkeys(("LFAradius", "LFAulna"), "left_elbow"),
    **dict.fromkeys(("LASI", "LPSI"), "pelvis"),
    **dict.fromkeys(("LGTR", "LLFC", "LMFC"), "left_hip"),
    **dict.fromkeys(("LLMAL", "LMMAL"), "left_knee"),
    **dict.fromkeys(("LCAL", "LMT1", "LMT2", "LMT5"), "left_ankle"),
    "LTOE": "left_foot",
}
"""The joint that carries the bone of each marker: of the humerus the shoulder. SMPL-X names."""


def mirrored_marker(name: str) -> str:
    """Return the marker on the other side: LASI <-> RASI; C7 stays."""
    if name in MIDDLE:
        return name
    return {"L": "R", "R": "L"}[name[0]] + name[1:]


def has_markers(model: BodyModel) -> bool:
    """Return whether the rules are known to be right for a body: it has the free body's mesh."""
    return bool(np.array_equal(model.faces, load_free_body().faces))


def bone_of(name: str) -> str:
    """Return the joint that carries a marker's bone, by its SMPL-X name."""
    if name in _BONES:
        return _BONES[name]
    return mirrored_name(_BONES[mirrored_marker(name)])


def bony_landmarks(model: BodyModel, betas: Array) -> BonyLandmarks:
    """Return the landmarks of a shape, fixed to the joints of the model's skeletons.

    Axes and rest pose are those of `mocap.body.model_motion.skeleton_from_pose`.

    Raises:
        BodyError: the body has no skin where one should lie.
    """
    vertices = marker_vertices(model)
    bones = tuple(bone_of(name) for name in vertices)
    rest, joints = model.rest_vertices(betas), model.joints(betas)
    arms = rest[list(vertices.values())] - joints[[model.joint(bone) for bone in bones]]
    return BonyLandmarks(tuple(vertices), bones, arms @ WORLD_FROM_BODY.T)


@lru_cache(maxsize=4)
def _found(model: BodyModel) -> dict[str, int]:
    finder = _Finder(model)
    left = finder.left_markers()
    vertices = finder.middle_markers()
    for name, vertex in left.items():
        vertices[f"L{name}"] = vertex
        vertices[f"R{name}"] = int(model.mirror[vertex])
    return vertices


def marker_vertices(model: BodyModel) -> dict[str, int]:
    """Return the vertex of every marker by name."""
    return dict(_found(model))


class _Finder:
    """Look along lines from joint centres for the outermost skin; body frame."""

    def __init__(self, model: BodyModel) -> None:
        self.model = model
        self.skin = np.asarray(model.template, dtype=np.float64)
        self.joints = model.joints()
        self.leader = model.dominant_joint()

    def joint(self, name: str) -> FloatArray:
        return np.asarray(self.joints[self.model.joint(name)])

    def left_markers(self) -> dict[str, int]:
        """Return the markers of the left side without the letter of the side.

        With the palms down the outer side of the elbow looks up and the thumb forwards.
        """
        shoulder, elbow, wrist = (self.joint(f"left_{n}") for n in ("shoulder", "elbow", "wrist"))
        hip, knee, ankle, ball = (self.joint(f"left_{n}") for n in ("hip", "knee", "ankle", "foot"))
        asis, psis = self._iliac_spines()
        return {
            "ACR": self.outermost(shoulder, _UP, _ARM),
            "LEL": self.outermost(elbow, _UP, _ELBOW),
            "MEL": self.outermost(elbow, -_UP, _ELBOW),
            "FAradius": self.outermost(wrist, _FRONT, _WRIST),
            "FAulna": self.outermost(wrist, -_FRONT, _WRIST),
            "ASI": self.outermost(asis, _FRONT, _PELVIS),
            "PSI": self.outermost(psis, -_FRONT, _PELVIS),
            "GTR": self.outermost(hip, _LEFT, _PELVIS),
            "LFC": self.outermost(knee, _LEFT, _KNEE),
            "MFC": self.outermost(knee, -_LEFT, _KNEE),
            "LMAL": self.outermost(ankle, _LEFT, _ANKLE),
            "MMAL": self.outermost(ankle, -_LEFT, _ANKLE),
            "CAL": self.heel(),
            "TOE": self.model.landmark("left_big_toe"),
            "MT1": self.outermost(ball, -_LEFT, _FOOT),
            "MT2": self.outermost(ball, _UP, _FOOT),
            "MT5": self.outermost(ball, _LEFT, _FOOT),
        }

    def _iliac_spines(self) -> tuple[FloatArray, FloatArray]:
        """Return points (3,) behind the left ASIS and before the left PSIS."""
        hip = self.joint("left_hip")
        width = float(hip[0]) / (0.5 - _HIP_INWARDS)
        asis = np.array([0.5 * width, hip[1] + _HIP_BELOW * width, 0.0])
        psis = np.array([_PSIS_HALF_WIDTH * width, asis[1] + _PSIS_ABOVE * width, 0.0])
        return asis, psis

    def middle_markers(self) -> dict[str, int]:
        """Return the markers of the middle plane."""
        notch = self.joint("left_collar")[1]
        chest = notch - _STERNUM * float(np.ptp(self.skin[:, 1]))
        top, bottom = float(self.joint("neck")[1]), float(self._iliac_spines()[1][1])
        spine = {name: top + share * (bottom - top) for name, share in _SPINE.items()}
        return {
            "C7": self._middle(top, -_FRONT),
            "CLAV": self._middle(notch, _FRONT),
            "STRN": self._middle(chest, _FRONT),
            **{name: self._middle(height, -_FRONT) for name, height in spine.items()},
        }

    def heel(self) -> int:
        """Return the rearmost skin of the lower part of the left foot."""
        foot = self._of(_FOOT)
        low = foot & (self.skin[:, 1] < self.skin[foot, 1].min() + _HEEL_M)
        return int(np.argmin(np.where(low, self.skin @ _FRONT, np.inf)))

    def _middle(self, height_m: float, direction: Array) -> int:
        own = self.model.mirror == np.arange(len(self.skin))
        return self.outermost(height_m * _UP, direction, _TRUNK, among=own)

    def outermost(
        self, start: Array, direction: Array, parts: Iterable[str], among: BoolArray | bool = True
    ) -> int:
        """Return the skin of some joints that a line from a point leaves through.

        Raises:
            BodyError: there is none near the line.
        """
        arm = self.skin - start
        along = arm @ direction
        beside = np.linalg.norm(arm - along[:, None] * direction, axis=1)
        near = self._of(parts) & among & (along > 0.0) & (beside < _NEAR_M)
        if not near.any():
            raise BodyError(
                f"body '{self.model.name}' has no skin of {', '.join(parts)} within "
                f"{_NEAR_M * 1000:.0f} mm of the line where a marker should lie. Leave markers out "
                "of the keypoints, or fit another body."
            )
        outer = near & (along > along[near].max() - _OUTER_M)
        return int(np.argmin(np.where(outer, beside, np.inf)))

    def _of(self, parts: Iterable[str]) -> BoolArray:
        return np.isin(self.leader, [self.model.joint(name) for name in parts])
