"""A detection that hangs or is interrupted ends soon, with exit status 1 and a sentence."""

from __future__ import annotations

import signal
import subprocess
import sys
import time

import pytest

# A detector that never returns: `PyDLL` keeps the interpreter's lock as a deadlock in native code
# does, `CDLL` gives it back.
SCRIPT = """
import ctypes, os, sys
import numpy as np
from mocap.core.errors import MocapError
from mocap.detect import detect, watchdog
module = sys.modules["mocap.detect.detect"]
watchdog.FROZEN_AFTER_S = float(sys.argv[2])
watchdog._SIGN_EVERY_S = 0.1
module.STALLED_AFTER_S = float(sys.argv[3])

class Hanging:
    keypoint_names = ("nose",)
    def __call__(self, image):
        os.write(1, b"looking" + bytes([10]))  # in one piece: two threads look at once
        getattr(ctypes, sys.argv[1])(None).sleep(60)
        return []

frames = [(index, np.zeros((8, 8, 3), np.uint8)) for index in range(9)]
try:
    module.detect(frames, Hanging(), camera="left", workers=2)
except MocapError as error:
    sys.exit(f"Error: {error}")
except KeyboardInterrupt:
    sys.exit("Aborted!")
"""

# From Ctrl-C to the end of the program; a loaded machine gets a second more.
ENDED_WITHIN_S = 4.0


def start(library: str, frozen_after: float, stalled_after: float) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, "-c", SCRIPT, library, str(frozen_after), str(stalled_after)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "looking\n"
    return process


@pytest.mark.parametrize("library", ["PyDLL", "CDLL"])
def test_a_network_that_hangs_ends_the_program_with_a_sentence(library: str) -> None:
    process = start(library, frozen_after=0.8, stalled_after=0.8)
    _, said = process.communicate(timeout=30)
    assert process.returncode == 1
    assert "Run the command again; it goes on where this one ended." in said
    assert "Traceback" not in said


@pytest.mark.parametrize("library", ["PyDLL", "CDLL"])
def test_ctrl_c_ends_a_hanging_detection_at_once(library: str) -> None:
    process = start(library, frozen_after=60, stalled_after=60)
    process.send_signal(signal.SIGINT)
    asked = time.monotonic()
    _, said = process.communicate(timeout=30)
    assert process.returncode == 1
    assert time.monotonic() - asked < ENDED_WITHIN_S
    assert "Aborted!" in said or "Stopped." in said
    assert "Traceback" not in said


def test_a_program_that_is_stopped_and_goes_on_is_not_ended() -> None:
    process = start("PyDLL", frozen_after=1.0, stalled_after=60)
    process.send_signal(signal.SIGSTOP)
    time.sleep(2.0)
    assert process.poll() is None
    process.send_signal(signal.SIGCONT)
    process.communicate(timeout=30)
    assert process.returncode == 1
