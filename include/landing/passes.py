"""One pass over the files of a table: chunks that hold whole units and all rows of a key, checked and handed on.

Usually one pass is all. When the rows of a key or a unit turn out to lie in different chunks, ``ApartError`` names
them; the pass is made again with those rows set aside and judged together at the end.
"""

import logging
from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from include.errors import DeliveryError
from include.landing.check import Problem
from include.landing.chunk import WHOLE_ROWS, WRONG_NUMBER_OF_CELLS, Chunk, concat
from include.landing.contract import Contract, contract_path
from include.landing.cross_rows import group_texts, process_hashes
from include.landing.decode import Drift, SourceFile, raw_rows, read_chunks
from include.landing.files import state_of
from include.landing.inquiry import Judge
from include.landing.manifest import ManifestFile
from include.landing.personal import Guard
from include.landing.prepare import Prepared, prepare

log = logging.getLogger(__name__)
SHOWN_ROWS = 5
PROGRESS_ROWS = 500_000
RETYPED_ROWS = 3
RETYPED = {"not_an_iso_date", "wrong_date_format", "not_an_exact_decimal", "not_an_integer", "not_a_boolean"}


class ApartError(Exception):
    """Rows that belong together lie in different chunks; ``hashes`` are those of their keys or units, sorted."""

    def __init__(self, hashes: np.ndarray) -> None:
        self.hashes = hashes
        super().__init__(f"{len(hashes)} keys or units lie in several chunks")


@dataclass(frozen=True)
class TableFiles:
    """The delivered files of one table, found sound, and what their manifest says of them."""

    contract: Contract
    files: list[SourceFile]
    stated: list[ManifestFile]
    guard: Guard | None = None  # for a contract that states personal data
    judges: tuple[Judge, ...] = ()  # for a contract whose rows are judged by more than themselves

    @property
    def rows(self) -> int:
        return sum(file.row_count for file in self.stated)


@dataclass(frozen=True)
class Refused:
    """A row that is not loaded."""

    line_no: int
    problem: Problem
    subject_id: str | None  # the loan or borrower, as far as it can be read
    unit_text: str | None  # the key or unit, its parts joined by U+001F
    cells: dict[str, str | None]  # the contract's columns as far as they could be told apart: for the vault


@dataclass
class Seen:
    """What a pass has met: sums by file, refused rows, units of refused rows, drift."""

    rows: np.ndarray
    totals: list[Decimal]
    refused: list[Refused] = field(default_factory=list)
    refused_total: Decimal = Decimal("0.00")
    own_faults: int = 0
    without_key: int = 0
    drift: Drift = field(default_factory=Drift)


def run_pass(
    table: TableFiles, seen: Seen, apart: np.ndarray | None = None, *, only: np.ndarray | None = None
) -> Iterator[Prepared]:
    """Prepared chunks of the whole table, or of the lines ``only``, which an earlier pass found good.

    Raises ApartError at the end, DeliveryError for drift or many bad rows.
    """
    group = table.contract.unit_or_key
    is_one_chunk = table.rows <= WHOLE_ROWS
    met: list[np.ndarray] = []
    aside: list[Chunk] = []
    done = 0
    for whole in _cut_between_units(table, seen, is_one_chunk=is_one_chunk):
        chunk = rest = whole if only is None else whole.take(np.isin(whole.line_no, only, assume_unique=True))
        if not is_one_chunk:
            codes, hashes = process_hashes(group_texts(chunk, group), are_distinct=not table.contract.unit)
            if apart is None:
                met.append(np.unique(hashes[codes[codes >= 0]]))
            else:
                is_apart = (codes >= 0) & np.isin(hashes, apart)[codes]
                aside.append(chunk.take(is_apart))
                rest = chunk.take(~is_apart)
        yield _noted(prepare(rest, table.contract, table.guard, table.judges), table, seen)
        done, before = done + len(whole), done
        if done // PROGRESS_ROWS > before // PROGRESS_ROWS:
            log.info("%s.%s: %d of %d rows", table.contract.system, table.contract.table, done, table.rows)
    if met:
        every = np.sort(np.concatenate(met))
        repeated = np.unique(every[1:][every[1:] == every[:-1]])
        if len(repeated):
            raise ApartError(repeated)
    if aside:
        yield _noted(prepare(concat(aside), table.contract, table.guard, table.judges), table, seen)
    if only is None:
        _refuse_retyped(table, seen)
        _compare_totals(table, seen)


def new_seen(table: TableFiles) -> Seen:
    """An empty record for a pass."""
    return Seen(np.zeros(len(table.files), np.int64), [Decimal("0.00")] * len(table.files))


def _cut_between_units(table: TableFiles, seen: Seen, *, is_one_chunk: bool) -> Iterator[Chunk]:
    held: list[Chunk] = []
    for number, file in enumerate(table.files):
        for chunk in read_chunks(file, table.contract, seen.drift):
            seen.rows[number] += len(chunk)
            held.append(chunk)
            if is_one_chunk:
                continue
            whole = concat(held)
            if not table.contract.unit:
                yield whole
                held = []
                continue
            # the last unit may go on in what comes next
            units = group_texts(whole, table.contract.unit)
            last = _last_unit(units)
            is_last = pc.fill_null(pc.equal(units, last), False).to_numpy(zero_copy_only=False)
            if not is_last.all():
                done, rest = whole.split(is_last)
                yield done
                held = [rest]
        _compare_row_count(table, seen, number)
    if held:
        yield concat(held)


