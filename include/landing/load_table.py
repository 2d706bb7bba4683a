"""Loads one table of a delivery inside the delivery's transaction: rows first, then what they mean for others."""

import logging
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing, contextmanager, nullcontext
from dataclasses import replace

import numpy as np
import psycopg
from psycopg import sql

from include.errors import DeliveryError
from include.landing.bulk import BULK_ROWS, indexes_built_at_the_end, made_ahead
from include.landing.chunk import WHOLE_ROWS
from include.landing.compare import Comparison
from include.landing.copy_rows import HEADER, TRAILER
from include.landing.decode import RawRow, SourceFile
from include.landing.decode import raw_rows as delivered_rows
from include.landing.further import FurtherBatches
from include.landing.passes import ApartError, Refused, Seen, TableFiles, new_seen, run_pass
from include.landing.personal import VaultFile
from include.landing.prepare import Dating, Prepared, raw_columns, raw_rows
from include.landing.reasons import masked
from include.landing.settle import Settlement, looks_back
from include.landing.versions import RawTable
from include.warehouse.ledger import (
    ZERO,
    Batch,
    LandedBatch,
    LoadFile,
    QuarantinedRow,
    Share,
    record_batch,
    record_files,
    record_quarantine,
)

log = logging.getLogger(__name__)
NUL_SIGN = "\u2400"  # PostgreSQL's text cannot hold the character itself


