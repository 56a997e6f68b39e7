"""The 3D view of a take as data for the page: cameras, people, and where to look."""

from __future__ import annotations

import base64
from typing import Any

import numpy as np

from mocap.core import transform
from mocap.core.camera import Calibration, Camera
from mocap.core.points import Points3D, Source
from mocap.core.shapes import Array, FloatArray
from mocap.studio.page.page import text
from mocap.studio.take.report_data import drawn_pairs, percentiles

# A page with more frames than this gets slow to load; longer takes show every n-th frame.
MAX_FRAMES = 3000

# Positions are stored in 16 bits: whole millimetres up to 65 m, coarser for larger scenes.
_LIMIT = 32000
_MISSING = -32768

# Points this far below the floor are on it, as far as anyone can tell.
_FLOOR_NOISE_M = 0.05

# The drawn neck runs between the middles of these pairs; detectors give no keypoint on it.
_NECK = ("left_shoulder", "right_shoulder", "left_ear", "right_ear")

# Length of the drawn viewing pyramids as a share of the rig's size.
_PYRAMID_SHARE = 0.08

SceneData = dict[str, Any]
"""What the player of a page draws; the keys are those that `templates/page.js` reads."""


def scene(calibration: Calibration, points: Points3D) -> SceneData:
    """Return what the page's player needs, as JSON values."""
    stride = max(1, -(-len(points.xyz) // MAX_FRAMES))
    xyz = np.asarray(points.xyz[::stride], dtype=np.float64)
    cameras = [_pyramid(camera, calibration) for camera in calibration.cameras]
    drawn = [camera["line"].T for camera in cameras]
    whole = _box(np.concatenate([*drawn, _sample(xyz)]), margin=0.08)
    origin = whole.mean(axis=1)
    step_m = max(0.001, float(np.ptp(whole, axis=1).max()) / _LIMIT)
    return {
        "fps": points.fps,
        "stride": stride,
        "frames": len(xyz),
        "people": [str(person_id) for person_id in points.person_ids],
        "keypoints": [text(name) for name in points.keypoint_names],
        "bones": _bones(points),
        "origin": origin,
        "step": step_m,
        "missing": _MISSING,
        "colours": [SOURCE_COLOURS[source] for source in Source],
        "xyz": _packed((xyz - origin) / step_m),
        "source": _bytes(np.asarray(points.source[::stride], dtype=np.uint8)),
        "cameras": cameras,
        "whole": whole,
        "close": _box(_sample(xyz), margin=0.15) if np.isfinite(xyz).any() else whole,
    }


def rig_scene(calibration: Calibration) -> SceneData:
    """Return the 3D view of a rig without people."""
    nothing = np.zeros((0, 0, 0))
    empty = Points3D(
        keypoint_names=(),
        person_ids=(),
        fps=1.0,
        xyz=np.zeros((0, 0, 0, 3)),
        covariance=np.zeros((0, 0, 0, 3, 3)),
        reprojection_error_px=nothing,
        view_count=nothing,
        source=nothing,
    )
    return scene(calibration, empty)


def _centers(calibration: Calibration) -> FloatArray:
    return np.stack([camera.center for camera in calibration.cameras])


def _sample(xyz: FloatArray) -> FloatArray:
    """Return the known points (n, 3) but the wildest 2 percent per axis, and the floor below."""
    flat = xyz.reshape(-1, 3)
    corners = np.stack(percentiles(flat, (1.0, 99.0), axis=0))
    return corners[np.isfinite(corners).all(axis=1)]


def _box(corners: FloatArray, margin: float) -> FloatArray:
    """Return the box (3, 2) around points, down to the floor, with a margin."""
    low, high = corners.min(axis=0), corners.max(axis=0)
    pad = margin * max(float((high - low).max()), 0.5)
    low, high = low - pad, high + pad
    # The bottom of the view is the floor unless something lies clearly below it.
    low[2] = 0.0 if low[2] + pad > -_FLOOR_NOISE_M else low[2]
    return np.stack([low, np.maximum(high, low + 0.5)], axis=1)


def _bones(points: Points3D) -> dict[str, list[list[list[int]]]]:
    """Return stick-figure lines by side of the body; an end is the mean of its keypoints."""
    sides: dict[str, list[list[list[int]]]] = {"left": [], "right": [], "middle": []}
    for first, second in drawn_pairs(points):
        names = points.keypoint_names[first], points.keypoint_names[second]
        side = "middle"
        for each in ("left", "right"):
            if all(name.startswith(each) or name == "nose" for name in names):
                side = each
        sides[side].append([[first], [second]])
    column = {name: index for index, name in enumerate(points.keypoint_names)}
    if all(name in column for name in _NECK):
        low_left, low_right, high_left, high_right = (column[name] for name in _NECK)
        sides["middle"].append([[low_left, low_right], [high_left, high_right]])
    return sides


def _pyramid(camera: Camera, calibration: Calibration) -> SceneData:
    """Return the viewing pyramid of a camera as one line: x, y, z lists and its label."""
    size = float(np.ptp(_centers(calibration), axis=0).max())
    length_m = _PYRAMID_SHARE * max(size, 1.0)
    width, height = camera.image_size
    corner_px = np.array([[0, 0], [width - 1, 0], [width - 1, height - 1], [0, height - 1]])
    rays = np.concatenate([camera.undistort(corner_px.astype(np.float64)), np.ones((4, 1))], axis=1)
    world_from_camera = transform.invert(camera.camera_from_world)
    corners = transform.apply(world_from_camera, length_m * rays)
    center = camera.center
    # One stroke that draws the four edges and the image's outline.
    line = [center, corners[0], corners[1], center, corners[2], corners[3], center]
    line += [corners[0], corners[3], corners[2], corners[1]]
    return {"name": text(camera.name), "line": np.array(line).T, "center": center}


def _packed(steps: FloatArray) -> str:
    """Return numbers as base64 of 16-bit integers; what is unknown or out of range is missing."""
    known = np.abs(np.where(np.isfinite(steps), steps, np.inf)) <= _LIMIT + 700
    whole = np.where(known, np.round(np.where(known, steps, 0.0)), _MISSING)
    return _bytes(whole.astype("<i2"))


def _bytes(values: Array) -> str:
    return base64.b64encode(np.ascontiguousarray(values).tobytes()).decode("ascii")


SOURCE_COLOURS = {
    Source.MEASURED: "#54718c",
    Source.INTERPOLATED: "#e69f00",
    Source.EXTRAPOLATED: "#d55e00",
    Source.MISSING: "#8a8f96",
    Source.LIFTED: "#cc79a7",
}
"""Colours by source: slate for what is measured, warnings in hues that colour-blind readers tell
apart (Okabe and Ito 2008)."""
