"""Kernels compiled beside a first run, on another processor.

numba compiles a kernel when it is first called and keeps it beside the source. On a new machine,
or after an update, that is a minute and a half in which a person would wait at every stage for the
first time. So a run that has images to look at starts a process of its own, which calls every
numerical stage once on a small example meanwhile. Nothing depends on it: a kernel that is not there
when it is wanted is compiled then, as ever.
"""

from __future__ import annotations

import hashlib
import os
import platform
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from mocap.core.store import write_text
from mocap.detect.registry import cache_folder

_FRAMES = 24
"""Of the example: every kernel is called, and little is computed."""

_END_WITHIN_S = 5.0


@contextmanager
def kernels_ahead(wanted: bool) -> Iterator[None]:
    """Compile kernels beside the block, where that is wanted and was not done for these kernels."""
    done = _marker() if wanted and (os.cpu_count() or 1) > 1 else None
    if done is None or done.is_file():
        yield
        return
    command = [sys.executable, "-m", "mocap.workflow.compile_ahead", str(done)]
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
            if b"@njit" in text:
                digest.update(str(path).encode() + text)
    except OSError:
        return None
    return cache_folder().parent / "kernels" / digest.hexdigest()[:32]


def compile_kernels() -> None:
    """Call every numerical stage after detection once, in the order in which a run needs them."""
    from mocap.body.fit.fit import fit
    from mocap.body.fit.views import CameraTracks
    from mocap.body.model import load_free_body
    from mocap.core.errors import MocapError
    from mocap.reconstruct.associate import associate
    from mocap.reconstruct.exact_time import at_frame_times
    from mocap.reconstruct.smooth import smooth
    from mocap.reconstruct.triangulate import triangulate
    from mocap.sync.people import sync_people
    from mocap.synthetic.example import walker

    seen = walker()
    part = slice(0, _FRAMES)
    rig, detections = seen.calibration, seen.detections
    with suppress(MocapError):
        sync_people(detections, rig)
    tracks = associate(detections.part(part), rig)
    points = triangulate(tracks, rig)
    smoothed = smooth(points, tracks, rig)
    timely = at_frame_times(tracks, smoothed, rig)
    fit(smoothed, load_free_body(), views=CameraTracks(timely, rig))


if __name__ == "__main__":
    compile_kernels()
    write_text(Path(sys.argv[1]), "")
