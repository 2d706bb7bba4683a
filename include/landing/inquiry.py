"""Bureau pulls need a lawful ground: consent, purpose, and a credit relation that was live on the day of the pull.

Consent and purpose stand in the row, so a rule of the contract judges them. Whether a relation was live is judged here,
by the loan contracts as they were known on the delivery's known date. Such a delivery waits for the core system's own
delivery of that date (``after`` in its ``system.yml``), so that whatever comes first, the judgement is the same. What
was refused is refused with everything that came of the same pull.
"""

import io
import json
from datetime import date
from typing import Protocol

import numpy as np
import psycopg
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pa_csv
from psycopg import sql

from include.landing.check import Checked
from include.landing.contract import Contract, contracts_of
from include.landing.versions import RawTable, end_of
from include.policy import load_policy_rows

UNLAWFUL = "unlawful_inquiry"
CORE, LOANS = "core_banking", "loan_contract"
EPOCH = date(1970, 1, 1)
FOREVER = 2**31 - 1


class Judge(Protocol):
    """Refuses rows of a chunk for what stands outside of it."""

    def __call__(self, checked: Checked) -> None: ...


def judges_of(connection: psycopg.Connection, contract: Contract, known_date: date) -> tuple[Judge, ...]:
    """What rows of this contract are judged by beside their own content; nothing for most."""
    if contract.inquiry is None:
        return ()
    judges: list[Judge] = [_LiveRelation(connection, contract, known_date)]
    if contract.inquiry.report_table is not None:
        judges.insert(0, _LawfulReport(connection, contract))
    return tuple(judges)


class _LiveRelation:
    """Refuses a pull on a day on which the borrower had no live loan: before the first, or after the last had ended."""

    def __init__(self, connection: psycopg.Connection, contract: Contract, known_date: date) -> None:
        assert contract.inquiry is not None
        self._date_column = contract.inquiry.date_column
        self._borrowers, self._starts, self._from, self._until = _relations(connection, known_date)

    def __call__(self, checked: Checked) -> None:
        stated = checked.values[self._date_column].cast(pa.int32()).fill_null(-FOREVER).to_numpy(zero_copy_only=False)
        borrower = pc.index_in(checked.chunk.columns["borrower_id"], value_set=self._borrowers)
        number = borrower.fill_null(-1).to_numpy(zero_copy_only=False).astype(np.int64)
        is_live = np.zeros(len(number), bool)
        known = np.flatnonzero(number >= 0)
        position, end = self._starts[number[known]], self._starts[number[known] + 1]
        while len(known):  # one loan of each borrower a turn
            has_loan = position < end
            known, position, end = known[has_loan], position[has_loan], end[has_loan]
            day = stated[known]
            is_live[known] |= (self._from[position] <= day) & (day <= self._until[position])
            position = position + 1
        checked.refuse(~is_live, UNLAWFUL, self._date_column, "no live credit relation on that day")


class _LawfulReport:
    """Refuses what belongs to a pull that was refused for want of a lawful ground and not released since."""

    def __init__(self, connection: psycopg.Connection, contract: Contract) -> None:
        inquiry = contract.inquiry
        assert inquiry is not None
        self._pull_column = inquiry.pull_column
        rows = connection.execute(
            "select distinct unit_text from quarantine.row_state where system = %s and table_name = %s "
            "and reason_code = %s and state <> 'RELEASED' and unit_text is not null order by unit_text",
            (contract.system, inquiry.report_table, UNLAWFUL),
        ).fetchall()
        self._refused = pa.array([pull for (pull,) in rows], pa.string())

    def __call__(self, checked: Checked) -> None:
        of_refused = pc.is_in(checked.chunk.columns[self._pull_column], value_set=self._refused)
        checked.refuse(
            of_refused.to_numpy(zero_copy_only=False), UNLAWFUL, self._pull_column, "the report of this pull"
        )


def _relations(connection: psycopg.Connection, known_date: date) -> tuple[pa.Array, np.ndarray, np.ndarray, np.ndarray]:
    """Borrowers; where the loans of each begin; the first and last day of each loan's relation, as days since 1970."""
    table = RawTable(connection, contracts_of(CORE)[LOANS])
    query = sql.SQL(
        "copy (select borrower_id, disbursement_date - {epoch}::date, "
        "case when contract_status = any({lasting}) then {forever} else status_date - {epoch}::date end "
        'from ({loans}) as loan order by borrower_id collate "C", loan_id collate "C") to stdout (format csv)'
    ).format(
        epoch=sql.Literal(EPOCH.isoformat()),
        lasting=sql.Literal(_lasting_statuses(known_date)),
        forever=sql.Literal(FOREVER),
        loans=table.in_effect(end_of(known_date, known_date), known_date),
    )
    with connection.cursor() as cursor, cursor.copy(query) as copy:
        text = b"".join(bytes(block) for block in copy)
    names = ["borrower_id", "from", "until"]
    types = {"borrower_id": pa.string(), "from": pa.int32(), "until": pa.int32()}
    if not text:
        return pa.array([], pa.string()), np.zeros(1, np.int64), np.zeros(0, np.int32), np.zeros(0, np.int32)
    loans = pa_csv.read_csv(
        io.BytesIO(text),
        read_options=pa_csv.ReadOptions(column_names=names),
        convert_options=pa_csv.ConvertOptions(column_types=types, strings_can_be_null=False),
    )
    encoded = loans.column("borrower_id").combine_chunks().dictionary_encode()
    counts = np.bincount(encoded.indices.to_numpy(), minlength=len(encoded.dictionary))
    starts = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
    return encoded.dictionary, starts, loans.column("from").to_numpy(), loans.column("until").to_numpy()


def _lasting_statuses(day: date) -> list[str]:
    """Contract statuses that keep the relation alive, by the policy of the day."""
    rows = [row for row in load_policy_rows() if row.policy == "live_relation" and row.is_valid_on(day)]
    stated = [json.loads(row.content) for row in rows]
    return sorted(row["contract_status"] for row in stated if row["keeps_relation"] == "true")
