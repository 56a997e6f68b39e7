"""Kernels compiled beside a first run, on another processor, or before it.

numba compiles a kernel when it is first called and keeps it beside the source. On a new machine,
or after an update, a person would wait for that at every stage for the first time. So a run that
has images to look at starts a process of its own, which calls every numerical stage once on a small
example meanwhile; `mocap doctor --warm` does the same without a run. Nothing depends on it: a
kernel that is not there when it is wanted is compiled then, as ever.
"""

from __future__ import annotations

import gc
import hashlib
import os
import platform
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path

from mocap.core.files.lock import locked
from mocap.core.store import write_text
from mocap.detect.registry import cache_folder

_SECONDS = 0.4
"""Of the example: every kernel is called, and little is computed."""

_BOARD_FRAMES = 100

_DECORATORS = b"from mocap.core.kernels.compiled import"
"""What every file with kernels says."""

_END_WITHIN_S = 5.0

_NICER = 5
"""Detection keeps every processor busy: compiling takes what it leaves idle, and beside it a third
of its share."""


@contextmanager
def kernels_ahead(wanted: bool) -> Iterator[None]:
    """Compile kernels beside the block, where that is wanted and was not done for these kernels."""
    if not wanted or (os.cpu_count() or 1) == 1 or are_compiled():
        yield
        return
    command = [sys.executable, "-m", "mocap.workflow.compile_ahead"]
    try:
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
    except OSError:
        yield
        return
    try:
        yield
    finally:
        process.terminate()
        with suppress(subprocess.TimeoutExpired):
            process.wait(_END_WITHIN_S)


def are_compiled() -> bool:
    """Tell whether these kernels were all compiled, or cannot be kept."""
    marker = _marker()
    return marker is None or marker.is_file()


def compile_all(nicer: int = 0) -> None:
    """Compile what is not yet compiled; wait where another process does that."""
    marker = _marker()
    if marker is None or marker.is_file():
        return
    marker.parent.mkdir(parents=True, exist_ok=True)
    with locked(marker.parent, "mocap doctor --warm", waiting=lambda _: None):
        if not marker.is_file():
            compile_kernels(nicer)
            say_compiled()


def say_compiled() -> None:
    """Remember that all kernels are compiled."""
    marker = _marker()
    if marker is not None:
        marker.parent.mkdir(parents=True, exist_ok=True)
        write_text(marker, "")


def _marker() -> Path | None:
    """Return the file that says that these kernels were compiled by this numba on this machine."""
    import numba

    package = Path(__file__).resolve().parents[1]
    digest = hashlib.sha256(
        f"{numba.__version__} {platform.node()} {numba.config.CACHE_DIR}".encode()
    )
    try:
        for path in sorted(package.rglob("*.py")):
            text = path.read_bytes()
            if _DECORATORS in text:
                digest.update(str(path).encode() + text)
    except OSError:
        return None
    return cache_folder().parent / "kernels" / digest.hexdigest()[:32]


def compile_kernels(nicer: int = 0) -> None:
    """Call every numerical stage once, in the order in which a run needs them.

    Calibration waits for its kernels a few seconds after a run began; the process is `nicer` to
    others from then on.
    """
    *after, calibration = PARTS
    compile_part(calibration)
    if hasattr(os, "nice"):
        os.nice(nicer)
    for part in after:
        compile_part(part)


def compile_part(part: Callable[[], None]) -> None:
    """Call some numerical stages once."""
    # A compiler makes millions of objects that refer to each other and stay: looking through them
    # for what can go takes a fifth of the time.
    gc.disable()
    try:
        part()
    finally:
        gc.enable()


def _calibrate() -> None:
    from mocap.calibrate.solve import calibrate
    from mocap.core.board import Board
    from mocap.synthetic.boards import observe_board, scatter_board
    from mocap.synthetic.rigs import laboratory

    rig, board = laboratory(seed=1), Board("example", 10, 7, 0.08, 0.06, "DICT_4X4_50")
    corners = observe_board(rig, board, scatter_board(rig, board, _BOARD_FRAMES, seed=1), seed=2)
    calibrate(corners, board)


def _follow() -> None:
    from mocap.core.errors import MocapError
    from mocap.reconstruct.associate import associate
    from mocap.sync.people import sync_people
    from mocap.synthetic.example import walker

    seen = walker()
    with suppress(MocapError):
        sync_people(seen.detections, seen.calibration)
    associate(walker(_SECONDS).detections, seen.calibration)


def _reconstruct() -> None:
    from mocap.body.fit.fit import fit
    from mocap.body.fit.views import CameraTracks
    from mocap.body.model import load_free_body
    from mocap.reconstruct.exact_time import at_frame_times
    from mocap.reconstruct.smooth import smooth
    from mocap.reconstruct.triangulate import triangulate
    from mocap.synthetic.example import walker

    seen = walker(_SECONDS)
    tracks, rig = seen.tracks, seen.calibration
    smoothed = smooth(triangulate(tracks, rig), tracks, rig)
    by_hand = replace(tracks, times_s=tracks.times_s + 0.5 / tracks.fps)
    timely = at_frame_times(by_hand, smoothed, rig)
    fit(smoothed, load_free_body(), views=CameraTracks(timely, rig))


PARTS = (_follow, _reconstruct, _calibrate)
"""All that processes may compile side by side: what follows the detection in two halves, and the
calibration, which a run that calibrates compiles itself."""


if __name__ == "__main__":
    compile_all(_NICER)
