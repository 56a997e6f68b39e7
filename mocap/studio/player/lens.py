"""Where rays of a camera end in its image, as a table: true for every lens there is a model of.

The page draws bodies through the lens of a camera. It has no formula of a lens: it looks up where
`Camera.project` puts the rays of a regular grid and interpolates with cubics (Catmull and Rom),
whose error falls with the third power of the step.

The grid is regular in angles: a ray (x, y, z) at an angle t = atan2(r, z) from the axis, with
r = hypot(x, y), lies at (x, y) t / r. There a fisheye is nearly linear to its rim, where a grid on
a plane before the camera would have to reach to infinity.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mocap.core import transform
from mocap.core.camera import Camera
from mocap.core.shapes import FloatArray

NODES = 65
"""Nodes a side: on the sample's and the real rigs the table is within 0.02 px of the lens."""

# The table reaches so far beyond the image, as a share of its size: bodies half out of the picture
# are drawn to its edge, and cubics need a node on each side.
_BEYOND = 0.12
_EDGE_POINTS = 33


@dataclass(frozen=True, eq=False)
class LensTable:
    """Pixels of rays by their angles from the axis of a camera.

    Attributes:
        low, step: (2,) first node and distance of nodes, radians, x right and y down.
        pixels: (y node, x node, 2); NaN where the lens folds over itself or sees nothing.
    """

    low: FloatArray
    step: FloatArray
    pixels: FloatArray


def lens_table(camera: Camera) -> LensTable:
    """Return the table of a camera."""
    width, height = camera.image_size
    side = np.linspace(0.0, 1.0, _EDGE_POINTS)
    x = np.concatenate([side, side, np.zeros_like(side), np.ones_like(side)]) * width - 0.5
    y = np.concatenate([np.zeros_like(side), np.ones_like(side), side, side]) * height - 0.5
    plane = camera.undistort(np.stack([x, y], axis=-1))
    rays = angles_of(np.concatenate([plane, np.ones((len(plane), 1))], axis=1))
    low, high = np.nanmin(rays, axis=0), np.nanmax(rays, axis=0)
    pad = _BEYOND * (high - low)
    low, high = low - pad, high + pad
    nodes = [np.linspace(low[axis], high[axis], NODES) for axis in range(2)]
    a, b = np.meshgrid(nodes[0], nodes[1])
    angle = np.hypot(a, b)
    # sin(t) / t, which is 1 on the axis.
    across = np.sinc(angle / np.pi)
    ray = np.stack([across * a, across * b, np.cos(angle)], axis=-1)
    world = transform.apply(transform.invert(camera.camera_from_world), ray.reshape(-1, 3))
    pixels = camera.project(world).reshape(NODES, NODES, 2)
    return LensTable(low, (high - low) / (NODES - 1), _unfolded(pixels))


def angles_of(rays: FloatArray) -> FloatArray:
    """Return the angles (..., 2) of rays (..., 3) from the axis, along x and y."""
    radius = np.hypot(rays[..., 0], rays[..., 1])
    angle = np.arctan2(radius, rays[..., 2])
    scale = np.divide(angle, radius, out=np.ones_like(radius), where=radius > 1e-12)
    return np.asarray(rays[..., :2] * scale[..., None])


def _unfolded(pixels: FloatArray) -> FloatArray:
    """Return pixels without nodes where the image runs backwards: such a ray is not seen there."""
    across = np.gradient(pixels, axis=1)
    down = np.gradient(pixels, axis=0)
    area = across[..., 0] * down[..., 1] - across[..., 1] * down[..., 0]
    return np.where((area > 0.0)[..., None], pixels, np.nan)
