"""How many joints may move one vertex."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from mocap.core.body.mesh import SkinnedMesh


def strongest(mesh: SkinnedMesh, count: int | None = None) -> SkinnedMesh:
    """Return a skin whose joints are sorted by weight, at most `count` for each vertex.

    Many game engines and viewers take four; what is left out moves the skin by up to a
    centimetre where many bones meet (the palm, the groin).
    """
    order = np.argsort(-mesh.weights, axis=1, kind="stable")[:, :count]
    weights = np.take_along_axis(mesh.weights, order, axis=1)
    return replace(
        mesh,
        joints=np.take_along_axis(mesh.joints, order, axis=1),
        weights=weights / weights.sum(axis=1, keepdims=True),
    )
