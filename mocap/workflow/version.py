"""The version of this package, as artifacts record it."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version


def installed_version() -> str:
    """Return the version of this package."""
    try:
        return version("mocap-studio")
    except PackageNotFoundError:
        return "0 (not installed)"
