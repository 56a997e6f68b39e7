"""Joint angles by Euler sequences (ISB), with sign and meaning of every one in one table.

All angles are written for the right side. A left side's are those of the mirrored person, so
adduction, internal rotation, pronation and the like mean the same on both sides. Angles of the
trunk are not sided: lateral bend is positive to the right, rotation to the left.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from mocap.core.runs import runs
from mocap.core.shapes import Array, BoolArray, FloatArray, check_shapes, check_unique
from mocap.measure.segments.segments import LAB, SIDES, Segments

SINGULAR_ELEVATION_DEG = 10.0
"""Below this elevation (and above 180 minus it) plane of elevation and axial rotation of the
shoulder are not defined one by one: the sequence Y-X-Y is singular at 0 and 180."""


PELVIS_TILT_UNSEEN = (
    "two hip points do not show the tilt of the pelvis: this is the thigh against the line from "
    "hips to shoulders"
)
PELVIS_TILT_LIMIT_DEG = 30.0
"""Beside marker-based models hip flexion differs by up to this while the trunk bends: how much of
a bend is pelvis and how much is spine is not seen in keypoints, and a fitted body guesses it."""


@dataclass(frozen=True)
class Joint:
    """One joint: which segment turns in which, in what sequence, and what the angles mean.

    Attributes:
        name: of the joint.
        proximal, distal: segments without their side; proximal "" is the lab.
        sequence: of rotations about the moving axes: "ZXY", "YXZ" or "YXY".
        angles: names of the three angles.
        signs: that make each angle positive in the sense its name says.
        axial: per angle, which segments' turn about their long axis it rests on: "" none, "p"
            proximal, "d" distal, "pd" both.
    """

    name: str
    proximal: str
    distal: str
    sequence: str
    angles: tuple[str, str, str]
    signs: tuple[int, int, int]
    axial: tuple[str, str, str]


LIMB_JOINTS = (
    Joint(
        "shoulder", "thorax", "humerus", "YXY",
        ("plane_of_elevation", "elevation", "external_rotation"), (1, -1, -1), ("p", "", "d"),
    ),
    Joint(
        "elbow", "humerus", "forearm", "ZXY",
        ("flexion", "adduction", "pronation"), (1, 1, 1), ("", "pd", "pd"),
    ),
    Joint(
        "wrist", "forearm", "hand", "ZXY",
        ("flexion", "ulnar_deviation", "pronation"), (1, 1, 1), ("p", "p", "pd"),
    ),
    Joint(
        "hip", "pelvis", "femur", "ZXY",
        ("flexion", "adduction", "internal_rotation"), (1, 1, 1), ("", "", "d"),
    ),
    Joint(
        "knee", "femur", "tibia", "ZXY",
        ("flexion", "adduction", "internal_rotation"), (-1, 1, 1), ("", "pd", "pd"),
    ),
    Joint(
        "ankle", "tibia", "foot", "ZXY",
        ("dorsiflexion", "inversion", "internal_rotation"), (1, 1, 1), ("", "p", "pd"),
    ),
)  # fmt: skip
TRUNK_JOINTS = (
    Joint(
        "trunk", "pelvis", "thorax", "ZXY",
        ("flexion", "right_lateral_bend", "left_rotation"), (-1, 1, 1), ("", "", "pd"),
    ),
    Joint(
        "neck", "thorax", "head", "ZXY",
        ("flexion", "right_lateral_bend", "left_rotation"), (-1, 1, 1), ("", "", "pd"),
    ),
    Joint(
        "pelvis", "", "pelvis", "YXZ",
        ("left_rotation", "right_drop", "anterior_tilt"), (1, 1, -1), ("", "", ""),
    ),
    Joint(
        "thorax", "", "thorax", "YXZ",
        ("left_rotation", "right_lateral_tilt", "forward_tilt"), (1, 1, -1), ("", "", ""),
    ),
)  # fmt: skip


@dataclass(frozen=True, eq=False)
class AngleCurves:
    """Angles over time.

    Attributes:
        names: as `left_knee_flexion`.
        values_deg: (frame, angle); NaN where an angle is not known.
        fps: frames per second.
        reasons: why an angle is not known, somewhere or everywhere, by its name.
    """

    names: tuple[str, ...]
    values_deg: FloatArray
    fps: float
    reasons: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Check shapes and names."""
        check_shapes(self, names="angle", values_deg="frame angle")
        check_unique(self, "names", self.names)

    def __getitem__(self, name: str) -> FloatArray:
        """Return one angle (frame,) in degrees."""
        return self.values_deg[:, self.names.index(name)]


