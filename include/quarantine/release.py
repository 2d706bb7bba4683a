"""Releases corrected rows: the checks of landing once more, then an ordinary batch that the next run pins.

A released row belongs to the business date of the delivery that held it and is known from the next unpublished one, so
that it counts as a correction of that key: published dates stay as they are, the next run recomputes the loan. The one
who corrected a row does not release it.
"""

import hashlib
import json
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import closing, nullcontext
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import numpy as np
import psycopg

from include.errors import RefusedError
from include.landing.contract import Contract
from include.landing.decode import SourceFile
from include.landing.inquiry import judges_of
from include.landing.load_table import TableLoad
from include.landing.manifest import ManifestFile
from include.landing.passes import Seen, TableFiles
from include.landing.personal import Guard
from include.landing.prepare import Prepared, prepare
from include.quarantine.corrections import Cells, chunk_of
from include.quarantine.decisions import Signed, locked_rows, next_known_date
from include.quarantine.objections import refuse_bad, refuse_overtaken, refuse_same_person, with_companions
from include.quarantine.rows import Place, QuarantinedRow, cells_at
from include.settings import Settings
from include.warehouse.connection import connect
from include.warehouse.ledger import RELEASED, Balance, Batch, LandedBatch, LoadFile, Version, landed_batches
from include.warehouse.roles import LOADER

UNIT_JOIN = "\x1f"
DELIVERED_RANK = 1


@dataclass(frozen=True)
class ReleasedBatch:
    """A batch of released rows, as the ledger has it."""

    batch_id: int
    system: str
    table: str
    business_date: date
    known_date: date
    rows: int
    loaded: int


def release(
    settings: Settings, places: Sequence[Place], signed: Signed, *, known_date: date | None = None
) -> list[ReleasedBatch]:
    """Load corrected rows, all or none; rows that were refused only for another row of their unit come with it.

    ``known_date``: the first business date that is to use them (default: the next unpublished one). Raises
    RefusedError naming the row when one is not corrected, was corrected by the same person, is still refused, or was
    overtaken by a later delivery.
    """
    with connect(settings, role=LOADER, application_name="postloan:quarantine") as connection, connection.transaction():
        asked = locked_rows(connection, places)
        released = []
        for batch_id in sorted({row.batch_id for row in asked}):
            rows = with_companions(connection, [row for row in asked if row.batch_id == batch_id])
            refuse_same_person(connection, settings, rows, signed)
            known = _known_date(connection, rows[0], known_date)
            cells = cells_at(connection, [row.place for row in rows])
            for day, of_day in _by_own_date(connection, rows, cells):
                released.append(_release(connection, settings, of_day, cells, day, known, signed))
    return released


def _release(
    connection: psycopg.Connection,
    settings: Settings,
    rows: list[QuarantinedRow],
    cells: dict[Place, Cells],
    business_date: date,
    known_date: date,
    signed: Signed,
) -> ReleasedBatch:
    contract = rows[0].contract
    landed = landed_batches(connection, contract.system, contract.table)
    batch = _batch(rows, cells, contract, landed, business_date, known_date)
    stated = [cells[row.place] for row in rows]
    guard = closing(Guard(connection, settings)) if contract.holds_personal_data else nullcontext()
    with guard as keys:
        judges = judges_of(connection, contract, known_date)
        prepared = prepare(chunk_of(stated, contract), contract, keys, judges)
        refuse_bad(rows, prepared)
        refuse_overtaken(connection, contract, landed, rows, stated, business_date)
        load = _ReleasedRows(connection, batch, prepared, landed, keys)
        load.send_rows()
        load.record()
    for line_no, row in enumerate(rows, start=1):
        connection.execute(
            "insert into quarantine.event (batch_id, line_no, action, actor, reason, known_date, released_batch_id, "
            "released_line_no) values (%s, %s, 'RELEASE', %s, %s, %s, %s, %s)",
            (row.batch_id, row.line_no, signed.actor, signed.reason, known_date, batch.batch_id, line_no),
        )
    loaded = load.batch.balance.loaded.rows
    return ReleasedBatch(batch.batch_id, batch.system, batch.table, business_date, known_date, len(rows), loaded)


