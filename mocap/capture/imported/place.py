"""Foreign points as ours: named, in metres, Z up, each with how far it scatters."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from mocap.capture.imported.names import known_names, with_joint_centres
from mocap.capture.imported.read import ForeignPoints
from mocap.core.errors import InputError
from mocap.core.points import FURTHEST_M, Points3D, Source
from mocap.core.shapes import BoolArray, FloatArray

UNIT_M = {"mm": 0.001, "cm": 0.01, "m": 1.0}
AXES = ("x", "y", "z", "-x", "-y", "-z")

LEAST_SIGMA_M = 0.001
"""No marker is known better than this: skin moves by more."""

_UPPER = ("head", "nose", "c7", "neck", "left_shoulder", "right_shoulder", "left_acromion",
          "right_acromion", "left_hip", "right_hip", "left_asis", "right_asis")  # fmt: skip
_LOWER = ("left_ankle", "right_ankle", "left_heel", "right_heel", "left_lateral_ankle",
          "right_lateral_ankle", "left_knee", "right_knee")  # fmt: skip
# The third difference of white noise of one unit has a standard deviation of sqrt(20).
_THIRD_DIFFERENCE = np.sqrt(20.0)
_NORMAL_MAD = 1.4826
# From the ankles to the shoulders a standing adult is 1.0 to 1.6 m; a crouching one still 0.4.
_TALLEST_M = 2.5


@dataclass(frozen=True, eq=False)
class Imported:
    """Points as ours, and what was guessed on the way.

    Attributes:
        points: one person, id 0.
        said: sentences for people.
        unknown: names of the file that are no known points.
    """

    points: Points3D
    said: tuple[str, ...]
    unknown: tuple[str, ...]


FARTHEST = 1e9
"""A thousand kilometres in millimetres."""


def place(
    foreign: ForeignPoints,
    *,
    names: Mapping[str, str] | None = None,
    unit: str | None = None,
    up: str | None = None,
    fps: float | None = None,
) -> Imported:
    """Return foreign points as ours.

    Args:
        foreign: as read.
        names: file's name -> our name, where a person says so.
        unit, up, fps: as a person says; None: as the file says, else guessed and said.

    Raises:
        InputError: the frame rate is not known, or no body can be told.
    """
    said: list[str] = []
    mapped = known_names(foreign.names, names or {})
    # Some bits that mean "no number" make a processor complain of every sum: one kind is kept.
    seen = np.where(np.isnan(foreign.xyz), np.nan, foreign.xyz)
    at = {ours: seen[:, foreign.names.index(theirs)] for theirs, ours in mapped.items()}
    if len(at) < 3:
        raise InputError(
            f"only {len(at)} of the file's {len(foreign.names)} points have known names (it says "
            f"{', '.join(foreign.names[:6])}…): write a table of names and give it with --map."
        )
    beyond = [name for name, xyz in at.items() if (np.abs(xyz) > FARTHEST).any()]
    if beyond:
        raise InputError(
            f"positions of {', '.join(beyond[:3])} are beyond {FARTHEST:g}, in whatever unit: the "
            "file is damaged."
        )
    rate = fps or foreign.fps
    if rate is None or not rate > 0.0:
        raise InputError("the file does not say its frame rate: give --fps.")
    along, sign = _up(at, up, said)
    scale = UNIT_M[unit or foreign.unit or _guessed_unit(at, along, said)]
    turned = {name: scale * _z_up(xyz, along, sign) for name, xyz in at.items()}
    whole, made = with_joint_centres(turned)
    if made:
        said.append(f"joint centres from markers: {', '.join(made)}")
    unknown = tuple(name for name in foreign.names if name not in mapped)
    if unknown:
        shown = ", ".join(unknown[:6]) + ("…" if len(unknown) > 6 else "")
        said.append(f"{len(unknown)} points of no known name are left out: {shown}")
    return Imported(_points(whole, float(rate)), tuple(said), unknown)


def _points(at: Mapping[str, FloatArray], fps: float) -> Points3D:
    names = tuple(at)
    xyz = np.stack([at[name] for name in names], axis=1)[:, None]
    furthest_m = float(np.nanmax(np.abs(xyz), initial=0.0))
    if furthest_m > FURTHEST_M:
        raise InputError(
            f"a point lies {furthest_m:.3g} m from the origin: the unit is another one (--unit), "
            "or the file is damaged."
        )
    sigma = np.array([scatter_m(at[name]) for name in names])
    seen: BoolArray = np.asarray(np.isfinite(xyz).all(axis=-1))
    covariance = np.eye(3) * (sigma**2)[None, None, :, None, None]
    covariance = np.where(seen[..., None, None], covariance, np.nan)
    return Points3D(
        keypoint_names=names,
        person_ids=(0,),
        fps=fps,
        xyz=np.where(seen[..., None], xyz, np.nan),
        covariance=covariance,
        reprojection_error_px=np.full(seen.shape, np.nan),
        view_count=np.zeros(seen.shape, dtype=np.int64),
        source=np.where(seen, Source.MEASURED, Source.MISSING).astype(np.uint8),
    )


def scatter_m(path: FloatArray) -> float:
    """Return the standard deviation per axis of a point's scatter from frame to frame, metres.

    From its third differences, in which a smooth motion leaves next to nothing: their median
    absolute value stands for that of white noise. Never below `LEAST_SIGMA_M`.
    """
    third = np.diff(path, n=3, axis=0)
    known = third[np.isfinite(third).all(axis=-1)]
    if not len(known):
        return LEAST_SIGMA_M
    middle = float(np.median(np.abs(known)))
    return max(LEAST_SIGMA_M, _NORMAL_MAD * middle / float(_THIRD_DIFFERENCE))


def _up(at: Mapping[str, FloatArray], given: str | None, said: list[str]) -> tuple[int, float]:
    """Return the axis that points up and its sign: from the feet to the shoulders."""
    if given is not None:
        return "xyz".index(given[-1]), -1.0 if given.startswith("-") else 1.0
    upper = [at[name] for name in _UPPER if name in at]
    lower = [at[name] for name in _LOWER if name in at]
    if not upper or not lower:
        raise InputError("neither feet and hips nor shoulders are known: give --up.")
    way = np.nanmedian(np.mean(upper, axis=0) - np.mean(lower, axis=0), axis=0)
    axis = int(np.argmax(np.abs(way)))
    sign = float(np.sign(way[axis]))
    said.append(
        f"up is {'-' if sign < 0 else ''}{'xyz'[axis].upper()}, told by feet and trunk (--up)"
    )
    return axis, sign


def _guessed_unit(at: Mapping[str, FloatArray], axis: int, said: list[str]) -> str:
    heights = np.concatenate([xyz[:, axis] for xyz in at.values()])
    tall = float(np.subtract(*np.nanpercentile(heights, [99.0, 1.0])))
    unit = next((u for u in ("m", "cm", "mm") if tall * UNIT_M[u] <= _TALLEST_M), "mm")
    said.append(f"the unit is {unit}, told by a body of {tall * UNIT_M[unit]:.2f} m (--unit)")
    return unit


def _z_up(xyz: FloatArray, axis: int, sign: float) -> FloatArray:
    """Turn points so that an axis becomes +Z; a rotation, never a mirror image.

    Y up is turned about X, which keeps its direction: what was -Z is Y then.
    """
    x, y, z = np.moveaxis(xyz, -1, 0)
    turned = {0: (-z, y, x), 1: (x, -z, y), 2: (x, y, z)}[axis]
    upright = np.stack(turned, axis=-1)
    return upright if sign > 0 else upright * np.array([1.0, -1.0, -1.0])
