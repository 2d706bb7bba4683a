"""The task of the daily run fetches from a real second PostgreSQL, which it knows by Airflow's connection alone."""

from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import psycopg
import pytest
import yaml

from dags.delivery_wait import LandDelivery
from include.settings import CONTRACTS_DIR, Settings
from tests.support.landing_rows import query
from tests.support.source_systems import lender

PASSWORD = "s3cret of the source"
DAY = date(2026, 1, 5)
OURS = yaml.safe_load((CONTRACTS_DIR / "payments" / "repayment_transaction.yml").read_text(encoding="utf-8"))
FILLED = {"currency": "CNY", "transaction_type": "REPAYMENT", "is_derived": "false"}
ABSENT = ("reversal_of_transaction_id", "method_code")
SOURCE = {"kind": "database", "connection": "pay_core", "ready": {"table": "batch", "column": "day"}}


def contract() -> dict[str, Any]:
    """The source knows the payment, the loan, the dates and the amount."""
    columns = [
        {"name": column["name"]}
        | ({"constant": FILLED[column["name"]]} if column["name"] in FILLED else {})
        | ({"absent": True} if column["name"] in ABSENT else {})
        for column in OURS["columns"]
    ]
    return {"columns": columns, "source": {"table": "payment", "watermark": "updated_at"}}


@pytest.fixture
def pay_core(server: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    name = "pay_core_of_a_lender"
    server.create_database(name)
    with psycopg.connect(server.facts.url("postgres", name), autocommit=True) as owner:
        owner.execute(f"create role pay_core_reader login password '{PASSWORD}'")
        owner.execute(f"grant connect on database {name} to pay_core_reader")
        owner.execute("create table batch as select '2026-01-05'::date as day")
        owner.execute(
            "create table payment as select 'T1' as transaction_id, 'L1' as loan_id, '2026-01-05'::date as value_date, "
            "'2026-01-05'::date as booking_date, 10.25 as amount, '2026-01-05 10:00+08'::timestamptz as updated_at"
        )
        owner.execute("grant select on batch, payment to pay_core_reader")
    uri = f"postgres://pay_core_reader:{PASSWORD.replace(' ', '%20')}@127.0.0.1:{server.facts.port}/{name}"
    monkeypatch.setenv("AIRFLOW_CONN_PAY_CORE", uri)
    with lender(tmp_path / "contracts", "payments", SOURCE, repayment_transaction=contract()):
        yield
    server.drop_database(name)
    with psycopg.connect(server.facts.url("postgres", "postgres"), autocommit=True) as owner:
        owner.execute("drop role pay_core_reader")


def test_the_land_task_fetches_through_airflows_connection_and_lands(
    pay_core: None, settings: Settings, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("dags.delivery_wait.load_settings", lambda: settings)
    caplog.set_level("DEBUG")
    task = LandDelivery(task_id="land", system="payments", business_date=DAY.isoformat())
    result = task.execute({})
    assert result["is_complete"]
    assert query(settings, "select rows_in, rows_loaded, control_total_in::text from ops.load_batch") == [
        (1, 1, "10.25")
    ]
    assert PASSWORD not in f"{caplog.text} {result}"
    assert task.execute({})["batches"] == (), "cleared and run again: nothing to do"
