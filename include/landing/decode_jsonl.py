"""JSON lines: one object a line. Numbers are kept as the text that was written, so nothing is rounded on the way."""

import json
from bisect import bisect_left
from collections.abc import Iterator
from itertools import chain

import numpy as np
import pyarrow as pa

from include.landing.chunk import (
    CHUNK_ROWS,
    DUPLICATE_JSON_MEMBER,
    MISSING_MEMBER,
    NOT_A_JSON_OBJECT,
    WELL_FORMED,
    Chunk,
)
from include.landing.contract import Contract
from include.landing.decode import Drift, RawRow, SourceFile, columns_of
from include.landing.files import read_utf8
from include.landing.records import Records, read_records


class _Doubled(dict[str, object]):
    """An object that names a member twice: JSON readers differ on what that means."""


def _members(pairs: list[tuple[str, object]]) -> dict[str, object]:
    members = dict(pairs)
    return members if len(members) == len(pairs) else _Doubled(members)


DECODER = json.JSONDecoder(object_pairs_hook=_members, parse_float=str, parse_int=str, parse_constant=str)


def read_chunks(file: SourceFile, contract: Contract, drift: Drift) -> Iterator[Chunk]:
    """See ``decode.read_chunks``. A member that no row of the file has is a missing column."""
    line_no = file.first_line_no
    seen: dict[str, None] = {}
    is_checked = False
    for records in _records(file):
        for first in range(0, len(records), CHUNK_ROWS):
            last = min(first + CHUNK_ROWS, len(records))
            rows = [_parse(records.text(number)) for number in range(first, last)]
            seen |= dict.fromkeys(chain.from_iterable(row for row in rows if row is not None))
            chunk = _chunk(rows, line_no, contract)
            line_no += last - first
            if seen and not is_checked:  # members that no row of a whole chunk has are missing columns
                columns_of(list(seen), file, contract, Drift())
                is_checked = True
            yield chunk
    if seen:
        columns_of(list(seen), file, contract, drift)


def raw_rows(file: SourceFile, line_numbers: list[int]) -> dict[int, RawRow]:
    """See ``decode.raw_rows``."""
    found = {}
    first = file.first_line_no
    for records in _records(file):
        for number in line_numbers[bisect_left(line_numbers, first) : bisect_left(line_numbers, first + len(records))]:
            text = records.text(number - first).decode()
            found[number] = RawRow(file.name, records.line(number - first), text)
        first += len(records)
    return found


def _records(file: SourceFile) -> Iterator[Records]:
    blocks = read_utf8(file.path, encoding=file.encoding, is_compressed=file.is_compressed)
    return read_records(blocks, file.path, quoted=False)


def _parse(line: bytes) -> dict[str, object] | None:
    try:
        row = DECODER.decode(line.decode())
    except ValueError:
        return None
    except RecursionError:  # thousands of nested brackets
        return None
    return row if isinstance(row, dict) else None


def _chunk(rows: list[dict[str, object] | None], line_no: int, contract: Contract) -> Chunk:
    names = contract.delivered_names
    malformed = np.full(len(rows), WELL_FORMED, np.int8)
    for position, row in enumerate(rows):
        if row is None:
            malformed[position] = NOT_A_JSON_OBJECT
        elif type(row) is _Doubled:
            malformed[position] = DUPLICATE_JSON_MEMBER
        elif not all(name in row for name in names):
            malformed[position] = MISSING_MEMBER
    objects = [row or {} for row in rows]
    columns = {name: _text_column([row.get(name) for row in objects]) for name in names}
    numbers = np.arange(line_no, line_no + len(rows), dtype=np.int64)
    return Chunk(columns, numbers, malformed)


def _text_column(values: list[object]) -> pa.Array:
    try:
        return pa.array([None if value == "" else value for value in values], pa.string())
    except (pa.ArrowInvalid, pa.ArrowTypeError, UnicodeEncodeError):
        return pa.array([_as_text(value) for value in values], pa.string())


def _as_text(value: object) -> str | None:
    if value is None or value == "":
        return None
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return value.encode(errors="replace").decode()  # a lone surrogate is no character
    return json.dumps(value, ensure_ascii=True)  # nested: no column of a contract is, so the checks refuse it
