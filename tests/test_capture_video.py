from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import pytest
from clips import ask_for_matrix, ask_for_turn, cut, cut_at_key_frame, quadrants, trim, write_clip

from mocap.capture.decoding.order import ShownOrder, left_out_words
from mocap.capture.video import IMAGE_FOLDER_FILE, probe, read_frames
from mocap.core.errors import InputError


def test_probe_says_what_the_video_is(tmp_path: Path) -> None:
    path = write_clip(tmp_path / "left.mp4", frames=9, size=(64, 48), fps=25)
    info = probe(path)
    assert (info.camera, info.image_size, info.fps) == ("left", (64, 48), 25.0)
    assert (info.frame_count, info.codec, info.rotation_deg) == (9, "h264", 0)
    assert not info.variable_frame_rate
    assert probe(path, "right").camera == "right"


def test_frames_come_in_order_and_in_rgb(tmp_path: Path) -> None:
    path = write_clip(tmp_path / "a.mp4", frames=8)
    frames = list(read_frames(path))
    assert [index for index, _ in frames] == list(range(8))
    for index, image in frames:
        assert image.shape == (48, 64, 3) and image.dtype == np.uint8
        # Quarter centres are far from edges; H.264 keeps flat areas within a few grey levels.
        for row, column in ((12, 16), (12, 48), (36, 16), (36, 48)):
            truth = quadrants(64, 48, index)[row, column].astype(int)
            assert np.abs(image[row, column].astype(int) - truth).max() <= 8


def test_step_and_gray(tmp_path: Path) -> None:
    path = write_clip(tmp_path / "a.mp4", frames=10)
    frames = list(read_frames(path, gray=True, step=4))
    assert [index for index, _ in frames] == [0, 4, 8]
    assert all(image.shape == (48, 64) for _, image in frames)
    # The grey quadrant rises by 10 levels a frame.
    rises = [int(image[36, 48]) - int(frames[0][1][36, 48]) for _, image in frames]
    assert rises == pytest.approx([0, 40, 80], abs=6)


def test_only_wanted_frames_are_converted(tmp_path: Path) -> None:
    for path in (write_clip(tmp_path / "a.mp4", frames=10), write_images(tmp_path / "left", 10)):
        every = dict(read_frames(path))
        some = dict(read_frames(path, only={2, 7, 40}))
        assert list(some) == [2, 7]
        for index, image in some.items():
            np.testing.assert_array_equal(image, every[index])
        assert not dict(read_frames(path, only=set()))


@pytest.mark.parametrize(
    ("clockwise_deg", "size", "red_corner"),
    [(90, (48, 64), (0, -1)), (180, (64, 48), (-1, -1)), (270, (48, 64), (-1, 0))],
)
def test_rotation_of_the_file_is_applied(
    tmp_path: Path, clockwise_deg: int, size: tuple[int, int], red_corner: tuple[int, int]
) -> None:
    path = write_clip(tmp_path / "phone.mp4", frames=3)
    ask_for_turn(path, clockwise_deg)
    info = probe(path)
    assert info.image_size == size and info.rotation_deg == (360 - clockwise_deg) % 360
    _, image = next(iter(read_frames(path)))
    assert image.shape == (size[1], size[0], 3)
    # Red is top left as recorded; turning clockwise takes it round the corners.
    red, green, blue = (int(value) for value in image[red_corner])
    assert red > 150 and green < 60 and blue < 60


def test_a_lost_frame_makes_the_rate_variable(tmp_path: Path) -> None:
    times = [0, 1, 2, 3, 5, 6, 7, 8, 9, 10]
    info = probe(write_clip(tmp_path / "a.mp4", frames=10, times=times))
    assert info.variable_frame_rate
    # Nine steps over ten intervals of a thirtieth of a second.
    assert info.fps == pytest.approx(27.0)


