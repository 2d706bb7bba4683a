"""The borrowers' accounts: every balance follows from the one before and agrees with what the other systems say."""

from collections import Counter, defaultdict
from datetime import date, timedelta
from decimal import Decimal

import pandas as pd
import pytest

from include.sample_bank.bank import SampleBank
from include.sample_bank.behaviours import STRESSED

FIRST, HISTORY_TO, DAYS = date(2024, 9, 1), date(2025, 12, 20), 25
SYSTEMS = ("core_banking", "payments", "customer", "accounts")


@pytest.fixture(scope="module")
def bank():
    days = (HISTORY_TO - FIRST).days + 60
    return SampleBank(5, 1_500, FIRST, window_days=days, mix=STRESSED, systems=SYSTEMS, golden_on=date(2025, 11, 30))


@pytest.fixture(scope="module")
def folder(bank, tmp_path_factory):
    """A history and some days."""
    landing = tmp_path_factory.mktemp("accounts")
    bank.write_history(landing, HISTORY_TO)
    for number in range(1, DAYS + 1):
        bank.write_day(landing, HISTORY_TO + timedelta(days=number))
    return landing


def table(folder, name):
    paths = sorted(folder.glob(f"*/*/history/{name}.csv")) + sorted(folder.glob(f"*/*/{name}.csv"))
    return pd.concat([pd.read_csv(path, dtype=str, keep_default_na=False) for path in paths], ignore_index=True)


@pytest.fixture(scope="module")
def movements(folder):
    rows = table(folder, "account_transaction")
    rows["cents"] = rows["amount"].map(Decimal).where(rows["direction_code"] == "IN", -rows["amount"].map(Decimal))
    rows.loc[rows["movement_code"] == "AUTODEBIT_FAILED", "cents"] = Decimal(0)
    rows["balance"] = rows["balance_after_amount"].map(Decimal)
    rows["sequence_number"] = rows["sequence_number"].astype(int)
    return rows.sort_values(["account_number", "booking_date", "sequence_number"], ignore_index=True)


def test_every_balance_follows_from_the_one_before_and_none_is_negative(movements):
    assert (movements["balance"] >= 0).all()
    before = movements.groupby("account_number")["balance"].shift()
    follows = movements[before.notna()]
    wrong = follows[follows["balance"] != before[before.notna()] + follows["cents"]]
    assert len(follows) > 10_000 and wrong.empty, wrong.head()


def test_a_debit_fails_only_where_the_balance_is_too_small(movements):
    failed = movements[movements["movement_code"] == "AUTODEBIT_FAILED"]
    assert len(failed) > 100
    assert (failed["balance"] < failed["amount"].map(Decimal)).all()


def test_what_is_debited_is_what_the_payment_system_books(folder, movements):
    booked = table(folder, "repayment_transaction")
    debited = movements[(movements["movement_code"] == "LOAN_REPAYMENT") & (movements["direction_code"] == "OUT")]
    paid = Counter(zip(booked["loan_id"], booked["value_date"], booked["amount"], strict=True))
    seen = Counter(zip(debited["loan_id"], debited["booking_date"], debited["amount"], strict=True))
    known = (booked["booking_date"].max(),)
    seen = Counter({key: count for key, count in seen.items() if key[1] < known[0]})
    missing = seen - paid
    # a debit of the last days may be booked some days later
    late = {key for key in missing if key[1] >= (HISTORY_TO + timedelta(days=DAYS - 8)).isoformat()}
    assert set(missing) <= late and sum(seen.values()) > 1_000


def test_a_loan_comes_in_as_it_was_drawn_and_all_of_it_goes_out_again(folder, movements):
    draws = table(folder, "disbursement")
    draws = draws[draws["payee_account_number"].isin(set(movements["account_number"]))]
    drawn, received = defaultdict(Decimal), defaultdict(Decimal)
    first = movements["booking_date"].min()
    for row in draws[draws["value_date"] > first].itertuples():
        drawn[row.loan_id] += Decimal(row.draw_amount)
    incoming = movements[movements["movement_code"] == "LOAN_DISBURSEMENT"]
    for row in incoming[incoming["booking_date"] > first].itertuples():
        received[row.loan_id] += row.cents
    assert received == drawn and len(drawn) > 100


def test_the_five_hundred_thousand_go_over_a_second_account_to_a_developer(folder, movements):
    contracts = table(folder, "loan_contract")
    principal = {row.loan_id: row.principal_amount for row in contracts.itertuples()}
    assert principal["0000000020"] == "500000.00" and principal["0000000028"] == "500000.01"
    for loan_id, amount in (("0000000020", "500000.00"), ("0000000028", "500000.01")):
        borrower = contracts[contracts["loan_id"] == loan_id]["borrower_id"].iloc[0]
        people = table(folder, "borrower")
        assert people[people["borrower_id"] == borrower]["occupation_code"].iloc[0] == "SELF_EMPLOYED"
        its = movements[(movements["borrower_id"] == borrower) & (movements["amount"] == amount)]
        hops = list(zip(its["movement_code"], its["counterparty_class_code"], its["direction_code"], strict=True))
        assert sorted(hops) == sorted(
            [
                ("LOAN_DISBURSEMENT", "LENDER", "IN"),
                ("TRANSFER", "OWN_ACCOUNT", "OUT"),
                ("TRANSFER", "OWN_ACCOUNT", "IN"),
                ("TRANSFER", "PROPERTY", "OUT"),
            ]
        )


def test_nobody_is_paid_a_salary_on_a_day_off_unless_it_is_late(movements):
    salaries = movements[movements["movement_code"] == "SALARY"]
    weekend = salaries[pd.to_datetime(salaries["booking_date"]).dt.day_of_week >= 5]
    assert len(salaries) > 500 and len(weekend) < len(salaries) / 20


def test_the_days_deliver_what_a_longer_history_would(bank, folder, tmp_path):
    bank.write_history(tmp_path, HISTORY_TO + timedelta(days=DAYS))
    whole = table(tmp_path, "account_transaction")
    since = whole["booking_date"].min()
    parts = table(folder, "account_transaction")
    parts = parts[parts["booking_date"] >= since]
    assert set(map(tuple, parts.to_numpy())) == set(map(tuple, whole.to_numpy()))
