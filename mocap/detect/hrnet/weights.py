"""Load HRNet checkpoints of several publishers without ever running code that is inside them.

A PyTorch checkpoint is a pickle, and a pickle can run any program while it is read. PyTorch's own
safe mode is tried first. It refuses the training records that mmpose stores beside the tensors;
then a reader is used that knows tensors and plain containers, replaces those records by empty
stand-ins, and refuses everything else.
"""

from __future__ import annotations

import pickle
import re
import warnings
from collections import OrderedDict
from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import torch
from torch import Tensor

from mocap.core.errors import ModelError
from mocap.core.files.reading import PARSING
from mocap.core.files.unpickling import ModestUnpickler
from mocap.detect.hrnet.network import PoseHRNet

_SAFE: dict[tuple[str, str], Any] = {
    ("collections", "OrderedDict"): OrderedDict,
    ("torch", "Size"): torch.Size,
    ("torch._utils", "_rebuild_tensor"): torch._utils._rebuild_tensor,
    ("torch._utils", "_rebuild_tensor_v2"): torch._utils._rebuild_tensor_v2,
    ("torch._utils", "_rebuild_parameter"): torch._utils._rebuild_parameter,
    ("torch.nn.parameter", "Parameter"): torch.nn.Parameter,
}

_RECORD_PACKAGES = frozenset(
    ["addict", "argparse", "datetime", "mmcv", "mmdet", "mmengine", "mmpose", "numpy", "pathlib"]
)
"""Their objects are notes about the training: replaced by empty stand-ins, never created."""

_RECORD_FUNCTIONS = frozenset(
    [("_codecs", "encode")]
    + [
        (module, name)
        for module in ("builtins", "__builtin__")
        for name in ("bytearray", "complex", "getattr", "range", "set", "slice")
    ]
)
"""Appear inside those notes, where they are stand-ins too: `getattr` does not reach anything."""

_UNREADABLE = (*PARSING, OSError, pickle.UnpicklingError)
"""What PyTorch and pickle raise on damaged files."""

_NESTED = ("state_dict", "best_state_dict", "model_state_dict", "model", "ema")
_PREFIXES = re.compile(r"^(module\.|model\.)*(backbone\.|keypoint_head\.|head\.)?")
_IGNORED = re.compile(r"\.num_batches_tracked$|^data_preprocessor\.")


class _StandIn:
    """Takes the place of an object that must not be created; swallows whatever pickle gives it."""

    def __new__(cls, *_args: object, **_kwargs: object) -> _StandIn:
        return super().__new__(cls)

    def __setstate__(self, _state: object) -> None:
        return None

    def __setitem__(self, _key: object, _value: object) -> None:
        return None

    def append(self, _item: object) -> None:
        """Take an element of a list."""

    def extend(self, _items: object) -> None:
        """Take elements of a list."""

    def add(self, _item: object) -> None:
        """Take an element of a set."""


class _TensorsOnlyUnpickler(ModestUnpickler):
    """Creates tensors and plain containers, and nothing else."""

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) in _SAFE:
            return _SAFE[module, name]
        if module == "torch" and name.endswith("Storage"):
            return getattr(torch, name)
        if module.split(".")[0] in _RECORD_PACKAGES or (module, name) in _RECORD_FUNCTIONS:
            return _StandIn
        raise pickle.UnpicklingError(f"it wants to use {module}.{name}")


def _load_restricted(file: Any, **options: Any) -> Any:
    return _TensorsOnlyUnpickler(file, **options).load()


_TENSORS_ONLY = SimpleNamespace(
    __name__="tensors_only", Unpickler=_TensorsOnlyUnpickler, load=_load_restricted
)


def read_state_dict(path: Path) -> dict[str, Tensor]:
    """Return the tensors of a checkpoint under the official HRNet names.

    Raises:
        ModelError: the file is damaged, wants to run code, or is no HRNet with a heat-map head.
    """
    with warnings.catch_warnings():
        # PyTorch warns of newer pickle protocols, and of storages that are put into words: nothing
        # a user can act on.
        warnings.simplefilter("ignore", UserWarning)
        tensors = _tensors(_read_checkpoint(path))
    state = {
        _PREFIXES.sub("", name).replace("final_layer.0.", "final_layer."): tensor
        for name, tensor in tensors.items()
        if not _IGNORED.search(name)
    }
    for key in ("stage4.0.branches.0.0.conv1.weight", "final_layer.weight"):
        if key not in state or state[key].ndim != 4:
            raise ModelError(
                f"{path} is no HRNet pose checkpoint: it has no tensor {key!r} among its "
                f"{len(tensors)}. Give the .pth file of a heat-map HRNet."
            )
    return state


def load_hrnet(path: Path) -> PoseHRNet:
    """Return the network of a checkpoint; width and joints follow from its tensors.

    Raises:
        ModelError: as `read_state_dict`, or tensors are missing, left over, of wrong shape or not
            finite.
    """
    state = read_state_dict(path)
    width = state["stage4.0.branches.0.0.conv1.weight"].shape[0]
    joints, _, final_kernel, _ = state["final_layer.weight"].shape
    network = PoseHRNet(width, joints, final_kernel)
    wanted = {
        name: tensor
        for name, tensor in network.state_dict().items()
        if not name.endswith("num_batches_tracked")
    }
    wrong = sorted(
        name
        for name in wanted.keys() | state.keys()
        if name not in state or name not in wanted or state[name].shape != wanted[name].shape
    )
    if wrong:
        raise ModelError(
            f"{path} does not fit HRNet-W{width}: {len(wrong)} tensors are missing, extra or of "
            f"another shape, for example {', '.join(wrong[:3])}."
        )
    broken = [name for name, tensor in state.items() if not torch.isfinite(tensor).all()]
    if broken:
        raise ModelError(f"{path} is damaged: {broken[0]} contains values that are not numbers.")
    network.load_state_dict(
        state, strict=False
    )  # batch counters may be absent; all else was checked
    return network.eval()


def _read_checkpoint(path: Path) -> Any:
    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError:
        return _read_tensors_only(path)
    except _UNREADABLE as error:
        raise _damaged(path, error) from error


def _read_tensors_only(path: Path) -> Any:
    try:
        return torch.load(path, map_location="cpu", weights_only=False, pickle_module=_TENSORS_ONLY)
    except pickle.UnpicklingError as error:
        raise ModelError(
            f"{path} was not loaded: {error}. A checkpoint needs only tensors; this one is damaged "
            "or could run code. Get it again from its publisher."
        ) from error
    except _UNREADABLE as error:
        raise _damaged(path, error) from error


def _damaged(path: Path, error: Exception) -> ModelError:
    first_line = str(error).split("\n")[0]
    return ModelError(f"{path} is damaged or no PyTorch checkpoint ({first_line}). Get it again.")


def _tensors(content: Any) -> dict[str, Tensor]:
    """Return the named tensors of a checkpoint, one level down where it keeps them so."""
    if not isinstance(content, Mapping):
        return {}
    for key in _NESTED:
        if isinstance(content.get(key), Mapping):
            return _tensors(content[key])
    return {str(name): value for name, value in content.items() if isinstance(value, Tensor)}
