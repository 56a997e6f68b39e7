"""What the player shows of a take: its results as they are stored, and whether they are stale."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from mocap.capture.footage import Footage
from mocap.capture.session import Take
from mocap.core.detections import Tracks2D
from mocap.core.errors import InputError, MocapError
from mocap.core.points import Points3D
from mocap.core.runs import runs
from mocap.core.shapes import BoolArray
from mocap.core.store import load_artifact
from mocap.studio.player.take import (
    Curves,
    PlayerBody,
    PlayerCamera,
    PlayerTake,
    still_camera,
)
from mocap.studio.player.thinned import thinned
from mocap.workflow.frames import image_indices
from mocap.workflow.graph import GRAPH, path_of
from mocap.workflow.measure.importing import has_imported_keypoints
from mocap.workflow.results import FittedBody, Results

if TYPE_CHECKING:
    from mocap.measure.angles import AngleCurves
    from mocap.measure.misfit import Misfit
    from mocap.workflow.measure.take import Measured

# A person whom nobody saw for so long is a mark on the timeline.
_UNSEEN_S = 0.5
VideoSource = Callable[[str], str]
"""Where the page gets the video of a camera: its URL, "" for none."""


def player_take(
    take: Take,
    source: VideoSource = lambda camera: "",
    *,
    bodies: bool = True,
    curves: bool = True,
    causes: Sequence[str] = (),
    most_frames: int | None = None,
) -> PlayerTake:
    """Return all that the player shows of a take; every n-th frame of more than `most_frames`.

    Stale results are shown as they are: what a person came for may be to make them again. `said`
    tells why they are stale. Without `bodies` those that were fitted are left out, and without
    `curves` the joint angles, which take longest. `causes` of what is wrong stand before warnings.

    Raises:
        InputError: nothing was reconstructed yet.
    """
    results, footage = Results(take), Footage(take)
    if not results.has("points"):
        raise InputError(
            f"nothing was reconstructed of take {take.name} yet. Run `mocap run "
            f"{take.session.root} {take.name}`, or the button of the page."
        )
    points = results.stored_points()
    tracks = load_artifact(path_of(take, "tracks"), Tracks2D) if results.has("tracks") else None
    if tracks is not None and tracks.pixels.shape[1] != len(points.xyz):
        tracks = None
    fresh, stale = _stale(results)
    fitted = stored_bodies(results, points) if bodies else []
    stride = 1 if most_frames is None else max(1, -(-len(points.xyz) // most_frames))
    without_bodies = PlayerTake(
        name=take.name,
        points=points,
        cameras=_cameras(take, footage, points, source),
        tracks=tracks,
        people=_names(results),
        marks=[*_events(results), *_unseen(points)],
        said={"stale": stale, "warnings": (*causes, *results.warnings())},
    )
    return replace(
        thinned(without_bodies, stride),
        bodies=[_body(each, stride) for each in fitted],
        curves=_curves(take, points, stride=stride) if fresh and curves else {},
    )


def stored_bodies(results: Results, points: Points3D) -> list[FittedBody]:
    """Return fitted bodies as they are stored, of people and frames that the points have."""
    found = results.stored_bodies()
    frames = len(points.xyz)
    return [
        body
        for person, body in found.items()
        if person in points.person_ids and body.motion.frame_count == frames
    ]


def _stale(results: Results) -> tuple[bool, list[str]]:
    """Return whether the points may be measured, and why results are stale."""
    reasons = {}
    for row in GRAPH:
        try:
            results.refuse_stale_stage(row)
        except InputError as error:
            reasons[row.makes or row.name] = str(error)
    first = next(iter(reasons.values()), None)
    return not {"points", "bodies"} & set(reasons), [first] if first else []


def _cameras(
    take: Take, footage: Footage, points: Points3D, source: VideoSource
) -> list[PlayerCamera]:
    frames = range(len(points.xyz))
    if not take.videos() and not has_imported_keypoints(take):
        return []
    out = []
    for camera in footage.calibration.cameras:
        info = footage.recording.infos[camera.name]
        if not info.has_images:
            out.append(still_camera(camera, len(points.xyz)))
            continue
        images = np.full(len(points.xyz), -1, dtype=np.int64)
        for frame, image in image_indices(take, info, frames, points.fps).items():
            images[frame] = image
        matrix = footage.matrices.get(camera.name)
        out.append(
            PlayerCamera(
                camera=camera,
                image=images,
                image_times_s=info.times_s,
                calibration_from_video=np.eye(2, 3) if matrix is None else matrix,
                video_size=info.image_size,
                source=source(camera.name),
            )
        )
    return out


def _body(body: FittedBody, stride: int) -> PlayerBody:
    """Return every n-th frame of a body."""
    from mocap.body.body_skeleton import skeleton_of
    from mocap.body.feet.contact import find_contacts
    from mocap.body.skin import skinned_mesh

    model, every = body.model(), slice(None, None, stride)
    motion = body.motion.part(every)
    return PlayerBody(
        person_id=motion.person_id,
        skeleton=skeleton_of(motion, model),
        mesh=skinned_mesh(model, motion.betas),
        standing=np.asarray(find_contacts(body.motion, model).standing.any(axis=-1))[every],
        error_mm=motion.fit_error_mm,
    )


def _names(results: Results) -> list[tuple[int, str]]:
    if not results.has("tracks"):
        return []
    noted = results.provenance("tracks").notes.get("everybody")
    if not isinstance(noted, list):
        return []
    return [(each["person_id"], each["name"]) for each in noted]


def curves_of(take: Take, *, bands: bool = True) -> Curves:
    """Return the joint angles of the main person; none where results are stale.

    Without `bands` at once: those take twenty times as long.
    """
    results = Results(take)
    fresh, _ = _stale(results)
    return _curves(take, results.stored_points(), bands=bands) if fresh else {}


def actions_of(take: Take) -> list[Mapping[str, object]]:
    """Return what people did, for the timeline; without those of whom too little was seen.

    Raises:
        InputError: nothing was reconstructed yet.
        ModelError: the model cannot be loaded.
    """
    from mocap.studio.understand.actions import timeline_rows
    from mocap.workflow.understand.actions import tellable

    return timeline_rows(tellable(Results(take).stored_points()))


def player_of_person(whole: PlayerTake, take: Take, person: int) -> PlayerTake:
    """Return what the player shows of one person of a take."""
    stride = whole.said.get("stride", 1)
    assert isinstance(stride, int)
    curves = whole.curves
    if curves and person != whole.points.person_ids[0]:  # those of the whole are the main person's
        curves = _curves(take, whole.points, person, stride=stride)
    return replace(
        whole,
        points=whole.points.of_person(person),
        tracks=whole.tracks.of_person(person) if whole.tracks else None,
        bodies=[each for each in whole.bodies if each.person_id == person],
        people=[each for each in whole.people if each[0] == person],
        curves=curves,
        marks=[each for each in whole.marks if each["person"] == person],
        actions=[each for each in whole.actions or () if each["person"] == person],
    )


def _curves(
    take: Take,
    points: Points3D,
    person: int | None = None,
    *,
    bands: bool = True,
    stride: int = 1,
) -> Curves:
    """Return every n-th joint angle of a person, the main one by default, with their deviations.

    None where they cannot be measured. Deviations are those of `mocap measure angles`: of chance,
    and of what body and keypoints disagree by; of the frames that are shown alone, for they are
    drawn at random frame by frame and take longest.
    """
    from mocap.measure.angle_table import angle_spreads_deg
    from mocap.measure.angles import joint_angles
    from mocap.workflow.measure.choices import Chosen
    from mocap.workflow.measure.take import Measured

    if not points.person_ids:
        return {}
    try:
        ready = Measured(take, Chosen(person=person))
        found: AngleCurves = joint_angles(ready.segments)
        spreads = angle_spreads_deg(found, *_every(ready, stride)) if bands else {}
    except MocapError:
        # A foreign keypoint set has no segments; the player shows its coordinates all the same.
        return {}
    return {
        name.replace("_", " "): ("deg", found[name][::stride], spreads.get(name))
        for name in found.names
        if np.isfinite(found[name]).any()
    }


def _every(ready: Measured, stride: int) -> tuple[Points3D, Misfit | None]:
    """Return every n-th frame of a person's keypoints, and of how badly the body explains them."""
    points, misfit, every = ready.person_points, ready.misfit, slice(None, None, stride)
    if misfit is not None:
        misfit = replace(misfit, sigma_m=misfit.sigma_m[every])
    return replace(points.part(every), fps=points.fps / stride), misfit


def _events(results: Results) -> list[Mapping[str, object]]:
    found, _ = results.events()
    return [
        {
            "frame": round(event.frame),
            "name": f"{event.name.replace('_', ' ')} (± {event.confidence_ms:.0f} ms)",
            "kind": "event",
            "person": measured.person_id,
        }
        for measured in found
        for group in measured.groups
        for event in group
        if np.isfinite(event.frame)
    ]


def _unseen(points: Points3D) -> list[Mapping[str, object]]:
    """Return marks where nobody saw a person for long."""
    marks: list[Mapping[str, object]] = []
    for index, person in enumerate(points.person_ids):
        seen: BoolArray = np.asarray(np.isfinite(points.xyz[:, index, :, 0]).any(axis=-1))
        marks += [
            {
                "frame": first,
                "name": f"person {person} is not seen for {(end - first) / points.fps:.1f} s",
                "kind": "warning",
                "person": person,
            }
            for first, end in runs(~seen)
            if end - first > _UNSEEN_S * points.fps
        ]
    return marks
