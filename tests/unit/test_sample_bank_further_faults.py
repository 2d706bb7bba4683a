"""Bad deliveries of every further table on request: each fault bites where it is put, and nowhere else."""

from datetime import date, timedelta
from decimal import Decimal

import pandas as pd
import pytest

from include.errors import DeliveryError
from include.landing.contract import load_contracts
from include.sample_bank.bank import SampleBank, generate
from include.sample_bank.behaviours import STRESSED
from include.sample_bank.faults import Fault
from include.sample_bank.poison import POISON
from include.sample_bank.systems import EVERYTHING
from tests.support.landing_checks import checked_rows

DAY, YESTERDAY = date(2026, 1, 6), date(2026, 1, 5)  # the bureau's batch is of the sixth
SINCE = DAY - timedelta(days=90)  # long enough for every table to have rows
CONTRACTS = {contract.table: contract for contract in load_contracts() if contract.system in EVERYTHING}
FURTHER = sorted(set(CONTRACTS) - {"loan_contract", "repayment_schedule", "repayment_transaction"})


@pytest.fixture(scope="module")
def bank():
    return SampleBank(9, 1_200, date(2024, 6, 1), window_days=700, mix=STRESSED, systems=EVERYTHING)


@pytest.fixture(scope="module")
def clean(bank, tmp_path_factory):
    folder = tmp_path_factory.mktemp("clean")
    bank.write_day(folder, DAY, since=SINCE)
    return folder


def rows_of(folder, system, table):
    path = folder / system / DAY.isoformat() / f"{table}.csv"
    return pd.read_csv(path, dtype=str, keep_default_na=False)


def refused(table, rows):
    checked = checked_rows(CONTRACTS[table], rows.to_dict("records"))
    return {checked.problems[number - 1].code for number in checked.problem if number}, (checked.problem > 0).sum()


def test_every_table_can_be_poisoned():
    assert set(POISON) == set(CONTRACTS)
    for table, columns in POISON.items():
        assert set(columns) <= {column.name for column in CONTRACTS[table].columns}
        assert CONTRACTS[table].control_column not in columns


@pytest.mark.parametrize("table", FURTHER)
def test_each_poisoned_value_is_one_that_the_contract_refuses(clean, table):
    contract = CONTRACTS[table]
    good = rows_of(clean, contract.system, table).iloc[0].to_dict()
    for column, values in POISON[table].items():
        for value in values:
            _, count = refused(table, pd.DataFrame([{**good, column: value}]))
            assert count == 1, (table, column, value)


@pytest.mark.parametrize("table", ["borrower", "bureau_report", "account_transaction", "promise_to_pay", "gl_balance"])
def test_a_fault_can_be_put_on_any_table_and_bites_there_only(bank, clean, tmp_path, table):
    system = CONTRACTS[table].system
    bank.write_day(tmp_path, DAY, [f"poisoned_rows:{system}.{table}"], since=SINCE, systems=(system,))
    for path in (clean / system / DAY.isoformat()).glob("*.csv"):
        same = path.read_bytes() == (tmp_path / system / DAY.isoformat() / path.name).read_bytes()
        assert same == (path.stem != table), path.stem
    assert refused(table, rows_of(tmp_path, system, table))[1] >= 1


def test_an_unlawful_pull_is_refused_under_its_own_reason(bank, tmp_path):
    bank.write_day(tmp_path, DAY, ["unlawful_pulls"], systems=("bureau",))
    codes, count = refused("bureau_report", rows_of(tmp_path, "bureau", "bureau_report"))
    assert codes == {"unlawful_inquiry"} and count >= 5


def test_pulls_after_closing_are_of_borrowers_without_an_open_loan(bank, clean, tmp_path):
    bank.write_day(tmp_path, DAY, ["pulls_after_closing"], since=YESTERDAY, systems=("bureau",))
    lawful = set(rows_of(clean, "bureau", "bureau_report")["borrower_id"])
    extra = set(rows_of(tmp_path, "bureau", "bureau_report")["borrower_id"]) - lawful
    loans = rows_of(clean, "core_banking", "loan_contract")
    still_open = set(loans[loans["contract_status"] == "ACTIVE"]["borrower_id"])
    assert extra and not extra & still_open


def test_balances_that_do_not_agree_are_ten_yuan_off(bank, clean, tmp_path):
    faults = ["balances_off", "ledger_off"]
    bank.write_day(tmp_path, DAY, faults, since=SINCE, systems=("core_banking", "general_ledger"))
    for system, table, column in (
        ("core_banking", "core_loan_balance", "principal_outstanding_amount"),
        ("general_ledger", "gl_balance", "balance_amount"),
    ):
        right, wrong = (rows_of(folder, system, table)[column].map(Decimal) for folder in (clean, tmp_path))
        off = (wrong - right)[wrong != right]
        assert 1 <= len(off) < len(right) / 5 and set(off) == {Decimal(10)}


def test_a_late_optional_system_waits_beside_the_landing(bank, tmp_path):
    bank.write_day(tmp_path / "landing", DAY, ["late:accounts"], systems=("accounts", "customer"))
    assert (tmp_path / "landing" / "customer" / DAY.isoformat() / "manifest.json").exists()
    assert not (tmp_path / "landing" / "accounts" / DAY.isoformat() / "manifest.json").exists()
    bank.write_day(tmp_path / "landing", DAY + timedelta(days=2), systems=())
    assert (tmp_path / "landing" / "accounts" / DAY.isoformat() / "manifest.json").exists()


def test_a_place_that_delivers_nothing_is_named():
    with pytest.raises(DeliveryError, match=r"poisoned_rows:bureau\.loans.*bureau_report"):
        Fault.named("poisoned_rows:bureau.loans")


def test_a_fault_of_the_bureau_falls_on_the_day_of_its_batch(tmp_path):
    faults = ["unlawful_pulls"]
    generate(tmp_path / "landing", 300, date(2026, 1, 3), 6, seed=2, faults=faults, systems=EVERYTHING)
    assert refused("bureau_report", rows_of(tmp_path / "landing", "bureau", "bureau_report"))[1] >= 1
