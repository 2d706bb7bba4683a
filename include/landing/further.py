"""Further batches: rows that no file holds, written so that every order of arrival ends in the same state.

``restored`` rows keep what a later full delivery or correction states when an earlier one arrives late; ``carried``
rows are what a delivery leaves in effect without holding it: a closing record, or what was true before a row that a
correction withdraws.
"""

import hashlib
from datetime import date
from decimal import Decimal
from uuid import UUID

import numpy as np
import pyarrow as pa
from psycopg import sql

from include.errors import DeliveryError
from include.landing.chunk import WELL_FORMED, Chunk
from include.landing.prepare import prepare, raw_columns, stored_columns
from include.landing.versions import RawTable
from include.warehouse.ledger import Balance, Batch, LandedBatch, Share, Version, record_batch

BUSINESS_DATE_MARK = "{business_date}"


class FurtherBatches:
    """Writes the further batches that one landed batch makes necessary."""

    def __init__(self, table: RawTable, cause: Batch, landed: list[LandedBatch]) -> None:
        self.table = table
        self.cause = cause
        self.written: list[Batch] = []
        self._versions = [batch.version for batch in landed] + [cause.version]

    @property
    def batch_ids(self) -> list[int]:
        return [self.cause.batch_id, *(batch.batch_id for batch in self.written)]

    def copy_rows(self, rows: str, op: LandedBatch | Batch, part: str, known: date) -> int:
        """Write the rows of a temporary table (columns of ``RawTable.in_effect``) as rows of ``op``'s business date.

        Returns the number of supersessions written.
        """
        version = self._next_version(op.version.business_date, known)
        batch_id = self._number(op, part, version)
        self._copy(rows, batch_id, version)
        self._record(op, part, version, batch_id)
        # the copies stand between older rows of their keys and whatever came after
        return self.table.supersede(batch_id, has_earlier=True, has_later=True)

    def _copy(self, rows: str, batch_id: int, version: Version) -> None:
        contract = self.table.contract
        names = stored_columns(contract)
        self.table.execute(
            "insert into {rows} ({all}) select {given}, {b}, {k}, {batch}, "
            "(row_number() over (order by {order}, _batch_id, _line_no))::integer, _row_hash from {source}",
            all=sql.SQL(", ").join(map(sql.Identifier, raw_columns(contract))),
            order=sql.Identifier(contract.order_column),
            given=sql.SQL(", ").join(map(sql.Identifier, names)),
            b=version.business_date,
            k=version.known_date,
            batch=batch_id,
            source=sql.Identifier(rows),
        )

    def without_rows(self, op: LandedBatch | Batch, part: str, known: date) -> int:
        """A batch that only says that rows are gone. Returns its number."""
        version = self._next_version(op.version.business_date, known)
        batch_id = self._number(op, part, version)
        self._record(op, part, version, batch_id)
        return batch_id

    def close_rows(self, rows: str, business_date: date) -> None:
        """Apply what the contract's ``vanished: set`` states for a key that is gone to a temporary table's rows."""
        contract = self.table.contract
        assert contract.vanished is not None
        stated = {
            name: text.replace(BUSINESS_DATE_MARK, business_date.isoformat())
            for name, text in contract.vanished.set.items()
        }
        names = {column.name: next(iter(column.stored_as)) for column in contract.columns}
        source = sql.Identifier(rows)
        found = self.table.execute(
            "select _batch_id, _line_no, {columns} from {source} order by _batch_id, _line_no",
            columns=sql.SQL(", ").join(sql.SQL("{}::text").format(sql.Identifier(stored)) for stored in names.values()),
            source=source,
        ).fetchall()
        texts = {
            name: pa.array([stated.get(name, row[position]) for row in found], pa.string())
            for position, name in enumerate(names, start=2)
        }
        line_no = np.arange(1, len(found) + 1, dtype=np.int64)
        prepared = prepare(Chunk(texts, line_no, np.full(len(found), WELL_FORMED, np.int8)), contract.as_stored)
        if not prepared.is_loadable.all():
            problem = prepared.checked.problems[0]
            raise DeliveryError(
                f"the closing record of a vanished row of {contract.system}.{contract.table} breaks its own contract: "
                f"{problem.column}: {problem.text}",
                next_command=f"cat include/contracts/{contract.system}/{contract.table}.yml",
            )
        for (batch_id, row_line_no, *_), digest in zip(found, prepared.hashes, strict=True):
            self.table.execute(
                "update {source} set {assignments}, _row_hash = {digest} "
                "where _batch_id = {batch} and _line_no = {line}",
                source=source,
                assignments=sql.SQL(", ").join(
                    sql.SQL("{} = {}::{}").format(
                        sql.Identifier(name), sql.Literal(text), sql.SQL(contract.column(name).sql_type)
                    )
                    for name, text in stated.items()
                ),
                digest=UUID(bytes=digest.tobytes()),
                batch=batch_id,
                line=row_line_no,
            )

    def _next_version(self, business_date: date, known: date) -> Version:
        ranks = [version.rank for version in self._versions if version[:2] == (business_date, known)]
        version = Version(business_date, known, max(ranks, default=1) + 1)
        self._versions.append(version)
        return version

    def _number(self, op: LandedBatch | Batch, part: str, version: Version) -> int:
        text = f"{part}\x1f{op.batch_id}\x1f{self.cause.batch_id}\x1f{version.known_date}\x1f{len(self.written)}"
        return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") >> 1

    def _record(self, op: LandedBatch | Batch, part: str, version: Version, batch_id: int) -> None:
        control = self.table.contract.control_column
        count, total = self.table.execute(
            "select count(*), coalesce(sum({control}), 0.00) from {rows} where _batch_id = {batch}",
            control=sql.Identifier(control) if control else sql.SQL("0.00"),
            batch=batch_id,
        ).fetchone() or (0, Decimal("0.00"))
        content = hashlib.sha256(f"{part}\x1f{op.content_hash}\x1f{self.cause.content_hash}\x1f{batch_id}".encode())
        batch = Batch(
            batch_id=batch_id,
            system=self.cause.system,
            table=self.cause.table,
            kind="daily" if version.known_date == version.business_date else "correction",
            part=part,
            version=version,
            from_date=None,
            replaces="keys",
            caused_by_batch_id=self.cause.batch_id,
            content_hash=content.hexdigest(),
            balance=Balance(incoming=Share(count, total), loaded=Share(count, total)),
        )
        record_batch(self.table.connection, batch)
        self.written.append(batch)
