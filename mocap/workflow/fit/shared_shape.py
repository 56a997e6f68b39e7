"""The shape that the takes of a person tell together.

What a take says of the shape is an artifact of its own, `.partial/shape.npz`: made once, from its
points and views, and used by the fits of all takes of the person. A new take therefore costs its
own solution and no other's. Bodies that were fitted before stay as they are while the shape is
within its standard deviation of theirs, and are fitted again, with the reason, when it has moved by
more.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from mocap.capture.edits import edits_told, trimmed
from mocap.capture.session import Take
from mocap.core.body_motion import BodyMotion
from mocap.core.errors import BodyError, InputError
from mocap.core.store import (
    Provenance,
    file_hash,
    load_artifact,
    load_provenance,
    save_artifact,
)
from mocap.workflow.choices import FREE_BODY
from mocap.workflow.fit.detector_offsets import detector_of, detector_offsets
from mocap.workflow.fit.edited import views_of_part
from mocap.workflow.fit.kept_steps import KeptSteps
from mocap.workflow.fit.subjects import KnownPerson, subject_person, take_views
from mocap.workflow.graph import path_of
from mocap.workflow.results import Results
from mocap.workflow.unfinished import Unfinished, forget_pieces
from mocap.workflow.version import installed_version

if TYPE_CHECKING:
    from mocap.body.fit.subject import OwnShape, PersonShape
    from mocap.body.model import BodyModel

REVISION = 1
"""Of the evidence: raise it when the same take says something else than before."""

_SIGMAS = 1.0
"""A shape that is farther from that of a fitted body, in standard deviations, is another."""

Told = Callable[[], None]


@dataclass(frozen=True)
class ShapeChoice:
    """What the shape of a person is told from, beside their takes.

    Attributes:
        body: "free" or a file.
        refine_views: whether on what every camera saw.
    """

    body: str
    refine_views: bool


@dataclass(frozen=True, eq=False)
class SharedShape:
    """The shape of a person, and the takes that told it.

    Attributes:
        shape: of the person.
        takes: names of those that told it.
        warnings: sentences about those that could not.
    """

    shape: PersonShape
    takes: tuple[str, ...]
    warnings: tuple[str, ...]


def shared_shape(known: KnownPerson, choice: ShapeChoice, model: BodyModel) -> SharedShape | None:
    """Return the shape that the takes of a person tell together; None for the take's own.

    What a take says is looked up, and found out where nobody has asked it yet.

    Raises:
        BodyError: nobody was seen in any of the takes.
    """
    from mocap.body.fit.subject import subject_of

    if not known.takes:
        return None
    evidence, names, warnings = [], [], []
    for take in known.takes:
        try:
            evidence.append(own_shape_of(take, known, choice, model).evidence)
            names.append(take.name)
        except (BodyError, InputError) as error:
            warnings.append(f"take {take.name} tells nothing of the shape: {error}")
    shape = subject_of(model, evidence, known.facts())
    return SharedShape(shape, tuple(names), tuple(warnings))


def own_shape_of(
    take: Take,
    known: KnownPerson,
    choice: ShapeChoice,
    model: BodyModel,
    told: Told | None = None,
) -> OwnShape:
    """Return what a take says of the shape of its subject, as it is stored; made where it is not.

    Raises:
        BodyError: nobody was seen.
        InputError: the results of the take are damaged or stale, or do not belong together.
    """
    from mocap.body.fit.subject import OwnShape, own_shape

    results = Results(take)
    whole = results.points
    span = trimmed(take.edits_path, len(whole.xyz)) or slice(0, len(whole.xyz))
    person = subject_person(take, whole.person_ids)
    points = whole.of_person(person).part(span)
    offsets, _ = detector_offsets(detector_of(take), points)
    record = Provenance(
        stage="shape",
        version=installed_version(),
        options={
            "body": choice.body,
            "refine_views": choice.refine_views,
            "height_m": known.height_m,
            "mass_kg": known.mass_kg,
            "sex": known.sex,
            "person": person,
            "detector_offsets": offsets.name,
            "edits": edits_told(take.edits_path, ("trim",)),
        },
        inputs={path.name: file_hash(path) for path in _sources(take, choice)},
        revision=REVISION,
    )
    path = shape_path(take)
    found = _stored(path, record)
    if found is None:
        views = views_of_part(take_views(take), span) if choice.refine_views else None
        steps = KeptSteps(Unfinished.of(path, record), "steps", told or (lambda: None))
        made = own_shape(
            points, model, facts=known.facts(), offsets=offsets, views=views, told=steps
        )
        save_artifact(made, path, record)
        forget_pieces(path)
        found = load_artifact(path, OwnShape)
    return found


def shape_path(take: Take) -> Path:
    """Return where a take keeps what it says of the shape of its subject."""
    return take.root / ".partial" / "shape.npz"


def _sources(take: Take, choice: ShapeChoice) -> list[Path]:
    sources = [path_of(take, "points")]
    if choice.refine_views:
        sources += [path_of(take, "tracks"), take.session.calibration_path]
    if choice.body != FREE_BODY:
        sources.append(Path(choice.body))
    return sources


def _stored(path: Path, wanted: Provenance) -> OwnShape | None:
    """Return what is stored, None when there is nothing or something else."""
    from mocap.body.fit.subject import OwnShape

    try:
        record = load_provenance(path)
        told = record.stage, record.revision, dict(record.options), dict(record.inputs)
        if told != (wanted.stage, wanted.revision, dict(wanted.options), dict(wanted.inputs)):
            return None
        return load_artifact(path, OwnShape)
    except InputError:
        return None  # damaged, or not there: it holds nothing that cannot be found out again


def moved_shape(take: Take, known: KnownPerson, choice: ShapeChoice, model: BodyModel) -> str:
    """Say how far the shape of a subject is from that of their fitted body; "" when it is not."""
    if not known.takes:
        return ""
    results = Results(take)
    person = subject_person(take, results.stored_points().person_ids)
    path = take.body_path(person)
    if not path.is_file():
        return ""
    betas = load_artifact(path, BodyMotion).betas
    try:
        shared = shared_shape(known, choice, model)
    except BodyError:
        return ""
    if shared is None or len(betas) != len(shared.shape.betas):
        return ""
    sigmas = shared.shape.sigmas_from(betas)
    if sigmas <= _SIGMAS:
        return ""
    return (
        f"the shape of {known.name} moved by {sigmas:.1f} of its standard deviations: "
        f"{', '.join(shared.takes)} tell it now"
    )
