"""Who was found, how much they matter, and what a person should know of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mocap.core.errors import ReconstructionError
from mocap.core.shapes import FloatArray
from mocap.reconstruct.people.instant_kernels import NOBODY
from mocap.reconstruct.people.scene import Scene
from mocap.reconstruct.people.stitching import Person, median_over_time

# With "all", people seen in less than this share of the take are listed but left out.
LEAST_SHARE_OF_TAKE = 0.1

# Speed of the keypoints at which somebody counts as half moving; who stands still counts a quarter.
_MOVING_M_S = 0.25
_STILL_COUNTS = 0.25

# Optical axes within 6 degrees of each other (sine squared 0.01) do not tell where they meet.
_LEAST_CONVERGENCE = 0.01

# Lengths as shares of the standing height (Drillis & Contini 1966, "Body segment parameters").
_SHARE_OF_HEIGHT = {
    ("hip", "knee"): 0.245,
    ("knee", "ankle"): 0.246,
    ("shoulder", "elbow"): 0.186,
    ("elbow", "wrist"): 0.146,
}


@dataclass(frozen=True, eq=False)
class FoundPerson:
    """One person of a take, chosen or not.

    Attributes:
        person_id: number in the take; 0 is the main person.
        name: given by hand or by height, else "person N".
        chosen: whether later stages get them.
        first_frame, last_frame, frames: when they were seen by two cameras at least, and how often.
        views_by_camera, swapped_by_camera: frames of each camera, and those put right.
        limbs_by_camera, limbs_left_out_by_camera: limb pairs put right, and left out in doubt.
        height_m: about, from limb lengths; NaN when too little was seen.
        notes: what was joined, and how sure that is.
        best_view: camera, frame and box x0 y0 x1 y1 in pixels of the calibration in which they are
            seen largest.
    """

    person_id: int
    name: str
    chosen: bool
    first_frame: int
    last_frame: int
    frames: int
    views_by_camera: dict[str, int]
    swapped_by_camera: dict[str, int]
    limbs_by_camera: dict[str, int]
    limbs_left_out_by_camera: dict[str, int]
    height_m: float
    notes: tuple[str, ...]
    best_view: tuple[str, int, tuple[float, float, float, float]]


def by_presence(people: Sequence[Person], scene: Scene) -> list[Person]:
    """Return the people in the order in which they matter, the main person first."""
    return sorted(people, key=lambda person: -presence(person, scene))


def presence(person: Person, scene: Scene) -> float:
    """Return how much somebody is what a take is about: time in the volume x views x movement.

    A spectator near one camera is large in its image and may be seen by all others, but stands at
    the rim, still, and hides the performer, who must not lose by that: views count as the share of
    the cameras that could see them.
    """
    track = person.track
    sure = track.views >= 2
    if not sure.any():
        return 0.0
    share = np.minimum(track.views[sure] / np.maximum(track.expected[sure], 1), 1.0)
    time = float(np.sum(share * _in_volume(track.skeletons[sure], scene.rig.poses)))
    speed = _speed_m_s(person, scene.fps)
    return time * (_STILL_COUNTS + (1.0 - _STILL_COUNTS) * speed / (speed + _MOVING_M_S))


def _in_volume(skeletons: FloatArray, poses: FloatArray) -> FloatArray:
    """Return how much in the middle of the volume people (n, keypoint, 3) are, in (0, 1].

    The middle is the point nearest to all optical axes; half way to the cameras a person counts
    exp(-1). Axes that are parallel have no such point: then everybody counts 1.
    """
    axes, centres = poses[:, 2, :3], -np.einsum("cji,cj->ci", poses[:, :, :3], poses[:, :, 3])
    across = np.eye(3) - axes[:, :, None] * axes[:, None]
    information = across.sum(axis=0)
    if np.linalg.eigvalsh(information)[0] < _LEAST_CONVERGENCE * len(poses):
        return np.ones(len(skeletons))
    middle = np.linalg.solve(information, np.einsum("cij,cj->i", across, centres))
    half_way = 0.5 * float(np.median(np.linalg.norm(centres - middle, axis=1)))
    place = np.nanmean(skeletons, axis=1)
    distance = np.linalg.norm(np.nan_to_num(place - middle, nan=half_way), axis=1)
    return np.asarray(np.exp(-((distance / half_way) ** 2)))


def _speed_m_s(person: Person, fps: float) -> float:
    """Return how fast the keypoints move on average: root mean square over a third of a second."""
    track = person.track
    step = max(1, round(fps / 3.0))
    sure = track.views >= 2
    frames, skeletons = track.frames[sure], track.skeletons[sure]
    after = np.searchsorted(frames, frames + step)
    both = np.flatnonzero(after < len(frames))
    both = both[frames[after[both]] == frames[both] + step]
    if len(both) == 0:
        return 0.0
    moved = np.linalg.norm(skeletons[after[both]] - skeletons[both], axis=-1)
    return float(np.sqrt(np.nanmean(moved**2))) * fps / step if np.isfinite(moved).any() else 0.0


def size_in_images(person: Person, scene: Scene) -> float:
    """Return the sum of a person's image sizes over all frames and views, in rays."""
    track = person.track
    rows, cameras = np.nonzero(track.members != NOBODY)
    boxes = scene.boxes[track.frames[rows], cameras, track.members[rows, cameras]]
    return float(np.nansum(np.max(boxes[:, 2:] - boxes[:, :2], axis=1, initial=0.0)))


