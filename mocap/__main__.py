"""`python -m mocap` is the command `mocap`."""

from __future__ import annotations

from mocap.cli import main

main(prog_name="mocap")
