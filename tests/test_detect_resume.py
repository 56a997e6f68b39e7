"""Detection that was killed within a camera goes on there, and ends in the same bytes."""

from __future__ import annotations

import shutil
import time
from dataclasses import fields, replace
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
from clips import quadrants, write_clip
from clips_take import fake_take, run_fake_take
from test_detect_following import FPS, Scene, images, standing, walking

from mocap.capture import video
from mocap.capture.decoding import playback as decoding
from mocap.capture.decoding.order import ShownOrder
from mocap.capture.decoding.playback import Place, Playback
from mocap.capture.session import Session
from mocap.core.detections import Detections2D
from mocap.core.errors import DetectionError
from mocap.core.files import replay
from mocap.core.store import Provenance, file_hash, load_artifact, load_provenance
from mocap.detect import detect as stage
from mocap.detect.detect import detect
from mocap.detect.following import memory
from mocap.detect.following.follow import Following
from mocap.detect.following.pace import PACES, Pace
from mocap.detect.following.stretches import Keeping, Stretch, in_a_row
from mocap.detect.threads import Threads, wait_for_all
from mocap.workflow.choices import DEFAULT_PACE, DetectorChoice
from mocap.workflow.detect import LazyDetector
from mocap.workflow.unfinished import Unfinished, folder_of, forget_pieces

FRAMES = 48


def hidden(frame: int) -> tuple[float, float] | None:
    return None if 20 <= frame < 26 or frame > 40 else (200.0, 240.0)


def found(pace: Pace, first: int = 0, keeping: Keeping | None = None) -> Detections2D:
    scene = Scene(walking, standing, hidden, noise_px=3.0)
    frames = islice(images(FRAMES), first, None)
    return detect(frames, scene, fps=FPS, workers=2, pace=pace, keeping=keeping)


def equal(one: Detections2D, other: Detections2D) -> bool:
    return all(
        np.asarray(getattr(one, each.name)).tobytes()
        == np.asarray(getattr(other, each.name)).tobytes()
        for each in fields(one)
    )


@pytest.mark.parametrize("pace", PACES.values(), ids=PACES)
def test_what_was_kept_at_any_frame_leads_to_the_same_bytes(pace: Pace, tmp_path: Path) -> None:
    pieces = Unfinished.of(tmp_path / "left.npz", Provenance("left", "1"))

    def place(frame: int) -> Place:
        return Place(frame, frame, (frame,), (7,))

    clean = found(pace)
    kept: list[Stretch] = []
    assert equal(found(pace, keeping=Keeping([], place, kept.append, every_s=0.0)), clean)
    assert [each.end for each in kept] == list(range(1, FRAMES + 1, pace.stride))
    for each in kept[:20]:
        pieces.keep(f"{each.begin:09d}", each)
    read = in_a_row(pieces.pieces(Stretch))
    for before in (kept[:1], kept[:13], read, kept[:-1], kept):
        saved: list[Stretch] = []
        again = Keeping(before, place, saved.append, every_s=0.0)
        assert equal(found(pace, before[-1].end, again), clean)
        # What a second kill would find is what the first would have left.
        assert [each.memory for each in saved] == [each.memory for each in kept[len(before) :]]


def test_memory_comes_back_to_the_last_bit() -> None:
    scene = Scene(walking)
    following = Following(scene, PACES["balanced"], FPS)
    for frame, image in images(5):
        following(frame, image)
    mind = following.memory()
    text = memory.written(mind)
    again = Following(scene, PACES["balanced"], FPS)
    again.recall(memory.read(text))
    assert memory.written(again.memory()) == text
    track, other = (following._tracks[0], again._tracks[0])
    for one, two in ((track.velocity, other.velocity), (track.margins, other.margins)):
        assert one.dtype == two.dtype and one.tobytes() == two.tobytes()
    array = np.array([1.1, np.nan, -0.0, 5e-324], dtype=np.float32)
    back = memory.read(memory.written({"a": array, "b": (1, None, 0.1, True)}))
    assert back["a"].dtype == np.float32 and back["a"].tobytes() == array.tobytes()
    assert back["b"] == (1, None, 0.1, True)
    for wrong in ({"a": Path("x")}, np.array(["x"]), np.array([None])):
        with pytest.raises(TypeError):
            memory.written(wrong)
    for damaged in (None, {"_tracks": ()}, {**mind, "_wait": "1"}, {**mind, "_tracks": (1,)}):
        with pytest.raises(ValueError, match="no memory"):
            again.recall(damaged)
    with pytest.raises(DetectionError, match=r"--force"):
        found(PACES["balanced"], 4, Keeping([_piece(0, 4)], lambda _: Place(0, 0, ()), print))


