"""Turn heat maps into keypoints: argmax with a quarter step, DARK, and the mirror average.

Heat maps are (joint, height, width); positions are (joint, 2) x y in heat-map pixels.
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from mocap.core.shapes import Array, FloatArray, IntArray

_LEAST_VALUE = 1e-10
"""Keeps the logarithm of an empty heat map finite."""


def peaks(heatmaps: Array) -> tuple[IntArray, FloatArray]:
    """Return the highest pixel (joint, 2) of each heat map and its value (joint,)."""
    joints, _, width = heatmaps.shape
    flat = heatmaps.reshape(joints, -1)
    best = flat.argmax(axis=1)
    position = np.column_stack([best % width, best // width]).astype(np.int64)
    return position, flat[np.arange(joints), best].astype(np.float64)


def quarter_step(heatmaps: Array) -> tuple[FloatArray, FloatArray]:
    """Return each peak moved a quarter pixel towards its higher neighbour, and its value.

    Newell, Yang and Deng, "Stacked Hourglass Networks", ECCV 2016: undoes most of the rounding.
    """
    position, value = peaks(heatmaps)
    gradient, _ = _derivatives(heatmaps, position)
    moved = position.astype(np.float64) + 0.25 * np.sign(gradient)
    return moved, value


def dark(heatmaps: Array, blur_px: int) -> tuple[FloatArray, FloatArray]:
    """Return each peak refined to the maximum of a Gaussian, and the value of the peak.

    Zhang, Zhu, Dai, Ye and Zhu, "Distribution-Aware Coordinate Representation", CVPR 2020: the
    logarithm of a Gaussian is a parabola, so one Newton step from the peak reaches its centre.

    Args:
        heatmaps: (joint, height, width).
        blur_px: odd size of the Gaussian kernel: 11 for maps trained with sigma 2, 17 for sigma 3.
    """
    position, value = peaks(heatmaps)
    smooth = np.stack([_blurred(each, blur_px) for each in heatmaps.astype(np.float64)])
    gradient, hessian = _derivatives(np.log(np.maximum(smooth, _LEAST_VALUE)), position)
    # Where the map is not a hill, the step would lead away from the peak: stay.
    hill = (np.linalg.det(hessian) > 0) & (hessian[:, 0, 0] < 0)
    safe = np.where(hill[:, None, None], hessian, -np.eye(2))
    step = -np.linalg.solve(safe, gradient[..., None])[..., 0]
    return position.astype(np.float64) + np.where(hill[:, None], np.clip(step, -1, 1), 0.0), value


def mirror_average(
    heatmaps: Array, of_mirrored_image: Array, mirror: Sequence[int], *, shift: bool
) -> Array:
    """Average heat maps with those of the mirrored image, mirrored back.

    Args:
        heatmaps: (joint, height, width) of the image.
        of_mirrored_image: the same for its mirror image.
        mirror: for each joint the index of the joint on the other side.
        shift: move the mirrored maps right by a pixel. Needed unless the network was trained with
            unbiased coordinates (UDP): map pixel i stands for input 4 i, mirrored for 4 i + 3.
    """
    return np.asarray((heatmaps + turned_back(of_mirrored_image, mirror, shift=shift)) / 2)


def turned_back(of_mirrored_image: Array, mirror: Sequence[int], *, shift: bool) -> Array:
    """Return the heat maps of a mirrored image as those of the image; see `mirror_average`."""
    back = of_mirrored_image[list(mirror), :, ::-1]
    if shift:
        back = np.concatenate([back[:, :, :1], back[:, :, :-1]], axis=2)
    return np.asarray(back)


def _blurred(heatmap: FloatArray, size: int) -> FloatArray:
    """Smooth a map and give it its former height again."""
    smooth = cv2.GaussianBlur(heatmap, (size, size), 0, borderType=cv2.BORDER_CONSTANT)
    highest = smooth.max()
    return np.asarray(smooth * (heatmap.max() / highest) if highest > 0 else smooth)


def _derivatives(maps: Array, position: IntArray) -> tuple[FloatArray, FloatArray]:
    """Return gradient (joint, 2) and Hessian (joint, 2, 2) by differences; 0 at the border."""
    joints, height, width = maps.shape
    joint = np.arange(joints)
    x, y = position.T
    inside = (x > 0) & (x < width - 1) & (y > 0) & (y < height - 1)
    x, y = np.clip(x, 1, width - 2), np.clip(y, 1, height - 2)

    def at(dx: int, dy: int) -> FloatArray:
        return maps[joint, y + dy, x + dx].astype(np.float64)

    gradient = np.column_stack([at(1, 0) - at(-1, 0), at(0, 1) - at(0, -1)]) / 2
    xx = at(1, 0) - 2 * at(0, 0) + at(-1, 0)
    yy = at(0, 1) - 2 * at(0, 0) + at(0, -1)
    xy = (at(1, 1) - at(-1, 1) - at(1, -1) + at(-1, -1)) / 4
    hessian = np.stack([np.stack([xx, xy], axis=-1), np.stack([xy, yy], axis=-1)], axis=-2)
    return gradient * inside[:, None], hessian * inside[:, None, None]
