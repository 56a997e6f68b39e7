"""Clocks from sound: claps with noise, a silent camera, and nothing in common."""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np
import pytest

from mocap.capture.sound import read_sound
from mocap.capture.video import probe
from mocap.core.shapes import FloatArray
from mocap.sync.sound import sync_sound

RATE = 24000


def room(seed: int, seconds: float = 24.0) -> FloatArray:
    """Return claps at irregular times, each a burst of its own."""
    rng = np.random.default_rng(seed)
    sound = np.zeros(int(seconds * RATE))
    for start in np.cumsum(rng.uniform(0.8, 2.6, 12)):
        at = int(start * RATE)
        burst = rng.normal(size=RATE // 20) * np.exp(-np.arange(RATE // 20) / (0.006 * RATE))
        part = sound[at : at + len(burst)]
        part += burst[: len(part)]
    return sound


def recorded(sound: FloatArray, start: int, seconds: float, seed: int) -> FloatArray:
    rng = np.random.default_rng(seed)
    part = sound[start : start + int(seconds * RATE)]
    return part + rng.normal(0.0, 0.02, len(part))


def test_claps_are_found_to_a_fraction_of_a_millisecond() -> None:
    sound = room(1)
    starts = (0, 52817, 91003)
    tracks: list[tuple[FloatArray, int] | None] = [
        (recorded(sound, start, 14.0, k), RATE) for k, start in enumerate(starts)
    ]
    found = sync_sound([*tracks[:2], None, tracks[2]])
    true = np.array(starts) / RATE
    assert np.isnan(found.offset_s[2])
    heard = found.offset_s[[0, 1, 3]]
    # A quarter of a sample of 16 kHz is 0.016 ms; the gate is 0.2 ms.
    np.testing.assert_allclose(heard - heard[0], true - true[0], atol=2e-4)


def test_different_rooms_have_nothing_in_common() -> None:
    tracks = [(recorded(room(seed), 0, 12.0, seed), RATE) for seed in (3, 4)]
    assert np.isnan(sync_sound(tracks).offset_s).all()
    silence = np.zeros(10 * RATE)
    assert np.isnan(sync_sound([(silence, RATE), (silence, RATE)]).offset_s).all()
    assert np.isnan(sync_sound([(silence[:50], RATE), None]).offset_s).all()


def test_sound_is_read_on_the_clock_of_the_frames(tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    tone = np.sin(np.arange(RATE) / RATE * 2 * np.pi * 440).astype(np.float32)
    with av.open(str(path), "w") as container:
        video = container.add_stream("libx264", rate=25)
        video.width, video.height, video.pix_fmt = 64, 48, "yuv420p"
        audio = container.add_stream("aac", rate=RATE)
        for index in range(25):
            image = np.full((48, 64, 3), 5 * index, np.uint8)
            container.mux(video.encode(av.VideoFrame.from_ndarray(image, format="rgb24")))
        frame = av.AudioFrame.from_ndarray(tone[None], format="fltp", layout="mono")
        frame.rate = RATE
        container.mux(audio.encode(frame))
        container.mux(video.encode(None))
        container.mux(audio.encode(None))
    sound = read_sound(probe(path))
    assert sound is not None and sound.rate_hz == RATE
    assert len(sound.samples) / RATE == pytest.approx(1.0, abs=0.1)
    assert abs(sound.start_s) < 0.1 and 0.5 < np.abs(sound.samples).max() < 1.5


def test_drift_is_the_slope_of_the_lags_of_pieces() -> None:
    seconds, ppm = 30.0, 60.0
    sound = room(7, seconds + 4.0)
    own = np.arange(int(seconds * RATE)) / RATE
    drifting = np.interp((1.0 + ppm * 1e-6) * own + 1.7, np.arange(len(sound)) / RATE, sound)
    found = sync_sound([(recorded(sound, 0, seconds, 1), RATE), (drifting, RATE)])
    # Lags of 27 pieces over 28 s, half of them counting, are each read to a quarter of a sample,
    # 0.016 ms: 0.016 ms / sqrt(13.5 * 8 s * 8 s) is 0.53 ppm, and 1 ppm is two of it. Were a
    # piece's lag that of its middle, wherever its clap stands, 2 ppm would be left.
    assert 1e6 * found.drift[1] == pytest.approx(ppm, abs=1.0)
    assert 1e6 * found.sigma_drift[1] < 1.0 and found.drift[0] == 0.0
    # The offset is that of the middle of what both recorded, 15 s: 60 ppm of it are 0.9 ms.
    assert found.offset_s[1] == pytest.approx(1.7 + ppm * 1e-6 * 15.0, abs=1e-4)
    assert np.isnan(sync_sound([None, None]).drift).all()
