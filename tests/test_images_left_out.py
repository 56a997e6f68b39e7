"""Images that a pace of detection leaves out: what is found of a take without them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from mocap.capture.session import Take
from mocap.core.detections import Detections2D
from mocap.core.points import Points3D, Source
from mocap.core.store import load_artifact, load_provenance, save_artifact
from mocap.reconstruct.common_clock import on_common_clock
from mocap.sync.people import sync_people
from mocap.synthetic.hand_started import hand_started, script
from mocap.synthetic.keypoint_session import walking_session
from mocap.synthetic.rigs import ring
from mocap.workflow.checks.causes import causes_of
from mocap.workflow.choices import choices
from mocap.workflow.people import person_cards
from mocap.workflow.progress import Quiet
from mocap.workflow.run import run_take

FRAMES = 90


def every_second(detections: Detections2D) -> Detections2D:
    """Return detections as if one of two images had been looked at."""
    pixels, times = np.array(detections.pixels), np.array(detections.times_s)
    confidence, boxes = np.array(detections.confidence), np.array(detections.boxes)
    pixels[:, 1::2], boxes[:, 1::2], times[:, 1::2] = np.nan, np.nan, np.nan
    confidence[:, 1::2] = 0.0
    return replace(detections, pixels=pixels, confidence=confidence, boxes=boxes, times_s=times)


@pytest.fixture(scope="module")
def takes(tmp_path_factory: pytest.TempPathFactory) -> tuple[Take, Take]:
    """A take as it is, and without every second image."""
    session = walking_session(tmp_path_factory.mktemp("lab") / "lab", 2, frames=FRAMES, cameras=4)
    first, second = (session.take(name) for name in ("walk_01", "walk_02"))
    path = first.artifact("detections")
    seen = load_artifact(path, Detections2D)
    save_artifact(every_second(seen), second.artifact("detections"), load_provenance(path))
    stages = ("sync", "associate", "triangulate", "smooth")
    for take in (first, second):
        run_take(take, choices(to="csv"), Quiet(), stages=stages)
    return first, second


def test_what_lies_between_is_filled_and_marked(takes: tuple[Take, Take]) -> None:
    whole, half = (load_artifact(take.artifact("smoothed"), Points3D) for take in takes)
    assert half.fps == whole.fps and half.xyz.shape == whole.xyz.shape
    there = whole.source == Source.MEASURED
    assert (half.source[::2][there[::2]] == Source.MEASURED).mean() > 0.99
    assert (half.source[1:-1:2] == Source.INTERPOLATED).all()
    # Detections are 1 px off: 3 to 4 mm a point at 4 m. Half of the images smooth that less well,
    # by a factor below 1.4; a walk at 30 images a second is filled to a millimetre.
    off_mm = 1e3 * np.linalg.norm(half.xyz - whole.xyz, axis=-1)
    assert np.nanmedian(off_mm[1::2]) < 4.0 and np.nanpercentile(off_mm[1::2], 95.0) < 12.0
    # Who is told less of knows less.
    assert np.nanmedian(half.sigma_m[1::2]) > np.nanmedian(whole.sigma_m[1::2])


def test_no_camera_is_blamed_for_them(takes: tuple[Take, Take]) -> None:
    assert causes_of(takes[0], Quiet()) == causes_of(takes[1], Quiet()) == []
    people = load_provenance(takes[1].artifact("tracks"))
    assert not any("shows" in each for each in people.warnings)
    (whole,), (half,) = (person_cards(take, None) for take in takes)
    assert (whole.frames, whole.frame_count) == (FRAMES, FRAMES)
    assert (half.frames, half.frame_count, half.seconds) == (
        FRAMES // 2,
        FRAMES // 2,
        (0.0, 88 / 60),
    )


def test_clocks_of_cameras_started_by_hand_are_found_without_them() -> None:
    rig = ring(3, image_size=(1280, 960), jitter=1.0, seed=4, arc_deg=240.0)
    # Odd numbers of images apart: no two of those that are left were taken together.
    starts = (1.0, 1.0 + 67 / 60, 1.0 + 141 / 60)
    take = hand_started(script("mixed", 20.0, 12), rig, length_s=14.0, start_s=starts, seed=6)
    seen = every_second(take.detections)
    found = sync_people(seen, take.calibration)
    for clock, start in zip(found.clocks.cameras[1:], starts[1:], strict=True):
        # 0.1 ms of all images (see test_sync_people), the rig's part added.
        assert clock.offset_s == pytest.approx(start - starts[0], abs=3e-3)
    moved, frames = on_common_clock(seen, found.clocks)
    together = np.asarray(np.isfinite(moved.times_s).all(axis=0))
    assert together[::2].mean() > 0.7 and not together[1::2].any()
    late_s = moved.times_s - np.arange(len(together)) / moved.fps
    assert np.nanmax(np.abs(late_s)) <= 1.01 / moved.fps  # half of the time between two
    assert (frames.unused <= 0.35 * seen.pixels.shape[1] / 2).all()
