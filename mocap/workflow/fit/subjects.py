"""Who is in a take, what is known of their body, and which takes tell its shape."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from mocap.capture.session import Take
from mocap.core.errors import InputError
from mocap.core.points import Points3D
from mocap.core.store import file_hash
from mocap.workflow.choices import ALL_TAKES, NO_TAKES
from mocap.workflow.fit.detector_offsets import detector_of, detector_offsets
from mocap.workflow.graph import maker, path_of
from mocap.workflow.results import Results

if TYPE_CHECKING:
    from mocap.body.fit.subject import Evidence, PersonShape
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
        takes: those that tell the shape together; none when the take tells its own.
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
            "shape_from": [take.name for take in self.takes],
        }

    def inputs(self, take: Take, *, views: bool) -> dict[str, Path]:
        """Return the artifacts of the other takes that tell the shape, by a short name.

        These are their points, and with `views` also their tracks.
        """
        rows = [maker(role) for role in (("points", "tracks") if views else ("points",))]
        others = [each for each in self.takes if each.name != take.name]
        return {
            f"{row.key} of {each.name}": each.root / row.file for each in others for row in rows
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
    return tuple(theirs) if len(theirs) > 1 else ()


def take_views(take: Take) -> CameraTracks:
    """Return what the points of a take were made from.

    Raises:
        InputError: its tracks or the calibration do not exist or are damaged, or the points were
            made from others: images and points would contradict each other.
    """
    from mocap.body.fit.views import CameraTracks
    from mocap.reconstruct.exact_time import at_frame_times

    results, calibration = Results(take), take.session.calibration()
    return CameraTracks(at_frame_times(results.tracks, results.points, calibration), calibration)


def shared_shape(
    known: KnownPerson, body: str, model: BodyModel, *, refine_views: bool
) -> PersonShape | None:
    """Return the shape that the takes of a person tell together; None for the take's own.

    With `refine_views` each take tells the shape as it
    is refined on what every camera saw.

    Raises:
        BodyError: nobody was seen in any of the takes.
    """
    if not known.takes:
        return None
    from mocap.body.fit.subject import subject_of

    facts = known.facts()
    evidence = [
        each for take in known.takes for each in _evidence(_Source(take, refine_views), body, facts)
    ]
    return subject_of(model, evidence, facts)


class _Source:
    """A take that tells the shape: equal to another when all that it tells it from is."""

    def __init__(self, take: Take, refine_views: bool) -> None:
        self.take, self.refine_views = take, refine_views
        self.detector = detector_of(take)
        paths = [path_of(take, "points")]
        if refine_views:
            paths += [path_of(take, "tracks"), take.session.calibration_path]
        self._key = (self.detector, *((path, file_hash(path)) for path in paths))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Source) and self._key == other._key

    def __hash__(self) -> int:
        return hash(self._key)


# Every take of a session asks for the evidence of all.
@lru_cache(maxsize=256)
def _evidence(source: _Source, body: str, facts: BodyFacts) -> tuple[Evidence, ...]:
    from mocap.body.fit.subject import take_evidence
    from mocap.body.smplx_file import load_body

    points = Results(source.take).points
    points = points.of_person(subject_person(source.take, points.person_ids))
    offsets, _ = detector_offsets(source.detector, points)
    return take_evidence(
        points,
        load_body(body),
        facts=facts,
        offsets=offsets,
        views=take_views(source.take) if source.refine_views else None,
    )


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
