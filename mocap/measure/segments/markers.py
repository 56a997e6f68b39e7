"""Virtual markers: places on the skin of the body in its rest pose, fixed to a joint.

A mesh has no bones to feel. Each marker is found by a rule on the rest shape; the rules are the
documented convention, and the same for every person and every body model.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mocap.core.errors import BodyError
from mocap.core.mesh import SkinnedMesh
from mocap.core.motion import SkeletonMotion
from mocap.core.shapes import BoolArray, FloatArray, IntArray, check_shapes, check_unique

# The midline of the skin: a strip wide enough to hold vertices of a body of 10 000 of them.
_MIDLINE_M = 0.02
# Vertices this near in height count as one level.
_LEVEL_M = 0.02
# The sternum from the notch to the xiphoid process is about a tenth of the body height (Clauser
# et al. 1969 give 0.10 to 0.11 between suprasternale and substernale).
_STERNUM_SHARE = 0.10


@dataclass(frozen=True, eq=False)
class RestMarkers:
    """Markers fixed to joints.

    Attributes:
        names: C7, IJ, PX, T8, left_heel, right_heel, left_toe, right_toe.
        joints: (marker,) joint that carries each.
        offsets: (marker, 3) metres from that joint in the rest pose, world axes.
    """

    names: tuple[str, ...]
    joints: tuple[str, ...]
    offsets: FloatArray

    def __post_init__(self) -> None:
        """Check shapes and names."""
        check_shapes(self, names="marker", joints="marker", offsets="marker 3")
        check_unique(self, "names", self.names)

    def offset(self, name: str) -> FloatArray:
        """Return the offset (3,) of a marker from its joint."""
        return self.offsets[self.names.index(name)]


def rest_positions(motion: SkeletonMotion) -> FloatArray:
    """Return the joints (joint, 3) in the rest pose, root at the origin."""
    out = np.zeros_like(motion.rest_offsets)
    for joint, parent in enumerate(motion.parents):
        if parent >= 0:
            out[joint] = out[parent] + motion.rest_offsets[joint]
    return out


def virtual_markers(mesh: SkinnedMesh, motion: SkeletonMotion) -> RestMarkers:
    """Find the markers on the skin in the rest pose.

    C7: back of the midline at the height of the neck joint. IJ: front of the midline at the
    height of the inner ends of the clavicles. PX: front of the midline a tenth of the body height
    below IJ. T8: back of the midline at the height of PX. Heel: rearmost skin of the foot near the
    floor; toe: foremost skin of the foot.

    Raises:
        BodyError: the skeleton lacks a joint, or the skin has no vertex where a rule looks.
    """
    rest = rest_positions(motion)
    finder = _Finder(mesh, motion, rest)
    neck, collar = finder.height("neck"), finder.height("left_collar")
    body_height = float(np.ptp(mesh.vertices[:, 2]))
    xiphoid = collar - _STERNUM_SHARE * body_height
    found = {
        "C7": ("spine3", finder.midline(neck, front=False)),
        "IJ": ("spine3", finder.midline(collar, front=True)),
        "PX": ("spine3", finder.midline(xiphoid, front=True)),
        "T8": ("spine3", finder.midline(xiphoid, front=False)),
    }
    for side in ("left", "right"):
        found[f"{side}_heel"] = (f"{side}_ankle", finder.heel(side))
        found[f"{side}_toe"] = (f"{side}_ankle", finder.toe(side))
    joints = tuple(joint for joint, _ in found.values())
    offsets = np.stack([point - rest[finder.joint(joint)] for joint, point in found.values()])
    return RestMarkers(tuple(found), joints, offsets)


class _Finder:
    """Look for skin by height, side and the joint that moves it; the rest pose faces -Y."""

    def __init__(self, mesh: SkinnedMesh, motion: SkeletonMotion, rest: FloatArray) -> None:
        self.vertices = np.asarray(mesh.vertices, dtype=np.float64)
        rows = np.arange(len(self.vertices))
        self.leader: IntArray = mesh.joints[rows, np.argmax(mesh.weights, axis=1)]
        self.names = motion.joint_names
        self.rest = rest

    def joint(self, name: str) -> int:
        if name not in self.names:
            raise BodyError(
                f"the skeleton has no joint '{name}'; virtual markers need SMPL-X names."
            )
        return self.names.index(name)

    def height(self, joint: str) -> float:
        return float(self.rest[self.joint(joint), 2])

    def midline(self, height_m: float, *, front: bool) -> FloatArray:
        """Return the point of the midline at a height: x = 0, the level's outermost y."""
        at = np.abs(self.vertices[:, 0]) < _MIDLINE_M
        at &= np.abs(self.vertices[:, 2] - height_m) < _LEVEL_M
        level = self._chosen(at, f"the midline at {height_m:.2f} m")[:, 1]
        return np.array([0.0, level.min() if front else level.max(), height_m])

    def heel(self, side: str) -> FloatArray:
        """Return the rearmost point of the foot's lower half."""
        foot = self._foot(side)
        low = foot[foot[:, 2] < foot[:, 2].min() + 0.05]
        return np.asarray(low[np.argmax(low[:, 1])])

    def toe(self, side: str) -> FloatArray:
        foot = self._foot(side)
        return np.asarray(foot[np.argmin(foot[:, 1])])

    def _foot(self, side: str) -> FloatArray:
        of = [self.joint(f"{side}_{name}") for name in ("ankle", "foot")]
        return self._chosen(np.isin(self.leader, of), f"the {side} foot")

    def _chosen(self, at: BoolArray, what: str) -> FloatArray:
        if not at.any():
            raise BodyError(f"the body's skin has no vertex at {what}; the mesh is too coarse.")
        return self.vertices[at]
