"""Convert a TensorFlow.js graph model (JSON topology + binary weights) to a frozen TensorFlow
graph.

The fused operations that TensorFlow.js optimisers create are split again, because OpenVINO reads
only the plain ones: `_FusedConv2D(x, w, b; BiasAdd, Relu6)` becomes Conv2D, BiasAdd and Relu6.
"""

from __future__ import annotations

import base64
import json
import math
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from mocap.core.errors import ModelError
from mocap.core.shapes import Array
from mocap.detect import graphdef

_FUSED = {"_FusedConv2D": "Conv2D", "FusedDepthwiseConv2dNative": "DepthwiseConv2dNative"}
_CONVOLUTION_ATTRIBUTES = ("T", "strides", "padding", "data_format", "dilations")
_ACTIVATIONS = ("Relu", "Relu6", "Elu")

GraphNode = dict[str, Any]
"""A node or a weight of a TensorFlow.js graph, with the keys of that format."""


def frozen_graph(topology: bytes, weights: bytes) -> bytes:
    """Return the serialised GraphDef of a TensorFlow.js graph model.

    Args:
        topology: content of `model.json` (keys `modelTopology` and `weightsManifest`).
        weights: the weight shards, concatenated.

    Raises:
        ModelError: the file is not a graph model, weights are missing or left over, or an
            operation is unknown.
    """
    try:
        model = json.loads(topology)
        nodes = model["modelTopology"]["node"]
        manifest = model["weightsManifest"]
    except (ValueError, KeyError, TypeError) as error:
        raise ModelError(f"this is not a TensorFlow.js graph model: {error!r}") from error
    constants = read_weights(manifest, weights)
    return graphdef.graph(encoded for each in nodes for encoded in _encode(each, constants))


def read_weights(manifest: list[GraphNode], data: bytes) -> dict[str, Array]:
    """Return the named weight arrays of a TensorFlow.js manifest, float16 and uint8/16 ones
    dequantised.

    Raises:
        ModelError: the data are shorter or longer than the manifest says.
    """
    arrays: dict[str, Array] = {}
    offset = 0
    for entry in (weight for group in manifest for weight in group["weights"]):
        quantization = entry.get("quantization")
        stored = np.dtype((quantization or entry)["dtype"]).newbyteorder("<")
        count = math.prod(entry["shape"])
        end = offset + count * stored.itemsize
        if end > len(data):
            raise ModelError(
                f"weight {entry['name']!r} ends at byte {end}, but the file has {len(data)}; "
                "fetch the model again"
            )
        raw = np.frombuffer(data, stored, count, offset).reshape(entry["shape"])
        arrays[entry["name"]] = _dequantised(raw, quantization)
        offset = end
    if offset != len(data):
        raise ModelError(
            f"{len(data) - offset} bytes of weights are left over; fetch the model again"
        )
    return arrays


def _dequantised(raw: Array, quantization: Mapping[str, Any] | None) -> Array:
    if quantization is None:
        return raw
    if quantization["dtype"] == "float16":
        return raw.astype(np.float32)
    return (raw * np.float32(quantization["scale"]) + np.float32(quantization["min"])).astype(
        np.float32
    )


def _encode(node: GraphNode, constants: Mapping[str, Array]) -> Iterator[bytes]:
    name, op, attributes = node["name"], node["op"], node.get("attr", {})
    if op == "Const":
        if name not in constants:
            raise ModelError(f"the weights of {name!r} are missing from the model")
        array = constants[name]
        yield graphdef.node(
            name,
            op,
            (),
            {"dtype": graphdef.type_attribute(array), "value": graphdef.tensor_attribute(array)},
        )
    elif op in _FUSED:
        yield from _split(node, _FUSED[op])
    else:
        # Names that start with an underscore are notes of the optimiser, without meaning for
        # inference.
        kept = {
            key: graphdef.attribute(value) for key, value in attributes.items() if key[0] != "_"
        }
        yield graphdef.node(name, op, node.get("input", ()), kept)


def _split(node: GraphNode, convolution: str) -> Iterator[bytes]:
    """Yield the convolution and what was fused into it; the last one keeps the node's name."""
    attributes, inputs = node["attr"], node["input"]
    fused = [
        base64.b64decode(each).decode() for each in attributes["fused_ops"]["list"].get("s", ())
    ]
    names = [f"{node['name']}/part{index}" for index in range(len(fused))] + [node["name"]]
    kept = {
        key: graphdef.attribute(attributes[key])
        for key in _CONVOLUTION_ATTRIBUTES
        if key in attributes
    }
    yield graphdef.node(names[0], convolution, inputs[:2], kept)
    for index, op in enumerate(fused):
        if op != "BiasAdd" and op not in _ACTIVATIONS:
            raise ModelError(f"fused operation {op!r} of {node['name']!r} cannot be converted")
        operands = [names[index], inputs[2]] if op == "BiasAdd" else [names[index]]
        yield graphdef.node(names[index + 1], op, operands, {"T": kept["T"]})
