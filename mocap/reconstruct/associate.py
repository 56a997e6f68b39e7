"""People found in the images of all cameras become identified people over time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Literal

import numpy as np

from mocap.core.camera import Calibration
from mocap.core.detections import MIN_CONFIDENCE, Detections2D, Tracks2D
from mocap.core.errors import ReconstructionError
from mocap.core.kernels.linear import camera_matrices
from mocap.core.keypoints import mirrored_name
from mocap.core.lens import undistort_points
from mocap.core.shapes import Array, FloatArray, IntArray
from mocap.reconstruct.association_kernels import (
    NOBODY,
    essential_matrices,
    people_of_instant,
    pick_members,
)
from mocap.reconstruct.tracking import Person, Track, absorb, link

# How far a detected keypoint may be from where the other cameras see it, as a share of the
# person's size in the image: detectors are 1.5 % off in the median, 7 % at the 95th percentile.
TOLERANCE_OF_SIZE = 0.08
# At least this much, for people far away and rigs a little off.
MIN_TOLERANCE_PX = 10.0

# More people than this at once are bystanders beyond interest.
MAX_PEOPLE = 12

# A gap up to this long is bridged to find the single views of a person inside it.
MAX_BRIDGE_S = 1.0


@dataclass(frozen=True, eq=False)
class AssociationReport:
    """What was decided, for people to read.

    Attributes:
        frame_count: frames of the take.
        people_seen: separate people found in space, bystanders included.
        views_by_camera: frames in which each camera contributes the person.
        swapped_by_camera: frames in which left and right of that camera were exchanged.
        frames_in_two_views: frames in which at least two cameras show the person.
    """

    frame_count: int
    people_seen: int
    views_by_camera: Mapping[str, int]
    swapped_by_camera: Mapping[str, int]
    frames_in_two_views: int

    def warnings(self) -> tuple[str, ...]:
        """Return sentences about what deserves a look."""
        out = []
        for camera, views in self.views_by_camera.items():
            if 2 * views < self.frame_count:
                out.append(
                    f"camera '{camera}' shows the person in {views} of {self.frame_count} frames; "
                    "check that it is aimed at the person and that the person is detected there."
                )
        swapped = {name: count for name, count in self.swapped_by_camera.items() if count}
        if swapped:
            listed = ", ".join(f"'{name}' {count}" for name, count in swapped.items())
            out.append(f"left and right were exchanged and put right, frames per camera: {listed}.")
        return tuple(out)


def associate(
    detections: Detections2D,
    calibration: Calibration,
    *,
    image_maps: Mapping[str, Array] | None = None,
    person: Literal["main"] = "main",
    tolerance_of_size: float = TOLERANCE_OF_SIZE,
) -> Tracks2D:
    """Return the tracks of the chosen people, in pixels of the calibration.

    See `associate_with_report`.

    >>> from mocap.synthetic.example import walker
    >>> seen = walker()
    >>> tracks = associate(seen.detections, seen.calibration)
    >>> tracks.person_ids, tracks.pixels.shape  # camera, frame, person, keypoint, 2
    ((0,), (8, 60, 1, 21, 2))
    """
    return associate_with_report(
        detections,
        calibration,
        image_maps=image_maps,
        person=person,
        tolerance_of_size=tolerance_of_size,
    )[0]


def associate_with_report(
    detections: Detections2D,
    calibration: Calibration,
    *,
    image_maps: Mapping[str, Array] | None = None,
    person: Literal["main"] = "main",
    tolerance_of_size: float = TOLERANCE_OF_SIZE,
) -> tuple[Tracks2D, AssociationReport]:
    """Find who is who across cameras and frames.

    The main person is the one with the largest sum, over all frames and views, of their size in
    the image: seen by most cameras, longest, and nearest. Views in which the detector took left
    for right are put right. A view without a matching detection stays NaN.

    Args:
        detections: in pixels of the videos, at the frames of one clock (`on_common_clock`).
        calibration: holds at least the cameras of the detections.
        image_maps: per camera (2, 3) calibration_from_video where videos are not in the pixels
            of the calibration.
        person: "main" only, for now.
        tolerance_of_size: how far a keypoint may be from where the other cameras see it, as a
            share of the person's size in the image; more for a rig known to be wrong.

    Raises:
        ReconstructionError: when nobody was detected, or no two cameras agree on anybody.
    """
    detections = _mapped(detections, image_maps or {})
    _require_people(detections)
    scene = _Scene(detections, calibration, tolerance_of_size)
    tracks = link([scene.people(f) for f in range(scene.frame_count)], scene.mirror, detections.fps)
    if not tracks:
        raise ReconstructionError(
            f"people were detected in {len(detections.camera_names)} cameras, but no two cameras "
            "agree on where anybody is. Check that the calibration belongs to these videos and "
            "that the videos start at the same instant."
        )
    main = absorb(max(tracks, key=scene.presence), tracks)
    people = _bridged(main, scene)
    return _tracks(detections, people, scene.mirror), _report(detections, people, len(tracks))


class _Scene:
    """All detections as rays with tolerances."""

    def __init__(
        self, detections: Detections2D, calibration: Calibration, tolerance_of_size: float
    ) -> None:
        rig = calibration.subset(detections.camera_names)
        vectors = rig.vectors()
        self.fps = detections.fps
        self.frame_count = detections.pixels.shape[1]
        self.poses = camera_matrices(vectors)
        self.essentials = essential_matrices(self.poses)
        names = detections.keypoint_names
        self.mirror: IntArray = np.array(
            [names.index(m) if (m := mirrored_name(n)) in names else names.index(n) for n in names]
        )
        self.orders = np.stack([np.arange(len(names)), self.mirror])
        pixels = np.array(detections.pixels, dtype=np.float64)
        pixels[np.asarray(detections.confidence) < MIN_CONFIDENCE] = np.nan
        cameras = len(vectors)
        rays = np.full((cameras, pixels[0].size // 2, 2), np.nan)
        undistort_points(vectors, pixels.reshape(cameras, -1, 2), rays)
        # (frame, camera, slot, keypoint, 2): an instant is contiguous.
        self.rays = np.ascontiguousarray(rays.reshape(pixels.shape).swapaxes(0, 1))
        seen = ~np.isnan(self.rays)
        high = np.where(seen, self.rays, -np.inf).max(axis=3)
        low = np.where(seen, self.rays, np.inf).min(axis=3)
        size = np.max(high - low, axis=-1)
        self.size = np.where(np.isfinite(size) & (size > 0.0), size, np.nan)
        floor = MIN_TOLERANCE_PX / vectors[None, :, None, 6]
        self.tolerance = np.maximum(tolerance_of_size * self.size, floor)

    def people(self, frame: int) -> list[Person]:
        """Return the people of one frame."""
        cameras, keypoints = len(self.poses), len(self.mirror)
        members = np.full((MAX_PEOPLE, cameras), NOBODY)
        swapped = np.zeros((MAX_PEOPLE, cameras), dtype=bool)
        skeletons = np.full((MAX_PEOPLE, keypoints, 3), np.nan)
        count = people_of_instant(
            self.poses,
            self.essentials,
            self.rays[frame],
            self.tolerance[frame],
            self.orders,
            MAX_PEOPLE,
            members,
            swapped,
            skeletons,
        )
        return [Person(members[p], swapped[p], skeletons[p]) for p in range(count)]

    def presence(self, track: Track) -> float:
        """Return the sum of a person's image sizes over all frames and views."""
        total = 0.0
        for frame, person in track.people.items():
            cameras = np.flatnonzero(person.members != NOBODY)
            total += float(np.nansum(self.size[frame, cameras, person.members[cameras]]))
        return total

    def views_of(self, frame: int, skeleton: FloatArray) -> Person:
        """Return the detections that fit a skeleton known from other frames."""
        members = np.full(len(self.poses), NOBODY)
        swapped = np.zeros(len(self.poses), dtype=bool)
        free = ~np.isnan(self.tolerance[frame])
        pick_members(
            self.poses,
            self.rays[frame],
            self.tolerance[frame],
            self.orders,
            free,
            skeleton,
            members,
            swapped,
        )
        return Person(members, swapped, skeleton)


