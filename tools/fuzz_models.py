"""Bodies, networks, lenses, rules and tables of a user's own, as readers for the fuzzer."""

from __future__ import annotations

import io
from pathlib import Path

import fuzz_mutations as mutations
import numpy as np
from fuzz_kinds import Reader, written

from mocap.body import smplx_format as fmt
from mocap.body.smplx_file import FREE_KEY, check_body_file, load_body
from mocap.calibrate.interchange.lenses import read_lenses
from mocap.capture.imported.place import place
from mocap.capture.imported.read import read_foreign
from mocap.core.errors import BodyError
from mocap.core.files.npz import write_npz
from mocap.core.points import Points3D, Source
from mocap.export import c3d, trc
from mocap.understand.alerts import load_rules
from mocap.workflow.measure.importing import read_names

VERTICES = 60
"""Of a body small enough to be read twenty thousand times."""

_LENSES_YAML = """%YAML:1.0
---
image_width: 640
image_height: 480
camera_matrix: !!opencv-matrix
   rows: 3
   cols: 3
   dt: d
   data: [ 500., 0., 319.5, 0., 500., 239.5, 0., 0., 1. ]
distortion_coefficients: !!opencv-matrix
   rows: 1
   cols: 5
   dt: d
   data: [ -0.1, 0.01, 0., 0., 0. ]
"""
_RULES = """[[rule]]
name = "bent_back"
says = "reaches down"
for_s = 0.5
action = "deep_squat"
[[rule.all]]
measure = "trunk_lean_deg"
above = 60
"""


def _body(folder: Path) -> list[Path]:
    """Write a body of few vertices in the SMPL-X format."""
    numbers = {name: k % VERTICES for k, name in enumerate(fmt.LANDMARK_VERTICES)}
    vars(fmt)["LANDMARK_VERTICES"] = numbers  # this process reads nothing else
    chance, joints = np.random.default_rng(0), len(fmt.JOINT_NAMES)
    weights = np.zeros((VERTICES, joints), dtype=np.float32)
    weights[np.arange(VERTICES), np.arange(VERTICES) % joints] = 1.0
    regressor = np.zeros((joints, VERTICES), dtype=np.float32)
    regressor[np.arange(joints), np.arange(joints)] = 1.0
    arrays = {
        "v_template": chance.normal(0.0, 0.4, (VERTICES, 3)).astype(np.float32),
        "f": chance.integers(0, VERTICES, (40, 3)).astype(np.uint32),
        "weights": weights,
        "J_regressor": regressor,
        "kintree_table": np.array([fmt.PARENTS, range(joints)], dtype=np.int64),
        "shapedirs": chance.normal(0.0, 0.01, (VERTICES, 3, 20)).astype(np.float32),
        "posedirs": np.zeros((VERTICES, 3, 9 * (joints - 1)), dtype=np.int8),
        "hands_meanl": np.zeros(45, dtype=np.float32),
        "hands_meanr": np.zeros(45, dtype=np.float32),
        "lmk_faces_idx": np.arange(51) % 40,
        "lmk_bary_coords": np.full((51, 3), 1.0 / 3.0, dtype=np.float32),
        "dynamic_lmk_faces_idx": np.arange(2 * 17).reshape(2, 17) % 40,
        "dynamic_lmk_bary_coords": np.full((2, 17, 3), 1.0 / 3.0, dtype=np.float32),
        FREE_KEY: np.array("free"),
    }
    packed = io.BytesIO()
    np.savez(packed, **arrays)  # type: ignore[arg-type]
    (folder / "body.npz").write_bytes(packed.getvalue())
    return [folder / "body.npz"]


def _use_body(path: Path) -> object:
    """Load a body; what the check lets through must load, and what it refuses must not."""
    found = check_body_file(path)
    try:
        model = load_body(path)
    except BodyError:
        assert found.problems, "the check let a file through that cannot be used"
        raise
    assert not found.problems, f"the check refused a file that can be used: {found.problems}"
    return model


def _checkpoint(folder: Path) -> list[Path]:
    import torch

    tensors = {
        "backbone.stage4.0.branches.0.0.conv1.weight": torch.zeros(4, 4, 1, 1),
        "keypoint_head.final_layer.weight": torch.ones(3, 4, 1, 1),
    }
    kept = {"state_dict": tensors, "meta": {"epoch": 3, "é": [1.5, "a"]}}
    paths = []
    for name, zipped in (("new.pth", True), ("old.pth", False)):
        torch.save(kept, folder / name, _use_new_zipfile_serialization=zipped)
        paths.append(folder / name)
    return paths


def _tensors(path: Path) -> object:
    from mocap.detect.hrnet.weights import read_state_dict

    return read_state_dict(path)


def _lens_arrays(folder: Path) -> list[Path]:
    packed = io.BytesIO()
    matrix = np.array([[500.0, 0.0, 319.5], [0.0, 500.0, 239.5], [0.0, 0.0, 1.0]])
    np.savez(packed, camera_matrix=matrix, dist_coeffs=np.zeros(5))
    (folder / "left.npz").write_bytes(packed.getvalue())
    return [folder / "left.npz"]


def _points() -> Points3D:
    names = ("left_hip", "right_hip", "left_knee")
    xyz = np.arange(6 * 3 * 3, dtype=np.float64).reshape(6, 1, 3, 3) / 40.0
    measured = np.full((6, 1, 3), Source.MEASURED)
    spread = np.broadcast_to(1e-6 * np.eye(3), (6, 1, 3, 3, 3))
    return Points3D(names, (0,), 30.0, xyz, spread, np.ones((6, 1, 3)), 2 * measured, measured)


def _foreign(suffix: str) -> Reader:
    """Return the reader of points of other systems of one kind of file."""

    def make(folder: Path) -> list[Path]:
        path, points = folder / f"points.{suffix}", _points()
        names, xyz = points.keypoint_names, points.xyz[:, 0]
        if suffix == "csv":
            head = [f"{name}_{axis}" for name in names for axis in "xyz"]
            rows = [f"{k / 30:.4f}," + ",".join(map(str, row.ravel())) for k, row in enumerate(xyz)]
            path.write_text("\n".join([",".join(["time", *head]), *rows]) + "\n", encoding="utf-8")
        elif suffix == "npz":
            write_npz(path, {"xyz": xyz, "names": np.array(names), "fps": 30.0})
        else:
            (c3d if suffix == "c3d" else trc).write(points, path)
        return [path]

    def read(path: Path) -> object:
        return place(read_foreign(path), names={}, unit="m", up="z", fps=30.0)

    mutate = {"c3d": mutations.of_bytes, "npz": mutations.of_archive}.get(suffix, mutations.of_text)
    return Reader(f"points_{suffix}", f"points.{suffix}", read, make, mutate)


MODELS = (
    Reader("body", "body.npz", _use_body, _body, mutations.of_archive),
    Reader("checkpoint", "hrnet.pth", _tensors, _checkpoint, mutations.of_bytes),
    Reader("lens", "left.yml", read_lenses, written("left.yml", _LENSES_YAML)),
    Reader("lens_arrays", "left.npz", read_lenses, _lens_arrays, mutations.of_archive),
    Reader("rules", "rules.toml", load_rules, written("rules.toml", _RULES)),
    Reader("names", "names.toml", read_names, written("names.toml", '"L.Knee" = "left_knee"\n')),
    *(_foreign(suffix) for suffix in ("c3d", "trc", "csv", "npz")),
)
