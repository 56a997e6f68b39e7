"""The session folder: every path and file name of a session is decided here and nowhere else.

2026-05-04_lab/
  session.toml                     rig, board with its measured square, subjects, notes
  calibration/left.mp4 …           one video or image folder per camera, named by the camera
  calibration.toml                 calibration_report.json, calibration_report.html
  calibration_before_refine_1.toml calibration_refinement_1.json: the rig before, and why
  takes/dance_01/left.mp4 …        then the artifacts of that take, report.html and export/
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from mocap.capture.boards import load_board, load_definition
from mocap.capture.definitions import own_copy
from mocap.capture.edits_file import EDITS_FILE
from mocap.capture.image_map import ImageMap
from mocap.capture.rigs import load_rig
from mocap.capture.session_file import (
    SessionConfig,
    Subject,
    load_config,
    new_config_text,
)
from mocap.capture.take_file import load_take_settings
from mocap.capture.toml_tables import suggest
from mocap.capture.video import VIDEO_SUFFIXES, image_files
from mocap.core.board import Board
from mocap.core.calibration_file import load_calibration
from mocap.core.camera import Calibration
from mocap.core.errors import InputError, SessionError
from mocap.core.rig import Rig
from mocap.core.store import write_text

CONFIG_FILE = "session.toml"
_KEPT_CALIBRATIONS = "calibration_before_refine_*.toml"
ARTIFACTS = ("detections", "tracks", "points3d", "smoothed")


@dataclass(frozen=True, eq=False)
class Session:
    """A session folder with its settings.

    Attributes:
        root: the folder.
        config: what `session.toml` says.
    """

    root: Path
    config: SessionConfig

    @classmethod
    def open(cls, root: Path | str) -> Self:
        """Open an existing session.

        Raises:
            SessionError: no such folder, or no `session.toml` in it.
            InputError: `session.toml` holds an unknown key or a wrong value.
        """
        root = Path(root)
        if not root.is_dir():
            raise SessionError(f"there is no session folder {root}. `mocap new {root}` makes one.")
        path = root / CONFIG_FILE
        if not path.is_file():
            raise SessionError(
                f"{root} is no session: it has no {CONFIG_FILE}. `mocap new {root}` writes one."
            )
        return cls(root, load_config(path))

    @classmethod
    def create(
        cls,
        root: Path | str,
        *,
        rig: str,
        board: str,
        square_mm: float | None = None,
        notes: str = "",
    ) -> Self:
        """Make a session folder with `session.toml` and empty `calibration` and `takes`.

        Raises:
            SessionError: the folder is a session already.
            InputError: no such rig or board, or a measured square that is not above zero.

        >>> session = Session.create("lab", rig="four_corner", board="a1_5x7", square_mm=109.6)
        >>> session.rig().camera_names
        ('front_left', 'front_right', 'back_right', 'back_left')
        """
        root = Path(root)
        load_rig(rig)
        load_board(board, square_mm=square_mm)
        path = root / CONFIG_FILE
        if path.exists():
            raise SessionError(f"{root} is a session already. Edit {path}, or choose another name.")
        (root / "calibration").mkdir(parents=True, exist_ok=True)
        (root / "takes").mkdir(exist_ok=True)
        asked, rig, board = board, own_copy(rig, root), own_copy(board, root)
        nominal_mm = load_definition(asked).board.square_length_m * 1000.0
        write_text(path, new_config_text(rig, board, square_mm, nominal_mm, notes))
        return cls.open(root)

    def rig(self) -> Rig:
        """Return the rig; SessionError where the session names none."""
        return load_rig(self._definition(self._named("rig", self.config.rig)))

    def board(self) -> Board:
        """Return the board with its measured square; SessionError where it names none."""
        name = self._definition(self._named("board", self.config.board))
        return load_board(name, square_mm=self.config.square_mm)

    def _named(self, what: str, name: str | None) -> str:
        if name is None:
            raise SessionError(
                f"{self.root / CONFIG_FILE} names no {what}: its calibration came from elsewhere. "
                'Add rig = "NAME" and board = "NAME" to calibrate here (see `mocap boards`).'
            )
        return name

    def _definition(self, name: str) -> str:
        """A definition of the user's own is given relative to the session."""
        return str(self.root / name) if name.endswith(".toml") else name

    @property
    def calibration_path(self) -> Path:
        """Where the calibration is."""
        return self.root / "calibration.toml"

    @property
    def calibration_report_path(self) -> Path:
        """Where the calibration report for machines is."""
        return self.root / "calibration_report.json"

    @property
    def calibration_page_path(self) -> Path:
        """Where the calibration report for people is."""
        return self.root / "calibration_report.html"

    def kept_calibration_path(self, number: int) -> Path:
        """Where the calibration before refinement `number` is kept."""
        return self.root / f"calibration_before_refine_{number}.toml"

    def kept_report_path(self, number: int) -> Path:
        """Where the calibration report before refinement `number` is kept."""
        return self.root / f"calibration_report_before_refine_{number}.json"

    def failed_path(self, name: str = ".toml") -> Path:
        """Where a calibration that failed its checks is, its "_report.json", "_report.html"."""
        return self.root / f"calibration_failed{name}"

    def refinement_path(self, number: int) -> Path:
        """Where the figures of refinement `number` are."""
        return self.root / f"calibration_refinement_{number}.json"

    def refinements(self) -> tuple[int, ...]:
        """Return the numbers of the refinements whose earlier calibration is kept."""
        found = (each.stem.rpartition("_")[2] for each in self.root.glob(_KEPT_CALIBRATIONS))
        return tuple(sorted(int(number) for number in found if number.isdigit()))

    def next_refinement(self) -> int:
        """Return the number of the next refinement."""
        return max(self.refinements(), default=0) + 1

    def calibration(self) -> Calibration:
        """Load the calibration.

        Raises:
            InputError: it does not exist or is damaged.
        """
        return load_calibration(self.calibration_path)

    def calibration_videos(self) -> dict[str, Path]:
        """Return the calibration video of each camera; empty when none has been copied yet."""
        return self._videos(self.root / "calibration")

    def calibration_corners_path(self, camera: str) -> Path:
        """Where the board corners found by one camera are kept."""
        return self.root / "calibration" / ".corners" / f"{camera}.npz"

    @property
    def calibration_clocks_path(self) -> Path:
        """The clocks of the cameras while they saw the board."""
        return self.root / "calibration_sync.json"

    @property
    def board_poses_path(self) -> Path:
        """Where the poses of the board during calibration are kept."""
        return self.root / "calibration" / ".corners" / "board_poses.npz"

    def takes(self) -> tuple[str, ...]:
        """Return the names of the takes in order: folders with videos, keypoints or points."""
        folder = self.root / "takes"
        names = [each.name for each in folder.iterdir()] if folder.is_dir() else []
        held = [
            name for name in names if self._videos(folder / name) or _has_imports(folder / name)
        ]
        return tuple(sorted(held, key=_natural))

    def take(self, name: str) -> Take:
        """Return a take by its name.

        Raises:
            SessionError: there is no such take; the message gives the nearest name.
        """
        takes = self.takes()
        if name not in takes:
            raise SessionError(
                f"session {self.root} has no take '{name}'. "
                + (suggest(name, takes) if takes else "Copy videos to takes/NAME/CAMERA.mp4.")
            )
        return Take(name, self.root / "takes" / name, self)

    @property
    def hash_cache_path(self) -> Path:
        """Where the hashes of large files are remembered, so that they are read once."""
        return self.root / ".file_hashes.json"

    def image_map_override(self, camera: str) -> ImageMap | None:
        """Return the image map `session.toml` gives for a camera, if any."""
        return self.config.image_maps.get(camera)

    def _videos(self, folder: Path) -> dict[str, Path]:
        videos = find_videos(folder)
        wanted = self.config.cameras
        if wanted is None or not videos:
            return videos
        _check_listed(wanted, videos, folder, self.root / CONFIG_FILE)
        return {camera: videos[camera] for camera in wanted}


