"""The fit stage: a body for every person of a take, with feet that stand still."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from mocap.capture.edits import trimmed
from mocap.core.body.fit_figures import FitFigures
from mocap.core.errors import BodyError, InputError
from mocap.core.plain import plain
from mocap.core.points import Points3D
from mocap.core.store import Provenance, file_hash, save_artifact
from mocap.workflow.choices import FREE_BODY, FitChoice
from mocap.workflow.fit.detector_offsets import detector_of, detector_offsets
from mocap.workflow.fit.edited import said_contacts, views_of_part, whole_take
from mocap.workflow.fit.kept_steps import FittedPerson, KeptSteps, kept_motion
from mocap.workflow.fit.shared_shape import (
    ShapeChoice,
    SharedShape,
    moved_shape,
    own_shape_of,
    shape_path,
    shared_shape,
)
from mocap.workflow.fit.subjects import (
    KnownPerson,
    height_warnings,
    known_people,
    known_person,
    nobody_warnings,
    subject_person,
    take_views,
)
from mocap.workflow.graph import maker
from mocap.workflow.job import Job, StageCode
from mocap.workflow.measure.importing import is_imported
from mocap.workflow.pipeline import Made
from mocap.workflow.progress import Progress
from mocap.workflow.results import Results
from mocap.workflow.unfinished import Unfinished, forget_pieces

if TYPE_CHECKING:
    from mocap.body.feet.lock import FootLock
    from mocap.body.fit.fit import FitResult
    from mocap.body.model import BodyModel


def _choice(job: Job) -> FitChoice:
    chosen = job.choices.fit or FitChoice()
    # Imported points were seen by no camera of ours.
    return replace(chosen, refine_views=False) if is_imported(job.take) else chosen


def _known(job: Job) -> KnownPerson:
    choice = _choice(job)
    return known_person(
        job.take,
        height_m=choice.height_m,
        mass_kg=choice.mass_kg,
        sex=choice.sex,
        subject_shape=choice.subject_shape,
    )


def _options(job: Job) -> dict[str, object]:
    options = {**asdict(_choice(job)), **_known(job).options()}
    subjects = job.take.session.config.subjects
    if len(subjects) > 1 and job.take.subject() is None:
        # Whoever of them is in the take is known by the name that association gave.
        options["subjects"] = [[each.name, each.height_m, each.mass_kg, each.sex]
                               for each in subjects]  # fmt: skip
    return options


def _inputs(job: Job) -> dict[str, Path]:
    """Return the files that bodies are made from, beside the points of the take."""
    choice = _choice(job)
    inputs: dict[str, Path] = {}
    if choice.refine_views:
        inputs[maker("tracks", job.row.name).key] = job.input_path("tracks")
        inputs["calibration"] = job.take.session.calibration_path
    if choice.body != FREE_BODY:
        path = Path(choice.body)
        if not path.is_file():
            raise InputError(
                f"there is no body file {path}. Correct --body, or leave it out for the free body."
            )
        inputs["body"] = path
    return inputs


def _make(job: Job) -> Made:
    from mocap.body.feet.lock import lock_feet
    from mocap.body.fit.fit import fit
    from mocap.body.fit.subject import fit_with_shape
    from mocap.body.smplx_file import load_body

    take, choice, known = job.take, _choice(job), _known(job)
    model = load_body(choice.body)
    if known.takes:
        # While nothing else of the take is in memory: it is half of the work.
        own_shape_of(take, known, _shape_choice(choice), model, _Steps(job.progress, "shape").next)
    whole = job.load("points", Points3D)
    frame_count = len(whole.xyz)
    span = trimmed(take.edits_path, frame_count) or slice(0, frame_count)
    points = whole.part(span)
    offsets, warnings = detector_offsets(detector_of(take), points)
    main = subject_person(take, points.person_ids)
    people = known_people(
        take,
        points.person_ids,
        known,
        height_m=choice.height_m,
        mass_kg=choice.mass_kg,
        sex=choice.sex,
    )
    warnings += nobody_warnings(take, people)
    for person, each in people.items():
        warnings += each.warnings(model)
        if person == main or each.name is not None:
            warnings += height_warnings(each, points.of_person(person), model, offsets)
    called = Results(take).names
    if len(people) > 1 and known.name is not None and known.name not in called.values():
        warnings.append(
            f"{known.name}, of whom session.toml tells, was taken for person {main}, the main "
            "person."
        )
    views = views_of_part(take_views(take), span) if choice.refine_views else None
    made_from = job.record()
    record = replace(made_from, options={**made_from.options, "detector_offsets": offsets.name})
    errors_mm, notes = {}, {}
    told_by: tuple[str, ...] = ()
    asked, shared = _shape_choice(choice), None

    def fitted(person: int, shared: SharedShape | None, kept: KeptSteps) -> FitResult:
        if shared is None:
            return fit(
                points, model, person_id=person, facts=people[person].facts(),
                offsets=offsets, views=views, told=kept,
            )  # fmt: skip
        return fit_with_shape(
            points, model, own_shape_of(take, known, asked, model), shared.shape,
            person_id=person, offsets=offsets, views=views, told=kept,
        )  # fmt: skip

    for person in points.person_ids:
        steps = _Steps(job.progress, f"fit of person {person}")
        if person == main and known.takes:
            shared = shared_shape(known, asked, model)
            assert shared is not None
            warnings += shared.warnings
            told_by = shared.takes
        path = take.body_path(person)
        shape = shared.shape.written() if person == main and shared is not None else None
        pieces = Unfinished.of(job.path, record, shape=shape)
        done = pieces.piece(f"person_{person}", FittedPerson)
        if done is not None and path.is_file() and file_hash(path) == done.sha256:
            notes[f"person{person}"], errors_mm[path] = json.loads(done.figures), done.error_mm
            continue
        kept = KeptSteps(pieces, f"steps_of_{person}", steps.next)
        mine = shared if person == main else None
        try:
            motion, converged = kept_motion(pieces, person, partial(fitted, person, mine, kept))
        except BodyError as error:
            # Somebody who passes by must not cost the others their bodies.
            if person == main:
                raise
            warnings.append(f"person {person} has no fitted body: {error}")
            continue
        steps.end()
        said = said_contacts(job.edits("contact"), person, len(points.xyz), span.start)
        locked = lock_feet(motion, model, mode=choice.foot_lock, said=said)
        figures = _figures(
            locked, converged, people[person], model,
            told_by if person == main else (),
        )  # fmt: skip
        notes[f"person{person}"] = plain(asdict(figures))
        body = whole_take(locked.motion, span, frame_count)
        save_artifact(body, path, record)
        errors_mm[path] = float(np.nanmedian(body.fit_error_mm))
        said_of = json.dumps(notes[f"person{person}"])
        pieces.keep(f"person_{person}", FittedPerson(file_hash(path), said_of, errors_mm[path]))
    error_mm = round(float(np.median(list(errors_mm.values()))), 2)
    return Made(list(errors_mm), warnings, {**notes, "fit_error_mm": error_mm})


# Steps of a fit on points and views: 14 to 21 in takes of 40 to 30,000 frames.
_USUAL_STEPS = 20


class _Steps:
    """Counts the steps of a fit aloud; how many there will be is known by what is usual."""

    def __init__(self, progress: Progress, what: str) -> None:
        self._progress, self._what, self._done = progress, f"{what}: steps", 0

    def next(self) -> None:
        """Tell that one more step begins."""
        self._progress.advanced(self._what, self._done, max(_USUAL_STEPS, self._done + 1))
        self._done += 1

    def end(self) -> None:
        """Tell that there are no more."""
        self._progress.advanced(self._what, self._done, self._done)


def _figures(
    locked: FootLock,
    converged: bool,
    known: KnownPerson,
    model: BodyModel,
    told_by: tuple[str, ...],
) -> FitFigures:
    from mocap.body.shape_prior import body_height, body_mass_kg

    def rounded(values: Mapping[str, float]) -> dict[str, float | None]:
        return {k: round(v, 1) if np.isfinite(v) else None for k, v in values.items()}

    betas = locked.motion.betas
    return FitFigures(
        converged=converged,
        slide_before_mm=rounded(locked.slide_before_mm),
        slide_after_mm=rounded(locked.slide_after_mm),
        penetration_before_mm=round(locked.penetration_before_mm, 1),
        penetration_after_mm=round(locked.penetration_after_mm, 1),
        given_height_m=known.height_m,
        given_mass_kg=known.mass_kg,
        given_sex=known.sex,
        subject=known.name,
        shape_from=told_by if len(told_by) > 1 else (),
        body_height_m=round(body_height(model, betas)[0], 3),
        body_mass_kg=round(body_mass_kg(model, betas), 1),
    )


def _shape_choice(choice: FitChoice) -> ShapeChoice:
    return ShapeChoice(choice.body, choice.refine_views)


def tell_shape(job: Job) -> bool:
    """Find out what a take says of the shape of its subject; tell whether that was to be done."""
    from mocap.body.smplx_file import load_body

    choice, known = _choice(job), _known(job)
    if job.take.name not in {take.name for take in known.takes}:
        return False
    steps = _Steps(job.progress, "shape").next
    before = shape_path(job.take).read_bytes() if shape_path(job.take).is_file() else b""
    own_shape_of(job.take, known, _shape_choice(choice), load_body(choice.body), steps)
    return shape_path(job.take).read_bytes() != before


def _outdated(job: Job, _: Provenance) -> str:
    """Say why bodies are fitted again that were fitted to these very points: another shape."""
    from mocap.body.smplx_file import load_body

    choice = _choice(job)
    return moved_shape(job.take, _known(job), _shape_choice(choice), load_body(choice.body))


STAGE = StageCode(
    make=_make,
    options=_options,
    inputs=_inputs,
    defaults=lambda: asdict(FitChoice()),
    forget=lambda job: forget_pieces(job.path),
    outdated=_outdated,
)
