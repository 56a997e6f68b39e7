"""How late each camera is, in frames: board shift in the image against board speed in the image."""

from __future__ import annotations

import numpy as np

from mocap.calibrate.adjust import RigState, residuals
from mocap.calibrate.planar import weighted_median
from mocap.calibrate.refine import group_median
from mocap.calibrate.views import BoardViews
from mocap.core.shapes import FloatArray

# Board poses further apart than this many frames say nothing about the speed between them.
MAX_NEIGHBOUR_GAP = 6
# Slower boards hide a time offset in the noise.
MIN_SPEED_PX = 2.0
MIN_VIEWS = 8


def time_offsets_frames(views: BoardViews, state: RigState) -> FloatArray:
    """Return per camera (camera,) how many frames its images are older than the others'.

    Positive: the camera shows the board where it was that many frames ago. NaN where the board
    moved too little to tell. A camera a frame late leaves residuals r = -v * offset along the
    image velocity v of the board; the offset is the weighted median of -r.v / v.v over views,
    which a few stale frames do not move. Boards seen by one camera alone cannot tell and are left
    out.
    """
    velocity = _view_velocities(views, state)
    errors = np.nan_to_num(residuals(views, state), nan=0.0)
    shift = np.stack([group_median(c, views.arrays.view_start) for c in errors.T], axis=1)
    speed = np.linalg.norm(velocity, axis=1)
    shared = np.diff(views.arrays.frame_start)[views.view_frame] > 1
    usable = shared & (speed > MIN_SPEED_PX)
    offsets = np.full(len(views.camera_names), np.nan)
    for camera in range(len(offsets)):
        mine = usable & (views.arrays.view_camera == camera)
        if mine.sum() >= MIN_VIEWS:
            ratio = -np.sum(shift[mine] * velocity[mine], axis=1) / speed[mine] ** 2
            offsets[camera] = weighted_median(ratio, speed[mine])
    return offsets


def _view_velocities(views: BoardViews, state: RigState) -> FloatArray:
    """Return the image velocity (view, 2) of the board centre in pixels per frame; 0 if unknown."""
    middle = np.append(views.arrays.body_xyz.mean(axis=0), 1.0)
    centers = (state.world_from_board @ middle)[:, :3]
    frames = views.frames.astype(np.float64)
    motion = np.zeros_like(centers)
    gap = frames[2:] - frames[:-2]
    near = (gap > 0) & (gap <= MAX_NEIGHBOUR_GAP)
    motion[1:-1][near] = (centers[2:] - centers[:-2])[near] / gap[near, None]
    index, camera = views.view_frame, views.arrays.view_camera
    pose = state.camera_from_world[camera]
    point = np.einsum("vij,vj->vi", pose[:, :3, :3], centers[index]) + pose[:, :3, 3]
    change = np.einsum("vij,vj->vi", pose[:, :3, :3], motion[index])
    # Derivative of the pinhole projection; lens distortion changes speeds by some percent only.
    speed = change[:, :2] - point[:, :2] / point[:, 2:] * change[:, 2:]
    return np.asarray(state.lens[camera, :2] * speed / point[:, 2:])