@dataclass(frozen=True, eq=False)
class Take:
    """One recording of all cameras.

    Attributes:
        name: name of its folder.
        root: the folder.
        session: the session it belongs to.
    """

    name: str
    root: Path
    session: Session

    def videos(self) -> dict[str, Path]:
        """Return the video of each camera, in order of the names.

        Raises:
            SessionError: a camera has two videos, or one listed in `session.toml` has none.
        """
        return self.session._videos(self.root)

    def artifact(self, stage: str) -> Path:
        """Return where an artifact is: "detections", "tracks", "points3d" or "smoothed"."""
        if stage not in ARTIFACTS:
            raise ValueError(f"no artifact is called {stage}; known: {', '.join(ARTIFACTS)}")
        return self.root / f"{stage}.npz"

    def body_path(self, person_id: int) -> Path:
        """Return where the fitted body of a person is."""
        return self.root / f"body_{person_id}.npz"

    def body_paths(self) -> dict[int, Path]:
        """Return the fitted bodies there are, by person."""
        found = [each for each in self.root.glob("body_*.npz") if each.stem[5:].isdigit()]
        return {int(each.stem[5:]): each for each in sorted(found, key=lambda p: _natural(p.name))}

    @property
    def mesh_dir(self) -> Path:
        """Folder of the meshes, one file a frame."""
        return self.root / "mesh"

    @property
    def mesh_overlay_path(self) -> Path:
        """Frames of every camera with the bodies drawn on them."""
        return self.root / "mesh_overlay.png"

    @property
    def fit_manifest_path(self) -> Path:
        """Which bodies were fitted, from which artifacts, with which options."""
        return self.root / ".partial" / "fit.json"

    def camera_detections_path(self, camera: str) -> Path:
        """Where the finished detections of one camera wait for the others."""
        return self.root / ".partial" / f"detections_{camera}.npz"

    @property
    def settings_path(self) -> Path:
        """What a person says about this take: `take.toml`; it need not exist."""
        return self.root / "take.toml"

    @property
    def edits_path(self) -> Path:
        """What a person corrected about this take: `edits.toml`; it need not exist."""
        return self.root / EDITS_FILE

    def subject(self) -> Subject | None:
        """Return who was recorded: the one `take.toml` names, else the only one of the session.

        Raises:
            InputError: `take.toml` cannot be used, or names nobody in `session.toml`.
        """
        subjects = {each.name: each for each in self.session.config.subjects}
        name = load_take_settings(self.settings_path).subject
        if name is None:
            return next(iter(subjects.values())) if len(subjects) == 1 else None
        if name not in subjects:
            raise InputError(
                f"{self.settings_path}: no subject '{name}' is in {CONFIG_FILE}. "
                + (suggest(name, subjects) if subjects else "Add a table [[subjects]] there.")
            )
        return subjects[name]

    @property
    def clocks_path(self) -> Path:
        """The clocks of the cameras and why they are believed."""
        return self.root / "sync.json"

    @property
    def measure_dir(self) -> Path:
        """Folder of the measurements."""
        return self.root / "measure"

    @property
    def export_dir(self) -> Path:
        """Folder of the exported files."""
        return self.root / "export"

    @property
    def export_manifest_path(self) -> Path:
        """What was exported, from which artifacts, with which options."""
        return self.export_dir / "export.json"

    @property
    def report_path(self) -> Path:
        """The report for people."""
        return self.root / "report.html"

    @property
    def report_manifest_path(self) -> Path:
        """What the report was made from."""
        return self.root / ".partial" / "report.json"


