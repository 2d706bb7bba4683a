"""What people decide about refused rows: correct them, vouch for them, or give them up. Kept append-only."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import psycopg
from psycopg.types.json import Jsonb

from include.errors import PostloanError, RefusedError
from include.quarantine.corrections import Correction, corrected, first_problem
from include.quarantine.rows import DISCARDED, RELEASED, Place, QuarantinedRow, cells_at, rows_at
from include.settings import Settings
from include.warehouse.connection import connect
from include.warehouse.roles import LOADER

AS_DELIVERED = "-"  # in place of column names: somebody vouches for the row as it is


@dataclass(frozen=True)
class Signed:
    """Who decides, and why: an auditor will read it."""

    actor: str
    reason: str

    def __post_init__(self) -> None:
        for name, text in (("who (--by)", self.actor), ("why (--reason)", self.reason)):
            if not text.strip():
                raise PostloanError(f"a decision about quarantine says {name}")


def fix(settings: Settings, corrections: Sequence[Correction], signed: Signed) -> list[QuarantinedRow]:
    """Keep corrections of refused rows, all or none. Returns the rows as they stand now, to be released by another.

    Raises RefusedError when a corrected row would still be refused by its contract: with the reason, not the value.
    """
    with connect(settings, role=LOADER, application_name="postloan:quarantine") as connection:
        places = [correction.place for correction in corrections]
        rows = locked_rows(connection, places)
        cells = cells_at(connection, places)
        for row, correction in zip(rows, corrections, strict=True):
            refuse_ended(row)
            if row.place not in cells:
                raise PostloanError(f"the text of row {row.place} was erased from the vault: discard it")
            whole = corrected(cells[row.place], correction, row.contract)
            problem = first_problem(whole, row.contract)
            if problem is not None:
                raise RefusedError(
                    f"row {row.place} of {row.system}.{row.table_name} would still be refused: "
                    f"{problem.column or 'the row'}: {problem.text}. Nothing was kept",
                    next_command=f"postloan quarantine show {row.place}",
                )
            (number,) = connection.execute(
                "insert into quarantine.event (batch_id, line_no, action, actor, reason, column_names) "
                "values (%s, %s, 'FIX', %s, %s, %s) returning event_number",
                (row.batch_id, row.line_no, signed.actor, signed.reason,
                 ", ".join(sorted(correction.cells)) or AS_DELIVERED),
            ).fetchall()[0]  # fmt: skip
            connection.execute(
                "insert into vault.quarantine_fix (event_number, batch_id, line_no, cells) values (%s, %s, %s, %s)",
                (number, row.batch_id, row.line_no, Jsonb(correction.cells)),
            )
        connection.commit()
        return rows_at(connection, places)


def discard(settings: Settings, places: Sequence[Place], signed: Signed) -> list[QuarantinedRow]:
    """Give rows up: they will never be loaded, and are accounted for as such."""
    with connect(settings, role=LOADER, application_name="postloan:quarantine") as connection:
        for row in locked_rows(connection, places):
            refuse_ended(row)
            connection.execute(
                "insert into quarantine.event (batch_id, line_no, action, actor, reason, known_date) "
                "values (%s, %s, 'DISCARD', %s, %s, %s)",
                (row.batch_id, row.line_no, signed.actor, signed.reason, next_known_date(connection, row)),
            )
        connection.commit()
        return rows_at(connection, places)


def next_known_date(connection: psycopg.Connection, row: QuarantinedRow) -> date:
    """The next business date that is not published: the first run that can take account of what is decided now."""
    (published,) = connection.execute("select max(business_date) from ops.publication").fetchall()[0]
    earliest = max(row.delivered_known_date, row.business_date)
    return earliest if published is None else max(earliest, published + timedelta(days=1))


def locked_rows(connection: psycopg.Connection, places: Sequence[Place]) -> list[QuarantinedRow]:
    """The rows at these places, and nobody else decides about rows of their systems before this transaction ends."""
    systems = sorted({row.system for row in rows_at(connection, places)})
    for system in systems:  # the lock of landing: a delivery that is just coming in may be about the same keys
        connection.execute("select pg_advisory_xact_lock(hashtext(%s))", (f"land {system}",))
    return rows_at(connection, places)


def refuse_ended(row: QuarantinedRow) -> None:
    if row.state in (RELEASED, DISCARDED):
        raise RefusedError(
            f"row {row.place} is {row.state} already", next_command=f"postloan quarantine show {row.place}"
        )
