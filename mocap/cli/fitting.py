"""The fit stage: a body for every person of a take, with feet that stand still."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from mocap.capture.session import Take
from mocap.cli.main import installed_version
from mocap.cli.pipeline import Made, Stage, files_stage
from mocap.core.body_motion import BodyMotion
from mocap.core.detections import Tracks2D
from mocap.core.errors import InputError
from mocap.core.points import Points3D
from mocap.core.store import (
    Provenance,
    file_hash,
    load_artifact,
    load_provenance,
    save_artifact,
)

if TYPE_CHECKING:
    from mocap.body.fit_views import CameraTracks
    from mocap.body.foot_lock import FootLock, FootLockMode
    from mocap.body.landmarks import Offsets
    from mocap.body.model import BodyModel

FREE_BODY = "free"

# Which measured keypoint offsets belong to a detector.
_OFFSETS_OF_DETECTOR = {"movenet": "movenet_blazepose"}


@dataclass(frozen=True)
class FitChoice:
    """How bodies are fitted.

    Attributes:
        body: "free", or a file in the SMPL-X format.
        height_m: body height of the person, when known.
        foot_lock: "auto", "always", "never" or "ground".
        refine_views: fit to what every camera saw in the end, not to the points in space.
    """

    body: str = FREE_BODY
    height_m: float | None = None
    foot_lock: FootLockMode = "auto"
    refine_views: bool = True


def fit_stage(take: Take, choice: FitChoice) -> Stage:
    """Return the stage that fits a body to every person of a take."""
    inputs = _inputs(take, choice)
    if choice.body != FREE_BODY:
        path = Path(choice.body)
        if not path.is_file():
            raise InputError(
                f"there is no body file {path}. Correct --body, or leave it out for the free body."
            )
        inputs["body"] = path

    def make() -> Made:
        return _fit(take, choice)

    return files_stage(
        "fit", take.fit_manifest_path, inputs=inputs, options=asdict(choice), make=make
    )


def _inputs(take: Take, choice: FitChoice) -> dict[str, Path]:
    """Return the files that bodies are made from, without that of the body."""
    inputs = {"smoothed": take.artifact("smoothed")}
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


def body_of(take: Take, person: int) -> BodyModel:
    """Load the body that a person was fitted with, as its artifact says."""
    return open_body(str(load_provenance(take.body_path(person)).options["body"]))


def _fit(take: Take, choice: FitChoice) -> Made:
    from mocap.body.fit import fit
    from mocap.body.foot_lock import lock_feet
    from mocap.body.shape_prior import BodyFacts

    path = take.artifact("smoothed")
    points = load_artifact(path, Points3D)
    model = open_body(choice.body)
    offsets, warnings = _offsets(take, points)
    views = _views(take) if choice.refine_views else None
    record = Provenance(
        stage="fit",
        version=installed_version(),
        options={**asdict(choice), "detector_offsets": offsets.name},
        inputs={name: file_hash(each) for name, each in _inputs(take, choice).items()},
    )
    paths, notes = [], {}
    for person in points.person_ids:
        fitted = fit(
            points,
            model,
            person_id=person,
            facts=BodyFacts(height_m=choice.height_m),
            offsets=offsets,
            views=views,
        )
        locked = lock_feet(fitted.motion, model, mode=choice.foot_lock)
        notes[f"person{person}"] = _figures(locked, fitted.status.converged)
        save_artifact(locked.motion, take.body_path(person), record)
        paths.append(take.body_path(person))
    errors = [float(np.nanmedian(load_artifact(path, BodyMotion).fit_error_mm)) for path in paths]
    return Made(paths, warnings, {**notes, "fit_error_mm": round(float(np.median(errors)), 2)})


def _views(take: Take) -> CameraTracks:
    """Return what the points of a take were made from."""
    from mocap.body.fit_views import CameraTracks

    return CameraTracks(
        load_artifact(take.artifact("tracks"), Tracks2D), take.session.calibration()
    )


def _offsets(take: Take, points: Points3D) -> tuple[Offsets, list[str]]:
    """Return where the detector of the take puts its keypoints, and what to say about it."""
    from mocap.body.landmarks import offsets_of, unmeasured_offsets

    detector = _detector_of(take)
    if detector in _OFFSETS_OF_DETECTOR:
        return offsets_of(_OFFSETS_OF_DETECTOR[detector]), []
    return unmeasured_offsets(points.keypoint_names), [
        f"the keypoint definitions of detector '{detector}' were not measured: hips and shoulders "
        "of the fitted body may be off by 3 cm."
    ]


def _detector_of(take: Take) -> str:
    path = take.artifact("detections")
    if not path.is_file():
        return "unknown"
    options: Mapping[str, Any] = load_provenance(path).options
    return str(options.get("detector", "unknown"))


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
