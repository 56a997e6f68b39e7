"""GLB (binary glTF) files."""

from mocap.export.glb.writer import write

__all__ = ["write"]
