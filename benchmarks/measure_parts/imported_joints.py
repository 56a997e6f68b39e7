"""Exact joint centres of our own body, as a laboratory has them: C3D, import, fit, measure."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

import ezc3d
import numpy as np
from figures import Figure

from mocap.body.anatomical_markers import bony_landmarks
from mocap.body.fit.fit import fit
from mocap.body.model import BodyModel
from mocap.body.model_motion import skeleton_from_pose
from mocap.capture.imported.place import place
from mocap.capture.imported.read import read_foreign
from mocap.core.keypoints import COCO_17
from mocap.core.shapes import FloatArray
from mocap.measure.pitching.pitching import Pitching, PitchingOptions, measure_pitching
from mocap.measure.segments.body import segments_from_skeleton
from mocap.synthetic.motion.motion import body_keypoints, pitchers_throw

FPS = 240.0
NOISE_M = 0.003
_JOINTS = ("shoulder", "elbow", "wrist", "hip", "knee", "ankle")
# The page's gates: greatest RMS from knee height to internal rotation.
LINES = {
    "pelvis_rotation": 2.0,
    "elbow_flexion": 3.0,
    "lead_knee_flexion": 2.5,
    "rear_knee_flexion": 2.5,
    "shoulder_external_rotation": 10.0,
}
_MOMENTS = ("max_external_rotation", "max_internal_rotation")


def write_c3d(path: Path, joints: FloatArray, labels: list[str]) -> None:
    """Write joints (frame, joint, 3) in metres, Z up, as a laboratory would: millimetres, Y up."""
    file = ezc3d.c3d()
    point = file["parameters"]["POINT"]
    point["RATE"]["value"] = [FPS]
    point["LABELS"]["value"] = labels
    point["UNITS"]["value"] = ["mm"]
    y_up = 1000.0 * np.stack([joints[..., 0], joints[..., 2], -joints[..., 1]], axis=-1)
    data = np.ones((4, joints.shape[1], len(joints)))
    data[:3] = y_up.transpose(2, 1, 0)
    file["data"]["points"] = data
    file.write(str(path))


def _measured(model: BodyModel, seed: int) -> tuple[Pitching, Pitching]:
    """Return the measurement of the truth, and of its joints through a C3D and a fitted body."""
    motion = pitchers_throw(2.8, FPS, seed=seed)
    names = COCO_17.keypoint_names
    kept = [k for k, name in enumerate(names) if name.split("_")[-1] in _JOINTS]
    rng = np.random.default_rng(seed)
    joints = body_keypoints(motion, COCO_17)[:, kept]
    joints = joints + rng.normal(0.0, NOISE_M, joints.shape)
    labels = [f"{names[k][0].upper()}{names[k].split('_')[1].upper()}_JC" for k in kept]
    with TemporaryDirectory() as folder:
        path = Path(folder) / "joints.c3d"
        write_c3d(path, joints, labels)
        points = place(read_foreign(path)).points
    body = fit(points, model).motion
    moved = skeleton_from_pose(model, body.rotation_vectors(), body.betas, body.transl, FPS)
    options = PitchingOptions(hand="right", target_deg=0.0)
    pair = []
    for skeleton, betas in ((motion.skeleton, motion.betas), (moved, body.betas)):
        segments = segments_from_skeleton(skeleton, bony_landmarks(model, betas))
        pair.append(measure_pitching(segments, options))
    return pair[0], pair[1]


def imported_figures(model: BodyModel, seeds: range = range(1, 4)) -> list[Figure]:
    """Return how far curves and events of imported joints are from the truth."""
    worst = dict.fromkeys(LINES, 0.0)
    late = dict.fromkeys(_MOMENTS, 0.0)
    for seed in seeds:
        true, found = _measured(model, seed)
        events, seen = true.throws[0].events, found.throws[0].events
        span = slice(round(events["peak_knee_height"].frame),
                     round(events["max_internal_rotation"].frame) + 1)  # fmt: skip
        for name in LINES:
            apart = (found.curves[name] - true.curves[name])[span]
            worst[name] = max(worst[name], float(np.sqrt(np.nanmean(apart**2))))
        for name in _MOMENTS:
            ms = 1000.0 * abs(seen[name].frame - events[name].frame) / FPS if name in seen else 1e3
            late[name] = max(late[name], ms)
    figures = [
        Figure(f"{name.replace('_', ' ')}, RMS, worst", value, "deg", LINES[name])
        for name, value in worst.items()
    ]
    return figures + [
        Figure(f"{name.replace('_', ' ')}, worst", value, "ms", 6.0) for name, value in late.items()
    ]
