"""From a chunk of text to rows that can be sent: checked, hashed, duplicates and units settled, running sums made."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from include.landing.check import Checked, check
from include.landing.chunk import Chunk
from include.landing.contract import Contract
from include.landing.copy_rows import RowWriter
from include.landing.cross_rows import doubled_keys, groups_of, running_sums, whole_units
from include.landing.personal import Guard, Guarded, personal_columns
from include.landing.row_hash import row_hashes

EPOCH = date(1970, 1, 1)


@dataclass(frozen=True)
class Dating:
    """The business and known date of a batch's rows; a history takes both from each row, inside its range."""

    business_date: date
    known_date: date
    from_date: date | None = None


@dataclass(frozen=True)
class Prepared:
    """A chunk whose every row has found its place: good, refused or an exact duplicate."""

    checked: Checked
    contract: Contract
    is_duplicate: np.ndarray
    sums: dict[str, np.ndarray]
    guard: Guard | None = None

    @cached_property
    def hashes(self) -> np.ndarray:
        """The rows' fingerprints, made when first asked for: by the thread that sends, not by the one that checks.

        Over tokens where a column is personal data: a hash over a phone number would give the number away.
        """
        canonical = self.checked.canonical
        return row_hashes(
            {**canonical, **self.guarded.tokens} if self.contract.holds_personal_data else canonical, self.contract
        )

    @cached_property
    def guarded(self) -> Guarded:
        """The tokens and masked forms of the personal columns."""
        if self.guard is None:
            raise ValueError(f"{self.contract.raw_name} holds personal data and is landed with its keys only")
        return Guarded(self.guard, self.contract, self.checked.canonical, self.is_loadable)

    @property
    def line_no(self) -> np.ndarray:
        return self.checked.chunk.line_no

    @property
    def is_loadable(self) -> np.ndarray:
        return self.checked.is_good & ~self.is_duplicate


def prepare(
    chunk: Chunk,
    contract: Contract,
    guard: Guard | None = None,
    judges: Sequence[Callable[[Checked], None]] = (),
) -> Prepared:
    """Check and settle a chunk that holds whole units and every row of the keys in it.

    ``guard``: the keys, for a contract that states personal data. ``judges``: refuse rows for what stands elsewhere.
    """
    checked = check(chunk, contract)
    for judge in judges:
        judge(checked)
    units = groups_of(checked, contract.unit_or_key)
    keys = groups_of(checked, [name for name in contract.key if name not in contract.unit_or_key], units)
    is_duplicate = doubled_keys(checked, keys, contract)
    sums: dict[str, np.ndarray] = {}
    if contract.unit:
        whole_units(checked, units, contract)
        sums = running_sums(checked, checked.is_good & ~is_duplicate, units, contract)
    # a unit refused as a whole takes its duplicates with it
    return Prepared(checked, contract, is_duplicate & checked.is_good, sums, guard)


def stored_columns(contract: Contract) -> list[str]:
    """The columns of the raw table that hold what was delivered or derived from it."""
    return [
        *(name for column in contract.columns for name in column.stored_as),
        *(derived.name for derived in contract.derived),
    ]


def raw_columns(contract: Contract) -> list[str]:
    """The columns of the raw table in the order in which ``raw_rows`` sends them."""
    return [
        *stored_columns(contract),
        "_business_date",
        "_known_date",
        "_batch_id",
        "_line_no",
        "_row_hash",
    ]


def raw_rows(prepared: Prepared, rows: np.ndarray, batch_id: int, dating: Dating) -> memoryview:
    """The rows of a mask for COPY into the raw table, by loan or borrower: its index is filled from left to right."""
    contract = prepared.contract
    positions = _by_subject(prepared, np.flatnonzero(rows))
    columns = raw_columns(contract)
    writer = RowWriter(len(positions), len(columns))
    values = dict(prepared.checked.values)
    if contract.holds_personal_data:
        for column in personal_columns(contract):
            token, shown = column.stored_as
            values |= {token: prepared.guarded.tokens[column.name], shown: prepared.guarded.masked[column.name]}
    if not np.array_equal(positions, np.arange(len(rows))):  # usually all of them, in order
        indices = pa.array(positions)
        values = {name: column.take(indices) for name, column in values.items()}
    for column in contract.columns:
        for name in column.stored_as:
            writer.value(values[name])
    for derived in contract.derived:
        writer.cents(prepared.sums[derived.name][positions])
    if dating.from_date is None:
        writer.date((dating.business_date - EPOCH).days)
        writer.date((dating.known_date - EPOCH).days)
    else:
        known = values[contract.known_date_column]
        clamped = pc.max_element_wise(pc.min_element_wise(known, dating.business_date), dating.from_date)
        writer.value(clamped.cast(pa.date32()))
        writer.value(clamped.cast(pa.date32()))
    writer.bigint(batch_id)
    writer.integer(prepared.line_no[positions])
    writer.uuid(prepared.hashes[positions])
    return writer.finish()


def key_rows(prepared: Prepared, rows: np.ndarray, names: Sequence[str]) -> memoryview:
    """Line number, these columns and hash of the rows of a mask, for the temporary table that finds what changed."""
    positions = np.flatnonzero(rows)
    indices = pa.array(positions)
    writer = RowWriter(len(positions), len(names) + 2)
    writer.integer(prepared.line_no[positions])
    for name in names:
        writer.value(prepared.checked.values[name].take(indices))
    writer.uuid(prepared.hashes[positions])
    return writer.finish()


def _by_subject(prepared: Prepared, positions: np.ndarray) -> np.ndarray:
    subjects = prepared.checked.values[prepared.contract.order_column].take(pa.array(positions))
    if len(positions) < 2 or pc.all(pc.less_equal(subjects[:-1], subjects[1:])).as_py():
        return positions
    return positions[pc.sort_indices(subjects).to_numpy()]  # a stable sort: rows of one subject keep their order
