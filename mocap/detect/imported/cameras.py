"""Which files of a folder belong to which camera, and to which frame."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from mocap.core.errors import InputError
from mocap.detect.imported.json_file import frame_number

SUFFIXES = (".json", ".csv", ".h5", ".hdf5", ".slp")
MOST_FILES = 2_000_000
"""Nine hours of one camera at 60 frames a second, a file each."""


@dataclass(frozen=True)
class CameraFiles:
    """The files of one camera.

    Attributes:
        frames: a file for each frame number; empty when one file holds them all.
        whole: the file that holds all frames; None when there is one for each.
    """

    frames: Mapping[int, Path]
    whole: Path | None = None


def camera_files(
    folder: Path, cameras: Sequence[str], given: Mapping[str, str]
) -> tuple[dict[str, CameraFiles], list[str]]:
    """Return the files of each camera that has some, and what a person should know.

    A camera's files are in a folder that has its name in its own (`cam01_json`), or have it in
    theirs (`cam01_000000000012_keypoints.json`, `cam01DLC_resnet50.csv`). Pose2Sim keeps those
    folders in `pose`.

    Args:
        folder: where the files are.
        cameras: names that are known.
        given: camera -> name of its folder or file, where names do not tell.

    Raises:
        InputError: there is no such folder or file, names are not clear, or nothing is of a camera.
    """
    if not folder.is_dir():
        raise InputError(
            f"{folder} is no folder. Give the folder that holds a folder or a file of keypoints "
            "for each camera."
        )
    inner = folder / "pose"
    if inner.is_dir() and not any(path.suffix in SUFFIXES for path in folder.iterdir()):
        folder = inner
    _check_given(folder, cameras, given)
    named = {name: camera for camera, name in given.items()}
    found: dict[str, list[Path]] = {}
    strangers = []
    for path in sorted(folder.iterdir()):
        if path.name.startswith(".") or not (path.is_dir() or path.suffix.lower() in SUFFIXES):
            continue
        camera = named.get(path.name) or camera_of(path.name, cameras, given)
        if camera is None:
            strangers.append(path.name)
        elif path.is_dir():
            found.setdefault(camera, []).extend(_inside(path))
        else:
            found.setdefault(camera, []).append(path)
    files = {camera: _sorted_out(camera, paths) for camera, paths in found.items() if paths}
    if not files:
        listed = f"it holds {', '.join(strangers[:5])}" if strangers else "it holds nothing of them"
        raise InputError(
            f"{folder} has no keypoints of cameras {', '.join(cameras)}: {listed}. Files of a "
            "camera carry its name, or are named with --camera CAMERA=NAME."
        )
    said = []
    if strangers:
        more = "" if len(strangers) <= 3 else f" and {len(strangers) - 3} more"
        said.append(f"left out, of no camera: {', '.join(strangers[:3])}{more}")
    return files, said


def camera_of(text: str, cameras: Sequence[str], given: Mapping[str, str]) -> str | None:
    """Return the camera whose name stands in a text, as a word of its own; the longest of several.

    Raises:
        InputError: two of one length do.
    """
    found = [camera for camera in cameras if camera not in given and _stands_in(camera, text)]
    longest = [each for each in found if len(each) == max(map(len, found))]
    if len(longest) > 1:
        raise InputError(
            f"'{text}' may be of camera {' or '.join(longest)}. Say with --camera CAMERA=NAME."
        )
    return longest[0] if longest else None


def _stands_in(camera: str, text: str) -> bool:
    """Tell whether a name stands in a text without its letters or digits going on around it."""
    # cam1 is not in cam10, left is not in cleft; cam01 is in cam01DLC.
    before = r"(?<![A-Za-z])" if camera[:1].isalpha() else r"(?<!\d)"
    after = r"(?!\d)" if camera[-1:].isdigit() else r"(?![a-z])"
    return re.search(before + re.escape(camera) + after, text, re.IGNORECASE) is not None


def _check_given(folder: Path, cameras: Sequence[str], given: Mapping[str, str]) -> None:
    for camera, name in given.items():
        if camera not in cameras:
            raise InputError(
                f"--camera names '{camera}', but the cameras are {', '.join(cameras)}."
            )
        if not name or Path(name).name != name or not (folder / name).exists():
            raise InputError(f"--camera {camera}={name}: there is no '{name}' in {folder}.")


def _inside(folder: Path) -> list[Path]:
    found = []
    for path in sorted(folder.iterdir()):
        if path.suffix.lower() in SUFFIXES and path.is_file() and not path.name.startswith("."):
            found.append(path)
        if len(found) > MOST_FILES:
            raise InputError(f"{folder} holds more than {MOST_FILES} files.")
    return found


def _sorted_out(camera: str, paths: Sequence[Path]) -> CameraFiles:
    """Return one file as it is, several of JSON as frames by the numbers in their names."""
    if len(paths) == 1:
        return CameraFiles({}, paths[0])
    others = [path.name for path in paths if path.suffix.lower() != ".json"]
    if others:
        raise InputError(
            f"camera '{camera}' has several files ({', '.join(path.name for path in paths[:3])}…); "
            "only JSON may be a file for each frame. Leave one."
        )
    frames: dict[int, Path] = {}
    for path in paths:
        try:
            number = frame_number(path.stem.removesuffix("_keypoints"))
        except ValueError as error:
            raise InputError(
                f"camera '{camera}': {error}, beside files of frames. Take it out."
            ) from error
        if number in frames:
            raise InputError(
                f"camera '{camera}': {frames[number].name} and {path.name} are both frame "
                f"{number}. Take one out."
            )
        frames[number] = path
    return CameraFiles(frames)
