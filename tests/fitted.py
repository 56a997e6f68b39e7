"""Fitted bodies for tests, without a fit."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
from skeleton_pose import pose_from_skeleton

from mocap.body.model import BodyModel, load_free_body
from mocap.capture.session import Session
from mocap.core.body_motion import BodyMotion, split_rotations
from mocap.core.calibration_file import save_calibration
from mocap.core.rotation import matrix_from_rotvec
from mocap.core.shapes import Array
from mocap.core.store import Provenance, save_artifact
from mocap.synthetic.sample import load_truth
from mocap.workflow.sample.demonstration import SAMPLE, copy_sample


def motion_of(
    model: BodyModel, rotations: Array, betas: Array, transl: Array, fps: float = 30.0
) -> BodyMotion:
    """Return a pose (frame, 55, 3, 3) of a body as if it had been fitted."""
    frames = len(transl)
    return BodyMotion(
        person_id=0,
        model_name=model.name,
        model_hash=model.content_hash,
        joint_names=model.joint_names,
        fps=fps,
        betas=np.asarray(betas, dtype=np.float64),
        transl=np.asarray(transl, dtype=np.float64),
        expression=np.zeros((frames, 0)),
        flat_hand_mean=True,
        fit_error_mm=np.zeros(frames),
        rotation_sigma_deg=np.zeros((frames, model.joint_count)),
        observable=np.ones(model.joint_count, dtype=bool),
        **split_rotations(rotations),
    )


def random_motion(model: BodyModel, frames: int, seed: int = 0) -> BodyMotion:
    """Return random poses with still eyes."""
    rng = np.random.default_rng(seed)
    vectors = rng.normal(0, 0.3, (frames, model.joint_count, 3))
    vectors[:, 23:25] = 0.0
    turns = matrix_from_rotvec(vectors)
    return motion_of(model, turns, rng.normal(0, 1, 16), rng.uniform(-1, 1, (frames, 3)))


def sample_session_with_bodies(root: Path) -> Session:
    """Copy the sample session and give its takes the true calibration and the true bodies."""
    truth = load_truth(SAMPLE)
    model = load_free_body()
    copy_sample(root)
    session = Session.open(root)
    save_calibration(truth.calibration, session.calibration_path)
    for name, take in truth.takes.items():
        rotations, transl = pose_from_skeleton(model, take.skeleton, take.betas)
        motion = motion_of(model, rotations, take.betas, transl, take.fps)
        save_motion(motion, session.take(name).body_path(0))
    return session


def save_motion(motion: BodyMotion, path: Path, person_id: int = 0) -> None:
    """Save a motion as the artifact of a person."""
    provenance = Provenance("fit", "1", {}, {}, ())
    save_artifact(replace(motion, person_id=person_id), path, provenance)
