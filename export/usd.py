"""USD: skeleton, skin and animation as UsdSkel. Needs the extra `usd` (usd-core).

Metres, Y up; one time code is one frame, so the frame rate is exact.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from mocap.core.body.mesh import SkinnedMesh
from mocap.core.errors import ExportError, MissingExtraError
from mocap.core.rotation import quaternion_wxyz_from_matrix
from mocap.core.shapes import Array
from mocap.core.store import atomic_write
from mocap.export.axes import AXES
from mocap.export.character.character import (
    Character,
    FileSkeleton,
    SkeletonStyle,
    file_skeleton,
    skin_notes,
)
from mocap.export.character.influences import strongest
from mocap.export.character.unwrap import SKIN_COLOUR, unwrapped
from mocap.export.quaternions import continuous, multiply


def write(
    characters: Character | Sequence[Character],
    path: Path | str,
    *,
    style: SkeletonStyle | None = None,
) -> tuple[str, ...]:
    """Write characters with their motion; return what the format cannot say.

    Args:
        characters: one, or several with the same frame rate.
        path: file to write, `.usdc` (binary) or `.usda` (text).
        style: joint names, bone axis, root bone, with or without skin. Signs that USD paths
            cannot hold (`:`) become underscores.

    Raises:
        MissingExtraError: usd-core is not installed.
        ExportError: nothing to write, gaps, unknown options, or frame rates that differ.
    """
    try:
        from pxr import Usd, UsdGeom
    except ImportError as problem:
        raise MissingExtraError(
            "writing USD needs usd-core: pip install 'mocap-studio[usd]' (210 MB)."
        ) from problem
    style = style or SkeletonStyle()
    cast = [characters] if isinstance(characters, Character) else list(characters)
    skeletons = [file_skeleton(character, AXES["usd"], style) for character in cast]
    rates = {each.fps for each in skeletons}
    if len(rates) != 1:
        raise ExportError(f"one USD file needs one frame rate; got {sorted(rates) or 'nobody'}.")
    fps = rates.pop()
    with atomic_write(Path(path)) as temporary:
        temporary.unlink()
        stage = Usd.Stage.CreateNew(str(temporary))
        UsdGeom.SetStageUpAxis(stage, UsdGeom.Tokens.y)
        UsdGeom.SetStageMetersPerUnit(stage, 1.0)
        stage.SetStartTimeCode(0)
        stage.SetEndTimeCode(max(each.frame_count for each in skeletons) - 1)
        stage.SetTimeCodesPerSecond(fps)
        stage.SetFramesPerSecond(fps)
        for character, skeleton in zip(cast, skeletons, strict=True):
            mesh = character.mesh if style.with_mesh else None
            _add_character(stage, _prim_name(character.name), skeleton, mesh, style)
        stage.SetDefaultPrim(stage.GetPrimAtPath("/" + _prim_name(cast[0].name)))
        stage.GetRootLayer().comment = skin_notes(cast, style)
        stage.GetRootLayer().Save()
    return ()


def _prim_name(name: str) -> str:
    """Return a name as USD accepts it in paths."""
    clean = re.sub(r"\W", "_", name, flags=re.ASCII)
    return f"_{clean}" if clean[:1].isdigit() else clean


def _add_character(
    stage: Any, name: str, skeleton: FileSkeleton, mesh: SkinnedMesh | None, style: SkeletonStyle
) -> None:
    """Add a skeleton, its motion and its skin below `/name`."""
    from pxr import UsdSkel, Vt

    UsdSkel.Root.Define(stage, f"/{name}")
    bones = UsdSkel.Skeleton.Define(stage, f"/{name}/Skeleton")
    paths: list[str] = []
    for parent, joint in zip(skeleton.parents, skeleton.joint_names, strict=True):
        above = f"{paths[parent]}/" if parent >= 0 else ""
        paths.append(above + _prim_name(joint))
    bones.CreateJointsAttr(paths)
    local = np.tile(np.eye(4), (len(paths), 1, 1))
    for joint in range(len(paths)):
        local[joint, :3, :3] = skeleton.rest_rotation(joint)
        local[joint, :3, 3] = skeleton.rest_translation(joint)
    bones.CreateBindTransformsAttr(Vt.Matrix4dArray(_matrices(skeleton.rest_matrices())))
    bones.CreateRestTransformsAttr(Vt.Matrix4dArray(_matrices(local)))
    _add_motion(stage, f"/{name}/Animation", skeleton, paths, local[:, :3, 3])
    binding = UsdSkel.BindingAPI.Apply(bones.GetPrim())
    binding.CreateAnimationSourceRel().SetTargets([f"/{name}/Animation"])
    if mesh is not None:
        _add_skin(stage, name, skeleton, strongest(mesh, style.max_influences))


def _matrices(values: Array) -> list[Any]:
    """Return matrices in USD's convention: points are rows."""
    from pxr import Gf

    return [Gf.Matrix4d(*matrix.T.ravel().tolist()) for matrix in values]