class TableLoad:
    """One table of one delivery: ``send_rows`` puts its rows into the transaction, ``record`` everything else."""

    def __init__(
        self, connection: psycopg.Connection, batch: Batch, files: TableFiles, landed: list[LandedBatch]
    ) -> None:
        self.connection = connection
        self.batch = batch
        self.files = files
        self.landed = landed
        self.contract = files.contract
        self.table = RawTable(connection, files.contract)
        self.seen: Seen = new_seen(files)
        # by dates only: a history's rows have dates of their own, and looking once too often does no harm
        first, last = batch.from_date or batch.version.business_date, batch.version.business_date
        self._has_earlier = any((other.from_date or other.version.business_date) <= last for other in landed)
        self._has_later = any(other.version.business_date >= first for other in landed)
        self._looks_back = looks_back(batch, files.contract)
        self._comparison = Comparison(self.table, batch, landed) if self._looks_back and self._has_earlier else None

    def send_rows(self) -> None:
        """Check and send the rows. Raises DeliveryError when the table cannot be landed."""
        apart: np.ndarray | None = None
        while True:
            try:
                with self.connection.transaction():
                    self._send(apart)
                return
            except ApartError as error:
                log.info("%s: %s; reading it once more", self.contract.table, error)
                apart = error.hashes

    def record(self) -> tuple[list[Batch], int]:
        """Write ledger, supersessions, further batches and quarantine.

        Returns the further batches and the number of supersessions.
        """
        self.batch = replace(self.batch, warnings=tuple(self.seen.drift.warnings))
        record_batch(self.connection, self.batch)
        record_files(self.connection, self.batch.batch_id, self._load_files())
        record_quarantine(self.connection, self.batch, self._quarantined())
        superseded = self.table.supersede(self.batch.batch_id, has_earlier=self._has_earlier, has_later=self._has_later)
        settlement = Settlement(
            self.table,
            self.batch,
            self.landed,
            FurtherBatches(self.table, self.batch, self.landed),
            unreadable_rows=self.seen.without_key,
        )
        has_missing = self._comparison is not None and self._comparison.missing("landing_missing") > 0
        if has_missing:
            self._refuse_unreadable_correction()
            settlement.settle_missing("landing_missing")
        if not (settlement.has_carried_above or settlement.has_later_operations):
            return settlement.further.written, superseded + settlement.superseded
        touched = [
            sql.SQL("select {unit} from {rows} where _batch_id = {batch}").format(
                unit=self.table.unit, rows=self.table.rows, batch=sql.Literal(self.batch.batch_id)
            )
        ]
        if settlement.has_carried_above:
            stated = touched[0]
            if self._comparison is not None:
                stated = sql.SQL("select {unit} from landing_row").format(unit=self.table.unit)
            self.table.replace_temporary("landing_stated_by_cause", stated)
            settlement.settle_own("landing_stated_by_cause")
            touched.append(sql.SQL("select {unit} from landing_overruled").format(unit=self.table.unit))
        if has_missing:
            touched.append(sql.SQL("select {unit} from landing_missing").format(unit=self.table.unit))
        if settlement.has_later_operations:
            self.table.replace_temporary("landing_touched", sql.SQL(" union ").join(touched))
            settlement.settle_later("landing_touched")
        return settlement.further.written, superseded + settlement.superseded

    def _refuse_unreadable_correction(self) -> None:
        """A correction withdraws what it does not repeat, so every one of its keys has to be readable."""
        if self.contract.delivery == "full" or self.seen.without_key == 0:
            return
        raise DeliveryError(
            f"{self.files.files[0].path.parent}: the correction of {self.contract.table} holds {self.seen.without_key} "
            f"rows whose key ({', '.join(self.contract.unit_or_key)}) cannot be read, and would withdraw rows that it "
            "does not repeat: nobody knows whether these are the same. Nothing of the delivery was loaded",
            next_command=f"cat {self.files.files[0].path.parent / 'manifest.json'}",
        )

    def _send(self, apart: np.ndarray | None) -> None:
        self.seen = new_seen(self.files)
        balance = self.batch.balance
        for share in (balance.incoming, balance.loaded, balance.unchanged, balance.quarantined, balance.duplicate):
            share.rows, share.total = 0, ZERO
        is_bulk = self.files.rows > BULK_ROWS
        if self._comparison is None:
            with indexes_built_at_the_end(self.table) if is_bulk and not self.landed else nullcontext():
                self._copy(self._counted(self._chunks(self.seen, apart)), None)
        else:
            self._send_changed(self._comparison, apart)
        balance.incoming.add(int(self.seen.rows.sum()), sum(self.seen.totals, start=ZERO))
        balance.quarantined.add(len(self.seen.refused), self.seen.refused_total)

    def _chunks(self, seen: Seen, apart: np.ndarray | None, only: np.ndarray | None = None) -> Iterator[Prepared]:
        chunks = run_pass(self.files, seen, apart, only=only)
        return made_ahead(chunks) if self.files.rows > WHOLE_ROWS else chunks

    def _send_changed(self, comparison: Comparison, apart: np.ndarray | None) -> None:
        comparison.open()
        good = Share()
        chunks: Iterable[Prepared] = self._counted(self._chunks(self.seen, apart), good)
        if self.files.rows <= WHOLE_ROWS:
            chunks = list(chunks)
        comparison.send(chunks)
        changed = comparison.changed_lines()
        if self.files.rows > WHOLE_ROWS:  # the rows were not kept: read those that changed once more
            chunks = self._chunks(new_seen(self.files), apart, only=changed)
        self._copy(chunks, changed)
        balance = self.batch.balance
        balance.unchanged.add(good.rows - balance.loaded.rows, good.total - balance.loaded.total)

    def _counted(self, chunks: Iterable[Prepared], good: Share | None = None) -> Iterator[Prepared]:
        for prepared in chunks:
            if prepared.is_duplicate.any():
                self.batch.balance.duplicate.add(
                    int(prepared.is_duplicate.sum()), prepared.checked.control_sum(prepared.is_duplicate)
                )
            if good is not None:
                good.add(int(prepared.is_loadable.sum()), prepared.checked.control_sum(prepared.is_loadable))
            yield prepared

    def _copy(self, chunks: Iterable[Prepared], changed: np.ndarray | None) -> None:
        """Send the loadable rows, of which ``changed`` holds the line numbers unless all are new."""
        dating = Dating(self.batch.version.business_date, self.batch.version.known_date, self.batch.from_date)
        with closing(VaultFile()) as vault:
            with self._sender() as sender:
                for prepared in chunks:
                    rows = prepared.is_loadable
                    if changed is not None:
                        rows = rows & np.isin(prepared.line_no, changed, assume_unique=True)
                    if rows.any():
                        self.batch.balance.loaded.add(int(rows.sum()), prepared.checked.control_sum(rows))
                        sender.send(raw_rows(prepared, rows, self.batch.batch_id, dating))
                        if self.files.guard is not None and self.contract.holds_personal_data:
                            vault.add(prepared.guarded.vault_rows(np.flatnonzero(rows), self.files.guard.seals))
            vault.send(self.connection)

    @contextmanager
    def _sender(self) -> Iterator["_Sender"]:
        names = sql.SQL(", ").join(map(sql.Identifier, raw_columns(self.contract)))
        statement = sql.SQL("copy {} ({}) from stdin (format binary)").format(self.table.rows, names)
        with (
            self.connection.cursor() as cursor,
            cursor.copy(statement) as copy,
            ThreadPoolExecutor(max_workers=1, thread_name_prefix="postloan-copy") as executor,
        ):
            sender = _Sender(copy, executor)
            sender.send(memoryview(HEADER))
            yield sender
            sender.send(memoryview(TRAILER))
            sender.wait()

    def _load_files(self) -> list[LoadFile]:
        return [
            LoadFile(
                file.name,
                stated.sha256,
                file.path.stat().st_size,
                file.encoding,
                stated.row_count,
                self.seen.totals[number],
                file.first_line_no,
            )
            for number, (file, stated) in enumerate(zip(self.files.files, self.files.stated, strict=True))
        ]

    def _quarantined(self) -> list[QuarantinedRow]:
        refused = sorted(self.seen.refused, key=lambda row: row.line_no)
        rows = []
        for file, stated in zip(self.files.files, self.files.stated, strict=True):
            here = [row for row in refused if 0 <= row.line_no - file.first_line_no < stated.row_count]
            if here:
                texts = delivered_rows(file, [row.line_no for row in here])
                rows += [self._kept(_quarantined_row(row, texts[row.line_no], file)) for row in here]
        return rows

    def _kept(self, row: QuarantinedRow) -> QuarantinedRow:
        """The row without its text when it is about somebody who was forgotten."""
        guard = self.files.guard
        if guard is None or not guard.has_erased(self.contract.subject_column, row.subject_id):
            return row
        return replace(row, raw_text=None)


class _Sender:
    """Sends one block while the next one is being made: the server and this process each have a core."""

    def __init__(self, copy: psycopg.Copy, executor: ThreadPoolExecutor) -> None:
        self._copy = copy
        self._executor = executor
        self._last: Future[None] | None = None

    def send(self, block: memoryview) -> None:
        self.wait()
        self._last = self._executor.submit(self._copy.write, block)

    def wait(self) -> None:
        if self._last is not None:
            self._last.result()
            self._last = None


def _quarantined_row(refused: Refused, delivered: RawRow, file: SourceFile) -> QuarantinedRow:
    text = delivered.text.replace("\x00", NUL_SIGN)
    return QuarantinedRow(
        line_no=refused.line_no,
        file_name=file.name,
        file_line_no=delivered.file_line_no,
        reason_code=refused.problem.code,
        reason_text=refused.problem.text,
        column_name=refused.problem.column,
        subject_id=refused.subject_id,
        unit_text=refused.unit_text,
        masked_text=masked(text),
        raw_text=text,
        cells={name: value and value.replace("\x00", NUL_SIGN) for name, value in refused.cells.items()},
    )
