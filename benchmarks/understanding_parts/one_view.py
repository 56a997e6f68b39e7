"""What one camera tells: held-out people and clips, and each camera of the sample session."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from figures import Figure
from understanding_training.clips import Clip
from understanding_training.views import ADULT_SIZE_M, ClipBank, draw_views

from mocap.capture.session import Session
from mocap.core.calibration_file import load_calibration
from mocap.core.detections import Tracks2D
from mocap.core.shapes import FloatArray
from mocap.core.store import load_artifact
from mocap.understand.joints import LEFT_HIP, RIGHT_HIP, pick_joints
from mocap.understand.lift import SIZE_SIGMA_GUESSED, lift_view
from mocap.understand.lift_model import LiftModel

TEST_WINDOWS = 1500
LINES_MM = {"dance": 110.0, "throw": 140.0}
TWO_SIGMA_LINE = 90.0


def held_out_figures(clips: Sequence[Clip], model: LiftModel) -> list[Figure]:
    """Return errors on people and clips that were not trained, seen by random cameras."""
    figures = []
    for split, sources in (("test", ("uiprmd", "cmu", "scripted_random")),):
        bank = ClipBank(clips, split)
        for source in sources:
            rng = np.random.default_rng(3)
            inputs, truth = draw_views(bank, TEST_WINDOWS, rng, disturbed=False, source=source)
            joints, sigma = model(inputs)
            error = 1e3 * ADULT_SIZE_M * np.linalg.norm(joints - truth, axis=-1).mean()
            inside = 100.0 * float((np.abs(joints - truth) < 2.0 * sigma)[..., 2].mean())
            figures.append(Figure(f"one view: {source}, not trained", float(error), "mm"))
            figures.append(Figure(f"one view: {source}, depth within 2 sigma", inside, "%"))
    return figures


def sample_figures(folder: Path) -> list[Figure]:
    """Return errors on the detections of every camera of the sample session's takes.

    Root-relative: where the person stands depends on their stature, which one view cannot tell.
    The means over the cameras hold the lines.
    """
    session = Session.open(folder)
    truth = np.load(folder / "truth.npz", allow_pickle=False)
    figures = []
    for take, line in LINES_MM.items():
        names = [str(name) for name in truth[f"{take}/keypoint_names"]]
        exact = relative(pick_joints(truth[f"{take}/xyz"], names))
        results = list(_views(session, take, exact))
        errors, inside = [each[0] for each in results], [each[1] for each in results]
        figures.append(Figure(f"one view: sample {take}, mean of four", _mean(errors), "mm", line))
        figures.append(Figure(f"one view: sample {take}, worst camera", max(errors), "mm"))
        name = f"one view: sample {take}, depth within 2 sigma"
        figures.append(Figure(name, 100.0 * _mean(inside), "%", TWO_SIGMA_LINE, ">="))
    return figures


def _views(session: Session, take: str, exact: FloatArray) -> Iterator[tuple[float, float]]:
    """Yield mean error in mm and share of depths within two sigmas, by camera."""
    tracks = load_artifact(session.take(take).artifact("tracks"), Tracks2D)
    calibration = load_calibration(session.calibration_path)
    for k, name in enumerate(tracks.camera_names):
        camera = calibration[name]
        points = lift_view(
            tracks.pixels[k, :, 0],
            tracks.confidence[k, :, 0],
            tracks.keypoint_names,
            camera,
            tracks.fps,
        )
        difference = relative(points.xyz[:, 0]) - exact
        seen = np.isfinite(difference).all(axis=-1)
        forward = camera.camera_from_world[2, :3]
        variance = np.einsum("i,fjik,k->fj", forward, points.covariance[:, 0], forward)
        # Relative to the hips the distance of the whole person does not count.
        hips = 0.5 * (points.xyz[:, 0, LEFT_HIP] + points.xyz[:, 0, RIGHT_HIP])
        away = np.linalg.norm(hips - camera.center, axis=-1)
        sigma = np.sqrt(np.maximum(variance - (SIZE_SIGMA_GUESSED * away[:, None]) ** 2, 0.0))
        depth = np.abs(difference @ forward)
        error = 1e3 * float(np.linalg.norm(difference, axis=-1)[seen].mean())
        yield error, float((depth < 2.0 * sigma)[seen].mean())


def relative(joints: FloatArray) -> FloatArray:
    """Return joints (frame, 13, 3) from the middle of the hips."""
    return joints - 0.5 * (joints[:, LEFT_HIP, None] + joints[:, RIGHT_HIP, None])


def _mean(values: Sequence[float]) -> float:
    return float(np.mean(values))
