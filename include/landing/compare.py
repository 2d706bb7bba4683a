"""Compares a delivery that looks back with the state before it, inside the server: hashes go there, not rows here."""

from collections.abc import Iterable

import numpy as np
import psycopg
from psycopg import sql

from include.landing.contract import Contract
from include.landing.copy_rows import HEADER, TRAILER
from include.landing.prepare import Prepared, key_rows
from include.landing.versions import RawTable
from include.warehouse.ledger import CARRIED, Batch, LandedBatch, Version


class Comparison:
    """The temporary tables of one comparison.

    ``landing_state``: what is in effect before the delivery (of a correction of a delta table: on its date only).
    ``landing_row``: the delivery's good rows by line, key and hash. ``landing_present``: the units that it names,
    those of refused rows included: a row in quarantine has not vanished.
    """

    def __init__(self, table: RawTable, batch: Batch, landed: list[LandedBatch]) -> None:
        self.table = table
        self.contract: Contract = table.contract
        self.batch = batch
        self.landed = landed

    def open(self) -> None:
        """Take the state before the delivery."""
        version = self.batch.version
        until = Version(version.business_date, version.known_date, version.rank - 1)
        state = sql.SQL("select {unit}, _row_hash, _part from ({rows}) as r where true").format(
            unit=self.table.unit, rows=self.table.in_effect(until, version.known_date)
        )
        if self.contract.delivery == "delta":
            state += sql.SQL(" and r._business_date = {} and r._batch_id = any({}::bigint[])").format(
                sql.Literal(version.business_date), sql.Literal(self._batches_of_the_date())
            )
        self.table.replace_temporary("landing_state", state, is_joined_often=False)
        types = {column.name: column.sql_type for column in self.contract.columns}
        unit = sql.SQL(", ").join(
            sql.SQL("{} {}").format(sql.Identifier(name), sql.SQL(types[name])) for name in self.contract.unit_or_key
        )
        for name, columns in (
            ("landing_row", sql.SQL("_line_no integer, {}, _row_hash uuid").format(unit)),
            ("landing_present", unit),
        ):
            self.table.execute("drop table if exists {name}", name=sql.Identifier("pg_temp", name))
            self.table.execute(
                "create temporary table {name} ({columns}) on commit drop", name=sql.Identifier(name), columns=columns
            )

    def send(self, chunks: Iterable[Prepared]) -> None:
        """Send line, key and hash of every good row."""
        names = self.contract.unit_or_key
        statement = sql.SQL("copy landing_row (_line_no, {}, _row_hash) from stdin (format binary)").format(
            sql.SQL(", ").join(map(sql.Identifier, names))
        )
        refused: set[tuple[object, ...]] = set()
        with self.table.connection.cursor() as cursor:
            with cursor.copy(statement) as copy:
                copy.write(HEADER)
                for prepared in chunks:
                    copy.write(key_rows(prepared, prepared.is_loadable, names))
                    refused |= _units_of_refused(prepared, names)
                copy.write(TRAILER)
            self._keep_present(cursor, refused)

    def changed_lines(self) -> np.ndarray:
        """The line numbers, ascending, of the rows that are not in effect already."""
        if self._has_future:
            self._keep_future()
        self.table.replace_temporary("landing_difference", self._difference(), is_joined_often=False)
        lines = self.table.execute(
            "select _line_no from landing_difference where _line_no is not null order by _line_no"
        )
        return np.fromiter((line for (line,) in lines), np.int64)

    def missing(self, name: str) -> int:
        """Make the temporary table of the units that were in effect and that the delivery does not name."""
        parts = {"unit": self.table.unit, "carried": sql.Literal(CARRIED)}
        gone = sql.SQL("select {unit} from landing_difference where _line_no is null and _part <> {carried}")
        future = sql.SQL(" union (select {unit} from landing_future except select {unit} from landing_row)")
        query = gone.format(**parts)
        if self._has_future:
            query += future.format(**parts)
        query = sql.SQL("({gone}) except select {unit} from landing_present").format(gone=query, unit=self.table.unit)
        return self.table.replace_temporary(name, query)

    @property
    def _has_future(self) -> bool:
        """Whether somebody who knows more than this delivery sees other rows before it."""
        version = self.batch.version
        return self.contract.delivery == "full" and any(
            batch.version.known_date > version.known_date and batch.version < version for batch in self.landed
        )

    def _batches_of_the_date(self) -> list[int]:
        day = self.batch.version.business_date
        return [
            batch.batch_id for batch in self.landed if (batch.from_date or day) <= day <= batch.version.business_date
        ]

    def _difference(self) -> sql.Composable:
        """Delivered lines that are not in effect already, and units in effect without a line; ``_part`` of the state.

        To those who know more than this delivery another row may stand before it: then it has to be stated again.
        """
        stated_again = sql.SQL("false")
        if self._has_future:
            stated_again = sql.SQL("({unit}) in (select {unit} from landing_future)").format(unit=self.table.unit)
        if not self.contract.unit:
            query = """
                select {unit}, n._line_no, s._part
                from landing_row as n
                full join landing_state as s using ({unit})
                where n._row_hash is distinct from s._row_hash or s._part = {carried} or {stated_again}
            """
        else:  # a unit is the same when all of its rows are
            query = """
                with side as (
                    select {unit}, _line_no, _row_hash, null as _part from landing_row
                    union all
                    select {unit}, null, _row_hash, _part from landing_state
                ),
                unit as (
                    select {unit},
                        array_agg(_row_hash order by _row_hash) filter (where _part is null)
                            is distinct from array_agg(_row_hash order by _row_hash) filter (where _part <> {carried})
                            or {stated_again} as is_other,
                        count(_line_no) = 0 as is_gone
                    from side
                    group by {unit}
                )
                select {unit}, side._line_no, side._part
                from unit join side using ({unit})
                where is_other and (side._line_no is not null or is_gone)
            """
        return sql.SQL(query).format(unit=self.table.unit, carried=sql.Literal(CARRIED), stated_again=stated_again)

    def _keep_future(self) -> None:
        version = self.batch.version
        self.table.replace_temporary(
            "landing_future",
            sql.SQL(
                """
                select {unit} from {rows} as r
                where r._business_date < {b} and r._known_date > {k}
                union
                select {unit} from {rows} as r
                join {superseded} as s on s._batch_id = r._batch_id and s._line_no = r._line_no
                join ops.load_batch as sb on sb.batch_id = s._superseded_by_batch_id
                where s._superseded_date < {b} and sb.known_date > {k} and sb.kind <> 'history'
                """
            ).format(
                unit=sql.SQL(", ").join(sql.Identifier("r", name) for name in self.contract.unit_or_key),
                rows=self.table.rows,
                superseded=self.table.superseded,
                b=sql.Literal(version.business_date),
                k=sql.Literal(version.known_date),
            ),
        )

    def _keep_present(self, cursor: psycopg.Cursor, units: set[tuple[object, ...]]) -> None:
        if units:
            with cursor.copy("copy landing_present from stdin") as copy:
                for unit in sorted(units, key=repr):
                    copy.write_row(unit)


def _units_of_refused(prepared: Prepared, names: tuple[str, ...]) -> set[tuple[object, ...]]:
    refused = np.flatnonzero(~prepared.checked.is_good)
    if len(refused) == 0:
        return set()
    values = [prepared.checked.values[name].take(refused).to_pylist() for name in names]
    readable = [prepared.checked.canonical[name].take(refused).is_valid().to_pylist() for name in names]
    rows = zip(zip(*values, strict=True), zip(*readable, strict=True), strict=True)
    return {unit for unit, is_readable in rows if all(is_readable) and None not in unit and _is_sendable(unit)}


def _is_sendable(unit: tuple[object, ...]) -> bool:
    return not any(isinstance(part, str) and "\x00" in part for part in unit)
