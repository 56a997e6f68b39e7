"""Board views: all corners of all cameras packed frame by frame for the numeric kernels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from mocap.core.board import Board
from mocap.core.detections import Corners
from mocap.core.errors import CalibrationError
from mocap.core.shapes import Array, BoolArray, FloatArray, IntArray

# A planar pose has six unknowns: four corners (eight numbers) are the least that fix it.
MIN_CORNERS_PER_VIEW = 4
# Corners of a view must spread over both board directions by more than this many squares (standard
# deviation): one row of corners leaves the tilt about that row unknown.
MIN_SPREAD_SQUARES = 0.4
# Frames of a camera that are looked at to tell whether its video is mirrored.
MIRROR_FRAMES = 30


class ViewArrays(NamedTuple):
    """Flat arrays the kernels read: frames hold views, views hold corner observations.

    frame_start (frame + 1) indexes views, view_start (view + 1) indexes observations;
    view_camera, view_offset_m, view_board (view); corner (n) indexes board_xy (corner, 2) m and
    body_xyz (corner, 3) m; pixels (n, 2). `view_offset_m` is the height of the printed face seen by
    a view in the board frame. `board_xy` are corners in the frame of their own board, `body_xyz` in
    that of the body which carries the boards, `board_from_body` (board, 4, 4); a single board is
    its own body.
    """

    frame_start: IntArray
    view_start: IntArray
    view_camera: IntArray
    view_offset_m: FloatArray
    corner: IntArray
    pixels: FloatArray
    board_xy: FloatArray
    body_xyz: FloatArray
    view_board: IntArray
    board_from_body: FloatArray


@dataclass(frozen=True, eq=False)
class BoardViews:
    """Usable views of one board by a rig.

    Attributes:
        camera_names: in rig order.
        image_sizes: (width, height) of each camera.
        frames: (frame,) frame numbers of the recording, ascending.
        arrays: the packed observations.
    """

    camera_names: tuple[str, ...]
    image_sizes: tuple[tuple[int, int], ...]
    frames: IntArray
    arrays: ViewArrays

    @property
    def frame_count(self) -> int:
        """Number of frames with at least one usable view."""
        return len(self.frames)

    @property
    def view_count(self) -> int:
        """Number of views."""
        return len(self.arrays.view_camera)

    @property
    def view_frame(self) -> IntArray:
        """Index into `frames` of each view."""
        return np.repeat(np.arange(self.frame_count), np.diff(self.arrays.frame_start))

    @property
    def view_corner_count(self) -> IntArray:
        """Number of corners of each view."""
        return np.diff(self.arrays.view_start)

    @property
    def observation_view(self) -> IntArray:
        """View of each observation."""
        return np.repeat(np.arange(self.view_count), self.view_corner_count)

    def frames_per_camera(self) -> IntArray:
        """Return in how many frames each camera has a view."""
        names = len(self.camera_names)
        key = np.unique(self.view_frame * names + self.arrays.view_camera)
        return np.bincount(key % names, minlength=names)

    def keep_views(self, keep: BoolArray) -> BoardViews:
        """Return only the views marked in `keep` (view,); frames left without a view go too."""
        per_frame = np.bincount(self.view_frame, weights=keep, minlength=self.frame_count)
        frames = per_frame > 0
        counts = per_frame[frames].astype(np.int64)
        return self.regroup(np.flatnonzero(keep), counts, self.frames[frames])

    def regroup(self, view: IntArray, per_frame: IntArray, frames: IntArray) -> BoardViews:
        """Return the listed views, `per_frame` (frame,) of them to each frame in turn.

        A view may be listed more than once: then each copy belongs to a frame of its own, which is
        how alternatives of one frame are compared.
        """
        arrays = self.arrays
        count = self.view_corner_count[view]
        view_start = _starts(count)
        first = np.repeat(arrays.view_start[view] - view_start[:-1], count)
        observation = first + np.arange(view_start[-1])
        taken = arrays._replace(
            frame_start=_starts(per_frame),
            view_start=view_start,
            view_camera=arrays.view_camera[view],
            view_offset_m=arrays.view_offset_m[view],
            view_board=arrays.view_board[view],
            corner=arrays.corner[observation],
            pixels=np.ascontiguousarray(arrays.pixels[observation]),
        )
        return BoardViews(self.camera_names, self.image_sizes, frames, taken)

    def keep_frames(self, keep: BoolArray) -> BoardViews:
        """Return only the frames marked in `keep` (frame,)."""
        return self.keep_views(keep[self.view_frame])


def pack_views(corners: Sequence[Corners], board: Board) -> BoardViews:
    """Pack the corners of all cameras; drop views too small to carry a pose.

    Views with fewer than four corners or with corners on one line are left out. A view that shows
    the board mirrored is of its back: its corners lie `thickness_m` behind the front's.

    Raises:
        CalibrationError: a corner id that the board does not have.
    """
    camera = np.repeat(np.arange(len(corners)), [len(c.frame) for c in corners])
    frame = np.concatenate([np.asarray(c.frame, dtype=np.int64) for c in corners])
    corner = np.concatenate([np.asarray(c.corner_id, dtype=np.int64) for c in corners])
    pixels = np.concatenate([np.asarray(c.pixels, dtype=np.float64) for c in corners])
    _check_ids(corners, camera, corner, board)
    key = (frame * len(corners) + camera) * board.corner_count + corner
    # `unique` sorts by frame, then camera, then corner, and keeps one of a repeated corner.
    _, order = np.unique(key, return_index=True)
    order = order[np.isfinite(pixels[order]).all(axis=1)]
    camera, frame, corner, pixels = camera[order], frame[order], corner[order], pixels[order]
    points = board.corner_points()[:, :2]
    seen_board = corner // board.corners_of_one
    view_key = (frame * len(corners) + camera) * board.count + seen_board
    starts = np.flatnonzero(np.diff(view_key, prepend=-1))
    view_start = np.append(starts, len(view_key))
    good, mirrored = _judge_views(points[corner], pixels, view_start, board.square_length_m)
    frames, per_frame = np.unique(frame[starts], return_counts=True)
    flat = np.ascontiguousarray(points)
    arrays = ViewArrays(
        frame_start=_starts(per_frame),
        view_start=view_start,
        view_camera=camera[starts],
        view_offset_m=np.where(mirrored, board.thickness_m, 0.0),
        corner=corner,
        pixels=np.ascontiguousarray(pixels),
        board_xy=flat,
        body_xyz=np.column_stack([flat, np.zeros(len(flat))]),
        view_board=seen_board[starts],
        board_from_body=np.tile(np.eye(4), (board.count, 1, 1)),
    )
    names = tuple(c.camera for c in corners)
    sizes = tuple(c.image_size for c in corners)
    return BoardViews(names, sizes, frames, arrays).keep_views(good)


def mirrored_share(corners: Sequence[Corners], board: Board) -> FloatArray:
    """Return per camera (camera,) the share of its views that show the board mirrored.

    A video is mirrored as a whole: the corners of some frames, evenly spread, tell it.
    """
    thick = replace(board, thickness_m=1.0)
    share = []
    for each in corners:
        stride = max(len(np.unique(each.frame)) // MIRROR_FRAMES, 1)
        rank = np.cumsum(np.diff(each.frame, prepend=-1) != 0)
        some = rank % stride == 0
        each = replace(
            each,
            frame=each.frame[some],
            corner_id=each.corner_id[some],
            pixels=each.pixels[some],
        )
        offset = pack_views([each], thick).arrays.view_offset_m
        share.append(float(np.mean(offset > 0.0)) if len(offset) else np.nan)
    return np.array(share)


def _check_ids(corners: Sequence[Corners], camera: IntArray, ids: IntArray, board: Board) -> None:
    """Refuse corner ids that do not exist on the board."""
    wrong = np.flatnonzero((ids < 0) | (ids >= board.corner_count))
    if len(wrong):
        name = corners[int(camera[wrong[0]])].camera
        raise CalibrationError(
            f"camera '{name}' has corner id {ids[wrong[0]]}, but board '{board.name}' "
            f"({board.columns} x {board.rows} squares) ends at {board.corner_count - 1}. "
            "Check that columns and rows of the board are not swapped."
        )


def _judge_views(
    points: FloatArray, pixels: FloatArray, view_start: IntArray, square_m: float
) -> tuple[BoolArray, BoolArray]:
    """Return which views (view,) can carry a pose, and which see the board mirrored."""
    if len(view_start) == 1:
        return np.zeros(0, dtype=bool), np.zeros(0, dtype=bool)
    count = np.diff(view_start)

    def mean(values: Array) -> FloatArray:
        sums = np.add.reduceat(values, view_start[:-1], axis=0)
        return np.asarray(sums / count.reshape(-1, *[1] * (values.ndim - 1)))

    a = points - np.repeat(mean(points), count, axis=0)
    b = pixels - np.repeat(mean(pixels), count, axis=0)
    spread = mean(a[:, :, None] * a[:, None, :])
    smallest = np.sqrt(np.maximum(np.linalg.eigvalsh(spread)[:, 0], 0.0))
    good = (count >= MIN_CORNERS_PER_VIEW) & (smallest > MIN_SPREAD_SQUARES * square_m)
    # The linear map board -> image is cross @ spread^-1; only the sign of its determinant matters.
    mirrored = np.linalg.det(mean(b[:, :, None] * a[:, None, :])) < 0
    return good, mirrored


def _starts(counts: IntArray) -> IntArray:
    """Return start offsets (n + 1) of groups of the given sizes."""
    return np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
