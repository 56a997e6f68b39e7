"""A session for the page: numbered videos, distorted lenses, points in corners of an image."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import uvicorn

from mocap.capture.session import Session
from mocap.core.calibration_file import save_calibration
from mocap.core.camera import Calibration
from mocap.core.points import Points3D, Source
from mocap.core.shapes import FloatArray
from mocap.core.store import Provenance, save_artifact
from mocap.synthetic.rigs import ring
from mocap.workflow.studio.server import Studio, studio_app

FRAMES, FPS, SIZE = 40, 30, (320, 240)
BITS, BIT_PX = 6, 48
CORNERS = ("top_left", "top_right", "bottom_left", "bottom_right", "middle")
# A barrel of a wide action camera: corners move by 50 px of 320.
DISTORTION = np.array([-0.28, 0.07, 0.001, -0.0008, -0.006])
TOKEN = "a-token-of-the-tests"


def numbered(frame: int) -> np.ndarray:
    """Return an image whose six squares are the bits of the frame's number."""
    image = np.full((SIZE[1], SIZE[0], 3), 90, np.uint8)
    for bit in range(BITS):
        light = 235 if frame >> bit & 1 else 16
        image[20:80, 16 + bit * BIT_PX : 16 + (bit + 1) * BIT_PX] = light
    return image


def write_numbered(
    path: Path, codec: str, pixels: str, times: FloatArray, options: dict[str, str]
) -> None:
    """Write a numbered video with images at given times (seconds)."""
    with av.open(str(path), "w") as container:
        container.metadata["comment"] = path.stem
        stream: Any = container.add_stream(codec, rate=FPS)
        stream.width, stream.height = SIZE
        stream.pix_fmt, stream.options = pixels, options
        stream.time_base = stream.codec_context.time_base = Fraction(1, 90000)
        for index, each in enumerate(times):
            frame = av.VideoFrame.from_ndarray(numbered(index), format="rgb24")
            frame.time_base, frame.pts = stream.time_base, round(each * 90000)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


def session_of_videos(root: Path) -> Calibration:
    """Make a session whose four cameras recorded in four ways; return its cameras."""
    session = Session.create(root, rig="four_corner", board="a1_5x7")
    names = session.rig().camera_names
    cameras = ring(len(names), image_size=SIZE, focal_px=190.0).cameras
    rig = Calibration(
        tuple(
            replace(camera, name=name, dist_coeffs=DISTORTION)
            for camera, name in zip(cameras, names, strict=True)
        )
    )
    save_calibration(rig, session.calibration_path)
    folder = root / "takes" / "numbers"
    folder.mkdir(parents=True)
    even = np.arange(FRAMES) / FPS
    jumpy = even + np.random.default_rng(3).uniform(-0.4, 0.4, FRAMES) / FPS
    b_frames = {"bf": "3", "g": "25", "x264-params": "log-level=error"}
    quiet = {"x265-params": "log-level=error"}
    ways = (
        ("libx264", "yuv420p", even, b_frames),
        ("libx264", "yuv420p", jumpy - jumpy[0], b_frames),
        ("libx265", "yuv420p10le", even, quiet),
        ("libx264", "yuv420p", even, {"bf": "0"}),
    )
    for name, (codec, pixels, times, options) in zip(names, ways, strict=True):
        write_numbered(folder / f"{name}.mp4", codec, pixels, times, options)
    save_artifact(_points(rig), folder / "smoothed.npz", Provenance("smooth", "0", {}, {}))
    return rig


def _points(rig: Calibration) -> Points3D:
    """Return points that the first camera sees 6 px from the corners of its image."""
    camera = rig.cameras[0]
    w, h = SIZE
    pixels = np.array([[6, 6], [w - 7, 6], [6, h - 7], [w - 7, h - 7], [w / 2, h / 2]], dtype=float)
    rays = np.concatenate([camera.undistort(pixels), np.ones((5, 1))], axis=1)
    pose = camera.camera_from_world
    world = (2.0 * rays - pose[:3, 3]) @ pose[:3, :3]
    xyz = np.tile(world, (FRAMES, 1, 1, 1))
    shape = (FRAMES, 1, len(CORNERS))
    return Points3D(
        keypoint_names=CORNERS,
        person_ids=(0,),
        fps=float(FPS),
        xyz=xyz,
        covariance=np.tile(1e-6 * np.eye(3), (*shape, 1, 1)),
        reprojection_error_px=np.ones(shape),
        view_count=np.full(shape, 4),
        source=np.full(shape, Source.MEASURED, dtype=np.uint8),
    )


@contextmanager
def serving(root: Path) -> Iterator[tuple[str, Studio]]:
    """Serve a session; give the address of its page."""
    import socket

    listening = socket.socket()
    listening.bind(("127.0.0.1", 0))
    listening.listen(32)
    port = listening.getsockname()[1]
    app, studio = studio_app(Session.open(root), TOKEN, port)
    server = uvicorn.Server(uvicorn.Config(app, log_level="error", ws="none"))
    thread = threading.Thread(target=lambda: server.run(sockets=[listening]))
    thread.start()
    while not server.started:
        time.sleep(0.01)
    try:
        yield f"http://127.0.0.1:{port}/{TOKEN}/", studio
    finally:
        server.should_exit = True
        thread.join()
        studio.workshop.wait()
        listening.close()
