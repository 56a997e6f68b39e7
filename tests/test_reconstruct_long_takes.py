"""Long takes are triangulated and smoothed part by part, and nothing tells where the parts meet."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from mocap.core.errors import ReconstructionError
from mocap.core.files import replay
from mocap.core.files.replay import FoundParts
from mocap.core.points import Points3D, Source
from mocap.core.store import Provenance, save_artifact
from mocap.reconstruct import smooth as smoothing
from mocap.reconstruct import spans as spanning
from mocap.reconstruct import triangulate as triangulating
from mocap.reconstruct.smooth import smooth, smooth_with_report
from mocap.reconstruct.spans import spans
from mocap.reconstruct.trajectory import Trajectories, estimate_trajectories
from mocap.reconstruct.triangulate import triangulate
from mocap.synthetic.keypoint_session import walking_session
from mocap.synthetic.motion.chain import articulated_chain
from mocap.synthetic.observations import observe_points
from mocap.synthetic.rigs import ring
from mocap.workflow.choices import choices
from mocap.workflow.progress import Quiet
from mocap.workflow.run import run_take
from mocap.workflow.unfinished import Unfinished, folder_of, forget_pieces

FRAMES = 700


def small(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(spanning, "LONGEST", 400)
    patch.setattr(spanning, "MARGIN", 100)
    patch.setattr(spanning, "FADE", 25)


@pytest.mark.parametrize("frames", [1, 400, 401, 1777])
def test_spans_keep_every_frame_and_their_weights_add_up(
    monkeypatch: pytest.MonkeyPatch, frames: int
) -> None:
    small(monkeypatch)
    total, kept = np.zeros(frames), np.zeros(frames, dtype=int)
    for span in spans(frames):
        assert span.solved.stop - span.solved.start <= 400
        total[span.solved] += span.weights(frames)
        kept[span.kept] += 1
    np.testing.assert_allclose(total, 1.0)
    assert (kept == 1).all()


def test_a_long_take_has_no_seams(monkeypatch: pytest.MonkeyPatch) -> None:
    motion, rig = articulated_chain(FRAMES, 12), ring(4, image_size=(1280, 960), seed=2)
    tracks = observe_points(
        rig, motion.xyz[:, None], motion.keypoint_names, fps=motion.fps, outliers=0.02, missing=0.1
    )
    raw = triangulate(tracks, rig)
    whole = smooth(raw, tracks, rig, bones=motion.bones)
    small(monkeypatch)
    monkeypatch.setattr(triangulating, "POINTS_AT_ONCE", 1000)
    in_parts = triangulate(tracks, rig)
    assert_equal(in_parts, raw)
    parts = smooth(raw, tracks, rig, bones=motion.bones)
    np.testing.assert_array_equal(parts.source, whole.source)
    known = whole.source != Source.MISSING
    off = np.linalg.norm(parts.xyz - whole.xyz, axis=-1)[known]
    # Scales and lengths are told by hundreds of frames instead of 700: next to nothing beside what
    # is known of a point.
    sigma = whole.sigma_m[known]
    assert np.median(off / sigma) < 0.05
    assert (off / sigma).max() < 1.0
    # Where spans meet, nothing happens: accelerations there are those of the whole take.
    jerk = np.linalg.norm(np.diff(parts.xyz - whole.xyz, n=2, axis=0), axis=-1)
    assert np.nanmax(jerk) < 0.2 * np.nanmedian(sigma)


def assert_equal(found: Points3D, expected: Points3D) -> None:
    for name in ("xyz", "covariance", "reprojection_error_px", "view_count", "source"):
        np.testing.assert_array_equal(getattr(found, name), getattr(expected, name))


@pytest.mark.parametrize("late_s", [0.0, 0.004])
def test_a_smoothing_that_was_killed_goes_on_to_the_same_bytes(
    late_s: float, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    small(monkeypatch)
    monkeypatch.setattr(replay, "KEEP_EVERY_S", 0.0)
    motion, rig = articulated_chain(FRAMES, 4), ring(3, image_size=(1280, 960), seed=2)
    tracks = observe_points(rig, motion.xyz[:, None], motion.keypoint_names, fps=motion.fps)
    # Images between two frames are smoothed twice.
    tracks = replace(tracks, times_s=tracks.times_s + late_s * np.arange(3)[:, None])
    raw = triangulate(tracks, rig)
    artifact, record = tmp_path / "smoothed.npz", Provenance("smooth", "1")
    solved, allowed = 0, 10**6

    def counted(*given: object) -> Trajectories:
        nonlocal solved
        solved += 1
        if solved > allowed:
            raise ReconstructionError("killed")
        return estimate_trajectories(*given)  # type: ignore[arg-type]

    monkeypatch.setattr(smoothing, "estimate_trajectories", counted)

    def smoothed() -> Points3D:
        nonlocal solved
        solved = 0
        remember = Unfinished.of(artifact, record).replay()
        return smooth_with_report(raw, tracks, rig, bones=motion.bones, remember=remember)[0]

    whole = smoothed()
    spans_there = solved
    assert spans_there == len(spans(FRAMES)) * (2 if late_s else 1)
    forget_pieces(artifact)
    for most in (1, 2):
        allowed = most
        with pytest.raises(ReconstructionError, match="killed"):
            smoothed()
    allowed = 10**6
    assert_equal(smoothed(), whole)
    assert solved == spans_there - 3  # nothing was done twice


def test_what_a_killed_smoothing_left_is_removed_by_the_next(tmp_path: Path) -> None:
    take = walking_session(tmp_path / "walks", 1, frames=30, cameras=3).take("walk_01")
    run_take(take, choices(), Quiet(), stages=("sync", "associate", "triangulate"))
    left = folder_of(take.artifact("smoothed"))
    left.mkdir(parents=True)
    (left / "000000000.npz").write_bytes(b"half of a piece")
    save_artifact(FoundParts.of(0, [1.0]), left / "000000001.npz", Provenance("smooth", "0"))
    run_take(take, choices(), Quiet(), stages=("smooth",))
    assert take.artifact("smoothed").is_file() and not left.exists()
