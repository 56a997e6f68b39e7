"""People found in the images of all cameras become identified people over time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from mocap.capture.edits_file import IdentityEdit
from mocap.core.camera import Calibration
from mocap.core.clocks import mapped_rows
from mocap.core.detections import MIN_CONFIDENCE, Detections2D, Tracks2D, looked_at_every
from mocap.core.errors import ReconstructionError
from mocap.core.shapes import Array, BoolArray, FloatArray
from mocap.reconstruct.people.edits import edited
from mocap.reconstruct.people.following import Told, follow
from mocap.reconstruct.people.instant_kernels import NOBODY
from mocap.reconstruct.people.limbs import repair_limbs
from mocap.reconstruct.people.naming import names_by_height
from mocap.reconstruct.people.presence import (
    FoundPerson,
    best_view,
    by_presence,
    chosen_ids,
    height_of,
)
from mocap.reconstruct.people.scene import TOLERANCE_OF_SIZE, Scene, mirror_of
from mocap.reconstruct.people.stitching import Person, people_of

# A view that shows somebody in less than this share of their frames deserves a look.
_SELDOM_SEEN = 0.5


@dataclass(frozen=True, eq=False)
class AssociationReport:
    """What was decided, for people to read.

    Attributes:
        frame_count: frames of the take that were looked at.
        fps: frames per second.
        people: everybody who was found, chosen or not, the main person first.
    """

    frame_count: int
    fps: float
    people: tuple[FoundPerson, ...]

    @property
    def chosen(self) -> tuple[FoundPerson, ...]:
        """The people whom later stages get."""
        return tuple(person for person in self.people if person.chosen)

    def warnings(self) -> tuple[str, ...]:
        """Return sentences about what deserves a look."""
        out = []
        for person in self.chosen:
            who = "the person" if len(self.people) == 1 else person.name
            out += self._view_warnings(person, who)
            out += [f"{person.name}: {note}" for note in person.notes]
        for person in self.people:
            if not person.chosen:
                first, last = person.first_frame / self.fps, person.last_frame / self.fps
                out.append(
                    f"{person.name} was found too (seen in {person.frames} of {self.frame_count} "
                    f"frames, {first:.1f} to {last:.1f} s) and left out; choose them with "
                    f"`--person {person.person_id}` or `--person all`, or everybody by number."
                )
        return tuple(out)

    def _view_warnings(self, person: FoundPerson, who: str) -> list[str]:
        out = []
        there = self.frame_count if len(self.people) == 1 else person.frames
        for camera, views in person.views_by_camera.items():
            if views < _SELDOM_SEEN * there:
                out.append(
                    f"camera '{camera}' shows {who} in {views} of {there} frames; check that it "
                    "is aimed at them and that they are detected there."
                )
        swapped = {name: count for name, count in person.swapped_by_camera.items() if count}
        if swapped:
            listed = ", ".join(f"'{name}' {count}" for name, count in swapped.items())
            whose = "" if len(self.people) == 1 else f" of {who}"
            out.append(
                f"left and right{whose} were exchanged and put right, frames per camera: {listed}."
            )
        limbs = sum(person.limbs_by_camera.values())
        left_out = sum(person.limbs_left_out_by_camera.values())
        # A few in a thousand are chance; more deserve a look.
        if limbs + left_out > 0.01 * max(sum(person.views_by_camera.values()), 1):
            out.append(
                f"arms or legs of {who} alone were exchanged and put right in {limbs} views, and "
                f"left out in {left_out} where nothing tells."
            )
        return out


def associate(
    detections: Detections2D,
    calibration: Calibration,
    *,
    image_maps: Mapping[str, Array] | None = None,
    person: str = "all",
    edits: Sequence[IdentityEdit] = (),
    heights_m: Mapping[str, float] | None = None,
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
        edits=edits,
        heights_m=heights_m,
        tolerance_of_size=tolerance_of_size,
    )[0]


def associate_with_report(
    detections: Detections2D,
    calibration: Calibration,
    *,
    image_maps: Mapping[str, Array] | None = None,
    person: str = "all",
    edits: Sequence[IdentityEdit] = (),
    heights_m: Mapping[str, float] | None = None,
    tolerance_of_size: float = TOLERANCE_OF_SIZE,
    told: Told | None = None,
) -> tuple[Tracks2D, AssociationReport]:
    """Find who is who across cameras and frames: everybody, then choose.

    Known people are predicted from frame to frame and matched to the detections of every camera
    one to one; new people are found in what is left. Tracks are joined over gaps by where somebody
    could have walked and by their bodies. Views in which the detector took left for right are put
    right. A view without a matching detection stays NaN. Person 0 is the main person: longest in
    the volume, in most views, moving.

    Args:
        detections: in pixels of the videos, at the frames of one clock (`on_common_clock`).
        calibration: holds at least the cameras of the detections.
        image_maps: per camera (2, 3) calibration_from_video where videos are not in the pixels
            of the calibration.
        person: "all": everybody seen in a tenth of the take or more; "main"; "largest" in the
            images; or numbers and names, separated by commas.
        edits: corrections of who is who, in order.
        heights_m: of the subjects, by name: people whose bodies tell them apart get their names.
        tolerance_of_size: how far a keypoint may be from where the other cameras see it, as a
            share of the person's size in the image; more for a rig known to be wrong.
        told: hears what is counted, how many are done, and how many there are.

    Raises:
        ReconstructionError: when nobody was detected, no two cameras agree on anybody, or `person`
            or an edit names nobody.
    """
    detections = _mapped(detections, image_maps or {})
    _require_people(detections)
    every, frame_count = looked_at_every(detections.times_s), detections.pixels.shape[1]
    if every > 1:
        # People are followed from image to image, whatever time lies between.
        detections = detections.every(every)
    scene = Scene(detections, calibration, tolerance_of_size)
    tracked = follow(scene, told)
    found = dict(enumerate(by_presence(people_of(tracked, scene), scene)))
    del tracked
    found, given = edited(found, edits, every)
    if not found:
        raise ReconstructionError(_nobody(detections, edits))
    names = {person_id: f"person {person_id}" for person_id in found}
    heights = {person_id: height_of(each, scene) for person_id, each in found.items()}
    names |= names_by_height(heights, heights_m or {}) | given
    ids = tuple(found)
    chosen = chosen_ids(person, ids, [*found.values()], [names[i] for i in ids], scene)
    pixels, confidence = _pixels(detections, [*found.values()])
    vectors = calibration.subset(detections.camera_names).vectors()
    limbs = [
        _repaired(pixels[:, :, index], confidence[:, :, index], detections, vectors)
        for index in range(len(ids))
    ]
    people = []
    for index, person_id in enumerate(ids):
        people.append(
            _found_person(
                person_id,
                names[person_id],
                person_id in chosen,
                found[person_id],
                heights[person_id],
                detections,
                best_view(found[person_id], scene, detections.camera_names, pixels[:, :, index]),
                limbs[index],
                every,
            )
        )
    if chosen != ids:
        kept = [ids.index(person_id) for person_id in chosen]
        pixels, confidence = pixels[:, :, kept], confidence[:, :, kept]
    tracks = Tracks2D(
        camera_names=detections.camera_names,
        keypoint_names=detections.keypoint_names,
        person_ids=chosen,
        fps=detections.fps,
        pixels=pixels,
        confidence=confidence,
        times_s=detections.times_s,
        row_lateness=detections.row_lateness,
    )
    if every > 1:
        tracks = tracks.spread(every, frame_count)
    return tracks, AssociationReport(scene.frame_count, tracks.fps, tuple(people))


def _nobody(detections: Detections2D, edits: Sequence[IdentityEdit]) -> str:
    if edits:
        return (
            "nobody is left: edits.toml drops everybody who was found. Remove an entry of it, "
            "or `mocap people SESSION TAKE` says what there was."
        )
    return (
        f"people were detected in {len(detections.camera_names)} cameras, but no two cameras "
        "agree on where anybody is. Check that the calibration belongs to these videos and "
        "that the videos start at the same instant: `mocap doctor SESSION TAKE` finds out."
    )


def _mapped(detections: Detections2D, image_maps: Mapping[str, Array]) -> Detections2D:
    """Return the detections in pixels of the calibration."""
    unknown = sorted(set(image_maps) - set(detections.camera_names))
    if unknown:
        raise ReconstructionError(
            f"image_maps names '{unknown[0]}', but the cameras of this take are "
            f"{', '.join(detections.camera_names)}. Correct the camera name."
        )
    changing = {
        name: np.asarray(matrix, dtype=np.float64)
        for name, matrix in image_maps.items()
        if not np.array_equal(matrix, np.eye(2, 3))
    }
    if not changing:
        return detections
    pixels = np.array(detections.pixels, dtype=np.float64)
    rows = np.array(detections.row_lateness, dtype=np.float64)
    for index, name in enumerate(detections.camera_names):
        if name in changing:
            matrix = changing[name]
            pixels[index] = pixels[index] @ matrix[:, :2].T + matrix[:, 2]
            rows[index] = mapped_rows(rows[index], matrix)
    return replace(detections, pixels=pixels, row_lateness=rows)


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


def _pixels(detections: Detections2D, people: Sequence[Person]) -> tuple[FloatArray, FloatArray]:
    """Return pixels and confidence (camera, frame, person, keypoint, ...), swaps put right."""
    cameras, frames, _, keypoints = detections.confidence.shape
    pixels = np.full((cameras, frames, len(people), keypoints, 2), np.nan)
    confidence = np.zeros((cameras, frames, len(people), keypoints))
    orders = np.stack([np.arange(keypoints), mirror_of(detections.keypoint_names)])
    for index, person in enumerate(people):
        track = person.track
        for camera in range(cameras):
            row = np.flatnonzero(track.members[:, camera] != NOBODY)
            frame, slot = track.frames[row], track.members[row, camera]
            order = orders[track.swapped[row, camera].astype(np.int64)]
            at = (frame[:, None], slot[:, None], order)
            pixels[camera, frame, index] = np.asarray(detections.pixels[camera])[at]
            confidence[camera, frame, index] = np.asarray(detections.confidence[camera])[at]
    confidence[np.isnan(pixels[..., 0])] = 0.0
    return pixels, confidence


def _repaired(
    pixels: FloatArray, confidence: FloatArray, detections: Detections2D, vectors: FloatArray
) -> tuple[dict[str, int], dict[str, int]]:
    """Put a person's exchanged limbs right in place; return by camera how many, and left out."""
    names = detections.camera_names
    found = repair_limbs(pixels, confidence, detections.keypoint_names, vectors, detections.fps)
    exchanged, left_out = (dict(zip(names, each.tolist(), strict=True)) for each in found)
    return exchanged, left_out


