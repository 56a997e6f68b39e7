"""People in a take: gaps, identities, left and right, with the lines they must hold.

    python benchmarks/people.py [--check] [--seeds N] [--first-seed N] [--only PART]

Scenes and detector of `mocap.synthetic.crowd`; times are CPU seconds of one thread.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from figures import SINGLE_THREAD, Figure, exit_code, print_figures

os.environ.update(SINGLE_THREAD)

import argparse

from people_parts import identities
from people_parts.gaps import gap_figures
from people_parts.identities import choice_figures, cost_figures, identity_figures
from people_parts.in_view import in_view_figures
from people_parts.limbs import limb_figures

PARTS: dict[str, tuple[str, Callable[[int], list[Figure]]]] = {
    "gaps": ("Somebody unseen for a while (jitter, error: times the take without the gap)",
             gap_figures),
    "identities": ("Crowds: 5 px, 15 % missed, people hidden and invented, 3 % exchanged sides",
                   identity_figures),
    "in view": ("Within one view: numbers of people, the crowds of above", in_view_figures),
    "choice": ("Main person, mirror images, strangers", choice_figures),
    "limbs": ("Arms and legs exchanged in single views", limb_figures),
    "cost": ("What association costs", cost_figures),
}  # fmt: skip


def main(arguments: Sequence[str] | None = None) -> int:
    """Print every figure and return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="exit 1 when a line is missed")
    parser.add_argument("--seeds", type=int, default=20, help="scenes of each kind")
    parser.add_argument("--first-seed", type=int, default=identities.FIRST_SEED)
    parser.add_argument("--only", choices=sorted(PARTS), action="append", help="parts to run")
    options = parser.parse_args(arguments)
    identities.FIRST_SEED = options.first_seed
    found: list[Figure] = []
    for name, (title, measure) in PARTS.items():
        if options.only and name not in options.only:
            continue
        figures = measure(options.seeds)
        print_figures(title, figures)
        found += figures
    return exit_code(found, check=options.check)


if __name__ == "__main__":
    sys.exit(main())