def test_pieces_of_something_else_are_never_mixed_in(tmp_path: Path) -> None:
    artifact = tmp_path / "left.npz"
    record = Provenance("left", "1", {"detect": "careful"}, {"video": "a"}, (), {}, 2)
    piece = _piece(0, 4)
    others = [
        replace(record, inputs={"video": "b"}),
        replace(record, options={"detect": "balanced"}),
        replace(record, version="2"),
        replace(record, revision=3),
        replace(record, stage="right"),
    ]
    for other in others:
        Unfinished.of(artifact, other, weights={}).keep("0", piece)
        assert not list(Unfinished.of(artifact, record, weights={}).pieces(Stretch))
        assert not list(folder_of(artifact).iterdir())
    pieces = Unfinished.of(artifact, record, weights={"net": "1"})
    pieces.keep("0", piece)
    assert not list(Unfinished.of(artifact, record, weights={"net": "2"}).pieces(Stretch))
    for name, begin in (("0", 0), ("1", 4), ("3", 12)):
        pieces.keep(name, _piece(begin, begin + 4))
    (folder_of(artifact) / "1.npz").write_bytes(b"half")
    (row,) = in_a_row(pieces.pieces(Stretch))
    assert (row.begin, row.end) == (0, 4)
    forget_pieces(artifact)
    assert not folder_of(artifact).exists()


def _piece(begin: int, end: int) -> Stretch:
    nobody = np.zeros(0, np.int64)
    looked_at = np.arange(begin, end)
    pixels, confidence, boxes = (
        np.zeros(shape, np.float32) for shape in ((0, 17, 2), (0, 17), (0, 4))
    )
    return Stretch(begin, end, looked_at, nobody, pixels, confidence, boxes, "null", end, (1,))


