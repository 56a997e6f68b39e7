"""Clocks of cameras: what maps a camera's own time to the one clock of a take.

common = local + offset + drift * (local - middle)

`local` is seconds since the camera's first frame (`Detections2D.times_s`); `common` runs at the
pace of the reference camera, whose first frame is its instant 0.

Most cameras have a rolling shutter: they read the rows of their sensor one after another, from the
first to the last in `readout_s`, 5 to 30 ms. The instant of an image is that of its middle row, so
a pixel of the sensor row r of n was taken

    readout_s ((r + 1/2) / n - 1/2)

later. In the pixels of the image that is an affine function a x + b y + c, kept as (a, b, c): it
holds for images that were turned, scaled or cropped too.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

import numpy as np

from mocap.core.errors import InputError
from mocap.core.files.reading import read_json, reading
from mocap.core.shapes import Array, FloatArray, check_unique
from mocap.core.store import write_text


class Verdict(StrEnum):
    """How far an offset can be trusted."""

    REFERENCE = "REFERENCE"
    """The camera whose clock the others are measured on."""
    SURE = "SURE"
    """Found, and every other offset fits clearly worse."""
    UNSURE = "UNSURE"
    """Found and used, but the evidence is thin."""
    REFUSED = "REFUSED"
    """Nothing tells the offset: the recorded times are kept."""
    GIVEN = "GIVEN"
    """Said by a person."""
    OFF = "OFF"
    """Not asked for, or the rig is synchronised by hardware: the recorded times are kept."""


@dataclass(frozen=True)
class CameraClock:
    """The clock of one camera and why it is believed.

    Attributes:
        camera: name.
        offset_s: common minus local time at `middle_s`, seconds; a camera started later has more.
        drift_ppm: how much faster the common clock runs than this one, in millionths.
        middle_s: local time at which drift adds nothing.
        sigma_s: standard deviation of the offset; NaN where it is not known.
        sigma_drift_ppm: of the drift; NaN where it is not known.
        method: "motion", "board", "sound", "given" or "recorded".
        verdict: see `Verdict`.
        agreement: 0..1, how well its images agree with the others' at this offset; NaN unknown.
        evidence_t: how clearly the best other offset is worse (Student's t); NaN unknown.
        said: every method's answer in seconds, by its name.
    """

    camera: str
    offset_s: float = 0.0
    drift_ppm: float = 0.0
    middle_s: float = 0.0
    sigma_s: float = float("nan")
    sigma_drift_ppm: float = float("nan")
    method: str = "recorded"
    verdict: Verdict = Verdict.OFF
    agreement: float = float("nan")
    evidence_t: float = float("nan")
    said: Mapping[str, float] = field(default_factory=dict)

    def common(self, local_s: Array) -> FloatArray:
        """Return the common time of local times."""
        local = np.asarray(local_s, dtype=np.float64)
        return np.asarray(local + self.offset_s + 1e-6 * self.drift_ppm * (local - self.middle_s))

    def local(self, common_s: Array) -> FloatArray:
        """Return the local time of common times."""
        common = np.asarray(common_s, dtype=np.float64)
        drift = 1e-6 * self.drift_ppm
        return np.asarray((common - self.offset_s + drift * self.middle_s) / (1.0 + drift))


@dataclass(frozen=True)
class Clocks:
    """The clocks of all cameras of a take.

    Attributes:
        reference: the camera whose clock is the common one.
        cameras: in rig order; names are unique.
        origin_s: common time of frame 0 of everything that is reconstructed.
        loop_residuals_s: "a-b" -> by how much the pair disagrees with the joint solution.
    """

    reference: str
    cameras: tuple[CameraClock, ...]
    origin_s: float = 0.0
    loop_residuals_s: Mapping[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Check names."""
        check_unique(self, "cameras", self.names)
        if self.reference not in self.names:
            raise ValueError(f"the reference '{self.reference}' is none of {', '.join(self.names)}")

    @property
    def names(self) -> tuple[str, ...]:
        """Camera names in order."""
        return tuple(each.camera for each in self.cameras)

    def __getitem__(self, name: str) -> CameraClock:
        """Return the clock of a camera.

        Raises:
            InputError: there is none.
        """
        for each in self.cameras:
            if each.camera == name:
                return each
        raise InputError(
            f"the clocks of this take know no camera '{name}'; they know {', '.join(self.names)}. "
            "Run `mocap sync` again."
        )


def recorded_clocks(names: Sequence[str], reference: str | None = None) -> Clocks:
    """Return clocks that keep the recorded times: all cameras started at one instant.

    The reference, the first camera by default, gives the frame rate.
    """
    first = names[0] if reference is None else reference
    verdicts = {first: Verdict.REFERENCE}
    return Clocks(
        first,
        tuple(CameraClock(each, verdict=verdicts.get(each, Verdict.OFF)) for each in names),
    )


def save_clocks(clocks: Clocks, path: Path, extra: Mapping[str, Any] | None = None) -> None:
    """Write `sync.json` atomically; NaN becomes null. `extra` is for people."""
    document = {
        "reference": clocks.reference,
        "origin_s": clocks.origin_s,
        "cameras": {each.camera: _jsonable(asdict(each)) for each in clocks.cameras},
        "loop_residuals_s": _jsonable(dict(clocks.loop_residuals_s)),
        **(extra or {}),
    }
    write_text(path, json.dumps(document, indent=1, sort_keys=True) + "\n")


def load_clocks(path: Path) -> Clocks:
    """Read `sync.json`.

    Raises:
        InputError: it is missing or damaged.
    """
    if not path.is_file():
        raise InputError(f"{path} does not exist. Run `mocap sync`, or `mocap run`.")
    with reading(path, "what `mocap sync` wrote", "Delete it and run `mocap sync` again."):
        document = read_json(path)
        cameras = tuple(_clock(name, table) for name, table in document["cameras"].items())
        residuals = {key: float(value) for key, value in document["loop_residuals_s"].items()}
        origin_s = float(document["origin_s"])
        return Clocks(str(document["reference"]), cameras, origin_s, residuals)


_NUMBERS = (
    "offset_s",
    "drift_ppm",
    "middle_s",
    "sigma_s",
    "sigma_drift_ppm",
    "agreement",
    "evidence_t",
)


def _clock(name: str, table: Mapping[str, Any]) -> CameraClock:
    numbers = {key: float("nan") if table[key] is None else float(table[key]) for key in _NUMBERS}
    if not np.isfinite([numbers["offset_s"], numbers["drift_ppm"], numbers["middle_s"]]).all():
        raise ValueError(f"the clock of '{name}' is not finite")
    said = {str(key): float(value) for key, value in table["said"].items() if value is not None}
    return CameraClock(
        camera=name,
        method=str(table["method"]),
        verdict=Verdict(table["verdict"]),
        said=said,
        **numbers,
    )


def _jsonable(table: Mapping[str, Any]) -> dict[str, object]:
    """Return the table with NaN as null (JSON knows no NaN) and nested tables likewise."""
    out: dict[str, object] = {}
    for key, value in table.items():
        if isinstance(value, Mapping):
            out[key] = _jsonable(value)
        elif isinstance(value, float):
            out[key] = round(value, 9) if np.isfinite(value) else None
        else:
            out[key] = value
    return out


LONGEST_READOUT_S = 0.1
"""No sensor that films takes longer."""


def row_lateness(
    readout_s: float, image_size: tuple[int, int], rotation_deg: int = 0
) -> FloatArray:
    """Return (3,) seconds per pixel right, per pixel down, and seconds at pixel (0, 0).

    Args:
        readout_s: from the first row of the sensor to the last.
        image_size: (width, height) of the image as it is shown.
        rotation_deg: by which the image was turned counter-clockwise to be shown: 0, 90, 180, 270.

    >>> row_lateness(0.020, (640, 480)).round(6)[1:].tolist()
    [4.2e-05, -0.009979]
    """
    width, height = image_size
    turns = rotation_deg // 90 % 4
    # Turned by a quarter, sensor rows are columns; by a half or three quarters they run backwards.
    sideways, backwards = turns % 2 == 1, turns >= 2
    per_pixel = (-readout_s if backwards else readout_s) / (width if sideways else height)
    middle = (width - 1) / 2.0 if sideways else (height - 1) / 2.0
    out = np.zeros(3)
    out[0 if sideways else 1], out[2] = per_pixel, -per_pixel * middle
    return out


def lateness_of(rows: FloatArray, pixels: Array) -> FloatArray:
    """Return how much later (...,) pixels (..., 2) were taken, by `row_lateness`; NaN stays."""
    return np.asarray(pixels[..., 0] * rows[0] + pixels[..., 1] * rows[1] + rows[2])


def mapped_rows(rows: FloatArray, new_from_old: Array) -> FloatArray:
    """Return the same function in other pixels, new = (2, 3) new_from_old of the old ones."""
    slope = rows[:2] @ np.linalg.inv(np.asarray(new_from_old, dtype=np.float64)[:, :2])
    return np.array([*slope, rows[2] - slope @ np.asarray(new_from_old)[:, 2]])
