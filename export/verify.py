"""Read back what was written and measure how far the joints are from where they were.

FBX and GLB are read by this project's own readers. They parse the file anew but share axes, time
and rotation formulas with the writers, so they find a damaged or mixed-up file, not a convention
that was misunderstood; `make validators` does that with other programs. BVH is read by pybvh where
it is installed, C3D by ezc3d. MOT, STO, NPZ, CSV and USD are not read back.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from mocap.core.errors import ExportError
from mocap.core.motion import SkeletonMotion
from mocap.core.points import Points3D
from mocap.core.shapes import Array, FloatArray
from mocap.export.axes import AXES, axes_of
from mocap.export.character.character import Character, SkeletonStyle
from mocap.export.character.influences import strongest
from mocap.export.character.names import renamed
from mocap.export.character.unwrap import cut_open
from mocap.export.read_motion import ReadScene

# The first skin is compared in so many frames, from the first to the last.
_SKIN_FRAMES = 5


@dataclass(frozen=True)
class ReadBack:
    """What a file holds compared with what it should hold.

    Attributes:
        path: the file.
        reader: what read it.
        joint_error_mm: largest distance of any joint or marker in any frame.
        skin_error_mm: largest distance of any vertex in a few frames; None without a skin.
        frame_rate_error: relative.
    """

    path: Path
    reader: str
    joint_error_mm: float
    skin_error_mm: float | None
    frame_rate_error: float

    def sentence(self) -> str:
        """Return one line for people."""
        skin = "" if self.skin_error_mm is None else f", skin {self.skin_error_mm:.4f} mm"
        rate = (
            ""
            if self.frame_rate_error < 1e-6
            else f", frame rate off by {self.frame_rate_error:.1e}"
        )
        return (
            f"{self.path.name}: joints within {self.joint_error_mm:.4f} mm{skin}{rate} "
            f"(read by {self.reader})"
        )


def verify_characters(
    path: Path | str,
    characters: Sequence[Character],
    style: SkeletonStyle,
    *,
    unit: str | None = None,
    up: str | None = None,
) -> ReadBack:
    """Compare a BVH, FBX or GLB file with the characters it was written from.

    Raises:
        ExportError: the format cannot be read back, or joints or frames are missing.
    """
    path = Path(path)
    suffix = path.suffix.lower()
    count = len(characters[0].motion.root_positions)
    frames = sorted({int(frame) for frame in np.linspace(0, count - 1, _SKIN_FRAMES)})
    scene, reader = _read(path, suffix, frames, unit, up)
    errors, skins = [], []
    for character in characters:
        namespace = f"{character.name}:" if len(characters) > 1 else ""
        names = tuple(
            namespace + style.name_prefix + name
            for name in renamed(character.motion.joint_names, style.names)
        )
        missing = sorted(set(names) - set(scene.joint_names))
        if missing or len(scene.times_s) < len(character.motion.root_positions):
            raise ExportError(
                f"{path.name} was written wrongly: {len(missing)} joints and "
                f"{len(character.motion.root_positions) - len(scene.times_s)} frames are missing."
            )
        errors.append(_joint_error(character.motion, scene.joints(names)))
    first = characters[0]
    if scene.vertices and first.mesh is not None:
        skins = [
            _skin_error(first, style, frame, vertices, morphed=suffix == ".glb")
            for frame, vertices in zip(frames, scene.vertices, strict=True)
        ]
    fps = first.motion.fps
    return ReadBack(
        path=path,
        reader=reader,
        joint_error_mm=1000.0 * max(errors),
        skin_error_mm=1000.0 * max(skins) if skins else None,
        frame_rate_error=abs(scene.fps / fps - 1.0) if count > 1 else 0.0,
    )


def _read(
    path: Path, suffix: str, frames: list[int], unit: str | None, up: str | None
) -> tuple[ReadScene, str]:
    """Return a file's joints and the name of the reader."""
    if suffix == ".fbx":
        from mocap.export.fbx import reader as read_fbx

        return read_fbx.read(path, skin_frames=frames), "mocap-studio"
    if suffix == ".glb":
        from mocap.export.glb import reader as read_glb

        return read_glb.read(path, skin_frames=frames), "mocap-studio"
    if suffix != ".bvh":
        raise ExportError(f"'{suffix}' files are not read back; known are .bvh, .fbx and .glb.")
    if find_spec("pybvh") is not None:
        return _read_with_pybvh(path, unit, up), "pybvh"
    from mocap.export.bvh import reader as bvh_read

    motion = bvh_read.read(path, unit=unit or "cm", up=up or "y")
    times = np.arange(len(motion.root_positions)) / motion.fps
    positions, _ = motion.forward_kinematics()
    return ReadScene(motion.joint_names, times, positions), "mocap-studio"


