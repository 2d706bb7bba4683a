"""Corrections of refused rows, as people give them: ``COLUMN=VALUE`` for one row, a CSV or JSON file for many."""

import csv
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa

from include.errors import PostloanError
from include.landing.check import Problem, check
from include.landing.chunk import WELL_FORMED, Chunk
from include.landing.contract import Contract
from include.quarantine.rows import Place

Cells = dict[str, str | None]
CSV_HEADER = ("batch_id", "line_no", "column", "value")


@dataclass(frozen=True)
class Correction:
    """What one row should have said. No cells: the row is right as it was delivered, somebody vouches for it."""

    place: Place
    cells: Cells


def parse_place(text: str) -> Place:
    """``BATCH:LINE``, as `quarantine list` prints it."""
    batch, _, line = text.partition(":")
    if not (batch.isdecimal() and line.isdecimal()):
        raise PostloanError(f"{text!r} is no BATCH:LINE", next_command="postloan quarantine list")
    return Place(int(batch), int(line))


def from_arguments(place: Place, arguments: Sequence[str], contract: Contract) -> Correction:
    """``COLUMN=VALUE`` each; nothing after the sign: not stated. Personal data does not belong on a command line."""
    cells: Cells = {}
    for argument in arguments:
        name, sign, value = argument.partition("=")
        if not sign:
            raise PostloanError(f"{argument!r} is no COLUMN=VALUE", next_command="postloan quarantine fix --help")
        _refuse_unknown([name], contract)
        if contract.column(name).personal_data:
            raise PostloanError(
                f"{name} is personal data: a command line is kept in a shell's history. Give it in a file",
                next_command="postloan quarantine fix --file corrections.csv --reason TEXT",
            )
        cells[name] = value or None
    return Correction(place, cells)


def from_file(path: Path) -> list[Correction]:
    """A CSV with the header ``batch_id,line_no,column,value`` (no value: not stated), or a JSON list of objects
    ``{"batch_id": .., "line_no": .., "set": {column: value}}``. PostloanError says what is wrong, and never a value.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise PostloanError(f"{path} cannot be read: {type(error).__name__}", next_command=f"ls -l {path}") from None
    corrections = _from_json(path, text) if path.suffix == ".json" else _from_csv(path, text)
    if not corrections:
        raise PostloanError(f"{path} corrects nothing")
    return corrections


def corrected(cells: Cells, correction: Correction, contract: Contract) -> Cells:
    """The row with its correction. PostloanError when it names a column that the contract does not have."""
    _refuse_unknown(correction.cells, contract)
    return {column.name: cells.get(column.name) for column in contract.columns} | correction.cells


def chunk_of(rows: Sequence[Cells], contract: Contract) -> Chunk:
    """Rows as landing judges them."""
    columns = {
        column.name: pa.array([row.get(column.name) for row in rows], pa.string()) for column in contract.columns
    }
    line_no = np.arange(1, len(rows) + 1, dtype=np.int64)
    return Chunk(columns, line_no, np.full(len(rows), WELL_FORMED, np.int8))


def first_problem(cells: Cells, contract: Contract) -> Problem | None:
    """What is still wrong with a row by itself; None when nothing is."""
    checked = check(chunk_of([cells], contract), contract)
    return None if checked.problem[0] == 0 else checked.problems[checked.problem[0] - 1]


def _from_json(path: Path, text: str) -> list[Correction]:
    try:
        return [
            Correction(
                Place(int(entry["batch_id"]), int(entry["line_no"])),
                {str(name): _text_or_none(value) for name, value in entry["set"].items()},
            )
            for entry in json.loads(text)
        ]
    except (ValueError, KeyError, TypeError, AttributeError):
        raise PostloanError(
            f'{path} must be a list of {{"batch_id": .., "line_no": .., "set": {{"column": "value"}}}}; every value is '
            "text or null, amounts too"
        ) from None


def _from_csv(path: Path, text: str) -> list[Correction]:
    reader = csv.DictReader(text.splitlines())
    if tuple(reader.fieldnames or ()) != CSV_HEADER:
        raise PostloanError(f"{path} must begin with the line {','.join(CSV_HEADER)}")
    by_place: dict[Place, Cells] = {}
    for number, line in enumerate(reader, start=2):
        try:
            place, name = Place(int(line["batch_id"]), int(line["line_no"])), line["column"]
        except (TypeError, ValueError):
            raise PostloanError(f"{path} line {number}: batch_id and line_no are numbers") from None
        cells = by_place.setdefault(place, {})
        if name in cells:
            raise PostloanError(f"{path} line {number}: {name} of row {place} is corrected twice")
        cells[name] = line["value"] or None
    return [Correction(place, cells) for place, cells in by_place.items()]


def _text_or_none(value: object) -> str | None:
    if value is not None and not isinstance(value, str):
        raise TypeError  # 1e3 or 0.1 would not be what was written
    return value or None


def _refuse_unknown(names: Iterable[str], contract: Contract) -> None:
    known = [column.name for column in contract.columns]
    for name in names:
        if name not in known:
            raise PostloanError(
                f"{contract.system}.{contract.table} has no column {name!r}; it has {', '.join(known)}",
                next_command=f"cat include/contracts/{contract.system}/{contract.table}.yml",
            )
