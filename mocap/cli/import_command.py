"""mocap import, mocap detections import: what other systems and detectors found, as takes."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mocap.cli.console import Console, json_option
from mocap.cli.options import FILE, FOLDER, Number, session_argument

if TYPE_CHECKING:
    from mocap.capture.session import Session


@click.command("import")
@session_argument
@click.argument("take")
@click.argument("file", type=FILE)
@click.option("--map", "names", type=FILE,
              help='TOML of names: "L.Knee" = "left_knee".')  # fmt: skip
@click.option("--unit", type=click.Choice(("mm", "cm", "m")), help="Else told by the body's size.")
@click.option("--up", type=click.Choice(("x", "y", "z", "-x", "-y", "-z")),
              help="Axis that points up; else told by feet and trunk.")  # fmt: skip
@click.option("--fps", type=Number(0.0, above=True),
              help="Frames per second, where the file does not say.")  # fmt: skip
@click.option("--key", help="Which array of an NPZ with several.")
@json_option
def import_take(
    session: Session, take: str, file: Path, names: Path | None, unit: str | None, up: str | None,
    fps: float | None, key: str | None, console: Console,
) -> None:  # fmt: skip
    """Make TAKE of the joints or markers in FILE (C3D, TRC, CSV, NPZ); no videos are needed."""
    from mocap.workflow.measure.importing import ImportChoice, import_points

    choice = ImportChoice(names, unit, up, fps, key)
    made, found = import_points(session, take, file, choice)
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
@click.option("--keypoints", help="Keypoint set of files that only number their points: body_25.")
@click.option("--map", "names", type=FILE,
              help='TOML of names: "paw_l" = "left_wrist".')  # fmt: skip
@click.option("--fps", type=Number(), help="Frames a second, without videos.")
@click.option("--image-size", multiple=True, metavar="[CAMERA=]WxH",
              help="Of the images the keypoints are of, without videos.")  # fmt: skip
@click.option("--camera", "cameras", multiple=True, metavar="CAMERA=NAME",
              help="Folder or file of a camera whose name does not tell.")  # fmt: skip
@click.option("--force", is_flag=True, help="Replace keypoints that are there.")
@json_option
def import_command(
    session: Session, take: str, folder: Path, console: Console, **said: Any
) -> None:
    """Use the keypoints in FOLDER for TAKE: a folder or a file for each camera.

    OpenPose, Pose2Sim, COCO, AlphaPose, MMPose, rtmlib, MediaPipe, DeepLabCut and SLEAP are known.
    TAKE needs no videos.
    """
    from mocap.workflow.imported.keypoints import KeypointsChoice, import_keypoints

    choice = KeypointsChoice(**said)
    made, found = import_keypoints(session, take, folder, choice, console)
    name, seen = found.layout.keypoint_set.name, found.detections
    console.line(f"take {made.name}: {seen.pixels.shape[1]} frames of {len(seen.camera_names)} "
                 f"cameras, {name}; next: mocap run {session.root} {made.name}")  # fmt: skip
    console.result({"take": made.name, "cameras": seen.camera_names, "keypoints": name,
                    "frames": seen.pixels.shape[1], "said": list(found.said)})  # fmt: skip
