"""Fitted bodies as the exporters take them: characters with skin, markers, segments."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from mocap.body.anatomical_markers import bony_landmarks, has_markers
from mocap.body.body_skeleton import skeleton_of
from mocap.body.feet.contact import find_contacts
from mocap.body.model import BodyModel
from mocap.body.skeleton.build import MAX_GAP_S
from mocap.body.skin import skinned_mesh
from mocap.capture.session import Take
from mocap.core.body.fit_figures import FitFigures
from mocap.core.body_motion import BodyMotion
from mocap.core.errors import ExportError
from mocap.core.points import Points3D
from mocap.core.runs import runs
from mocap.core.shapes import BoolArray
from mocap.export.c3d import C3dExtras, cameras_seen
from mocap.export.character.character import BodyShape, Character
from mocap.export.character.gaps import with_missing
from mocap.workflow.export.events import measured_events
from mocap.workflow.results import Results

_FINGERS = ("thumb", "index", "middle", "ring", "pinky")
_GENDERS = ("female", "male")


def body_character(
    motion: BodyMotion, model: BodyModel, name: str, *, with_mesh: bool = True
) -> Character:
    """Return a fitted body as a character: its skeleton, its shape and, if asked, its skin.

    Raises:
        BodyError: the motion belongs to another body.
    """
    character = Character(
        skeleton_of(motion, model),
        name=name,
        shape=BodyShape(
            model_name=motion.model_name,
            model_hash=motion.model_hash,
            betas=motion.betas,
            rest_root_m=model.joints(motion.betas)[0],
            gender=_gender(model.name),
            expression=motion.expression if motion.expression.shape[1] else None,
        ),
    )
    if not with_mesh:
        return character
    mesh = skinned_mesh(model, motion.betas, expressions=motion.expression.shape[1] > 0)
    return replace(character, mesh=mesh, note=model.licence_note)


def finger_notes(motion: BodyMotion, name: str) -> list[str]:
    """Return a sentence when nobody saw a person's fingers."""
    fingers = [
        joint
        for joint, each in enumerate(motion.joint_names)
        if each.split("_")[-1].rstrip("123") in _FINGERS
    ]
    if motion.observable[fingers].any():
        return []
    return [
        f"{name}: no detector saw fingers, so that hands are relaxed and wrists nearly follow the "
        "forearms."
    ]


def figure_notes(figures: FitFigures | None, name: str) -> list[str]:
    """Return a sentence when nobody said whose chest and hips the skin should have."""
    if figures is None or figures.given_sex is not None:
        return []
    return [
        f"{name}: no sex was given, so that chest and hips are an average person's. Give --sex to "
        "`mocap fit`, or sex to the subject in session.toml."
    ]


def with_gaps(
    character: Character,
    motion: BodyMotion,
    policy: str | None,
    *,
    fill: bool,
    kept: slice = slice(None),
) -> tuple[Character, list[str]]:
    """Return a character whose long unseen stretches are as `policy` wants them, and notes.

    The fit bridges what nobody saw by its motion model. Up to the longest gap of a skeleton that
    is animation; beyond, it is invention, and a person must ask for it. Only frames that are
    `kept` count.

    Raises:
        ExportError: a long stretch was not seen and neither a policy nor `fill` was chosen.
    """
    missing = np.zeros(motion.frame_count, dtype=bool)
    unseen = np.zeros(motion.frame_count, dtype=bool)
    unseen[kept] = ~np.isfinite(motion.fit_error_mm[kept])
    stretches = [
        (first, end - first) for first, end in runs(unseen) if end - first > MAX_GAP_S * motion.fps
    ]
    if not stretches:
        return character, []
    for first, length in stretches:
        missing[first : first + length] = True
    first, length = max(stretches, key=lambda each: each[1])
    text = (
        f"{character.name} was not seen in {int(missing.sum())} of {len(missing)} frames (longest: "
        f"{length / motion.fps:.1f} s from frame {first})"
    )
    if policy is None and not fill:
        raise ExportError(
            f"{text}, and animation files cannot hold gaps. Choose --gaps hold, interpolate or "
            "split, or --fill-long-gaps."
        )
    if policy in ("hold", "split"):
        everywhere = np.repeat(missing[:, None], len(character.motion.joint_names), axis=1)
        return replace(character, motion=with_missing(character.motion, everywhere)), []
    return character, [f"{text}; the motion there comes from the body's motion model alone."]


def standing_floor(
    bodies: Mapping[str, tuple[BodyMotion, BodyModel]], characters: Sequence[Character]
) -> float | None:
    """Return the height of the floor on which the first person's feet stand, None without a body.

    Bodies by the name of their character.

    A person on a beam stands on the beam.
    """
    if not characters or not bodies:
        return None
    chosen = bodies.get(characters[0].name)
    return None if chosen is None else find_contacts(*chosen).floor_m


def _gender(model_name: str) -> str:
    """Return the sex a body file is made for; a body for everybody is neutral."""
    last = model_name.rpartition("_")[2]
    return last if last in _GENDERS else "neutral"


def c3d_extras(
    take: Take, points: Points3D, bodies: Mapping[int, tuple[BodyMotion, BodyModel]]
) -> tuple[dict[int, C3dExtras], list[str]]:
    """Return by person what C3D holds beside keypoints, and what there is to say about it.

    Markers and segments need a fitted body, camera masks the tracks, events a measured take.
    """
    events, notes = measured_events(take, points.person_ids)
    seen = _cameras_seen(take, points)
    extras = {}
    for person in points.person_ids:
        extra = C3dExtras(events=events[person], cameras_seen=seen.get(person))
        if person in bodies:
            motion, model = bodies[person]
            skeleton = skeleton_of(motion, model)
            markers = {}
            if has_markers(model):
                markers = bony_landmarks(model, motion.betas).positions(skeleton)
            extra = replace(extra, virtual_markers=markers, segments=skeleton)
        extras[person] = extra
    return extras, notes


def _cameras_seen(take: Take, points: Points3D) -> dict[int, BoolArray]:
    """Return by person which cameras saw each keypoint, where the tracks are still there."""
    results = Results(take)
    if not results.has("tracks"):
        return {}
    tracks = results.tracks
    if tracks.keypoint_names != points.keypoint_names:
        return {}
    people = set(points.person_ids) & set(tracks.person_ids)
    return {person: cameras_seen(tracks, person) for person in people}
