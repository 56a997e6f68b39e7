"""Rebuild a PoseHRNet as an OpenVINO graph, one operation for each of its layers.

The network consists of four kinds of layer and additions. Reading them off its symbolic trace needs
neither PyTorch's deprecated tracer nor OpenVINO's `convert_model`, which reports its use to its
maker.
"""

from __future__ import annotations

from collections.abc import Callable
from operator import add
from typing import Any

import numpy as np
from torch import Tensor, nn
from torch.fx import Node, symbolic_trace

from mocap.core.shapes import Array
from mocap.detect.hrnet.network import PoseHRNet
from mocap.detect.runtime import import_openvino


def openvino_model(network: PoseHRNet, input_shape: tuple[int, int, int, int]) -> Any:
    """Return the OpenVINO model for images of `input_shape` (n, 3, height, width)."""
    openvino = import_openvino()
    opset = openvino.opset13
    traced = symbolic_trace(network)
    made: dict[Node, Any] = {}
    for node in traced.graph.nodes:
        inputs = [made[each] for each in node.all_input_nodes]
        if node.op == "placeholder":
            made[node] = opset.parameter(input_shape, np.float32, name=node.name)
        elif node.op == "call_module":
            layer = traced.get_submodule(node.target)
            made[node] = _CONVERTERS[type(layer)](opset, layer, inputs[0])
        elif node.op == "call_function" and node.target is add:
            made[node] = opset.add(*inputs)
        elif node.op == "output":
            parameters = [made[each] for each in traced.graph.nodes if each.op == "placeholder"]
            return openvino.Model([opset.result(inputs[0])], parameters, "hrnet")
        else:
            raise AssertionError(f"the network has an operation without counterpart: {node}")
    raise AssertionError("the trace has no output")


def _values(tensor: Tensor) -> Array:
    return np.asarray(tensor.detach().cpu().numpy())


def _convolution(opset: Any, layer: nn.Conv2d, x: Any) -> Any:
    padding = list(layer.padding)
    weight = opset.constant(_values(layer.weight))
    y = opset.convolution(x, weight, list(layer.stride), padding, padding, list(layer.dilation))
    if layer.bias is None:
        return y
    return opset.add(y, opset.constant(_values(layer.bias).reshape(1, -1, 1, 1)))


def _batch_norm(opset: Any, layer: nn.BatchNorm2d, x: Any) -> Any:
    mean, variance = layer.running_mean, layer.running_var
    assert mean is not None and variance is not None
    parts = [opset.constant(_values(each)) for each in (layer.weight, layer.bias, mean, variance)]
    return opset.batch_norm_inference(x, *parts, layer.eps)


def _upsample(opset: Any, layer: nn.Upsample, x: Any) -> Any:
    scales = opset.constant(np.full(2, layer.scale_factor, np.float32))
    return opset.interpolate(
        x,
        scales,
        mode="nearest",
        shape_calculation_mode="scales",
        coordinate_transformation_mode="asymmetric",
        nearest_mode="floor",
        axes=np.array([2, 3]),
    )


_CONVERTERS: dict[type[nn.Module], Callable[[Any, Any, Any], Any]] = {
    nn.Conv2d: _convolution,
    nn.BatchNorm2d: _batch_norm,
    nn.Upsample: _upsample,
    nn.ReLU: lambda opset, _layer, x: opset.relu(x),
    nn.Identity: lambda _opset, _layer, x: x,
}
