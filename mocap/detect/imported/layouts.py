"""Which keypoint set the points of a file are: by its names, or by their number and where they lie.

A file that only numbers its points does not say what they are, and a wrong guess makes eyes of
shoulders. Two checks keep that from happening. Among sets of one size the one whose bones are the
shortest is taken; and bones must be clearly shorter than any other two of their ends are apart,
which they are in every pose and only under the right names.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from mocap.capture.imported.names import known_names
from mocap.core.errors import InputError
from mocap.core.keypoints import KEYPOINT_SETS, KeypointSet
from mocap.core.shapes import FloatArray, IntArray
from mocap.detect.imported.keypoints import FileKeypoints

LARGEST_BONE_RATIO = 0.5
"""Bones by all distances between their ends. Right names give 0.04 to 0.32 in every set, pose and
view that was tried, names dealt by chance 0.73 to 1.25, BODY_25B read as BODY_25 0.68: this lies in
between."""

CLEARLY_SHORTER = 0.7
"""The best of several sets of one size must beat the next by this factor; BODY_25B beats BODY_25 by
0.3 on people that it was found on."""

FEWEST_POINTS = 8
"""Of a person that is looked at: fewer may lie anywhere."""

LOOKED_AT = 500
"""People, spread over the take: more do not change a median."""

_PLAIN = {
    "nose": "nose", "neck": "neck", "headtop": "head_top", "head": "head_top", "root": "mid_hip",
    "hip": "mid_hip", "pelvis": "mid_hip", "midhip": "mid_hip", "upperneck": "upper_neck",
}  # fmt: skip

_OTHER_PARTS = {
    "leftfootindex": "left_big_toe", "rightfootindex": "right_big_toe",
    "mouthleft": "left_mouth_corner", "mouthright": "right_mouth_corner",
    "lefteyeinner": "left_eye_inner_corner", "righteyeinner": "right_eye_inner_corner",
    "lefteyeouter": "left_eye_outer_corner", "righteyeouter": "right_eye_outer_corner",
    "leftpinky": "left_pinky_1", "rightpinky": "right_pinky_1", "leftindex": "left_index_1",
    "rightindex": "right_index_1", "leftthumb": "left_thumb_2", "rightthumb": "right_thumb_2",
}  # fmt: skip
"""MediaPipe's names for points that have another one here."""


@dataclass(frozen=True, eq=False)
class Layout:
    """What the points of a file are.

    Attributes:
        keypoint_set: the set they belong to.
        places: (keypoint,) place in the file of each point of the set; -1 = the file has it not.
        said: what a person should know.
    """

    keypoint_set: KeypointSet
    places: IntArray
    said: tuple[str, ...]


def layout_of(
    cameras: Mapping[str, FileKeypoints], asked: str | None, given: Mapping[str, str]
) -> Layout:
    """Return what the points of all cameras are.

    Args:
        cameras: what was read, by camera; at least one has people.
        asked: name of a keypoint set that a person says; None to tell it from the files.
        given: names of the file and ours that a person says.

    Raises:
        InputError: the cameras differ, or nobody knows the points; says what is known.
    """
    counts = {camera: each.count for camera, each in cameras.items() if each.count}
    names = {each.names for each in cameras.values() if each.count}
    if len(set(counts.values())) > 1 or len(names) > 1:
        listed = ", ".join(f"{camera} {count}" for camera, count in counts.items())
        raise InputError(
            f"the cameras have different keypoints ({listed}): they come from different detectors. "
            "Import files of one."
        )
    first = next(each for each in cameras.values() if each.count)
    if asked is None and first.names:
        return _by_names(first.names, given)
    points = _sample(cameras)
    if asked is not None:
        return _plain(_asked(asked, first.count), points, said=())
    return _by_count(first, points)


def bone_ratio(points: FloatArray, keypoint_set: KeypointSet) -> float:
    """Return how long bones are by the distances between all their ends: median over people.

    Args:
        points: (person, keypoint, 2) pixels; NaN = not seen.
        keypoint_set: of as many keypoints; NaN when nobody shows enough of it.
    """
    bones = np.array(keypoint_set.bone_indices())
    ends = np.unique(bones)
    pairs = np.array(list(combinations(ends, 2)))

    def mean_length(of: IntArray) -> FloatArray:
        lengths = np.linalg.norm(points[:, of[:, 0]] - points[:, of[:, 1]], axis=-1)
        seen = np.isfinite(lengths)
        return np.where(seen, lengths, 0.0).sum(axis=1) / np.maximum(seen.sum(axis=1), 1)

    enough = np.isfinite(points[:, ends, 0]).sum(axis=1) >= FEWEST_POINTS
    bone, every = mean_length(bones), mean_length(pairs)
    good = enough & (every > 0.0)
    return float(np.median(bone[good] / every[good])) if good.any() else float("nan")


