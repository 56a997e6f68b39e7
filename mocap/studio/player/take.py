"""A take as the player draws it: what is there once, and what there is of every frame."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from mocap.core.body.mesh import SkinnedMesh
from mocap.core.camera import Camera
from mocap.core.detections import Tracks2D
from mocap.core.motion import SkeletonMotion
from mocap.core.points import Points3D, Source
from mocap.core.shapes import Array, BoolArray, FloatArray, IntArray
from mocap.studio.player.lens import lens_table
from mocap.studio.player.pack import packed
from mocap.studio.take.report_data import drawn_pairs

Header = dict[str, Any]
"""What the page is told beside arrays; it becomes JSON."""

FRAMES_A_PART = 512
"""Frames that travel together: a tenth of a second on a slow line, and few requests a take."""

MISSING = -32768
# Positions travel in 16 bits of this step: 0.25 mm within 8 m of the middle of the take.
_STEP_M = 0.00025
_LIMIT = 32000
# Quarter pixels up to 8 191.
_PIXEL_STEPS = 4.0
_LENS_STEPS = 64.0
# A standard deviation above 60 m would not fit float16, nor say anything.
_WIDEST_MM = 60000.0


Curves = Mapping[str, tuple[str, FloatArray, FloatArray | None]]
"""Unit, values (frame,) and, where they are known, deviations (frame,), by name."""


@dataclass(frozen=True, eq=False)
class PlayerBody:
    """A fitted body.

    Attributes:
        person_id: whose.
        skeleton: its motion, with as many frames as the take.
        mesh: its skin, of the rest pose of the skeleton.
        standing: (frame, side) which feet stand.
        error_mm: (frame,) median distance to the keypoints; NaN where nothing was seen.
    """

    person_id: int
    skeleton: SkeletonMotion
    mesh: SkinnedMesh
    standing: BoolArray
    error_mm: FloatArray


@dataclass(frozen=True, eq=False)
class PlayerCamera:
    """A camera's recording.

    Attributes:
        camera: pose and lens; pixels are those of the calibration.
        image: (frame,) which image of the video shows a frame; -1 for none.
        image_times_s: (image,) seconds since its first image.
        calibration_from_video: (2, 3).
        video_size: (width, height) of the video.
        source: where the page gets the video; "" for none.
    """

    camera: Camera
    image: IntArray
    image_times_s: FloatArray
    calibration_from_video: FloatArray
    video_size: tuple[int, int]
    source: str = ""


@dataclass(frozen=True, eq=False)
class PlayerTake:
    """All that the player shows of a take.

    Attributes:
        name: of the take.
        points: smoothed keypoints.
        cameras: their recordings.
        tracks: what the cameras saw; None when that is not known.
        bodies: of people who have one.
        people: (person id, name).
        curves: named curves (frame,) with unit and, where it is known, deviation (frame,).
        marks: events and warnings at frames: {"frame", "name", "kind", "person"}.
        actions: what each person did, as `timeline_rows` tells it; None: it comes later.
        said: anything else for the page: JSON.
    """

    name: str
    points: Points3D
    cameras: Sequence[PlayerCamera]
    tracks: Tracks2D | None = None
    bodies: Sequence[PlayerBody] = ()
    people: Sequence[tuple[int, str]] = ()
    curves: Curves = field(default_factory=dict)
    marks: Sequence[Mapping[str, object]] = ()
    actions: Sequence[Mapping[str, object]] | None = None
    said: Mapping[str, object] = field(default_factory=dict)

    @property
    def frame_count(self) -> int:
        """Frames of the common clock."""
        return len(self.points.xyz)

    @property
    def origin_m(self) -> FloatArray:
        """What positions are counted from: the middle of all that was seen."""
        flat = np.asarray(self.points.xyz, dtype=np.float64).reshape(-1, 3)
        flat = flat[np.isfinite(flat).all(axis=1)]
        return np.median(flat, axis=0) if len(flat) else np.zeros(3)

    def parts(self) -> list[slice]:
        """Return the parts in which frames travel."""
        count = self.frame_count
        return [slice(k, min(k + FRAMES_A_PART, count)) for k in range(0, count, FRAMES_A_PART)]


def still_camera(camera: Camera, frame_count: int) -> PlayerCamera:
    """Return a camera without a video."""
    nothing = np.full(frame_count, -1, dtype=np.int64)
    return PlayerCamera(camera, nothing, np.zeros(0), np.eye(2, 3), camera.image_size)


def whole_pack(take: PlayerTake, version: str = "") -> bytes:
    """Return what there is once: names, cameras with their lenses, skins, curves.

    `version` tells parts of one state of the take from those of another.
    """
    points = take.points
    arrays: dict[str, Array] = {}
    cameras = [_camera(each, index, arrays) for index, each in enumerate(take.cameras)]
    bodies = [_body(take.bodies, index, arrays) for index in range(len(take.bodies))]
    curves = _curves(take.curves, arrays)
    meta = {
        "name": take.name,
        "fps": points.fps,
        "frames": take.frame_count,
        "part": FRAMES_A_PART,
        "people": [{"id": person, "name": name} for person, name in _people(take)],
        "keypoints": list(points.keypoint_names),
        "bones": [list(pair) for pair in drawn_pairs(points)],
        "sources": [source.name.lower() for source in Source],
        "origin": take.origin_m,
        "step": _STEP_M,
        "missing": MISSING,
        "cameras": cameras,
        "bodies": bodies,
        "curves": curves,
        "marks": list(take.marks),
        "actions": take.actions,
        "box": _box(points),
        "version": version,
        **take.said,
    }
    arrays["quality"] = _quality(points)
    return packed(meta, arrays)


def curves_pack(curves: Mapping[str, tuple[str, FloatArray, FloatArray | None]]) -> bytes:
    """Return curves alone, for a page that has the rest."""
    arrays: dict[str, Array] = {}
    return packed({"curves": _curves(curves, arrays)}, arrays)


def _curves(
    curves: Mapping[str, tuple[str, FloatArray, FloatArray | None]], arrays: dict[str, Array]
) -> list[Header]:
    described = []
    for index, (name, (unit, values, spread)) in enumerate(curves.items()):
        arrays[f"curve{index}"] = np.asarray(values, dtype=np.float32)
        if spread is not None:
            # Two digits of a deviation are all that is drawn: the rest is noise that does not pack.
            arrays[f"spread{index}"] = _halves(spread).view(np.float16).astype(np.float32)
        described.append({"name": name, "unit": unit})
    return described


def part_pack(take: PlayerTake, frames: slice) -> bytes:
    """Return what there is of some frames."""
    points, origin = take.points.part(frames), take.origin_m
    arrays: dict[str, Array] = {
        "xyz": _steps((points.xyz - origin) / _STEP_M),
        "source": np.asarray(points.source, dtype=np.uint8),
        "views": np.asarray(points.view_count).clip(0, 255).astype(np.uint8),
        "error": _unsigned(20.0 * np.asarray(points.reprojection_error_px)),
        "spread": _halves(_cholesky_mm(points.covariance)),
    }
    if take.tracks is not None:
        pixels = take.tracks.pixels[:, frames]
        arrays["pixels"] = _steps(_PIXEL_STEPS * np.asarray(pixels))
    for index, body in enumerate(take.bodies):
        turns = body.skeleton.local_rotations_wxyz[frames]
        arrays[f"turns{index}"] = np.round(32767.0 * turns).astype(np.int16)
        root = (body.skeleton.root_positions[frames] - origin) / _STEP_M
        arrays[f"root{index}"] = _steps(root)
        arrays[f"standing{index}"] = body.standing[frames].astype(np.uint8)
    first, end, _ = frames.indices(take.frame_count)
    return packed({"first": first, "frames": end - first}, arrays)


def _people(take: PlayerTake) -> list[tuple[int, str]]:
    named = dict(take.people)
    return [(person, named.get(person, f"person {person}")) for person in take.points.person_ids]


def _camera(each: PlayerCamera, index: int, arrays: dict[str, Array]) -> Header:
    table = lens_table(each.camera)
    bent, seen = _bends(table.pixels)
    arrays[f"lens{index}"], arrays[f"sees{index}"] = bent, seen
    arrays[f"image{index}"] = each.image.astype(np.int32)
    # A float32 tells milliseconds up to four hours.
    arrays[f"times{index}"] = each.image_times_s.astype(np.float32)
    return {
        "name": each.camera.name,
        "size": each.camera.image_size,
        "pose": each.camera.camera_from_world,
        "center": each.camera.center,
        "low": table.low,
        "step": table.step,
        "map": each.calibration_from_video,
        "video_size": each.video_size,
        "source": each.source,
    }


def _bends(pixels: FloatArray) -> tuple[Array, Array]:
    """Return second differences along rows (row, node, 2) in 1/64 px, and which nodes are known.

    A lens is smooth: its second differences pack to a fifth of its pixels.
    """
    known: BoolArray = np.asarray(np.isfinite(pixels).all(axis=-1))
    steps = np.round(_LENS_STEPS * np.where(known[..., None], pixels, 0.0)).astype(np.int64)
    first = np.diff(steps, axis=1, prepend=0)
    return np.diff(first, axis=1, prepend=0).astype(np.int32), known.astype(np.uint8)


def _body(bodies: Sequence[PlayerBody], index: int, arrays: dict[str, Array]) -> Header:
    body = bodies[index]
    mesh, skeleton = body.mesh, body.skeleton
    # People of one body model share faces and weights: they travel once.
    like = next(k for k, each in enumerate(bodies) if _same_skin(each.mesh, mesh))
    if like == index:
        _skin(mesh, index, arrays)
    arrays[f"vertices{index}"] = _steps(mesh.vertices / _STEP_M)
    arrays[f"misfit{index}"] = np.asarray(body.error_mm, dtype=np.float32)
    return {
        "person": body.person_id,
        "like": like,
        "joints": list(skeleton.joint_names),
        "parents": list(skeleton.parents),
        "offsets": skeleton.rest_offsets,
        "rest": skeleton.rest_positions(),
    }


def _same_skin(one: SkinnedMesh, other: SkinnedMesh) -> bool:
    pairs = ((one.faces, other.faces), (one.joints, other.joints), (one.weights, other.weights))
    return all(np.array_equal(a, b) for a, b in pairs)


def _skin(mesh: SkinnedMesh, index: int, arrays: dict[str, Array]) -> None:
    width = min(mesh.joints.shape[1], 4)
    joints, weights = mesh.joints[:, :width], np.asarray(mesh.weights[:, :width])
    whole = np.zeros((len(joints), 4), dtype=np.uint8)
    share = np.zeros((len(joints), 4))
    whole[:, :width], share[:, :width] = joints, weights
    share /= np.maximum(share.sum(axis=1, keepdims=True), 1e-9)
    small = np.uint16 if len(mesh.vertices) < 65536 else np.uint32
    # Neighbours have near numbers: differences (that wrap around) pack to three quarters.
    arrays[f"faces{index}"] = np.diff(mesh.faces.ravel(), prepend=0).astype(small)
    arrays[f"joints{index}"] = whole
    arrays[f"weights{index}"] = np.round(255.0 * share).astype(np.uint8)


def _quality(points: Points3D) -> Array:
    """Return (person, 4, frame) what the strips of the timeline show, in 1/200 of full.

    Share measured and share not missing of the keypoints, mean of agreeing views (1/10 each), and
    the median standard deviation in mm (255: above 254, or unknown).
    """
    source = np.asarray(points.source)
    measured = (source == Source.MEASURED).mean(axis=-1)
    there = (source != Source.MISSING).mean(axis=-1)
    views = np.asarray(points.view_count, dtype=np.float64).mean(axis=-1)
    sigma = 1000.0 * points.sigma_m
    known: BoolArray = np.asarray(np.isfinite(sigma).any(axis=-1))
    filled = np.where(known[..., None], sigma, 0.0)
    middle = np.where(known, np.nanmedian(filled, axis=-1), 255.0) if sigma.size else known
    rows = [200.0 * measured, 200.0 * there, 10.0 * views, middle]
    stacked = np.stack([np.round(row).clip(0, 255).astype(np.uint8) for row in rows])
    return np.transpose(stacked, (2, 0, 1))


def _box(points: Points3D) -> list[list[float]]:
    """Return the low and high corner of where people are, without the wildest per cent."""
    flat = np.asarray(points.xyz, dtype=np.float64).reshape(-1, 3)
    flat = flat[np.isfinite(flat).all(axis=1)]
    if not len(flat):
        return [[-1.0, -1.0, 0.0], [1.0, 1.0, 2.0]]
    low, high = np.percentile(flat, [1.0, 99.0], axis=0)
    return [low.tolist(), high.tolist()]


def _steps(values: Array) -> Array:
    """Return whole steps in 16 bits; what is unknown or out of range is missing."""
    known = np.abs(np.where(np.isfinite(values), values, np.inf)) <= _LIMIT
    whole = np.where(known, np.round(np.where(known, values, 0.0)), MISSING)
    return whole.astype(np.int16)


def _unsigned(values: Array) -> Array:
    known = np.isfinite(values)
    return np.where(known, np.round(np.where(known, values, 0.0)).clip(0, 65534), 65535).astype(
        np.uint16
    )


def _halves(values: Array) -> Array:
    """Return numbers as the bits of float16, to 3 %: browsers have no array of them.

    They are drawn as clouds and bands; the bits that nobody can see are noise that does not pack.
    """
    bits = np.asarray(values, dtype=np.float16).view(np.uint16)
    known = np.isfinite(np.asarray(values))
    return np.where(known, (bits + np.uint16(16)) & np.uint16(0xFFE0), bits).astype(np.uint16)


def _cholesky_mm(covariance: Array) -> FloatArray:
    """Return the lower triangle (…, 6) of the root of covariances (…, 3, 3), mm; NaN if unknown.

    L with L L^T = C carries the unit sphere onto the ellipsoid of one standard deviation.
    """
    c = 1e6 * np.asarray(covariance, dtype=np.float64)
    bad: BoolArray = np.asarray(~np.isfinite(c).all(axis=(-2, -1)))
    safe = np.where(bad[..., None, None], np.eye(3), c)
    tiny = 1e-9
    a = np.sqrt(np.maximum(safe[..., 0, 0], tiny))
    b, d = safe[..., 1, 0] / a, safe[..., 2, 0] / a
    e = np.sqrt(np.maximum(safe[..., 1, 1] - b * b, tiny))
    f = (safe[..., 2, 1] - d * b) / e
    g = np.sqrt(np.maximum(safe[..., 2, 2] - d * d - f * f, tiny))
    lower = np.stack([a, b, e, d, f, g], axis=-1).clip(-_WIDEST_MM, _WIDEST_MM)
    return np.where(bad[..., None], np.nan, lower)
