"""The whole sample bank: every delivery keeps its contract, and the books agree with each other."""

import csv
from collections import defaultdict
from datetime import date, timedelta
from decimal import Decimal

import pandas as pd
import pytest

from include.landing.contract import load_contracts
from include.sample_bank.bank import SampleBank
from include.sample_bank.behaviours import STRESSED
from include.sample_bank.systems import EVERYTHING
from tests.support.landing_checks import checked_rows

HISTORY_TO, DAYS = date(2025, 12, 20), 20


@pytest.fixture(scope="module")
def delivered(tmp_path_factory):
    """A history and some days of every system on disk, with the answer key."""
    folder = tmp_path_factory.mktemp("whole_bank")
    first = HISTORY_TO - timedelta(days=500)
    bank = SampleBank(3, 500, first, window_days=560, mix=STRESSED, systems=EVERYTHING)
    bank.write_history(folder / "landing", HISTORY_TO)
    dates = [HISTORY_TO + timedelta(days=number) for number in range(DAYS + 1)]
    for day in dates[1:]:
        bank.write_day(folder / "landing", day)
    bank.write_truth(folder / "truth", dates)
    return folder


def rows_of(folder, table, day=None):
    """The rows of a table as text: of one daily delivery, or of history and days together."""
    paths = sorted(folder.glob(f"landing/*/*/history/{table}.csv")) + sorted(folder.glob(f"landing/*/*/{table}.csv"))
    for path in paths:
        if day is None or path.parent.name == day.isoformat():
            with path.open(encoding="utf-8", newline="") as file:
                yield from csv.DictReader(file)


def test_every_table_of_every_system_keeps_its_contract(delivered):
    delivers = {contract.table: contract for contract in load_contracts() if contract.system in EVERYTHING}
    for table, contract in delivers.items():
        rows = list(rows_of(delivered, table))
        assert rows, table
        assert list(rows[0]) == [column.name for column in contract.columns], table
        checked = checked_rows(contract, rows)
        assert checked.problems == [], (table, checked.problems[:3])


def test_no_delivery_states_a_key_twice(delivered):
    for contract in load_contracts():
        for path in delivered.glob(f"landing/{contract.system}/*/**/{contract.table}.csv"):
            rows = pd.read_csv(path, dtype=str, usecols=list(contract.key))
            assert not rows.duplicated().any(), path


def test_the_core_systems_own_balances_are_those_of_the_answer_key(delivered):
    key = pd.read_parquet(delivered / "truth" / "positions.parquet")
    for number in (1, 10, DAYS):
        day = HISTORY_TO + timedelta(days=number)
        expected = key[key["as_of_date"] == day].set_index("loan_id")
        balances = {row["loan_id"]: row for row in rows_of(delivered, "core_loan_balance", day)}
        assert set(balances) == set(expected.index)
        for loan_id, row in balances.items():
            told = expected.loc[loan_id]
            assert Decimal(row["principal_outstanding_amount"]) == told["principal_outstanding_amount"], loan_id
            assert Decimal(row["past_due_amount"]) == told["past_due_amount"], loan_id
            assert row["oldest_unpaid_due_date"] == str(told["oldest_unpaid_due_date"] or ""), loan_id


def test_what_the_core_system_says_was_paid_is_what_the_payment_system_delivered(delivered):
    day = HISTORY_TO + timedelta(days=DAYS)
    paid = defaultdict(Decimal)
    for row in rows_of(delivered, "repayment_transaction"):
        if row["value_date"] <= day.isoformat():
            paid[row["loan_id"]] += Decimal(row["amount"])
    for row in rows_of(delivered, "core_loan_balance", day):
        assert Decimal(row["paid_to_date_amount"]) == paid[row["loan_id"]], row["loan_id"]


def test_the_ledger_is_the_sum_of_the_core_systems_balances(delivered):
    accounts = {"CONSUMER": "130301", "CASH": "130302", "BUSINESS": "130303"}
    for day in (HISTORY_TO + timedelta(days=1), HISTORY_TO + timedelta(days=DAYS)):
        contracts = {row["loan_id"]: row for row in rows_of(delivered, "loan_contract", day)}
        sums = defaultdict(Decimal)
        for row in rows_of(delivered, "core_loan_balance", day):
            loan = contracts[row["loan_id"]]
            account = {"ACTIVE": accounts[loan["product_code"]], "CHARGED_OFF": "710101"}.get(loan["contract_status"])
            sums[account, loan["branch_code"]] += Decimal(row["principal_outstanding_amount"])
        ledger = list(rows_of(delivered, "gl_balance", day))
        assert len(ledger) == 48
        for row in ledger:
            cell = row["gl_account_code"], row["branch_code"]
            assert Decimal(row["balance_amount"]) == sums[cell], cell


def test_identity_numbers_are_right_in_form_and_belong_to_nobody(delivered):
    weights = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
    people = {row["borrower_id"]: row for row in rows_of(delivered, "borrower")}
    numbers = {person["id_number"] for person in people.values()}
    assert len(numbers) == len(people) and any(number.endswith("X") for number in numbers)
    for person in people.values():
        number = person["id_number"]
        check = "10X98765432"[sum(int(digit) * weight for digit, weight in zip(number, weights, strict=False)) % 11]
        assert number[-1] == check and number[:2] == "99" and number[6:10] == person["birth_year"]
        assert person["mobile_phone"].startswith("12") and len(person["mobile_phone"]) == 11
        assert person["salary_account_number"][:4] in ("9990", "")


def test_every_loan_belongs_to_a_borrower_whom_the_customer_system_knows(delivered):
    for number in (1, DAYS):
        day = HISTORY_TO + timedelta(days=number)
        people = {row["borrower_id"] for row in rows_of(delivered, "borrower", day)}
        loans = list(rows_of(delivered, "loan_contract", day))
        assert {row["borrower_id"] for row in loans} <= people and len(loans) > 400


def test_every_loan_has_its_file_and_its_money_paid_out_to_the_cent(delivered):
    day = HISTORY_TO + timedelta(days=DAYS)
    principal = {row["loan_id"]: Decimal(row["principal_amount"]) for row in rows_of(delivered, "loan_contract", day)}
    drawn = defaultdict(Decimal)
    for row in rows_of(delivered, "disbursement"):
        drawn[row["loan_id"]] += Decimal(row["draw_amount"])
    assert drawn == principal
    assert {row["loan_id"] for row in rows_of(delivered, "loan_origination")} == set(principal)


def test_relief_is_granted_with_every_restructured_schedule_and_is_hardship_only_there(delivered):
    restructured, moved = set(), set()
    for row in rows_of(delivered, "repayment_schedule"):
        if row["version_reason_code"] == "RESTRUCTURE":
            restructured.add((row["loan_id"], row["schedule_effective_date"]))
        if row["version_reason_code"] == "CORRECTION":
            moved.add((row["loan_id"], row["schedule_effective_date"]))
    relief = list(rows_of(delivered, "forbearance_event"))
    hardship = {(row["loan_id"], row["effective_date"]) for row in relief if row["has_financial_difficulty"] == "true"}
    courtesy = {(row["loan_id"], row["effective_date"]) for row in relief if row["ground_code"] == "COMMERCIAL"}
    assert hardship == restructured and courtesy == moved and restructured and moved