def height_of(person: Person, scene: Scene) -> float:
    """Return the standing height that the limbs tell, in m; NaN when none was seen."""
    skeletons = person.track.skeletons[person.track.views >= 2]
    heights = []
    for (upper, lower), share in _SHARE_OF_HEIGHT.items():
        for side in ("left", "right"):
            ends = [f"{side}_{upper}", f"{side}_{lower}"]
            if not set(ends) <= set(scene.names):
                continue
            a, b = (scene.names.index(end) for end in ends)
            length = np.linalg.norm(skeletons[:, a] - skeletons[:, b], axis=-1)
            heights.append(median_over_time(length[:, None])[0] / share)
    known = [height for height in heights if np.isfinite(height)]
    return float(np.median(known)) if known else float("nan")


def chosen_ids(
    choice: str, ids: Sequence[int], people: Sequence[Person], names: Sequence[str], scene: Scene
) -> tuple[int, ...]:
    """Return the ids of the people that `choice` means, in the order of `ids`.

    Args:
        choice: "all": who is seen in a tenth of the take or more; "main": the first; "largest":
            who is largest in the images; or numbers and names, separated by commas.
        ids, people, names: everybody, the main person first.
        scene: where they were found.

    Raises:
        ReconstructionError: a number or name that is nobody's.
    """
    if choice == "main":
        return tuple(ids[:1])
    if choice == "largest":
        sizes = [size_in_images(person, scene) for person in people]
        return (ids[int(np.argmax(sizes))],)
    if choice == "all":
        least = LEAST_SHARE_OF_TAKE * scene.frame_count
        long = [i for i, p in zip(ids, people, strict=True) if np.sum(p.track.views >= 2) >= least]
        return tuple(long or ids[:1])
    wanted = []
    for word in (part.strip() for part in choice.split(",")):
        matches = [i for i, name in zip(ids, names, strict=True) if word in (str(i), name)]
        if not matches:
            known = ", ".join(
                str(i) if name == f"person {i}" else f"{i} ({name})"
                for i, name in zip(ids, names, strict=True)
            )
            raise ReconstructionError(
                f"there is no person '{word}' in this take; found were {known}. Say 'all', 'main', "
                "'largest', or one of these numbers or names."
            )
        wanted += matches
    return tuple(i for i in ids if i in wanted)


def best_view(
    person: Person, scene: Scene, camera_names: Sequence[str], pixels: FloatArray
) -> tuple[str, int, tuple[float, float, float, float]]:
    """Return camera, frame and pixel box in which a person is seen largest.

    pixels (camera, frame, keypoint, 2) are those of the person.
    """
    track = person.track
    rows, cameras = np.nonzero(track.members != NOBODY)
    boxes = scene.boxes[track.frames[rows], cameras, track.members[rows, cameras]]
    area = np.nan_to_num(np.prod(boxes[:, 2:] - boxes[:, :2], axis=1), posinf=0.0, neginf=0.0)
    best = int(np.argmax(area))
    camera, frame = int(cameras[best]), int(track.frames[rows[best]])
    seen = pixels[camera, frame][~np.isnan(pixels[camera, frame, :, 0])]
    (x0, y0), (x1, y1) = seen.min(axis=0), seen.max(axis=0)
    return camera_names[camera], frame, (float(x0), float(y0), float(x1), float(y1))
