"""What a person may say about throws, and about joints or markers of another system."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from mocap.core.options import option


@dataclass(frozen=True)
class Chosen:
    """What all measurements may choose; None of the athlete stands in session.toml."""

    person: int | None = option(None, "Whose motion, when there are several.")
    source: str = option(
        "auto",
        "Measure the fitted body, or keypoints alone; auto takes the body when it is there.",
        words=("auto", "body", "keypoints"),
    )
    body: str | None = option(None, "Where the fitted SMPL-X file is now, if it has moved.")
    height_m: float | None = option(None, "Height of the athlete.", least=0.5, most=2.6)
    hand: str | None = option(None, "Throwing hand.", words=("left", "right"))
    mass_kg: float | None = option(
        None, "Body mass: gives the loads of joints.", least=20.0, most=250.0
    )


@dataclass(frozen=True)
class PitchingChoice:
    """What a person may choose about throws."""

    ball_kg: float | None = option(
        None, "Mass of the ball until release, 0.145 by default.", least=0.0
    )
    norms: Path | None = option(None, "CSV of norm bands of your own; none are shipped.")
    target_deg: float | None = option(
        None,
        "Direction to the target from world X, seen from above; else that of the rig's "
        "plan, or of the hand.",
    )
    filter_hz: float | None = option(
        None, "Cut-off of angles and velocities, 20 by default; 0 for none.", least=0.0
    )
    position_filter_hz: float | None = option(
        None, "Cut-off of positions before anything else; none by default.", above=0.0
    )
    pictures: bool = option(True, "Show the events in the report.")


@dataclass(frozen=True)
class ImportChoice:
    """What a person says about a foreign file; None is read from it, or guessed and said."""

    names: Path | None = option(None, 'TOML of names: "L.Knee" = "left_knee".', name="--map")
    unit: str | None = option(None, "Else told by the body's size.", words=("mm", "cm", "m"))
    up: str | None = option(
        None,
        "Axis that points up; else told by feet and trunk.",
        words=("x", "y", "z", "-x", "-y", "-z"),
    )
    fps: float | None = option(None, "Frames per second, where the file does not say.", above=0.0)
    key: str | None = option(None, "Which array of an NPZ with several.")
