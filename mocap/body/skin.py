"""The skin of a body model as exporters take it."""

from __future__ import annotations

import numpy as np

from mocap.body.model import WORLD_FROM_BODY, BodyModel
from mocap.core.body.mesh import SkinnedMesh
from mocap.core.shapes import Array


def skinned_mesh(
    model: BodyModel, betas: Array | None = None, *, expressions: bool = False
) -> SkinnedMesh:
    """Return the skin of a shape, for a skeleton that has all the model's joints in its order.

    Axes and rest pose are those of `mocap.body.model_motion.skeleton_from_pose`. `expressions` adds
    those of the face as morphs; that joints of an SMPL-X file follow them a little is left out.
    """
    weights = model.skin_weights.toarray()
    width = int((weights > 0.0).sum(axis=1).max())
    joints = np.argsort(-weights, axis=1, kind="stable")[:, :width]
    vertices = model.rest_vertices(betas) - model.joints(betas)[0]
    moved = model.expression_components[: None if expressions else 0]
    return SkinnedMesh(
        vertices=vertices @ WORLD_FROM_BODY.T,
        faces=model.faces,
        joints=joints.astype(np.int64),
        weights=np.take_along_axis(weights, joints, axis=1),
        morph_names=model.expression_names if expressions else (),
        morphs=np.asarray(moved @ WORLD_FROM_BODY.T, dtype=np.float64),
    )
