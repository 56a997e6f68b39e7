"""Frames of one clock, and points at the true times of the images."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.interpolate import CubicSpline

from mocap.core.clocks import CameraClock, Clocks, recorded_clocks
from mocap.core.detections import Detections2D, Tracks2D
from mocap.core.errors import ReconstructionError
from mocap.reconstruct.common_clock import common_frames, on_common_clock
from mocap.reconstruct.exact_time import at_frame_times
from mocap.reconstruct.smooth import smooth
from mocap.reconstruct.triangulate import triangulate
from mocap.synthetic.hand_started import hand_started, script
from mocap.synthetic.motion.chain import articulated_chain
from mocap.synthetic.observations import observe_points
from mocap.synthetic.rigs import ring

NAMES = ("a", "b", "c")


def padded(*rows: np.ndarray) -> np.ndarray:
    width = max(len(row) for row in rows)
    return np.stack([np.pad(r, (0, width - len(r)), constant_values=np.nan) for r in rows])


def clocks(*offsets: float) -> Clocks:
    return Clocks("a", tuple(CameraClock(n, o) for n, o in zip(NAMES, offsets, strict=True)))


def test_cameras_in_step_keep_their_frames() -> None:
    # Milliseconds at 60 frames per second, as some containers count.
    own = np.round(np.arange(90) / 60, 3)
    frames = common_frames(padded(own, own[:80], own), recorded_clocks(NAMES), NAMES, 60.0)
    assert frames.image.shape == (3, 90) and frames.origin_s == 0.0
    np.testing.assert_array_equal(frames.image[0], np.arange(90))
    assert (frames.image[1, 80:] == -1).all() and np.isnan(frames.times_s[1, 80:]).all()
    assert (frames.unused == 0).all()


def test_every_image_stands_at_its_nearest_frame() -> None:
    own = [np.arange(100) / 30, np.arange(200) / 60, np.arange(100) / 29.97]
    frames = common_frames(padded(*own), clocks(0.0, -0.4, 0.55), NAMES, 30.0)
    # The second camera to run is the reference at 0; the last but one to stop is the 60 Hz one.
    assert frames.origin_s == pytest.approx(0.0)
    nodes = np.arange(frames.image.shape[1]) / 30
    for row, (times, offset) in enumerate(zip(own, (0.0, -0.4, 0.55), strict=True)):
        there = frames.image[row] >= 0
        true = times[frames.image[row, there]] + offset
        np.testing.assert_allclose(frames.times_s[row, there], true, atol=1e-9)
        assert np.abs(true - nodes[there]).max() <= 0.5 / 30 + 1e-9
        used = frames.image[row, there]
        assert len(np.unique(used)) == len(used), "one image at two frames"
    # Half of the 60 Hz images stand nearest to no frame of a 30 Hz clock.
    assert frames.unused[1] >= 99
    assert frames.image[2].max() <= 99 and (frames.image[2] >= 0).sum() > 80


def test_images_left_out_by_cameras_started_by_hand_stand_together() -> None:
    own = padded(*[np.arange(60) / 30] * 3)
    own[:, 1::2] = np.nan
    # The clocks differ by an odd number of images and something: no two are of one instant.
    frames = common_frames(own, clocks(0.0, 7.3 / 30, -5.4 / 30), NAMES, 30.0)
    there = frames.image >= 0
    assert not there[:, 1::2].any() and there[:, ::2].sum(axis=0).min() >= 2
    assert set(frames.image[there] % 2) == {0}
    late = frames.times_s - np.arange(frames.image.shape[1]) / 30
    assert np.abs(late[there]).max() <= 1.0 / 30 + 1e-9  # half of the time between two
    for row, offset in enumerate((0.0, 7.3 / 30, -5.4 / 30)):
        taken = frames.image[row, there[row]] / 30 + offset - frames.origin_s
        np.testing.assert_allclose(frames.times_s[row, there[row]], taken, atol=1e-9)
    together = common_frames(own, recorded_clocks(NAMES), NAMES, 30.0)
    np.testing.assert_array_equal(together.image[0, ::2], np.arange(0, 60, 2))
    assert (together.image[:, 1::2] == -1).all() and np.isnan(together.times_s[:, 1::2]).all()
    # Beside one that left nothing out it is a camera that takes half as many.
    own[0] = np.arange(60) / 30
    mixed = common_frames(own, clocks(0.0, 7.0 / 30, 0.0), NAMES, 30.0)
    assert (mixed.image[0] >= 0).all() and (mixed.image[1] >= 0).sum() == 27


def test_cameras_that_never_run_together_are_an_error() -> None:
    own = padded(*[np.arange(30) / 30] * 3)
    with pytest.raises(ReconstructionError, match="ever run at the same time"):
        common_frames(own, clocks(0.0, 5.0, 10.0), NAMES, 30.0)


def test_detections_move_with_their_frames() -> None:
    rig = ring(2, seed=1)
    xyz = script("walk", 6.0, 3)
    take = hand_started(xyz, rig, fps=30.0, length_s=4.0, start_s=(1.0, 1.5), outliers=0.0,
                        missing=0.0, noise_px=0.0)  # fmt: skip
    known = Clocks("cam1", (CameraClock("cam1"), CameraClock("cam2", 0.5)))
    moved, frames = on_common_clock(take.detections, known)
    assert isinstance(moved, Detections2D)
    np.testing.assert_array_equal(moved.pixels[0, 0], take.detections.pixels[0, frames.image[0, 0]])
    # Both cameras show frame 10 at one instant: 1.0 + 0.5 + 10 / 30 s.
    true, seen = rig.project(take.motion(1.5 + 10 / 30)), np.isfinite(moved.pixels[:, 10, 0])
    assert seen.mean() > 0.5
    np.testing.assert_allclose(moved.pixels[:, 10, 0][seen], true[seen], atol=1e-6)


def late_tracks(lateness_s: np.ndarray) -> tuple[Tracks2D, CubicSpline]:
    """Return tracks of a moving chain whose images (camera, frame) were taken late."""
    chain = articulated_chain(120, 26)
    rig = ring(4, image_size=(1280, 960), jitter=1.0, seed=2)
    nodes = np.arange(120) / chain.fps
    path = CubicSpline(nodes, chain.xyz)
    pixels = np.stack(
        [
            camera.project(path(nodes + late))
            for camera, late in zip(rig.cameras, lateness_s, strict=True)
        ]
    )[:, :, None]
    base = observe_points(rig, chain.xyz[:, None], chain.keypoint_names, fps=chain.fps)
    rng = np.random.default_rng(3)
    pixels = pixels + rng.normal(0.0, 1.0, pixels.shape)
    return replace(base, pixels=pixels, confidence=np.ones(pixels.shape[:-1])), path


def test_late_images_give_the_points_of_images_in_time() -> None:
    rig = ring(4, image_size=(1280, 960), jitter=1.0, seed=2)
    chain = articulated_chain(120, 26)
    rng = np.random.default_rng(1)
    half = 0.5 / chain.fps
    lateness = np.tile(rng.uniform(-half, half, (4, 1)), (1, 120))
    late, _ = late_tracks(lateness)
    timely, _ = late_tracks(np.zeros((4, 120)))
    nodes = np.arange(120) / chain.fps

    def error_mm(tracks: Tracks2D, raw: bool) -> float:
        points = triangulate(tracks, rig)
        if not raw:
            points = smooth(points, tracks, rig, bones=chain.bones)
        return float(np.nanmedian(1e3 * np.linalg.norm(points.xyz[:, 0] - chain.xyz, axis=-1)))

    known = replace(late, times_s=nodes + lateness)
    for raw in (True, False):
        synced, ignored, exact = error_mm(timely, raw), error_mm(late, raw), error_mm(known, raw)
        assert ignored > 1.3 * synced, "the scene must move enough to tell"
        # Measured on takes: 1.00-1.03 in the median; noise of another draw adds a few percent.
        assert exact < 1.06 * synced


def test_pixels_are_moved_by_what_the_path_predicts() -> None:
    rig = ring(4, image_size=(1280, 960), jitter=1.0, seed=2)
    lateness = np.tile(np.array([[0.0], [0.004], [-0.006], [0.008]]), (1, 120))
    tracks, path = late_tracks(lateness)
    points = triangulate(tracks, rig)
    nodes = np.arange(120) / tracks.fps
    exact = replace(points, xyz=path(nodes)[:, None])
    moved = at_frame_times(replace(tracks, times_s=nodes + lateness), exact, rig)
    truth = rig.project(path(nodes))
    # A spline through exact points: only the noise of 1 px stays.
    assert (moved.pixels[:, 5:-5, 0] - truth[:, 5:-5]).std() == pytest.approx(1.0, abs=0.05)
    np.testing.assert_allclose(moved.lateness_s, 0.0, atol=1e-12)


def test_where_no_path_is_known_pixels_stay() -> None:
    """A curve through the points means nothing before the first and after the last of them."""
    rig = ring(4, image_size=(1280, 960), jitter=1.0, seed=2)
    tracks, _ = late_tracks(np.zeros((4, 120)))
    alone = np.array(tracks.pixels)
    alone[1:, :40] = alone[1:, 90:] = np.nan
    alone[:, 60:65] = np.nan
    nodes = np.arange(120) / tracks.fps
    late = replace(tracks, pixels=alone, times_s=nodes + np.full((4, 1), 0.5 / tracks.fps))
    points = triangulate(late, rig)
    for raw in (True, False):
        moved = at_frame_times(late, points, rig, raw=raw).pixels
        np.testing.assert_array_equal(moved[0, :40], alone[0, :40])
        np.testing.assert_array_equal(moved[0, 90:], alone[0, 90:])
        np.testing.assert_array_equal(np.isnan(moved), np.isnan(alone))
        off_px = np.linalg.norm(moved - alone, axis=-1)[:, 45:85]
        assert 0.3 < np.nanmedian(off_px) < 20.0  # half a frame of a moving chain
