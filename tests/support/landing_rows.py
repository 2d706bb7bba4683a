"""Rows that a contract accepts, a contract of our own, and what a run would see of what was landed."""

from collections.abc import Iterable, Sequence
from datetime import date
from pathlib import Path

import pandas as pd
import psycopg
from psycopg import sql

from include.landing.contract import Contract
from include.landing.raw_tables import raw_table_ddl
from include.settings import Settings
from include.warehouse.connection import connect

LOAN = {
    "loan_id": "L1",
    "borrower_id": "B1",
    "product_code": "CASH",
    "channel_code": "APP",
    "branch_code": "010",
    "currency": "CNY",
    "timezone": "Asia/Shanghai",
    "principal_amount": "1200.00",
    "annual_interest_rate": "0.180000",
    "instalment_count": "12",
    "repayment_method": "EQUAL_INSTALMENT",
    "disbursement_date": "2026-01-01",
    "contract_status": "ACTIVE",
    "status_date": None,
}
INSTALMENT = {
    "loan_id": "L1",
    "schedule_version": "1",
    "schedule_effective_date": "2026-01-01",
    "version_reason_code": "ORIGINAL",
    "instalment_number": "1",
    "due_date": "2026-02-01",
    "principal_due_amount": "100.00",
    "interest_due_amount": "5.00",
    "fee_due_amount": "0.00",
    "penalty_due_amount": "0.00",
    "is_derived": "false",
}
PAYMENT = {
    "transaction_id": "T1",
    "loan_id": "L1",
    "value_date": "2026-01-05",
    "booking_date": "2026-01-05",
    "currency": "CNY",
    "amount": "100.00",
    "transaction_type": "REPAYMENT",
    "reversal_of_transaction_id": None,
    "method_code": "BANK",
    "is_derived": "false",
}


def loan(loan_id: str, **values: str | None) -> dict[str, str | None]:
    return {**LOAN, "loan_id": loan_id, **values}


def instalment(loan_id: str, number: int, **values: str | None) -> dict[str, str | None]:
    return {**INSTALMENT, "loan_id": loan_id, "instalment_number": str(number), **values}


def payment(transaction_id: str, **values: str | None) -> dict[str, str | None]:
    return {**PAYMENT, "transaction_id": transaction_id, **values}


def frame(rows: Sequence[dict[str, str | None]], like: dict[str, str | None]) -> pd.DataFrame:
    """The rows as a delivery's frame; without rows, the header only."""
    return pd.DataFrame(list(rows), columns=list(like), dtype=object)


def loans(*rows: dict[str, str | None]) -> pd.DataFrame:
    return frame(rows, LOAN)


def instalments(*rows: dict[str, str | None]) -> pd.DataFrame:
    return frame(rows, INSTALMENT)


def payments(*rows: dict[str, str | None]) -> pd.DataFrame:
    return frame(rows, PAYMENT)


def query(settings: Settings, statement: str, *parameters: object) -> list[tuple[object, ...]]:
    """The rows of a statement, asked by the owner of all tables."""
    with connect(settings, role="postloan_owner") as connection:
        return connection.execute(statement.encode(), parameters or None).fetchall()


def seen_by_a_run(
    connection: psycopg.Connection, contract: Contract, business_date: date, known_date: date, columns: Iterable[str]
) -> list[tuple[object, ...]]:
    """These columns of the rows in effect for a run, by the words of the design and nothing of the landing's own SQL.

    A row counts when its batch is pinned and its own dates are not after the run's, unless a pinned batch superseded
    it on a date that is not after the run's.
    """
    statement = sql.SQL(
        """
        with pinned as (
            select batch_id from ops.load_batch
            where system = {system} and table_name = {table}
            and coalesce(from_date, business_date) <= {b} and coalesce(from_date, known_date) <= {k}
        )
        select {columns} from {rows} as r
        where r._batch_id in (select batch_id from pinned) and r._business_date <= {b} and r._known_date <= {k}
        and not exists (
            select from {superseded} as s
            where s._batch_id = r._batch_id and s._line_no = r._line_no
            and s._superseded_by_batch_id in (select batch_id from pinned) and s._superseded_date <= {b}
        )
        order by {columns}
        """
    ).format(
        system=sql.Literal(contract.system),
        table=sql.Literal(contract.table),
        b=sql.Literal(business_date),
        k=sql.Literal(known_date),
        columns=sql.SQL(", ").join(map(sql.Identifier, columns)),
        rows=sql.Identifier("raw", contract.raw_name),
        superseded=sql.Identifier("raw", f"{contract.raw_name}__superseded"),
    )
    return connection.execute(statement).fetchall()


def create_raw_tables(settings: Settings, contract: Contract) -> None:
    """The tables of a contract that only a test has."""
    with connect(settings, role="postloan_owner") as connection:
        for statement in raw_table_ddl(contract):
            connection.execute(statement.encode())
        for suffix in ("", "__superseded"):  # what the matrix grants on every raw table
            table = sql.Identifier("raw", f"{contract.raw_name}{suffix}")
            connection.execute(sql.SQL("grant select, insert on {} to postloan_loader").format(table))


def forget_everything(settings: Settings, contract: Contract, landing: Path) -> None:
    """Empty the tables of a contract, its ledger and its landing folder: the next example starts from nothing."""
    import shutil

    with connect(settings, role="postloan_owner") as connection:
        connection.execute(
            sql.SQL(
                "truncate {}, {}, ops.load_batch, ops.load_file, quarantine.rows, quarantine.event, quarantine.reveal, "
                "vault.quarantine_text, vault.quarantine_fix"
            ).format(
                sql.Identifier("raw", contract.raw_name), sql.Identifier("raw", f"{contract.raw_name}__superseded")
            )
        )
    shutil.rmtree(landing / contract.system, ignore_errors=True)