def _read_with_pybvh(path: Path, unit: str | None, up: str | None) -> ReadScene:
    import pybvh

    loaded = pybvh.read_bvh_file(path, warn_on_world_up_disagreement=False)
    positions = np.asarray(loaded.joint_positions())
    return ReadScene(
        joint_names=tuple(loaded.joint_names),
        times_s=np.arange(len(positions)) * float(loaded.frame_time),
        positions=axes_of("bvh", unit, up).world_points(positions),
    )


def _joint_error(motion: SkeletonMotion, found: Array) -> float:
    """Return the largest distance in metres."""
    expected, _ = motion.forward_kinematics()
    return float(np.linalg.norm(found[: len(expected)] - expected, axis=-1).max())


def _skin_error(
    character: Character,
    style: SkeletonStyle,
    frame: int,
    vertices: FloatArray,
    *,
    morphed: bool,
) -> float:
    """Return the largest distance in metres of the skin in one frame, with or without its face."""
    assert character.mesh is not None
    shape = character.shape
    shown = morphed and shape is not None and character.mesh.morph_names
    expression = shape.expression[frame] if shown and shape.expression is not None else None
    mesh = strongest(character.mesh, style.max_influences)
    one = SkeletonMotion(
        character.motion.joint_names,
        character.motion.parents,
        character.motion.rest_offsets,
        character.motion.local_rotations_wxyz[frame : frame + 1],
        character.motion.root_positions[frame : frame + 1],
        character.motion.fps,
    )
    positions, rotations = one.forward_kinematics()
    expected = mesh.posed(one.rest_positions(), positions[0], rotations[0], expression)
    if morphed:  # GLB: cut open for its texture coordinates
        expected = expected[cut_open(mesh).vertices]
    return float(np.linalg.norm(vertices - expected, axis=-1).max())


def verify_points(
    path: Path | str, points: Points3D, *, person_id: int | None = None, unit: str = "m"
) -> ReadBack:
    """Compare a TRC or C3D file with the keypoints it was written from.

    Raises:
        ExportError: the format cannot be read back, or a gap was filled or a marker lost.
    """
    path = Path(path)
    person = points.person_index(person_id)
    expected = np.asarray(points.xyz[:, person], dtype=np.float64)
    if path.suffix.lower() == ".trc":
        found, fps = read_trc(path, unit)
        reader = "mocap-studio"
    elif path.suffix.lower() == ".c3d":
        found, fps, reader = _read_c3d(path)
        found = found[:, : expected.shape[1]]
    else:
        raise ExportError(f"'{path.suffix}' files are not read back; known are .trc and .c3d.")
    known = np.isfinite(expected).all(axis=-1)
    if found.shape != expected.shape or (known != np.isfinite(found).all(axis=-1)).any():
        raise ExportError(
            f"{path.name} was written wrongly: markers or gaps are not where they were."
        )
    distance = np.linalg.norm(found - expected, axis=-1)[known]
    return ReadBack(
        path=path,
        reader=reader,
        joint_error_mm=1000.0 * float(distance.max(initial=0.0)),
        skin_error_mm=None,
        frame_rate_error=abs(fps / points.fps - 1.0),
    )


def read_trc(path: Path, unit: str = "m") -> tuple[FloatArray, float]:
    """Return marker positions (frame, marker, 3) in metres, Z up, and the frame rate."""
    lines = path.read_text(encoding="utf-8").split("\n")
    fps = float(lines[2].split("\t")[0])
    rows = [line.split("\t")[2:] for line in lines[6:] if line]
    values = np.array([[float(cell) if cell else np.nan for cell in row] for row in rows])
    axes = AXES["trc" if unit == "m" else "trc_mm"]
    return axes.world_points(values.reshape(len(rows), -1, 3)), fps


def _read_c3d(path: Path) -> tuple[FloatArray, float, str]:
    """Return marker positions (frame, marker, 3) in metres, NaN where missing; rate; reader."""
    import ezc3d

    loaded = ezc3d.c3d(str(path))
    millimetres = loaded["data"]["points"][:3].transpose(2, 1, 0)
    missing = loaded["data"]["meta_points"]["residuals"][0].T < 0
    found = AXES["c3d"].world_points(millimetres)
    found[missing] = np.nan
    return found, float(loaded["parameters"]["POINT"]["RATE"]["value"][0]), "ezc3d"
