"""Bodies from files: a user's own licensed SMPL-X file, or the free body written as one.

The file stays where it is and is never copied. Only plain arrays are read from it: what an npz file
holds as pickled Python objects could run code, so it is refused where it would be needed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.sparse import csr_array
from scipy.spatial import cKDTree

from mocap.body import smplx_format as fmt
from mocap.body.model import BodyModel, load_free_body
from mocap.core.errors import BodyError
from mocap.core.files.npz import read_npz
from mocap.core.files.reading import PARSING
from mocap.core.keypoint_names import INNER_FACE, JAW_LINE
from mocap.core.shapes import Array, FloatArray, IntArray

FREE = "free"
"""Name of the free body, wherever a body may be chosen."""

WHERE_TO_GET_IT = (
    "SMPL-X v1.1 comes from https://smpl-x.is.tue.mpg.de after you accept its licence: the npz "
    "files of models_smplx_v1_1.zip"
)
FREE_OFFER = f"The free body needs no file: use '{FREE}'."

LICENCE_NOTE = (
    "Made with an SMPL-X file under the SMPL-X licence: non-commercial unless you hold a "
    "commercial one, and the body model itself may not be passed on. https://smpl-x.is.tue.mpg.de"
)

# Bone lengths and build need no more, and a fit with more would fit noise.
SHAPES_USED = 16
EXPRESSIONS_USED = 10

# A file of ours says so under this key: then it is free and need not have SMPL-X's vertex count.
FREE_KEY = "mocap_studio_body"

_JOINTS = len(fmt.JOINT_NAMES)
_NEEDED: dict[str, str] = {
    "v_template": "vertex 3",
    "f": "face 3",
    "weights": f"vertex {_JOINTS}",
    "J_regressor": f"{_JOINTS} vertex",
    "kintree_table": f"2 {_JOINTS}",
    "shapedirs": "vertex 3 component",
    "posedirs": f"vertex 3 {9 * (_JOINTS - 1)}",
}
_FACE = ("lmk_faces_idx", "lmk_bary_coords")
_CONTOUR = ("dynamic_lmk_faces_idx", "dynamic_lmk_bary_coords")
_OPTIONAL = ("hands_meanl", "hands_meanr", *_FACE, *_CONTOUR, FREE_KEY)
_SEXES = ("neutral", "female", "male")

MOST_BYTES = 300_000_000
"""A full SMPL-X file in double precision holds 230 MB; correctives of zeros pack to nothing."""

# Generous for people, infants too: what is beyond is in centimetres or inches.
HEIGHTS_M = (0.2, 5.0)

# Skin weights are stored in float32 or better; sums further from 1 tear the skin visibly.
_WEIGHT_SUM_TOLERANCE = 1e-3

# Other members of the family, by their number of joints.
_RELATIVES = {24: "SMPL", 52: "SMPL-H", 16: "MANO", 5: "FLAME"}


@dataclass(frozen=True)
class BodyFileReport:
    """What a body file is and what is wrong with it.

    Attributes:
        path: the file.
        facts: what was found, for people.
        problems: why it cannot be used; empty when it can.
        warnings: what will not work with it.
    """

    path: Path
    facts: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()

    def lines(self) -> list[str]:
        """Return everything there is to say, in lines for people."""
        said = [*self.facts, *(f"Warning: {each}" for each in self.warnings)]
        if not self.problems:
            return [*said, f"{self.path} can be used: give it as --body."]
        said += [f"Problem: {each}" for each in self.problems]
        return said if FREE_OFFER in self.problems[-1] else [*said, FREE_OFFER]


def load_body(
    name_or_path: str | Path = FREE,
    *,
    shapes: int = SHAPES_USED,
    expressions: int = EXPRESSIONS_USED,
) -> BodyModel:
    """Load a body: "free", or a file in the SMPL-X format.

    Args:
        name_or_path: "free" or a file.
        shapes, expressions: how many components of a file to use, at most.

    Raises:
        BodyError: no such file, or it cannot be used; the message says why.
    """
    if str(name_or_path) == FREE:
        return load_free_body()
    path = Path(name_or_path)
    arrays = _read(path)
    problems = _problems(arrays)
    if problems:
        raise BodyError(f"{path.name} cannot be used: {problems[0]} {FREE_OFFER}")
    return _model(path, arrays, shapes, expressions)


def check_body_file(path: str | Path) -> BodyFileReport:
    """Say what a file in the SMPL-X format holds and what is wrong with it."""
    path = Path(path)
    try:
        arrays = _read(path)
    except BodyError as error:
        return BodyFileReport(path, problems=(str(error),))
    problems = tuple(_problems(arrays))
    if problems:
        return BodyFileReport(path, problems=problems)
    shapes, expressions = _component_counts(arrays["shapedirs"].shape[2])
    facts = [
        "the free body" if FREE_KEY in arrays else f"SMPL-X, {_sex_of(path)}",
        f"{len(arrays['v_template'])} vertices, {len(arrays['f'])} faces, {_JOINTS} joints",
        f"{shapes} shape and {expressions} expression components",
        f"height {np.ptp(arrays['v_template'][:, 1]):.2f} m",
    ]
    return BodyFileReport(path, tuple(facts), warnings=tuple(_warnings(arrays)))


def _read(path: Path) -> dict[str, Array]:
    """Read the arrays a body needs, and those it can use.

    Raises:
        BodyError: there is no such file, it is no npz file or a damaged one, or it hides an array
            that is needed in a pickle.
    """
    if not path.is_file():
        raise BodyError(f"there is no body file {path}. {WHERE_TO_GET_IT}. {FREE_OFFER}")
    if path.suffix.lower() == ".pkl":
        raise BodyError(
            f"{path.name} is a pickle, which can run code when it is read. Use the npz file of "
            f"the same model. {WHERE_TO_GET_IT}. {FREE_OFFER}"
        )
    try:
        arrays = read_npz(path, (*_NEEDED, *_OPTIONAL), always_bytes=MOST_BYTES)
    except ValueError as error:
        key, typed, kind = str(error).partition(" is of type ")
        if not typed or not kind.startswith(("|O", "object")):
            raise _damaged(path, error) from error
        raise BodyError(
            f"{path.name} holds {key} as a pickled Python object, which can run code when it is "
            f"read; plain arrays are needed. {WHERE_TO_GET_IT}. {FREE_OFFER}"
        ) from error
    except (*PARSING, OSError) as error:
        raise _damaged(path, error) from error
    if FREE_KEY in arrays and arrays[FREE_KEY].dtype.kind != "U":
        raise _damaged(path, ValueError(f"'{FREE_KEY}' is no text"))
    return arrays


def _damaged(path: Path, error: Exception) -> BodyError:
    return BodyError(
        f"{path.name} is damaged, incomplete or no npz file ({error}). Download it again. "
        f"{WHERE_TO_GET_IT}. {FREE_OFFER}"
    )


def _problems(arrays: Mapping[str, Array]) -> list[str]:
    """Return sentences about everything that makes a file unusable."""
    missing = [key for key in _NEEDED if key not in arrays]
    if missing:
        return [
            f"it lacks {', '.join(missing)}, so it is no SMPL-X v1.1 file{_relative(arrays)}. "
            f"{WHERE_TO_GET_IT}."
        ]
    found = _wrong_shapes(arrays)
    if found:
        return found
    count = len(arrays["v_template"])
    if tuple(arrays["kintree_table"][0, 1:].astype(np.int64)) != fmt.PARENTS[1:]:
        found.append("its joints are connected in another way than those of SMPL-X.")
    faces = arrays["f"].astype(np.int64)
    if faces.min() < 0 or faces.max() >= count:
        found.append(f"its faces name vertices up to {faces.max()}; it has {count}.")
    for key in _NEEDED:
        if not np.isfinite(arrays[key]).all():
            found.append(f"'{key}' holds values that are no numbers.")
    height_m = float(np.ptp(arrays["v_template"][:, 1]))
    if not found and not HEIGHTS_M[0] <= height_m <= HEIGHTS_M[1]:
        found.append(
            f"its body is {height_m:.2f} high along y; {HEIGHTS_M[0]:g} to {HEIGHTS_M[1]:g} m are "
            "possible. Check that it is in metres and that y is up."
        )
    sums = arrays["weights"].sum(axis=1)
    if np.abs(sums - 1.0).max() > _WEIGHT_SUM_TOLERANCE:
        found.append(f"its skin weights sum to {sums.min():.3f} to {sums.max():.3f} instead of 1.")
    found += _of_hands(arrays)
    least = max(fmt.LANDMARK_VERTICES.values()) + 1
    if FREE_KEY not in arrays and count != fmt.VERTEX_COUNT:
        found.append(f"it has {count} vertices; SMPL-X has {fmt.VERTEX_COUNT}. {WHERE_TO_GET_IT}.")
    elif count < least:
        found.append(f"it has {count} vertices; the format's vertex numbers need {least}.")
    return found


def _of_hands(arrays: Mapping[str, Array]) -> list[str]:
    """Return a sentence for each mean hand that is none."""
    return [
        f"'{key}' is no list of 45 numbers."
        for key in ("hands_meanl", "hands_meanr")
        if key in arrays
        and (arrays[key].shape != (45,) or arrays[key].dtype.kind not in "fiu"
             or not np.isfinite(arrays[key]).all())
    ]  # fmt: skip


def _wrong_shapes(arrays: Mapping[str, Array]) -> list[str]:
    """Return a sentence for each array that has another shape than the format says."""
    sizes: dict[str, int] = {}
    found = []
    for key, spec in _NEEDED.items():
        shape, axes = arrays[key].shape, spec.split()
        if arrays[key].dtype.kind not in "fiu":
            found.append(f"'{key}' holds {arrays[key].dtype} instead of numbers.")
            continue
        wanted = [int(axis) if axis.isdigit() else sizes.get(axis, -1) for axis in axes]
        fits = len(shape) == len(axes) and all(
            size > 0 and want in (-1, size) for size, want in zip(shape, wanted, strict=True)
        )
        if not fits:
            named = ", ".join(
                axis if want == -1 else str(want) for axis, want in zip(axes, wanted, strict=True)
            )
            hint = _relative(arrays)
            found.append(f"'{key}' has shape {shape}; SMPL-X v1.1 has ({named}){hint}.")
            continue
        sizes.update({axis: n for axis, n in zip(axes, shape, strict=True) if not axis.isdigit()})
    return found


def _relative(arrays: Mapping[str, Array]) -> str:
    """Return which other model a file seems to be."""
    table = arrays.get("kintree_table")
    joints = table.shape[-1] if table is not None and table.ndim == 2 else 0
    return f" (it looks like {_RELATIVES[joints]})" if joints in _RELATIVES else ""


def _warnings(arrays: Mapping[str, Array]) -> list[str]:
    """Return what will not work with a file."""
    found = []
    shapes, _ = _component_counts(arrays["shapedirs"].shape[2])
    if shapes < SHAPES_USED and FREE_KEY not in arrays:
        found.append(
            f"only {shapes} shape components: the build is fitted less closely than with "
            f"{SHAPES_USED}. The v1.1 files hold {fmt.FULL_SHAPES}."
        )
    if not len(_landmarks(arrays, _FACE, INNER_FACE)[0]):
        found.append("no face landmarks (lmk_faces_idx, lmk_bary_coords): faces stay still.")
    elif not len(_jaw_line(arrays)[0]):
        found.append(
            "no jaw line (dynamic_lmk_faces_idx, dynamic_lmk_bary_coords): the lips alone tell how "
            "far a jaw is open."
        )
    if "hands_meanl" not in arrays or "hands_meanr" not in arrays:
        found.append("no mean hands: motion that was stored relative to them cannot be posed.")
    return found


def _landmarks(
    arrays: Mapping[str, Array], keys: tuple[str, str], names: tuple[str, ...]
) -> tuple[IntArray, FloatArray]:
    """Return faces (landmark,) and barycentric weights (landmark, 3); none unless all are there."""
    faces, weights = arrays.get(keys[0]), arrays.get(keys[1])
    if (
        faces is None
        or weights is None
        or faces.shape != (len(names),)
        or weights.shape != (len(names), 3)
        or faces.dtype.kind not in "iu"
        or weights.dtype.kind not in "fiu"
        or not np.isfinite(weights).all()
        or int(faces.min()) < 0
        or int(faces.max()) >= len(arrays["f"])
    ):
        return np.zeros(0, dtype=np.int64), np.zeros((0, 3))
    return faces.astype(np.int64), weights.astype(np.float64)


def _jaw_line(arrays: Mapping[str, Array]) -> tuple[IntArray, FloatArray]:
    """Return the jaw line of a face seen from the front: the first row of the table by yaw."""
    front = {
        key: arrays[key][0]
        for key in _CONTOUR
        if key in arrays and arrays[key].ndim > 1 and len(arrays[key])
    }
    return _landmarks({**front, "f": arrays["f"]}, _CONTOUR, JAW_LINE)


def _component_counts(components: int) -> tuple[int, int]:
    """Return how many components are shape and how many expression (see `smplx_format`)."""
    shapes = fmt.FULL_SHAPES if components >= fmt.FULL_SHAPES else fmt.REDUCED_SHAPES
    shapes = min(shapes, components)
    return shapes, components - shapes


def _model(path: Path, arrays: Mapping[str, Array], shapes: int, expressions: int) -> BodyModel:
    free = FREE_KEY in arrays
    template = arrays["v_template"].astype(np.float64)
    split = _component_counts(arrays["shapedirs"].shape[2])[0]
    by_component = arrays["shapedirs"].transpose(2, 0, 1)
    shape_components = _used(by_component[:split], shapes)
    expression_components = _used(by_component[split:], expressions)
    faces = arrays["f"].astype(np.int64)
    posed = arrays["posedirs"].any()
    correctives = np.ascontiguousarray(
        arrays["posedirs"].transpose(2, 0, 1)[: None if posed else 0]
    )
    hands = [arrays.get(key, np.zeros(45)) for key in ("hands_meanl", "hands_meanr")]
    face_landmarks, jaw_line = _landmarks(arrays, _FACE, INNER_FACE), _jaw_line(arrays)
    return BodyModel(
        name=str(arrays[FREE_KEY]) if free else f"smplx_{_sex_of(path)}",
        joint_names=fmt.JOINT_NAMES,
        parents=fmt.PARENTS,
        template=template,
        shape_components=shape_components,
        skin_weights=csr_array(arrays["weights"].astype(np.float64)),
        joint_regressor=csr_array(arrays["J_regressor"].astype(np.float64)),
        faces=faces,
        landmark_names=tuple(fmt.LANDMARK_VERTICES),
        landmark_vertices=np.array(list(fmt.LANDMARK_VERTICES.values()), dtype=np.int64),
        mirror=_nearest_mirror(template),
        expression_names=tuple(f"expression_{k + 1}" for k in range(len(expression_components))),
        expression_components=expression_components,
        pose_correctives=np.ascontiguousarray(correctives),
        hand_means=np.stack(hands).reshape(2, 15, 3).astype(np.float64),
        face_landmark_vertices=faces[face_landmarks[0]],
        face_landmark_weights=face_landmarks[1],
        sex_names=(),
        sex_betas=np.zeros((0, len(shape_components))),
        licence_note="" if free else LICENCE_NOTE,
        jaw_line_vertices=faces[jaw_line[0]],
        jaw_line_weights=jaw_line[1],
    )


def _used(components: Array, count: int) -> Array:
    """Return up to `count` components as an array of their own, without zeros at the end."""
    kept = components[:count]
    filled = np.flatnonzero(kept.any(axis=(1, 2)))
    return np.ascontiguousarray(kept[: filled[-1] + 1 if len(filled) else 0])


def _nearest_mirror(template: Array) -> IntArray:
    """Return for every vertex the one nearest to its mirror image across x = 0."""
    _, nearest = cKDTree(template).query(template * [-1.0, 1.0, 1.0])
    return np.asarray(nearest, dtype=np.int64)


def _sex_of(path: Path) -> str:
    """Return the sex in a file's name; SMPLX_FEMALE.npz is female."""
    name = path.stem.lower()
    return next((sex for sex in ("female", "male") if sex in name), _SEXES[0])
