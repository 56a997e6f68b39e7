"""One view of a flat board: homography, focal length and the two poses that explain it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mocap.calibrate.views import BoardViews
from mocap.core.camera import LENS_NUMBERS
from mocap.core.lens import STANDARD, undistort_points
from mocap.core.shapes import BoolArray, FloatArray, IntArray

# A homography knows no lens distortion: at a corner of a board that fills the image a webcam lens
# bends by some pixels. Tolerance of RANSAC as a share of the longer image side (5 px at 1280).
HOMOGRAPHY_TOLERANCE = 0.004
# With fewer corners RANSAC has nothing to vote with.
MIN_CORNERS_FOR_HOMOGRAPHY = 6
# Focal lengths outside this many image sides are no photographic lens (2 to 118 degrees wide).
FOCAL_RANGE = (0.3, 30.0)
# Focal length assumed, in longer image sides, when no view is tilted enough to tell.
DEFAULT_FOCAL = 1.0


@dataclass(frozen=True, eq=False)
class Homographies:
    """RANSAC homographies of views.

    Attributes:
        view: (k,) view indices that have one.
        matrix: (k, 3, 3) board metres -> (pixel - image centre) / longer image side.
        inlier: (n,) observations that agree with the homography of their view.
    """

    view: IntArray
    matrix: FloatArray
    inlier: BoolArray


@dataclass(frozen=True, eq=False)
class PlanarPoses:
    """Board poses from single views: view (k,), camera_from_board (k, 4, 4).

    Of several boards on one body it is the pose of the body, once it is known how they stand on it.

    A plane seen in perspective has two poses of nearly equal error; both are listed, the better
    first, so a view appears once or twice.
    """

    view: IntArray
    camera_from_board: FloatArray

    def best(self) -> PlanarPoses:
        """Return only the better pose of each view."""
        _, first = np.unique(self.view, return_index=True)
        return PlanarPoses(self.view[first], self.camera_from_board[first])


def image_scales(views: BoardViews) -> tuple[FloatArray, FloatArray]:
    """Return image centres (camera, 2) and longer image sides (camera,) in pixels."""
    sizes = np.array(views.image_sizes, dtype=np.float64)
    return (sizes - 1.0) / 2.0, sizes.max(axis=1)


def homographies(views: BoardViews) -> Homographies:
    """Return a robust homography for every view with enough corners."""
    import cv2

    arrays = views.arrays
    centers, sides = image_scales(views)
    camera = np.repeat(arrays.view_camera, views.view_corner_count)
    image = (arrays.pixels - centers[camera]) / sides[camera, None]
    board = arrays.board_xy[arrays.corner]
    inlier = np.zeros(len(image), dtype=bool)
    found: list[int] = []
    matrices: list[FloatArray] = []
    for view in np.flatnonzero(views.view_corner_count >= MIN_CORNERS_FOR_HOMOGRAPHY):
        part = slice(arrays.view_start[view], arrays.view_start[view + 1])
        matrix, mask = cv2.findHomography(
            board[part], image[part], cv2.RANSAC, HOMOGRAPHY_TOLERANCE
        )
        if matrix is None or mask.sum() < MIN_CORNERS_FOR_HOMOGRAPHY:
            continue
        found.append(int(view))
        matrices.append(matrix)
        inlier[part] = mask.ravel() > 0
    return Homographies(
        np.array(found, dtype=np.int64), np.array(matrices).reshape(-1, 3, 3), inlier
    )


def initial_lenses(views: BoardViews, found: Homographies) -> tuple[FloatArray, BoolArray]:
    """Return first lenses (camera, 13) without distortion, and which focal lengths were assumed.

    Each homography gives 1/f² in closed form from the two equations of Zhang (2000) with the
    principal point at the image centre; the weighted median over views ignores the views that a
    wrong corner or a missing tilt has spoilt.
    """
    centers, sides = image_scales(views)
    h1, h2 = found.matrix[:, :, 0], found.matrix[:, :, 1]
    norm = np.linalg.norm(h1, axis=1) * np.linalg.norm(h2, axis=1)
    in_plane = [h1[:, 0] * h2[:, 0] + h1[:, 1] * h2[:, 1]]
    in_plane.append(0.5 * (h1[:, 0] ** 2 + h1[:, 1] ** 2 - h2[:, 0] ** 2 - h2[:, 1] ** 2))
    in_depth = [-h1[:, 2] * h2[:, 2], -0.5 * (h1[:, 2] ** 2 - h2[:, 2] ** 2)]
    a, b = np.stack(in_plane) / norm, np.stack(in_depth) / norm
    squares = np.sum(a * a, axis=0)
    inverse_square = np.sum(a * b, axis=0) / np.where(squares > 0, squares, 1.0)
    usable = inverse_square > 1.0 / FOCAL_RANGE[1] ** 2
    usable &= inverse_square < 1.0 / FOCAL_RANGE[0] ** 2
    focal = 1.0 / np.sqrt(np.where(usable, inverse_square, 1.0))
    weight = np.linalg.norm(b, axis=0)
    camera_of_view = views.arrays.view_camera[found.view]
    lens = np.zeros((len(sides), LENS_NUMBERS))
    assumed = np.zeros(len(sides), dtype=bool)
    for camera, side in enumerate(sides):
        mine = usable & (camera_of_view == camera)
        assumed[camera] = not mine.any()
        value = DEFAULT_FOCAL if assumed[camera] else weighted_median(focal[mine], weight[mine])
        lens[camera, :2] = value * side
        lens[camera, 2:4] = centers[camera]
    return lens, assumed


def weighted_median(values: FloatArray, weights: FloatArray) -> float:
    """Return the value at which half of the weight is reached."""
    order = np.argsort(values)
    cumulated = np.cumsum(weights[order])
    return float(values[order][np.searchsorted(cumulated, cumulated[-1] / 2)])


def planar_poses(views: BoardViews, lens: FloatArray, found: Homographies) -> PlanarPoses:
    """Return both poses of every view that has a homography, from its inlying corners.

    Infinitesimal plane-based pose estimation (Collins & Bartoli 2014), OpenCV's implementation.
    """
    import cv2

    arrays = views.arrays
    view_of_pose: list[int] = []
    rotation_vectors: list[FloatArray] = []
    translations: list[FloatArray] = []
    for view in found.view:
        part = slice(arrays.view_start[view], arrays.view_start[view + 1])
        keep = found.inlier[part]
        board = np.zeros((int(keep.sum()), 3))
        board[:, :2] = arrays.board_xy[arrays.corner[part][keep]]
        k = lens[arrays.view_camera[view]]
        matrix = np.array([[k[0], 0.0, k[2]], [0.0, k[1], k[3]], [0.0, 0.0, 1.0]])
        pixels, coefficients = arrays.pixels[part][keep], k[4:9]
        if k[12] != STANDARD:
            pixels, matrix, coefficients = _rays(k, pixels), np.eye(3), np.zeros(5)
            if not np.isfinite(pixels).all():
                continue
        solved, vectors, shifts, _ = cv2.solvePnPGeneric(
            board, pixels, matrix, coefficients, flags=cv2.SOLVEPNP_IPPE
        )
        for vector, shift in zip(vectors, shifts, strict=True) if solved else ():
            if np.isfinite(vector).all() and shift[2, 0] > 0:
                view_of_pose.append(int(view))
                rotation_vectors.append(vector.ravel())
                translations.append(shift.ravel())
    index = np.array(view_of_pose, dtype=np.int64)
    pose = _poses(np.array(rotation_vectors).reshape(-1, 3), np.array(translations).reshape(-1, 3))
    # IPPE solved for corners in the plane z = 0; the back of a thick board lies at its offset.
    pose[:, :3, 3] -= pose[:, :3, 2] * arrays.view_offset_m[index][:, None]
    pose = pose @ arrays.board_from_body[arrays.view_board[index]]
    return PlanarPoses(index, pose)


def _rays(lens: FloatArray, pixels: FloatArray) -> FloatArray:
    """Return x/z, y/z (n, 2) of pixels (n, 2)."""
    vector = np.concatenate([np.zeros(6), lens])[None]
    out = np.zeros((1, len(pixels), 2))
    undistort_points(vector, np.ascontiguousarray(pixels[None]), out)
    return np.asarray(out[0])


def _poses(rotation_vectors: FloatArray, translations: FloatArray) -> FloatArray:
    """Return transforms (n, 4, 4)."""
    from mocap.core.rotation import matrix_from_rotvec
    from mocap.core.transform import rigid

    return rigid(matrix_from_rotvec(rotation_vectors), translations)
