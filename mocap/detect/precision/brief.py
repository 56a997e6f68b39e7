"""Brief numbers where the processor has them: bfloat16 for all of a network but its beginning.

A bfloat16 has 8 significant bits, a float32 24. Processors with AVX512-BF16 or AMX multiply twice
as many of them in the same time. What it costs was taken apart on crops of people: of the shift of
MoveNet Thunder's keypoints three fifths arise in its first three convolutions, where colours of
neighbouring pixels differ by little, and these three are a twelfth of the work. In BlazePose heavy
the first six make half of the shift. MultiPose, whose keypoints are only where one looks, shifts by
a fifth of a pixel as a whole.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import openvino

_CONVOLUTIONS = ("Convolution", "GroupConvolution")


@dataclass(frozen=True)
class Precision:
    """In which numbers a network counts.

    Attributes:
        brief: in bfloat16, where the processor has it.
        exact_convolutions: how many one after another, from the image on, stay in float32.
    """

    brief: bool = False
    exact_convolutions: int = 0


EXACT = Precision()
BRIEF = Precision(brief=True)
BRIEF_LATER = Precision(brief=True, exact_convolutions=3)
BRIEF_MUCH_LATER = Precision(brief=True, exact_convolutions=6)


def cut(ov: Any, model: openvino.Model, convolutions: int) -> list[openvino.Model]:
    """Return a network as two that follow each other: the first ends after so many convolutions
    of every way through it. One that has no more of them stays whole.

    Args:
        ov: the module `openvino`.
        model: the network; it is used up.
        convolutions: how many.
    """
    depths = _depths(model)
    edges = []
    for node in model.get_ordered_ops():
        if depths.get(node.get_friendly_name(), convolutions + 1) > convolutions:
            continue
        for output in node.outputs() if node.get_type_name() != "Parameter" else ():
            later = [
                each
                for each in output.get_target_inputs()
                if depths[each.get_node().get_friendly_name()] > convolutions
            ]
            if later:
                edges.append((output, later))
    if not edges:
        return [model]
    inputs = []
    for output, later in edges:
        entry = ov.op.Parameter(output.get_element_type(), output.get_partial_shape())
        inputs.append(entry)
        for each in later:
            each.replace_source_output(entry.output(0))
    first = ov.Model([output for output, _ in edges], model.get_parameters(), "first")
    return [first, ov.Model(model.get_results(), inputs, "then")]


def _depths(model: openvino.Model) -> dict[str, int]:
    """Return how many convolutions lie on the longest way from the image to each node that depends
    on it, by name."""
    depths: dict[str, int] = {}
    for node in model.get_ordered_ops():
        before = [_name_before(each) for each in node.inputs()]
        known = [depths[name] for name in before if name in depths]
        if known or node.get_type_name() == "Parameter":
            own = node.get_type_name() in _CONVOLUTIONS
            depths[node.get_friendly_name()] = max(known, default=0) + own
    return depths


def _name_before(entry: Any) -> str:
    return str(entry.get_source_output().get_node().get_friendly_name())
