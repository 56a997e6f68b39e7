"""What may be asked of an export."""

from __future__ import annotations

from dataclasses import dataclass, field

from mocap.export.character.character import SkeletonStyle
from mocap.export.placing import Placing

MESHES = ("body", "dummy", "bones", "none")
"""What bones may wear, see `ExportOptions.mesh`."""


@dataclass(frozen=True)
class ExportOptions:
    """What to write and how.

    Attributes:
        style: joint names, bone axis, root bone, skin (FBX, GLB, USD; names also BVH and MOT).
        mesh: `body`, the skin where there is one; `dummy`, double pyramids along the bones; `none`;
            or `bones`: none, but a dummy in GLB, whose bones Blender turns into empties otherwise.
        order: order of the rotation channels of BVH.
        unit, up: other than a format's own (BVH and FBX).
        fps: resample to this rate; None keeps the take's.
        start_s, end_s: part of the take, both ends included; of every format.
        placing: floor, origin and front of the clip.
        rest_pose: `t` or `a`.
        mirror: swap left and right.
        gaps: `interpolate`, `hold` or `split` where a skeleton is unknown.
        csv_layout: `tidy` (a row per frame, person and keypoint) or `wide` (a row per frame).
        one_file: all characters in one file where the format allows it.
        take_name: name of the animation inside FBX, GLB and USD.
        verify: read every file back.
    """

    style: SkeletonStyle = field(default_factory=SkeletonStyle)
    mesh: str = "body"
    order: str = "ZXY"
    unit: str | None = None
    up: str | None = None
    fps: float | None = None
    start_s: float | None = None
    end_s: float | None = None
    placing: Placing = field(default_factory=Placing)
    rest_pose: str = "t"
    mirror: bool = False
    gaps: str = "interpolate"
    csv_layout: str = "tidy"
    one_file: bool = False
    take_name: str = "Take 001"
    verify: bool = False
