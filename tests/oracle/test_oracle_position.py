"""The second opinion itself, held against situations worked out by hand."""

from datetime import date
from decimal import Decimal
from pathlib import Path

import pandas as pd
import pytest

from include.landing.delivery_writer import write_delivery
from tests.oracle.landing_text import in_effect, read_landing
from tests.oracle.position import Oracle, Position, bucket

TOLERANCE = {"CNY": Decimal("1.00")}
JANUARY = date(2026, 1, 1)


def a_contract(**changes: str | None) -> dict[str, str | None]:
    return {
        "loan_id": "L1",
        "borrower_id": "B1",
        "product_code": "P",
        "channel_code": "C",
        "branch_code": None,
        "currency": "CNY",
        "timezone": "Asia/Shanghai",
        "principal_amount": "300.00",
        "annual_interest_rate": "0.12",
        "instalment_count": "3",
        "repayment_method": "OTHER",
        "disbursement_date": "2026-01-01",
        "contract_status": "ACTIVE",
        "status_date": None,
        **changes,
    }


def an_instalment(number: int, due_date: str, **changes: str | None) -> dict[str, str | None]:
    """100.00 principal and 10.00 interest."""
    return {
        "loan_id": "L1",
        "schedule_version": "1",
        "schedule_effective_date": "2026-01-01",
        "version_reason_code": "ORIGINAL",
        "instalment_number": str(number),
        "due_date": due_date,
        "principal_due_amount": "100.00",
        "interest_due_amount": "10.00",
        "fee_due_amount": "0.00",
        "penalty_due_amount": "0.00",
        "is_derived": "false",
        **changes,
    }


def a_payment(number: int, value_date: str, amount: str, **changes: str | None) -> dict[str, str | None]:
    return {
        "transaction_id": f"T{number}",
        "loan_id": "L1",
        "value_date": value_date,
        "booking_date": value_date,
        "currency": "CNY",
        "amount": amount,
        "transaction_type": "REPAYMENT" if not amount.startswith("-") else "REVERSAL",
        "reversal_of_transaction_id": None if not amount.startswith("-") else "T1",
        "method_code": None,
        "is_derived": "false",
        **changes,
    }


THREE_INSTALMENTS = [
    an_instalment(1, "2026-02-01"),
    an_instalment(2, "2026-03-01"),
    an_instalment(3, "2026-04-01"),
]


def position_on(
    landing: Path,
    today: str,
    *,
    contract: dict[str, str | None] | None = None,
    schedule: list[dict[str, str | None]] = THREE_INSTALMENTS,
    payments: tuple[dict[str, str | None], ...] = (),
) -> Position:
    """Everything is delivered on the first of January 2026, so only value dates and due dates matter."""
    core = {"loan_contract": pd.DataFrame([contract or a_contract()]), "repayment_schedule": pd.DataFrame(schedule)}
    columns = list(a_payment(0, "2026-01-01", "1.00"))
    write_delivery(landing, "core_banking", JANUARY, core)
    write_delivery(
        landing, "payments", JANUARY, {"repayment_transaction": pd.DataFrame(list(payments), columns=columns)}
    )
    return Oracle(landing, TOLERANCE).positions(date.fromisoformat(today))["L1"]


@pytest.mark.parametrize(
    ("today", "payments", "days", "past_due", "outstanding"),
    [
        pytest.param("2026-02-01", (), 0, "0.00", "300.00", id="the due day itself is not past due"),
        pytest.param("2026-02-02", (), 1, "110.00", "300.00", id="the day after is the first day past due"),
        pytest.param("2026-03-02", (), 29, "220.00", "300.00", id="the oldest instalment counts, all of them are owed"),
        pytest.param("2026-02-02", ("109.00",), 0, "0.00", "201.00", id="what is inside the tolerance is forgiven"),
        pytest.param("2026-02-02", ("108.99",), 1, "1.01", "201.01", id="a cent more than the tolerance is not"),
        pytest.param("2026-02-02", ("4.00",), 1, "106.00", "300.00", id="interest is covered before principal"),
        pytest.param("2026-02-02", ("50.00",), 1, "60.00", "260.00", id="then principal"),
        pytest.param("2026-03-15", ("110.00",), 14, "110.00", "200.00", id="a full instalment moves the oldest on"),
        pytest.param("2026-04-02", ("330.00",), 0, "0.00", "0.00", id="all paid"),
        pytest.param("2026-04-02", ("400.00",), 0, "0.00", "0.00", id="overpaid is not below zero"),
    ],
)
def test_days_past_due_and_balances_follow_oldest_instalment_first(
    tmp_path, today, payments, days, past_due, outstanding
):
    paid = tuple(a_payment(number, "2026-01-20", amount) for number, amount in enumerate(payments))
    found = position_on(tmp_path, today, payments=paid)
    assert found.days_past_due == days
    assert found.past_due_amount == Decimal(past_due)
    assert found.principal_outstanding_amount == Decimal(outstanding)


