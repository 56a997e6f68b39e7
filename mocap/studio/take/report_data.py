"""What a take's report shows, and the figures behind it: no formatting here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from mocap.calibrate.verdict.report import CalibrationReport
from mocap.core.camera import Calibration
from mocap.core.clocks import Clocks
from mocap.core.detections import Tracks2D, looked_at_every
from mocap.core.errors import InputError
from mocap.core.keypoints import keypoint_set_of
from mocap.core.points import Points3D, Source
from mocap.core.shapes import Array, FloatArray
from mocap.studio.understand.actions import PersonStrip

# Of few rows only what is asked for is put into its place: they may be long.
_FEW_ROWS = 1000

# Face keypoints are centimetres apart: their lengths say nothing about the limbs.
_FACE = ("nose", "eye", "ear")


@dataclass(frozen=True, eq=False)
class PersonCard:
    """One person who was found in a take.

    Attributes:
        person_id, name: of the person.
        chosen: whether the result holds them.
        seconds: when they were first and last seen.
        frames, frame_count: in which two cameras see them, and those that were looked at.
        views: mean number of cameras in those frames.
        height_m: about; None when unknown.
        picture_png: from the view that shows them best.
        page: file beside the report that tells of them alone; "" for none.
    """

    person_id: int
    name: str
    chosen: bool
    seconds: tuple[float, float]
    frames: int
    frame_count: int
    views: float
    height_m: float | None
    picture_png: bytes | None = None
    page: str = ""


@dataclass(frozen=True, eq=False)
class ReportData:
    """Everything a take's report is made from.

    Attributes:
        take_name: name of the take.
        calibration: the cameras, in any order.
        tracks: 2D keypoints in pixels of the calibration.
        points: 3D keypoints of the same frames, people and keypoints.
        warnings: sentences shown first.
        causes: what is wrong with the take, the first cause first, a sentence each with what to do.
        provenance: label and text of what made the result: versions, models, options.
        calibration_report: the calibration's own figures; None where it was imported.
        contact_sheet_png: an image of the overlays, PNG or JPEG.
        everybody: who was found, chosen or not.
        clocks: of the cameras; None for a take that was never synchronised.
        sync_curves: agreement over offsets, see `clocks_section`.
        actions: what everybody did over time; empty where recognition has nothing to go by.
        whole_page: file beside the report that tells of the whole take, when this one tells of one
            person; "" otherwise.
    """

    take_name: str
    calibration: Calibration
    tracks: Tracks2D
    points: Points3D
    warnings: tuple[str, ...] = ()
    provenance: tuple[tuple[str, str], ...] = ()
    calibration_report: CalibrationReport | None = None
    contact_sheet_png: bytes | None = None
    everybody: tuple[PersonCard, ...] = ()
    clocks: Clocks | None = None
    sync_curves: Mapping[str, Sequence[float]] = field(default_factory=dict)
    actions: Sequence[PersonStrip] = ()
    whole_page: str = ""
    causes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Check that 2D and 3D belong together.

        Raises:
            InputError: frames, people or keypoints differ.
        """
        two, three = self.tracks.pixels.shape[1:4], self.points.xyz.shape[:3]
        same_names = self.tracks.keypoint_names == self.points.keypoint_names
        if two != three or not same_names or self.tracks.person_ids != self.points.person_ids:
            raise InputError(
                f"the report of '{self.take_name}' needs tracks and points of one run: the tracks "
                f"have (frame, person, keypoint) = {two}, the points {three}. Run the stages again."
            )

    @property
    def stride(self) -> int:
        """Of so many frames one was looked at."""
        return looked_at_every(self.tracks.times_s)

    @property
    def looked_at(self) -> ReportData:
        """The same of the frames alone that were looked at: cameras see nothing in the others."""
        stride = self.stride
        if stride == 1:
            return self
        return replace(self, tracks=self.tracks.every(stride), points=self.points.every(stride))


