"""Rows judged by a contract, without files and without a database."""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from include.landing.check import Checked, check
from include.landing.chunk import WELL_FORMED, Chunk
from include.landing.contract import Contract

Row = dict[str, str | None]


def chunk_of(contract: Contract, rows: Sequence[Row]) -> Chunk:
    columns = {
        column.name: pa.array([row[column.name] or None for row in rows], pa.string()) for column in contract.columns
    }
    line_no = np.arange(1, len(rows) + 1, dtype=np.int64)
    return Chunk(columns, line_no, np.full(len(rows), WELL_FORMED, np.int8))


def checked_rows(contract: Contract, rows: Sequence[Row]) -> Checked:
    return check(chunk_of(contract, rows), contract)


def reason_of(contract: Contract, row: Row) -> tuple[str, str | None] | None:
    """Why the row is refused and in which column; None when it is good."""
    checked = checked_rows(contract, [row])
    if checked.problem[0] == 0:
        return None
    problem = checked.problems[checked.problem[0] - 1]
    return problem.code, problem.column
