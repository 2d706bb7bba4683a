"""Refused rows as people see them: where they stand, why they were refused, and a text that gives nothing away."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import date

import psycopg
from psycopg.rows import class_row

from include.errors import PostloanError
from include.landing.contract import Contract, contracts_of

OPEN, FIXED, RELEASED, DISCARDED = "OPEN", "FIXED", "RELEASED", "DISCARDED"
STATES = (OPEN, FIXED, RELEASED, DISCARDED)
COMPANION = "unit_incomplete"  # nothing is wrong with such a row but the company it keeps


@dataclass(frozen=True, order=True)
class Place:
    """Where a refused row stands: its batch and its number in it."""

    batch_id: int
    line_no: int

    def __str__(self) -> str:
        return f"{self.batch_id}:{self.line_no}"


@dataclass(frozen=True)
class QuarantinedRow:
    """One refused row and its state; nothing of its content but the masked shape."""

    batch_id: int
    line_no: int
    file_name: str
    file_line_no: int
    system: str
    table_name: str
    reason_code: str
    reason_text: str
    column_name: str | None
    subject_id: str | None
    unit_text: str | None
    masked_text: str
    kind: str
    business_date: date
    delivered_known_date: date
    state: str
    ended_known_date: date | None
    released_batch_id: int | None
    released_line_no: int | None

    @property
    def place(self) -> Place:
        return Place(self.batch_id, self.line_no)

    @property
    def contract(self) -> Contract:
        return contracts_of(self.system)[self.table_name]


@dataclass(frozen=True)
class Filter:
    """Which rows are asked for; None: any."""

    system: str | None = None
    table: str | None = None
    business_date: date | None = None
    reason_code: str | None = None
    state: str | None = None


_COLUMNS = ", ".join(f"state.{field.name}" for field in fields(QuarantinedRow))
_MATCHES = """
    (%(system)s::text is null or system = %(system)s)
    and (%(table)s::text is null or table_name = %(table)s)
    and (%(business_date)s::date is null or business_date = %(business_date)s)
    and (%(reason_code)s::text is null or reason_code = %(reason_code)s)
    and (%(state)s::text is null or state = %(state)s)
"""
_COUNTS = f"""
    select system || '.' || table_name, reason_code, state, count(*), min(business_date), max(business_date)
    from quarantine.row_state where {_MATCHES}
    group by 1, 2, 3 order by 1, 2, 3
"""
_ROWS = f"""
    select {_COLUMNS} from quarantine.row_state as state where {_MATCHES}
    order by business_date, system, table_name, batch_id, line_no limit %(limit)s
"""


def counts(connection: psycopg.Connection, wanted: Filter) -> list[tuple[str, str, str, int, date, date]]:
    """(table, reason, state, rows, first and last business date), ordered."""
    return connection.execute(_COUNTS, vars(wanted)).fetchall()


def rows_of(connection: psycopg.Connection, wanted: Filter, *, limit: int | None = None) -> list[QuarantinedRow]:
    """The rows that match, by date, table and place."""
    with connection.cursor(row_factory=class_row(QuarantinedRow)) as cursor:
        return cursor.execute(_ROWS, {**vars(wanted), "limit": limit}).fetchall()


def rows_at(connection: psycopg.Connection, places: Sequence[Place]) -> list[QuarantinedRow]:
    """The rows at these places, in their order. PostloanError names one that is not there."""
    with connection.cursor(row_factory=class_row(QuarantinedRow)) as cursor:
        found = cursor.execute(
            f"select {_COLUMNS} from quarantine.row_state as state "
            "join unnest(%s::bigint[], %s::bigint[]) as place (batch_id, line_no) using (batch_id, line_no)",
            ([place.batch_id for place in places], [place.line_no for place in places]),
        ).fetchall()
    by_place = {row.place: row for row in found}
    for place in places:
        if place not in by_place:
            raise PostloanError(f"no row {place} is in quarantine", next_command="postloan quarantine list")
    return [by_place[place] for place in dict.fromkeys(places)]


def rows_of_batch(connection: psycopg.Connection, batch_id: int) -> list[QuarantinedRow]:
    """Every refused row of a batch. PostloanError when it has none."""
    with connection.cursor(row_factory=class_row(QuarantinedRow)) as cursor:
        found = cursor.execute(
            f"select {_COLUMNS} from quarantine.row_state as state where batch_id = %s order by line_no", (batch_id,)
        ).fetchall()
    if not found:
        raise PostloanError(f"no row of batch {batch_id} is in quarantine", next_command="postloan quarantine list")
    return found


def history_of(connection: psycopg.Connection, place: Place) -> list[tuple[str, str, str, str | None, date | None]]:
    """(action, actor, reason, corrected columns, known date) of everything that was done to a row, oldest first."""
    return connection.execute(
        "select action, actor, reason, column_names, known_date from quarantine.event "
        "where batch_id = %s and line_no = %s order by event_number",
        (place.batch_id, place.line_no),
    ).fetchall()


def cells_at(connection: psycopg.Connection, places: Sequence[Place]) -> dict[Place, dict[str, str | None]]:
    """The rows as the contract's columns, corrections applied. From the vault: for landing again, not for showing.

    A place is left out when the vault holds nothing of it (any more).
    """
    batch_ids, lines = [place.batch_id for place in places], [place.line_no for place in places]
    delivered = connection.execute(
        "select batch_id, line_no, cells from vault.quarantine_text "
        "join unnest(%s::bigint[], %s::bigint[]) as place (batch_id, line_no) using (batch_id, line_no)",
        (batch_ids, lines),
    ).fetchall()
    cells = {Place(batch_id, line_no): dict(stated or {}) for batch_id, line_no, stated in delivered}
    fixes = connection.execute(
        "select batch_id, line_no, cells from vault.quarantine_fix "
        "join unnest(%s::bigint[], %s::bigint[]) as place (batch_id, line_no) using (batch_id, line_no) "
        "order by event_number",
        (batch_ids, lines),
    ).fetchall()
    for batch_id, line_no, corrected in fixes:
        cells[Place(batch_id, line_no)].update(corrected)
    return cells


def reveal(connection: psycopg.Connection, place: Place, *, actor: str, reason: str) -> str:
    """The text of a refused row as it was delivered, personal data included. Who asked and why is kept first."""
    rows_at(connection, [place])
    connection.execute(
        "insert into quarantine.reveal (batch_id, line_no, actor, reason) values (%s, %s, %s, %s)",
        (place.batch_id, place.line_no, actor, reason),
    )
    connection.commit()
    row = connection.execute(
        "select raw_text from vault.quarantine_text where batch_id = %s and line_no = %s",
        (place.batch_id, place.line_no),
    ).fetchone()
    if row is None:
        raise PostloanError(f"the text of row {place} was erased from the vault")
    return row[0]


def all_corrected(
    connection: psycopg.Connection, *, system: str | None = None, table: str | None = None
) -> list[Place]:
    """Every row that is corrected and waits for its release. PostloanError when there is none."""
    found = [row.place for row in rows_of(connection, Filter(system=system, table=table, state=FIXED))]
    if not found:
        raise PostloanError("no corrected row waits for its release", next_command="postloan quarantine list")
    return found