def _found_person(
    person_id: int,
    name: str,
    chosen: bool,
    person: Person,
    height_m: float,
    detections: Detections2D,
    view: tuple[str, int, tuple[float, float, float, float]],
    limbs: tuple[dict[str, int], dict[str, int]],
    every: int,
) -> FoundPerson:
    """Return what is told of a person; of so many frames one was looked at."""
    track = person.track
    member: BoolArray = track.members != NOBODY
    names = detections.camera_names
    sure = track.frames[track.views >= 2]
    notes = []
    for join in person.joins:
        if not join.sure:
            before, after = every * join.before, every * join.after
            gap_s = (join.after - join.before) / detections.fps
            notes.append(
                f"unseen for {gap_s:.1f} s from frame {before}, found again "
                f"{join.distance_m:.1f} m away with a body {100.0 * join.size_share:+.0f} % in "
                "size, and taken for the same; if it is another, write a split into edits.toml "
                f"(`mocap people SESSION TAKE split {person_id} --from-frame {after}`)."
            )
    return FoundPerson(
        person_id=person_id,
        name=name,
        chosen=chosen,
        first_frame=every * int(sure[0] if len(sure) else track.frames[0]),
        last_frame=every * int(sure[-1] if len(sure) else track.frames[-1]),
        frames=len(sure),
        views_by_camera=dict(zip(names, member.sum(axis=0).tolist(), strict=True)),
        swapped_by_camera=dict(
            zip(names, (track.swapped & member).sum(axis=0).tolist(), strict=True)
        ),
        limbs_by_camera=limbs[0],
        limbs_left_out_by_camera=limbs[1],
        height_m=height_m,
        notes=tuple(notes),
        best_view=(view[0], every * view[1], view[2]),
    )
