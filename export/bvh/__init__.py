"""BVH files."""

from mocap.export.bvh.writer import write

__all__ = ["write"]
