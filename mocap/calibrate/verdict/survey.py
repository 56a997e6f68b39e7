"""A calibrated rig against what was measured in the room by hand: lengths, and surveyed points.

Marks are triangulated from the pixels in which cameras show them. Distances between them against a
tape tell the scale, which no board can vouch for alone; surveyed coordinates tell a world.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mocap.core.camera import Calibration
from mocap.core.errors import CalibrationError
from mocap.core.shapes import FloatArray, check_shapes
from mocap.core.transform import rigid, similarity

ITERATIONS = 12
# A mark that lies this many standard deviations of a click from where the other cameras see it was
# taken for another mark, or the camera is wrong.
WRONG_CLICK_SIGMAS = 5.0
# Points that tell a world: three, and not on a line. The shorter side of what they span.
LEAST_POINTS, LEAST_SPREAD = 3, 0.05
# Surveyed to about 5 mm; beyond this, and this many deviations, a point is another one.
SURVEY_SD_M, WRONG_POINT_M, WRONG_POINT_SIGMAS = 0.005, 0.02, 4.0
# A scale that is off by less than this share and by less than three deviations is right.
SCALE_SHARE, SCALE_SIGMAS = 0.005, 3.0


@dataclass(frozen=True, eq=False)
class Marks:
    """Marks where the rig sees them.

    Attributes:
        names: of the marks.
        points: (mark, 3) m, in the world of the calibration.
        covariance: (mark, 3, 3) m², of a click alone.
        off_px: by mark and camera, how far a click is from the mark.
    """

    names: tuple[str, ...]
    points: FloatArray
    covariance: FloatArray
    off_px: tuple[dict[str, float], ...]

    def __post_init__(self) -> None:
        """Check shapes."""
        check_shapes(self, names="mark", points="mark 3", covariance="mark 3 3", off_px="mark")

    def at(self, name: str) -> int:
        """Return the index of a mark."""
        return self.names.index(name)


@dataclass(frozen=True)
class Length:
    """A distance that was taped and what the rig makes of it, m; `sd_m` of their difference."""

    first: str
    second: str
    taped_m: float
    measured_m: float
    sd_m: float

    @property
    def off(self) -> float:
        """By which share it is measured too long."""
        return self.measured_m / self.taped_m - 1.0


@dataclass(frozen=True)
class Scale:
    """By how much lengths come out too long: weighted mean of all, its deviation, and whether the
    distances agree with each other.
    """

    off: float
    sd: float
    agree: bool

    @property
    def right(self) -> bool:
        """Whether no distance speaks against the scale of the rig."""
        return abs(self.off) <= max(SCALE_SHARE, SCALE_SIGMAS * self.sd)


def triangulate_marks(
    calibration: Calibration,
    names: Sequence[str],
    pixels: Sequence[dict[str, tuple[float, float]]],
    click_px: float,
) -> Marks:
    """Return where marks lie, of the pixels in which cameras show them.

    Raises:
        CalibrationError: a mark that fewer than two cameras show, that they see from one side, or
            of which a click does not fit the others.
    """
    points, covariances, off = [], [], []
    for name, seen in zip(names, pixels, strict=True):
        unknown = sorted(set(seen) - set(calibration.names))
        if unknown:
            raise CalibrationError(
                f"point '{name}' has pixels of camera '{unknown[0]}', which is not calibrated; "
                f"there are {', '.join(calibration.names)}."
            )
        if len(seen) < 2:
            raise CalibrationError(
                f"point '{name}' is given in {len(seen)} camera; two must show it. Add its pixels "
                "in another one."
            )
        rig = calibration.subset(tuple(seen))
        where = np.array(list(seen.values()))
        point, covariance = _triangulated(name, rig, where, click_px)
        error = np.linalg.norm(rig.project(point) - where, axis=1)
        points.append(point)
        covariances.append(covariance)
        off.append(dict(zip(rig.names, (float(e) for e in error), strict=True)))
    marks = Marks(tuple(names), np.array(points), np.array(covariances), tuple(off))
    _refuse_wrong_clicks(marks, click_px)
    return marks


def _triangulated(
    name: str, rig: Calibration, pixels: FloatArray, click_px: float
) -> tuple[FloatArray, FloatArray]:
    """Return the point (3,) that fits pixels (camera, 2) best, and its covariance (3, 3)."""
    centers = np.stack([camera.center for camera in rig.cameras])
    flat = np.stack([c.undistort(p[None])[0] for c, p in zip(rig.cameras, pixels, strict=True)])
    rays = np.concatenate([flat, np.ones((len(flat), 1))], axis=1)
    turns = np.stack([camera.camera_from_world[:3, :3] for camera in rig.cameras])
    rays = np.einsum("nji,nj->ni", turns, rays)
    rays /= np.linalg.norm(rays, axis=1, keepdims=True)
    across = np.eye(3) - rays[:, :, None] * rays[:, None, :]
    normal = across.sum(axis=0)
    if not np.isfinite(normal).all() or np.linalg.cond(normal) > 1e4:
        raise CalibrationError(
            f"the cameras see point '{name}' from one side: where it is along their view cannot be "
            "told. Add its pixels in a camera at another side."
        )
    point = np.linalg.solve(normal, np.einsum("nij,nj->i", across, centers))
    for _ in range(ITERATIONS):
        normal, right = np.zeros((3, 3)), np.zeros(3)
        for camera, seen in zip(rig.cameras, pixels, strict=True):
            put, slope = camera.project_with_jacobian(point[None])
            if not np.isfinite(put).all():
                raise CalibrationError(
                    f"point '{name}' would lie behind camera '{camera.name}': its pixels are of "
                    "another mark, or cameras are exchanged."
                )
            normal += slope[0].T @ slope[0]
            right += slope[0].T @ (seen - put[0])
        point = point + np.linalg.solve(normal, right)
    return point, click_px**2 * np.linalg.inv(normal)


def _refuse_wrong_clicks(marks: Marks, click_px: float) -> None:
    """Refuse marks of which a click does not fit the others."""
    worst = max(range(len(marks.names)), key=lambda index: max(marks.off_px[index].values()))
    off = marks.off_px[worst]
    camera = max(off, key=lambda each: off[each])
    if off[camera] > WRONG_CLICK_SIGMAS * click_px:
        raise CalibrationError(
            f"point '{marks.names[worst]}': its pixels in {', '.join(off)} do not belong to one "
            f"place: they are {off[camera]:.0f} px off in '{camera}' (at most "
            f"{WRONG_CLICK_SIGMAS * click_px:.0f}). Look for the mark again, or a camera has moved "
            "since the calibration (`mocap check`)."
        )


def taped_lengths(
    marks: Marks, distances: Sequence[tuple[str, str, float, float]]
) -> tuple[tuple[Length, ...], Scale | None]:
    """Return distances (first, second, length m, sd m) against the rig, and the scale of it.

    Raises:
        CalibrationError: distances contradict each other.
    """
    lengths = []
    for first, second, taped_m, sd_m in distances:
        a, b = marks.at(first), marks.at(second)
        apart = marks.points[b] - marks.points[a]
        measured = float(np.linalg.norm(apart))
        along = apart / max(measured, 1e-9)
        variance = float(along @ (marks.covariance[a] + marks.covariance[b]) @ along)
        lengths.append(Length(first, second, taped_m, measured, float(np.sqrt(variance + sd_m**2))))
    if not lengths:
        return (), None
    off = np.array([each.off for each in lengths])
    sd = np.array([each.sd_m / each.taped_m for each in lengths])
    weight = sd**-2.0
    mean = float(np.sum(weight * off) / weight.sum())
    chi = np.abs(off - mean) / sd
    agree = bool((chi <= SCALE_SIGMAS).all())
    # Distances that scatter by more than they should make their mean less certain.
    grown = max(1.0, float(np.sqrt(np.sum(chi**2) / max(len(off) - 1, 1))))
    return tuple(lengths), Scale(mean, float(weight.sum() ** -0.5) * grown, agree)


@dataclass(frozen=True, eq=False)
class SurveyedWorld:
    """A world by surveyed points.

    Attributes:
        new_from_old: (4, 4) motion of the world; the scale stays.
        off_mm: (point,) how far each point is from where it was surveyed.
        names: of these points.
        scale_off: by which share the rig measures too long, of the surveyed points.
    """

    new_from_old: FloatArray
    off_mm: FloatArray
    names: tuple[str, ...]
    scale_off: float


def surveyed_world(
    calibration: Calibration, marks: Marks, world_m: dict[str, tuple[float, float, float]]
) -> SurveyedWorld:
    """Return the motion of the world onto surveyed points (Umeyama 1991), Z up.

    Raises:
        CalibrationError: fewer than three points or all on a line, a point far off, coordinates of
            a left hand, or cameras that would be under the floor.
    """
    names = tuple(name for name in marks.names if name in world_m)
    if len(names) < LEAST_POINTS:
        raise CalibrationError(
            f"{len(names)} points have surveyed coordinates (world_m); a world takes "
            f"{LEAST_POINTS} that are not on one line."
        )
    seen = marks.points[[marks.at(name) for name in names]]
    there = np.array([world_m[name] for name in names])
    spans = np.linalg.svd(there - there.mean(axis=0), compute_uv=False)
    if spans[1] < LEAST_SPREAD * max(spans[0], 1e-9):
        raise CalibrationError(
            f"the surveyed points {', '.join(names)} lie on one line: how the room stands about it "
            "cannot be told. Survey one beside it."
        )
    new_from_old, off = _fitted(seen, there)
    mirrored_off = _fitted(seen, there * np.array([1.0, -1.0, 1.0]))[1]
    flat = spans[2] < LEAST_SPREAD * spans[0]
    if not flat and off.max() > WRONG_POINT_M and mirrored_off.max() < 0.3 * off.max():
        raise CalibrationError(
            "the surveyed coordinates are those of a left hand: mirrored they fit "
            f"({1000 * mirrored_off.max():.0f} mm instead of {1000 * off.max():.0f}). Turn one "
            "axis round: x, y, z as thumb, first and middle finger of the right hand."
        )
    _refuse_wrong_point(marks, names, seen, there, off)
    # The upper edge of an image looks up, of most cameras: it tells where up is in the new world.
    ups = [
        -(camera.camera_from_world[1, :3] @ new_from_old[2, :3]) for camera in calibration.cameras
    ]
    if float(np.median(ups)) < 0.0:
        raise CalibrationError(
            "most cameras would stand on their heads: z of the survey does not run upwards, or its "
            "coordinates are those of a left hand. Survey with Z up."
        )
    scale, _, _ = similarity(seen, there)
    return SurveyedWorld(new_from_old, 1000.0 * off, names, 1.0 / scale - 1.0)


def _fitted(seen: FloatArray, there: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return the motion (4, 4) of points onto others, and what is left (n,) in metres."""
    _, rotation, shift = similarity(seen, there, with_scale=False)
    return rigid(rotation, shift), np.linalg.norm(seen @ rotation.T + shift - there, axis=1)


