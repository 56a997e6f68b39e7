"""mocap import, mocap detections import: what other systems and detectors found, as takes."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mocap.cli.console import Console, json_option
from mocap.cli.options import FILE, FOLDER, options_of, session_argument
from mocap.workflow.imported.choices import KeypointsChoice
from mocap.workflow.measure.choices import ImportChoice

if TYPE_CHECKING:
    from mocap.capture.session import Session


@click.command("import")
@session_argument
@click.argument("take")
@click.argument("file", type=FILE)
@options_of(ImportChoice)
@json_option
def import_take(session: Session, take: str, file: Path, console: Console, **said: Any) -> None:
    """Make TAKE of the joints or markers in FILE (C3D, TRC, CSV, NPZ); no videos are needed."""
    from mocap.workflow.measure.importing import import_points

    made, found = import_points(session, take, file, ImportChoice(**said))
    console.warned(*found.said)
    known = found.points.keypoint_names
    console.line(f"take {made.name}: {len(found.points.xyz)} frames of {len(known)} points; "
                 f"next: mocap fit {session.root} {made.name}")  # fmt: skip
    console.result({"take": made.name, "points": list(known), "said": list(found.said)})


globals()["import"] = import_take


@click.group()
def detections() -> None:
    """Use keypoints that other tools found."""


@detections.command("import")
@session_argument
@click.argument("take")
@click.argument("folder", type=FOLDER)
@options_of(KeypointsChoice)
@json_option
def import_command(
    session: Session, take: str, folder: Path, console: Console, **said: Any
) -> None:
    """Use the keypoints in FOLDER for TAKE: a folder or a file for each camera.

    OpenPose, Pose2Sim, COCO, AlphaPose, MMPose, rtmlib, MediaPipe, DeepLabCut and SLEAP are known.
    TAKE needs no videos.
    """
    from mocap.workflow.imported.keypoints import import_keypoints

    choice = KeypointsChoice(**said)
    made, found = import_keypoints(session, take, folder, choice, console)
    name, seen = found.layout.keypoint_set.name, found.detections
    console.line(f"take {made.name}: {seen.pixels.shape[1]} frames of {len(seen.camera_names)} "
                 f"cameras, {name}; next: mocap run {session.root} {made.name}")  # fmt: skip
    console.result({"take": made.name, "cameras": seen.camera_names, "keypoints": name,
                    "frames": seen.pixels.shape[1], "said": list(found.said)})  # fmt: skip
