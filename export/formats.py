"""Every format once: what it holds, how it is written, and which options say something to it.

A new format is a file (or folder) that writes it and an entry here. `mocap.export.WRITERS`, the job
of `mocap export`, `--verify` and what is said of options that do not apply follow; tests hold the
help of the command line and docs/formats.md to it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path

from mocap.core.camera import Calibration
from mocap.core.errors import ExportError
from mocap.core.points import Points3D
from mocap.export import bvh, c3d, csv, fbx, glb, mot, npz, trc, usd
from mocap.export.c3d import C3dExtras
from mocap.export.character.character import Character
from mocap.export.settings import ExportOptions

CSV_LAYOUTS = ("tidy", "wide")


class Holds(Enum):
    """What a file of a format holds."""

    SKELETON = "the moving skeleton of one person"
    CHARACTER = "moving skeletons with skins, of one or several people"
    POINTS = "keypoints of one person"


@dataclass(frozen=True, eq=False)
class FileJob:
    """One file to write.

    Attributes:
        path: of the file.
        options: what was asked for.
        characters: those that go into it; empty for keypoints.
        points: keypoints of everybody, or None.
        person_id: whose keypoints; None: everybody's.
        extras: what C3D holds beside them.
        calibration: cameras, or None.
        take_name: name of the animation.
    """

    path: Path
    options: ExportOptions = field(default_factory=ExportOptions)
    characters: tuple[Character, ...] = ()
    points: Points3D | None = None
    person_id: int | None = None
    extras: C3dExtras | None = None
    calibration: Calibration | None = None
    take_name: str = "Take 001"

    @property
    def all_points(self) -> Points3D:
        """The keypoints.

        Raises:
            ExportError: there are none.
        """
        if self.points is None:
            raise ExportError(f"there are no keypoints to write as {self.path.name}.")
        return self.points


@dataclass(frozen=True)
class Format:
    """One format.

    Attributes:
        suffix: of its files, without the dot.
        holds: what a file holds.
        write: writes a core type and a path, see its module.
        write_job: writes one file of a job; returns the sentences a user should read.
        options: of `mocap export` that say something to it, beside those of all formats.
        read_back: whether `--verify` can.
        together: whether keypoints of everybody go into one file with these options.
    """

    suffix: str
    holds: Holds
    write: Callable[..., tuple[str, ...]]
    write_job: Callable[[FileJob], tuple[str, ...]]
    options: tuple[str, ...] = ()
    read_back: bool = False
    together: Callable[[ExportOptions], bool] = lambda _options: False


def _bvh(job: FileJob) -> tuple[str, ...]:
    style, asked = job.options.style, job.options
    return bvh.write(
        job.characters[0].motion,
        job.path,
        order=asked.order,
        names=style.names,
        name_prefix=style.name_prefix,
        unit=asked.unit,
        up=asked.up,
    )


def _fbx(job: FileJob) -> tuple[str, ...]:
    asked = job.options
    return fbx.write(
        job.characters,
        job.path,
        style=asked.style,
        take_name=job.take_name,
        unit=asked.unit,
        up=asked.up,
    )


def _glb(job: FileJob) -> tuple[str, ...]:
    asked = job.options
    return glb.write(
        job.characters,
        job.path,
        style=asked.style,
        take_name=job.take_name,
        calibration=job.calibration,
    )


def _usd(job: FileJob) -> tuple[str, ...]:
    return usd.write(job.characters, job.path, style=job.options.style)


def _mot(job: FileJob) -> tuple[str, ...]:
    return mot.write(job.characters[0].motion, job.path, names=job.options.style.names)


def _npz(job: FileJob) -> tuple[str, ...]:
    only = job.characters[0]
    return npz.write(only.motion, job.path, shape=only.shape)


def _c3d(job: FileJob) -> tuple[str, ...]:
    return c3d.write(job.all_points, job.path, person_id=job.person_id, extras=job.extras)


def _trc(job: FileJob) -> tuple[str, ...]:
    return trc.write(job.all_points, job.path, person_id=job.person_id)


def _csv(job: FileJob) -> tuple[str, ...]:
    if _tidy(job.options):
        return csv.write(job.all_points, job.path)
    return csv.write_wide(job.all_points, job.path, person_id=job.person_id)


def _tidy(options: ExportOptions) -> bool:
    """Return whether tables have a row per keypoint: everybody's then, in one file.

    Raises:
        ExportError: an unknown layout.
    """
    if options.csv_layout not in CSV_LAYOUTS:
        known = " or ".join(CSV_LAYOUTS)
        raise ExportError(f"CSV layout '{options.csv_layout}' is unknown; choose {known}.")
    return options.csv_layout == "tidy"


_MOTION = ("--mirror", "--gaps")
_NAMED = (*_MOTION, "--names", "--rest-pose")
_SKINNED = (
    *_NAMED, "--name-prefix", "--bone-axis", "--root-bone", "--mesh", "--max-influences",
    "--one-file",
)  # fmt: skip
_ITS_OWN_AXES = ("--unit", "--up")

FORMATS: Mapping[str, Format] = {
    each.suffix: each
    for each in (
        Format(
            "bvh", Holds.SKELETON, bvh.write, _bvh, read_back=True,
            options=(*_NAMED, *_ITS_OWN_AXES, "--name-prefix", "--order"),
        ),
        Format(
            "fbx", Holds.CHARACTER, fbx.write, _fbx, read_back=True,
            options=(*_SKINNED, *_ITS_OWN_AXES, "--pre-rotation"),
        ),
        Format(
            "glb", Holds.CHARACTER, glb.write, _glb, read_back=True,
            options=(*_SKINNED, "--cameras"),
        ),
        Format("usdc", Holds.CHARACTER, usd.write, _usd, options=_SKINNED),
        Format("mot", Holds.SKELETON, mot.write, _mot, options=_NAMED),
        Format("sto", Holds.SKELETON, mot.write, _mot, options=_NAMED),
        Format("npz", Holds.SKELETON, npz.write, _npz, options=_MOTION),
        Format("c3d", Holds.POINTS, c3d.write, _c3d, read_back=True),
        Format("csv", Holds.POINTS, csv.write, _csv, options=("--csv-layout",), together=_tidy),
        Format("trc", Holds.POINTS, trc.write, _trc, read_back=True),
    )
}  # fmt: skip
"""Formats by the suffix of their files."""


def formats_of(*holds: Holds) -> tuple[str, ...]:
    """Return the formats that hold one of these."""
    return tuple(suffix for suffix, each in FORMATS.items() if each.holds in holds)


def writers_of(*holds: Holds) -> dict[str, Callable[..., tuple[str, ...]]]:
    """Return their writers by suffix with its dot."""
    return {f".{suffix}": FORMATS[suffix].write for suffix in formats_of(*holds)}
