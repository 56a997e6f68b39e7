"""The renderer obeys the camera model, and the footage shows what its truth says."""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from mocap.body.model import WORLD_FROM_BODY, load_free_body
from mocap.capture.boards import load_board
from mocap.core.camera import Calibration, Camera
from mocap.core.errors import InputError, MissingExtraError
from mocap.core.rotation import matrix_from_rotvec
from mocap.core.shapes import Array, FloatArray
from mocap.core.transform import apply, look_at, rigid
from mocap.synthetic.footage.board_footage import (
    board_frames,
    board_on_floor,
    board_panel,
    waved_board,
)
from mocap.synthetic.footage.encode import VideoWriter
from mocap.synthetic.footage.person_footage import Clothes, dress, person_frames
from mocap.synthetic.footage.render import (
    STUDIO_LIGHT,
    Layer,
    Mesh,
    Renderer,
    fold_radius2,
    open_context,
)
from mocap.synthetic.rigs import ring
from mocap.synthetic.scene import Room, SensorNoise, room_image

SIZE = (640, 480)
BOARD = load_board("a1_5x7")


@pytest.fixture(scope="module")
def gl() -> None:
    """Skip where this machine cannot draw."""
    try:
        open_context().release()
    except MissingExtraError as error:
        pytest.skip(str(error))


def strong_lens_camera() -> Camera:
    """All five coefficients differ from zero and bend the image corners by tens of pixels."""
    matrix = np.array([[620.0, 0.0, 322.3], [0.0, 615.0, 236.8], [0.0, 0.0, 1.0]])
    lens = np.array([-0.21, 0.06, 0.004, -0.003, -0.01])
    pose = look_at(np.array([0.3, -4.0, 1.6]), np.array([0.0, 0.0, 1.0]))
    return Camera("strong", SIZE, matrix, lens, pose)


def patch(center: FloatArray, normal_up: bool = False, half_m: float = 0.04) -> Mesh:
    """A small square facing -y (towards the camera), or up."""
    side, up = np.array([half_m, 0, 0]), np.array([0, half_m, 0] if normal_up else [0, 0, half_m])
    corners = center + np.array([-side - up, side - up, side + up, -side + up])
    normals = np.tile([0.0, 0.0, 1.0] if normal_up else [0.0, -1.0, 0.0], (4, 1))
    faces = np.array([[0, 1, 2], [0, 2, 3]])
    return Mesh(corners, normals, np.full((4, 3), 0.5), faces)


def centroid(layer: Layer) -> FloatArray:
    """Return the middle (x, y) of what the layer covers, in image pixels."""
    rows, columns = np.indices(layer.alpha.shape)
    weight = layer.alpha / layer.alpha.sum()
    middle = [(columns * weight).sum() + layer.left, (rows * weight).sum() + layer.top]
    return np.array(middle)


@pytest.mark.usefixtures("gl")
def test_meshes_land_where_the_camera_projects_them() -> None:
    camera = strong_lens_camera()
    centers = np.array([[x, 0.0, z] for x in (-1.2, 0.3, 1.7) for z in (0.2, 1.0, 2.1)])
    with Renderer(SIZE) as renderer:
        layers = [renderer.draw_mesh(camera, patch(each), STUDIO_LIGHT) for each in centers]
    # 4 samples in a pixel measure the outline of a 12 px square to about 1/4 px / sqrt(48 px of
    # outline) = 0.04 px, four times that at most in 18 numbers; half a pixel of wrong convention
    # or a lens term left out is far more.
    for center, layer in zip(centers, layers, strict=True):
        assert layer is not None
        np.testing.assert_allclose(centroid(layer), camera.project(center), atol=0.16)
    offsets = [
        centroid(layer) - camera.project(center)
        for center, layer in zip(centers, layers, strict=True)
        if layer is not None
    ]
    # The mean of nine squares is good to 0.013 px.
    np.testing.assert_allclose(np.mean(offsets, axis=0), 0.0, atol=0.04)


@pytest.mark.usefixtures("gl")
def test_what_lies_behind_the_camera_or_beside_the_image_is_not_drawn() -> None:
    camera = strong_lens_camera()
    with Renderer(SIZE) as renderer:
        for outside in ([0.3, -6.0, 1.6], [30.0, 0.0, 1.0]):
            mesh = patch(np.array(outside, dtype=np.float64))
            assert renderer.draw_mesh(camera, mesh, STUDIO_LIGHT) is None
        too_near = rigid(np.diag([1.0, -1.0, -1.0]), camera.center)
        assert renderer.draw_panel(camera, board_panel(BOARD), too_near, STUDIO_LIGHT) is None


