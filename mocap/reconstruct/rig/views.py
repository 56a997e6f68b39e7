"""Which frames of which takes refine a rig, and what the cameras saw of people in them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from mocap.core.camera import Calibration
from mocap.core.detections import Detections2D, Tracks2D
from mocap.core.errors import ReconstructionError
from mocap.core.kernels.triangulation import triangulate_kernel
from mocap.core.points import Points3D
from mocap.core.shapes import Array, BoolArray, FloatArray
from mocap.reconstruct.associate import associate
from mocap.reconstruct.people.scene import TOLERANCE_OF_SIZE
from mocap.reconstruct.triangulate import observed_pixels, rays_of, triangulate

# A person is judged by rigs where this many cameras see them in this share of the frames.
MIN_CAMERAS = 3
SEEN_SHARE = 0.1
# More frames cost time and add little: keypoint errors of neighbouring frames are alike.
MAX_FRAMES = 300
# Frames are taken in runs, because people are followed from frame to frame; runs are also the
# units that are held out, since single frames resemble their neighbours.
RUN_FRAMES = 15
# A rig is judged by the joints between bones: eyes and ears are often guessed, and heels and toes
# come from a detector that fails on bent poses.
JOINTS = ("shoulder", "elbow", "wrist", "hip", "knee", "ankle")
# ... and solved from those that look alike from all sides. Where a detector puts hips and
# shoulders depends on the view: with them a right camera of the rendered sample session turned by
# 1.1 degrees, without them by 0.4, while unseen frames of a recording fit as well.
SOLVED_JOINTS = ("elbow", "wrist", "knee", "ankle")
# A view takes part in a point within this angle of it (67 px at 1680 px focal length): rigs that
# are a few degrees off still find their points.
GATE_RAD = 0.04


@dataclass(frozen=True, eq=False)
class PeopleTake:
    """Detections of one take, and how its video pixels become those of the calibration.

    Attributes:
        name: of the take.
        detections: in pixels of the videos.
        image_maps: per camera (2, 3) calibration_from_video where the two differ.
    """

    name: str
    detections: Detections2D
    image_maps: Mapping[str, Array] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class Run:
    """Consecutive frames of a take: detections of these only, and its half, 0 or 1, by frame."""

    detections: Detections2D
    image_maps: Mapping[str, Array]
    half: Array

    def tracks(self, calibration: Calibration, tolerance: float = TOLERANCE_OF_SIZE) -> Tracks2D:
        """Return everybody in this run, as the rig associates it, whom enough cameras see."""
        everybody = associate(
            self.detections,
            calibration,
            image_maps=self.image_maps,
            tolerance_of_size=tolerance,
        )
        return _well_seen(everybody)


def _well_seen(tracks: Tracks2D) -> Tracks2D:
    """Return the people whom three cameras see, or all where nobody is seen by so many.

    Two views of somebody agree in nearly any rig, so that they would draw it towards itself.
    """
    seen = np.isfinite(tracks.pixels[..., 0]).any(axis=-1)
    cameras = (seen.mean(axis=1) >= SEEN_SHARE).sum(axis=0)
    kept = np.flatnonzero(cameras >= min(MIN_CAMERAS, len(tracks.camera_names)))
    if not len(kept) or len(kept) == len(tracks.person_ids):
        return tracks
    return replace(
        tracks,
        person_ids=tuple(tracks.person_ids[k] for k in kept),
        pixels=tracks.pixels[:, :, kept],
        confidence=tracks.confidence[:, :, kept],
    )


@dataclass(frozen=True, eq=False)
class RigViews:
    """What a rig made of some frames.

    Attributes:
        pixels: (point, camera, 2) joints of people; NaN is not seen.
        points: (point, 3) triangulated robustly; NaN where no two views agree.
        squared_errors: (point, camera) px²; NaN where not seen or not triangulated.
        frame: (point,) a number for the frame, unique over takes.
    """

    pixels: FloatArray
    points: FloatArray
    squared_errors: FloatArray
    frame: Array

    @property
    def seen(self) -> BoolArray:
        """Which views (point, camera) exist."""
        return ~np.isnan(self.pixels[..., 0])


def chosen_runs(takes: Sequence[PeopleTake]) -> list[Run]:
    """Return the frames to use: all of short takes, evenly spread runs of long ones."""
    runs: list[Run] = []
    budget = max(2 * RUN_FRAMES, MAX_FRAMES // len(takes))
    for take in takes:
        count = take.detections.pixels.shape[1]
        if count <= budget:
            spans = [(0, count)]
        else:
            starts = np.linspace(0, count - RUN_FRAMES, budget // RUN_FRAMES).astype(int)
            spans = [(int(start), int(start) + RUN_FRAMES) for start in starts]
        offset = 0
        for first, stop in spans:
            half = (offset + np.arange(stop - first)) // RUN_FRAMES % 2
            offset += stop - first
            runs.append(Run(take.detections.part(slice(first, stop)), take.image_maps, half))
    return runs


def views_of(
    runs: Sequence[Run],
    calibration: Calibration,
    half: int | None = None,
    *,
    tolerance: float = TOLERANCE_OF_SIZE,
    joints: tuple[str, ...] = JOINTS,
) -> RigViews:
    """Return the joints of people in all runs, or in one half, as `calibration` sees them.

    `tolerance` is how far views of a person may disagree, as a share of their size; `joints` are
    the ends of the names of keypoints to return.

    Raises:
        ReconstructionError: nobody was found in any run, or there is one camera only.
    """
    parts, frames, base = [], [], 0
    problem: ReconstructionError | None = None
    for run in runs:
        try:
            tracks = run.tracks(calibration, tolerance)
        except ReconstructionError as error:
            # Somebody may be out of sight in a run; only when they are in all is that fatal.
            problem = error
            continue
        pixels = _joint_pixels(tracks, calibration, joints)
        wanted = np.full(len(run.half), True) if half is None else run.half == half
        parts.append(pixels[wanted].reshape(-1, *pixels.shape[2:]))
        frames.append(np.repeat(base + np.flatnonzero(wanted), pixels.shape[1]))
        base += len(run.half)
    if not parts:
        raise problem or ReconstructionError("there is no frame to refine the rig from.")
    pixels = np.ascontiguousarray(np.concatenate(parts))
    kept = np.count_nonzero(~np.isnan(pixels[..., 0]), axis=1) >= 2
    pixels = pixels[kept]
    points, squared_errors = robust_points(calibration, pixels)
    return RigViews(pixels, points, squared_errors, np.concatenate(frames)[kept])


def robust_points(calibration: Calibration, pixels: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Triangulate views (point, camera, 2): points (point, 3), squared errors (point, camera)."""
    vectors = calibration.vectors()
    points = np.full((len(pixels), 3), np.nan)
    squared_errors = np.full(pixels.shape[:2], np.nan)
    triangulate_kernel(
        vectors,
        pixels,
        rays_of(vectors, pixels),
        GATE_RAD * float(vectors[:, 6].max()),
        points,
        np.zeros((len(pixels), 6)),
        squared_errors,
    )
    squared_errors[np.isnan(points[:, 0])] = np.nan
    return points, squared_errors


