"""The export stage: files for other programs."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from mocap.capture.session import Take
from mocap.cli.pipeline import Made, Stage, files_stage
from mocap.core.errors import ExportError
from mocap.core.points import Points3D
from mocap.core.store import load_artifact

FORMATS = ("bvh", "trc", "csv")


@dataclass(frozen=True)
class ExportChoice:
    """What to write.

    Attributes:
        formats: suffixes without the dot.
        names: preset of joint names for BVH.
        order: order of the rotation channels of BVH.
        fill_long_gaps: bridge gaps of the skeleton of any length instead of refusing.
    """

    formats: tuple[str, ...] = FORMATS
    names: str = "smplx"
    order: str = "ZXY"
    fill_long_gaps: bool = False


def export_stage(take: Take, choice: ExportChoice) -> Stage:
    """Return the stage that writes the asked formats, one file per person where a format needs it.

    Raises:
        ExportError: an unknown format.
    """
    for each in choice.formats:
        if each not in FORMATS:
            raise ExportError(f"there is no format '{each}'; known are {', '.join(FORMATS)}.")

    def make() -> Made:
        points = load_artifact(take.artifact("smoothed"), Points3D)
        paths: list[Path] = []
        warnings: list[str] = []
        for each in choice.formats:
            written, said = _write(take, points, each, choice)
            paths += written
            warnings += [sentence for sentence in said if sentence not in warnings]
        return Made(paths, warnings, {"files": [path.name for path in paths]})

    return files_stage(
        "export",
        take.export_manifest_path,
        inputs={"smoothed": take.artifact("smoothed")},
        options={
            "formats": choice.formats,
            "names": choice.names,
            "order": choice.order,
            "fill_long_gaps": choice.fill_long_gaps,
        },
        make=make,
    )


def _write(
    take: Take, points: Points3D, suffix: str, choice: ExportChoice
) -> tuple[list[Path], list[str]]:
    """Write one format and return files and warnings."""
    from mocap.body.skeleton import fit_skeleton
    from mocap.export import bvh, csv, trc

    if suffix == "csv":
        path = take.export_dir / f"{take.name}.csv"
        return [path], list(csv.write(points, path))
    paths: list[Path] = []
    warnings: list[str] = []
    for person in points.person_ids:
        several = f"_person{person}" if len(points.person_ids) > 1 else ""
        path = take.export_dir / f"{take.name}{several}.{suffix}"
        if suffix == "trc":
            warnings += trc.write(points, path, person_id=person)
        else:
            long_gaps: Literal["refuse", "fill"] = "fill" if choice.fill_long_gaps else "refuse"
            fit = fit_skeleton(points, person, long_gaps=long_gaps)
            warnings += [*fit.notes]
            warnings += bvh.write(fit.motion, path, order=choice.order, names=choice.names)
        paths.append(path)
    return paths, warnings
