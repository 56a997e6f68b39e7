"""The sample's dance as four people with phones record it, against its true clocks."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from figures import Figure

from mocap.capture.session import Session
from mocap.core.clocks import CameraClock, Clocks, load_clocks
from mocap.core.detections import Detections2D
from mocap.core.points import Points3D
from mocap.core.store import load_artifact
from mocap.reconstruct.associate import associate
from mocap.reconstruct.common_clock import on_common_clock
from mocap.reconstruct.smooth import smooth
from mocap.reconstruct.triangulate import triangulate
from mocap.synthetic.sample import load_truth

TAKE = "dance_by_hand"


def sample_figures(root: Path) -> list[Figure]:
    """Compare what `mocap run` made of the take with the same at the true clocks."""
    session = Session.open(root)
    take, truth = session.take(TAKE), load_truth(root)
    clocks = load_clocks(take.clocks_path)
    start = dict(zip(truth.calibration.names, truth.takes[TAKE].start_s, strict=True))
    zero = start[clocks.reference]
    errors = [c.offset_s - (start[c.camera] - zero) for c in clocks.cameras]
    true = Clocks(
        clocks.reference, tuple(CameraClock(n, float(start[n] - zero)) for n in clocks.names)
    )
    detections = load_artifact(take.root / "detections.npz", Detections2D)
    synced, _ = on_common_clock(detections, true)
    calibration = session.calibration()
    tracks = associate(synced, calibration)
    best = smooth(triangulate(tracks, calibration), tracks, calibration).xyz[:, 0]
    ours = load_artifact(take.root / "smoothed.npz", Points3D).xyz[:, 0]
    frames = min(len(best), len(ours))
    apart_mm = 1e3 * np.linalg.norm(best[:frames] - ours[:frames], axis=-1)
    return [
        Figure("offset, worst", 1e3 * float(np.abs(errors).max()), "ms", 2.0),
        Figure("joints against the true clocks, median", float(np.nanmedian(apart_mm)), "mm", 1.0),
        Figure("the same, p95", float(np.nanpercentile(apart_mm, 95)), "mm"),
    ]
