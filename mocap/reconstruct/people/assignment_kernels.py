"""The cheapest one-to-one assignment of rows to columns, as a numba kernel."""

from __future__ import annotations

import numpy as np

from mocap.core.kernels.compiled import kernel
from mocap.core.shapes import FloatArray, IntArray

UNASSIGNED = -1


@kernel
def assign_rows(cost: FloatArray, column_of: IntArray) -> None:
    """Write the column (row,) of every row, no column twice, at the least total cost.

    cost (row, column) is finite, with at least as many columns as rows. Rows are added one at a
    time along the shortest augmenting path in reduced costs (Burkard, Dell'Amico & Martello 2009,
    "Assignment Problems", section 4.4); O(rows² columns).
    """
    rows, columns = cost.shape
    row_price, column_price = np.zeros(rows), np.zeros(columns)
    row_of, came_from = np.zeros(columns, np.int64), np.zeros(columns, np.int64)
    distance, settled = np.zeros(columns), np.zeros(columns, np.bool_)
    row_of[:] = UNASSIGNED
    for new in range(rows):
        distance[:] = np.inf
        settled[:] = False
        came_from[:] = UNASSIGNED
        row, column, reached = new, UNASSIGNED, 0.0
        while True:
            for j in range(columns):
                if settled[j]:
                    continue
                through = reached + cost[row, j] - row_price[row] - column_price[j]
                if through < distance[j]:
                    distance[j] = through
                    came_from[j] = column
            nearest = UNASSIGNED
            for j in range(columns):
                if not settled[j] and (nearest == UNASSIGNED or distance[j] < distance[nearest]):
                    nearest = j
            column, reached = nearest, distance[nearest]
            settled[column] = True
            if row_of[column] == UNASSIGNED:
                break
            row = row_of[column]
        row_price[new] += reached
        for j in range(columns):
            if settled[j] and j != column:
                row_price[row_of[j]] += reached - distance[j]
                column_price[j] -= reached - distance[j]
        while column != UNASSIGNED:
            before = came_from[column]
            row_of[column] = new if before == UNASSIGNED else row_of[before]
            column = before
    for j in range(columns):
        if row_of[j] != UNASSIGNED:
            column_of[row_of[j]] = j
