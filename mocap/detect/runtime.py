"""Run networks on the CPU with OpenVINO: exact float32, chosen threads, the same numbers every
time."""

from __future__ import annotations

import importlib
import sys
import threading
from functools import cache, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from mocap.core.errors import ModelError
from mocap.core.shapes import Array
from mocap.core.store import file_hash
from mocap.detect.precision.brief import EXACT, Precision, cut

if TYPE_CHECKING:
    import openvino


_BEGINNING = threading.RLock()
"""Several cameras begin at once, each in a thread."""

_KEPT = 8
"""Networks: those of one detector in two precisions, with feet and hands, and a few."""

_FREE_SIDE = 128
"""Pixels: a multiple of 32, as MultiPose wants them."""


class Network:
    """A compiled network that several threads may call at once.

    Each calling thread gets its own inference request. With one thread per stream the sums are
    always taken in the same order, so results do not depend on how many streams run.
    """

    def __init__(
        self,
        model: openvino.Model,
        *,
        streams: int = 1,
        name: str = "network",
        precision: Precision = EXACT,
    ) -> None:
        """Compile `model` for `streams` simultaneous callers, each on one core."""
        self.name = name
        self._parts = _compiled(model, streams, precision)
        self._requests = threading.local()
        self._warm_up()

    def _warm_up(self) -> None:
        """Run the network once, in the thread that made it.

        OpenVINO's Python layer fills tables at its first tensor and its first result. Two threads
        that come there first at the same time block each other for ever: one holds the table and
        waits for the interpreter, the other holds the interpreter and waits for the table.
        """
        self(*(_blank(each) for each in self._parts[0].inputs))

    def __call__(self, *inputs: Array) -> list[Array]:
        """Return copies of all outputs, in the order of the model.

        Raises:
            ModelError: the network refuses the inputs.
        """
        requests = getattr(self._requests, "value", None)
        if requests is None:
            requests = [each.create_infer_request() for each in self._parts]
            self._requests.value = requests
        values = list(inputs)
        try:
            for part, request in zip(self._parts, requests, strict=True):
                results = request.infer(values, share_inputs=part is not self._parts[0])
                values = [results[port] for port in part.outputs]
        except RuntimeError as error:
            shapes = ", ".join(str(each.shape) for each in inputs)
            raise ModelError(f"{self.name} refused inputs of shape {shapes}: {error}") from error
        return [np.array(each) for each in values]


def _blank(port: Any) -> Array:
    """Return zeros that fit an input; sides that are free get a length every network takes."""
    shape = [each.get_length() if each.is_static else _FREE_SIDE for each in port.partial_shape]
    return np.zeros(shape, port.element_type.to_dtype())


def load_network(path: Path, *, streams: int = 1, precision: Precision = EXACT) -> Network:
    """Read a network file (OpenVINO IR .xml, .tflite or TensorFlow .pb) and compile it.

    A process that looks at several takes compiles a network once, while its files stay the same.
    Brief numbers are exact ones on a processor that does not have them.

    Raises:
        ModelError: the file cannot be read as a network.
    """
    parts = (path, path.with_suffix(".bin"))
    kept = precision if brief_numbers_here() else EXACT
    hashes = tuple(file_hash(part) for part in parts if part.is_file())
    return _loaded(path, streams, kept, hashes)


@lru_cache(maxsize=_KEPT)
def _loaded(path: Path, streams: int, precision: Precision, _hashes: tuple[str, ...]) -> Network:
    return Network(read_model(path), streams=streams, name=path.stem, precision=precision)


@cache
def brief_numbers_here() -> bool:
    """Tell whether this processor multiplies bfloat16."""
    return "BF16" in _core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")


def read_model(path: Path) -> openvino.Model:
    """Read a network file without compiling it.

    Raises:
        ModelError: the file cannot be read as a network.
    """
    try:
        if path.suffix.lower() == ".onnx":
            return _read_onnx(path)
        return _core().read_model(str(path))
    # What a damaged file says of itself may be no text: a ValueError.
    except (RuntimeError, ValueError) as error:
        raise ModelError(
            f"{path} is damaged or no network that can be read ({first_line(error)})."
        ) from error


def _read_onnx(path: Path) -> openvino.Model:
    """Read an ONNX file as nothing else: others that are asked fill the screen with complaints."""
    import_openvino()
    frontend = importlib.import_module("openvino.frontend")
    reader = frontend.FrontEndManager().load_by_framework("onnx")
    failures = (
        frontend.GeneralFailure,
        frontend.InitializationFailure,
        frontend.NotImplementedFailure,
        frontend.OpConversionFailure,
        frontend.OpValidationFailure,
    )
    try:
        model: openvino.Model = reader.convert(reader.load(str(path)))
    except failures as error:
        raise RuntimeError(str(error)) from error
    if not model.inputs:
        raise RuntimeError("it has no input")
    return model


def first_line(error: Exception) -> str:
    """Return what an engine says, in one line of readable length."""
    lines = [each.strip() for each in str(error).splitlines() if each.strip()]
    telling = [each for each in lines if not each.startswith(("Exception from", "Check '"))]
    return (telling or lines or [type(error).__name__])[0][:200]


def import_openvino() -> Any:
    """Import OpenVINO with its usage reports switched off.

    `import openvino` sends an event to its maker when the package `openvino_telemetry` is
    installed, which its own wheel asks for. Recordings of people are processed here: nothing may
    leave the machine. OpenVINO falls back to a silent stub when that import fails.
    """
    with _BEGINNING:  # what another thread is still importing has no names yet
        if "openvino" in sys.modules:
            return sys.modules["openvino"]
        hidden = "openvino_telemetry"
        installed = sys.modules.get(hidden)
        # None makes the import system raise ImportError.
        sys.modules[hidden] = None  # type: ignore[assignment]
        try:
            return importlib.import_module("openvino")
        finally:
            if installed is None:
                del sys.modules[hidden]
            else:
                sys.modules[hidden] = installed


def _core() -> openvino.Core:
    """Return the one Core of this process; every further one would load the CPU plugin again."""
    with _BEGINNING:
        return _one_core()


@cache
def _one_core() -> openvino.Core:
    return import_openvino().Core()


def _compiled(
    model: openvino.Model, streams: int, precision: Precision
) -> list[openvino.CompiledModel]:
    """Return the parts of a network that follow each other."""
    if precision.brief and precision.exact_convolutions:
        parts = cut(import_openvino(), model, precision.exact_convolutions)
        brief = [False, True]
    else:
        parts, brief = [model], [precision.brief]
    return [
        _core().compile_model(part, "CPU", compile_options(streams, brief=each))
        for part, each in zip(parts, brief, strict=False)
    ]


def compile_options(streams: int, *, brief: bool = False) -> dict[str, str]:
    """Return the properties every network is compiled with."""
    return {
        # On CPUs with AMX or AVX512-BF16 the default is bfloat16: it moves keypoints by up to 4 px.
        "INFERENCE_PRECISION_HINT": "bf16" if brief else "f32",
        "NUM_STREAMS": str(streams),
        "INFERENCE_NUM_THREADS": str(streams),
        # Pinned to a core, a stream waits whenever another program uses just that core.
        "ENABLE_CPU_PINNING": "NO",
    }