def test_a_payment_counts_from_its_value_date_and_its_reversal_from_its_own(tmp_path):
    payments = (a_payment(1, "2026-02-05", "110.00"), a_payment(2, "2026-02-20", "-110.00"))
    days = {
        today: position_on(tmp_path, today, payments=payments).days_past_due
        for today in ("2026-02-04", "2026-02-05", "2026-02-19", "2026-02-20")
    }
    assert days == {"2026-02-04": 3, "2026-02-05": 0, "2026-02-19": 0, "2026-02-20": 19}


def test_a_restructure_resets_days_past_due_but_not_by_the_original_schedule(tmp_path):
    second = {"schedule_version": "2", "schedule_effective_date": "2026-03-10", "version_reason_code": "RESTRUCTURE"}
    schedule = [*THREE_INSTALMENTS, an_instalment(1, "2026-05-01", **second), an_instalment(2, "2026-06-01", **second)]
    payments = (a_payment(1, "2026-02-01", "50.00"), a_payment(2, "2026-05-01", "110.00"))
    before = position_on(tmp_path, "2026-03-09", schedule=schedule, payments=payments)
    after = position_on(tmp_path, "2026-03-10", schedule=schedule, payments=payments)
    later = position_on(tmp_path, "2026-05-02", schedule=schedule, payments=payments)
    assert (before.days_past_due, before.days_past_due_original_schedule) == (36, 36)
    assert (after.days_past_due, after.days_past_due_original_schedule) == (0, 37)
    assert after.principal_outstanding_amount == Decimal("200.00"), "what was paid before does not count again"
    assert after.paid_to_date_amount == Decimal("50.00")
    assert (after.due_to_date_amount, later.due_to_date_amount) == (Decimal("0.00"), Decimal("110.00"))
    # 160.00 in all: by the original plan the first instalment is covered, the second of March 1st is not
    assert (later.days_past_due, later.days_past_due_original_schedule) == (0, 62)


def test_paid_off_is_the_day_since_which_everything_is_covered(tmp_path):
    payments = (
        a_payment(1, "2026-02-01", "330.00"),
        a_payment(2, "2026-02-10", "-330.00"),
        a_payment(3, "2026-03-05", "329.50"),
        a_payment(4, "2026-03-09", "0.50"),
    )
    dates = {
        today: position_on(tmp_path, today, payments=payments).paid_off_date
        for today in ("2026-01-31", "2026-02-09", "2026-02-10", "2026-03-31")
    }
    assert dates == {
        "2026-01-31": None,
        "2026-02-09": date(2026, 2, 1),
        "2026-02-10": None,
        "2026-03-31": date(2026, 3, 5),
    }


@pytest.mark.parametrize(
    ("status", "days", "is_live"),
    [
        ("ACTIVE", 10, True),
        ("SOLD", 10, False),
        ("CHARGED_OFF", 10, False),
        ("CLOSED", 0, False),
        ("CANCELLED", 0, False),
    ],
)
def test_a_closed_or_cancelled_loan_is_never_past_due_and_a_sold_one_keeps_its_days(tmp_path, status, days, is_live):
    contract = a_contract(contract_status=status, status_date=None if status == "ACTIVE" else "2026-01-01")
    found = position_on(tmp_path, "2026-02-11", contract=contract)
    assert (found.days_past_due, found.is_live) == (days, is_live)


@pytest.mark.parametrize(
    ("days", "name"),
    [
        *[(0, "CURRENT"), (1, "M1"), (30, "M1"), (31, "M2"), (60, "M2"), (61, "M3"), (90, "M3"), (91, "M4")],
        *[(120, "M4"), (121, "M5"), (150, "M5"), (151, "M6"), (180, "M6"), (181, "M7"), (999, "M7")],
    ],
)
def test_the_edges_of_the_buckets(days, name):
    assert bucket(days) == name


def deliver_payments(landing: Path, day: str, *rows: dict[str, str | None], **kind) -> None:
    columns = list(a_payment(0, "2026-01-01", "1.00"))
    frame = pd.DataFrame(list(rows), columns=columns)
    write_delivery(landing, "payments", date.fromisoformat(day), {"repayment_transaction": frame}, **kind)


