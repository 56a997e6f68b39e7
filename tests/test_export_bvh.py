"""BVH files read back by another library hold the motion that was written."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pybvh
import pytest
from scipy.spatial.transform import Rotation
from walker import walk

from mocap.core.errors import ExportError
from mocap.core.motion import SkeletonMotion
from mocap.core.rotation import matrix_from_rotvec, quaternion_wxyz_from_matrix
from mocap.core.shapes import FloatArray
from mocap.export import WRITERS, bvh
from mocap.export.axes import AXES
from mocap.export.euler import ORDERS, euler_angles


def spinning() -> SkeletonMotion:
    """A walker whose body turns twice and whose arm spins past a full turn."""
    motion = walk()
    quaternion = motion.local_rotations_wxyz.copy()
    turn = np.linspace(0.0, 4.0 * np.pi, len(quaternion))
    for name, axis in (("pelvis", [0.0, 0.0, 1.0]), ("right_shoulder", [0.3, 0.9, 0.3])):
        joint = motion.joint_names.index(name)
        spin = matrix_from_rotvec(np.outer(turn, np.array(axis) / np.linalg.norm(axis)))
        quaternion[:, joint] = quaternion_wxyz_from_matrix(spin)
    return replace(motion, local_rotations_wxyz=quaternion)


def read(path: Path) -> pybvh.Bvh:
    return pybvh.read_bvh_file(path, warn_on_world_up_disagreement=False)


def file_positions_m(path: Path, names: tuple[str, ...]) -> FloatArray:
    """Joint positions (frame, joint, 3) of a file, metres, Z up, in the order of `names`."""
    loaded = read(path)
    rows = [loaded.joint_names.index(name) for name in names]
    x, y, z = np.moveaxis(np.asarray(loaded.joint_positions())[:, rows] / 100.0, -1, 0)
    return np.stack([x, -z, y], axis=-1)


@pytest.mark.parametrize("order", ORDERS)
def test_another_reader_finds_the_joints_within_a_hundredth_of_a_millimetre(
    tmp_path: Path, order: str
) -> None:
    motion = spinning()
    path = tmp_path / "take.bvh"
    bvh.write(motion, path, order=order)
    expected, _ = motion.forward_kinematics()
    found = file_positions_m(path, motion.joint_names)
    # Six decimals of a degree over a 2 m chain are 2e-8 m, of a centimetre 1e-8 m.
    assert np.linalg.norm(found - expected, axis=-1).max() < 1e-5


@pytest.mark.parametrize("fps", [24.0, 59.94, 60.0, 119.88, 240.0])
def test_frame_time_is_exact(tmp_path: Path, fps: float) -> None:
    path = tmp_path / "take.bvh"
    bvh.write(replace(walk(frames=3), fps=fps), path)
    loaded = read(path)
    # Ten decimals of a second: after an hour the clock is off by less than a hundredth of a frame.
    assert abs(loaded.frame_time - 1.0 / fps) <= 0.5e-10
    assert loaded.frame_count == 3


def test_zero_pose_stands_upright_in_a_t_and_faces_plus_z(tmp_path: Path) -> None:
    path = tmp_path / "take.bvh"
    bvh.write(walk(), path)
    loaded = read(path)
    rest = dict(
        zip(
            loaded.joint_names,
            np.asarray(loaded.rest_pose_positions())[_joints(loaded)],
            strict=True,
        )
    )
    for low, high, direction in (
        ("left_shoulder", "left_wrist", [1, 0, 0]),
        ("right_shoulder", "right_wrist", [-1, 0, 0]),
        ("left_ankle", "left_hip", [0, 1, 0]),
        ("pelvis", "head", [0, 1, 0]),
    ):
        bone = rest[high] - rest[low]
        np.testing.assert_allclose(bone / np.linalg.norm(bone), direction, atol=1e-6)
    assert (rest["left_foot"] - rest["left_ankle"])[2] > 10.0
    np.testing.assert_array_equal(loaded.root.offset, 0.0)


def _joints(loaded: pybvh.Bvh) -> list[int]:
    return [loaded.node_index[name] for name in loaded.joint_names]


def test_angles_never_jump() -> None:
    motion = spinning()
    joint = motion.joint_names.index("pelvis")
    path_deg = {}
    for order in ORDERS:
        rotations = AXES["bvh"].rotations(
            Rotation.from_quat(motion.local_rotations_wxyz[:, joint][:, [1, 2, 3, 0]]).as_matrix()
        )[:, None]
        angles = np.rad2deg(euler_angles(rotations, order))
        path_deg[order] = np.abs(np.diff(angles, axis=0)).max()
        rebuilt = Rotation.from_euler(order, angles[:, 0], degrees=True).as_matrix()
        np.testing.assert_allclose(rebuilt, rotations[:, 0], atol=1e-12)
        # Two turns in 119 steps about one axis.
        assert np.isclose(np.ptp(angles[..., ORDERS_AXIS[order]]), 720.0)
    assert max(path_deg.values()) < 720.0 / 119.0 + 1e-6


# Where the vertical axis (Y in the file) stands in each order.
ORDERS_AXIS = {order: order.index("Y") for order in ORDERS}


@pytest.mark.parametrize("order", ORDERS)
def test_exact_gimbal_lock_keeps_the_rotation_and_the_curves(order: str) -> None:
    """Third and first angle move while the middle one passes through 90 degrees exactly."""
    middle = np.deg2rad([70.0, 80.0, 90.0, 100.0, 110.0, -90.0])
    angles = np.stack([0.3 + 0.05 * np.arange(6), middle, 1.0 + 0 * middle], axis=-1)
    rotations = Rotation.from_euler(order, angles).as_matrix()[:, None]
    found = euler_angles(rotations, order)[:, 0]
    np.testing.assert_allclose(
        Rotation.from_euler(order, found).as_matrix(), rotations[:, 0], atol=1e-7
    )
    np.testing.assert_allclose(found[:5], angles[:5], atol=1e-6)


def test_gimbal_lock_is_reported_with_a_better_order(tmp_path: Path) -> None:
    motion = walk()
    joint = motion.joint_names.index("left_shoulder")
    quaternion = motion.local_rotations_wxyz.copy()
    # The file's X axis is ours; the middle of ZXY is X.
    lift = matrix_from_rotvec(np.outer(np.linspace(1.45, 1.6, len(quaternion)), [1.0, 0.0, 0.0]))
    quaternion[:, joint] = quaternion_wxyz_from_matrix(lift)
    motion = replace(motion, local_rotations_wxyz=quaternion)
    (warning,) = bvh.write(motion, tmp_path / "take.bvh")
    assert "left_shoulder" in warning and "gimbal" in warning and "The order" in warning
    assert bvh.write(walk(), tmp_path / "calm.bvh") == ()


def test_files_are_deterministic_and_named_for_other_tools(tmp_path: Path) -> None:
    paths = [tmp_path / name for name in ("one.bvh", "two.bvh")]
    for path in paths:
        WRITERS[".bvh"](spinning(), path, names="mixamo")
    assert paths[0].read_bytes() == paths[1].read_bytes()
    text = paths[0].read_text()
    assert text.startswith("HIERARCHY\nROOT Hips\n{\n\tOFFSET 0.000000 0.000000 0.000000\n")
    assert "JOINT LeftForeArm" in text and "End Site" in text and "-0.000000 " not in text
    assert sorted(path.name for path in tmp_path.iterdir()) == ["one.bvh", "two.bvh"]


def test_what_bvh_cannot_hold_is_refused(tmp_path: Path) -> None:
    motion = walk(frames=4)
    broken = motion.root_positions.copy()
    broken[2] = np.nan
    path = tmp_path / "take.bvh"
    with pytest.raises(ExportError, match=r"1 of 4 frames.*frame 2"):
        bvh.write(replace(motion, root_positions=broken), path)
    with pytest.raises(ExportError, match="no frames"):
        bvh.write(walk(frames=0), path)
    with pytest.raises(ExportError, match="order 'ABC'"):
        bvh.write(motion, path, order="ABC")
    with pytest.raises(ExportError, match="'poser'"):
        bvh.write(motion, path, names="poser")
    with pytest.raises(ExportError, match="blanks"):
        bvh.write(replace(motion, joint_names=("a b", *motion.joint_names[1:])), path)
    assert not path.exists()
