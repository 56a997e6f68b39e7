"""The fit stage: a body for every person of a take, with feet that stand still."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from mocap.capture.session import Take
from mocap.core.body_motion import BodyMotion
from mocap.core.errors import InputError
from mocap.core.points import Points3D
from mocap.core.store import (
    Provenance,
    file_hash,
    load_artifact,
    load_provenance,
    save_artifact,
)
from mocap.workflow.fit.detector_offsets import detector_of, detector_offsets
from mocap.workflow.fit.subjects import (
    ALL_TAKES,
    KnownPerson,
    height_warnings,
    known_person,
    nobody_warnings,
    shape_figures,
    shared_shape,
    take_views,
)
from mocap.workflow.pipeline import Made, Stage, files_stage
from mocap.workflow.version import installed_version

if TYPE_CHECKING:
    from mocap.body.feet.lock import FootLock, FootLockMode
    from mocap.body.model import BodyModel

FREE_BODY = "free"


@dataclass(frozen=True)
class FitChoice:
    """How bodies are fitted.

    Attributes:
        body: "free", or a file in the SMPL-X format.
        height_m, mass_kg, sex: of the person; None: as session.toml says.
        foot_lock: "auto", "always", "never" or "ground".
        subject_shape: "auto": all takes of a person get one shape, told by all of them; "none":
            each its own; or the take that tells it.
        refine_views: refine on what every camera saw.
    """

    body: str = FREE_BODY
    height_m: float | None = None
    mass_kg: float | None = None
    sex: str | None = None
    foot_lock: FootLockMode = "auto"
    refine_views: bool = True
    subject_shape: str = ALL_TAKES


def fit_stage(take: Take, choice: FitChoice) -> Stage:
    """Return the stage that fits a body to every person of a take."""
    known = _known(take, choice)
    inputs = _inputs(take, choice, known)
    if choice.body != FREE_BODY:
        path = Path(choice.body)
        if not path.is_file():
            raise InputError(
                f"there is no body file {path}. Correct --body, or leave it out for the free body."
            )
        inputs["body"] = path

    def make() -> Made:
        return _fit(take, choice, known)

    return files_stage(
        "fit", take.fit_manifest_path, inputs=inputs, options=_options(choice, known), make=make
    )


def _known(take: Take, choice: FitChoice) -> KnownPerson:
    return known_person(
        take,
        height_m=choice.height_m,
        mass_kg=choice.mass_kg,
        sex=choice.sex,
        subject_shape=choice.subject_shape,
    )


def _options(choice: FitChoice, known: KnownPerson) -> dict[str, Any]:
    return {**asdict(choice), **known.options()}


def _inputs(take: Take, choice: FitChoice, known: KnownPerson) -> dict[str, Path]:
    """Return the files that bodies are made from, without that of the body."""
    inputs = {
        "smoothed": take.artifact("smoothed"),
        **known.inputs(take, views=choice.refine_views),
    }
    if choice.refine_views:
        inputs["tracks"] = take.artifact("tracks")
        inputs["calibration"] = take.session.calibration_path
    return inputs


def fitted_bodies(take: Take, points_path: Path) -> dict[int, BodyMotion]:
    """Return the fitted bodies by person that were made from these smoothed points."""
    points = load_artifact(points_path, Points3D)
    digest = file_hash(points_path)
    found = {}
    for person in points.person_ids:
        path = take.body_path(person)
        if path.is_file() and load_provenance(path).inputs.get("smoothed") == digest:
            found[person] = load_artifact(path, BodyMotion)
    return found


def open_body(choice_or_path: str) -> BodyModel:
    """Load the body that a fit was made with: "free" or a file.

    Raises:
        BodyError: the file cannot be used.
    """
    from mocap.body.smplx_file import load_body

    return load_body(choice_or_path)


def fitted_with(take: Take, person: int) -> str:
    """Return what a person was fitted with, as its artifact says: "free" or a file.

    Raises:
        InputError: the file is not there any more.
    """
    body = str(load_provenance(take.body_path(person)).options.get("body", FREE_BODY))
    if body != FREE_BODY and not Path(body).is_file():
        raise InputError(
            f"person {person} of take {take.name} was fitted to the body file {body}, which is "
            f"not there (seen from {Path.cwd()}). Put it back, or name where it is with --body: "
            "`mocap mesh` and `mocap measure` take it, all others need another fit."
        )
    return body


def body_of(take: Take, person: int) -> BodyModel:
    """Load the body that a person was fitted with, as its artifact says."""
    return open_body(fitted_with(take, person))


def _fit(take: Take, choice: FitChoice, known: KnownPerson) -> Made:
    from mocap.body.feet.lock import lock_feet
    from mocap.body.fit.fit import fit

    path = take.artifact("smoothed")
    points = load_artifact(path, Points3D)
    model = open_body(choice.body)
    offsets, warnings = detector_offsets(detector_of(take), points)
    if len(points.person_ids) > 1:
        # Nothing says which of them session.toml means.
        known = KnownPerson(None, choice.height_m, choice.mass_kg, choice.sex, ())
    else:
        warnings += nobody_warnings(take)
    warnings += [*known.warnings(model), *height_warnings(known, points, model, offsets)]
    views = take_views(take) if choice.refine_views else None
    record = Provenance(
        stage="fit",
        version=installed_version(),
        options={**_options(choice, known), "detector_offsets": offsets.name},
        inputs={name: file_hash(each) for name, each in _inputs(take, choice, known).items()},
    )
    shape = shared_shape(known, choice.body, model, refine_views=choice.refine_views)
    paths, notes = [], {}
    for person in points.person_ids:
        fitted = fit(
            points,
            model,
            person_id=person,
            facts=known.facts(),
            offsets=offsets,
            betas=shape.betas if shape else None,
            constants=shape.constants if shape else None,
            views=views,
        )
        locked = lock_feet(fitted.motion, model, mode=choice.foot_lock)
        notes[f"person{person}"] = {
            **_figures(locked, fitted.status.converged),
            **shape_figures(known, model, fitted.motion.betas),
        }
        save_artifact(locked.motion, take.body_path(person), record)
        paths.append(take.body_path(person))
    errors = [float(np.nanmedian(load_artifact(path, BodyMotion).fit_error_mm)) for path in paths]
    return Made(paths, warnings, {**notes, "fit_error_mm": round(float(np.median(errors)), 2)})


def _figures(locked: FootLock, converged: bool) -> dict[str, Any]:
    def rounded(values: Mapping[str, float]) -> dict[str, float | None]:
        return {k: round(v, 1) if np.isfinite(v) else None for k, v in values.items()}

    return {
        "converged": converged,
        "slide_before_mm": rounded(locked.slide_before_mm),
        "slide_after_mm": rounded(locked.slide_after_mm),
        "penetration_before_mm": round(locked.penetration_before_mm, 1),
        "penetration_after_mm": round(locked.penetration_after_mm, 1),
    }
