"""Who is in a take, what is known of their body, and which takes tell its shape."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from mocap.capture.session import Take
from mocap.core.errors import InputError
from mocap.core.points import Points3D
from mocap.workflow.choices import ALL_TAKES, NO_TAKES
from mocap.workflow.graph import path_of
from mocap.workflow.results import Results

if TYPE_CHECKING:
    from mocap.body.fit.views import CameraTracks
    from mocap.body.landmarks import Offsets
    from mocap.body.model import BodyModel
    from mocap.body.shape_prior import BodyFacts

# Bones tell the height of a body within 2 to 4 cm; detectors that were not measured add some.
HEIGHT_DISAGREES_M = 0.07


@dataclass(frozen=True, eq=False)
class KnownPerson:
    """What is known of the person in a take before it is fitted.

    Attributes:
        name: as in session.toml, None when nothing tells who it is.
        height_m, mass_kg, sex: None when unknown.
        takes: those that tell the shape together; none when nobody knows whose take it is, or each
            is to tell its own.
    """

    name: str | None
    height_m: float | None
    mass_kg: float | None
    sex: str | None
    takes: tuple[Take, ...]

    def facts(self) -> BodyFacts:
        """Return height, mass and sex for the fit."""
        from mocap.body.shape_prior import BodyFacts

        return BodyFacts(self.height_m, self.mass_kg, self.sex)

    def warnings(self, model: BodyModel) -> list[str]:
        """Return what to say about a body that cannot use what is known."""
        if self.sex is None or model.sex_names or model.name.endswith(f"_{self.sex}"):
            return []
        return [
            f"body '{model.name}' has no mean shape of a sex: that the person is {self.sex} "
            "changes nothing. Give the file for that sex as --body."
        ]

    def options(self) -> dict[str, object]:
        """Return what changes the result of a fit, for its provenance."""
        return {
            "subject": self.name,
            "height_m": self.height_m,
            "mass_kg": self.mass_kg,
            "sex": self.sex,
        }


def known_person(
    take: Take,
    *,
    height_m: float | None = None,
    mass_kg: float | None = None,
    sex: str | None = None,
    subject_shape: str = ALL_TAKES,
) -> KnownPerson:
    """Return what the command line and session.toml know; the command line wins.

    Args:
        take: the take to fit.
        height_m, mass_kg, sex: as on the command line.
        subject_shape: "auto", "none", or the take that tells the shape.

    Raises:
        InputError: take.toml names nobody; or the take that is to tell the shape has no smoothed
            points, or is another person's.
        SessionError: there is no such take.
    """
    subject = take.subject()
    return KnownPerson(
        name=subject.name if subject else None,
        height_m=height_m or (subject.height_m if subject else None),
        mass_kg=mass_kg or (subject.mass_kg if subject else None),
        sex=sex or (subject.sex if subject else None),
        takes=_shape_takes(take, subject_shape),
    )


def known_people(
    take: Take,
    people: Sequence[int],
    main: KnownPerson,
    *,
    height_m: float | None = None,
    mass_kg: float | None = None,
    sex: str | None = None,
) -> dict[int, KnownPerson]:
    """Return what is known of everybody in a take, by number; the command line wins.

    `main` is what is known of the take's subject: who has their name, else the main person, first
    of `people`. Others are known by names that session.toml has too.
    """
    results = Results(take)
    out = {}
    for person in people:
        subject = results.subject(person, people)
        nobody_known = subject is None and main.name is None
        if (nobody_known and person == people[0]) or (subject and subject.name == main.name):
            out[person] = main
        else:
            out[person] = KnownPerson(
                name=subject.name if subject else None,
                height_m=height_m or (subject.height_m if subject else None),
                mass_kg=mass_kg or (subject.mass_kg if subject else None),
                sex=sex or (subject.sex if subject else None),
                takes=(),
            )
    return out


def subject_person(take: Take, people: Sequence[int]) -> int:
    """Return who of `people` the subject of a take is: has their name, or is the main person."""
    subject, results = take.subject(), Results(take)
    named = [each for each in people if subject and results.names.get(each) == subject.name]
    return named[0] if named else people[0]


def nobody_warnings(take: Take, people: Mapping[int, KnownPerson]) -> list[str]:
    """Return what to say about a take that is of one of several subjects, nobody knows of which."""
    names = [subject.name for subject in take.session.config.subjects]
    if len(names) < 2 or any(each.name for each in people.values()):
        return []
    return [
        f"session.toml names {', '.join(names)}, but not who is in {take.name}: no height, mass, "
        'sex or shape of theirs is used. Write the line subject = "NAME" into '
        f"{take.settings_path}."
    ]


def _shape_takes(take: Take, subject_shape: str) -> tuple[Take, ...]:
    session, subject = take.session, take.subject()
    if subject_shape == NO_TAKES or (subject_shape == ALL_TAKES and subject is None):
        return ()
    if subject_shape != ALL_TAKES:
        chosen = session.take(subject_shape)
        if chosen.subject() != subject:
            raise InputError(
                f"take {chosen.name} cannot tell the shape of the person in {take.name}: it is "
                "another subject's. Name a take of theirs, or correct take.toml."
            )
        if chosen.name != take.name and not path_of(chosen, "points").is_file():
            raise InputError(
                f"take {chosen.name} is to tell the shape, but it has no smoothed points. Run "
                f"`mocap run {session.root} {chosen.name}` first."
            )
        return (chosen,)
    takes = [take if name == take.name else session.take(name) for name in session.takes()]
    theirs = [
        each
        for each in takes
        if each.name == take.name
        or (each.subject() == subject and path_of(each, "points").is_file())
    ]
    return tuple(theirs)


def take_views(take: Take) -> CameraTracks:
    """Return what the points of a take were made from; of a long take in single precision.

    A pixel that is rounded so is off by 0.0002 px at most, and a take of 100,000 frames and eight
    cameras takes half of 500 MB.

    Raises:
        InputError: its tracks or the calibration do not exist or are damaged, or the points were
            made from others: images and points would contradict each other.
    """
    from mocap.body.fit.observed.held import LONG_FRAMES
    from mocap.body.fit.views import CameraTracks
    from mocap.reconstruct.exact_time import at_frame_times

    results, calibration = Results(take), take.session.calibration()
    tracks = at_frame_times(results.tracks, results.points, calibration)
    if tracks.pixels.shape[1] > LONG_FRAMES:
        tracks = replace(
            tracks,
            pixels=tracks.pixels.astype(np.float32),
            confidence=tracks.confidence.astype(np.float32),
        )
    return CameraTracks(tracks, calibration)


def height_warnings(
    known: KnownPerson, points: Points3D, model: BodyModel, offsets: Offsets
) -> list[str]:
    """Return what to say where a given height and the bones that were seen disagree."""
    if known.height_m is None:
        return []
    from mocap.body.fit.fit import height_by_bones

    found = []
    for person in points.person_ids:
        seen_m = height_by_bones(points, model, person_id=person, offsets=offsets)
        if abs(seen_m - known.height_m) > HEIGHT_DISAGREES_M:
            found.append(
                f"the bones of person {person} are those of a body of about {seen_m:.2f} m, but "
                f"{known.height_m:.2f} m was given: the given height makes their bones wrong, or "
                "the scale of the calibration is wrong. Check height_m and square_mm."
            )
    return found
