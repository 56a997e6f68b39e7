"""Several boards on one rigid body: how they stand is found, and ties cameras together."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest

from mocap.calibrate.board.charuco import charuco_pattern
from mocap.calibrate.board.corners import detect_corners
from mocap.calibrate.lenses.plan import LensWish
from mocap.calibrate.solve import calibrate
from mocap.capture.board_page import layout
from mocap.capture.boards import BoardDefinition
from mocap.core.board import Board
from mocap.core.camera import Calibration
from mocap.core.detections import Corners
from mocap.core.errors import CalibrationError
from mocap.core.rotation import angle_between_deg, matrix_from_rotvec
from mocap.core.shapes import FloatArray
from mocap.core.transform import apply, rigid
from mocap.synthetic.rigs import ring

BODY = Board("body", 5, 4, 0.06, 0.045, "DICT_4X4_250", count=3, marker_step=20)
# Boards on three sides of a prism, 60 degrees from one to the next.
STANDING = rigid(
    matrix_from_rotvec(np.array([[0.0, a, 0.0] for a in (0.0, 1.05, -1.05)])),
    np.array([[0.0, 0.0, 0.0], [0.33, 0.0, -0.03], [-0.17, 0.0, 0.25]]),
)
# Seen from as far beside as this a printed corner is found.
FACING = 0.35


def seen_by(rig: Calibration, count: int) -> list[Corners]:
    """Return what a rig sees of the body at random places; 0.2 px of noise."""
    random = np.random.default_rng(8)
    parts = np.split(BODY.corner_points(), BODY.count)
    out = []
    places = [
        rigid(matrix_from_rotvec(random.uniform(-1.6, 1.6, 3)), random.uniform(-0.7, 0.7, 3))
        for _ in range(count)
    ]
    for camera in rig.cameras:
        frame, ids, pixels = [], [], []
        for number, body in enumerate(places):
            world = body.copy()
            world[2, 3] += 1.0
            for board, part in enumerate(parts):
                pose = world @ STANDING[board]
                points = apply(pose, part)
                # z of a board points away from who sees its front.
                toward = camera.center - points.mean(axis=0)
                if -pose[:3, 2] @ toward / np.linalg.norm(toward) < FACING:
                    continue
                put = camera.project(points)
                inside = (np.isfinite(put).all(axis=1)) & (put >= 0).all(axis=1)
                inside &= (put < np.array(camera.image_size)).all(axis=1)
                frame.append(np.full(inside.sum(), number))
                ids.append(np.flatnonzero(inside) + board * BODY.corners_of_one)
                pixels.append(put[inside] + random.normal(0.0, 0.2, (inside.sum(), 2)))
        out.append(
            Corners(
                camera.name, camera.image_size, count,
                np.concatenate(frame), np.concatenate(ids), np.concatenate(pixels),
            )
        )  # fmt: skip
    return out


def relative(rig: Calibration) -> FloatArray:
    """Return the rotations of all cameras against the first."""
    turns = np.stack([camera.camera_from_world[:3, :3] for camera in rig.cameras])
    return np.asarray(turns @ turns[0].T)


def test_boards_on_one_body_tie_cameras_that_never_see_the_same_board() -> None:
    rig = ring(4, radius_m=2.2, focal_px=1100.0, seed=3)
    result = calibrate(seen_by(rig, 40), BODY, lens=LensWish(shared=True))
    found = result.calibration
    # Corners have 0.2 px of noise per axis; some of it is taken up by the fit.
    assert result.report.sigma_px == pytest.approx(0.2, rel=0.1)
    worst = max(
        float(angle_between_deg(a, b)) for a, b in zip(relative(found), relative(rig), strict=True)
    )
    assert worst < 0.05
    ours = np.linalg.norm(found.cameras[0].center - found.cameras[2].center)
    true = np.linalg.norm(rig.cameras[0].center - rig.cameras[2].center)
    # Scale comes from the squares alone: a tenth of a percent is a millimetre on a metre.
    assert ours == pytest.approx(true, rel=1e-3)


def test_boards_that_are_never_seen_together_are_named() -> None:
    rig = ring(3, radius_m=2.2, focal_px=1100.0, seed=3)
    alone = []
    for corners in seen_by(rig, 60):
        board = corners.corner_id // BODY.corners_of_one
        chosen = board == corners.frame % BODY.count
        alone.append(
            replace(
                corners, frame=corners.frame[chosen], corner_id=corners.corner_id[chosen],
                pixels=corners.pixels[chosen],
            )
        )  # fmt: skip
    with pytest.raises(CalibrationError, match="boards of the body do not hang together"):
        calibrate(alone, BODY)


def test_every_board_of_a_body_is_found_by_its_own_markers() -> None:
    sheet = np.full((720, 1280), 255, dtype=np.uint8)
    for index, left in enumerate((20, 440, 860)):
        print_ = charuco_pattern(BODY, False, index).generateImage((400, 320))
        sheet[200:520, left : left + 400] = print_
    blurred = cv2.GaussianBlur(sheet, (3, 3), 0)
    found = detect_corners([(0, blurred)], BODY, "left", (1280, 720))
    assert sorted(found.corner_id.tolist()) == list(range(BODY.corner_count))
    # The second board's first inner corner is one square from its edge: 440 + 80, 200 + 80.
    first = found.pixels[found.corner_id == BODY.corners_of_one][0]
    np.testing.assert_allclose(first, [519.5, 279.5], atol=0.6)


def test_boards_need_markers_of_their_own() -> None:
    with pytest.raises(ValueError, match="need markers of their own"):
        replace(BODY, marker_step=5)


def test_every_board_of_a_body_has_a_page_of_its_own() -> None:
    small = replace(BODY, square_length_m=0.03, marker_length_m=0.0225)
    pages = layout(BoardDefinition(small, "", "A4"))
    assert len(pages) == BODY.count
    assert len({page.dark for page in pages}) == BODY.count
