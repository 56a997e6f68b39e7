"""Body segments as ISB frames over time: what every angle and metric is computed from.

Axes of a segment (Wu et al. 2002, 2005): X forwards, Y up along the segment (towards the body's
centre in the limbs), Z to the person's right, on the left side too. A left limb's angles are those
of the right limb of the mirrored person, so that equal numbers mean equal anatomy on both sides.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from mocap.core.keypoints import mirrored_name
from mocap.core.rotation import unit
from mocap.core.shapes import Array, BoolArray, FloatArray, check_shapes, check_unique

SIDES = ("left", "right")
LIMB_SEGMENTS = ("humerus", "forearm", "hand", "femur", "tibia", "foot")
SEGMENTS = (
    "pelvis",
    "thorax",
    "head",
    *(f"{side}_{segment}" for side in SIDES for segment in LIMB_SEGMENTS),
)
LIMB_POINTS = (
    "shoulder",
    "elbow",
    "wrist",
    "hand",
    "hip",
    "knee",
    "ankle",
    "heel",
    "toe",
)
POINTS = (
    "pelvis",
    "neck",
    "head",
    *(f"{side}_{point}" for side in SIDES for point in LIMB_POINTS),
)

THORAX_ISB = "ISB thorax (Wu 2005) from virtual C7, IJ, PX and T8, fixed to the chest"
THORAX_CHEST = "chest joint of the body, upright in its rest pose (no virtual markers)"
THORAX_SHOULDER_LINE = "shoulder line and trunk line: NOT the chest wall (up to 30 deg apart)"

# A person facing the world's +X: X forwards, Y up, Z right are the world's X, Z, -Y.
LAB: FloatArray = np.array([[1.0, 0.0, 0.0], [0.0, 0.0, -1.0], [0.0, 1.0, 0.0]])
"""World from lab axes: the ISB frame of somebody who stands upright and faces world +X."""

_FLIP_Y = np.array([1.0, -1.0, 1.0])
_FLIP_Z = np.array([1.0, 1.0, -1.0])


@dataclass(frozen=True, eq=False)
class Segments:
    """Segment frames and joint centres of one person.

    Attributes:
        rotations: (frame, segment, 3, 3) world from segment in the order of `SEGMENTS`; NaN where
            a segment was not seen at all.
        axial_known: (frame, segment) False where only the long axis was measured and the turn
            about it is a guess or a prior.
        positions: (frame, point, 3) metres in the order of `POINTS`; NaN where unknown.
        fps: frames per second.
        thorax: which convention the thorax follows, one of the `THORAX_…` sentences.
        from_keypoints: True for segments spanned by keypoints alone.
        notes: sentences about what was guessed or filled.
    """

    rotations: FloatArray
    axial_known: BoolArray
    positions: FloatArray
    fps: float
    thorax: str
    from_keypoints: bool = False
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Check shapes."""
        check_shapes(
            self,
            rotations=f"frame {len(SEGMENTS)} 3 3",
            axial_known=f"frame {len(SEGMENTS)}",
            positions=f"frame {len(POINTS)} 3",
        )
        check_unique(self, "notes", self.notes)

    @property
    def frame_count(self) -> int:
        """Number of frames."""
        return len(self.rotations)

    @property
    def has_chest(self) -> bool:
        """Whether the thorax follows the chest, not the line between the shoulders."""
        return self.thorax != THORAX_SHOULDER_LINE

    def rotation(self, segment: str) -> FloatArray:
        """Return the frames (frame, 3, 3) of a segment."""
        return self.rotations[:, SEGMENTS.index(segment)]

    def known(self, segment: str) -> BoolArray:
        """Return where (frame,) the turn of a segment about its long axis was measured."""
        return self.axial_known[:, SEGMENTS.index(segment)]

    def position(self, point: str) -> FloatArray:
        """Return a point (frame, 3) in metres."""
        return self.positions[:, POINTS.index(point)]

    def relative(self, proximal: str, distal: str) -> FloatArray:
        """Return the distal segment in the axes of the proximal one (frame, 3, 3)."""
        return np.asarray(np.swapaxes(self.rotation(proximal), -1, -2) @ self.rotation(distal))

    def frames(self, start: int, end: int) -> Segments:
        """Return the frames from `start` to `end` (exclusive)."""
        cut = slice(start, end)
        return replace(
            self,
            rotations=self.rotations[cut],
            axial_known=self.axial_known[cut],
            positions=self.positions[cut],
        )

    def turned(self, heading_deg: float) -> Segments:
        """Return the person in a world whose +X is the old heading, seen from above."""
        c, s = np.cos(np.deg2rad(heading_deg)), np.sin(np.deg2rad(heading_deg))
        new_from_old = np.array([[c, s, 0.0], [-s, c, 0.0], [0.0, 0.0, 1.0]])
        return replace(
            self,
            rotations=new_from_old @ self.rotations,
            positions=self.positions @ new_from_old.T,
        )

    def mirrored(self) -> Segments:
        """Return the mirror image at the plane y = 0: left and right have changed places.

        A mirrored frame is left-handed; turning its Z round makes it the ISB frame again.
        """
        segments = [SEGMENTS.index(mirrored_name(name)) for name in SEGMENTS]
        points = [POINTS.index(mirrored_name(name)) for name in POINTS]
        return replace(
            self,
            rotations=_FLIP_Y[:, None] * self.rotations[:, segments] * _FLIP_Z,
            axial_known=self.axial_known[:, segments],
            positions=self.positions[:, points] * _FLIP_Y,
        )


def frame_yz(y: Array, z: Array) -> FloatArray:
    """Return frames (..., 3, 3) with Y exactly along `y` and Z as near to `z` as it can be."""
    up = unit(y)
    forward = unit(np.cross(up, z))
    return np.stack([forward, up, np.cross(forward, up)], axis=-1)


def frame_zy(z: Array, y: Array) -> FloatArray:
    """Return frames (..., 3, 3) with Z exactly along `z` and Y as near to `y` as it can be."""
    right = unit(z)
    forward = unit(np.cross(y, right))
    return np.stack([forward, np.cross(right, forward), right], axis=-1)


def frame_yx(y: Array, x: Array) -> FloatArray:
    """Return frames (..., 3, 3) with Y exactly along `y` and X as near to `x` as it can be."""
    up = unit(y)
    right = unit(np.cross(x, up))
    return np.stack([np.cross(up, right), up, right], axis=-1)
