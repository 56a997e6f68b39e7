"""Fingers: each is a chain of three joints on a hand whose pose the body's fit has found.

The knuckles take part in the body's fit and turn the wrist; beyond them the fingers share nothing,
so that each is a small problem of its own in the hand's frame. Where there are views, body and
fingers are then refined on them together, from here.
"""

from __future__ import annotations

import numpy as np

from mocap.body.fit.journal import Estimate
from mocap.body.fit.layout import Layout, groups, make_layout
from mocap.body.fit.observed.held import packed
from mocap.body.fit.smoothness import AccelerationScale
from mocap.body.fit.solver import Problem, State
from mocap.body.fit.uncertainty import frame_sigmas_deg
from mocap.body.fit.windows import improve
from mocap.body.landmarks import Offsets, bind_landmarks
from mocap.body.model import BodyModel
from mocap.core.points import Points3D, Source
from mocap.core.rotation import matrix_from_rotvec
from mocap.core.shapes import FloatArray

_FINGERS = ("thumb", "index", "middle", "ring", "pinky")
_RESCALINGS = 3
# Where the estimate of the smoothness starts: a quick grasp.
_LOOSE_RAD_S2 = 100.0


def hand_keypoints(names: tuple[str, ...]) -> tuple[str, ...]:
    """Return the names of finger keypoints beyond the knuckles."""
    return tuple(
        name
        for name in names
        if name.startswith(("left_", "right_"))
        and name.split("_")[1] in _FINGERS
        and name.split("_")[-1] in ("2", "3", "4")
    )


def seen_fingers(points: Points3D, person: int) -> tuple[str, ...]:
    """Return the names of finger keypoints beyond the knuckles of hands that were ever seen.

    Those of other hands would only add unknowns: 45 a hand.
    """
    seen = (points.source[:, person] != Source.MISSING).any(axis=0)
    wanted = hand_keypoints(points.keypoint_names)
    sides = {name.split("_")[0] for name in wanted if seen[points.keypoint_names.index(name)]}
    return tuple(name for name in wanted if name.split("_")[0] in sides)


def with_fingers(
    layout: Layout,
    rotations: FloatArray,
    fingers: dict[int, tuple[FloatArray, FloatArray]],
    body: State,
) -> State:
    """Return the state of body and fingers that a body and the fits of its fingers make.

    Args:
        layout: of both.
        rotations: (frame, joint, 3, 3) local rotations of the body.
        fingers: from `fit_fingers`.
        body: its other values.
    """
    turns = np.zeros((len(rotations), len(layout.groups), 3, 3))
    for index, joint in enumerate(layout.joints):
        group = layout.tree.joint_group[index]
        if group >= 0:
            found = fingers.get(int(joint))
            turns[:, group] = rotations[:, joint] if found is None else found[0]
    return State(turns, body.root, body.betas, body.constants)


def relaxed_fingers(model: BodyModel) -> dict[int, FloatArray]:
    """Return the local rotation (3, 3) of every finger joint of a hand at rest, by joint.

    It is the mean of the prior: fingers that nobody saw are curled a little (20 degrees a joint),
    as hands are, not flat.
    """
    return {
        model.joint(joint): matrix_from_rotvec(np.deg2rad(group.mean_deg))
        for group in groups()
        for joint in group.joints
        if joint.split("_")[-1][:-1] in _FINGERS
    }


def fit_fingers(
    model: BodyModel,
    points: Points3D,
    person: int,
    rotations: FloatArray,
    root: FloatArray,
    betas: FloatArray,
    offsets: Offsets | None = None,
) -> dict[int, tuple[FloatArray, FloatArray]]:
    """Return local rotations (frame, 3, 3) and their standard deviations (frame,) by joint.

    Args:
        model: the body.
        points: keypoints in space.
        person: index of the person.
        rotations: (frame, joint, 3, 3) local rotations of the body.
        root: (frame, 3) position of the pelvis joint, metres.
        betas: shape.
        offsets: where the detector puts its keypoints.
    """
    wanted = hand_keypoints(points.keypoint_names)
    if not wanted:
        return {}
    rest = model.joints(betas)
    positions, turns = model.forward_kinematics(rotations, betas, root - rest[0])
    found: dict[int, tuple[FloatArray, FloatArray]] = {}
    for side in ("left", "right"):
        wrist = model.joint(f"{side}_wrist")
        for finger in _FINGERS:
            names = tuple(name for name in wanted if name.startswith(f"{side}_{finger}_"))
            if names:
                found.update(
                    _fit_finger(
                        model,
                        points,
                        person,
                        names,
                        f"{side}_wrist",
                        (positions[:, wrist], turns[:, wrist]),
                        betas,
                        offsets,
                    )
                )
    return found


def _fit_finger(
    model: BodyModel,
    points: Points3D,
    person: int,
    names: tuple[str, ...],
    wrist: str,
    hand: tuple[FloatArray, FloatArray],
    betas: FloatArray,
    offsets: Offsets | None,
) -> dict[int, tuple[FloatArray, FloatArray]]:
    """Fit one finger in the frame of the hand: position (frame, 3) and rotation of the wrist."""
    landmarks = bind_landmarks(model, names, offsets)
    chosen = [points.keypoint_names.index(name) for name in names]
    where, turn = hand
    seen = points.source[:, person, chosen] == Source.MEASURED
    seen &= np.isfinite(points.xyz[:, person, chosen]).all(axis=-1)
    away = np.where(seen[..., None], points.xyz[:, person, chosen], 0.0) - where[:, None]
    covariance = np.where(seen[..., None, None], points.covariance[:, person, chosen], np.eye(3))
    information = np.linalg.inv(
        np.einsum("fba,fkbc,fcd->fkad", turn, covariance, turn)
        + landmarks.sigma_m[:, None, None] ** 2 * np.eye(3)
    )
    layout = make_layout(model, landmarks, root=wrist, free_root=False, still=(wrist,))
    means = np.deg2rad(np.array([group.mean_deg for group in layout.groups]))
    frames = len(where)
    start = State(
        np.ascontiguousarray(np.tile(matrix_from_rotvec(means), (frames, 1, 1, 1))),
        np.zeros((frames, 3)),
        betas,
        layout.constants(),
    )
    stiff = (points.fps**2 / _LOOSE_RAD_S2) ** 2
    problem = Problem(
        layout=layout,
        anatomy=layout.anatomy(points.fps),
        targets=np.ascontiguousarray(np.einsum("fba,fkb->fka", turn, away)),
        information=packed(np.where(seen[..., None, None], information, 0.0)),
        turn_weight=np.full((frames, len(layout.groups), 3), stiff),
        root_weight=np.ones(frames),
        ridge=None,
    )
    estimate = Estimate(problem, start)
    improve(estimate, AccelerationScale(points.fps), rescalings=_RESCALINGS)
    state = estimate.state
    sigma = frame_sigmas_deg(estimate.problem, state)
    found = {}
    for index, joint in enumerate(layout.joints):
        group = layout.tree.joint_group[index]
        if group >= 0:
            found[int(joint)] = (state.turns[:, group], sigma[:, group])
    return found