@pytest.mark.usefixtures("gl")
def test_shadow_falls_along_the_light() -> None:
    camera = strong_lens_camera()
    center = np.array([0.2, 0.3, 0.8])
    with Renderer(SIZE) as renderer:
        mesh = patch(center, normal_up=True, half_m=0.15)
        shadow = renderer.draw_shadow(camera, mesh, STUDIO_LIGHT)
    direction = STUDIO_LIGHT.key_direction
    fallen = center - center[2] / direction[2] * direction
    assert shadow is not None
    # The middle of the square is seen 0.1 px off the middle of its picture: perspective over
    # 0.3 m at 4.5 m distance.
    np.testing.assert_allclose(centroid(shadow), camera.project(fallen), atol=0.5)


@pytest.mark.usefixtures("gl")
def test_board_corners_are_unbiased() -> None:
    import cv2

    rig = ring(focal_px=620.0, image_size=SIZE, distortion=(-0.21, 0.06, 0.004, -0.003, -0.01))
    camera = rig.cameras[0]
    dictionary = cv2.aruco.getPredefinedDictionary(cv2.aruco.DICT_4X4_250)
    charuco = cv2.aruco.CharucoBoard((5, 7), 0.110, 0.0825, dictionary)
    detector = cv2.aruco.CharucoDetector(charuco)
    poses = waved_board(rig, BOARD, 80)[:8]
    errors = []
    room = Room(half_width_m=6.0)
    for frame, _, image in board_frames(Calibration((camera,)), BOARD, poses, room, seed=0):
        corners, ids, _, _ = detector.detectBoard(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY))
        exact = camera.project(apply(poses[frame], BOARD.corner_points()))
        if ids is not None:
            errors.append(corners.reshape(-1, 2) - exact[ids.ravel()])
    offsets = np.concatenate(errors)
    assert len(offsets) > 120
    # Detection is good to 0.1 px; the mean of n corners to 0.1 / sqrt(n) < 0.01 px.
    assert np.sqrt((offsets**2).mean()) < 0.1
    np.testing.assert_allclose(offsets.mean(axis=0), 0.0, atol=0.015)


def test_the_lens_polynomial_is_followed_up_to_its_fold() -> None:
    camera = strong_lens_camera()
    folds_at = fold_radius2(camera)
    k1, k2, _, _, k3 = camera.dist_coeffs
    r2 = np.linspace(0, folds_at, 100)
    assert (1 + r2 * (3 * k1 + r2 * (5 * k2 + r2 * 7 * k3)) > -1e-2).all()
    corner = camera.undistort(np.array([[0.0, 0.0]]))[0]
    assert folds_at >= corner @ corner


def test_every_camera_and_every_pair_of_neighbours_gets_the_board() -> None:
    calibration = ring()
    # As long as the sample's recording: 20 close-ups a camera and 31 frames a pair, each pair with
    # an unrest of its own.
    poses = waved_board(calibration, BOARD, 210)
    facing = np.zeros((4, 210), dtype=bool)
    for index, camera in enumerate(calibration.cameras):
        for frame, pose in enumerate(poses):
            pixels = camera.project(apply(pose, BOARD.corner_points()))
            inside = bool(((pixels > 0) & (pixels < np.array(camera.image_size) - 1)).all())
            toward = camera.center - pose[:3, 3]
            # Print turned to the camera by less than 60 degrees.
            seen = -toward @ pose[:3, 2] > 0.5 * np.linalg.norm(toward)
            facing[index, frame] = inside and seen
    # A few close-ups leave the image or tilt away; of a pair's frames a third must serve both.
    assert (facing[:, :84].sum(axis=1) >= 15).all()
    assert all((facing[a] & facing[b]).sum() >= 10 for a, b in ((0, 1), (1, 2), (2, 3), (3, 0)))


def test_board_on_the_floor_faces_up() -> None:
    pose = board_on_floor((0.5, -1.0), BOARD)
    corners = apply(pose, BOARD.corner_points())
    np.testing.assert_allclose(corners.mean(axis=0), [0.5, -1.0, 0.0], atol=1e-12)
    np.testing.assert_allclose(pose[:3, 2], [0, 0, -1])  # the print looks away from its z axis


def test_board_texture_halves_evenly() -> None:
    height, width = board_panel(BOARD).print_image.shape[:2]
    assert height % 16 == 0 and width % 16 == 0


def test_room_shows_wall_and_floor_where_they_are() -> None:
    camera = strong_lens_camera()
    room = Room()
    image = room_image(room, camera) / 255.0

    def colour_at(point: list[float]) -> Array:
        u, v = np.rint(camera.project(np.array(point))).astype(int)
        return np.asarray(image[v, u])

    # The textures change colours by a few per cent; wall and floor differ by 25 %.
    np.testing.assert_allclose(colour_at([0.0, 0.0, 0.0]), room.floor, atol=0.16)
    np.testing.assert_allclose(colour_at([0.5, 5.2, 1.5]), room.wall, atol=0.16)


