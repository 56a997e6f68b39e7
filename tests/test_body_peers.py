"""One file, three implementations: ours, `smplx` and `body-models` put every vertex in one place.

They compute in float32: positions within 2 m have steps of 0.00012 mm there, and the few sums of a
chain of joints stay below 0.001 mm.
"""

from __future__ import annotations

import contextlib
import io
import os
import warnings
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from body_files import random_body, save

from mocap.body import smplx_format as fmt
from mocap.body.model import BodyModel
from mocap.body.smplx_file import load_body
from mocap.body.smplx_write import write_smplx_npz
from mocap.core.keypoint_names import JAW_LINE
from mocap.core.shapes import FloatArray

AGREEMENT_M = 1e-6

FRAMES = 3

LICENSED_FILE = "MOCAP_SMPLX_FILE"


@dataclass(frozen=True, eq=False)
class Pose:
    """Random parameters; hands as stored, without the mean hand."""

    betas: FloatArray
    expression: FloatArray
    rotations: FloatArray
    transl: FloatArray

    def part(self, first: int, count: int) -> FloatArray:
        return self.rotations[:, first : first + count].reshape(len(self.rotations), -1)


def random_pose(seed: int = 5) -> Pose:
    rng = np.random.default_rng(seed)
    return Pose(
        betas=rng.normal(0, 1.0, 16),
        expression=rng.normal(0, 0.6, (FRAMES, 10)),
        rotations=rng.normal(0, 0.35, (FRAMES, len(fmt.JOINT_NAMES), 3)),
        transl=rng.uniform(-1, 1, (FRAMES, 3)),
    )


@pytest.fixture(scope="module")
def free_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path: Path = tmp_path_factory.mktemp("free") / "SMPLX_NEUTRAL.npz"
    write_smplx_npz(load_body(), path)
    return path