def _mapped(detections: Detections2D, image_maps: Mapping[str, Array]) -> Detections2D:
    """Return the detections in pixels of the calibration."""
    unknown = sorted(set(image_maps) - set(detections.camera_names))
    if unknown:
        raise ReconstructionError(
            f"image_maps names '{unknown[0]}', but the cameras of this take are "
            f"{', '.join(detections.camera_names)}. Correct the camera name."
        )
    pixels = np.array(detections.pixels, dtype=np.float64)
    for index, name in enumerate(detections.camera_names):
        if name in image_maps:
            matrix = np.asarray(image_maps[name], dtype=np.float64)
            pixels[index] = pixels[index] @ matrix[:, :2].T + matrix[:, 2]
    return replace(detections, pixels=pixels)


def _require_people(detections: Detections2D) -> None:
    """Raise unless somebody was detected and there are two cameras to compare."""
    cameras, frames = detections.pixels.shape[:2]
    if cameras < 2:
        raise ReconstructionError(
            f"3D needs two cameras, but there is only '{detections.camera_names[0]}'. "
            "Add the video of a second calibrated camera to the take."
        )
    if not np.any(np.asarray(detections.confidence) >= MIN_CONFIDENCE):
        raise ReconstructionError(
            f"0 people found in {frames} frames of {cameras} cameras. Check that the videos show "
            "a person large enough (a tenth of the image height or more), upright and well lit."
        )


