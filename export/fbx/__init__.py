"""FBX files."""

from mocap.export.fbx.writer import write

__all__ = ["write"]
