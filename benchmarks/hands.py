"""What a hand network is worth: `python benchmarks/hands.py [--check]`.

Rendered people whose fingers move at random, seen by four cameras, with hands of about 45 and of
about 120 px: finger joints of the fitted body against the truth, with fingers as detected and with
relaxed ones (the mean of the pose prior), which is what an export has without `--hands`. And two
calibrated views of one real hand (MOCAP_REAL_DATA/handpose3d): how far points in space that were
smoothed across frames left out lie from what was detected there. No seed was used in development.
"""

from __future__ import annotations

import argparse
import os
from pathlib import Path

import numpy as np
from figures import Figure, exit_code, print_figures
from hands_parts.real_hand import RealHand, real_hand
from hands_parts.rendered_hands import RenderedHands, rendered_hands

REAL_DATA = "MOCAP_REAL_DATA"
SMALL_PX, LARGE_PX = 45, 120
# Finger joints in the frame of the wrist, of hands of 120 px.
IN_HAND_MM = 8.0
# Of two cameras 720 px wide before which a hand is 150 px long.
HELD_OUT_PX = 8.0


def main() -> None:
    """Measure and print; exit with 1 when a line is missed and --check is given."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--check", action="store_true")
    arguments.add_argument("--seed", type=int, default=9501)
    arguments.add_argument("--repeats", type=int, default=2)
    options = arguments.parse_args()
    figures: list[Figure] = []
    for size in (SMALL_PX, LARGE_PX):
        found = [rendered_hands(size, options.seed + k) for k in range(options.repeats)]
        figures += rendered_figures(size, found)
    if REAL_DATA in os.environ:
        found_hand = real_hand(Path(os.environ[REAL_DATA]) / "handpose3d")
        figures += real_figures(found_hand)
    print_figures("hands", figures)
    raise SystemExit(exit_code(figures, check=options.check))


def rendered_figures(size: int, found: list[RenderedHands]) -> list[Figure]:
    """Return the figures of the hands of one size."""

    def mean(name: str) -> float:
        return float(np.mean([getattr(each, name) for each in found]))

    relaxed, relaxed_in_hand = mean("relaxed_mm"), mean("relaxed_in_hand_mm")
    label = f"hands of {size} px"
    return [
        Figure(f"{label}: found in images", 100.0 * mean("found_share"), "%"),
        Figure(f"{label}: finger joints, relaxed", relaxed, "mm"),
        Figure(f"{label}: finger joints, detected", mean("detected_mm"), "mm", relaxed),
        Figure(f"{label}: in the frame of the wrist, relaxed", relaxed_in_hand, "mm"),
        Figure(
            f"{label}: in the frame of the wrist, detected",
            mean("detected_in_hand_mm"),
            "mm",
            min(relaxed_in_hand, IN_HAND_MM) if size == LARGE_PX else relaxed_in_hand,
        ),
        Figure(f"{label}: the same, seen by two cameras", mean("seen_in_hand_mm"), "mm"),
    ]


def real_figures(hand: RealHand) -> list[Figure]:
    """Return the figures of the real hand."""
    return [
        Figure("real hand: seen by both cameras", 100.0 * hand.seen_share, "%"),
        Figure("real hand, frames left out: all points", hand.held_out_px, "px", HELD_OUT_PX),
        Figure("real hand, frames left out: wrist", hand.wrist_px, "px", HELD_OUT_PX),
        Figure("real hand, frames left out: finger joints", hand.joints_px, "px", HELD_OUT_PX),
    ]


if __name__ == "__main__":
    main()
