"""Fixtures shared by all tests."""

from __future__ import annotations

import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def real_data() -> Path:
    """Folder of the real recordings; skips where the machine does not have them."""
    folder = os.environ.get("MOCAP_REAL_DATA")
    if not folder:
        pytest.skip("MOCAP_REAL_DATA is not set: the real recordings are not on this machine")
    path = Path(folder)
    if not path.is_dir():
        pytest.fail(f"MOCAP_REAL_DATA={folder} is no folder")
    return path
