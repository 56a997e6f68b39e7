"""Measurements against scripted motions: throws through the whole chain, and counted exercises.

Throws of the free body, both hands and several shapes, are seen by eight cameras at 240 frames per
second (2 px noise, 10 % outliers), triangulated, smoothed, fitted (on the images too, as `mocap
fit` does) and measured; the same measurement of the true motion is the reference. Exercises are
thirty clips of squats, lunges and arm raises with slow, fast, incomplete and paused repetitions,
walks go over ground, on a treadmill, there and back and in circles, both on keypoints 8 mm off. Two
hundred random scripts (throws, walks, exercises; 360, 120 and 60 frames per second) go through the
whole chain, and every trusted number is held against its band.

    python benchmarks/measure.py [--check] [--throws N] [--scripts N]
"""

from __future__ import annotations

import argparse

from figures import Figure, exit_code, print_figures
from measure_parts.exercise_scripts import CLIPS, counted
from measure_parts.gait_clips import gait_figures
from measure_parts.imported_joints import imported_figures
from measure_parts.random_postures import posture_figures
from measure_parts.random_scripts import script_figures
from measure_parts.rehabilitation import (
    counting_figures,
    form_figures,
    recognition_figures,
    recordings,
)
from measure_parts.rom_limits import limit_figures
from measure_parts.throw_chain import (
    AMATEUR,
    PITCHER,
    PITCHER_FEW,
    compare,
    throw_figures,
    worst_metrics,
)
from measure_parts.throw_coverage import thinned_figures

from mocap.body.model import load_free_body

_THINNED_THROWS = 3


def main() -> int:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="exit 1 when a line is missed")
    parser.add_argument("--throws", type=int, default=8, help="how many throws of each kind")
    parser.add_argument("--scripts", type=int, default=200, help="how many random scripts")
    options = parser.parse_args()
    model = load_free_body()
    right = sum(counted(clip) for clip in CLIPS)
    figures = [
        Figure("clips with all repetitions counted right", right, f"of {len(CLIPS)}",
               float(len(CLIPS)), ">="),
    ]  # fmt: skip
    print_figures("Exercises", figures)
    walked = gait_figures()
    print_figures("Walks", walked)
    rehabilitated: list[Figure] = []
    if (data := recordings()) is not None:
        rehabilitated = [
            *recognition_figures(data),
            *form_figures(data),
            *counting_figures(data),
        ]
        print_figures("Rehabilitation exercises of ten people", rehabilitated)
    limits = limit_figures(model)
    print_figures("Method limits of angles: known movements, three shapes, fitted", limits)
    postured = posture_figures()
    print_figures("Four hundred random postures", postured)
    imported = imported_figures(model)
    print_figures("Exact joint centres imported from C3D", imported)
    thinned = thinned_figures(range(1, 1 + _THINNED_THROWS))
    print_figures("Exact throws seen by slower cameras", thinned)
    thrown: list[Figure] = []
    for setting in (AMATEUR, PITCHER, PITCHER_FEW):
        comparisons = [compare(seed, model, setting) for seed in range(1, options.throws + 1)]
        told = throw_figures(comparisons, lines=setting is not PITCHER_FEW)
        print_figures(f"{options.throws} throws through the whole chain: {setting.name}", told)
        for each in worst_metrics(comparisons):
            print(each)
        thrown += told
    scripted = script_figures(range(options.scripts), model)
    print_figures("Random scripts through the whole chain", scripted)
    return exit_code(
        [
            *scripted,
            *figures,
            *walked,
            *rehabilitated,
            *limits,
            *postured,
            *imported,
            *thinned,
            *thrown,
        ],
        check=options.check,
    )


if __name__ == "__main__":
    raise SystemExit(main())
