"""C3D: keypoints and virtual markers with their uncertainty, events and segment rotations.

Millimetres, Z up, frames count from 1. A measured point's residual is its standard deviation per
axis; a point that was interpolated or extrapolated has residual 0, as the format's specification
asks; a missing one has residual -1.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from mocap.core.detections import Tracks2D
from mocap.core.errors import ExportError
from mocap.core.motion import SkeletonMotion
from mocap.core.points import Points3D, Source
from mocap.core.shapes import BoolArray, FloatArray
from mocap.core.store import atomic_write
from mocap.export.axes import AXES

# A frame stores a residual in 8 bits as a multiple of |POINT:SCALE|.
_RESIDUAL_STEPS = 255
# Residuals above this say "useless"; a larger scale would only blur the small ones.
_LARGEST_RESIDUAL_MM = 100.0
# Programs that convert a file to 16-bit positions take the same scale for them.
_POSITION_STEPS = 32_000

MASK_CAMERAS = 7
"""Cameras that fit into the mask of a point."""

# Frame numbers are 16 bits wide.
_MOST_FRAMES = 65_535
_MOST_MARKERS = 255

# Words 7 and 8 of the header, two bytes each, counted from 1.
_HEADER_SCALE_BYTE = 12


@dataclass(frozen=True)
class C3dEvent:
    """Something that happens at a moment: foot contact, ball release.

    Attributes:
        label: name of the event.
        time_s: seconds after the first frame.
        context: `Left`, `Right` or `General`.
    """

    label: str
    time_s: float
    context: str = "General"


@dataclass(frozen=True, eq=False)
class C3dExtras:
    """What a C3D file may hold beside the keypoints.

    Attributes:
        virtual_markers: positions (frame, 3) in metres, by name: anatomical landmarks of a body.
        events: in any order.
        segments: a skeleton whose world rotations go into the ROTATION group.
        cameras_seen: (frame, keypoint, camera) True where a camera saw a keypoint; the first
            seven cameras fit. See `cameras_seen`.
    """

    virtual_markers: Mapping[str, FloatArray] = field(default_factory=dict)
    events: Sequence[C3dEvent] = ()
    segments: SkeletonMotion | None = None
    cameras_seen: BoolArray | None = None


def cameras_seen(tracks: Tracks2D, person_id: int) -> BoolArray:
    """Return (frame, keypoint, camera) True where a camera saw a keypoint of a person."""
    person = tracks.person_ids.index(person_id)
    return np.asarray(np.moveaxis(tracks.confidence[:, :, person] > 0.0, 0, -1), dtype=np.bool_)


def write(
    points: Points3D,
    path: Path | str,
    *,
    person_id: int | None = None,
    extras: C3dExtras | None = None,
) -> tuple[str, ...]:
    """Write one person's keypoints as C3D; return what the format cannot say.

    Args:
        points: keypoints in metres, Z up.
        path: file to write, ending in `.c3d`; replaced as a whole or not at all.
        person_id: whose; may be left out when there is one person only.
        extras: virtual markers, events, segments, cameras.

    Raises:
        InputError: the person is unknown.
        ExportError: there are no frames or too many, names repeat, an extra has another number of
            frames, or an event no time.
    """
    import ezc3d

    extras = extras or C3dExtras()
    person = points.person_index(person_id)
    path = Path(path)
    labels = [*points.keypoint_names, *extras.virtual_markers]
    _check(points, path, labels, extras)
    xyz = np.concatenate(
        [points.xyz[:, person], *(values[:, None] for values in extras.virtual_markers.values())],
        axis=1,
    )
    scale = _scale(points, person, xyz)
    file = ezc3d.c3d()
    _fill_parameters(file, labels, points.fps, scale, len(points.keypoint_names))
    metres = AXES["c3d"].points(xyz).transpose(2, 1, 0)
    file["data"]["points"] = np.concatenate([metres, np.ones((1, *metres.shape[1:]))])
    for event in sorted(extras.events, key=lambda each: each.time_s):
        minutes = int(event.time_s // 60.0)
        at = [minutes, event.time_s - 60.0 * minutes]
        file.add_event(at, context=event.context, label=event.label)
    if extras.segments is not None:
        _add_rotations(file, extras.segments)
    words = _fourth_words(points, person, xyz, scale, extras.cameras_seen)
    with atomic_write(path) as temporary:
        file.write(str(temporary))
        _complete(temporary, words, scale)
    return _remarks(extras)


def _check(points: Points3D, path: Path, labels: list[str], extras: C3dExtras) -> None:
    """Raise ExportError for what C3D cannot hold."""
    frames = len(points.xyz)
    if path.suffix.lower() != ".c3d":
        raise ExportError(f"{path.name} must end in .c3d.")
    if not 0 < frames <= _MOST_FRAMES:
        raise ExportError(f"C3D holds 1 to {_MOST_FRAMES} frames; the take has {frames}. Trim it.")
    if len(set(labels)) != len(labels) or len(labels) > _MOST_MARKERS:
        raise ExportError(
            f"C3D needs at most {_MOST_MARKERS} different marker names; got {len(labels)}, "
            f"{len(set(labels))} of them different."
        )
    timeless = [each.label for each in extras.events if not 0.0 <= each.time_s < np.inf]
    if timeless:
        raise ExportError(
            f"C3D holds events at seconds after the first frame; {', '.join(timeless)} has none. "
            "Leave it out."
        )
    lengths = {name: len(values) for name, values in extras.virtual_markers.items()}
    if extras.segments is not None:
        lengths["segments"] = len(extras.segments.root_positions)
    if extras.cameras_seen is not None:
        lengths["cameras_seen"] = len(extras.cameras_seen)
    wrong = [f"{name} ({length})" for name, length in lengths.items() if length != frames]
    if wrong:
        raise ExportError(f"the take has {frames} frames, but not {', '.join(wrong)}.")


def _scale(points: Points3D, person: int, xyz: FloatArray) -> float:
    """Return the size of POINT:SCALE in mm.

    In a file of real numbers it does not touch positions: it is the step of the residuals.
    """
    sigma_mm = np.nan_to_num(1000.0 * points.sigma_m[:, person], nan=0.0)
    residual = min(float(sigma_mm.max(initial=0.0)), _LARGEST_RESIDUAL_MM)
    reach = float(np.nanmax(np.abs(xyz), initial=1e-3))
    return max(residual / _RESIDUAL_STEPS, 1000.0 * reach / _POSITION_STEPS)


def _fourth_words(
    points: Points3D, person: int, xyz: FloatArray, scale: float, seen: BoolArray | None
) -> FloatArray:
    """Return what stands beside each position (frame, marker): camera mask and residual.

    C3D user guide, "3D data - floating-point format": a 16-bit integer stored as a real number,
    the mask in its high byte, the residual in its low byte; 0 for a computed point, -1 for a
    missing one. A measured point never rounds down to 0, which would say "computed".
    """
    keypoints = len(points.keypoint_names)
    measured = points.source[:, person] == Source.MEASURED
    sigma_mm = np.nan_to_num(1000.0 * points.sigma_m[:, person], nan=_LARGEST_RESIDUAL_MM)
    words = np.zeros(xyz.shape[:2])
    steps = np.clip(np.round(sigma_mm / scale), 1, _RESIDUAL_STEPS)
    if seen is not None:
        bits = 2 ** np.arange(min(seen.shape[2], MASK_CAMERAS))
        steps = steps + 256 * (seen[:, :, :MASK_CAMERAS] @ bits)
    words[:, :keypoints] = np.where(measured, steps, 0.0)
    return np.where(np.isfinite(xyz).all(axis=2), words, -1.0)


def _fill_parameters(
    file: Any, labels: list[str], fps: float, scale: float, keypoints: int
) -> None:
    """Write names, units, rate and axes."""
    axes = AXES["c3d"]
    group = file["parameters"]["POINT"]
    group["RATE"]["value"] = np.array([fps])
    group["UNITS"]["value"] = [axes.unit]
    group["LABELS"]["value"] = labels
    kinds = ["keypoint"] * keypoints + ["virtual marker"] * (len(labels) - keypoints)
    group["DESCRIPTIONS"]["value"] = kinds
    # Negative: positions are real numbers.
    file.add_parameter("POINT", "SCALE", np.array([-scale]))
    file.add_parameter("POINT", "X_SCREEN", "+X")
    file.add_parameter("POINT", "Y_SCREEN", "+Z")
    file.add_parameter("MANUFACTURER", "SOFTWARE", "mocap-studio")


def _add_rotations(file: Any, motion: SkeletonMotion) -> None:
    """Write the world transform of every joint: rotation from the T-pose, position in mm."""
    positions, rotations = motion.forward_kinematics()
    matrices = np.zeros((4, 4, *positions.shape[1::-1]))
    matrices[:3, :3] = rotations.transpose(2, 3, 1, 0)
    matrices[:3, 3] = AXES["c3d"].points(positions).transpose(2, 1, 0)
    matrices[3, 3] = 1.0
    file["data"]["rotations"] = matrices
    names = list(motion.joint_names)
    file.add_parameter("ROTATION", "USED", len(names))
    file.add_parameter("ROTATION", "LABELS", names)
    file.add_parameter("ROTATION", "RATIO", 1)
    file.add_parameter("ROTATION", "RATE", np.array([motion.fps]))


def _complete(path: Path, words: FloatArray, scale: float) -> None:
    """Write scale and fourth words, which the library gets wrong.

    It leaves -1 as the scale in the header, and swaps the bytes of mask and residual.
    """
    with path.open("r+b") as file:
        file.seek(_HEADER_SCALE_BYTE)
        file.write(struct.pack("<f", -scale))
        block = struct.unpack("<H", file.read(2))[0]
    shape = (*words.shape, 4)
    data = np.memmap(path, "<f4", "r+", offset=512 * (block - 1), shape=shape)
    data[:, :, 3] = words
    # Missing positions are 0 in the format, not NaN.
    data[words < 0, :3] = 0.0
    data.flush()


def _remarks(extras: C3dExtras) -> tuple[str, ...]:
    """Return sentences about what a reader of the file cannot see."""
    remarks = []
    cameras = 0 if extras.cameras_seen is None else extras.cameras_seen.shape[2]
    if cameras > MASK_CAMERAS:
        remarks.append(
            f"the camera mask of C3D holds {MASK_CAMERAS} cameras; the last "
            f"{cameras - MASK_CAMERAS} are left out."
        )
    return tuple(remarks)
