"""What was measured in the room by hand: points with a tape or a total station, and distances.

A file `survey.toml`:

    [[points]]
    name = "A"
    world_m = [0.0, 0.0, 0.0]        # where it was surveyed; leave out for the end of a tape
    pixels = { left = [812.5, 604.0], right = [233.0, 588.5] }

    [[distances]]
    between = ["A", "B"]
    length_mm = 2000.0

Pixels are those of the calibration's images, (0, 0) in the middle of the upper left one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mocap.capture.toml_tables import check_keys, load_toml, number, numbers, tables, text
from mocap.core.errors import InputError

# A click on a mark is good to about a pixel, a tape over some metres to a millimetre and a half.
CLICK_PX, TAPE_MM = 1.0, 1.5


@dataclass(frozen=True)
class SurveyPoint:
    """A mark in the room: where cameras show it, and where it is, if that was surveyed.

    Attributes:
        name: of the mark.
        pixels: (u, v) by camera.
        world_m: (x, y, z), Z up; None for the end of a tape.
    """

    name: str
    pixels: Mapping[str, tuple[float, float]]
    world_m: tuple[float, float, float] | None


@dataclass(frozen=True)
class TapedDistance:
    """A distance between two marks as a tape says, with its standard deviation."""

    first: str
    second: str
    length_m: float
    sd_m: float


@dataclass(frozen=True)
class Survey:
    """Marks and distances of a room; `click_px` is the standard deviation of a pixel."""

    points: tuple[SurveyPoint, ...]
    distances: tuple[TapedDistance, ...]
    click_px: float


def load_survey(path: Path) -> Survey:
    """Return what a `survey.toml` holds.

    Raises:
        InputError: unreadable, an unknown key, a wrong value, a name that is given twice or never.
    """
    document = load_toml(path)
    check_keys(document, ("points", "distances", "click_px"), path)
    points = tuple(_point(each, path) for each in tables(document, "points", path))
    names = [point.name for point in points]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise InputError(f"{path} has two points '{twice}'. Give every mark a name of its own.")
    if not points:
        raise InputError(f"{path} has no [[points]]: marks, and where cameras show them.")
    distances = tuple(_distance(each, names, path) for each in tables(document, "distances", path))
    return Survey(points, distances, number(document, "click_px", path, CLICK_PX))


def _point(table: Mapping[str, Any], path: Path) -> SurveyPoint:
    check_keys(table, ("name", "world_m", "pixels"), path, "points")
    name = text(table, "name", path)
    pixels = table.get("pixels")
    if not isinstance(pixels, dict) or not pixels:
        raise InputError(
            f"{path}: point '{name}' lacks 'pixels': {{ CAMERA = [u, v], ... }} of the cameras "
            "that show it."
        )
    seen = {}
    for camera, value in pixels.items():
        u, v = numbers(value, 2, f"pixels.{camera}", path)
        seen[str(camera)] = (u, v)
    if "world_m" not in table:
        return SurveyPoint(name, seen, None)
    x, y, z = numbers(table["world_m"], 3, "world_m", path)
    return SurveyPoint(name, seen, (x, y, z))


def _distance(table: Mapping[str, Any], names: list[str], path: Path) -> TapedDistance:
    check_keys(table, ("between", "length_mm", "sd_mm"), path, "distances")
    ends = table.get("between")
    if not isinstance(ends, list) or len(ends) != 2 or ends[0] == ends[1]:
        raise InputError(f'{path}: \'between\' is {ends!r}; it must be two points, ["A", "B"].')
    unknown = [str(end) for end in ends if end not in names]
    if unknown:
        raise InputError(
            f"{path}: a distance ends at '{unknown[0]}', which is no point there; there are "
            f"{', '.join(names)}."
        )
    length_m = number(table, "length_mm", path) / 1000.0
    return TapedDistance(ends[0], ends[1], length_m, number(table, "sd_mm", path, TAPE_MM) / 1000.0)