def test_frame_times_are_those_of_the_container(tmp_path: Path) -> None:
    times = [6, 7, 8, 9, 11, 12.5]
    info = probe(write_clip(tmp_path / "a.mp4", frames=6, times=times))
    # The container counts 30 000 units a second: a rounding of 0.02 ms.
    np.testing.assert_allclose(info.times_s, (np.array(times) - 6) / 30, atol=2e-5)
    even = probe(write_clip(tmp_path / "b.mp4", frames=4, fps=25))
    np.testing.assert_allclose(even.times_s, np.arange(4) / 25, atol=2e-5)
    assert even.timecode is None


def test_timecode_creation_and_start_time_are_kept(tmp_path: Path) -> None:
    path = tmp_path / "a.mov"
    with av.open(str(path), "w") as container:
        container.metadata["creation_time"] = "2026-05-04T10:11:12.000000Z"
        container.metadata["timecode"] = "10:11:12:05"
        stream = container.add_stream("libx264", rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for index in range(3):
            frame = av.VideoFrame.from_ndarray(quadrants(64, 48, index), format="rgb24")
            frame.pts = index + 10
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    info = probe(path)
    assert info.creation_time is not None and info.creation_time.startswith("2026-05-04T10:11:12")
    assert info.timecode == "10:11:12:05"
    assert info.start_s == pytest.approx(0.4, abs=1e-3) and info.times_s[0] == 0.0


def test_small_jitter_is_steady(tmp_path: Path) -> None:
    # Milliseconds at 60 frames per second: steps of 16 and 17 ms.
    times = [round(index * 1000 / 60) / (1000 / 60) for index in range(12)]
    info = probe(write_clip(tmp_path / "a.mp4", frames=12, fps=60, times=times))
    assert not info.variable_frame_rate
    assert info.fps == pytest.approx(60.0, rel=0.01)


def test_a_file_cut_short_is_refused_by_name(tmp_path: Path) -> None:
    path = write_clip(tmp_path / "left.mp4", frames=60, fast_start=True)
    cut(path, 0.7)
    with pytest.raises(InputError, match=r"left\.mp4 is cut short: \d+ of 60 frames"):
        probe(path)
    with pytest.raises(InputError, match=r"left\.mp4"):
        list(read_frames(path))


def test_a_file_cut_before_its_index_is_refused(tmp_path: Path) -> None:
    path = write_clip(tmp_path / "left.mp4", frames=60)
    cut(path, 0.7)
    for read in (lambda: probe(path), lambda: list(read_frames(path))):
        with pytest.raises(InputError, match=r"left\.mp4 cannot be read.*Copy it"):
            read()


@pytest.mark.parametrize("content", [b"", b"this is no video", bytes(5000)])
def test_no_video_at_all(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "left.mp4"
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"left\.mp4 cannot be read"):
        probe(path)


def test_a_missing_video_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"nowhere\.mp4 does not exist"):
        probe(tmp_path / "nowhere.mp4")


def write_images(folder: Path, count: int) -> Path:
    folder.mkdir()
    for index in range(count):
        picture = quadrants(64, 48, index)[:, :, ::-1]
        cv2.imwrite(str(folder / f"img_{index}.png"), picture)
    return folder


def test_a_folder_of_images_is_a_video(tmp_path: Path) -> None:
    folder = write_images(tmp_path / "left", 12)
    info = probe(folder)
    assert (info.camera, info.image_size, info.frame_count) == ("left", (64, 48), 12)
    assert info.codec == "images" and math.isnan(info.fps)
    frames = list(read_frames(folder, step=10))
    # In the order of the numbers: img_10 comes after img_9, not after img_1.
    assert [index for index, _ in frames] == [0, 10]
    np.testing.assert_array_equal(frames[1][1], quadrants(64, 48, 10))


def test_a_folder_may_say_its_rate(tmp_path: Path) -> None:
    folder = write_images(tmp_path / "left", 1)
    (folder / IMAGE_FOLDER_FILE).write_text("fps = 120\n")
    assert probe(folder).fps == 120.0
    (folder / IMAGE_FOLDER_FILE).write_text("fps = 'fast'\n")
    with pytest.raises(InputError, match="'fps' is 'fast'"):
        probe(folder)