def _bridged(main: Track, scene: _Scene) -> dict[int, Person]:
    """Return the person's instants, with views found in the gaps between them."""
    people = dict(main.people)
    frames = list(main.people)
    for before, after in pairwise(frames):
        if not 1 < after - before <= MAX_BRIDGE_S * scene.fps:
            continue
        start, end = main.people[before].skeleton, main.people[after].skeleton
        for frame in range(before + 1, after):
            part = (frame - before) / (after - before)
            people[frame] = scene.views_of(frame, (1.0 - part) * start + part * end)
    return people


def _tracks(detections: Detections2D, people: Mapping[int, Person], mirror: IntArray) -> Tracks2D:
    """Return the person's detections, swapped views put right."""
    cameras, frames, _, keypoints = detections.confidence.shape
    pixels = np.full((cameras, frames, 1, keypoints, 2), np.nan)
    confidence = np.zeros((cameras, frames, 1, keypoints))
    for frame, person in people.items():
        for camera in np.flatnonzero(person.members != NOBODY):
            order = mirror if person.swapped[camera] else np.arange(keypoints)
            slot = person.members[camera]
            pixels[camera, frame, 0] = detections.pixels[camera, frame, slot, order]
            confidence[camera, frame, 0] = detections.confidence[camera, frame, slot, order]
    confidence[np.isnan(pixels[..., 0])] = 0.0
    return Tracks2D(
        camera_names=detections.camera_names,
        keypoint_names=detections.keypoint_names,
        person_ids=(0,),
        fps=detections.fps,
        pixels=pixels,
        confidence=confidence,
        times_s=detections.times_s,
    )


def _report(
    detections: Detections2D, people: Mapping[int, Person], people_seen: int
) -> AssociationReport:
    """Count views and swaps."""
    member = np.array([p.members != NOBODY for p in people.values()])
    swapped = np.array([p.swapped for p in people.values()]) & member
    names = detections.camera_names
    return AssociationReport(
        frame_count=detections.pixels.shape[1],
        people_seen=people_seen,
        views_by_camera=dict(zip(names, member.sum(axis=0).tolist(), strict=True)),
        swapped_by_camera=dict(zip(names, swapped.sum(axis=0).tolist(), strict=True)),
        frames_in_two_views=int(np.sum(member.sum(axis=1) >= 2)),
    )
