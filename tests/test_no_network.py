"""Nothing talks to the network: no socket of a detection, none of a batch beyond this machine.

Python tells every socket (`sys.addaudithook`); a file that Python reads at its start writes them
down, in the processes that are started as well.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from mocap.synthetic.keypoint_session import walking_session

LISTENS = """
import os, sys
def heard(event, arguments):
    if event in ("socket.connect", "socket.bind", "socket.sendto", "socket.sendmsg",
                 "socket.getaddrinfo", "socket.gethostbyname"):
        told = arguments[1:] if event in ("socket.connect", "socket.bind", "socket.sendto",
                                          "socket.sendmsg") else arguments[:1]
        with open(os.environ["SOCKETS"], "a") as file:
            file.write(f"{event} {told}\\n")
sys.addaudithook(heard)
"""

CHECKPOINT = """
import sys
sys.path.insert(0, sys.argv[1])
import numpy as np, torch
from pathlib import Path
from test_detect_hrnet import FakeFinder, TopDown, hrnet_reader, small_network, Detection
path = Path(sys.argv[2]) / "small_dark_128x96.pth"
torch.save(small_network().state_dict(), path)
guess = Detection(np.full((17, 2), 60.0), np.full(17, 0.5), np.array([10.0, 10.0, 90.0, 110.0]))
found = TopDown(FakeFinder(guess), hrnet_reader(path))(np.zeros((120, 100, 3), np.uint8))
assert len(found) == 1
if len(sys.argv) > 3:
    import socket
    socket.create_connection(("127.0.0.1", 9), 0.1)
"""


def sockets_of(folder: Path, *command: str, fails: bool = False) -> list[str]:
    """Return what sockets were asked for while a command ran."""
    (folder / "hears").mkdir(exist_ok=True)
    (folder / "hears" / "sitecustomize.py").write_text(LISTENS)
    log = folder / "sockets.txt"
    log.write_text("")
    environment = {**os.environ, "SOCKETS": str(log), "PYTHONPATH": str(folder / "hears"),
                   "OMP_NUM_THREADS": "1"}  # fmt: skip
    done = subprocess.run(
        [sys.executable, *command], env=environment, cwd=folder, capture_output=True, text=True
    )
    assert (done.returncode != 0) == fails, done.stderr
    return log.read_text().splitlines()


def test_a_checkpoint_of_a_user_opens_no_socket(tmp_path: Path) -> None:
    command = ("-c", CHECKPOINT, str(Path(__file__).parent), str(tmp_path))
    assert sockets_of(tmp_path, *command) == []


@pytest.mark.slow
def test_what_listens_would_hear(tmp_path: Path) -> None:
    command = ("-c", CHECKPOINT, str(Path(__file__).parent), str(tmp_path), "connect")
    heard = sockets_of(tmp_path, *command, fails=True)
    assert any("socket.connect" in each for each in heard)


@pytest.mark.slow
def test_a_run_opens_no_socket_and_a_batch_none_beyond_this_machine(tmp_path: Path) -> None:
    root = str(walking_session(tmp_path / "lab", 2, frames=24, cameras=3).root)
    assert sockets_of(tmp_path, "-m", "mocap", "run", root, "walk_01") == []
    heard = sockets_of(tmp_path, "-m", "mocap", "batch", root, "--workers", "2")
    assert any("socket.connect" in each for each in heard)
    beyond = [each for each in heard if not any(here in each for here in LOCAL)]
    assert beyond == []


LOCAL = ("'127.0.0.1'", "'localhost'", "'::1'", "('/")
"""Of this machine: its loop, and files that processes share."""