def test_images_of_different_sizes_are_refused(tmp_path: Path) -> None:
    folder = write_images(tmp_path / "left", 2)
    cv2.imwrite(str(folder / "img_2.png"), np.zeros((48, 60, 3), np.uint8))
    with pytest.raises(InputError, match=r"img_2\.png has 60 x 48 pixels"):
        list(read_frames(folder))


def test_a_step_below_one_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="at least 1"):
        next(iter(read_frames(tmp_path, step=0)))


def test_a_turn_that_is_none_is_said(tmp_path: Path) -> None:
    # Of the track header: 45 and 80 degrees, nothing at all, mirror images, half the size, askew.
    one, half = 1 << 16, 46341
    for number, (matrix, words) in enumerate(
        [
            ((half, half, -half, half), "turned by -45 degrees"),
            ((11380, 64540, -64540, 11380), "turned by -80 degrees"),
            ((0, 0, 0, 0), "another size"),
            ((-one, 0, 0, one), "mirror image"),
            ((one, 0, 0, -one), "mirror image"),
            ((one // 2, 0, 0, one // 2), "another size"),
            ((one, 0, one, one), "askew"),
            ((2**31 - 1, -(2**31), 5, 2**31 - 1), "another size"),
        ]
    ):
        path = write_clip(tmp_path / f"{number}.mp4", frames=2)
        ask_for_matrix(path, matrix)
        with pytest.raises(InputError, match=words):
            probe(path)


def test_an_image_keeps_its_time_where_others_do_not_come_out(tmp_path: Path) -> None:
    pictures = [np.full((48, 64, 3), 8 * index, np.uint8) for index in range(30)]
    codec = {"g": "12", "bf": "2", "x264-params": "open-gop=1:b-adapt=0:scenecut=0"}
    whole = write_clip(tmp_path / "a.mts", frames=30, images=pictures, codec=codec)
    left_out: list[int] = []
    assert [index for index, _ in read_frames(whole, left_out=left_out)] == list(range(30))
    # Cut at the second key frame: those shown before it refer to what is gone. Nothing to be said.
    cut_at_key_frame(whole, tmp_path / "b.mts", 1)
    info = probe(tmp_path / "b.mts")
    frames = list(read_frames(info.path, left_out=left_out))
    assert frames[0][0] == 2 and info.frame_count == len(frames) + 2 and left_out == []
    first = round(float(frames[0][1].mean()) / 8)
    for index, image in frames:
        assert image.mean() == pytest.approx(8 * (first - 2 + index), abs=4)
    # A picture in the middle is gone: said, and later ones are not taken for earlier ones.
    order = ShownOrder()
    for stamp in (0, 30, 10, 20, 60, 40, 50):
        order.read(packet(stamp, key=stamp == 0))
    assert [order.number(stamp) for stamp in (0, 10, 30, 60)] == [0, 1, 3, 6]
    order.end()
    assert order.left_out == [2, 4, 5]
    (said,) = left_out_words("left", order.left_out, np.arange(7) / 10.0)
    assert said.startswith(
        "camera 'left': 3 of 7 frames cannot be decoded, at 0.20 s, 0.40 to 0.50"
    )
    assert left_out_words("left", [], np.zeros(7)) == []


def packet(stamp: int, *, key: bool) -> av.Packet[Any]:
    made: av.Packet[Any] = av.Packet(b"x")
    made.pts, made.is_keyframe = stamp, key
    return made


@pytest.mark.parametrize("begin", [5, 22])
def test_a_trimmed_video_is_whole(tmp_path: Path, begin: int) -> None:
    # Within the first group of pictures, and beyond it: that one is not handed out at all.
    pictures = [np.full((48, 64, 3), 6 * index, np.uint8) for index in range(40)]
    path = write_clip(tmp_path / "a.mp4", frames=40, images=pictures, codec={"g": "10", "bf": "2"})
    trim(path, begin, 4, fps=30)
    left_out: list[int] = []
    frames = list(read_frames(path, left_out=left_out))
    assert probe(path).frame_count == len(frames) == 36 - begin and left_out == []
    for index, image in frames:
        assert image.mean() == pytest.approx(6 * (begin + index), abs=4)
