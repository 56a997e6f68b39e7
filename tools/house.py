"""Measure the house: how large its rooms are and what must not be in them.

    python tools/house.py            # prints every measure; exits with 1 when one does not hold

tests/test_house.py holds the same measures.
"""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
CODE = ("mocap", "export")
CALLERS = ("benchmarks", "tools")

MAX_CLI_LINES, FIRST_COMMANDS, LINES_OF_A_COMMAND = 1800, 36, 30
"""A shell: commands, options and what they say. 36 commands fit in 1,800 lines, 50 a command; every
further one may add 30, so that more lines mean more commands and never work that has moved into
the shell."""
MAX_UNTYPED = 25
"""`dict[str, Any]` where a foreign format really has no shape of ours (glTF, TOML)."""
MAX_FILES = 22
"""As many as a reader takes in at one look; above, a folder parts into families."""
MAY_LOOK_AT_DATES = {
    "mocap/core/files/lock.py": "tells whether who holds a lock still works",
    "mocap/workflow/file_hashes.py": "remembers the hash of large files, never what is stale",
    "mocap/detect/registry.py": "removes downloads that were abandoned days ago",
    "mocap/core/files/unfinished.py": "removes the temporary files of runs that were killed",
}


@dataclass(frozen=True)
class Measure:
    """One measure: its name, what was found, and whether that is allowed."""

    name: str
    found: str
    holds: bool


def python_files(*folders: str) -> list[Path]:
    """Return the Python files below folders of the repository, without environments."""
    found = (path for folder in folders for path in (ROOT / folder).rglob("*.py"))
    return sorted(path for path in found if ".venv" not in str(path) and "-venv" not in str(path))


def short(path: Path) -> str:
    """Return a path from the root of the repository."""
    return path.relative_to(ROOT).as_posix()


@cache
def imports(path: Path) -> tuple[str, ...]:
    """Return the full names that a file imports: at its top, in functions, or for types alone."""
    return tuple(_imported(path))


def _imported(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def module_of(path: Path) -> str:
    """Return the module that a file is: export/ is mocap.export."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    parts = ("mocap", *parts) if parts[0] == "export" else parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def circles() -> list[list[str]]:
    """Return groups of modules that import each other, be it in functions or for types alone."""
    files = {module_of(path): path for path in python_files(*CODE)}
    graph = {
        name: {each for each in imports(path) if each in files and each != name}
        for name, path in files.items()
        # A package's face only hands names on, when they are used.
        if path.name != "__init__.py"
    }
    return [group for group in _components(graph) if len(group) > 1]


def _components(graph: dict[str, set[str]]) -> list[list[str]]:
    """Return the strongly connected components of a graph (Kosaraju: two searches in depth)."""
    order: list[str] = []
    seen: set[str] = set()
    for start in graph:
        stack = [(start, iter(sorted(graph[start])))] if start not in seen else []
        seen.add(start)
        while stack:
            node, rest = stack[-1]
            onward = next((each for each in rest if each in graph and each not in seen), None)
            if onward is None:
                order.append(node)
                stack.pop()
            else:
                seen.add(onward)
                stack.append((onward, iter(sorted(graph[onward]))))
    backward: dict[str, set[str]] = {name: set() for name in graph}
    for name, targets in graph.items():
        for target in targets & set(graph):
            backward[target].add(name)
    found, taken = [], set()
    for start in reversed(order):
        group, stack_of_names = [], [start]
        while stack_of_names:
            name = stack_of_names.pop()
            if name not in taken:
                taken.add(name)
                group.append(name)
                stack_of_names += backward[name]
        if group:
            found.append(sorted(group))
    return found


def crowded() -> list[str]:
    """Return the folders that hold more files than one look takes in."""
    counts: dict[Path, int] = {}
    for path in python_files(*CODE, *CALLERS):
        counts[path.parent] = counts.get(path.parent, 0) + 1
    return [f"{short(each)} ({n})" for each, n in sorted(counts.items()) if n > MAX_FILES]


def containing(word: str, *folders: str) -> dict[str, int]:
    """Return how often a word stands in the files of folders; files without it left out."""
    counts = {short(path): path.read_text("utf-8").count(word) for path in python_files(*folders)}
    return {name: count for name, count in counts.items() if count}


def importing(package: str, *folders: str, outside: str) -> list[str]:
    """Return the files that import a package although they are outside its place."""
    return [
        short(path)
        for path in python_files(*folders)
        if not short(path).startswith(outside)
        and short(path) != "mocap/__main__.py"
        and any(name == package or name.startswith(f"{package}.") for name in imports(path))
    ]


def commands() -> int:
    """Return how many commands the shell has, those of groups included."""
    texts = [path.read_text("utf-8") for path in python_files("mocap/cli")]
    return sum(len(re.findall(r"^@\w+\.command\(", text, re.MULTILINE)) for text in texts)


def measures() -> list[Measure]:
    """Return every measure of the house."""
    cli = sum(len(path.read_text("utf-8").splitlines()) for path in python_files("mocap/cli"))
    most = MAX_CLI_LINES + LINES_OF_A_COMMAND * max(0, commands() - FIRST_COMMANDS)
    untyped = sum(containing("dict[str, Any]", *CODE).values())
    dated = [name for name in containing("mtime", *CODE) if name not in MAY_LOOK_AT_DATES]
    clicking = importing("click", *CODE, *CALLERS, outside="mocap/cli/")
    calling = importing("mocap.cli", *CODE, *CALLERS, outside="mocap/cli/")
    round_trips = [" <-> ".join(group) for group in circles()]

    def none(name: str, found: list[str]) -> Measure:
        return Measure(name, ", ".join(found) or "none", not found)

    return [
        Measure(f"lines in mocap/cli (<= {most})", str(cli), cli <= most),
        Measure(f"dict[str, Any] (<= {MAX_UNTYPED})", str(untyped), untyped <= MAX_UNTYPED),
        none("files below the command line that import click", clicking),
        none("files below the command line that call it", calling),
        none(f"folders above {MAX_FILES} files", crowded()),
        none("import circles", round_trips),
        none("files that look at dates", dated),
    ]


def main() -> int:
    """Print the measures; return 1 when one does not hold."""
    found = measures()
    width = max(len(each.name) for each in found)
    for each in found:
        print(f"{'ok  ' if each.holds else 'FAIL'} {each.name:<{width}}  {each.found}")
    return 0 if all(each.holds for each in found) else 1


if __name__ == "__main__":
    sys.exit(main())