@pytest.fixture(scope="module", params=["free", "random", "licensed"])
def file(
    request: pytest.FixtureRequest, free_file: Path, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    if request.param == "free":
        return free_file
    if request.param == "licensed":
        named = os.environ.get(LICENSED_FILE)
        if not named:
            pytest.skip(f"{LICENSED_FILE} does not name an SMPL-X file of your own")
        return Path(named)
    return save(random_body(), tmp_path_factory.mktemp("random") / "SMPLX_NEUTRAL.npz")


@pytest.fixture(scope="module")
def body(file: Path) -> BodyModel:
    return load_body(file)


def imported(name: str, needed_for: str) -> ModuleType:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # theirs, not ours
        found: ModuleType = pytest.importorskip(name, reason=f"{needed_for} is not installed")
    return found


@lru_cache(maxsize=2)
def smplx_model(file: Path, dtype: str) -> Any:
    smplx = imported("smplx", "smplx==0.1.28")
    torch = imported("torch", "torch")
    # It reports on standard output, which belongs to our own commands.
    with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return smplx.create(
            str(file), model_type="smplx", num_betas=16, num_expression_coeffs=10,
            use_pca=False, flat_hand_mean=True, batch_size=FRAMES, dtype=getattr(torch, dtype),
        )  # fmt: skip


def smplx_output(file: Path, pose: Pose, dtype: str) -> Any:
    model = smplx_model(file, dtype)
    torch = imported("torch", "torch")

    def tensor(values: FloatArray) -> Any:
        return torch.tensor(values, dtype=getattr(torch, dtype))

    return model(
        betas=tensor(np.tile(pose.betas, (FRAMES, 1))),
        expression=tensor(pose.expression),
        global_orient=tensor(pose.part(0, 1)),
        body_pose=tensor(pose.part(1, 21)),
        jaw_pose=tensor(pose.part(22, 1)),
        leye_pose=tensor(pose.part(23, 1)),
        reye_pose=tensor(pose.part(24, 1)),
        left_hand_pose=tensor(pose.part(25, 15)),
        right_hand_pose=tensor(pose.part(40, 15)),
        transl=tensor(pose.transl),
    )


def test_points_of_the_free_body_mean_what_smplx_says(free_file: Path) -> None:
    joint_names = imported("smplx.joint_names", "smplx==0.1.28").JOINT_NAMES
    body = load_body()
    zero = np.zeros((FRAMES, 55, 3))
    still = Pose(np.zeros(16), np.zeros((FRAMES, 10)), zero, np.zeros((FRAMES, 3)))
    joints = smplx_output(free_file, still, "float32").joints
    theirs = dict(zip(joint_names, joints[0].detach().numpy(), strict=False))
    for name, vertex in zip(body.landmark_names, body.landmark_vertices, strict=True):
        their_name = name.replace("_tip", "")
        np.testing.assert_allclose(theirs[their_name], body.template[vertex], atol=AGREEMENT_M)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_agrees_with_smplx(file: Path, body: BodyModel, dtype: str) -> None:
    pose = random_pose()
    output = smplx_output(file, pose, dtype)
    arguments = (pose.rotations, pose.betas, pose.transl)
    ours = body.skin(*arguments, expression=pose.expression)
    theirs = output.vertices.detach().numpy()
    assert np.linalg.norm(ours - theirs, axis=-1).max() < AGREEMENT_M
    joints = output.joints.detach().numpy()
    positions, _ = body.forward_kinematics(
        pose.rotations, pose.betas, pose.transl, expression=pose.expression
    )
    assert np.linalg.norm(positions - joints[:, :55], axis=-1).max() < AGREEMENT_M
    face = body.face_landmarks(*arguments, expression=pose.expression)
    assert np.linalg.norm(face - joints[:, 76:127], axis=-1).max() < AGREEMENT_M


def test_agrees_with_body_models(file: Path, body: BodyModel) -> None:
    peer = imported("body_models.smplx.numpy", "body-models==0.26.2")
    pose = random_pose(seed=8)
    model = peer.SMPLX(model_path=file, flat_hand_mean=False)
    shape = np.zeros((FRAMES, 300), dtype=np.float32)
    shape[:, :16] = pose.betas
    rotations = pose.rotations.astype(np.float32)
    theirs = model.forward_vertices(
        rotations[:, 1:22],
        rotations[:, 22:25],
        rotations[:, 25:],
        pelvis_rotation=rotations[:, 0],
        shape=shape,
        expression=pose.expression.astype(np.float32),
        global_translation=pose.transl.astype(np.float32),
    )
    with_mean = pose.rotations.copy()
    with_mean[:, 25:] += body.hand_means.reshape(30, 3)
    ours = body.skin(with_mean, pose.betas, pose.transl, expression=pose.expression)
    assert np.linalg.norm(ours - theirs, axis=-1).max() < AGREEMENT_M
    assert model.joint_names == list(body.joint_names)


def test_the_jaw_line_is_the_contour_of_smplx(free_file: Path) -> None:
    """Seen from the front, with the jaw open: its points 128 to 144, from the right ear on."""
    smplx = imported("smplx", "smplx==0.1.28")
    names = imported("smplx.joint_names", "smplx==0.1.28").JOINT_NAMES
    torch = imported("torch", "torch")
    with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = smplx.create(
            str(free_file), model_type="smplx", num_betas=16, num_expression_coeffs=10,
            use_pca=False, flat_hand_mean=True, use_face_contour=True,
        )  # fmt: skip
        jaw = torch.tensor([[0.3, 0.0, 0.0]])
        theirs = model(jaw_pose=jaw).joints[0].detach().numpy()[-len(JAW_LINE) :]
    assert [name.replace("contour", "jaw_line") for name in names[127:135]] == list(JAW_LINE[:8])
    body = load_body(free_file)
    rotations = np.zeros((1, body.joint_count, 3))
    rotations[0, body.joint("jaw"), 0] = 0.3
    corners = body.skin(rotations, vertices=body.jaw_line_vertices.ravel()).reshape(-1, 3, 3)
    ours = np.einsum("lck,lc->lk", corners, body.jaw_line_weights)
    np.testing.assert_allclose(ours, theirs, atol=AGREEMENT_M)
