"""Small ONNX networks that really find something: dots of known colours in an image.

Each keypoint has a colour of its own. The networks compare every pixel with all colours, blur the
likeness to heat maps, and give them out as one of the published heads does. They need the package
`onnx`, which is installed for development.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from mocap.core.shapes import Array, FloatArray

STRIDE = 4
_LIKENESS = 900.0
"""Squared distance of colours at which nothing is alike any more; the colours are 51 apart."""

_BLUR = 9


def colours(count: int) -> Array:
    """Return (count, 3) RGB colours, each 51 from the next and from black; at most 215."""
    levels = np.arange(0, 256, 51)
    grid = np.stack(np.meshgrid(levels, levels, levels, indexing="ij"), axis=-1).reshape(-1, 3)
    bright = grid[grid.sum(axis=1) >= 200]
    return np.random.default_rng(5).permutation(bright)[:count].astype(np.uint8)


def dotted_image(size: tuple[int, int], pixels: FloatArray, radius: int = 7) -> Array:
    """Return a black RGB image (height, width, 3) with a dot for each keypoint (keypoint, 2)."""
    image = np.zeros((size[1], size[0], 3), np.uint8)
    for at, colour in zip(pixels, colours(len(pixels)), strict=True):
        centre = (int(at[0]), int(at[1]))
        cv2.circle(image, centre, radius, [int(each) for each in colour], -1)
    return image


@dataclass(eq=False)
class _Graph:
    """Nodes and constants of a network that is being built."""

    nodes: list[Any] = field(default_factory=list)
    constants: list[Any] = field(default_factory=list)

    def constant(self, value: Any) -> str:
        from onnx import numpy_helper

        name = f"c{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.asarray(value), name))
        return name

    def add(self, kind: str, *inputs: str, outputs: int = 1, **settings: Any) -> str:
        from onnx import helper

        names = [f"n{len(self.nodes)}_{k}" for k in range(outputs)]
        self.nodes.append(helper.make_node(kind, list(inputs), names, **settings))
        return names[0]

    def write(self, path: Path, size: tuple[int, int], results: Sequence[tuple[str, int]]) -> Path:
        """Write the network with an input (1, 3, height, width) and results of a type each."""
        from onnx import TensorProto, helper, save

        shape = [1, 3, size[1], size[0]]
        given = helper.make_tensor_value_info("image", TensorProto.FLOAT, shape)
        out = [helper.make_tensor_value_info(name, kind, None) for name, kind in results]
        graph = helper.make_graph(self.nodes, "small", [given], out, self.constants)
        save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)]), str(path))
        return path

    def ints(self, *values: int) -> str:
        return self.constant(np.array(values, np.int64))

    def floats(self, *values: float) -> str:
        return self.constant(np.array(values, np.float32))


def _pixels(graph: _Graph, divide_by: float, mean: Sequence[float], deviation: Sequence[float],
            bgr: bool) -> str:  # fmt: skip
    """Return the RGB pixels 0..255 of an image that was prepared by a card."""
    spread = graph.constant(
        np.array(deviation, np.float32).reshape(1, 3, 1, 1) * np.float32(divide_by)
    )
    shift = graph.constant(np.array(mean, np.float32).reshape(1, 3, 1, 1) * np.float32(divide_by))
    plain = graph.add("Add", graph.add("Mul", "image", spread), shift)
    return graph.add("Gather", plain, graph.ints(2, 1, 0), axis=1) if bgr else plain


def _heat(graph: _Graph, rgb: str, count: int, stride: int) -> str:
    """Return heat maps (1, keypoint, h, w) of pixels."""
    wanted = colours(count).astype(np.float32)
    squares = graph.add("Mul", rgb, rgb)
    length = graph.add("ReduceSum", squares, graph.ints(1), keepdims=1)
    along = graph.add("Conv", rgb, graph.constant(2.0 * wanted.reshape(count, 3, 1, 1)))
    own = graph.constant((wanted**2).sum(axis=1).reshape(1, count, 1, 1).astype(np.float32))
    apart = graph.add("Add", graph.add("Sub", length, along), own)
    near = graph.add("Div", apart, graph.floats(_LIKENESS))
    alike = graph.add("Relu", graph.add("Sub", graph.floats(1.0), near))
    at = np.arange(_BLUR) - _BLUR // 2
    bell = np.exp(-(at**2) / (2 * 3.0**2))
    kernel = np.outer(bell, bell) / np.outer(bell, bell).sum()
    weights = np.tile(kernel.astype(np.float32), (count, 1, 1, 1))
    pads = [_BLUR // 2] * 4
    return graph.add("Conv", alike, graph.constant(weights), group=count, pads=pads,
                     strides=[stride, stride])  # fmt: skip


def _found(graph: _Graph, heat: str, count: int, size: tuple[int, int]) -> tuple[str, str]:
    """Return keypoints x, y, confidence (1, keypoint, 3) and box x0 y0 x1 y1 (1, 4)."""
    columns = size[0] // STRIDE
    flat = graph.add("Reshape", heat, graph.ints(1, count, -1))
    place = graph.add("ArgMax", flat, axis=2, keepdims=1)
    sure = graph.add("ReduceMax", flat, graph.ints(2), keepdims=1)
    row = graph.add("Div", place, graph.ints(columns))
    column = graph.add("Sub", place, graph.add("Mul", row, graph.ints(columns)))
    step = graph.floats(float(STRIDE))
    x, y = (graph.add("Mul", graph.add("Cast", each, to=1), step) for each in (column, row))
    at = graph.add("Concat", x, y, axis=2)
    low = graph.add("ReduceMin", at, graph.ints(1), keepdims=0)
    high = graph.add("ReduceMax", at, graph.ints(1), keepdims=0)
    return (graph.add("Concat", at, sure, axis=2), graph.add("Concat", low, high, axis=1))


def _middle_and_size(graph: _Graph, box: str) -> tuple[str, str]:
    low = graph.add("Gather", box, graph.ints(0, 1), axis=1)
    high = graph.add("Gather", box, graph.ints(2, 3), axis=1)
    middle = graph.add("Mul", graph.add("Add", low, high), graph.floats(0.5))
    return middle, graph.add("Sub", high, low)


def write_network(
    path: Path,
    head: str,
    size: tuple[int, int],
    count: int,
    *,
    divide_by: float = 1.0,
    mean: Sequence[float] = (0.0, 0.0, 0.0),
    deviation: Sequence[float] = (1.0, 1.0, 1.0),
    bgr: bool = False,
    unbiased: bool = False,
    fields: Array | None = None,
) -> Path:
    """Write a network that finds `count` dots, with the outputs of a head.

    Args:
        path: of the ONNX file.
        head: "heatmap", "simcc", "yolo_pose", "rtmo", "part_fields", "yolo_boxes", "yolox_boxes",
            or finished boxes: "rtmdet", "faster_rcnn", "ssd".
        size: (width, height) of the input.
        count: keypoints.
        divide_by, mean, deviation, bgr: how the card of the network prepares images.
        unbiased: the first and last cells of its heat maps are the first and last pixels (UDP).
        fields: (2 x limb, h, w) part affinity fields, for that head: they are constants.
    """
    graph = _Graph()
    rgb = _pixels(graph, divide_by, mean, deviation, bgr)
    if head == "simcc":
        whole = _heat(graph, rgb, count, 1)
        rows = [graph.add("ReduceMax", whole, graph.ints(axis), keepdims=0) for axis in (2, 3)]
        scales = graph.floats(1.0, 1.0, 2.0)
        names = [
            graph.add("Resize", row, "", scales, mode="linear",
                      coordinate_transformation_mode="asymmetric")
            for row in rows
        ]  # fmt: skip
        return graph.write(path, size, [(name, 1) for name in names])
    if unbiased:
        cells = graph.ints(1, count, size[1] // STRIDE, size[0] // STRIDE)
        heat = graph.add("Resize", _heat(graph, rgb, count, 1), "", "", cells, mode="linear",
                         coordinate_transformation_mode="align_corners")  # fmt: skip
        return graph.write(path, size, [(heat, 1)])
    heat = _heat(graph, rgb, count, 8 if head == "part_fields" else STRIDE)
    if head == "heatmap":
        return graph.write(path, size, [(heat, 1)])
    if head == "part_fields":
        assert fields is not None
        empty = np.zeros((1, 1, *fields.shape[1:]), np.float32)
        maps = graph.add("Concat", heat, graph.constant(empty),
                         graph.constant(fields[None].astype(np.float32)), axis=1)  # fmt: skip
        return graph.write(path, size, [(maps, 1)])
    people, box = _found(graph, heat, count, size)
    return graph.write(path, size, _results(graph, head, people, box, count, size))


def _results(
    graph: _Graph, head: str, people: str, box: str, count: int, size: tuple[int, int]
) -> list[tuple[str, int]]:
    """Return the outputs of a head for one person: names and types."""
    sure = graph.constant(np.full((1, 1), 0.9, np.float32))
    middle, extent = _middle_and_size(graph, box)
    if head == "yolo_pose":
        flat = graph.add("Reshape", people, graph.ints(1, 3 * count))
        row = graph.add("Concat", middle, extent, sure, flat, axis=1)
        return [(_padded(graph, row, 5 + 3 * count), 1)]
    if head == "yolo_boxes":
        classes = graph.constant(np.eye(1, 80, dtype=np.float32) * 0.9)
        return [(_padded(graph, graph.add("Concat", middle, extent, classes, axis=1), 84), 1)]
    if head == "yolox_boxes":
        eighth = graph.floats(1 / 8)
        cell = graph.add("Mul", middle, eighth)
        side = graph.add("Add", graph.add("Mul", extent, eighth), graph.floats(1e-6))
        classes = graph.constant(np.eye(1, 80, dtype=np.float32))
        row = graph.add("Concat", cell, graph.add("Log", side), sure, classes, axis=1)
        cells = sum((size[0] // s) * (size[1] // s) for s in (8, 16, 32))
        whole = graph.add("Pad", row, graph.ints(0, 0, cells - 1, 0))
        return [(graph.add("Reshape", whole, graph.ints(1, cells, 85)), 1)]
    five = graph.add("Reshape", graph.add("Concat", box, sure, axis=1), graph.ints(1, 1, 5))
    if head == "rtmo":
        return [(five, 1), (graph.add("Reshape", people, graph.ints(1, 1, count, 3)), 1)]
    if head == "rtmdet":
        label = graph.add("Mul", graph.ints(0), graph.add("Shape", five, end=1))
        return [(five, 1), (graph.add("Reshape", label, graph.ints(1, 1)), 7)]
    label = graph.add("Mul", graph.ints(1), graph.add("Shape", five, end=1))
    one = graph.add("Reshape", sure, graph.ints(1))
    if head == "faster_rcnn":
        return [(graph.add("Identity", box), 1), (label, 7), (one, 1)]
    assert head == "ssd", head
    share = graph.constant(np.array([[*size, *size]], np.float32))
    boxes = graph.add("Reshape", graph.add("Div", box, share), graph.ints(1, 1, 4))
    return [
        (boxes, 1),
        (graph.add("Reshape", label, graph.ints(1, 1)), 7),
        (graph.add("Reshape", one, graph.ints(1, 1)), 1),
    ]


def _padded(graph: _Graph, row: str, values: int) -> str:
    """Return YOLO's output (1, values, place) with one row and many empty places."""
    column = graph.add("Reshape", row, graph.ints(1, values, 1))
    return graph.add("Pad", column, graph.ints(0, 0, 0, 0, 0, 2 * values))
