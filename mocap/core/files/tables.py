"""Tables for other programs: a header and rows of texts, written as CSV."""

from __future__ import annotations

import csv
import io
import math
from pathlib import Path

from mocap.core.store import write_text

Table = tuple[list[str], list[list[str]]]


def csv_text(table: Table) -> str:
    """Return a table as CSV text, lines ending in a single newline."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(table[0])
    writer.writerows(table[1])
    return out.getvalue()


def write_table(path: Path, table: Table) -> Path:
    """Write a table as CSV, in a folder that is made; return the path."""
    path.parent.mkdir(parents=True, exist_ok=True)
    write_text(path, csv_text(table))
    return path


def cell(value: float | str) -> str:
    """Return a value as text: numbers with six digits, nothing for what is not known."""
    if isinstance(value, str):
        return value
    return f"{value:.6g}" if math.isfinite(value) else ""
