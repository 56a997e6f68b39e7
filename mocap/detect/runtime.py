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

if TYPE_CHECKING:
    import openvino


_KEPT = 6
"""Networks: those of one detector, with feet and hands, and a few."""

_FREE_SIDE = 128
"""Pixels: a multiple of 32, as MultiPose wants them."""


class Network:
    """A compiled network that several threads may call at once.

    Each calling thread gets its own inference request. With one thread per stream the sums are
    always taken in the same order, so results do not depend on how many streams run.
    """

    def __init__(self, model: openvino.Model, *, streams: int = 1, name: str = "network") -> None:
        """Compile `model` for `streams` simultaneous callers, each on one core."""
        self.name = name
        self._compiled = _compile(model, streams)
        self._requests = threading.local()
        self._warm_up()

    def _warm_up(self) -> None:
        """Run the network once, in the thread that made it.

        OpenVINO's Python layer fills tables at its first tensor and its first result. Two threads
        that come there first at the same time block each other for ever: one holds the table and
        waits for the interpreter, the other holds the interpreter and waits for the table.
        """
        self(*(_blank(each) for each in self._compiled.inputs))

    def __call__(self, *inputs: Array) -> list[Array]:
        """Return copies of all outputs, in the order of the model.

        Raises:
            ModelError: the network refuses the inputs.
        """
        request = getattr(self._requests, "value", None)
        if request is None:
            request = self._requests.value = self._compiled.create_infer_request()
        try:
            results = request.infer(list(inputs))
        except RuntimeError as error:
            shapes = ", ".join(str(each.shape) for each in inputs)
            raise ModelError(f"{self.name} refused inputs of shape {shapes}: {error}") from error
        return [np.array(results[port]) for port in self._compiled.outputs]


def _blank(port: Any) -> Array:
    """Return zeros that fit an input; sides that are free get a length every network takes."""
    shape = [each.get_length() if each.is_static else _FREE_SIDE for each in port.partial_shape]
    return np.zeros(shape, port.element_type.to_dtype())


def load_network(path: Path, *, streams: int = 1) -> Network:
    """Read a network file (OpenVINO IR .xml, .tflite or TensorFlow .pb) and compile it.

    A process that looks at several takes compiles a network once, while its files stay the same.

    Raises:
        ModelError: the file cannot be read as a network.
    """
    parts = (path, path.with_suffix(".bin"))
    return _loaded(path, streams, tuple(file_hash(part) for part in parts if part.is_file()))


@lru_cache(maxsize=_KEPT)
def _loaded(path: Path, streams: int, _hashes: tuple[str, ...]) -> Network:
    return Network(read_model(path), streams=streams, name=path.stem)


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


@cache
def _core() -> openvino.Core:
    """Return the one Core of this process; every further one would load the CPU plugin again."""
    return import_openvino().Core()


def _compile(model: openvino.Model, streams: int) -> openvino.CompiledModel:
    return _core().compile_model(model, "CPU", compile_options(streams))


def compile_options(streams: int) -> dict[str, str]:
    """Return the properties every network is compiled with."""
    return {
        # On CPUs with AMX or AVX512-BF16 the default is bfloat16: it moves keypoints by up to 4 px.
        "INFERENCE_PRECISION_HINT": "f32",
        "NUM_STREAMS": str(streams),
        "INFERENCE_NUM_THREADS": str(streams),
        # Pinned to a core, a stream waits whenever another program uses just that core.
        "ENABLE_CPU_PINNING": "NO",
    }
