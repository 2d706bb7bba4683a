"""A source database: every table of a system in one snapshot, streamed, each value as the exact text of what is there.

By watermark (rows that changed in the date's window), by an as-of column, or whole, as the table is now. The source
says itself how far its end of day is; a whole table is only ever fetched for the date that it shows.
"""

import csv
import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import SQLAlchemyError

from include.errors import DeliveryError, PostloanError, SourceError
from include.landing.contract import Contract, contract_path
from include.landing.contract_source import Database, Ready, TableSource
from include.sources.connection import SourceConnection
from include.sources.earlier import EarlierRows
from include.sources.window import Window

log = logging.getLogger(__name__)
BLOCK_ROWS = 2_000
DRIVERS = {"postgres": "postgresql+psycopg", "postgresql": "postgresql+psycopg"}
APPLICATION = "postloan:fetch"
Row = tuple[str, ...]


def fetch_tables(
    source: Database,
    contracts: Iterable[Contract],
    connection: SourceConnection,
    window: Window,
    folder: Path,
    earlier: Callable[[Contract], EarlierRows],
) -> dict[str, Path] | None:
    """Write each table of the date into ``folder``; None when the source has not ended the date yet.

    Raises SourceError when the source cannot be read, DeliveryError when contract and source do not fit.
    """
    with _snapshot(connection) as database:
        shown = _ready_date(database, source.ready)
        if shown is None or shown < window.business_date:
            log.info("%s shows %s; %s is not ended there", connection.name, shown, window.business_date)
            return None
        files = {}
        for contract in contracts:
            table = _Table(database, contract)
            if table.is_as_it_is_now and shown != window.business_date:
                raise DeliveryError(
                    f"{table.part.table} of source {connection.name} shows {shown} and no longer "
                    f"{window.business_date}: that date cannot be fetched any more. Nothing is lost, the next date "
                    "covers it",
                    next_command=f"postloan run {shown}",
                )
            files[contract.table] = folder / f"{contract.table}.csv"
            rows = _write(files[contract.table], table.headers, table.rows(window, earlier(contract)))
            log.info("%s.%s: %d rows of %s", contract.system, contract.table, rows, window.business_date)
        return files


@contextmanager
def _snapshot(connection: SourceConnection) -> Iterator[sa.Connection]:
    """One read-only transaction in which every statement sees the same moment."""
    url = sa.URL.create(
        DRIVERS.get(connection.scheme, connection.scheme),
        username=connection.login,
        password=connection.password.get_secret_value() if connection.password else None,
        host=connection.host,
        port=connection.port,
        database=connection.path.strip("/"),
        query=dict(connection.options),
    )
    is_postgres = url.get_backend_name() == "postgresql"
    arguments = {"application_name": APPLICATION, "connect_timeout": 15} if is_postgres else {}
    options = {"isolation_level": "REPEATABLE READ", "stream_results": True, "max_row_buffer": BLOCK_ROWS}
    if is_postgres:
        options["postgresql_readonly"] = True
    try:
        engine = sa.create_engine(url, poolclass=sa.NullPool, connect_args=arguments)
        with engine.connect() as opened:
            yield opened.execution_options(**options)
    except SQLAlchemyError as error:
        reason = str(getattr(error, "orig", None) or error).strip().splitlines()[0]
        raise SourceError(
            f"the source {connection.name} at {connection.place} cannot be read: {reason}. Nothing was fetched",
            next_command=f"airflow connections test {connection.name}",
        ) from None  # SQLAlchemy's own text may show parameters
    except ImportError as error:
        raise PostloanError(
            f"the source {connection.name} is a {url.drivername} database, and no driver for it is installed: {error}",
            next_command="postloan doctor",
        ) from None


def _ready_date(database: sa.Connection, ready: Ready) -> date | None:
    (shown,) = database.execute(sa.select(sa.func.max(sa.column(ready.column))).select_from(_table(ready.table))).one()
    if shown is None or (isinstance(shown, date) and not isinstance(shown, datetime)):
        return shown
    if isinstance(shown, datetime):
        return shown.date()
    try:
        return date.fromisoformat(str(shown))  # 2026-01-31 and 20260131
    except ValueError as error:
        raise DeliveryError(f"{ready.table}.{ready.column} holds {shown!r}, which is no date") from error


def _table(name: str) -> sa.TableClause:
    schema, _, table = name.rpartition(".")
    return sa.table(table, schema=schema or None)


