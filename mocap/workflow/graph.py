"""The stages of a take: one table that says what each makes, reads and may be told.

A stage reads what the rows above it make, by its role: "tracks" is what the last row above makes
as "tracks". A stage put between two others is one row here and one file with its code; nobody who
reads the role has to change. Nothing heavy is imported here: types and code are named, and loaded
when they are needed.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

    from mocap.capture.session import Take

VIDEOS = "videos"
CALIBRATION = "calibration"
CALIBRATION_REPORT = "calibration_report"
"""What stages read beside the results of others: files of the session, always the same."""

SESSION_FILES = (VIDEOS, CALIBRATION, CALIBRATION_REPORT)


@dataclass(frozen=True)
class Row:
    """One stage.

    Attributes:
        name: of the stage and of its command.
        about: one line for people.
        makes: the role of its result; "" when no stage reads it.
        file: its artifact in the folder of the take, or the manifest of the files it writes.
        kind: type of the artifact, "module:class"; "" for a stage that writes files.
        reads: roles and files of the session that must be there.
        reads_if_there: roles and files that are used when they are there or made in the same run.
        options: groups of choices that change the result, see `mocap.cli.options.OPTIONS`.
        edits: kinds of entries in `edits.toml` that it obeys: they are options of its result.
        code: module whose `STAGE` holds the functions.
        revision: of the algorithm. Raise it when the same input gives another result than before:
            what was made by an earlier revision is made again. A new version of the package alone
            makes nothing stale.
    """

    name: str
    about: str
    makes: str
    file: str
    kind: str
    reads: tuple[str, ...]
    code: str
    revision: int
    reads_if_there: tuple[str, ...] = ()
    options: tuple[str, ...] = ()
    edits: tuple[str, ...] = ()

    @property
    def key(self) -> str:
        """What provenance calls its result: the name of its artifact, or its own."""
        return self.file.removesuffix(".npz") if self.kind else self.name

    def type(self) -> type[Any]:
        """Return the type of the artifact."""
        module, _, name = self.kind.partition(":")
        found: type[Any] = getattr(import_module(module), name)
        return found


GRAPH = (
    Row(
        name="detect",
        about="Find people's keypoints in the videos of a take.",
        makes="detections",
        file="detections.npz",
        kind="mocap.core.detections:Detections2D",
        reads=(VIDEOS,),
        options=("detector",),
        code="mocap.workflow.detect",
        revision=1,
    ),
    Row(
        name="sync",
        about="Bring the cameras of a take to one clock.",
        makes="detections",
        file="synced.npz",
        kind="mocap.core.detections:Detections2D",
        reads=("detections", CALIBRATION),
        options=("sync",),
        code="mocap.workflow.sync",
        # 4: sigmas know of keypoints that a detector sees amiss all the time.
        revision=4,
    ),
    Row(
        name="associate",
        about="Tell who is who across cameras and time.",
        makes="tracks",
        file="tracks.npz",
        kind="mocap.core.detections:Tracks2D",
        reads=("detections", CALIBRATION),
        options=("people",),
        edits=("identity", "ignore", "mirror"),
        code="mocap.workflow.associate",
        # 2: everybody is followed, not the main person alone.
        # 3: people are drawn to where they were predicted.
        revision=3,
    ),
    Row(
        name="triangulate",
        about="Turn 2D keypoints of several cameras into 3D.",
        makes="points",
        file="points3d.npz",
        kind="mocap.core.points:Points3D",
        reads=("tracks", CALIBRATION),
        code="mocap.workflow.triangulate",
        # 2: images of one camera before others see a keypoint are not moved by a curve that ends.
        revision=2,
    ),
    Row(
        name="smooth",
        about="Turn 3D keypoints into one smooth motion.",
        makes="points",
        file="smoothed.npz",
        kind="mocap.core.points:Points3D",
        reads=("tracks", "points", CALIBRATION),
        edits=("gap",),
        code="mocap.workflow.smooth",
        # 2: a gap no longer ruins the smoothing of the whole take.
        # 3: as triangulate, of late images.
        revision=3,
    ),
    Row(
        name="fit",
        about="Fit a body to the smoothed motion.",
        makes="bodies",
        file=".partial/fit.json",
        kind="",
        reads=("points",),
        options=("fit",),
        edits=("trim", "contact"),
        code="mocap.workflow.fit.stage",
        # 2: fingers that nobody saw are relaxed, not flat. 3: feet that roll are held only where
        # they carry. 4: fingers that were seen are fitted on the images. 5: the shape of a subject
        # is told by whole takes, once. 6: a sole below the floor turns its foot before it lifts it.
        # 7: how high a foot stands its stance tells too.
        revision=7,
    ),
    # The report comes before the export: it shows why a skeleton may be refused.
    Row(
        name="report",
        about="Write the report of a take.",
        makes="",
        file=".partial/report.json",
        kind="",
        reads=("tracks", "points", CALIBRATION),
        reads_if_there=("bodies", CALIBRATION_REPORT),
        options=("report",),
        edits=("trim",),
        code="mocap.workflow.report",
        # 2: with a strip of what people did.
        # 3: with a page of each of several people, and with the causes of what is wrong.
        # 4: joint angles with bands, and actions in the timeline of the player.
        # 5: of long takes moments of several frames, and bands of the frames that are shown.
        revision=5,
    ),
    Row(
        name="export",
        about="Write BVH, FBX, GLB, C3D, TRC and more.",
        makes="",
        file="export/export.json",
        kind="",
        reads=("points",),
        reads_if_there=("bodies",),
        options=("export",),
        edits=("trim",),
        code="mocap.workflow.export.stage",
        # 2: the markers in C3D files are bony landmarks, which move with their bones.
        revision=2,
    ),
)

STAGES = tuple(row.name for row in GRAPH)

# Without a body the export builds a skeleton straight from the keypoints.
STAGES_WITHOUT_BODY = tuple(name for name in STAGES if name != "fit")


def row_of(stage: str) -> Row:
    """Return the row of a stage."""
    return GRAPH[STAGES.index(stage)]


def maker(role: str, before: str | None = None) -> Row:
    """Return the row whose result a role means: the last one that makes it, above a stage.

    Raises:
        KeyError: no row (above that stage) makes it.
    """
    above = GRAPH if before is None else GRAPH[: STAGES.index(before)]
    for row in reversed(above):
        if row.makes == role:
            return row
    raise KeyError(f"no stage{f' before {before}' if before else ''} makes '{role}'")


def path_of(take: Take, role: str) -> Path:
    """Return the file that a role means in a take: the last result that is made as it."""
    return take.root / maker(role).file
