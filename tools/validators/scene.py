"""The test person, the files written from it, and the truth they are compared with."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from mocap.body.model import load_free_body
from mocap.body.skin import skinned_mesh
from mocap.core.camera import Calibration, Camera
from mocap.core.keypoints import COCO_17_FEET
from mocap.core.points import Points3D, Source
from mocap.core.shapes import FloatArray
from mocap.core.transform import look_at
from mocap.export import bvh, fbx, glb
from mocap.export.character.character import Character, SkeletonStyle
from mocap.export.character.influences import strongest
from mocap.export.character.names import renamed
from mocap.synthetic.motion.motion import body_keypoints, walk
from mocap.synthetic.motion.random_motion import points_of
from mocap.synthetic.motion.spinning import spinning_body

FRAMES = 90
FPS = 60.0
SKIN_FRAMES = (0, 41, FRAMES - 1)
PRE_ROTATION = "pre_rotation"
"""Name of the file with rest rotations kept apart, which assimp 5 reads wrongly."""
FRAME_RATES = (24.0, 25.0, 30.0, 48.0, 50.0, 59.94, 60.0 / 1.001, 60.0, 90.0, 100.0, 120.0)


@dataclass(frozen=True, eq=False)
class Written:
    """One file and what is in it.

    Attributes:
        path: the file.
        joint_names: as written, in the order of the truth.
        positions: (frame, joint, 3) in the world, metres, Z up.
        skins: (vertex, 3) in `SKIN_FRAMES`; empty without a skin.
        fps: frames per second.
        plain: no vertex follows more than four joints, which some readers need.
        people: how many skeletons the file holds; the truth is of one of them.
        take: name of the animation when the file has several.
    """

    path: Path
    joint_names: tuple[str, ...]
    positions: FloatArray
    skins: tuple[FloatArray, ...]
    fps: float
    plain: bool = True
    people: int = 1
    take: str = ""


def person() -> Character:
    """Return the skinned person with fast spins and, as a licensed skin has, a note."""
    skin = skinned_mesh(load_free_body())
    return Character(spinning_body(FRAMES, FPS), skin, "Ann", note="Two lines\nthat must be said.")


def write_all(folder: Path) -> list[Written]:
    """Write the test files and return them with their truth."""
    full = person()
    assert full.mesh is not None
    four = replace(full, mesh=strongest(full.mesh, 4))
    out = []
    for axis in ("none", "y", "x", "mixamo"):
        style = SkeletonStyle(bone_axis=axis)
        out.append(_character(folder / f"axis_{axis}.fbx", four, style))
        out.append(_character(folder / f"axis_{axis}.glb", four, style))
    root = SkeletonStyle(names="ue5", bone_axis="x", root_bone=True)
    out.append(_character(folder / "root_bone.fbx", four, root))
    out.append(_character(folder / "root_bone.glb", four, root))
    out.append(_character(folder / "all_weights.fbx", full, SkeletonStyle()))
    out.append(_character(folder / "all_weights.glb", full, SkeletonStyle()))
    mixamo = SkeletonStyle(names="mixamo", with_mesh=False)
    out.append(_character(folder / "no_skin.fbx", four, mixamo))
    apart = SkeletonStyle(bone_axis="x", pre_rotation=True)
    out.append(_character(folder / f"{PRE_ROTATION}.fbx", four, apart))
    out += _two_people(folder, four)
    for order in ("ZXY", "ZYX", "XYZ"):
        path = folder / f"order_{order}.bvh"
        bvh.write(full.motion, path, order=order)
        out.append(_truth(path, replace(full, mesh=None), SkeletonStyle()))
    return out


def write_frame_rates(folder: Path) -> list[Written]:
    """Write short FBX files at every frame rate."""
    out = []
    for fps in FRAME_RATES:
        character = Character(spinning_body(12, fps))
        path = folder / f"rate_{fps:.5g}{'n' if fps == 60.0 / 1.001 else ''}.fbx"
        fbx.write(character, path)
        out.append(_truth(path, character, SkeletonStyle()))
    return out


def _two_people(folder: Path, first: Character) -> list[Written]:
    """Write two people into one file; the truth is of the second."""
    second = Character(spinning_body(FRAMES, FPS, seed=8), first.mesh, "Bob")
    out = []
    for path, write in ((folder / "two.fbx", fbx.write), (folder / "two.glb", glb.write)):
        write([first, second], path)
        alone = _truth(path, replace(second, mesh=None), SkeletonStyle())
        names = tuple(f"Bob:{name}" for name in alone.joint_names)
        out.append(replace(alone, joint_names=names, people=2))
    return out


def _character(path: Path, character: Character, style: SkeletonStyle) -> Written:
    if path.suffix == ".fbx":
        fbx.write(character, path, style=style)
    else:
        glb.write(character, path, style=style, calibration=_cameras())
    return _truth(path, character, style)


def _truth(path: Path, character: Character, style: SkeletonStyle) -> Written:
    motion, mesh = character.motion, character.mesh
    positions, rotations = motion.forward_kinematics()
    skins: tuple[FloatArray, ...] = ()
    if mesh is not None and style.with_mesh:
        rest = motion.rest_positions()
        skins = tuple(mesh.posed(rest, positions[f], rotations[f]) for f in SKIN_FRAMES)
    return Written(
        path=path,
        joint_names=renamed(motion.joint_names, style.names),
        positions=positions,
        skins=skins,
        fps=motion.fps,
        plain=mesh is None or bool(((mesh.weights > 0).sum(axis=1) <= 4).all()),
    )


def _cameras() -> Calibration:
    """Return two cameras, to see that they do no harm."""
    matrix = np.array([[900.0, 0.0, 639.5], [0.0, 900.0, 359.5], [0.0, 0.0, 1.0]])
    target = np.array([0.0, 0.0, 1.0])
    return Calibration(
        tuple(
            Camera(name, (1280, 720), matrix, np.zeros(5), look_at(np.array(eye), target))
            for name, eye in (("left", (3.0, -3.0, 1.5)), ("right", (-3.0, -3.0, 1.5)))
        )
    )


def uneven_points() -> Points3D:
    """Return the person's joints as keypoints, with a gap and sigmas from 0.4 to 12 mm."""
    motion = spinning_body(FRAMES, FPS)
    xyz = motion.forward_kinematics()[0][:, None].copy()
    source = np.full(xyz.shape[:3], int(Source.MEASURED), dtype=np.uint8)
    xyz[5:9, 0, 3], source[5:9, 0, 3] = np.nan, Source.MISSING
    sigma = np.random.default_rng(1).uniform(0.0004, 0.012, source.shape)
    return Points3D(
        keypoint_names=motion.joint_names,
        person_ids=(0,),
        fps=FPS,
        xyz=xyz,
        covariance=np.eye(3) * sigma[..., None, None] ** 2,
        reprojection_error_px=np.ones(source.shape),
        view_count=np.full(source.shape, 4),
        source=source,
    )


def walking_points() -> Points3D:
    """Return the keypoints of two seconds of walking."""
    motion = walk(2.0, FPS)
    return points_of(body_keypoints(motion), COCO_17_FEET.keypoint_names, FPS, 0.005)