def test_playing_goes_on_with_the_very_images(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(decoding, "EARLIER_S", 1.0)
    pictures = [quadrants(64, 48, index) for index in range(90)]
    for index, picture in enumerate(pictures):
        picture[10:30, index % 60 : index % 60 + 4] = (index * 7) % 256  # no two frames are alike
    path = write_clip(
        tmp_path / "a.mp4", frames=90, images=pictures,
        codec={"g": "12", "bf": "3", "x264-params": "open-gop=1"},
    )  # fmt: skip
    play = Playback(path)
    whole = [(index, image, play.place(index)) for index, image in play]
    assert len(whole) == 90
    sought = []
    real = video.decoded

    def noted(*arguments: object) -> object:
        sought.append(len(arguments) == 3)
        return real(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(decoding, "decoded", noted)
    for frame in (0, 30, 61, 88, 89):
        on = Playback(path, whole[frame][2])
        rest = list(on)
        assert [index for index, _ in rest] == list(range(frame + 1, 90))
        for index, image in rest:
            np.testing.assert_array_equal(image, whole[index][1])
            assert on.place(index) == whole[index][2]
    assert sought == [True] * 5  # nothing was decoded from the first frame on
    # A decoder that gives other images than before is not believed.
    other = replace(whole[61][2], looks=(*whole[61][2].looks[:-1], 5))
    assert [index for index, _ in Playback(path, other)] == list(range(62, 90))
    unknown = replace(whole[61][2], stamp=whole[61][2].stamp + 1)
    assert [index for index, _ in Playback(path, unknown)] == list(range(62, 90))
    assert sought == [*[True] * 5, True, False, True, False]
    # One of three frames: the looks of a place are of these, and reach back three times as far.
    monkeypatch.setattr(decoding, "EARLIER_S", 2.0)
    third = Playback(path, every=3)
    few = [(index, third.place(index)) for index, _ in third]
    assert [index for index, _ in few] == list(range(0, 90, 3))
    rest = list(Playback(path, few[20][1], every=3))
    assert [index for index, _ in rest] == list(range(63, 90, 3))
    np.testing.assert_array_equal(rest[0][1], whole[63][1])
    assert sought[-2:] == [False, True]


@pytest.mark.parametrize("change", ["nothing", "video", "weights"])
def test_a_camera_goes_on_where_it_was_killed(
    change: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(replay, "KEEP_EVERY_S", 0.0)
    killed = fake_take(tmp_path / "killed")
    clean = Session.open(shutil.copytree(killed.session.root, tmp_path / "clean")).take("a")
    looked_at: list[int] = []
    real = stage.detect

    def noted(frames: object, *arguments: object, **options: object) -> object:
        given = ((looked_at.append(index), (index, image))[1] for index, image in frames)  # type: ignore[attr-defined, func-returns-value]
        return real(given, *arguments, **options)  # type: ignore[arg-type]

    def broken(frames: object, *arguments: object, **options: object) -> object:
        return noted(islice(frames, 4), *arguments, **options)  # type: ignore[call-overload]

    def killed_now(*_: object) -> None:
        raise DetectionError("killed")

    with monkeypatch.context() as patched:
        patched.setattr(stage, "detect", broken)
        patched.setattr(stage, "numbered", killed_now)
        with pytest.raises(DetectionError, match="killed"):
            run_fake_take(killed.session.root)
    folder = folder_of(killed.camera_detections_path("left"))
    assert len(list(folder.iterdir())) == 4
    if change == "video":
        write_clip(killed.root / "left.mp4", frames=6, size=(96, 64))
        shutil.copy(killed.root / "left.mp4", clean.root / "left.mp4")
    looked_at.clear()
    monkeypatch.setattr(stage, "detect", noted)
    given = {"net": "2"} if change == "weights" else {}
    run_fake_take(killed.session.root, weights=given)
    first = [4, 5] if change == "nothing" else [0, 1, 2, 3, 4, 5]
    assert looked_at == [*first, 0, 1, 2, 3, 4, 5]  # left, then right
    assert not folder.exists()
    run_fake_take(clean.session.root, weights=given)
    assert file_hash(killed.artifact("detections")) == file_hash(clean.artifact("detections"))


def test_frames_that_do_not_come_out_are_said_with_the_result(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    take = fake_take(tmp_path / "lab")
    real = ShownOrder.number

    def lacks(order: ShownOrder, stamp: int | None) -> int | None:
        number = real(order, stamp)
        if number in (2, 3):  # as if the decoder had said nothing of them
            order.left_out.append(number)
            return None
        return number

    monkeypatch.setattr(ShownOrder, "number", lacks)
    run_fake_take(take.session.root)
    said = [
        each
        for each in load_provenance(take.artifact("detections")).warnings
        if "2 of 6 frames cannot be decoded, at 0.07 to 0.10 s" in each
    ]
    assert [each[:14] for each in said] == ["camera 'left':", "camera 'right'"]
    found = load_artifact(take.artifact("detections"), Detections2D)
    seen = np.isfinite(found.boxes).all(axis=-1).any(axis=-1)
    assert seen.tolist() == 2 * [[True, True, False, False, True, True]]


def test_images_that_a_pace_leaves_out_are_told_and_no_camera_is_blamed(tmp_path: Path) -> None:
    take = fake_take(tmp_path / "lab")
    run_fake_take(take.session.root, pace="fast")
    record = load_provenance(take.artifact("detections"))
    assert sum("--detect fast looked at one of 2 images" in each for each in record.warnings) == 1
    assert not any("found somebody in" in each for each in record.warnings)
    assert record.notes["found_share"] == {"left": 1.0, "right": 1.0}
    found = load_artifact(take.artifact("detections"), Detections2D)
    looked_at = np.isfinite(found.times_s)
    assert looked_at.tolist() == 2 * [3 * [True, False]]
    np.testing.assert_array_equal(np.isfinite(found.boxes).all(axis=-1).any(axis=-1), looked_at)


def test_cameras_that_begin_at_once_load_one_network(monkeypatch: pytest.MonkeyPatch) -> None:
    loaded = []

    def load(*_: object, **__: object) -> object:
        time.sleep(0.05)
        loaded.append(object())
        return loaded[-1]

    monkeypatch.setattr("mocap.detect.detectors.open_detector", load)
    # Without the lock that cached properties have in Python 3.11, and in no later one.
    monkeypatch.setattr(LazyDetector, "_network", property(lambda self: self.__dict__.get("once") or
                        self.__dict__.setdefault("once", load())))  # fmt: skip
    detector = LazyDetector(DetectorChoice())
    with Threads(3) as threads:
        networks = [threads.start(lambda: detector.network) for _ in range(3)]
        wait_for_all(networks)
    assert len(loaded) == 1


def test_more_thorough_detections_serve_where_no_pace_is_asked_for(tmp_path: Path) -> None:
    root = fake_take(tmp_path / "session").session.root
    both = ["left", "right"]
    assert sorted(run_fake_take(root, pace="careful")) == both
    assert run_fake_take(root, pace=DEFAULT_PACE) == []
    assert sorted(run_fake_take(root, pace="thorough")) == both
    assert run_fake_take(root, pace=DEFAULT_PACE) == []
    assert sorted(run_fake_take(root, pace="careful")) == both  # asked for
    other = fake_take(tmp_path / "other").session.root
    assert sorted(run_fake_take(other, pace=DEFAULT_PACE)) == both
    assert sorted(run_fake_take(other, pace="thorough")) == both  # not the other way round