def _last_unit(units: pa.Array) -> pa.Scalar:
    known = units.drop_null()
    return known[-1] if len(known) else pa.scalar(None, units.type)


def _noted(prepared: Prepared, table: TableFiles, seen: Seen) -> Prepared:
    checked = prepared.checked
    contract = table.contract
    first_lines = np.array([file.first_line_no for file in table.files])
    file_of = np.searchsorted(first_lines, prepared.line_no, side="right") - 1
    for number in range(len(table.files)):
        mask = file_of == number
        if mask.any():
            seen.totals[number] += checked.control_sum(mask)
    is_refused = ~checked.is_good
    if is_refused.any():
        seen.refused_total += checked.control_sum(is_refused)
        positions = np.flatnonzero(is_refused)
        # with a cell too many or too few, the next column's person could stand where the borrower's number should
        is_placed = ~(contract.holds_personal_data & (checked.chunk.malformed[positions] == WRONG_NUMBER_OF_CELLS))
        subjects = _readable(checked.chunk.columns[contract.order_column].take(pa.array(positions)), is_placed)
        keys = group_texts(checked.chunk, contract.unit_or_key).take(pa.array(positions))
        seen.without_key += keys.null_count
        cells = _cells(checked.chunk.take(positions))
        for position, subject, key, stated in zip(positions, subjects, _readable(keys, is_placed), cells, strict=True):
            problem = checked.problems[checked.problem[position] - 1]
            seen.refused.append(Refused(int(prepared.line_no[position]), problem, subject, key, stated))
            seen.own_faults += problem.code != "unit_incomplete"
        _refuse_too_many(table, seen)
    return prepared


def _cells(chunk: Chunk) -> list[dict[str, str | None]]:
    columns = {name: column.to_pylist() for name, column in chunk.columns.items()}
    return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]


def _readable(texts: pa.Array, is_placed: np.ndarray) -> list[str | None]:
    fits = pc.and_(pc.match_substring_regex(texts, r"^[^\x00-\x1e\x7f]{1,400}$"), pa.array(is_placed))
    return pc.if_else(pc.fill_null(fits, False), texts, pa.scalar(None, pa.string())).to_pylist()


def _refuse_too_many(table: TableFiles, seen: Seen) -> None:
    contract = table.contract
    allowed = max(contract.max_quarantine_rows, int(contract.max_quarantine_share * table.rows))
    if seen.own_faults <= allowed:
        return
    raise DeliveryError(
        f"{table.files[0].path.parent}: {contract.table} has {seen.own_faults} bad rows and more, of {table.rows}; "
        f"at most {allowed} may be put in quarantine. Nothing of the delivery was loaded. The first: "
        + "; ".join(_places(table, seen)),
        next_command=f"cat {contract_path(contract.system, contract.table)}",
    )


def _places(table: TableFiles, seen: Seen) -> Iterator[str]:
    """File, line, column and reason of the first bad rows."""
    refused = sorted(seen.refused, key=lambda row: row.line_no)
    for row in [row for row in refused if row.problem.code != "unit_incomplete"][:SHOWN_ROWS]:
        file = max(
            (file for file in table.files if file.first_line_no <= row.line_no), key=lambda file: file.first_line_no
        )
        line = raw_rows(file, [row.line_no])[row.line_no].file_line_no
        column = f" column {table.contract.delivered_name(row.problem.column)}" if row.problem.column else ""
        yield f"{file.name} line {line}{column}: {row.problem.text}"


def _refuse_retyped(table: TableFiles, seen: Seen) -> None:
    """A column of which no value is what the contract says has changed its type: that is drift, not bad rows."""
    problems = {(row.problem.code, row.problem.column) for row in seen.refused}
    if table.rows < RETYPED_ROWS or len(seen.refused) < table.rows or len(problems) != 1:
        return
    code, column = problems.pop()
    if code in RETYPED:
        first, column = seen.refused[0], table.contract.delivered_name(column)
        raise DeliveryError(
            f"{table.files[0].path}: the column {column} has another type: {first.problem.text}, in all of "
            f"{table.rows} rows. The contract of {table.contract.system}.{table.contract.table} does not allow that; "
            "nothing of the delivery was loaded",
            next_command=f"cat {contract_path(table.contract.system, table.contract.table)}",
        )


def _compare_row_count(table: TableFiles, seen: Seen, number: int) -> None:
    file, stated = table.files[number], table.stated[number]
    if state_of(file.path) != file.state:
        raise DeliveryError(
            f"{file.path} was changed while it was being landed. Nothing of the delivery was loaded",
            next_command=f"ls -l {file.path}",
        )
    if int(seen.rows[number]) != stated.row_count:
        raise DeliveryError(
            f"{file.path} holds {seen.rows[number]} rows, its manifest says {stated.row_count}. "
            "Nothing of the delivery was loaded; ask for it again",
            next_command=f"cat {file.path.parent / 'manifest.json'}",
        )


def _compare_totals(table: TableFiles, seen: Seen) -> None:
    summed = table.contract.delivered_name(table.contract.control_column) or "nothing"
    for file, stated, total in zip(table.files, table.stated, seen.totals, strict=True):
        if total != stated.control_total_exact:
            raise DeliveryError(
                f"{file.path}: the sum of {summed} is {total}, its manifest says "
                f"{stated.control_total}. Nothing of the delivery was loaded; ask for it again",
                next_command=f"cat {file.path.parent / 'manifest.json'}",
            )
