"""Every command that an error or a page of the documentation tells people to type can be typed."""

import ast
import re
import shlex
from collections.abc import Iterator
from typing import Any

import pytest
import typer

from include.cli import app
from include.settings import PROJECT_DIR

RUN_ID, A_DATE = "0123456789abcdef", "2026-01-31"
PAGES = [PROJECT_DIR / "README.md", *sorted((PROJECT_DIR / "docs").rglob("*.md"))]
TOOLS = {"airflow", "cat", "chmod", "df", "git", "less", "ls", "psql", "sha256sum", "xxd"}
MAKE_TARGETS = set(re.findall(r"^([a-z]+):", (PROJECT_DIR / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))


def filled(expression: ast.expr) -> str:
    """The text of a (formatted) string, with a date or a run id where a value would stand."""
    if isinstance(expression, ast.Constant):
        return str(expression.value)
    if isinstance(expression, ast.JoinedStr):
        return "".join(filled(part) for part in expression.values)
    if isinstance(expression, ast.FormattedValue) and "partition_key" in ast.unparse(expression.value):
        return A_DATE
    if isinstance(expression, ast.FormattedValue):
        return (
            RUN_ID if "run" in ast.unparse(expression.value) and "date" not in ast.unparse(expression.value) else A_DATE
        )
    return ""


def in_the_code() -> Iterator[tuple[str, str]]:
    for folder in ("include", "dags", "scoring", "expectations"):
        for path in sorted((PROJECT_DIR / folder).rglob("*.py")):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.keyword) and node.arg == "next_command":
                    yield str(path.relative_to(PROJECT_DIR)), filled(node.value)


def in_the_pages() -> Iterator[tuple[str, str]]:
    for path in PAGES:
        for command in re.findall(r"(?:^|`)(postloan [a-z][^`\n#|]*)", path.read_text(encoding="utf-8"), re.MULTILINE):
            if re.fullmatch(r"postloan [a-z ]+", command.strip()):
                yield path.name, f"{command} --help"  # a verb that is mentioned, not a command to copy
                continue
            text = re.sub(r"\bRUN(_ID)?\b", RUN_ID, re.sub(r"\b(DATE|D)\b", A_DATE, command))
            yield path.name, re.sub(r"\bDIR\b", "/tmp", text)


COMMANDS = sorted({(place, text.split("#")[0].strip()) for place, text in [*in_the_code(), *in_the_pages()] if text})


@pytest.fixture
def parse(monkeypatch):
    """The command line with nothing behind it."""
    command = typer.main.get_command(app)
    typed: list[tuple[str, ...]] = []

    def silence(group: Any, names: tuple[str, ...] = ()) -> None:
        for name, found in group.commands.items():
            if hasattr(found, "commands"):
                silence(found, (*names, name))
            else:
                monkeypatch.setattr(found, "callback", lambda names=(*names, name), **_: typed.append(names))

    silence(command)

    def run(text: str) -> str:
        """What is wrong with it; empty when it reaches its verb."""
        typed.clear()
        try:
            command.main(shlex.split(text)[1:], standalone_mode=False)
        except Exception as error:
            return str(error)
        return "" if typed or text.endswith("--help") else "no verb was reached"

    return run


def test_there_are_commands_to_check():
    assert len([text for _, text in COMMANDS if text.startswith("postloan ")]) > 15


@pytest.mark.parametrize(("place", "text"), COMMANDS)
def test_it_can_be_typed(place, text, parse):
    text = re.sub(r"^POSTLOAN_HOME=\S+ ", "", text)
    if text.startswith("postloan "):
        assert parse(text) == "", f"{place}: {text}"
    elif text.startswith("make "):
        assert text.split()[1] in MAKE_TARGETS
    else:
        assert text.split()[0] in TOOLS, f"{place}: {text}"
