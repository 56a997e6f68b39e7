"""Load the small trained models that come with the package, or a user's own."""

from __future__ import annotations

from importlib.resources import as_file, files
from pathlib import Path
from typing import TypeVar

from mocap.core.errors import InputError, ModelError
from mocap.core.store import load_artifact

Model = TypeVar("Model")

_SHIPPED: dict[str, object] = {}
"""Models of the package that were loaded already, by file name."""


def load_model(path: Path | None, shipped: str, cls: type[Model]) -> Model:
    """Load a model file as `cls`; None: the file `shipped` of the package.

    Raises:
        ModelError: the file is missing, damaged, or another kind of model.
    """
    if path is not None:
        return _load(path, cls)
    if shipped not in _SHIPPED:
        with as_file(files("mocap.understand.models") / shipped) as own:
            _SHIPPED[shipped] = _load(own, cls)
    model = _SHIPPED[shipped]
    assert isinstance(model, cls)
    return model


def _load(path: Path, cls: type[Model]) -> Model:
    try:
        return load_artifact(path, cls)
    except InputError as error:
        # What the reader of artifacts advises does not help here: nothing makes a model again.
        damage = " ".join(str(error.__cause__ or error).split()).removesuffix(".")
        reason = damage if path.is_file() else "it does not exist"
        raise ModelError(
            f"{path} cannot be used as {cls.__name__} ({reason}): install mocap-studio again, or "
            "train the model with tools/train_understanding.py."
        ) from error