class _ReleasedRows(TableLoad):
    """Loads rows that are in memory and were found good; everything else is as with any delivery by keys."""

    def __init__(
        self,
        connection: psycopg.Connection,
        batch: Batch,
        prepared: Prepared,
        landed: list[LandedBatch],
        guard: Guard | None,
    ) -> None:
        every = np.ones(len(prepared.line_no), bool)
        self._prepared, self._total = prepared, prepared.checked.control_sum(every)
        stated = ManifestFile(
            name=f"{batch.table}.jsonl",
            sha256=batch.content_hash,
            row_count=len(every),
            control_total=str(self._total),
        )
        nowhere = SourceFile(Path(stated.name), stated.name, "jsonl", False, "utf-8", 1, (0, 0, 0))
        super().__init__(connection, batch, TableFiles(prepared.contract, [nowhere], [stated], guard), landed)

    def _chunks(self, seen: Seen, apart: np.ndarray | None, only: np.ndarray | None = None) -> Iterator[Prepared]:
        seen.rows[0], seen.totals[0] = len(self._prepared.line_no), self._total
        yield self._prepared

    def _load_files(self) -> list[LoadFile]:
        return []


def _batch(
    rows: list[QuarantinedRow],
    cells: dict[Place, Cells],
    contract: Contract,
    landed: list[LandedBatch],
    business_date: date,
    known_date: date,
) -> Batch:
    text = json.dumps(
        [known_date.isoformat(), *((row.line_no, sorted(cells[row.place].items())) for row in rows)], ensure_ascii=False
    )
    origin = rows[0].batch_id
    digest = hashlib.sha256(f"{RELEASED}{UNIT_JOIN}{origin}{UNIT_JOIN}{business_date}{UNIT_JOIN}{text}".encode())
    ranks = [one.version.rank for one in landed if one.version[:2] == (business_date, known_date)]
    return Batch(
        batch_id=int.from_bytes(digest.digest()[:8], "big") >> 1,
        system=contract.system,
        table=contract.table,
        kind="daily" if known_date == business_date else "correction",
        part=RELEASED,
        version=Version(business_date, known_date, max(ranks, default=DELIVERED_RANK) + 1),
        from_date=None,
        replaces="keys",
        caused_by_batch_id=origin,
        content_hash=digest.hexdigest(),
        balance=Balance(),
    )


def _known_date(connection: psycopg.Connection, row: QuarantinedRow, wanted: date | None) -> date:
    earliest = next_known_date(connection, row)
    if wanted is not None and wanted < earliest:
        raise RefusedError(
            f"{wanted} is published already, or before the delivery itself: the first date that can use row "
            f"{row.place} is {earliest}. Dates before that are restated",
            next_command="postloan restate --help",
        )
    return wanted or earliest


def _by_own_date(
    connection: psycopg.Connection, rows: list[QuarantinedRow], cells: dict[Place, Cells]
) -> list[tuple[date, list[QuarantinedRow]]]:
    """The rows by business date: the delivery's, or of a history the date that the contract names, inside its range."""
    if rows[0].kind != "history":
        return [(rows[0].business_date, rows)]
    (first,) = connection.execute(
        "select from_date from ops.load_batch where batch_id = %s", (rows[0].batch_id,)
    ).fetchall()[0]
    contract = rows[0].contract
    first_of_unit: dict[tuple[str | None, ...], date] = {}
    for row in rows:
        unit, day = (
            _unit_of(cells[row.place], contract),
            _own_date(cells[row.place], contract, first, row.business_date),
        )
        first_of_unit[unit] = min(first_of_unit.get(unit, day), day)
    by_date: dict[date, list[QuarantinedRow]] = defaultdict(list)
    for row in rows:
        by_date[first_of_unit[_unit_of(cells[row.place], contract)]].append(row)
    return sorted(by_date.items())


def _own_date(stated: Cells, contract: Contract, first: date, last: date) -> date:
    try:
        return min(max(date.fromisoformat(stated[contract.known_date_column] or ""), first), last)
    except ValueError:
        return last  # the checks will name it


def _unit_of(stated: Cells, contract: Contract) -> tuple[str | None, ...]:
    return tuple(stated[name] for name in contract.unit_or_key)
