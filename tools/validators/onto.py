"""A walk on characters of other makers: files that come back, and what must hold for them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import environments
import numpy as np
from scene import Written

from mocap.core.motion import SkeletonMotion
from mocap.core.shapes import FloatArray
from mocap.export.onto.job import Onto, write_onto
from mocap.export.onto.solved import Standing

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path.append(str(ROOT / "tests"))

TAKE = "walk"
DRIFT_MM, DIRECTION_DEG = 2.0, 1.0

# (name, style, rest pose, legs, arms): see `tests/foreign_rigs.py`.
BUILT = (
    ("mixamo_like.fbx", "mixamo", "t", 1.0, 1.0),
    ("mixamo_like.glb", "mixamo", "t", 1.0, 1.0),
    ("mixamo_a_pose.fbx", "mixamo", "a", 1.0, 1.0),
    ("stylised_t.fbx", "unreal", "t", 0.7, 1.3),
    ("stylised_a.glb", "mixamo", "a", 0.7, 1.3),
)
BONES = tuple(
    (f"{side}_{near}", f"{side}_{far}")
    for side in ("left", "right")
    for near, far in (("shoulder", "elbow"), ("elbow", "wrist"), ("hip", "knee"), ("knee", "ankle"))
)


@dataclass(frozen=True, eq=False)
class Hero:
    """A character that got the walk."""

    source: Path
    motion: SkeletonMotion
    onto: Onto
    written: Written


def write_all(folder: Path) -> list[Hero]:
    """Put the walk onto built characters and, where the data is, onto those of others."""
    from foreign_rigs import person, write_hero

    motion, standing = person(TAKE, 1.5)
    sources = []
    for name, style, pose, legs, arms in BUILT:
        write_hero(folder / name, style=style, pose=pose, legs=legs, arms=arms)
        sources.append(folder / name)
    data = os.environ.get("MOCAP_REAL_DATA")
    if data is None:
        print("skipped the characters of others: MOCAP_REAL_DATA is not set")
    else:
        # model-human.glb has a mesh and no skeleton: it is refused, which the tests check.
        sources += sorted((Path(data) / "characters").glob("human-*.glb"))
        sources += _as_fbx(sources[len(BUILT) :], folder)
    return [_hero(source, folder, motion, standing) for source in sources]


def _as_fbx(sources: list[Path], folder: Path) -> list[Path]:
    """Return characters as Blender writes them; none where Blender is not."""
    try:
        python = environments.python("blender").python
    except environments.Unavailable as reason:
        print(f"skipped characters as FBX: {reason}")
        return []
    targets = [folder / f"{source.stem}_blender.fbx" for source in sources]
    jobs = [[str(source), str(target)] for source, target in zip(sources, targets, strict=True)]
    (folder / "fbx_jobs.json").write_text(json.dumps(jobs))
    script = Path(__file__).resolve().parent / "make_fbx.py"
    command = [str(python), str(script), str(folder / "fbx_jobs.json")]
    subprocess.run(command, check=True, capture_output=True)
    return targets


def _hero(source: Path, folder: Path, motion: SkeletonMotion, standing: Standing) -> Hero:
    path = folder / f"onto_{source.name}"
    done = write_onto(source, path, motion, standing, take_name=TAKE)
    nodes = sorted({*done.joints.nodes.values(), *done.joints.spine, *done.joints.neck})
    from mocap.export.onto.job import read_hero

    names = read_hero(source).rig.names
    written = Written(
        path=path,
        joint_names=tuple(names[node] for node in nodes),
        positions=done.solved.positions[:, nodes],
        skins=(),
        fps=motion.fps,
        take=TAKE,
    )
    return Hero(source, motion, done, written)


def gates(heroes: list[Hero]) -> Iterator[tuple[str, str, str, float, float]]:
    """Give (tool, file, what, value, line): feet that stand, bones that point as ours."""
    for hero in heroes:
        name = hero.source.name
        drift = hero.onto.solved.drift_mm
        yield "onto", name, "stance drift", drift["after"], DRIFT_MM
        angles = direction_errors_deg(hero)
        yield "onto", name, "bones (deg)", float(np.median(angles)), DIRECTION_DEG


def direction_errors_deg(hero: Hero) -> FloatArray:
    """Return the angles (bone, frame) between our limbs and the character's."""
    columns = np.moveaxis(hero.motion.forward_kinematics()[0], 1, 0)
    ours = dict(zip(hero.motion.joint_names, columns, strict=True))
    places, nodes = hero.onto.solved.positions, hero.onto.joints.nodes
    out = []
    for near, far in BONES:
        one, other = ours[far] - ours[near], places[:, nodes[far]] - places[:, nodes[near]]
        cosine = np.sum(one * other, axis=-1) / (
            np.linalg.norm(one, axis=-1) * np.linalg.norm(other, axis=-1)
        )
        out.append(np.degrees(np.arccos(np.clip(cosine, -1.0, 1.0))))
    return np.array(out)
