"""Joint angles by OpenSim: scale a model to the person, then inverse kinematics on our keypoints.

Needs the extra `opensim` and a model of the user's choice with markers and set-up files, such as
`Model_Pose2Sim_simple.osim`, `Markers_Halpe26.xml`, `Scaling_Setup_Pose2Sim_Halpe26.xml` and
`IK_Setup_Pose2Sim_Halpe26.xml` of the pose2sim package (BSD-3-Clause). Its tools are used as they
are; files and times in the set-up files are replaced by this take's.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np

from mocap.core.errors import ExportError, InputError, MissingExtraError
from mocap.core.files.reading import read_text, reading
from mocap.core.points import Points3D, Source
from mocap.core.shapes import FloatArray
from mocap.export import trc

_SIDES = (("left", "L"), ("right", "R"))

MARKER_NAMES: dict[str, str] = {
    "nose": "Nose",
    "neck": "Neck",
    "hip": "Hip",
    **{
        f"{side}_{part}": letter + part.replace("_", " ").title().replace(" ", "")
        for side, letter in _SIDES
        for part in (
            "eye",
            "ear",
            "shoulder",
            "elbow",
            "wrist",
            "hip",
            "knee",
            "ankle",
            "big_toe",
            "small_toe",
            "heel",
        )
    },
}
"""Marker names of the Halpe26 and COCO marker sets by our keypoints' names."""

# Points in the middle that those marker sets have and detectors do not see.
_MIDPOINTS = {"neck": "shoulder", "hip": "hip"}

# Hinges that have one angle in the model and one between our keypoints.
_BENDS = {
    f"{name}_{side[0]}": tuple(f"{side}_{part}" for part in parts)
    for side in ("left", "right")
    for name, parts in (
        ("knee_angle", ("hip", "knee", "ankle")),
        ("elbow_flex", ("shoulder", "elbow", "wrist")),
    )
}

_SCALED_MODEL = "scaled.osim"
_RESULT = "inverse_kinematics.mot"


@dataclass(frozen=True)
class OpenSimSetup:
    """Files of an OpenSim model.

    Attributes:
        model: `.osim` file.
        scaling, inverse_kinematics: set-up files of the two tools, with measurements and weights.
        markers: marker set to put on the model, when the model does not have one.
        geometry: folder of meshes, only to keep OpenSim from complaining.
        mass_kg: of the person.
    """

    model: Path
    scaling: Path
    inverse_kinematics: Path
    markers: Path | None = None
    geometry: Path | None = None
    mass_kg: float = 70.0


@dataclass(frozen=True, eq=False)
class Coordinates:
    """A MOT or STO table.

    Attributes:
        times_s: (frame,) seconds.
        values: (frame,) by column name.
        in_degrees: unit of the angles.
    """

    times_s: FloatArray
    values: Mapping[str, FloatArray]
    in_degrees: bool


def solve(
    points: Points3D, setup: OpenSimSetup, folder: Path, *, person_id: int | None = None
) -> Coordinates:
    """Scale the model, run inverse kinematics and return the model's coordinates.

    Everything is left in `folder`: markers.trc, scaled.osim, inverse_kinematics.mot.

    Raises:
        MissingExtraError: OpenSim is not installed.
        InputError: a set-up file is missing or not OpenSim's.
        ExportError: the tools did not produce a result.
    """
    try:
        import opensim
    except ImportError as problem:
        raise MissingExtraError(
            "inverse kinematics needs OpenSim: pip install 'mocap-studio[opensim]'."
        ) from problem
    folder = folder.resolve()
    folder.mkdir(parents=True, exist_ok=True)
    opensim.Logger.setLevelString("Error")
    # Else it leaves opensim.log in whatever folder the user stands in.
    opensim.Logger.removeFileSink()
    if setup.geometry is not None:
        opensim.ModelVisualizer.addDirToGeometrySearchPaths(str(setup.geometry))
    _write_markers(points, folder / "markers.trc", person_id)
    _write_model(opensim, setup, folder / "model.osim")
    times = f"0 {(len(points.xyz) - 1) / points.fps:.8f}"
    _fill(
        setup.scaling,
        folder / "scaling.xml",
        {
            # The scale tool looks beside its set-up file, the other tool where it was started.
            "marker_file": "markers.trc",
            "time_range": times,
            "model_file": "model.osim",
            "output_model_file": _SCALED_MODEL,
            "mass": f"{setup.mass_kg:g}",
        },
    )
    _run(opensim.ScaleTool, folder / "scaling.xml", folder / _SCALED_MODEL)
    _fill(
        setup.inverse_kinematics,
        folder / "inverse_kinematics.xml",
        {
            "marker_file": str(folder / "markers.trc"),
            "time_range": times,
            "model_file": str(folder / _SCALED_MODEL),
            "output_motion_file": str(folder / _RESULT),
            "results_directory": str(folder),
        },
    )
    _run(opensim.InverseKinematicsTool, folder / "inverse_kinematics.xml", folder / _RESULT)
    return read_table(folder / _RESULT)


