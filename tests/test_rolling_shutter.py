"""Rolling shutters: which row of the sensor a pixel is of, and what its own time is worth."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from mocap.calibrate.retime import unrolled
from mocap.capture.boards import load_board
from mocap.core.clocks import lateness_of, mapped_rows, recorded_clocks, row_lateness
from mocap.core.detections import Detections2D, Tracks2D
from mocap.core.points import Points3D
from mocap.core.shapes import FloatArray
from mocap.reconstruct.associate import associate
from mocap.reconstruct.common_clock import on_common_clock
from mocap.reconstruct.exact_time import at_frame_times, has_lateness
from mocap.reconstruct.triangulate import triangulate
from mocap.sync.people import sync_people
from mocap.synthetic.boards import observe_board, wave_board
from mocap.synthetic.hand_started import hand_started, script
from mocap.synthetic.rigs import laboratory, ring

READOUT_S = 0.016


@pytest.mark.parametrize("turns", range(4))
def test_a_turned_image_keeps_the_rows_of_its_sensor(turns: int) -> None:
    height, width = 6, 10
    rows = np.repeat(np.arange(height)[:, None], width, axis=1)
    shown = np.rot90(rows, turns)
    late = row_lateness(READOUT_S, shown.shape[::-1], 90 * turns)
    y, x = np.mgrid[: shown.shape[0], : shown.shape[1]]
    found = lateness_of(late, np.stack([x, y], axis=-1))
    # The formula of the module, row by row; both are sums of doubles near 0.01 s.
    np.testing.assert_allclose(found, READOUT_S * ((shown + 0.5) / height - 0.5), atol=1e-15)


def test_rows_go_with_their_pixels_into_other_pixels() -> None:
    late = row_lateness(READOUT_S, (1280, 720), 90)
    new_from_old = np.array([[0.5, 0.0, 30.0], [0.0, 0.5, -8.0]])
    pixels = np.array([[0.0, 0.0], [640.0, 360.0], [1279.0, 719.0]])
    there = pixels @ new_from_old[:, :2].T + new_from_old[:, 2]
    np.testing.assert_allclose(
        lateness_of(mapped_rows(late, new_from_old), there), lateness_of(late, pixels), atol=1e-15
    )


def rolling_rows(rig_size: tuple[int, int]) -> list[FloatArray]:
    """Return the rows of four phones: two upright, one on its head, one read at once."""
    kinds = ((0.016, 0), (0.016, 90), (0.010, 180), (0.0, 0))
    return [row_lateness(readout_s, rig_size, turned) for readout_s, turned in kinds]


def test_a_keypoint_counts_at_the_time_of_its_row() -> None:
    rig = laboratory(seed=3, count=4)
    rows = rolling_rows(rig.cameras[0].image_size)
    fps = 60.0
    take = hand_started(
        script("walk", 5.0, 3), rig, fps=fps, length_s=2.0, start_s=(1.0,) * 4, rows=rows,
        noise_px=0.0, outliers=0.0, missing=0.0,
    )  # fmt: skip
    seen = take.detections
    tracks = Tracks2D(
        seen.camera_names, seen.keypoint_names, (0,), fps, seen.pixels, seen.confidence,
        seen.times_s, seen.row_lateness,
    )  # fmt: skip
    true = take.motion(1.0 + np.arange(tracks.pixels.shape[1]) / fps)
    assert has_lateness(tracks)
    points = triangulate(tracks, rig)
    exact = replace_xyz(points, true)
    even = at_frame_times(tracks, exact, rig)
    assert not has_lateness(even)
    off = np.linalg.norm(even.pixels[:, :, 0] - rig.project(true), axis=-1)
    moved = np.linalg.norm(tracks.pixels[:, :, 0] - rig.project(true), axis=-1)
    # The same formula both ways. A heel that is stopped at 100 m/s² within a frame leaves a spline
    # of the frames by up to a dt²/8, 3.5 mm or 0.7 px of this rig; elsewhere they agree to 0.01 px.
    off = off[:, 2:-2]
    assert np.nanmedian(off) < 0.01 and np.nanmax(off) < 0.7 and np.nanmax(moved) > 5.0
    # One round of triangulated points leaves a tenth of what the rows move a foot by, at most.
    late_mm = 1e3 * np.linalg.norm(points.xyz[3:-3, 0] - true[3:-3], axis=-1)
    ignored = triangulate(replace(tracks, row_lateness=np.zeros((4, 3))), rig)
    plain_mm = 1e3 * np.linalg.norm(ignored.xyz[3:-3, 0] - true[3:-3], axis=-1)
    assert np.nanpercentile(late_mm, 98) < 0.2 * np.nanpercentile(plain_mm, 98)


def replace_xyz(points: Points3D, xyz: FloatArray) -> Points3D:
    return replace(points, xyz=xyz[:, None])


def test_association_hands_the_rows_on_in_pixels_of_the_calibration() -> None:
    rig = laboratory(seed=3, count=4)
    rows = rolling_rows(rig.cameras[0].image_size)
    take = hand_started(
        script("walk", 4.0, 3), rig, fps=30.0, length_s=1.0, start_s=(1.0,) * 4, rows=rows
    )
    synced, _ = on_common_clock(take.detections, recorded_clocks(rig.names))
    half = np.array([[0.5, 0.0, -0.25], [0.0, 0.5, -0.25]])
    small = scaled(synced, half)
    back = np.array([[2.0, 0.0, 0.5], [0.0, 2.0, 0.5]])
    tracks = associate(small, rig, image_maps=dict.fromkeys(rig.names, back))
    np.testing.assert_allclose(tracks.row_lateness, np.stack(rows), atol=1e-12)
    assert tracks.part(slice(2, 9)).row_lateness.shape == (4, 3)


def scaled(detections: Detections2D, matrix: FloatArray) -> Detections2D:
    rows = np.stack([mapped_rows(each, matrix) for each in detections.row_lateness])
    pixels = detections.pixels @ matrix[:, :2].T + matrix[:, 2]
    return replace(detections, pixels=pixels, row_lateness=rows)


def test_clocks_are_compared_at_the_times_of_rows() -> None:
    rig = laboratory(seed=8, count=4)
    rows = rolling_rows(rig.cameras[0].image_size)
    start = (0.0, 1.3, 0.4, 2.1)
    take = hand_started(
        script("walk", 20.0, 8), rig, fps=60.0, length_s=14.0, start_s=start, rows=rows, seed=8
    )
    found = sync_people(take.detections, rig)
    blind = replace(take.detections, row_lateness=np.zeros((4, 3)))
    error = [abs(c.offset_s - s) for c, s in zip(found.clocks.cameras, start, strict=True)]
    # As without rolling shutters: within three of the standard deviations given, of 0.2 ms and up.
    sigma = [max(c.sigma_s, 2e-4) for c in found.clocks.cameras]
    assert np.all(np.array(error) < 3.0 * np.array(sigma)) and max(error) < 2e-3
    # Not knowing it, somebody who walks sideways in a portrait image shifts its clock.
    ignored = sync_people(blind, rig)
    wrong = [abs(c.offset_s - s) for c, s in zip(ignored.clocks.cameras, start, strict=True)]
    assert max(wrong) > 2.0 * max(error)


def test_corners_of_a_waved_board_are_where_they_were_at_one_instant() -> None:
    board, rig = load_board("a1_5x7"), ring(2, seed=3)
    fps, camera = 30.0, rig.cameras[0].name
    # The first four seconds of forty: the whole tour of the rig takes as long as it is asked to.
    count = 120
    poses = wave_board(rig, board, 10 * count * 8, fps=fps * 8, seed=3)[: count * 8]
    rows = row_lateness(READOUT_S, rig.cameras[0].image_size, 180)
    # The board an eighth of a frame before, at, and after every image: a parabola in between.
    near = [
        observe_board(rig.subset([camera]), board, poses[shift::8][:count], noise_px=0.0)[0]
        for shift in (3, 4, 5)
    ]
    step_s = 1.0 / (8 * fps)
    common = set.intersection(*(set(zip(c.frame, c.corner_id, strict=True)) for c in near))
    kept = [[(f, i) in common for f, i in zip(c.frame, c.corner_id, strict=True)] for c in near]
    before, at, after = (c.pixels[k] for c, k in zip(near, kept, strict=True))
    rolled = at
    for _ in range(5):
        u = (lateness_of(rows, rolled) / step_s)[:, None]
        rolled = at + 0.5 * u * (after - before) + 0.5 * u**2 * (after - 2.0 * at + before)
    seen = replace(
        near[1], frame=near[1].frame[kept[1]], corner_id=near[1].corner_id[kept[1]], pixels=rolled
    )
    times = np.arange(count) / fps
    even = unrolled(seen, times, rows)
    place = {(f, i): k for k, (f, i) in enumerate(zip(seen.frame, seen.corner_id, strict=True))}
    order = [place[key] for key in zip(even.frame, even.corner_id, strict=True)]
    off = np.linalg.norm(even.pixels - at[order], axis=1)
    moved = np.linalg.norm(rolled - at, axis=1)
    # A hand waves a board by 0.3 m at 0.5 Hz: its third derivative is 9 m/s³, and a parabola of
    # frames dt apart misses by a sixth of it times dt² r, 0.02 mm or 0.01 px. Close to the camera
    # it is quicker; there a tenth of what the rows move it by is left.
    assert np.median(off) < 0.01
    assert np.percentile(off, 95) < 0.1 * np.percentile(moved, 95) > 0.1
    assert len(even.frame) > 0.95 * len(seen.frame)
    assert unrolled(seen, times, np.zeros(3)) is seen
