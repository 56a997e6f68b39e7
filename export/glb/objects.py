"""What the JSON of a glTF file is made of."""

from __future__ import annotations

from typing import Any

GltfObject = dict[str, Any]
"""An object of a glTF document, with the keys of its specification: node, mesh, accessor."""