def find_videos(folder: Path) -> dict[str, Path]:
    """Return the videos and image folders in `folder` by camera, in natural order of the names.

    Raises:
        SessionError: one camera has two recordings.
    """
    videos: dict[str, Path] = {}
    entries = folder.iterdir() if folder.is_dir() else ()
    for path in sorted(entries, key=lambda each: _natural(each.name)):
        if not _is_recording(path):
            continue
        camera = path.name if path.is_dir() else path.stem
        if camera in videos:
            raise SessionError(
                f"camera '{camera}' has two recordings in {folder}: {videos[camera].name} and "
                f"{path.name}. Remove one."
            )
        videos[camera] = path
    return videos


def _is_recording(path: Path) -> bool:
    if path.name.startswith("."):
        return False
    if path.is_dir():
        return bool(image_files(path))
    return path.suffix.lower() in VIDEO_SUFFIXES


def _check_listed(
    wanted: Sequence[str], videos: dict[str, Path], folder: Path, config: Path
) -> None:
    missing = [camera for camera in wanted if camera not in videos]
    if missing:
        raise SessionError(
            f"camera '{missing[0]}' is listed in {config} but has no video in {folder}, which has "
            f"{', '.join(videos)}. {suggest(missing[0], videos)} Copy the video there, or take the "
            "camera out of 'cameras'."
        )


def _has_imports(folder: Path) -> bool:
    """Whether a folder has keypoints or points, which takes without videos start from."""
    return any((folder / f"{name}.npz").is_file() for name in ("detections", "smoothed"))


def _natural(name: str) -> list[tuple[int, str]]:
    """Sort take_2 before take_10."""
    parts = re.split(r"(\d+)", name)
    return [(int(part), "") if part.isdigit() else (-1, part) for part in parts]
