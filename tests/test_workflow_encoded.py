"""Small copies of recordings: every image at its time, and the same bytes after a kill."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from mocap.capture.video import probe, read_frames
from mocap.core.files import replay
from mocap.workflow.sample.demonstration import SAMPLE
from mocap.workflow.studio import encoded
from mocap.workflow.studio.encoded import write_encoded

VIDEO = SAMPLE / "takes" / "dance" / "back_left.mp4"
IMAGES, PARTS = 48, 3


@pytest.fixture(autouse=True)
def short_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(encoded, "PART_IMAGES", 16)
    monkeypatch.setattr(replay, "KEEP_EVERY_S", 0.0)


class Killed(BaseException):
    """Ends a copy where no handler runs."""


def test_a_copy_has_every_image_at_its_time(tmp_path: Path) -> None:
    times_s = np.array(probe(VIDEO).times_s[:IMAGES])
    times_s[20:] += 0.0123  # an uneven clock
    copy = tmp_path / "copy.mp4"
    write_encoded(VIDEO, copy, times_s, 320)
    found = probe(copy)
    assert found.frame_count == len(times_s) and found.image_size[0] == 320
    np.testing.assert_allclose(found.times_s, times_s, atol=1.0 / 90000)
    for (_, small), (_, large) in zip(read_frames(copy), read_frames(VIDEO), strict=False):
        step = large.shape[1] // 40
        # Blocks of 8 x 8 px: coding and scaling leave their means within a few grey values.
        means = [each[: n * 30, : n * 40].reshape(30, n, 40, n, 3).mean(axis=(1, 3))
                 for each, n in ((small, 8), (large, step))]  # fmt: skip
        assert np.median(np.abs(means[0] - means[1])) < 3.0
    assert [each.name for each in tmp_path.iterdir()] == ["copy.mp4"]


@pytest.mark.parametrize("done", (0, PARTS - 1))
def test_a_killed_copy_goes_on_to_the_same_bytes(
    done: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    times_s = probe(VIDEO).times_s[:IMAGES]
    whole, killed = tmp_path / "whole.mp4", tmp_path / "killed.mp4"
    write_encoded(VIDEO, whole, times_s, 160)
    encode, left = encoded._encoded, [done]

    def dies(*args: object) -> object:
        if not left[0]:
            raise Killed
        left[0] -= 1
        return encode(*args)  # type: ignore[arg-type]

    monkeypatch.setattr(encoded, "_encoded", dies)
    with pytest.raises(Killed):
        write_encoded(VIDEO, killed, times_s, 160)
    assert not killed.is_file()
    made: list[int] = []

    def counts(*args: object) -> object:
        made.append(1)
        return encode(*args)  # type: ignore[arg-type]

    monkeypatch.setattr(encoded, "_encoded", counts)
    write_encoded(VIDEO, killed, times_s, 160)
    assert len(made) == PARTS - done
    assert killed.read_bytes() == whole.read_bytes()