def test_noise_is_repeatable_and_as_strong_as_said() -> None:
    grey = np.full((48, 64, 3), 128.0, np.float32)
    first, again = SensorNoise((64, 48), seed=3), SensorNoise((64, 48), seed=3)
    frames = np.stack([first.expose(grey) for _ in range(30)])
    assert np.array_equal(frames[0], again.expose(grey))
    # 8 images of 3072 values: 0.6 % of sigma; rounding to whole levels adds 1/12 to the variance.
    assert frames.std() == pytest.approx(np.sqrt(1.5**2 + 1 / 12), rel=0.03)
    assert (frames[..., 0] == frames[..., 1]).all()


def test_videos_are_the_same_bytes_whatever_the_memory_held(tmp_path: Path) -> None:
    import av

    # With B-frames these frames give four different files.
    frames = moving_square(frame_count=8)
    written = []
    for garbage in (0, 85, 170, 33):
        path = tmp_path / f"{garbage}.mp4"
        with memory_filled_with(garbage), VideoWriter(path, (320, 240), 60.0) as writer:
            for frame in frames:
                writer.write(frame)
        written.append(path.read_bytes())
    assert all(each == written[0] for each in written)
    with av.open(str(path)) as container:
        assert sum(1 for _ in container.decode(video=0)) == 8
        assert container.streams.video[0].average_rate == 60


def moving_square(frame_count: int) -> Array:
    """Return noisy frames (frame, 240, 320, 3) of something that moves."""
    frames = np.full((frame_count, 240, 320, 3), 128.0, np.float32)
    for index, frame in enumerate(frames):
        frame[60:120, 20 + 15 * index : 80 + 15 * index] = 40.0
    noise = SensorNoise((320, 240), seed=1, sigma=4.0)
    return np.stack([noise.expose(frame) for frame in frames])


@contextmanager
def memory_filled_with(garbage: int) -> Iterator[None]:
    """Let glibc fill new memory with a byte, so that code that reads it unwritten shows."""
    perturb = -6  # M_PERTURB of malloc.h
    library = ctypes.CDLL(None)
    if not hasattr(library, "mallopt"):
        pytest.skip("only glibc can fill new memory")
    library.mallopt(perturb, garbage)
    try:
        yield
    finally:
        library.mallopt(perturb, 0)


def test_odd_sizes_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="must be even, not 63 x 48"):
        VideoWriter(tmp_path / "odd.mp4", (63, 48), 30.0)


def test_missing_moderngl_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "moderngl", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'mocap-studio\[render\]'"):
        open_context()


def test_clothes_cover_the_right_parts() -> None:
    model = load_free_body()
    clothes = Clothes()
    dressed = dress(model, np.zeros(0), clothes)

    def redness(joint: str) -> float:
        near = np.linalg.norm(model.template - model.joints()[model.joint(joint)], axis=1) < 0.13
        colours = dressed.reflectance[near]
        return float(np.median(colours[:, 0] / colours.sum(axis=1)))

    # Shirt 0.82 red, skin 0.47, trousers 0.15, shoes 0.33.
    assert redness("spine2") > 0.75
    assert 0.4 < redness("left_wrist") < 0.55
    assert redness("left_knee") < 0.2
    assert 0.3 < redness("left_foot") < 0.36
    assert (dressed.thickness_m >= 0).all() and dressed.thickness_m.max() < 0.03


@pytest.mark.usefixtures("gl")
def test_person_is_drawn_where_the_truth_says() -> None:
    model = load_free_body()
    calibration = ring(2, image_size=(320, 240), focal_px=320.0)
    rotations = np.tile(np.eye(3), (1, model.joint_count, 1, 1))
    # Turned by 45 degrees: no arm of the T-pose hides the chest from a camera.
    rotations[:, 0] = matrix_from_rotvec(np.array([0, 0, np.pi / 4])) @ WORLD_FROM_BODY
    height_m = -model.template[:, 1].min()
    transl = np.array([[0.0, 0.0, height_m]])
    joints, _ = model.forward_kinematics(rotations, np.zeros(0), transl)
    images = person_frames(calibration, model, rotations, transl, np.zeros(0), Room())
    for frame, name, image in images:
        where = calibration[name].project(joints[frame])
        chest, knee = (
            image[tuple(np.rint(where[model.joint(joint)])[::-1].astype(int))].astype(int)
            for joint in ("spine2", "left_knee")
        )
        assert chest[0] > 2 * chest[2], "the shirt is red"
        assert knee[2] > 1.3 * knee[0], "the trousers are blue"
