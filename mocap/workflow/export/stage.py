"""The export stage: files for other programs."""

from __future__ import annotations

from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mocap.capture.edits import trimmed
from mocap.capture.session import Take
from mocap.core.calibration_file import load_calibration
from mocap.core.errors import ExportError, MocapError
from mocap.core.files.names import portable
from mocap.core.points import Points3D
from mocap.core.store import file_hash
from mocap.workflow.choices import ExportChoice
from mocap.workflow.export.events import event_files
from mocap.workflow.export.files import KEPT, clean, earlier_files
from mocap.workflow.job import Job, StageCode
from mocap.workflow.pipeline import Made
from mocap.workflow.results import Results

if TYPE_CHECKING:
    from mocap.body.model import BodyModel
    from mocap.body.skeleton.build import SkeletonFit
    from mocap.core.body_motion import BodyMotion
    from mocap.core.shapes import BoolArray
    from mocap.export.c3d import C3dExtras
    from mocap.export.character.character import Character
    from mocap.export.job import ExportTake


def _make(job: Job) -> Made:
    """Write the asked formats, one file per person where a format needs it."""
    from mocap.export.applies import unheard
    from mocap.export.job import export_take

    take, choice = job.take, job.choices.export
    earlier = earlier_files(job.earlier_manifest)
    folder = choice.folder_of(take)
    found, notes = material(job)
    kept = kept_choice(take, found.points, choice)
    result = export_take(found, folder, portable(take.name), choice.formats, kept)
    motion = {name: file_hash(path) for name, path in job.inputs().items()}
    cleaned = clean(folder, earlier, result.paths, motion)
    said = unheard(choice.asked, choice.formats)
    warnings = list(dict.fromkeys([*said, *notes, *result.remarks, *cleaned.warnings]))
    details: dict[str, object] = {"files": [path.name for path in result.paths]}
    if cleaned.removed:
        details["removed"] = cleaned.removed
    if cleaned.kept:
        details[KEPT] = {name: asdict(each) for name, each in cleaned.kept.items()}
    if result.checks:
        details["checks"] = [check.sentence() for check in result.checks]
    return Made(list(result.paths), warnings, details)


def _inputs(job: Job) -> dict[str, Path]:
    """Return what the chosen formats need beside the motion.

    Raises:
        ExportError: an unknown format.
    """
    from mocap.export.formats import FORMATS as KNOWN

    choice = job.choices.export
    for each in choice.formats:
        if each not in KNOWN:
            raise ExportError(f"there is no format '{each}'; known are {', '.join(KNOWN)}.")
    inputs: dict[str, Path] = {}
    if "c3d" in choice.formats:
        inputs |= event_files(job.take)
    if choice.cameras:
        inputs["calibration"] = job.take.session.calibration_path
    return inputs


def _options(job: Job) -> dict[str, object]:
    return asdict(job.choices.export)


def _manifest(job: Job) -> Path:
    """Return the file that remembers what was written; takes may share a folder of the user's."""
    choice = job.choices.export
    if choice.folder is None and choice.target is None:
        return job.take.root / job.row.file
    return choice.folder_of(job.take) / f"{portable(job.take.name)}.export.json"


def kept_choice(take: Take, points: Points3D | None, choice: ExportChoice) -> ExportChoice:
    """Return a choice that writes no more than what [[trim]] keeps; frames keep their numbers.

    Raises:
        ExportError: nothing of what was asked for is kept.
    """
    kept = None if points is None else trimmed(take.edits_path, len(points.xyz))
    if points is None or kept is None:
        return choice
    first_s, last_s = kept.start / points.fps, (kept.stop - 1) / points.fps
    start = max(first_s, choice.start_s or 0.0)
    end = last_s if choice.end_s is None else min(last_s, choice.end_s)
    if end < start:
        raise ExportError(
            f"edits.toml keeps {first_s:.3f} to {last_s:.3f} s of take {take.name}, and "
            "--start and --end choose nothing of it. Correct one of them."
        )
    # Fields of the options of files, whose types the checker does not see (package-dir).
    changed: Any = {"start_s": start, "end_s": end}
    return replace(choice, **changed)


