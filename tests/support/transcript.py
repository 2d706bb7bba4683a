"""A page of the cookbook, played: its files are written, its commands typed, its answers compared with what is said."""

import os
import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from typer.testing import CliRunner

from include.cli import app
from include.settings import load_settings

BLOCK = re.compile(r"^```(\w+)(?: (\S+)(?: (added|changed))?)?\n(.*?)^```$", re.MULTILINE | re.DOTALL)
RUN_ID, SECONDS = re.compile(r"\b[0-9a-f]{16}\b"), re.compile(r" +\d+\.\d s\b")


@dataclass
class Answer:
    """A command, what the page says that it answers, and what it did."""

    command: str
    said: list[str]
    found: list[str]

    @property
    def is_as_said(self) -> bool:
        """Line by line; a line ``...`` stands for any number of lines."""
        pattern = "".join(
            r"(?:.*\n)*?" if line.strip() == "..." else re.escape(line) + r"\n" for line in map(plain, self.said)
        )
        return re.fullmatch(pattern, "".join(f"{plain(line)}\n" for line in self.found)) is not None


def plain(line: str) -> str:
    """Without what is different each time: run ids, seconds, the widths of columns."""
    return " ".join(SECONDS.sub(" 0.0 s", RUN_ID.sub("0123456789abcdef", line)).split())


def played(page: str, folder: Path, encoding: str) -> Iterator[Answer]:
    """Go through the page in ``folder``, which must be the working directory. CSV files are written in ``encoding``."""
    for language, name, how, text in BLOCK.findall(page):
        if language == "console":
            yield from _typed(text, folder)
        elif name:
            _put(folder / name, how, text, encoding if language == "csv" else "utf-8")


def _put(path: Path, how: str, text: str, encoding: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    if how == "added":
        text = path.read_text(encoding=encoding) + text
    if how == "changed":
        lines = {line.split(",")[0]: line for line in text.splitlines()}
        before = path.read_text(encoding=encoding).splitlines()
        assert set(lines) <= {line.split(",")[0] for line in before}, f"{path} has no such line"
        text = "\n".join(lines.get(line.split(",")[0], line) for line in before) + "\n"
    path.write_text(text, encoding=encoding)


def _typed(text: str, folder: Path) -> Iterator[Answer]:
    for part in re.split(r"^\$ ", text, flags=re.MULTILINE)[1:]:
        command, *said = part.splitlines()
        words = shlex.split(command)
        if words[0] == "export":
            os.environ |= dict(word.split("=", 1) for word in words[1:])
            continue
        assert words[0] == "postloan", command
        load_settings.cache_clear()
        _forget_contracts()
        done = CliRunner().invoke(app, words[1:], prog_name="postloan")
        yield Answer(command, said, done.output.replace(str(folder), "").splitlines())


def _forget_contracts() -> None:
    from include.landing import contract

    contract._contracts.cache_clear()
    contract._systems.cache_clear()
