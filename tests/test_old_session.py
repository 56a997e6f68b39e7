"""A session of an earlier version opens: what is still right is kept, the rest is made again.

`tests/old_session` was made by version 0.1.0 as it was before artifacts had a revision: three
cameras, 14 frames, a fitted body, BVH and CSV; without its report, which is large.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

import mocap
from mocap.core.detections import Detections2D
from mocap.core.store import load_artifact, load_provenance
from mocap.workflow.graph import GRAPH, row_of
from mocap.workflow.progress import Quiet

OLD = Path(__file__).resolve().parent / "old_session"
MAX_BYTES = 300_000


class Heard(Quiet):
    """Keeps what was said."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def started(self, what: str) -> None:
        self.lines.append(what)

    def finished(self, what: str, details: object = ()) -> None:
        self.lines.append(what)


@pytest.fixture
def session(tmp_path: Path) -> Path:
    shutil.copytree(OLD, tmp_path / "old")
    return tmp_path / "old"


def test_it_stays_small() -> None:
    assert sum(path.stat().st_size for path in OLD.rglob("*") if path.is_file()) < MAX_BYTES


def test_old_results_load(session: Path) -> None:
    results = mocap.Session.open(session).take("dance").results()
    # Bringing cameras to one clock came later; until a run does, what the detector found is there.
    found = load_artifact(results.take.root / row_of("detect").file, Detections2D)
    assert found.camera_names == ("back_left", "front_left", "front_right")
    frames = np.arange(results.tracks.pixels.shape[1])
    # Frames had no time of their own then: an even clock is what was meant.
    np.testing.assert_allclose(results.tracks.times_s[0], frames / results.tracks.fps)
    assert results.points.xyz.shape[0] == len(frames) == 14
    body = results.bodies[0]
    assert body.model().joint_names == body.motion.joint_names
    assert body.figures is not None and body.figures.body_height_m == pytest.approx(1.78, abs=0.01)
    assert {record.revision for record in results.records()} == {1}
    made = [row for row in GRAPH if row.kind and (results.take.root / row.file).is_file()]
    newer = [row.makes for row in made if row.revision > 1]
    said = " ".join(results.warnings())
    assert all(
        f"{makes} of take dance were made by an earlier algorithm" in said for makes in newer
    )


def test_a_run_keeps_what_is_right_and_says_what_it_makes_again(session: Path) -> None:
    before = {path.name: path.read_bytes() for path in (session / "takes" / "dance").glob("*.npz")}
    files = {path.relative_to(session) for path in session.rglob("*") if path.is_file()}
    heard = Heard()
    choices = mocap.choices(to="csv", body="none")
    mocap.run(session, ["dance"], choices, progress=heard)
    assert row_of("detect").revision == 1, "detection runs for hours: can old ones be upgraded?"
    assert "dance: detect is current" in heard.lines
    (said,) = [line for line in heard.lines if "written by an earlier version" in line]
    assert "detections" in said and "kept" in said
    reason = f"the algorithm changed: revision 1 -> {row_of('smooth').revision}"
    assert row_of("smooth").revision > 1 and f"dance: smooth ({reason})" in heard.lines
    # Nothing is lost: neither what people recorded nor what was exported or fitted.
    left = {path.relative_to(session) for path in session.rglob("*") if path.is_file()}
    assert files <= left
    take = session / "takes" / "dance"
    for name in ("detections.npz", "body_0.npz"):
        assert (take / name).read_bytes() == before[name]
    assert load_provenance(take / "smoothed.npz").revision == row_of("smooth").revision
    again = Heard()
    assert mocap.run(session, ["dance"], choices, progress=again).nothing_done