def own_bends_deg(points: Points3D, *, person_id: int | None = None) -> dict[str, FloatArray]:
    """Return the bend (frame,) of knees and elbows between our keypoints, by OpenSim's names.

    0 is straight; NaN where a keypoint is missing. The zero of a model's coordinate is its own.

    Raises:
        InputError: the person is unknown.
    """
    person = points.person_index(person_id)
    at = {name: points.xyz[:, person, k] for k, name in enumerate(points.keypoint_names)}
    out = {}
    for name, (near, hinge, far) in _BENDS.items():
        if {near, hinge, far} <= set(at):
            upper, lower = at[hinge] - at[near], at[far] - at[hinge]
            across = np.linalg.norm(np.cross(upper, lower), axis=1)
            out[name] = np.rad2deg(np.arctan2(across, np.sum(upper * lower, axis=1)))
    return out


def with_midpoints(points: Points3D) -> Points3D:
    """Return keypoints with `neck` and `hip` between the shoulders and between the hips."""
    names = list(points.keypoint_names)
    xyz, covariance = [points.xyz], [points.covariance]
    error, views = [points.reprojection_error_px], [points.view_count]
    sources = [points.source]
    for name, part in _MIDPOINTS.items():
        pair = [f"left_{part}", f"right_{part}"]
        if name in names or not set(pair) <= set(names):
            continue
        both = [points.keypoint_names.index(each) for each in pair]
        names.append(name)
        xyz.append(points.xyz[:, :, both].mean(axis=2, keepdims=True))
        # The mean of two independent points has a quarter of the sum of their covariances.
        covariance.append(points.covariance[:, :, both].sum(axis=2, keepdims=True) / 4.0)
        error.append(points.reprojection_error_px[:, :, both].mean(axis=2, keepdims=True))
        views.append(points.view_count[:, :, both].min(axis=2, keepdims=True))
        worst = np.where(
            (points.source[:, :, both] == Source.MISSING).any(axis=2, keepdims=True),
            Source.MISSING,
            points.source[:, :, both].max(axis=2, keepdims=True),
        )
        sources.append(worst.astype(points.source.dtype))
    return replace(
        points,
        keypoint_names=tuple(names),
        xyz=np.concatenate(xyz, axis=2),
        covariance=np.concatenate(covariance, axis=2),
        reprojection_error_px=np.concatenate(error, axis=2),
        view_count=np.concatenate(views, axis=2),
        source=np.concatenate(sources, axis=2),
    )


def _write_markers(points: Points3D, path: Path, person_id: int | None) -> None:
    """Write the keypoints under the names of the marker set."""
    points.person_index(person_id)
    trc.write(with_midpoints(points), path, person_id=person_id, marker_names=MARKER_NAMES)


def _write_model(opensim: Any, setup: OpenSimSetup, path: Path) -> None:
    """Write the model with its markers beside the set-up files."""
    for file in (setup.model, setup.markers, setup.scaling, setup.inverse_kinematics):
        if file is not None and not file.is_file():
            raise InputError(f"the OpenSim file {file} does not exist.")
    model = opensim.Model(str(setup.model))
    if setup.markers is not None:
        markers = opensim.MarkerSet(str(setup.markers))
        model.set_MarkerSet(markers)
    model.initSystem()
    model.printToXML(str(path))


def _fill(template: Path, path: Path, values: Mapping[str, str]) -> None:
    """Write a set-up file with some elements replaced wherever they occur."""
    try:
        tree = ElementTree.parse(template)
    except ElementTree.ParseError as problem:
        raise InputError(f"{template} is no OpenSim set-up file: {problem}.") from problem
    for element in tree.iter():
        if element.tag in values:
            element.text = values[element.tag]
    tree.write(path, encoding="UTF-8", xml_declaration=True)


def _run(tool: Any, setup: Path, result: Path) -> None:
    """Run a tool. What counts is its file: the scale tool says False when it did well."""
    result.unlink(missing_ok=True)
    said = tool(str(setup)).run()
    if not result.is_file():
        raise ExportError(
            f"OpenSim's {tool.__name__} (returned {said}) wrote no {result.name}: do the marker "
            f"names in {setup.name} match those in markers.trc?"
        )


def read_table(path: Path) -> Coordinates:
    """Read a MOT or STO file.

    Raises:
        InputError: the file has no header or no table.
    """
    lines = read_text(path).splitlines()
    end = next((n for n, line in enumerate(lines) if line.strip() == "endheader"), None)
    if end is None or end + 2 >= len(lines):
        raise InputError(f"{path} is no MOT or STO file.")
    names = lines[end + 1].split()
    with reading(path, "a MOT or STO file"):
        body = (line.split() for line in lines[end + 2 :] if line.strip())
        table = np.array([[float(cell) for cell in cells] for cells in body])
    if table.ndim != 2 or table.shape[1] != len(names):
        raise InputError(f"{path}: rows have not as many values as there are columns.")
    degrees = any(line.replace(" ", "").lower() == "indegrees=yes" for line in lines[:end])
    columns = {name: table[:, column] for column, name in enumerate(names) if column}
    return Coordinates(table[:, 0], columns, degrees)
