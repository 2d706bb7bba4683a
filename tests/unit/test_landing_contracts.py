"""The contract files say everything about a source's columns, and a bad one is named before anything is landed."""

from pathlib import Path

import pytest
import yaml

from include.errors import DeliveryError
from include.landing.contract import contracts_of, load_contracts, load_systems
from include.landing.raw_tables import raw_table_ddl
from include.landing.row_hash import row_hashes
from include.settings import CONTRACTS_DIR
from tests.support.landing_checks import checked_rows
from tests.support.landing_rows import INSTALMENT, LOAN, PAYMENT

GOOD = CONTRACTS_DIR / "payments" / "repayment_transaction.yml"


def test_every_contract_and_system_of_the_project_can_be_read() -> None:
    tables = {(contract.system, contract.table) for contract in load_contracts()}
    assert {system for system, _ in tables} == set(load_systems())
    assert {
        ("core_banking", "loan_contract"),
        ("core_banking", "repayment_schedule"),
        ("payments", "repayment_transaction"),
    } <= tables


def test_a_day_cannot_do_without_the_core_system_and_the_payments_and_without_nothing_else() -> None:
    assert {name for name, system in load_systems().items() if system.required} == {"core_banking", "payments"}


def test_an_unknown_system_is_named_with_those_that_exist() -> None:
    with pytest.raises(DeliveryError, match="core_banking, customer"):
        contracts_of("pawnshop")


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        pytest.param({"key": ["nothing"]}, "columns that are not stated", id="a key that is no column"),
        pytest.param({"table": 'x"; drop table raw'}, "String should match pattern", id="a name that is no identifier"),
        pytest.param({"delivery": "full"}, "what a vanished key means", id="a full delivery without a vanished rule"),
        pytest.param({"control_column": "loan_id"}, "control column is an amount", id="a control total of text"),
        pytest.param({"surprise": 1}, "Extra inputs are not permitted", id="a word that means nothing"),
        pytest.param({"known_date_column": "amount"}, "is a date", id="a known date that is no date"),
    ],
)
def test_a_contract_that_contradicts_itself_is_refused_by_name(
    change: dict[str, object], complaint: str, tmp_path: Path
) -> None:
    stated = yaml.safe_load(GOOD.read_text(encoding="utf-8")) | change
    path = tmp_path / "payments" / "repayment_transaction.yml"
    path.parent.mkdir()
    path.write_text(yaml.safe_dump(stated), encoding="utf-8")
    with pytest.raises(DeliveryError, match=complaint) as refused:
        load_contracts(tmp_path)
    assert str(path) in str(refused.value)


def test_raw_tables_hold_exact_types_and_grant_nothing_themselves() -> None:
    statements = " ".join(raw_table_ddl(contracts_of("core_banking")["repayment_schedule"]))
    assert "principal_due_amount numeric(18,2) not null" in statements
    assert "cumulative_due_amount numeric(18,2) not null" in statements
    assert "grant" not in statements  # the role matrix does
    assert "float" not in statements
    assert "update" not in statements


# Hashes live in the warehouse for years: a change of code or of a contract's column order must not change them.
KNOWN_HASHES = {
    ("core_banking", "loan_contract"): "2ebd3ffe22b106d8fec0467e0ac763d0",
    ("core_banking", "repayment_schedule"): "8592671ad6e2386c81e43928c8480fad",
    ("payments", "repayment_transaction"): "5990e4e72546d75bda656617d83d0de5",
}


def test_row_hashes_are_the_same_for_ever() -> None:
    rows = {"loan_contract": LOAN, "repayment_schedule": INSTALMENT, "repayment_transaction": PAYMENT}
    found = {}
    for contract in load_contracts():
        if contract.table not in rows:
            continue
        checked = checked_rows(contract, [rows[contract.table]])
        found[contract.system, contract.table] = row_hashes(checked.canonical, contract)[0].tobytes().hex()
    assert found == KNOWN_HASHES


def test_a_nullable_column_added_at_the_end_changes_no_hash_of_rows_that_do_not_state_it() -> None:
    contract = contracts_of("payments")["repayment_transaction"]
    added = contract.columns[-2].model_copy(update={"name": "note", "nullable": True})
    wider = contract.model_copy(update={"columns": (*contract.columns, added)})
    before = row_hashes(checked_rows(contract, [PAYMENT]).canonical, contract)
    unstated = row_hashes(checked_rows(wider, [{**PAYMENT, "note": None}]).canonical, wider)
    stated = row_hashes(checked_rows(wider, [{**PAYMENT, "note": "x"}]).canonical, wider)
    assert (before == unstated).all()
    assert (before != stated).any()


def test_an_informational_column_is_not_part_of_the_hash() -> None:
    contract = contracts_of("payments")["repayment_transaction"]
    columns = tuple(
        column.model_copy(update={"informational": column.name == "method_code"}) for column in contract.columns
    )
    relaxed = contract.model_copy(update={"columns": columns})
    one, other = (
        row_hashes(checked_rows(relaxed, [{**PAYMENT, "method_code": code}]).canonical, relaxed)
        for code in ("BANK", "CARD")
    )
    assert (one == other).all()
