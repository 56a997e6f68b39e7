"""OpenPose's grouping: peaks of heat maps, joined to people along part affinity fields.

Cao, Hidalgo, Simon, Wei and Sheikh, "OpenPose", TPAMI 2019. A limb's field points along it; the
mean of its component along the line between two peaks says how well they are joined. Limbs are
taken greedily, best first, then put together to people.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from scipy import ndimage

from mocap.core.errors import ModelError
from mocap.core.keypoints import BODY_25, COCO_18, KeypointSet
from mocap.core.shapes import Array, FloatArray, IntArray
from mocap.detect.onnx.inputs import OnnxNetwork, fitted
from mocap.detect.people import Detection

_LIMBS = {
    "body_25": (
        (1, 8), (1, 2), (1, 5), (2, 3), (3, 4), (5, 6), (6, 7), (8, 9), (9, 10), (10, 11), (8, 12),
        (12, 13), (13, 14), (1, 0), (0, 15), (15, 17), (0, 16), (16, 18), (2, 17), (5, 18),
        (14, 19), (19, 20), (14, 21), (11, 22), (22, 23), (11, 24),
    ),
    "coco_18": (
        (1, 2), (1, 5), (2, 3), (3, 4), (5, 6), (6, 7), (1, 8), (8, 9), (9, 10), (1, 11), (11, 12),
        (12, 13), (1, 0), (0, 14), (14, 16), (0, 15), (15, 17), (2, 16), (5, 17),
    ),
}  # fmt: skip
"""Which keypoints the published networks join, in the order of their documentation."""

_FIELDS = {
    "body_25": (0, 14, 22, 16, 18, 24, 26, 6, 2, 4, 8, 10, 12, 30, 32, 36, 34, 38, 20, 28, 40, 42,
                44, 46, 48, 50),
    "coco_18": (12, 20, 14, 16, 22, 24, 0, 2, 4, 6, 8, 10, 28, 30, 34, 32, 36, 18, 26),
}  # fmt: skip
"""Channel of the x component of each limb's field, after the heat maps; y follows it."""

LEAST_PEAK = 0.05
LEAST_FIELD = 0.05
"""Along a limb; below, a sample does not speak for it."""

SHARE_OF_SAMPLES = 0.8
SAMPLES = 10
FEWEST_PARTS = 4
LEAST_MEAN = 0.2
"""A person has so many keypoints, joined and found with this confidence in the mean. The four
figures are OpenPose's own but the last, half of its."""


@dataclass(eq=False)
class _Person:
    parts: dict[int, int] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class PartFields:
    """Everybody of an image by part affinity fields."""

    network: OnnxNetwork
    keypoint_set: KeypointSet

    @property
    def keypoint_names(self) -> tuple[str, ...]:
        """Names of the keypoints, in order."""
        return self.keypoint_set.keypoint_names

    def __call__(self, image: Array) -> list[Detection]:
        """Return the people of an (height, width, 3) uint8 RGB image."""
        crop = fitted(image, self.network)
        heat, fields = maps_of(self.network(crop.image), self.keypoint_set, self.network)
        stride = self.network.size[0] / heat.shape[2]
        people = []
        for at, sure in group(heat, fields, self.keypoint_set.name):
            # A map's pixel is the middle of as many of the input as the network has shrunk it by.
            pixels = crop.to_image((at + 0.5) * stride - 0.5)
            seen = sure > 0.0
            box = np.concatenate([pixels[seen].min(axis=0), pixels[seen].max(axis=0)])
            people.append(Detection(np.where(seen[:, None], pixels, np.nan), sure, box))
        return people


def keypoint_set_of(network: OnnxNetwork) -> KeypointSet:
    """Return which of OpenPose's bodies a network finds, by the number of its maps.

    Raises:
        ModelError: neither.
    """
    width, height = network.size
    outputs = network(np.zeros((height, width, 3), np.uint8))
    for each in (BODY_25, COCO_18):
        if sum(o.shape[1] for o in outputs if o.ndim == 4) == _maps_of(each):
            return each
    shapes = ", ".join(str(each.shape) for each in outputs)
    raise ModelError(
        f"{network.network.name} gives outputs of shape {shapes}; OpenPose's bodies have 78 maps "
        "(25 keypoints) or 57 (18)."
    )


def _maps_of(keypoint_set: KeypointSet) -> int:
    return len(keypoint_set.keypoint_names) + 1 + 2 * len(_LIMBS[keypoint_set.name])