def _refuse_wrong_point(
    marks: Marks, names: tuple[str, ...], seen: FloatArray, there: FloatArray, off: FloatArray
) -> None:
    """Refuse a survey of which a point is somewhere else."""
    click = np.array([np.trace(marks.covariance[marks.at(name)]) for name in names])
    limit = np.maximum(WRONG_POINT_M, WRONG_POINT_SIGMAS * np.sqrt(click + 3 * SURVEY_SD_M**2))
    if (off <= limit).all():
        return
    said = f"the surveyed points do not fit: they are off by up to {1000 * off.max():.0f} mm"
    if len(names) > LEAST_POINTS:
        # The one without which the others fit best.
        kept = [np.delete(np.arange(len(names)), k) for k in range(len(names))]
        left = [_fitted(seen[others], there[others])[1] for others in kept]
        worst = int(np.argmin([each.max() for each in left]))
        if (left[worst] <= limit[kept[worst]]).all():
            raise CalibrationError(
                f"{said}; without point '{names[worst]}' the others fit to "
                f"{1000 * left[worst].max():.0f} mm. Correct its coordinates or its pixels."
            )
    raise CalibrationError(
        f"{said}. Check their coordinates (metres, Z up), their pixels, and the scale of the rig: "
        "tape a distance between two of them."
    )
