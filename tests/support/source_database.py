"""A lender's own database: accounts, movements and how far its end of day is."""

from datetime import date
from decimal import Decimal

import psycopg

TABLES = """
    drop schema if exists core cascade;
    create schema core;
    create table core.batch_status (business_date date);
    create table core.account ("账号" text primary key, opened_date date, balance_amount numeric(18,2));
    create table core.movement (
        movement_id text primary key, booked_date date, amount numeric(18,2), note text,
        updated_at timestamptz not null
    );
    grant usage on schema core to old_core_reader;
    grant select on all tables in schema core to old_core_reader;
"""


class Source:
    """The lender's database, written to as its owner."""

    def __init__(self, url: str) -> None:
        self.connection = psycopg.connect(url, autocommit=True)

    def execute(self, statement: str, *values: object) -> None:
        self.connection.execute(statement, values or None)

    def show(self, day: date) -> None:
        """End the business date, as the lender's end-of-day batch does."""
        self.execute("truncate core.batch_status")
        self.execute("insert into core.batch_status values (%s)", day)

    def account(self, number: str, balance: str) -> None:
        self.execute(
            "insert into core.account values (%s, '2025-01-01', %s) on conflict (\"账号\") do update set "
            "balance_amount = excluded.balance_amount",
            number,
            Decimal(balance),
        )

    def movement(self, number: str, amount: str, at: str, note: str | None = None) -> None:
        self.execute(
            "insert into core.movement values (%s, (%s::timestamptz at time zone 'Asia/Shanghai')::date, %s, %s, %s) "
            "on conflict (movement_id) do update set amount = excluded.amount, note = excluded.note, "
            "updated_at = excluded.updated_at",
            number,
            at,
            Decimal(amount),
            note,
            at,
        )
