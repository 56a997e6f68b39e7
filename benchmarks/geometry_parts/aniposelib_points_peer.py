"""Triangulate and smooth with aniposelib in a process of its own: writes points and CPU time.

Run by `reconstruction.py` with the interpreter of a separate environment (aniposelib 0.8
or aniposelib-pytorch 1.0, which share their import name); this file must not import the project.
Arguments: problem (.npz), method (linear, msac or smooth), repeats, result (.npz).
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from aniposelib.cameras import Camera, CameraGroup


def main() -> None:
    """Run one method and keep the fastest repeat."""
    problem_path, method, repeats, result_path = sys.argv[1:5]
    with np.load(problem_path) as problem:
        data = {key: problem[key] for key in problem.files}
    group = CameraGroup([camera(i, v, data["image_size"]) for i, v in enumerate(data["vectors"])])
    run = {"linear": linear, "msac": msac, "smooth": smooth}[method](group, data)
    seconds = []
    xyz = np.zeros(0)
    for _ in range(int(repeats)):
        start = time.process_time()
        xyz = np.asarray(run(), dtype=float)
        seconds.append(time.process_time() - start)
    np.savez(result_path, xyz=xyz.reshape(data["truth"].shape), cpu_s=min(seconds))


def camera(index: int, vector: np.ndarray, size: np.ndarray) -> Any:
    """Return a camera from rotation vector, translation, fx fy cx cy, k1 k2 p1 p2 k3."""
    matrix = np.array([[vector[6], 0.0, vector[8]], [0.0, vector[7], vector[9]], [0.0, 0.0, 1.0]])
    return Camera(
        matrix=matrix,
        dist=vector[10:15].copy(),
        size=tuple(int(v) for v in size),
        rvec=vector[:3].copy(),
        tvec=vector[3:6].copy(),
        name=f"cam{index + 1}",
    )


def linear(group: Any, data: dict[str, np.ndarray]) -> Callable[[], Any]:
    """Return the plain linear triangulation of all views."""
    flat = data["pixels"].reshape(len(data["vectors"]), -1, 2)
    return lambda: group.triangulate(flat.copy())


def msac(group: Any, data: dict[str, np.ndarray]) -> Callable[[], Any]:
    """Return the robust triangulation (aniposelib-pytorch only)."""
    flat = data["pixels"].reshape(len(data["vectors"]), -1, 2)
    return lambda: group.triangulate_robust(flat.copy(), method="msac", tau=12.0).p3d


def smooth(group: Any, data: dict[str, np.ndarray]) -> Callable[[], Any]:
    """Return the trajectory optimisation with second differences and bone lengths."""
    bones = [[int(a), int(b)] for a, b in data["bones"]]
    return lambda: group.optim_points(
        data["pixels"].copy(),
        data["start"].copy(),
        constraints=bones,
        n_deriv_smooth=2,
        reproj_error_threshold=15,
        scale_smooth=4,
        scale_length=2,
    )


if __name__ == "__main__":
    main()
