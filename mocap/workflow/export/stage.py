"""The export stage: files for other programs."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from mocap.capture.session import Take
from mocap.core.calibration_file import load_calibration
from mocap.core.errors import ExportError
from mocap.core.points import Points3D
from mocap.core.store import load_artifact
from mocap.workflow.export.events import event_tables
from mocap.workflow.export.files import KEPT, clean, earlier_files
from mocap.workflow.fit.stage import body_of, fitted_bodies
from mocap.workflow.pipeline import Made, Stage, files_stage

if TYPE_CHECKING:
    from mocap.body.model import BodyModel
    from mocap.body.skeleton.build import SkeletonFit
    from mocap.core.body_motion import BodyMotion
    from mocap.core.shapes import BoolArray
    from mocap.export.c3d import C3dExtras
    from mocap.export.character.character import Character
    from mocap.export.job import ExportOptions, ExportTake

FORMATS = ("bvh", "trc", "csv")


@dataclass(frozen=True)
class ExportChoice:
    """What to write; see `mocap.export.job.ExportOptions` for the meaning of each.

    Attributes:
        formats: suffixes without the dot.
        gaps: None refuses long gaps of a skeleton.
        fill_long_gaps: the same as gaps = "interpolate".
        cameras: add the cameras of the rig to GLB.
    """

    formats: tuple[str, ...] = FORMATS
    names: str = "smplx"
    order: str = "ZXY"
    fill_long_gaps: bool = False
    name_prefix: str = ""
    bone_axis: str = "none"
    root_bone: bool = False
    mesh: bool = True
    max_influences: int | None = None
    unit: str | None = None
    up: str | None = None
    fps: float | None = None
    start_s: float | None = None
    end_s: float | None = None
    rest_pose: str = "t"
    mirror: bool = False
    gaps: str | None = None
    csv_layout: str = "tidy"
    one_file: bool = False
    cameras: bool = False
    verify: bool = False


def export_stage(take: Take, choice: ExportChoice, *, with_bodies: bool | None = None) -> Stage:
    """Return the stage that writes the asked formats, one file per person where a format needs it.

    Characters come from the fitted bodies where there are any; `with_bodies` says that a stage
    before this one fits them, or that they are not wanted.

    Raises:
        ExportError: an unknown format.
    """
    from mocap.export.job import FORMATS as KNOWN
    from mocap.export.job import export_take

    for each in choice.formats:
        if each not in KNOWN:
            raise ExportError(f"there is no format '{each}'; known are {', '.join(KNOWN)}.")

    inputs = {"smoothed": take.artifact("smoothed")}
    if with_bodies or (with_bodies is None and take.fit_manifest_path.is_file()):
        inputs["fit"] = take.fit_manifest_path
    if "c3d" in choice.formats:
        inputs |= {f"events_{name}": path for name, path in event_tables(take).items()}
    if choice.cameras:
        inputs["calibration"] = take.session.calibration_path
    earlier = earlier_files(take.export_manifest_path)

    def make() -> Made:
        material, notes = _material(take, choice, with_bodies is not False)
        options = _options(take, choice)
        result = export_take(material, take.export_dir, take.name, choice.formats, options)
        cleaned = clean(take.export_dir, earlier, result.paths, inputs.values())
        warnings = list(dict.fromkeys([*notes, *result.remarks, *cleaned.warnings]))
        details: dict[str, object] = {"files": [path.name for path in result.paths]}
        if cleaned.removed:
            details["removed"] = cleaned.removed
        if cleaned.kept:
            details[KEPT] = cleaned.kept
        if result.checks:
            details["checks"] = [check.sentence() for check in result.checks]
        return Made(list(result.paths), warnings, details)

    return files_stage(
        "export",
        take.export_manifest_path,
        inputs=inputs,
        options=asdict(choice),
        make=make,
    )


def _options(take: Take, choice: ExportChoice) -> ExportOptions:
    """Return the choice as the exporters take it."""
    from mocap.export.character.character import SkeletonStyle
    from mocap.export.job import ExportOptions

    style = SkeletonStyle(
        names=choice.names,
        name_prefix=choice.name_prefix,
        bone_axis=choice.bone_axis,
        root_bone=choice.root_bone,
        with_mesh=choice.mesh,
        max_influences=choice.max_influences,
    )
    return ExportOptions(
        style=style,
        order=choice.order,
        unit=choice.unit,
        up=choice.up,
        fps=choice.fps,
        start_s=choice.start_s,
        end_s=choice.end_s,
        rest_pose=choice.rest_pose,
        mirror=choice.mirror,
        gaps=choice.gaps or "interpolate",
        csv_layout=choice.csv_layout,
        one_file=choice.one_file,
        take_name=take.name,
        verify=choice.verify,
    )


def _material(take: Take, choice: ExportChoice, with_bodies: bool) -> tuple[ExportTake, list[str]]:
    """Return what the asked formats need, and what there is to say about it."""
    from mocap.export.job import CHARACTER_FORMATS, ExportTake
    from mocap.workflow.export.bodies import c3d_extras

    points = load_artifact(take.artifact("smoothed"), Points3D)
    fitted = fitted_bodies(take, take.artifact("smoothed")) if with_bodies else {}
    bodies = {person: (motion, body_of(take, person)) for person, motion in fitted.items()}
    characters: list[Character] = []
    notes: list[str] = []
    if set(choice.formats) & set(CHARACTER_FORMATS):
        for person in points.person_ids:
            character, said = _character(points, person, bodies.get(person), choice)
            characters.append(character)
            notes += said
    calibration = load_calibration(take.session.calibration_path) if choice.cameras else None
    extras: dict[int, C3dExtras] = {}
    if "c3d" in choice.formats:
        extras, said = c3d_extras(take, points, bodies)
        notes += said
    return ExportTake(characters, points, calibration, extras), notes


def _character(
    points: Points3D, person: int, body: tuple[BodyMotion, BodyModel] | None, choice: ExportChoice
) -> tuple[Character, list[str]]:
    """Return a person as the fitted body, or without one as a skeleton of the keypoints."""
    from mocap.body.skeleton.build import fit_skeleton
    from mocap.export.character.character import Character
    from mocap.export.job import SKIN_FORMATS
    from mocap.workflow.export.bodies import body_character, with_gaps

    name = f"person{person}"
    if body is not None:
        with_skin = choice.mesh and bool(set(choice.formats) & set(SKIN_FORMATS))
        character = body_character(*body, name, with_mesh=with_skin)
        character, said = with_gaps(character, body[0], choice.gaps, fill=choice.fill_long_gaps)
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