def _sample(cameras: Mapping[str, FileKeypoints]) -> FloatArray:
    """Return people (person, keypoint, 2) spread over all cameras and frames."""
    everybody = [
        person[:, :2]
        for each in cameras.values()
        for _, people in sorted(each.frames.items())
        for person in people
    ]
    step = max(1, len(everybody) // LOOKED_AT)
    return np.stack(everybody[::step])


def _plain(keypoint_set: KeypointSet, points: FloatArray, said: tuple[str, ...]) -> Layout:
    """Return a set in its own order, unless the points cannot be its."""
    ratio = bone_ratio(points, keypoint_set)
    if ratio > LARGEST_BONE_RATIO:
        raise InputError(
            f"the {points.shape[1]} keypoints do not lie as those of {keypoint_set.name} do (bones "
            f"are {ratio:.2f} of the distances between their ends; people give at most 0.32). Say "
            "which they are with --keypoints, or their order with --map."
        )
    return Layout(keypoint_set, np.arange(points.shape[1]), said)


def _asked(name: str, count: int) -> KeypointSet:
    if name not in KEYPOINT_SETS:
        raise InputError(f"there is no keypoint set '{name}'; known are {_known()}.")
    found = KEYPOINT_SETS[name]
    if len(found.keypoint_names) != count:
        raise InputError(
            f"the files have {count} keypoints of a person, {name} has "
            f"{len(found.keypoint_names)}. Known are {_known()}."
        )
    return found


def _by_count(first: FileKeypoints, points: FloatArray) -> Layout:
    sizes = [each for each in KEYPOINT_SETS.values() if len(each.keypoint_names) == first.count]
    if first.layout in KEYPOINT_SETS:
        sizes = [each for each in sizes if each.name == first.layout]
    if not sizes:
        raise InputError(
            f"{first.format} with {first.count} keypoints of a person is not known. Known are "
            f"{_known()}. Name the points in a TOML and give it with --map."
        )
    ratios = {each.name: bone_ratio(points, each) for each in sizes}
    order = sorted(sizes, key=lambda each: (np.isnan(ratios[each.name]), ratios[each.name]))
    best = order[0]
    if len(order) > 1:
        lengths = [ratios[each.name] for each in order[:2]]
        if not lengths[0] < CLEARLY_SHORTER * lengths[1]:
            raise InputError(
                f"{first.format} with {first.count} keypoints may be "
                f"{' or '.join(each.name for each in order)}, and the people in it do not tell. "
                "Say which with --keypoints."
            )
        return _plain(best, points, (
            f"{first.count} keypoints taken for {best.name}: its bones are {lengths[0]:.2f} of the "
            f"distances between their ends, those of {order[1].name} {lengths[1]:.2f}",
        ))  # fmt: skip
    return _plain(best, points, ())


def _by_names(names: tuple[str, ...], given: Mapping[str, str]) -> Layout:
    """Return the smallest set that has all points whose names are known."""
    ours = named(names, given)
    if len(ours) < FEWEST_POINTS:
        raise InputError(
            f"{len(ours)} of the keypoints {', '.join(names[:8])}{'…' * (len(names) > 8)} have a "
            f"name that is known; at least {FEWEST_POINTS} are needed. Give a TOML of names with "
            '--map: "paw_l" = "left_wrist"; known are the names of '
            f"{', '.join(KEYPOINT_SETS)}."
        )
    wanted = set(ours.values())
    order = sorted(
        KEYPOINT_SETS.values(),
        key=lambda each: (len(wanted - set(each.keypoint_names)), len(each.keypoint_names)),
    )
    best = order[0]
    place = {our: names.index(theirs) for theirs, our in ours.items()}
    places = np.array([place.get(name, -1) for name in best.keypoint_names])
    said = []
    unknown = [name for name in names if name not in ours]
    if unknown:
        said.append(f"keypoints left out, their names are not known: {', '.join(unknown[:12])}")
    beyond = sorted(wanted - set(best.keypoint_names))
    if beyond:
        said.append(f"keypoints left out, {best.name} has them not: {', '.join(beyond)}")
    renamed = [f"{theirs} = {our}" for theirs, our in ours.items() if theirs != our]
    if renamed:
        said.append(f"names: {', '.join(renamed)}")
    return Layout(best, places, tuple(said))


def named(names: tuple[str, ...], given: Mapping[str, str]) -> dict[str, str]:
    """Return our name by the file's name, for all that are known."""
    every = {name for each in KEYPOINT_SETS.values() for name in each.keypoint_names}
    wrong = sorted(set(given.values()) - every)
    if wrong:
        raise InputError(
            f"--map maps to '{wrong[0]}', which is no keypoint here; known are those of "
            f"{', '.join(KEYPOINT_SETS)}, such as left_wrist."
        )
    found: dict[str, str] = dict(given)
    for name in names:
        letters = "".join(each for each in name.lower() if each.isalnum())
        exact = name.lower() if name.lower() in every else None
        our = exact or _PLAIN.get(letters) or _OTHER_PARTS.get(letters)
        if name not in found and our and our not in found.values():
            found[name] = our
    guessed = known_names(tuple(name for name in names if name not in found), {})
    for name, our in guessed.items():
        if our in every and our not in found.values():
            found[name] = our
    return {name: our for name, our in found.items() if name in names}


def _known() -> str:
    return ", ".join(f"{each.name} ({len(each.keypoint_names)})" for each in KEYPOINT_SETS.values())
