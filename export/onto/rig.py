"""The skeleton of a foreign file: every node, how it stands, and how it may turn and move.

A node's local transform is `move @ before @ turn @ after`: only `turn` (a rotation) and `move` (a
translation) are animated. glTF has `before` = 1 and `after` = its scale; FBX puts its pivots, pre-
and post-rotations there.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mocap.core.errors import InputError
from mocap.core.shapes import BoolArray, FloatArray
from mocap.core.transform import rigid
from mocap.export.axes import FileAxes

# Exporters round scales to 32 bits; what differs more is meant.
_EVEN = 0.01


@dataclass(frozen=True, eq=False)
class CharacterRig:
    """Nodes of a file, parents before children.

    Attributes:
        names: of the nodes.
        numbers: what the file calls them (index in glTF, object number in FBX).
        parents: index of the parent, -1 for none.
        move: (node, 3) translation in the parent's frame, file units.
        before, after: (node, 4, 4) fixed parts of the local transform.
        turn: (node, 3, 3) rotation as the file has it at rest.
        bind_turn: (node, 3, 3) the same in the pose the skin was bound in; `turn` where no skin
            says otherwise.
        is_joint: (node,) which nodes are bones.
        floor: height of the lowest point of the skin at rest along the file's upward axis, file
            units; None without a skin.
        axes: unit and axes of the file.
    """

    names: tuple[str, ...]
    numbers: tuple[int, ...]
    parents: tuple[int, ...]
    move: FloatArray
    before: FloatArray
    after: FloatArray
    turn: FloatArray
    bind_turn: FloatArray
    is_joint: BoolArray
    floor: float | None
    axes: FileAxes

    def children(self, node: int) -> list[int]:
        """Return the nodes right below a node."""
        return [child for child, parent in enumerate(self.parents) if parent == node]

    def ancestors(self, node: int) -> list[int]:
        """Return the nodes above a node, the nearest first."""
        out = []
        while self.parents[node] >= 0:
            node = self.parents[node]
            out.append(node)
        return out

    def local(self, node: int, turn: FloatArray, move: FloatArray) -> FloatArray:
        """Return local transforms (..., 4, 4) of rotations (..., 3, 3) and moves (..., 3)."""
        return np.asarray(
            rigid(np.eye(3), move)
            @ self.before[node]
            @ rigid(turn, np.zeros(3))
            @ self.after[node],
            dtype=np.float64,
        )

    def world(self, turn: FloatArray | None = None, move: FloatArray | None = None) -> FloatArray:
        """Return world transforms (..., node, 4, 4) in file units.

        Args:
            turn: (..., node, 3, 3); at rest when left out.
            move: (..., node, 3); at rest when left out.
        """
        turn = self.turn if turn is None else turn
        move = self.move if move is None else move
        shape = np.broadcast_shapes(turn.shape[:-2], move.shape[:-1])
        out = np.zeros((*shape, 4, 4))
        for node, parent in enumerate(self.parents):
            local = self.local(node, turn[..., node, :, :], move[..., node, :])
            out[..., node, :, :] = local if parent < 0 else out[..., parent, :, :] @ local
        return out

    def chain_scale(self, node: int) -> float:
        """Return by how much the nodes above a node enlarge it.

        Raises:
            InputError: one of them does so unevenly.
        """
        parent = self.parents[node]
        if parent < 0:
            return 1.0
        lengths = np.linalg.norm(self.world()[parent, :3, :3], axis=0)
        if lengths.max() > (1.0 + _EVEN) * lengths.min():
            raise InputError(
                f"the nodes above '{self.names[node]}' are scaled unevenly "
                f"({', '.join(f'{each:.3g}' for each in lengths)}), so that its bones would change "
                "length as they turn. Apply the scale in the program the character comes from."
            )
        return float(lengths.mean())


def pure_rotation(matrices: FloatArray) -> FloatArray:
    """Return the rotations (..., 3, 3) in transforms (..., 3 or 4, 3 or 4) with even scales."""
    turn = matrices[..., :3, :3]
    left, _, right = np.linalg.svd(turn)
    return np.asarray(left @ right, dtype=np.float64)
