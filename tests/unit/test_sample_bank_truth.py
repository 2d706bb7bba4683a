"""The answer key against a second, slower opinion: one loan at a time, from the text of the deliveries."""

import csv
from collections import defaultdict
from datetime import date, timedelta
from decimal import Decimal

import pandas as pd
import pytest

from include.sample_bank.bank import SampleBank, generate
from include.sample_bank.behaviours import STRESSED

HISTORY_TO, DAYS = date(2025, 12, 20), 25
TOLERANCE = Decimal("1.00")


@pytest.fixture(scope="module")
def delivered(tmp_path_factory):
    """A history and 25 days on disk, with the answer key."""
    folder = tmp_path_factory.mktemp("bank")
    bank = SampleBank(3, 500, HISTORY_TO - timedelta(days=500), window_days=560, mix=STRESSED)
    bank.write_history(folder / "landing", HISTORY_TO)
    dates = [HISTORY_TO + timedelta(days=number) for number in range(DAYS + 1)]
    for day in dates[1:]:
        bank.write_day(folder / "landing", day)
    bank.write_truth(folder / "truth", dates)
    return folder


def texts(folder, name):
    """Every row of one table in the order of delivery, with the day on which it is known."""
    for path in sorted(folder.glob(f"landing/*/*/{name}.csv")) + sorted(folder.glob(f"landing/*/*/history/{name}.csv")):
        day = path.parent.parent.name if path.parent.name == "history" else path.parent.name
        with path.open(encoding="utf-8") as file:
            for row in csv.DictReader(file):
                yield date.fromisoformat(day), row


def owed(units, payments, today):
    """Days past due, past due amount and principal outstanding of one loan, counted instalment by instalment."""
    version = max(
        number for number, (effective_on, _, known_on) in units.items() if max(effective_on, known_on) <= today
    )
    effective_on, rows, _ = units[version]
    purse = Decimal(0)
    for known_on, value_on, amount in payments:
        if known_on <= today and value_on <= today and (version == 1 or value_on >= effective_on):
            purse += amount
    oldest, past_due, principal_left, is_owed = None, Decimal(0), Decimal(0), False
    for due_on, principal, other in rows:
        paid = min(purse, principal + other)
        purse -= paid
        missing = principal + other - paid
        principal_left += min(missing, principal)
        is_owed = is_owed or missing > TOLERANCE
        if due_on < today:
            past_due += missing
            if missing > TOLERANCE and oldest is None:
                oldest = due_on
    if oldest is None:
        return 0, Decimal(0), principal_left if is_owed else Decimal(0)
    return (today - oldest).days, past_due, principal_left


@pytest.mark.parametrize("offset", [0, 7, 11, 12, 25])
def test_the_answer_key_agrees_with_a_count_by_hand_from_the_delivered_text(delivered, offset):
    today = HISTORY_TO + timedelta(days=offset)
    units = defaultdict(dict)
    for known_on, row in texts(delivered, "repayment_schedule"):
        version = int(row["schedule_version"])
        effective_on = date.fromisoformat(row["schedule_effective_date"])
        other = sum(Decimal(row[f"{part}_due_amount"]) for part in ("interest", "fee", "penalty"))
        if int(row["instalment_number"]) == 1 and known_on <= today:
            units[row["loan_id"]][version] = (effective_on, [], min(known_on, effective_on))
        if known_on <= today:
            due = (date.fromisoformat(row["due_date"]), Decimal(row["principal_due_amount"]), other)
            units[row["loan_id"]][version][1].append(due)
    payments = defaultdict(list)
    for known_on, row in texts(delivered, "repayment_transaction"):
        known_on = min(known_on, date.fromisoformat(row["booking_date"]))  # noqa: PLW2901 the history says when it booked
        payments[row["loan_id"]].append((known_on, date.fromisoformat(row["value_date"]), Decimal(row["amount"])))
    key = pd.read_parquet(delivered / "truth" / "positions.parquet")
    key = key[key["as_of_date"] == today]
    assert len(key) == len(units) > 400
    for row in key.itertuples():
        expected = (row.days_past_due, row.past_due_amount, row.principal_outstanding_amount)
        assert owed(units[row.loan_id], payments[row.loan_id], today) == expected, row.loan_id
    assert (key["days_past_due"] > 0).sum() > 30


def test_the_answer_key_names_each_loan_once_and_stays_out_of_the_landing(delivered):
    loans = pd.read_parquet(delivered / "truth" / "loans.parquet")
    assert loans["loan_id"].is_unique and len(loans) == 500
    assert set(loans["behaviour"]) == set(STRESSED.behaviours)
    assert not list((delivered / "landing").rglob("*.parquet"))


def test_a_demo_bank_has_the_loans_asked_for_and_new_ones_every_few_days(tmp_path):
    dates = generate(tmp_path / "landing", 2_000, date(2026, 1, 4), 3, seed=1)
    assert dates == [date(2026, 1, 5), date(2026, 1, 6), date(2026, 1, 7)]
    loans = pd.read_csv(tmp_path / "landing" / "core_banking" / "2026-01-07" / "loan_contract.csv", dtype=str)
    assert 1_900 < len(loans) < 2_100
    assert {path.parent.name for path in (tmp_path / "landing" / "payments").rglob("manifest.json")} == {
        "history",
        *map(str, dates),
    }
    assert (tmp_path / "truth" / "positions.parquet").exists()