def points_of_runs(
    runs: Sequence[Run], by: Calibration, rigs: Sequence[Calibration]
) -> list[list[Points3D]]:
    """Return all keypoints of all runs, associated by one rig, triangulated by each of `rigs`."""
    out: list[list[Points3D]] = [[] for _ in rigs]
    for run in runs:
        try:
            tracks = run.tracks(by)
            solved = [triangulate(tracks, rig) for rig in rigs]
        except ReconstructionError:
            continue
        for found, points in zip(out, solved, strict=True):
            found.append(points)
    return out


def _joint_pixels(
    tracks: Tracks2D, calibration: Calibration, joints: tuple[str, ...]
) -> FloatArray:
    """Return confident joints (frame, joint, camera, 2) with the cameras of the calibration."""
    _, seen = observed_pixels(tracks, calibration)
    frames, keypoints = tracks.pixels.shape[1], len(tracks.keypoint_names)
    columns = [k for k, name in enumerate(tracks.keypoint_names) if name.endswith(joints)]
    by_frame = seen.reshape(frames, -1, keypoints, *seen.shape[1:])[:, :, columns]
    by_frame = by_frame.reshape(frames, -1, *seen.shape[1:])
    out = np.full((*by_frame.shape[:2], len(calibration.cameras), 2), np.nan)
    out[:, :, [calibration.names.index(name) for name in tracks.camera_names]] = by_frame
    return out
