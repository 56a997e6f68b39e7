"""Calibrate lenses alone, from recordings of single cameras, into files that are kept."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from mocap.calibrate.board.corners import detect_corners
from mocap.calibrate.lenses.alone import LensAlone, lens_alone
from mocap.capture.boards import load_board
from mocap.capture.video import probe, read_frames
from mocap.core.calibration_file import save_calibration
from mocap.core.camera import Calibration
from mocap.core.errors import CalibrationError, InputError
from mocap.workflow.progress import Progress, table_lines

# Images of a recording that are looked at.
MOST_LOOKS = 400


def calibrate_lenses(
    videos: Sequence[Path],
    board: str,
    folder: Path,
    progress: Progress,
    *,
    model: str = "standard",
    name: str | None = None,
) -> dict[str, LensAlone]:
    """Calibrate the lens of each video or folder of pictures into FOLDER/NAME.toml; say how well.

    Args:
        videos: one a camera; the camera is called as the file is.
        board: name or file of a board.
        folder: of the lens files, for `mocap calibrate --intrinsics`.
        progress: told what happens.
        model: of the lenses, or "auto".
        name: of the camera, for one video.

    Raises:
        InputError: a video cannot be read, or two have one name.
        CalibrationError: too few views; or a lens cannot be used (the others are written).
    """
    names = [name or video.stem for video in videos]
    if len(set(names)) < len(names):
        raise InputError("two videos have one name; the lens of a camera is named by its video.")
    known, found = load_board(board), {}
    for video, camera in zip(videos, names, strict=True):
        info = probe(video, camera)
        progress.started(f"{camera}: looking for the board")
        step = max(1, info.frame_count // MOST_LOOKS)
        frames = read_frames(video, gray=True, step=step)
        corners = detect_corners(frames, known, camera, info.image_size)
        found[camera] = lens_alone(corners, known, model=model)
    rows = [
        (
            camera,
            str(each.views),
            each.camera.lens_model,
            f"{each.camera.lens[:2].mean():.1f} ± {each.focal_sd_px:.1f}",
            f"± {each.principal_point_sd_px:.1f}",
            f"{each.sigma_px:.2f}",
            f"{100 * each.coverage:.0f} %",
        )
        for camera, each in found.items()
    ]
    header = ("camera", "views", "lens", "focal px", "middle px", "noise px", "coverage")
    for line in table_lines(header, rows):
        progress.finished(line)
    for camera, each in found.items():
        progress.warned(*(f"camera '{camera}': {text}" for text in each.warnings))
        if not each.reasons:
            folder.mkdir(parents=True, exist_ok=True)
            rig = Calibration((replace(each.camera, name=camera),), metadata={"source": "a lens"})
            save_calibration(rig, folder / f"{camera}.toml")
    bad = [f"camera '{n}': {' '.join(each.reasons)}" for n, each in found.items() if each.reasons]
    if bad:
        raise CalibrationError(f"no lens was written of {'; '.join(bad)}")
    return found
