"""Which row of a key is in effect, on any business date and with any knowledge, and who superseded it.

Rows are never changed. A row's version is (its business date, its known date, its batch's rank); a later version of
the same key or unit supersedes it by a row in the ``__superseded`` table, dated with the business date of the later
version. A run that knows up to ``known`` sees the rows and supersessions with a known date up to that.
"""

from collections.abc import Sequence
from datetime import date

import psycopg
from psycopg import sql

from include.landing.contract import Contract
from include.warehouse.ledger import Version

LAST_RANK = 2**31 - 1
BEGINNING = date(1, 1, 1)


def before(business_date: date) -> Version:
    """The version below every row of this business date."""
    return Version(business_date, BEGINNING, -1)


def end_of(business_date: date, known_date: date) -> Version:
    """The version above every row of this business date that was known by then."""
    return Version(business_date, known_date, LAST_RANK)


class RawTable:
    """The SQL of one raw table. Identifiers come from its contract, everything else is a literal made by psycopg."""

    def __init__(self, connection: psycopg.Connection, contract: Contract) -> None:
        self.connection = connection
        self.contract = contract
        self.rows = sql.Identifier("raw", contract.raw_name)
        self.superseded = sql.Identifier("raw", f"{contract.raw_name}__superseded")
        self.unit = sql.SQL(", ").join(sql.Identifier(name) for name in contract.unit_or_key)

    def execute(self, statement: str, **parts: sql.Composable | object) -> psycopg.Cursor:
        """Run a statement whose ``{names}`` are filled in: composables as they are, other values as literals."""
        filled = {name: part if isinstance(part, sql.Composable) else sql.Literal(part) for name, part in parts.items()}
        return self.connection.execute(
            sql.SQL(statement).format(rows=self.rows, superseded=self.superseded, unit=self.unit, **filled)
        )

    def in_effect(
        self, until: Version, known: date, *, of: str | None = None, ignored: Sequence[int] = ()
    ) -> sql.Composed:
        """The rows in effect up to and including version ``until`` for somebody who knows up to ``known``.

        Columns of the raw table, ``_part`` and ``_rank``. ``of``: a temporary table of units to look at; ``ignored``:
        batches that do not count.
        """
        return sql.SQL(
            """
            select r.*, rb.part as _part, rb.version_rank as _rank
            from {rows} as r
            join ops.load_batch as rb on rb.batch_id = r._batch_id
            {of}
            where (r._business_date, r._known_date, rb.version_rank) <= ({b}, {k}, {rank})
            and r._known_date <= {known}
            and r._batch_id <> all({ignored}::bigint[])
            and not exists (
                select from {superseded} as s
                join ops.load_batch as sb on sb.batch_id = s._superseded_by_batch_id
                where s._batch_id = r._batch_id and s._line_no = r._line_no
                and s._superseded_by_batch_id <> all({ignored}::bigint[])
                and {s_known} <= {known}
                and (s._superseded_date, {s_known}, sb.version_rank) <= ({b}, {k}, {rank})
            )
            """
        ).format(
            rows=self.rows,
            superseded=self.superseded,
            of=self._restricted(of),
            b=sql.Literal(until.business_date),
            k=sql.Literal(until.known_date),
            rank=sql.Literal(until.rank),
            known=sql.Literal(known),
            ignored=sql.Literal(list(ignored)),
            s_known=SUPERSESSION_KNOWN,
        )

    def supersede(self, batch_id: int, *, has_earlier: bool, has_later: bool) -> int:
        """Write who supersedes whom between the rows of a batch and all others. Returns the number of rows written.

        Left out are supersessions that change nothing for anybody, because one in between does the same.
        """
        written = 0
        if has_earlier:
            written += self.execute(
                """
                insert into {superseded}
                with fresh as (
                    select distinct {unit}, n._business_date, n._known_date, nb.version_rank
                    from {rows} as n join ops.load_batch as nb on nb.batch_id = n._batch_id
                    where n._batch_id = {batch}
                )
                select o._batch_id, o._line_no, {batch}, f._business_date
                from fresh as f
                join {rows} as o on {same_unit}
                join ops.load_batch as ob on ob.batch_id = o._batch_id
                where (o._business_date, o._known_date, ob.version_rank)
                    < (f._business_date, f._known_date, f.version_rank)
                and not exists (
                    select from {superseded} as s
                    join ops.load_batch as sb on sb.batch_id = s._superseded_by_batch_id
                    where s._batch_id = o._batch_id and s._line_no = o._line_no
                    and {s_known} <= f._known_date
                    and (s._superseded_date, {s_known}, sb.version_rank)
                        < (f._business_date, f._known_date, f.version_rank)
                )
                """,
                batch=batch_id,
                same_unit=self.same_unit("f", "o"),
                s_known=SUPERSESSION_KNOWN,
            ).rowcount
        if has_later:
            written += self.execute(
                """
                insert into {superseded}
                select distinct n._batch_id, n._line_no, l._batch_id, l._business_date
                from {rows} as n
                join ops.load_batch as nb on nb.batch_id = n._batch_id
                join {rows} as l on {n_l}
                join ops.load_batch as lb on lb.batch_id = l._batch_id
                where n._batch_id = {batch}
                and (l._business_date, l._known_date, lb.version_rank)
                    > (n._business_date, n._known_date, nb.version_rank)
                and not exists (
                    select from {rows} as m
                    join ops.load_batch as mb on mb.batch_id = m._batch_id
                    where {n_m}
                    and m._known_date <= l._known_date
                    and (m._business_date, m._known_date, mb.version_rank)
                        > (n._business_date, n._known_date, nb.version_rank)
                    and (m._business_date, m._known_date, mb.version_rank)
                        < (l._business_date, l._known_date, lb.version_rank)
                )
                """,
                batch=batch_id,
                n_l=self.same_unit("n", "l"),
                n_m=self.same_unit("n", "m"),
            ).rowcount
        return written

    def withdraw(self, rows: sql.Composable, *, by_batch_id: int, on: date) -> int:
        """Supersede rows of a temporary table without a successor: the delivery says that they never were."""
        return self.execute(
            "insert into {superseded} select _batch_id, _line_no, {by}, {on} from {gone}",
            by=by_batch_id,
            on=on,
            gone=rows,
        ).rowcount

    def same_unit(self, left: str, right: str) -> sql.Composed:
        """The join condition of two aliases on the unit, or the key where there is none."""
        return sql.SQL(" and ").join(
            sql.SQL("{} = {}").format(sql.Identifier(left, name), sql.Identifier(right, name))
            for name in self.contract.unit_or_key
        )

    def replace_temporary(self, name: str, query: sql.Composable, *, is_joined_often: bool = True) -> int:
        """Make a temporary table that lives as long as the transaction. Returns its number of rows."""
        self.execute("drop table if exists {name}", name=sql.Identifier("pg_temp", name))
        count = self.execute(
            "create temporary table {name} on commit drop as {query}", name=sql.Identifier(name), query=query
        ).rowcount
        if is_joined_often and count > 50_000:  # a smaller table is planned well enough by its size
            self.execute("analyze {name}", name=sql.Identifier(name))
        return count

    def _restricted(self, of: str | None) -> sql.Composable:
        if of is None:
            return sql.SQL("")
        return sql.SQL("join (select distinct {unit} from {of}) as u on {same}").format(
            unit=self.unit, of=sql.Identifier(of), same=self.same_unit("u", "r")
        )


# a history is known row by row, every other batch as a whole
SUPERSESSION_KNOWN = sql.SQL("(case when sb.kind = 'history' then s._superseded_date else sb.known_date end)")
