"""Jumping: flight time, and height by flight and by the centre of mass."""

from __future__ import annotations

from mocap.core.points import Points3D
from mocap.measure.events import EventDraw
from mocap.measure.exercises.exercise import Exercise, Quantity, Reading, mean_of, measured
from mocap.measure.exercises.gait_events import GRAVITY_M_S2, jumps
from mocap.measure.misfit import Misfit
from mocap.measure.segments.mass import centre_of_mass
from mocap.measure.segments.segments import Segments
from mocap.measure.uncertainty import SAMPLES


def measure_jump(
    segments: Segments,
    *,
    points: Points3D | None = None,
    misfit: Misfit | None = None,
    person_id: int | None = None,
    samples: int = SAMPLES,
) -> Exercise:
    """Measure jumps: flight time and height by flight and by the centre of mass."""
    # Limits are estimates: of flight two frames at 100 per second; of the height by it twice what
    # that is at half a second, for who lands with bent knees.
    quantities = {
        "count": Quantity("Jumps", "", "flights of at least 0.08 s"),
        "flight_time": Quantity("Flight time", "s", "both feet off the floor, mean", 0.02, 0.02),
        "height_by_flight": Quantity(
            "Height by flight time", "m", "g t² / 8; too great when landing with bent knees",
            0.05, 0.03,
        ),
        "height_by_com": Quantity(
            "Height by centre of mass", "m", "rise of the centre of mass from take-off", 0.02, 0.02
        ),
    }  # fmt: skip
    return measured(
        "jump",
        segments,
        _read_jump,
        quantities,
        filters="none beyond the smoothing of the motion",
        points=points,
        misfit=misfit,
        person_id=person_id,
        samples=samples,
    )


def _read_jump(person: Segments, draw: EventDraw) -> Reading:
    com = centre_of_mass(person)
    found = jumps(person, com)
    rows: list[dict[str, float | str]] = []
    for each in found:
        take_off = draw.frame(each.take_off, person.fps)
        landing = draw.frame(each.landing, person.fps)
        flight_s = max(landing - take_off, 0.0) / person.fps
        rows.append(
            {
                "take_off_time": take_off / person.fps,
                "landing_time": landing / person.fps,
                "flight_time": flight_s,
                "height_by_flight": GRAVITY_M_S2 * flight_s**2 / 8.0,
                "height_by_com": each.height_by_com_m,
            }
        )
    names = ("flight_time", "height_by_flight", "height_by_com")
    values = {name: mean_of(rows, name) for name in names} | {"count": float(len(rows))}
    units = {name: "s" if "time" in name else "m" for name in (*names, "take_off_time",
                                                              "landing_time")}  # fmt: skip
    events = [event for each in found for event in (each.take_off, each.landing)]
    curves = {"centre_of_mass_height": com[:, 2]}
    warnings = () if found else ("no jump was found: both feet never leave the floor together",)
    return Reading(values, rows, events, curves, {}, units | {"centre_of_mass_height": "m"}, {},
                   warnings)  # fmt: skip
