"""Benchmark of the geometric core: calibration and reconstruction side by side with aniposelib.

    python benchmarks/geometry.py [--setup] [--check] [--seeds N] [--part PART]

`--setup` installs the peer into an environment of its own, `--check` exits with 1 and names every
figure that misses its line.
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")


def main() -> int:
    """Run the parts asked for; return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--setup", action="store_true", help="install aniposelib 0.8 first")
    parser.add_argument("--check", action="store_true", help="exit 1 when a line is missed")
    parser.add_argument("--seeds", type=int, default=50, help="calibration problems per size")
    parser.add_argument("--part", choices=("calibration", "reconstruction"))
    options = parser.parse_args()
    # Thread pools are sized when the libraries load, so this must come before they are imported.
    for name in THREADS:
        os.environ[name] = "1"
    sys.path.insert(0, str(HERE))
    misses: list[str] = []
    if options.setup:
        from geometry_parts import calibration

        calibration.set_up_peer()
    if options.part in (None, "calibration"):
        from geometry_parts import calibration

        misses += calibration.run(options.check, seeds=options.seeds)
    if options.part in (None, "reconstruction"):
        from geometry_parts import reconstruction

        misses += reconstruction.run(options.check)
    for miss in misses:
        print(f"MISSED {miss}")
    return 1 if misses else 0


if __name__ == "__main__":
    sys.exit(main())