def paid_in_effect(landing: Path, business_date: str, known_date: str) -> dict[str, str | None]:
    days = (date.fromisoformat(business_date), date.fromisoformat(known_date))
    found = in_effect(read_landing(landing), "repayment_transaction", *days)
    return {key: rows[0]["amount"] for (key,), rows in sorted(found.items())}


def test_a_correction_counts_from_the_day_it_is_known_and_takes_away_what_it_leaves_out(tmp_path):
    deliver_payments(tmp_path, "2026-01-05", a_payment(1, "2026-01-05", "5.00"))
    deliver_payments(tmp_path, "2026-01-06", a_payment(1, "2026-01-05", "6.00"), a_payment(2, "2026-01-06", "2.00"))
    correction = {"kind": "correction", "known_date": date(2026, 1, 8)}
    deliver_payments(tmp_path, "2026-01-06", a_payment(3, "2026-01-06", "3.00"), **correction)
    assert paid_in_effect(tmp_path, "2026-01-06", "2026-01-07") == {"T1": "6.00", "T2": "2.00"}
    assert paid_in_effect(tmp_path, "2026-01-06", "2026-01-08") == {"T1": "5.00", "T3": "3.00"}
    assert paid_in_effect(tmp_path, "2026-01-05", "2026-01-08") == {"T1": "5.00"}


def test_a_correction_of_single_keys_leaves_the_others_alone(tmp_path):
    deliver_payments(tmp_path, "2026-01-06", a_payment(1, "2026-01-05", "6.00"), a_payment(2, "2026-01-06", "2.00"))
    correction = {"kind": "correction", "known_date": date(2026, 1, 8), "replaces": "keys"}
    deliver_payments(tmp_path, "2026-01-06", a_payment(2, "2026-01-06", "3.00"), **correction)
    assert paid_in_effect(tmp_path, "2026-01-08", "2026-01-08") == {"T1": "6.00", "T2": "3.00"}


def test_a_row_of_a_history_counts_from_its_own_date(tmp_path):
    rows = (a_payment(1, "2026-01-02", "5.00"), a_payment(2, "2025-11-30", "1.00"))
    deliver_payments(tmp_path, "2026-01-05", *rows, kind="history", from_date=date(2026, 1, 1))
    assert paid_in_effect(tmp_path, "2026-01-01", "2026-01-01") == {"T2": "1.00"}
    assert paid_in_effect(tmp_path, "2026-01-02", "2026-01-02") == {"T1": "5.00", "T2": "1.00"}


def test_a_bad_row_is_refused_alone_and_a_bad_instalment_with_its_whole_version(tmp_path):
    deliver_payments(tmp_path, "2026-01-05", a_payment(1, "2026-01-05", "5.005"), a_payment(2, "2026-01-05", "5.00"))
    schedule = [an_instalment(1, "2026-02-01"), an_instalment(2, "2026-02-30")]
    core = {"loan_contract": pd.DataFrame([a_contract()]), "repayment_schedule": pd.DataFrame(schedule)}
    write_delivery(tmp_path, "core_banking", date(2026, 1, 5), core)
    reasons = sorted(reason for each in read_landing(tmp_path) for reason, _ in each.refused)
    assert reasons == ["a row of the same unit was refused", "amount is not valid", "due_date is not valid"]
    assert paid_in_effect(tmp_path, "2026-01-05", "2026-01-05") == {"T2": "5.00"}
    assert Oracle(tmp_path, TOLERANCE).positions(date(2026, 1, 5))["L1"].exclusion_reason_code == "NO_SCHEDULE"


@pytest.mark.parametrize("file_format", ["csv", "jsonl", "parquet"])
@pytest.mark.parametrize("compress", [False, True])
def test_every_file_format_reads_as_the_same_rows(tmp_path, file_format, compress):
    row = a_payment(1, "2026-01-05", "5.00", loan_id="007", method_code='转账,"x"')
    options = {"file_format": file_format, "compress": compress, "encoding": "gb18030"}
    deliver_payments(tmp_path, "2026-01-05", row, **options)
    found = in_effect(read_landing(tmp_path), "repayment_transaction", date(2026, 1, 5), date(2026, 1, 5))
    assert found == {("T1",): (row,)}


def test_a_file_that_its_manifest_contradicts_is_not_read(tmp_path):
    deliver_payments(tmp_path, "2026-01-05", a_payment(1, "2026-01-05", "5.00"))
    path = tmp_path / "payments" / "2026-01-05" / "repayment_transaction.csv"
    path.write_text(path.read_text().replace("5.00", "6.00"))
    with pytest.raises(AssertionError, match="not the file of the manifest"):
        read_landing(tmp_path)
