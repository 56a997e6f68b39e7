"""What may be asked of an export: every option once, with its default, its words and its help.

`ExportOptions` is what a job of `mocap.export` takes; `mocap.workflow.choices.ExportChoice` adds
what concerns a whole take; the command line makes its options of the fields of both. A new option
is a field here, and what the format that hears it does with it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from mocap.core.options import option

if TYPE_CHECKING:
    # The command line reads the options for its help: what writes files is loaded when it is used.
    from mocap.export.character.character import SkeletonStyle
    from mocap.export.placing import Placing

MESHES = ("body", "dummy", "bones", "none")
"""What bones may wear: `body`, the skin where there is one; `dummy`, double pyramids along the
bones; `none`; or `bones`: none, but a dummy in GLB, whose bones Blender turns into empties."""


@dataclass(frozen=True)
class ExportOptions:
    """What to write and how; every field says itself what it means."""

    names: str = option(
        "smplx", "Joint names: smplx (default), mixamo, humanik, rokoko, unreal, ue5, vrm."
    )
    name_prefix: str = option("", "Put before every joint name: mixamorig:.")
    bone_axis: str = option(
        "none", "Axis along bones: y Blender, x Maya.", words=("none", "y", "x", "mixamo")
    )
    pre_rotation: bool = option(
        False, "Keep rest rotations of FBX apart: zero rotations are the rest pose."
    )
    root_bone: bool = option(False, "Add a bone on the floor that carries the travel.")
    mesh: str = option(
        "body",
        "Skin: the body's, pyramids on bones, or none.",
        words=("body", "dummy", "none"),
    )
    max_influences: int | None = option(None, "Joints that may move one vertex.", least=1)
    order: str = option("ZXY", "Order of BVH rotation channels.  [default: ZXY]")
    unit: str | None = option(None, "Unit of BVH and FBX.", words=("m", "cm", "mm"))
    up: str | None = option(None, "Upward axis of BVH and FBX.", words=("y", "z"))
    fps: float | None = option(None, "Resample to this frame rate, every format.")
    start_s: float | None = option(None, "First second to write, of every format.", name="--start")
    end_s: float | None = option(None, "Last second to write, of every format.", name="--end")
    ground: bool = option(False, "Put the floor the feet stand on at height 0.")
    at_origin: bool = option(False, "Begin above the origin.")
    facing: str | None = option(None, "First frame's front: front, left, back, right or degrees.")
    rest_pose: str = option("t", "Pose at zero rotations.  [default: t]", words=("t", "a"))
    mirror: bool = option(False, "Swap left and right.")
    gaps: str | None = option(
        None, "Long gaps; refused when left out.", words=("interpolate", "hold", "split")
    )
    csv_layout: str = option(
        "tidy", "A row per keypoint (default), or a row per frame.", words=("tidy", "wide")
    )
    one_file: bool = option(False, "All people in one FBX, GLB or USD file.")
    verify: bool = option(False, "Read every file back and measure it in mm.")

    @property
    def style(self) -> SkeletonStyle:
        """Joint names, bone axis, root bone and skin, as the writers take them."""
        from mocap.export.character.character import SkeletonStyle

        return SkeletonStyle(
            names=self.names,
            name_prefix=self.name_prefix,
            bone_axis=self.bone_axis,
            root_bone=self.root_bone,
            max_influences=self.max_influences,
            pre_rotation=self.pre_rotation,
        )

    @property
    def placing(self) -> Placing:
        """Floor, origin and front of the clip."""
        from mocap.export.placing import Placing

        return Placing(self.ground, self.at_origin, self.facing)