def _add_motion(
    stage: Any, path: str, skeleton: FileSkeleton, joints: list[str], rest: Array
) -> None:
    """Add the local transform of every joint in every frame."""
    from pxr import Gf, UsdSkel, Vt

    animation = UsdSkel.Animation.Define(stage, path)
    animation.CreateJointsAttr(joints)
    animation.CreateScalesAttr().Set(Vt.Vec3hArray([Gf.Vec3h(1)] * len(joints)))
    turns = np.zeros((skeleton.frame_count, len(joints), 4), dtype=np.float32)
    for joint in range(len(joints)):
        before = quaternion_wxyz_from_matrix(skeleton.rest_rotation(joint))
        turns[:, joint] = continuous(multiply(before, skeleton.turns_wxyz(joint)))
    translations, rotations = animation.CreateTranslationsAttr(), animation.CreateRotationsAttr()
    places = rest.astype(np.float32)
    for frame in range(skeleton.frame_count):
        for joint, values in skeleton.translations.items():
            places[joint] = values[frame]
        translations.Set(Vt.Vec3fArray.FromNumpy(places), frame)
        quaternions = [Gf.Quatf(*values) for values in turns[frame].tolist()]
        rotations.Set(Vt.QuatfArray(quaternions), frame)


def _add_skin(stage: Any, name: str, skeleton: FileSkeleton, mesh: SkinnedMesh) -> None:
    """Add the skin and bind it."""
    from pxr import Gf, Sdf, UsdGeom, UsdSkel, Vt

    body = UsdGeom.Mesh.Define(stage, f"/{name}/Body")
    vertices = skeleton.skin_vertices(mesh).astype(np.float32)
    body.CreatePointsAttr(Vt.Vec3fArray.FromNumpy(vertices))
    body.CreateFaceVertexCountsAttr([3] * len(mesh.faces))
    body.CreateFaceVertexIndicesAttr(Vt.IntArray.FromNumpy(mesh.faces.astype(np.int32).ravel()))
    body.CreateSubdivisionSchemeAttr("none")
    normals = mesh.normals() @ skeleton.axes.file_from_world.T
    body.CreateNormalsAttr(Vt.Vec3fArray.FromNumpy(normals.astype(np.float32)))
    body.SetNormalsInterpolation("vertex")
    picture = unwrapped(mesh)
    kind = Sdf.ValueTypeNames.TexCoord2fArray
    places = UsdGeom.PrimvarsAPI(body).CreatePrimvar("st", kind, UsdGeom.Tokens.faceVarying)
    places.Set(Vt.Vec2fArray.FromNumpy(picture.places.astype(np.float32)))
    places.SetIndices(Vt.IntArray.FromNumpy(picture.corners.astype(np.int32).ravel()))
    body.CreateDisplayColorAttr([Gf.Vec3f(*SKIN_COLOUR)])
    binding = UsdSkel.BindingAPI.Apply(body.GetPrim())
    binding.CreateSkeletonRel().SetTargets([f"/{name}/Skeleton"])
    binding.CreateGeomBindTransformAttr(Gf.Matrix4d(1))
    width = mesh.joints.shape[1]
    joints = np.where(mesh.weights > 0, mesh.joints + skeleton.mesh_joint, 0).astype(np.int32)
    binding.CreateJointIndicesPrimvar(False, width).Set(Vt.IntArray.FromNumpy(joints.ravel()))
    weights = mesh.weights.astype(np.float32).ravel()
    binding.CreateJointWeightsPrimvar(False, width).Set(Vt.FloatArray.FromNumpy(weights))
