"""Write one take in any number of formats: what `mocap export` does.

A job takes characters and keypoints, applies what was asked (trim, frame rate, rest pose, mirror,
gaps), writes every format and, when asked, reads each file back and measures it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from mocap.core.camera import Calibration
from mocap.core.errors import ExportError
from mocap.core.motion import SkeletonMotion
from mocap.core.points import Points3D
from mocap.core.shapes import FloatArray
from mocap.export.c3d import C3dExtras
from mocap.export.character.character import BodyShape, Character
from mocap.export.character.dummy import dummy_mesh
from mocap.export.character.gaps import without_gaps
from mocap.export.character.rest_pose import mirrored, with_rest_pose
from mocap.export.clip import Clip, clipped_extras, clipped_points
from mocap.export.formats import FORMATS, FileJob, Holds, formats_of
from mocap.export.placing import (
    placed_cameras,
    placed_extras,
    placed_motion,
    placed_points,
    placement,
)
from mocap.export.retime import first_frame_from, resampled, trimmed, values_during
from mocap.export.settings import MESHES, ExportOptions
from mocap.export.verify import ReadBack, verify_characters, verify_points

CHARACTER_FORMATS = formats_of(Holds.SKELETON, Holds.CHARACTER)
"""Formats of a moving skeleton."""
POINT_FORMATS = formats_of(Holds.POINTS)
"""Formats of keypoints."""
SKIN_FORMATS = formats_of(Holds.CHARACTER)
"""Formats that hold a skin, and several characters in one file; the others get one each."""


@dataclass(frozen=True, eq=False)
class ExportTake:
    """What there is to write.

    Attributes:
        characters: moving skeletons with or without skin; NaN where a joint is unknown.
        points: keypoints of everybody, or None.
        calibration: cameras for GLB, or None.
        c3d_extras: by person: virtual markers, events, segments, cameras that saw a keypoint.
        floor_m: height of the floor the first person's feet stand on, where it is known.
        name: of the animation inside FBX, GLB and USD.
        labels: by person: what files of keypoints call them; "person" and number without.
    """

    characters: Sequence[Character] = ()
    points: Points3D | None = None
    calibration: Calibration | None = None
    c3d_extras: dict[int, C3dExtras] = field(default_factory=dict)
    floor_m: float | None = None
    name: str = "Take 001"
    labels: Mapping[int, str] = field(default_factory=dict)


@dataclass(frozen=True)
class ExportResult:
    """What was written.

    Attributes:
        paths: the files.
        remarks: sentences the user should read, each once.
        checks: what reading the files back found; empty without `verify`.
    """

    paths: tuple[Path, ...]
    remarks: tuple[str, ...]
    checks: tuple[ReadBack, ...]


def export_take(
    take: ExportTake,
    folder: Path,
    stem: str,
    formats: Sequence[str],
    options: ExportOptions | None = None,
) -> ExportResult:
    """Write a take into a folder as `<stem>.<format>`, with a suffix per person where needed.

    Trim, frame rate and place are those of all formats; a moment has the same time in each.

    Raises:
        ExportError: unknown format, nothing to write for it, or options it cannot follow.
    """
    options = options or ExportOptions()
    unknown = [each for each in formats if each not in FORMATS]
    if unknown:
        raise ExportError(f"there is no format '{unknown[0]}'; known are {', '.join(FORMATS)}.")
    paths: list[Path] = []
    remarks: list[str] = []
    checks: list[ReadBack] = []
    here = _placements(take, options)
    pieces = list(_pieces(take.characters, options, here.characters))
    take = _clipped(take, options, here.points)
    for each in formats:
        if each in POINT_FORMATS:
            written = _write_points(take, folder, stem, each, options)
        else:
            # The zero pose of body parameters is the model's own, whatever the files' rest pose.
            fixed = each == "npz" and options.rest_pose != "t"
            t_posed = replace(options, rest_pose="t")
            cast = pieces
            if fixed:
                cast = list(_pieces(take.characters, t_posed, here.characters))
            written = _write_pieces(take, cast, folder, stem, each, options)
        for path, said, check in written:
            paths.append(path)
            remarks += [sentence for sentence in said if sentence not in remarks]
            if options.verify and FORMATS[each].read_back:
                checks.append(check())
    return ExportResult(tuple(paths), tuple(remarks), tuple(checks))


def prepared(take: ExportTake, options: ExportOptions) -> Iterator[tuple[str, list[Character]]]:
    """Give (part of the file name, characters) as they are written: cut, placed, without gaps."""
    where = _placements(take, options)
    return _pieces(take.characters, options, where.characters)


_Written = tuple[Path, tuple[str, ...], Callable[[], ReadBack]]


@dataclass(frozen=True, eq=False)
class _Placements:
    """Transforms (4, 4) of the world: keypoints are not mirrored, characters may be."""

    points: FloatArray | None = None
    characters: FloatArray | None = None


def _placements(take: ExportTake, options: ExportOptions) -> _Placements:
    """Return what places the clip as asked, by the first person as the clip begins.

    Raises:
        ExportError: nobody is there to place it by.
    """
    if options.placing.nothing:
        return _Placements()
    if not take.characters:
        raise ExportError("nobody is in this take by whom it could be placed.")
    main = take.characters[0]
    main = replace(main, motion=trimmed(main.motion, options.start_s, options.end_s), shape=None)
    plain = placement(options.placing, main.motion, take.floor_m)
    if not options.mirror:
        return _Placements(plain, plain)
    shown = mirrored(replace(main, mesh=None)).motion
    return _Placements(plain, placement(options.placing, shown, take.floor_m))


def _clipped(take: ExportTake, options: ExportOptions, where: FloatArray | None) -> ExportTake:
    """Return keypoints, markers and cameras of the clip, where it is placed."""
    points, extras, cameras = take.points, take.c3d_extras, take.calibration
    if points is not None:
        clip = Clip(options.start_s, options.end_s, options.fps)
        extras = clipped_extras(extras, clip, len(points.xyz), points.fps)
        points = clipped_points(points, clip)
    if where is not None:
        points = None if points is None else placed_points(points, where)
        extras = placed_extras(extras, where)
        cameras = None if cameras is None else placed_cameras(cameras, where)
    return replace(take, points=points, c3d_extras=extras, calibration=cameras)


def _pieces(
    characters: Sequence[Character], options: ExportOptions, where: FloatArray | None
) -> Iterator[tuple[str, list[Character]]]:
    """Give (suffix of the file name, characters): one, or one per stretch of a split take."""
    if not characters:
        return
    prepared = [_prepared(character, options, where) for character in characters]
    if len({len(stretches) for stretches in prepared}) == 1 and len(prepared[0]) == 1:
        yield "", [stretches[0][1] for stretches in prepared]
        return
    # Gaps fall differently for each person, so each gets files of their own.
    several = len(prepared) > 1
    for stretches in prepared:
        for first_frame, character in stretches:
            person = f"_{character.name}" if several else ""
            yield f"{person}_from{first_frame:05d}", [character]


def _prepared(
    character: Character, options: ExportOptions, where: FloatArray | None
) -> list[tuple[int, Character]]:
    """Return (first frame in the take, character) for each stretch without gaps."""
    start = trimmed(character.motion, options.start_s, options.end_s)
    first = first_frame_from(character.motion, options.start_s)
    out = []
    for piece in without_gaps(start, options.gaps or "interpolate"):
        motion = piece.motion
        if options.fps is not None:
            motion = resampled(motion, options.fps)
        shape = _shape_during(character, first + piece.first_frame, motion, options)
        each = with_rest_pose(replace(character, motion=motion, shape=shape), options.rest_pose)
        each = mirrored(each) if options.mirror else each
        if where is not None:
            each = replace(each, motion=placed_motion(each.motion, where))
        out.append((piece.first_frame, each))
    return out


def _shape_during(
    character: Character, first_frame: int, motion: SkeletonMotion, options: ExportOptions
) -> BodyShape | None:
    """Return the body with the expression of a stretch; which expressions mirror is not known."""
    shape = character.shape
    if shape is None or shape.expression is None:
        return shape
    if options.mirror:
        return replace(shape, expression=None)
    fps = character.motion.fps
    return replace(shape, expression=values_during(shape.expression, fps, first_frame, motion))


def _write_pieces(
    take: ExportTake,
    pieces: list[tuple[str, list[Character]]],
    folder: Path,
    stem: str,
    suffix: str,
    options: ExportOptions,
) -> Iterator[_Written]:
    """Write characters and give files, remarks and how to check them."""
    if not pieces:
        raise ExportError(f"there is no skeleton in this take to write as {suffix}.")
    for part, cast in pieces:
        together = len(cast) == 1 or (options.one_file and suffix in SKIN_FORMATS)
        dressed = [_dressed(character, options.mesh, suffix) for character in cast]
        for group in [dressed] if together else [[character] for character in dressed]:
            person = "" if together else f"_{group[0].name}"
            path = folder / f"{stem}{person}{part}.{suffix}"
            job = FileJob(
                path, options, tuple(group), calibration=take.calibration, take_name=take.name
            )
            said = FORMATS[suffix].write_job(job)
            yield path, said, _character_check(path, group, options)


def _dressed(character: Character, mesh: str, suffix: str) -> Character:
    """Return a character with the skin that was asked for.

    Raises:
        ExportError: an unknown kind of skin.
    """
    if mesh not in MESHES:
        raise ExportError(f"mesh '{mesh}' is unknown; choose one of {', '.join(MESHES)}.")
    bare = mesh in ("bones", "none") or (mesh == "body" and character.mesh is None)
    if mesh == "dummy" or (bare and mesh != "none" and suffix == "glb"):
        return replace(character, mesh=dummy_mesh(character.motion), note="")
    return replace(character, mesh=None, note="") if bare else character


def _character_check(
    path: Path, group: list[Character], options: ExportOptions
) -> Callable[[], ReadBack]:
    """Return what measures one file of characters."""
    return lambda: verify_characters(path, group, options.style, unit=options.unit, up=options.up)


def _write_points(
    take: ExportTake, folder: Path, stem: str, suffix: str, options: ExportOptions
) -> Iterator[_Written]:
    """Write keypoints and give files, remarks and how to check them.

    Keypoints keep their gaps: they are measurements, not animation.
    """
    points, kind = take.points, FORMATS[suffix]
    if points is None:
        raise ExportError(f"there are no keypoints in this take to write as {suffix}.")
    if kind.together(options):
        path = folder / f"{stem}.{suffix}"
        yield path, kind.write_job(FileJob(path, options, points=points)), _no_check
        return
    for person in points.person_ids:
        label = take.labels.get(person, f"person{person}")
        several = f"_{label}" if len(points.person_ids) > 1 else ""
        path = folder / f"{stem}{several}.{suffix}"
        extras = take.c3d_extras.get(person)
        job = FileJob(path, options, points=points, person_id=person, extras=extras)
        yield path, kind.write_job(job), _points_check(path, points, person)


def _points_check(path: Path, points: Points3D, person: int) -> Callable[[], ReadBack]:
    return lambda: verify_points(path, points, person_id=person)


def _no_check() -> ReadBack:
    raise ExportError("tables for people are not read back.")
