"""Body files: what is written is read back; what is wrong is said in a sentence."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from body_files import random_body, save

from mocap.body import smplx_format as fmt
from mocap.body.fit.face_points import face_points
from mocap.body.model import load_free_body
from mocap.body.smplx_file import FREE_KEY, check_body_file, load_body
from mocap.body.smplx_write import write_smplx_npz
from mocap.core.errors import BodyError
from mocap.core.keypoint_names import INNER_FACE


@pytest.fixture(scope="module")
def free_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path: Path = tmp_path_factory.mktemp("free") / "SMPLX_FEMALE.npz"
    write_smplx_npz(load_free_body(), path, sex="female")
    return path


def small(**changes: Any) -> dict[str, Any]:
    """Return a body with too few vertices but everything else in order, and some changes."""
    arrays = random_body(vertices=70)
    arrays.update(changes)
    return {key: value for key, value in arrays.items() if value is not None}


def problems_of(arrays: dict[str, Any], folder: Path) -> str:
    return "\n".join(check_body_file(save(arrays, folder / "SMPLX_MALE.npz")).problems)


def test_the_free_body_is_what_free_means() -> None:
    assert load_body("free") is load_body() is load_free_body()


def test_written_free_body_reads_back(free_file: Path) -> None:
    body, back = load_free_body(), load_body(free_file)
    betas = np.linspace(-1, 1, 16)
    female = body.sex_shape("female")
    # float32 in the file
    np.testing.assert_allclose(
        back.rest_vertices(betas), body.rest_vertices(female + betas), atol=1e-6
    )
    np.testing.assert_allclose(back.joints(betas), body.joints(female + betas), atol=1e-6)
    np.testing.assert_array_equal(back.faces, body.faces)
    np.testing.assert_array_equal(back.face_landmark_vertices, body.face_landmark_vertices)
    np.testing.assert_array_equal(back.expression_components, body.expression_components)
    np.testing.assert_array_equal(back.mirror, body.mirror)
    np.testing.assert_allclose(back.hand_means, body.hand_means)
    assert back.name == body.name and back.licence_note == ""
    assert back.shape_count == 16 and len(back.expression_components) == 10
    report = check_body_file(free_file)
    assert report.problems == report.warnings == ()
    assert "300 shape and 100 expression components" in report.facts
    assert "height 1.63 m" in report.facts


def test_the_jaw_line_of_a_file(tmp_path: Path, free_file: Path) -> None:
    body = load_free_body()
    back = load_body(free_file)
    np.testing.assert_array_equal(back.jaw_line_vertices, body.jaw_line_vertices)
    np.testing.assert_allclose(back.jaw_line_weights, body.jaw_line_weights, atol=1e-7)
    arrays = random_body()
    arrays["posedirs"] = np.zeros_like(arrays["posedirs"])
    rng = np.random.default_rng(1)
    arrays["dynamic_lmk_faces_idx"] = rng.integers(0, 2000, (fmt.CONTOUR_YAWS, 17))
    arrays["dynamic_lmk_bary_coords"] = rng.dirichlet([1.0] * 3, (fmt.CONTOUR_YAWS, 17))
    path = save(arrays, tmp_path / "SMPLX_MALE.npz")
    front = arrays["f"][arrays["dynamic_lmk_faces_idx"][0]]
    np.testing.assert_array_equal(load_body(path).jaw_line_vertices, front)
    assert check_body_file(path).warnings == ()
    # a table that names faces which are not there is not used, and that is said
    arrays["dynamic_lmk_faces_idx"][0, 3] = 2000
    save(arrays, path)
    assert load_body(path).jaw_line_vertices.shape == (0, 3)
    (warning,) = check_body_file(path).warnings
    assert warning.startswith("no jaw line")


@pytest.mark.parametrize(
    ("components", "shapes", "expressions"), [(10, 10, 0), (20, 10, 10), (400, 16, 10)]
)
def test_expressions_of_every_layout_reach_the_face(
    tmp_path: Path, free_file: Path, components: int, shapes: int, expressions: int
) -> None:
    """The components of a file that move the face are its expressions, wherever they lie."""
    with np.load(free_file, allow_pickle=True) as data:
        arrays = {key: data[key] for key in data.files if key != "joint2num"}
    full = arrays["shapedirs"]
    first = {10: [full[..., :10]], 20: [full[..., :10], full[..., 300:310]], 400: [full]}
    arrays["shapedirs"] = np.concatenate(first[components], axis=2)
    body = load_body(save(arrays, tmp_path / "SMPLX_NEUTRAL.npz"))
    assert (body.shape_count, len(body.expression_components)) == (shapes, expressions)
    points = face_points(body, INNER_FACE, np.zeros(shapes))
    free = face_points(load_free_body(), INNER_FACE, load_free_body().sex_shape("female"))
    assert points.expressions == expressions
    # float32 in the file
    np.testing.assert_allclose(points.still_by, free.still_by[..., :expressions], atol=1e-6)


def test_reduced_and_full_layouts(tmp_path: Path) -> None:
    arrays = random_body()
    arrays["posedirs"] = np.zeros_like(arrays["posedirs"])
    full = load_body(save(arrays, tmp_path / "SMPLX_FEMALE.npz"))
    assert full.name == "smplx_female" and "non-commercial" in full.licence_note
    assert full.shape_count == 16 and len(full.expression_components) == 10
    assert load_body(tmp_path / "SMPLX_FEMALE.npz", shapes=300).shape_count == 20
    shapes = arrays["shapedirs"]
    arrays["shapedirs"] = np.concatenate([shapes[..., :10], shapes[..., 300:310]], axis=2)
    del arrays["hands_meanl"], arrays["lmk_faces_idx"]
    path = save(arrays, tmp_path / "SMPLX_FEMALE.npz")
    reduced = load_body(path)
    assert reduced.shape_count == len(reduced.expression_components) == 10
    np.testing.assert_array_equal(reduced.expression_components, full.expression_components)
    assert reduced.face_landmarks(np.zeros((1, 55, 3))).shape == (1, 0, 3)
    assert [each.split(":")[0] for each in check_body_file(path).warnings] == [
        "only 10 shape components",
        "no face landmarks (lmk_faces_idx, lmk_bary_coords)",
        "no mean hands",
    ]


def test_a_licensed_body_is_never_written(tmp_path: Path) -> None:
    licensed = replace(load_free_body(), licence_note="keep it to yourself")
    with pytest.raises(BodyError, match="may not be copied"):
        write_smplx_npz(licensed, tmp_path / "copy.npz")
    assert list(tmp_path.iterdir()) == []


def test_unknown_sex(tmp_path: Path) -> None:
    with pytest.raises(BodyError, match="has no mean shape for 'child'; it has neutral, female"):
        write_smplx_npz(load_free_body(), tmp_path / "copy.npz", sex="child")


@pytest.mark.parametrize(
    ("content", "name", "message"),
    [
        (None, "SMPLX_NEUTRAL.npz", "there is no body file"),
        (b"", "SMPLX_NEUTRAL.npz", "is damaged, incomplete or no npz file"),
        (b"PK\x03\x04 no archive", "SMPLX_NEUTRAL.npz", "is damaged, incomplete or no npz file"),
        (b"<html>Please log in</html>", "SMPLX_NEUTRAL.npz", "no npz file"),
        (b"\x80\x04.", "SMPLX_NEUTRAL.pkl", "is a pickle, which can run code"),
    ],
)
def test_files_that_are_no_bodies(
    content: bytes | None, name: str, message: str, tmp_path: Path
) -> None:
    path = tmp_path / name
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(BodyError, match=message) as caught:
        load_body(path)
    assert "The free body needs no file" in str(caught.value)
    assert "https://smpl-x.is.tue.mpg.de" in str(caught.value)
    assert check_body_file(path).problems == (str(caught.value),)


@pytest.mark.parametrize("share", [0.2, 0.9, 0.999])
def test_truncated_download(share: float, free_file: Path, tmp_path: Path) -> None:
    content = free_file.read_bytes()
    path = tmp_path / free_file.name
    path.write_bytes(content[: int(share * len(content))])
    with pytest.raises(BodyError, match="damaged, incomplete or no npz file"):
        load_body(path)


def test_flipped_bytes_inside(free_file: Path, tmp_path: Path) -> None:
    content = bytearray(free_file.read_bytes())
    for at in range(len(content) // 3, len(content) // 3 + 400):
        content[at] ^= 0x5A
    path = tmp_path / free_file.name
    path.write_bytes(bytes(content))
    with pytest.raises(BodyError, match="damaged, incomplete or no npz file"):
        load_body(path)


def test_pickles_are_not_opened(tmp_path: Path) -> None:
    hidden = np.array({"run": "me"}, dtype=object)
    with pytest.raises(BodyError, match="holds 'weights' as a pickled Python object"):
        load_body(save(small(weights=hidden), tmp_path / "SMPLX_MALE.npz"))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"posedirs": None}, "it lacks posedirs, so it is no SMPL-X v1.1 file."),
        (
            {"posedirs": None, "kintree_table": np.zeros((2, 24))},
            "it lacks posedirs, so it is no SMPL-X v1.1 file (it looks like SMPL).",
        ),
        ({"kintree_table": np.zeros((2, 52))}, "has (2, 55) (it looks like SMPL-H)."),
        ({"kintree_table": np.zeros((2, 55))}, "its joints are connected in another way"),
        ({"weights": np.zeros((70, 24))}, "'weights' has shape (70, 24); SMPL-X v1.1 has (70, 55)"),
        ({"weights": np.ones((70, 55))}, "its skin weights sum to 55.000 to 55.000 instead of 1"),
        ({"v_template": np.full((70, 3), np.nan)}, "'v_template' holds values that are no numbers"),
        ({"v_template": np.array(["a"] * 70)}, "'v_template' holds <U1 instead of numbers"),
        ({"v_template": np.eye(70, 3) * 170.0}, "its body is 170.00 high along y; 0.2 to 5 m are"),
        ({"f": np.full((5, 3), 70)}, "its faces name vertices up to 70; it has 70."),
        ({"shapedirs": np.zeros((70, 3, 0))}, "'shapedirs' has shape (70, 3, 0)"),
        ({}, "it has 70 vertices; SMPL-X has 10475."),
        ({FREE_KEY: np.array("mine")}, "it has 70 vertices; the format's vertex numbers need 9930"),
    ],
)
def test_wrong_contents(changes: dict[str, Any], message: str, tmp_path: Path) -> None:
    assert message in problems_of(small(**changes), tmp_path)
    with pytest.raises(BodyError, match=r"SMPLX_MALE.npz cannot be used: .*use 'free'"):
        load_body(tmp_path / "SMPLX_MALE.npz")


def test_an_array_that_is_too_short_is_named(tmp_path: Path) -> None:
    for key in ("v_template", "f", "weights", "J_regressor", "kintree_table"):
        arrays = small()
        arrays[key] = arrays[key][..., :-1]
        assert key in problems_of(arrays, tmp_path)


def test_names_of_the_format() -> None:
    assert len(fmt.JOINT_NAMES) == len(fmt.PARENTS) == 55
    assert len(set(INNER_FACE)) == 51
    assert all(parent < joint for joint, parent in enumerate(fmt.PARENTS))
