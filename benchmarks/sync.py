"""How well clocks of cameras that were started by hand are found, on takes with known clocks.

    python benchmarks/sync.py [--check] [--takes 40] [--seed 7000] [--part takes]... [--tell]
    python benchmarks/sync.py --sample SESSION [--check]

Real recordings are added when MOCAP_REAL_DATA names their folder.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable
from pathlib import Path

from figures import Figure, exit_code, print_figures
from sync_parts.board import board_figures, far_board_figures
from sync_parts.exact import exact_figures
from sync_parts.people import (
    FIRST_SEED,
    cost_figures,
    far_figures,
    habit_figures,
    rig_figures,
    take_figures,
    trap_figures,
)
from sync_parts.real import real_figures, refined_figures
from sync_parts.sample import sample_figures
from sync_parts.shutter import shutter_figures
from sync_parts.sound import sound_figures


def main() -> int:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="exit 1 when a line is missed")
    parser.add_argument("--takes", type=int, default=40, help="how many takes of people")
    parser.add_argument("--sample", type=Path, help="a copy of the sample that was run: only it")
    parser.add_argument("--seed", type=int, default=FIRST_SEED, help="of the first take of people")
    parser.add_argument("--part", action="append", default=[], help="only this; may be repeated")
    parser.add_argument("--tell", action="store_true", help="print every take")
    options = parser.parse_args()
    if options.sample is not None:
        figures = sample_figures(options.sample)
        print_figures("Sample: the dance started by hand", figures)
        return exit_code(figures, check=options.check)
    data = os.environ.get("MOCAP_REAL_DATA")
    parts: dict[str, tuple[str, Callable[[], list[Figure]]]] = {
        "takes": (
            "People: takes",
            lambda: take_figures(options.takes, options.seed, tell=options.tell),
        ),
        "cost": ("People: cost", cost_figures),
        "rig": ("People: a rig that is a little off", lambda: rig_figures(range(7600, 7606))),
        "habits": ("People: detectors' habits", lambda: habit_figures(range(7900, 7918))),
        "far": ("People: starts far apart", lambda: far_figures(range(7800, 7802))),
        "traps": ("People: traps", lambda: trap_figures(range(7700, 7703))),
        "board": ("Board: eight recordings, nothing calibrated", board_figures),
        "far_board": ("Board: starts 29 s apart", far_board_figures),
        "sound": ("Sound: claps, drift, silence", sound_figures),
        "exact": ("Exact times in triangulation and smoothing", exact_figures),
        "shutter": ("Rolling shutters: every keypoint at the time of its row", shutter_figures),
    }
    if data:
        parts["real"] = ("A real take, the rig as shipped", lambda: real_figures(Path(data)))
        parts["refined"] = (
            "The same, the rig refined from the people",
            lambda: refined_figures(Path(data)),
        )
    unknown = sorted(set(options.part) - set(parts))
    if unknown:
        parser.error(f"there is no part {unknown[0]}; there are {', '.join(parts)}")
    everything: list[Figure] = []
    for name in options.part or parts:
        title, make = parts[name]
        found = make()
        print_figures(title, found)
        everything.extend(found)
    return exit_code(everything, check=options.check)


if __name__ == "__main__":
    raise SystemExit(main())
