"""The load ledger: what was delivered, and where every row and cent of it went. Written with the rows or not at all."""

from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import NamedTuple

import psycopg
from psycopg.types.json import Jsonb

ZERO = Decimal("0.00")
DELIVERED, RESTORED, CARRIED, RELEASED = "delivered", "restored", "carried", "released"


class Version(NamedTuple):
    """Later versions of a row come after earlier ones in this order."""

    business_date: date
    known_date: date
    rank: int


@dataclass(frozen=True)
class LandedBatch:
    """A batch as later landings need to know it."""

    batch_id: int
    kind: str
    part: str
    version: Version
    from_date: date | None
    replaces: str
    content_hash: str
    rows_quarantined: int
    caused_by_batch_id: int | None


@dataclass
class Share:
    """Rows and the exact sum of their control column."""

    rows: int = 0
    total: Decimal = ZERO

    def add(self, rows: int, total: Decimal) -> None:
        self.rows += rows
        self.total += total


@dataclass
class Balance:
    """Where the rows of a batch went. What came in equals the sum of the rest, in rows and to the cent."""

    incoming: Share = field(default_factory=Share)
    loaded: Share = field(default_factory=Share)
    unchanged: Share = field(default_factory=Share)
    quarantined: Share = field(default_factory=Share)
    duplicate: Share = field(default_factory=Share)


@dataclass(frozen=True)
class LoadFile:
    """A delivered file of a batch."""

    file_name: str
    sha256: str
    bytes: int
    encoding: str
    rows_in: int
    control_total: Decimal
    first_line_no: int


@dataclass(frozen=True)
class QuarantinedRow:
    """A refused row, its masked shape for everybody and its text for the vault."""

    line_no: int
    file_name: str
    file_line_no: int
    reason_code: str
    reason_text: str
    column_name: str | None
    subject_id: str | None
    unit_text: str | None
    masked_text: str
    raw_text: str | None  # None: about somebody who was erased, nothing of it is kept
    cells: dict[str, str | None]  # the same as the contract's columns: what a correction starts from


@dataclass(frozen=True)
class Batch:
    """One row of the ledger."""

    batch_id: int
    system: str
    table: str
    kind: str
    part: str
    version: Version
    from_date: date | None
    replaces: str
    caused_by_batch_id: int | None
    content_hash: str
    balance: Balance
    warnings: tuple[str, ...] = ()


def landed_batches(connection: psycopg.Connection, system: str, table: str) -> list[LandedBatch]:
    """Every batch of a table in version order."""
    rows = connection.execute(
        "select batch_id, kind, part, business_date, known_date, version_rank, from_date, replaces, content_hash, "
        "rows_quarantined, caused_by_batch_id from ops.load_batch where system = %s and table_name = %s "
        "order by business_date, known_date, version_rank",
        (system, table),
    ).fetchall()
    return [
        LandedBatch(
            batch_id, kind, part, Version(business_date, known_date, rank), from_date, replaces, content, bad, cause
        )
        for batch_id, kind, part, business_date, known_date, rank, from_date, replaces, content, bad, cause in rows
    ]


def landed_batch_ids(connection: psycopg.Connection, system: str) -> set[int]:
    """The numbers of all batches of a system that hold delivered files."""
    rows = connection.execute(
        "select batch_id from ops.load_batch where system = %s and part = 'delivered'", (system,)
    ).fetchall()
    return {batch_id for (batch_id,) in rows}


def has_own_delivery(connection: psycopg.Connection, system: str, business_date: date) -> bool:
    """Whether the system's own delivery of this date is landed: the daily one, or a history that covers it."""
    row = connection.execute(
        "select 1 from ops.load_batch where system = %(system)s and part = 'delivered' and kind <> 'correction' "
        "and business_date >= %(day)s and coalesce(from_date, business_date) <= %(day)s limit 1",
        {"system": system, "day": business_date},
    ).fetchone()
    return row is not None


def record_batch(connection: psycopg.Connection, batch: Batch) -> None:
    """Write one row of the ledger. The database refuses one whose rows or cents do not add up."""
    balance = batch.balance
    shares = (balance.incoming, balance.loaded, balance.unchanged, balance.quarantined, balance.duplicate)
    connection.execute(
        "insert into ops.load_batch (batch_id, system, table_name, kind, part, business_date, known_date, "
        "version_rank, from_date, replaces, caused_by_batch_id, content_hash, "
        "rows_in, rows_loaded, rows_unchanged, rows_quarantined, rows_duplicate, "
        "control_total_in, control_total_loaded, control_total_unchanged, control_total_quarantined, "
        "control_total_duplicate, warnings) values ("
        "%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)",
        (
            batch.batch_id,
            batch.system,
            batch.table,
            batch.kind,
            batch.part,
            *batch.version,
            batch.from_date,
            batch.replaces,
            batch.caused_by_batch_id,
            batch.content_hash,
            *(share.rows for share in shares),
            *(share.total for share in shares),
            Jsonb(list(batch.warnings)),
        ),
    )


def record_files(connection: psycopg.Connection, batch_id: int, files: list[LoadFile]) -> None:
    """Write the files of a batch."""
    with connection.cursor() as cursor:
        cursor.executemany(
            "insert into ops.load_file (batch_id, file_name, sha256, bytes, encoding, rows_in, control_total, "
            "first_line_no) values (%s, %s, %s, %s, %s, %s, %s, %s)",
            [
                (
                    batch_id,
                    file.file_name,
                    file.sha256,
                    file.bytes,
                    file.encoding,
                    file.rows_in,
                    file.control_total,
                    file.first_line_no,
                )
                for file in files
            ],
        )


def record_quarantine(connection: psycopg.Connection, batch: Batch, rows: list[QuarantinedRow]) -> None:
    """Write refused rows: the reason and the masked shape for everybody, the text itself into the vault."""
    if not rows:
        return
    with connection.cursor() as cursor:
        with cursor.copy(
            "copy quarantine.rows (batch_id, line_no, file_name, file_line_no, system, table_name, reason_code, "
            "reason_text, column_name, subject_id, unit_text, masked_text) from stdin"
        ) as copy:
            for row in rows:
                copy.write_row(
                    (
                        batch.batch_id,
                        row.line_no,
                        row.file_name,
                        row.file_line_no,
                        batch.system,
                        batch.table,
                        row.reason_code,
                        row.reason_text,
                        row.column_name,
                        row.subject_id,
                        row.unit_text,
                        row.masked_text,
                    )
                )
        with cursor.copy("copy vault.quarantine_text (batch_id, line_no, raw_text, cells) from stdin") as copy:
            for row in rows:
                if row.raw_text is not None:
                    copy.write_row((batch.batch_id, row.line_no, row.raw_text, Jsonb(row.cells)))


def record_attempt(
    connection: psycopg.Connection, system: str, business_date: date, outcome: str, detail: str | None = None
) -> None:
    """Keep when landing was tried and what came of it; the only record with a clock, and no output reads it."""
    connection.execute(
        "insert into ops.load_attempt (system, business_date, outcome, detail) values (%s, %s, %s, %s)",
        (system, business_date, outcome, detail),
    )