@dataclass(frozen=True, eq=False)
class CameraFigures:
    """How one camera agrees with the 3D points, in pixels of the calibration.

    Attributes:
        name: camera.
        image_size: (width, height).
        seen: share of all keypoints and frames that it saw.
        median_px, p95_px: length of the residual; NaN if it saw nothing.
        bias_px: (2,) median signed residual, observed minus projected, x right and y down.
    """

    name: str
    image_size: tuple[int, int]
    seen: float
    median_px: float
    p95_px: float
    bias_px: FloatArray


@dataclass(frozen=True)
class BoneFigures:
    """The length of one bone over the take.

    Attributes:
        person_id: whose.
        bone: names of its two ends.
        median_mm: median length.
        spread_mm: 1.4826 x the median absolute deviation: the standard deviation of a normal
            distribution, blind to a few wild frames.
        p5_mm, p95_mm: percentiles.
    """

    person_id: int
    bone: tuple[str, str]
    median_mm: float
    spread_mm: float
    p5_mm: float
    p95_mm: float


@dataclass(frozen=True, eq=False)
class Residuals:
    """How far each detection is from its 3D point seen from the same camera, in pixels.

    In single precision, right to 0.001 px: a long take has millions.

    Attributes:
        bias: (camera, 2) median observed minus projected, x right and y down; NaN of cameras that
            saw nothing.
        length: (camera, frame, person, keypoint), NaN unseen.
    """

    bias: FloatArray
    length: Array


def residuals_px(data: ReportData) -> Residuals:
    """Return how far the detections of a take are from its points."""
    rig = data.calibration.subset(data.tracks.camera_names)
    bias, length = [], np.zeros(data.tracks.pixels.shape[:-1], dtype=np.float32)
    for index, camera in enumerate(rig.cameras):
        signed = data.tracks.pixels[index] - camera.project(data.points.xyz)
        signed = signed.astype(np.float32).reshape(-1, 2)
        length[index] = np.linalg.norm(signed, axis=-1).reshape(length.shape[1:])
        bias.append([float(percentile(axis, 50.0)) for axis in signed.T])
    return Residuals(np.array(bias), length)


def camera_figures(data: ReportData, residuals: Residuals) -> tuple[CameraFigures, ...]:
    """Return the figures of every camera that took part."""
    figures = []
    for index, name in enumerate(data.tracks.camera_names):
        seen = np.isfinite(data.tracks.pixels[index, ..., 0])
        median_px, p95_px = percentiles(residuals.length[index], (50.0, 95.0))
        figures.append(
            CameraFigures(
                name=name,
                image_size=data.calibration[name].image_size,
                seen=float(seen.mean()) if seen.size else 0.0,
                median_px=float(median_px),
                p95_px=float(p95_px),
                bias_px=residuals.bias[index],
            )
        )
    return tuple(figures)


def camera_keypoint_errors_px(residuals: Residuals, *qs: float) -> list[FloatArray]:
    """Return percentiles of the residual's length by camera and keypoint (camera, keypoint)."""
    rows = []
    for each in residuals.length:
        length = np.moveaxis(each, -1, 0)
        rows.append(percentiles(length.reshape(len(length), -1), qs, axis=-1))
    return [np.stack(each) for each in zip(*rows, strict=True)]


def source_shares(points: Points3D) -> dict[Source, FloatArray]:
    """Return by source the share (keypoint,) of frames and people, in [0, 1]."""
    return {source: _mean(points.source == source) for source in Source}


def view_counts(points: Points3D) -> FloatArray:
    """Return how many keypoints (views,) were seen by 0, 1, 2, … agreeing cameras."""
    return np.bincount(np.asarray(points.view_count, dtype=np.int64).ravel()).astype(np.float64)


def sigmas_mm(points: Points3D, *qs: float) -> list[FloatArray]:
    """Return percentiles of the standard deviation per axis by keypoint (keypoint,), mm."""
    by_keypoint = np.moveaxis(1000.0 * points.sigma_m, -1, 0)
    return percentiles(by_keypoint.reshape(len(by_keypoint), -1), qs, axis=-1)


