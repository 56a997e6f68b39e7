"""Write a motion into the file of somebody's own character."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mocap.core.errors import InputError
from mocap.core.files.reading import reading
from mocap.core.motion import SkeletonMotion
from mocap.export.character.character import check_motion
from mocap.export.onto import fbx_splice, glb_splice
from mocap.export.onto.fbx_rig import FbxCharacter, read_character
from mocap.export.onto.glb_rig import read_rig
from mocap.export.onto.joints import FINGERS, JointMap, joint_map
from mocap.export.onto.retarget import retargeted
from mocap.export.onto.rig import CharacterRig
from mocap.export.onto.solved import Solved, Standing

# Rates that differ by less are one: NTSC's are a thousandth apart.
_SAME_RATE = 1e-4

SUFFIXES = (".fbx", ".glb")


@dataclass(eq=False)
class Hero:
    """A character's file as it was read; `fbx` for FBX files."""

    path: Path
    rig: CharacterRig
    fbx: FbxCharacter | None = None


@dataclass(frozen=True, eq=False)
class Onto:
    """What was written.

    Attributes:
        path: the file.
        solved: what its nodes do.
        joints: which node is which joint.
        remarks: sentences the user should read.
    """

    path: Path
    solved: Solved
    joints: JointMap
    remarks: tuple[str, ...]


def read_hero(path: Path) -> Hero:
    """Return the rig of an FBX or GLB file.

    Raises:
        InputError: no such file, another format, damaged, or without a skeleton.
    """
    if path.suffix.lower() not in SUFFIXES:
        raise InputError(f"{path} is neither FBX or GLB by its name. Export the character as one.")
    if not path.is_file():
        raise InputError(f"there is no file {path}. Correct --onto.")
    # A damaged number overflows quietly and is found below.
    with np.errstate(all="ignore"):
        if path.suffix.lower() == ".glb":
            hero = Hero(path, read_rig(path))
        else:
            character = read_character(path)
            hero = Hero(path, character.rig, character)
        whole = bool(np.isfinite(hero.rig.world()).all())
    if not whole or not np.isfinite(hero.rig.bind_turn).all():
        raise InputError(
            f"{path} is damaged: bones stand where no number says. Export the character again."
        )
    return hero


def write_onto(
    hero: Path,
    path: Path,
    motion: SkeletonMotion,
    standing: Standing | None,
    *,
    take_name: str = "Take 001",
    map_file: Path | None = None,
) -> Onto:
    """Write a copy of a character's file with one more animation: our motion on its bones.

    Args:
        hero: FBX (binary 7.x) or GLB file; it is not changed.
        path: file to write, of the same kind.
        motion: SMPL-X names, T-pose at rest, metres, Z up, no gaps.
        standing: when feet stand on which floor; None leaves them as they come.
        take_name: name of the animation.
        map_file: which bone is which joint, where names do not say it.

    Raises:
        InputError: the file cannot be read, or joints are not found.
        ExportError: the motion has gaps or no frames.
    """
    check_motion(motion)
    read = read_hero(hero)
    with reading(hero, "a character that can be moved", "Export the character again."):
        joints = joint_map(read.rig, hero.name, map_file)
        solved = retargeted(read.rig, joints, motion, standing)
        if read.fbx is not None:
            fbx_splice.write(read.fbx, solved, path, take_name)
        else:
            glb_splice.write(hero, read.rig, solved, path, take_name)
    return Onto(path, solved, joints, _remarks(read, joints, solved))


def _remarks(hero: Hero, joints: JointMap, solved: Solved) -> tuple[str, ...]:
    """Return what the user should know about the fit of a rig."""
    name = hero.path.name
    said = [f"{name}: legs {solved.scale:.2f} times as long as the person's"]
    if "after" in solved.drift_mm:
        said[0] += (
            f"; standing feet drift {solved.drift_mm['after']:.1f} mm"
            f" ({solved.drift_mm['before']:.0f} mm before the foot lock was solved on its legs)"
        )
    said[0] += "."
    fingers = sum(
        f"{side}_{each}1" in joints.nodes for side in ("left", "right") for each in FINGERS
    )
    if fingers < 2 * len(FINGERS):
        said.append(f"{name}: {fingers} of 10 fingers were found; the others stay as they are.")
    missing = [
        each
        for each in ("left_collar", "right_collar", "left_foot", "right_foot", "head")
        if each not in joints.nodes
    ]
    if missing:
        said.append(f"{name}: no bone for {', '.join(missing)}; what they do is left out.")
    theirs = 0.0 if hero.fbx is None else hero.fbx.fps
    if theirs and abs(theirs - solved.fps) > _SAME_RATE * theirs:
        said.append(
            f"{name}: its time line has {theirs:g} frames per second and stays so; the motion has "
            f"{solved.fps:g}, so that keys lie between frames; --fps {theirs:g} avoids it."
        )
    return tuple(said)
