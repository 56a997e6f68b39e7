"""The documentation names only what exists: files, links, commands and options."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

import mocap
from mocap.cli import main

ROOT = Path(__file__).resolve().parent.parent
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *ROOT.glob("samples/*/*.md")])
# The changelog tells of the past.
CURRENT = [page for page in PAGES if page.name != "CHANGELOG.md"]


SOURCES = ("mocap", "export", "benchmarks", "tools", "tests")


def ids(pages: list[Path]) -> list[str]:
    return [str(page.relative_to(ROOT)) for page in pages]


def command_lines(text: str) -> Iterator[list[str]]:
    """Yield the words after `mocap` of every command in code blocks and code spans."""
    blocks = re.findall(r"^```\n(.*?)^```", text, re.S | re.M)
    spans = re.findall(r"(?<!`)`(mocap [^`\n]+)`", text)
    for line in [*"\n".join(blocks).splitlines(), *spans]:
        for part in line.split("#")[0].split("&&"):
            words = part.split()
            if words and words[0] == "mocap":
                yield words[1:]


@pytest.mark.parametrize("page", PAGES, ids=ids(PAGES))
def test_links_lead_to_files(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#:]+)\)", page.read_text(encoding="utf-8")):
        assert (page.parent / target).exists(), target


@pytest.mark.parametrize("page", CURRENT, ids=ids(CURRENT))
def test_commands_and_options_exist(page: Path) -> None:
    for words in command_lines(page.read_text(encoding="utf-8")):
        command: click.Command = main
        rest = list(words)
        while rest and isinstance(command, click.Group):
            name = rest.pop(0)
            if name.startswith("-"):
                break
            found = command.get_command(click.Context(command), name)
            assert found is not None, f"mocap {' '.join(words)}: no command {name}"
            command = found
        known = {option for each in command.params for option in [*each.opts, *each.secondary_opts]}
        used = {word.split("=")[0] for word in rest if word.startswith("-")}
        assert used <= known | {"--help", "-h", "--version"}, f"mocap {' '.join(words)}"


def test_every_command_is_documented() -> None:
    text = (ROOT / "docs" / "cli.md").read_text(encoding="utf-8")
    context = click.Context(main)
    for name in main.list_commands(context):
        command, names = main.get_command(context, name), [name]
        if isinstance(command, click.Group):
            names = [f"{name} {each}" for each in command.list_commands(context)]
        for each in names:
            assert f"mocap {each}" in text, f"docs/cli.md says nothing about mocap {each}"


def test_python_names_of_the_readme_exist() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    names = set(re.findall(r"\bmocap\.([a-zA-Z_]+)(?=[.(])", text))
    assert names >= {"Session", "detect", "triangulate"}
    for name in names:
        assert hasattr(mocap, name), f"the README uses mocap.{name}"


def test_one_word_for_a_keypoint() -> None:
    code = (path for folder in SOURCES for path in (ROOT / folder).rglob("*.py"))
    # Environments that benchmarks make for other tools are no text of ours.
    for path in [*CURRENT, *(path for path in code if "-venv" not in str(path))]:
        found = re.search(r"key[ -]points?\b", path.read_text(encoding="utf-8"), re.I)
        assert path == Path(__file__) or not found, f"{path}: keypoint is one word"


def test_the_maths_pages_name_what_exists() -> None:
    code = "\n".join(path.read_text(encoding="utf-8") for path in (ROOT / "mocap").rglob("*.py"))
    pages = sorted((ROOT / "docs" / "maths").glob("*.md"))
    assert len(pages) >= 7
    for page in pages:
        text = page.read_text(encoding="utf-8")
        for span in re.findall(r"`([^`\n]+)`", text):
            if span.endswith(".py"):
                assert (ROOT / "mocap" / span).exists() or list((ROOT / "mocap").rglob(span)), span
            for word in re.findall(r"[A-Za-z_]{4,}", span if "/" not in span else ""):
                assert re.search(rf"\b{word}\b", code), (page, word)