def drawn_pairs(points: Points3D) -> tuple[tuple[int, int], ...]:
    """Return the lines of a stick figure as keypoint indices; none for unknown keypoint sets."""
    try:
        return keypoint_set_of(points.keypoint_names).drawn_indices()
    except InputError:
        # A foreign detector's points are shown as dots; that is no reason to refuse a report.
        return ()


def bone_figures(points: Points3D) -> tuple[BoneFigures, ...]:
    """Return the length of every limb bone of every person who has one."""
    try:
        bones = keypoint_set_of(points.keypoint_names).bones
    except InputError:
        return ()
    column = {name: index for index, name in enumerate(points.keypoint_names)}
    figures = []
    for person, person_id in enumerate(points.person_ids):
        for first, second in bones:
            if any(part in first or part in second for part in _FACE):
                continue
            ends = points.xyz[:, person, [column[first], column[second]]]
            length = 1000.0 * np.linalg.norm(ends[:, 0] - ends[:, 1], axis=-1)
            p5, median, p95 = percentiles(length, (5.0, 50.0, 95.0))
            if np.isfinite(median):
                figures.append(
                    BoneFigures(
                        person_id=person_id,
                        bone=(first, second),
                        median_mm=float(median),
                        spread_mm=1.4826 * float(percentile(np.abs(length - median), 50.0)),
                        p5_mm=float(p5),
                        p95_mm=float(p95),
                    )
                )
    return tuple(figures)


def percentile(values: Array, q: float, axis: int | None = None) -> FloatArray:
    """Return a percentile that skips NaN, and NaN (without a warning) where nothing is left."""
    return percentiles(values, (q,), axis)[0]


def percentiles(values: Array, qs: Sequence[float], axis: int | None = None) -> list[FloatArray]:
    """Return percentiles as `percentile` does: what takes time is to order the values, once."""
    values = np.asarray(values)
    lines = values.reshape(1, -1) if axis is None else np.moveaxis(values, axis, -1)
    shape, length = () if axis is None else lines.shape[:-1], lines.shape[-1]
    if not lines.size:
        return [np.full(shape, np.nan) for _ in qs]
    rows = lines.reshape(-1, length)
    count = np.isfinite(rows).sum(axis=-1)
    if len(rows) > _FEW_ROWS:
        ordered = np.sort(rows, axis=-1)  # NaN last
    else:
        ordered = np.stack([
            np.partition(row, sorted({int(k) for q in qs for k in _places(known, q)}))
            for row, known in zip(rows, count, strict=True)
        ])  # fmt: skip
    return [_between(ordered, count, q).reshape(shape) for q in qs]


def _places(count: Array, q: float) -> tuple[Array, Array]:
    """Return the places before and after a percentile of `count` ordered values."""
    last = np.maximum(count - 1, 0)
    low = (last * (q / 100.0)).astype(np.int64)
    return low, np.minimum(low + 1, last)


def _between(ordered: Array, count: Array, q: float) -> FloatArray:
    """Return a percentile of the first `count` of ordered values (row, value)."""
    place = np.maximum(count - 1, 0) * (q / 100.0)
    low, high = _places(count, q)
    below, above = (
        np.take_along_axis(ordered, each[:, None], axis=-1)[:, 0].astype(np.float64)
        for each in (low, high)
    )
    return np.asarray(np.where(count > 0, below + (above - below) * (place - low), np.nan))


def _mean(mask: FloatArray) -> FloatArray:
    """Return the mean (keypoint,) of a mask (frame, person, keypoint); 0 where there is nothing."""
    flat = np.asarray(mask, dtype=np.float64).reshape(-1, mask.shape[-1])
    return np.asarray(flat.mean(axis=0)) if len(flat) else np.zeros(mask.shape[-1])