def maps_of(
    outputs: list[Array], keypoint_set: KeypointSet, network: OnnxNetwork
) -> tuple[FloatArray, FloatArray]:
    """Return heat maps (keypoint, h, w) and fields (2 x limb, h, w) of a network's outputs."""
    count = len(keypoint_set.keypoint_names) + 1
    maps = [each[0] for each in outputs if each.ndim == 4]
    if len(maps) > 1:
        maps.sort(key=lambda each: each.shape[0] != count)
    whole = np.concatenate(maps) if maps else np.zeros((0, 1, 1))
    if len(whole) != _maps_of(keypoint_set):
        raise ModelError(
            f"{network.network.name} gives {len(whole)} maps; {keypoint_set.name} has "
            f"{_maps_of(keypoint_set)}."
        )
    return whole[: count - 1].astype(np.float64), whole[count:].astype(np.float64)


def group(heat: FloatArray, fields: FloatArray, name: str) -> list[tuple[FloatArray, FloatArray]]:
    """Return places (keypoint, 2) in pixels of the maps and confidences of each person."""
    found = [peaks_of(each) for each in heat]
    people: list[_Person] = []
    for (first, second), channel in zip(_LIMBS[name], _FIELDS[name], strict=True):
        joined = _joined(found[first], found[second], fields[channel : channel + 2])
        for a, b in joined:
            _add(people, (first, a), (second, b))
    out = []
    for person in people:
        sure = np.zeros(len(heat))
        at = np.full((len(heat), 2), np.nan)
        for part, index in person.parts.items():
            at[part], sure[part] = found[part][index, :2], min(found[part][index, 2], 1.0)
        parts = len(person.parts)
        if parts >= FEWEST_PARTS and sure.sum() / parts >= LEAST_MEAN:
            out.append((at, sure))
    return out


def peaks_of(heat: FloatArray) -> FloatArray:
    """Return the peaks x, y, value (peak, 3) of a heat map, refined by a parabola through it."""
    highest = (heat == ndimage.maximum_filter(heat, size=3)) & (heat > LEAST_PEAK)
    rows, columns = np.nonzero(highest)
    padded = np.pad(heat, 1, mode="edge")
    y, x = rows + 1, columns + 1

    def step(before: FloatArray, after: FloatArray) -> FloatArray:
        bend = before + after - 2 * padded[y, x]
        return np.where(bend < 0, 0.5 * (before - after) / np.where(bend < 0, bend, -1.0), 0.0)

    moved_x = columns + np.clip(step(padded[y, x - 1], padded[y, x + 1]), -0.5, 0.5)
    moved_y = rows + np.clip(step(padded[y - 1, x], padded[y + 1, x]), -0.5, 0.5)
    return np.column_stack([moved_x, moved_y, heat[rows, columns]])


def _joined(first: FloatArray, second: FloatArray, limb: FloatArray) -> list[tuple[int, int]]:
    """Return pairs of peaks that a limb's field (2, h, w) joins, each peak once."""
    if not len(first) or not len(second):
        return []
    start, along = first[:, None, :2], second[None, :, :2] - first[:, None, :2]
    length = np.linalg.norm(along, axis=-1)
    unit = along / np.maximum(length, 1e-9)[..., None]
    shares = np.linspace(0.0, 1.0, SAMPLES)
    at = np.rint(start[..., None, :] + shares[:, None] * along[..., None, :]).astype(np.int64)
    height, width = limb.shape[1:]
    x, y = np.clip(at[..., 0], 0, width - 1), np.clip(at[..., 1], 0, height - 1)
    along_limb = limb[0, y, x] * unit[..., None, 0] + limb[1, y, x] * unit[..., None, 1]
    good = along_limb > LEAST_FIELD
    score = np.where(good, along_limb, 0.0).sum(axis=-1) / np.maximum(good.sum(axis=-1), 1)
    enough = (good.mean(axis=-1) >= SHARE_OF_SAMPLES) & (length > 0.0)
    order = np.argsort(np.where(enough, -score, np.inf), axis=None, kind="stable")
    return _best_first(order[: int(enough.sum())], enough.shape)


def _best_first(order: IntArray, shape: tuple[int, ...]) -> list[tuple[int, int]]:
    pairs: list[tuple[int, int]] = []
    taken: tuple[set[int], set[int]] = (set(), set())
    for flat in order:
        a, b = (int(each) for each in np.unravel_index(int(flat), shape))
        if a not in taken[0] and b not in taken[1]:
            pairs.append((a, b))
            taken[0].add(a)
            taken[1].add(b)
    return pairs


def _add(people: list[_Person], one: tuple[int, int], other: tuple[int, int]) -> None:
    """Put a limb to the people who have one of its ends; two of them become one."""
    having = [each for each in people if one in each.parts.items() or other in each.parts.items()]
    if not having:
        people.append(_Person(dict((one, other))))
    elif len(having) == 1:
        for part, index in (one, other):
            having[0].parts.setdefault(part, index)
    elif not set(having[0].parts) & set(having[1].parts):
        having[0].parts.update(having[1].parts)
        people.remove(having[1])