def euler_angles(rotations: Array, sequence: str) -> FloatArray:
    """Return the angles (..., 3) in radians of rotations about moving axes.

    "ZXY": R = Rz(a) Rx(b) Ry(c), b in ±90 deg. "YXZ": R = Ry(a) Rx(b) Rz(c), b in ±90 deg.
    "YXY": R = Ry(a) Rx(b) Ry(c) with b in [-180, 0] deg, the branch of the ISB shoulder.

    Raises:
        ValueError: for another sequence.
    """
    r = np.asarray(rotations, dtype=np.float64)
    if sequence == "ZXY":
        a = np.arctan2(-r[..., 0, 1], r[..., 1, 1])
        b = np.arctan2(r[..., 2, 1], np.hypot(r[..., 0, 1], r[..., 1, 1]))
        c = np.arctan2(-r[..., 2, 0], r[..., 2, 2])
    elif sequence == "YXZ":
        a = np.arctan2(r[..., 0, 2], r[..., 2, 2])
        b = np.arctan2(-r[..., 1, 2], np.hypot(r[..., 0, 2], r[..., 2, 2]))
        c = np.arctan2(r[..., 1, 0], r[..., 1, 1])
    elif sequence == "YXY":
        a = np.arctan2(-r[..., 0, 1], -r[..., 2, 1])
        b = -np.arctan2(np.hypot(r[..., 0, 1], r[..., 2, 1]), r[..., 1, 1])
        c = np.arctan2(-r[..., 1, 0], r[..., 1, 2])
    else:
        raise ValueError(f"no Euler sequence '{sequence}'; known are ZXY, YXZ and YXY")
    return np.stack([a, b, c], axis=-1)


def continuous_deg(angle_deg: Array, *, wrapped: bool = False) -> FloatArray:
    """Take out jumps of a full turn (frame,), run by run, with each run's median in ±180 deg.

    A person may turn round any number of times, a joint may not: with `wrapped` a run that spans
    more than a full turn (circling arms pass the singular poses, where axial rotation has no
    meaning) stays within half a turn of zero, jumps and all.
    """
    out = np.asarray(angle_deg, dtype=np.float64).copy()
    for start, end in runs(np.isfinite(out)):
        run = np.unwrap(out[start:end], period=360.0)
        run -= 360.0 * np.round(np.median(run) / 360.0)
        if wrapped and np.ptp(run) > 360.0:
            run = (run + 180.0) % 360.0 - 180.0
        out[start:end] = run
    return out


def joint_angles(segments: Segments) -> AngleCurves:
    """Return all joint angles of a person; see `LIMB_JOINTS` and `TRUNK_JOINTS`.

    With segments from keypoints alone, angles that need an axial turn that was not seen are NaN
    and `reasons` says why.

    >>> from mocap.measure.segments.points import segments_from_points
    >>> from mocap.synthetic.example import walker
    >>> angles = joint_angles(segments_from_points(walker().points))
    >>> bool(40.0 < angles["left_knee_flexion"].max() < 75.0)  # degrees, in a walk
    True
    >>> angles.reasons["left_knee_adduction"]
    'keypoints do not show how the tibia is turned about its length'
    """
    columns: dict[str, FloatArray] = {}
    reasons: dict[str, str] = {}
    for joint in TRUNK_JOINTS:
        _add(columns, reasons, segments, joint, "")
    mirrored = segments.mirrored()
    for side in SIDES:
        person = segments if side == "right" else mirrored
        for joint in LIMB_JOINTS:
            _add(columns, reasons, person, joint, side)
    if segments.from_keypoints:
        reasons |= {f"{side}_hip_flexion": PELVIS_TILT_UNSEEN for side in SIDES}
    names = tuple(columns)
    values = np.stack([columns[name] for name in names], axis=-1)
    return AngleCurves(names, values, segments.fps, reasons)