def material(job: Job, *, skeletons: bool = False) -> tuple[ExportTake, list[str]]:
    """Return what the asked formats need (`skeletons`: people in any case), and notes about it."""
    from mocap.export.job import CHARACTER_FORMATS, ExportTake
    from mocap.workflow.export.bodies import c3d_extras, figure_notes, standing_floor

    take, choice = job.take, job.choices.export
    points = job.load("points", Points3D)
    results = Results(take)
    fitted = results.bodies if job.has("bodies") else {}
    labels = {person: results.label(person) for person in points.person_ids}
    bodies = {person: (body.motion, body.model()) for person, body in fitted.items()}
    kept = trimmed(take.edits_path, len(points.xyz)) or slice(None)
    characters: list[Character] = []
    notes: list[str] = []
    if skeletons or set(choice.formats) & set(CHARACTER_FORMATS) or choice.placed:
        for person in points.person_ids:
            called = results.names.get(person, f"person {person}")
            try:
                body, label = bodies.get(person), labels[person]
                character, said = _character(points, person, body, choice, kept, label)
            except MocapError as error:
                # Somebody who comes and goes must not cost the others their files.
                if person == points.person_ids[0] or choice.placed:
                    raise
                notes.append(f"{called} is in no animation file: {error}")
                continue
            characters.append(character)
            notes += said
            if character.mesh is not None and person in fitted:
                notes += figure_notes(fitted[person].figures, character.name)
            if person not in bodies and job.choices.fit is not None:
                notes.append(
                    f"no body was fitted to {called}: the skeleton comes straight from the "
                    f"keypoints, {len(character.motion.joint_names)} joints without fingers and "
                    "skin. `mocap fit` fits a body."
                )
    calibration = load_calibration(take.session.calibration_path) if choice.cameras else None
    extras: dict[int, C3dExtras] = {}
    if "c3d" in choice.formats:
        extras, said = c3d_extras(take, points, bodies)
        notes += said
    by_label = {labels[person]: body for person, body in bodies.items()}
    floor_m = standing_floor(by_label, characters) if choice.ground else None
    found = ExportTake(
        characters, points, calibration, extras, floor_m, portable(take.name), labels
    )
    return found, notes


def _character(
    points: Points3D,
    person: int,
    body: tuple[BodyMotion, BodyModel] | None,
    choice: ExportChoice,
    kept: slice,
    name: str,
) -> tuple[Character, list[str]]:
    """Return a person, called `name`, as the fitted body or a skeleton of the keypoints."""
    from mocap.body.skeleton.build import fit_skeleton
    from mocap.export.character.character import Character
    from mocap.export.job import SKIN_FORMATS
    from mocap.workflow.export.bodies import body_character, finger_notes, with_gaps

    if body is not None:
        with_skin = choice.mesh == "body" and bool(set(choice.formats) & set(SKIN_FORMATS))
        character = body_character(*body, name, with_mesh=with_skin)
        character, said = with_gaps(
            character, body[0], choice.gaps, fill=choice.fill_long_gaps, kept=kept
        )
        said = [*finger_notes(body[0], name), *said]
        return character, [*said, *([character.note] if character.note else [])]
    fill = choice.fill_long_gaps or choice.gaps is not None
    fit = fit_skeleton(points, person, long_gaps="fill" if fill else "refuse")
    motion = fit.motion
    if choice.gaps in ("hold", "split"):
        from mocap.export.character.gaps import with_missing

        motion = with_missing(motion, _long_runs(fit))
    return Character(motion, name=name), list(fit.notes)


def _long_runs(fit: SkeletonFit) -> BoolArray:
    """Return (frame, joint) True in the gaps that a skeleton would not bridge unasked."""
    from mocap.body.skeleton.build import MAX_GAP_S
    from mocap.core.runs import runs

    longest = MAX_GAP_S * fit.motion.fps
    missing = fit.filled.copy()
    for joint in range(missing.shape[1]):
        for first, end in runs(fit.filled[:, joint]):
            if end - first <= longest:
                missing[first:end, joint] = False
    return missing


STAGE = StageCode(
    make=_make,
    options=_options,
    inputs=_inputs,
    path=_manifest,
    defaults=lambda: asdict(ExportChoice()),
)