class _Table:
    """One table of the source and how its rows of a date are asked for."""

    def __init__(self, database: sa.Connection, contract: Contract) -> None:
        self.database, self.contract = database, contract
        self.part = contract.source or TableSource()
        self.headers = contract.delivered_names
        self._types = _types_of(database, self.part.table or "")
        needed = [*self.headers, *filter(None, (self.part.watermark, self.part.as_of))]
        if missing := [name for name in needed if name not in self._types]:
            raise DeliveryError(
                f"{self.part.table} has no column {', '.join(missing)}; it has {', '.join(self._types)}",
                next_command=f"cat {contract_path(contract.system, contract.table)}",
            )

    @property
    def is_as_it_is_now(self) -> bool:
        """Whether only its present rows can be had."""
        return self.contract.delivery == "full" and self.part.as_of is None

    def rows(self, window: Window, earlier: EarlierRows) -> Iterator[Row]:
        """The rows of the window in the order of their key; of the overlap those that were not delivered so."""
        if self.part.as_of is not None:
            yield from self._ask(self._of_dates(self.part.as_of, window))
        elif self.part.watermark is None:
            yield from self._ask([])
        else:
            mark, last_end = sa.column(self.part.watermark), window.last_end
            if last_end is not None and window.overlap_start is not None:
                overlap = [mark >= self._moment(window.overlap_start), mark < self._moment(last_end)]
                yield from earlier.without_repeated(list(self._ask(overlap)))
            since = [mark >= self._moment(last_end)] if last_end is not None else []
            yield from self._ask([*since, mark < self._moment(window.end)])

    def _of_dates(self, name: str, window: Window) -> list[sa.ColumnElement[bool]]:
        column = sa.column(name)
        if self.contract.delivery == "full":
            return [column == self._day(name, window.business_date)]
        since = [column > self._day(name, window.after)] if window.after is not None else []
        return [*since, column <= self._day(name, window.business_date)]

    def _day(self, name: str, day: date) -> date | str:
        """The date as the column states it: a date, or text like 20260131 where the contract says so."""
        if isinstance(self._types[name], sa.Date):
            return day
        form = next((column.date_format for column in self.contract.columns if column.delivered_as == name), None)
        if form is None and not isinstance(self._types[name], sa.String):
            raise DeliveryError(f"{self.part.table}.{name} is {self._types[name]}, no date: use `watermark`")
        text = day.isoformat()
        if form is None:
            return text
        return form.replace("YYYY", text[:4]).replace("MM", text[5:7]).replace("DD", text[8:])

    def _moment(self, moment: datetime) -> datetime:
        """The moment as the column states it: with a zone, or as the clock of the lender's zone shows it."""
        kind = self._types[self.part.watermark or ""]
        if not isinstance(kind, sa.DateTime):
            raise DeliveryError(f"{self.part.table}.{self.part.watermark} is {kind}, no timestamp: use `as_of`")
        return moment if kind.timezone else moment.replace(tzinfo=None)

    def _ask(self, conditions: Sequence[sa.ColumnElement[bool]]) -> Iterator[Row]:
        order = dict.fromkeys(
            column.delivered_as for column in map(self.contract.column, self.contract.key) if column.is_delivered
        )
        statement = sa.select(*map(sa.column, self.headers)).select_from(_table(self.part.table or ""))
        asked = statement.where(*conditions).order_by(*map(sa.column, order))
        for block in self.database.execute(asked).partitions(BLOCK_ROWS):
            for row in block:
                yield tuple(map(self._text, row, self.headers))

    def _text(self, value: Any, header: str) -> str:
        """The one exact text of a value; empty for one that is not stated."""
        text = exact_text(value)
        if text is not None:
            return text
        raise DeliveryError(
            f"{self.part.table}.{header} is {self._types[header]}: it has no exact text. Money and counts are numeric "
            "or integer; give the pipeline a view that says so",
            next_command=f"cat {contract_path(self.contract.system, self.contract.table)}",
        )


def exact_text(value: Any) -> str | None:
    """A value as a delivered text; None for a type that has no exact one, as a float."""
    if value is None or isinstance(value, str):
        return value or ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, datetime) and value.tzinfo is not None:
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    if isinstance(value, date):  # a moment without a zone too: the contract says which offset it has
        return value.isoformat()
    return str(value) if isinstance(value, int) else None


def _types_of(database: sa.Connection, name: str) -> dict[str, Any]:
    schema, _, table = name.rpartition(".")
    try:
        columns = sa.inspect(database).get_columns(table, schema=schema or None)
    except sa.exc.NoSuchTableError:
        raise DeliveryError(f"the source has no table or view {name}, or its login may not see it") from None
    return {column["name"]: column["type"] for column in columns}


def _write(path: Path, headers: Sequence[str], rows: Iterable[Row]) -> int:
    count = 0
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(headers)
        for row in rows:
            writer.writerow(row)
            count += 1
    return count


def rewrite_with(path: Path, before: EarlierRows) -> None:
    """Add the delivered rows whose watermark has left the window since: the source has not taken them back."""
    with path.open(encoding="utf-8", newline="") as file:
        headers, *rows = map(tuple, csv.reader(file))
    _write(path, headers, before.updated_with(rows))