def _add(
    columns: dict[str, FloatArray],
    reasons: dict[str, str],
    person: Segments,
    joint: Joint,
    side: str,
) -> None:
    """Add the three angles of a joint; a sided joint is read as the right one of `person`."""
    angles = right_joint_deg(person, joint)
    known = axial_knowledge(person, joint)
    name = _title(joint, side, person)
    if joint.name == "thorax" and not person.has_chest:
        name = "shoulder_line"
    for k, angle in enumerate(joint.angles):
        column = f"{name}_{angle}"
        columns[column] = np.where(known[:, k], angles[:, k], np.nan)
        reason = _reason(joint, present=np.isfinite(angles[:, 1]), known=known[:, k])
        if not reason and np.isnan(angles[:, k]).any():
            reason = (
                f"plane and rotation are undefined within {SINGULAR_ELEVATION_DEG:g} deg of the "
                "hanging or the vertical arm"
            )
        if reason:
            reasons[column] = reason


def _title(joint: Joint, side: str, person: Segments) -> str:
    return f"{side}_{joint.name}" if side else joint.name


def _reason(joint: Joint, present: BoolArray, known: BoolArray) -> str:
    """Return why the segments do not give an angle in some frames, or an empty text."""
    if not present.all():
        missing = 100.0 * (1.0 - present.mean())
        return f"{joint.distal} or {joint.proximal or 'lab'} not seen in {missing:.0f} % of frames"
    if not known.any():
        return f"keypoints do not show how the {joint.distal} is turned about its length"
    if not known.all():
        return (
            "the turn about the bone cannot be seen in a nearly straight limb "
            f"({100.0 * known.mean():.0f} % of frames measured)"
        )
    return ""


def right_joint_deg(person: Segments, joint: Joint) -> FloatArray:
    """Return the angles (frame, 3) in degrees of a joint of the right side or the trunk."""
    segment = person.rotation(_sided(joint.distal))
    base = person.rotation(_sided(joint.proximal)) if joint.proximal else LAB
    relative = np.swapaxes(base, -1, -2) @ segment
    angles = np.rad2deg(euler_angles(relative, joint.sequence)) * np.array(joint.signs)
    if joint.sequence == "YXY":
        elevation = angles[:, 1]
        singular = np.sin(np.deg2rad(elevation)) < np.sin(np.deg2rad(SINGULAR_ELEVATION_DEG))
        angles[singular, 0] = np.nan
        angles[singular, 2] = np.nan
    if person.from_keypoints and joint.name in ("elbow", "knee"):
        # Without the hinge's axis the angle between the bones is the flexion.
        angles[:, 0] = bend_deg(relative)
    for k in (0, 2) if joint.sequence != "YXZ" else (0,):
        angles[:, k] = continuous_deg(angles[:, k], wrapped=bool(joint.proximal))
    return angles


def bend_deg(relative: Array) -> FloatArray:
    """Return the angle (frame,) between the long axes of two segments."""
    along = np.asarray(relative)[..., :, 1]
    return np.rad2deg(np.arctan2(np.hypot(along[..., 0], along[..., 2]), along[..., 1]))


def axial_knowledge(person: Segments, joint: Joint) -> BoolArray:
    """Return where (frame, 3) the angles of a joint rest on measured turns only."""
    distal = person.known(_sided(joint.distal))
    proximal = person.known(_sided(joint.proximal)) if joint.proximal else np.ones_like(distal)
    columns = []
    for needs in joint.axial:
        known = np.ones_like(distal)
        if "p" in needs:
            known = known & proximal
        if "d" in needs:
            known = known & distal
        columns.append(known)
    return np.stack(columns, axis=-1)


def _sided(segment: str) -> str:
    return segment if segment in ("pelvis", "thorax", "head", "") else f"right_{segment}"
