"""A lender connects by writing contracts: their files stand in for ours, and what they forget is named."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from include.errors import DeliveryError, PostloanError, RefusedError
from include.landing.contract import Column, contract_path, contracts_of, load_contracts, load_systems
from include.landing.discover import connected_systems
from include.landing.raw_tables import added_columns_ddl
from include.settings import CONTRACTS_DIR, PROJECT_DIR, load_settings
from include.sources.connection import from_environment

Write = Callable[[str, dict[str, Any]], Path]
OURS = yaml.safe_load((CONTRACTS_DIR / "payments" / "repayment_transaction.yml").read_text(encoding="utf-8"))


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Writes a file of the lender's contracts, which lie over ours for this test."""
    monkeypatch.setenv("POSTLOAN_CONTRACTS_DIR", str(tmp_path))
    load_settings.cache_clear()

    def put(name: str, content: dict[str, Any]) -> Path:
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(yaml.safe_dump(content, allow_unicode=True), encoding="utf-8")
        return path

    yield put
    load_settings.cache_clear()


def payments(**changes: dict[str, Any]) -> dict[str, Any]:
    """A lender's contract of repayments, which says no more than what differs."""
    columns = [{"name": column["name"], **changes.get(column["name"], {})} for column in OURS["columns"]]
    return {"system": "payments", "table": "repayment_transaction", "columns": columns}


def test_a_lenders_contract_stands_in_for_ours_and_takes_from_it_what_it_does_not_say(write: Write) -> None:
    path = write("payments/repayment_transaction.yml", payments(loan_id={"source_name": "借据号"}))
    contract = contracts_of("payments")["repayment_transaction"]
    assert contract.column("loan_id").delivered_as == "借据号"
    assert contract.key == ("transaction_id",)
    assert contract.column("transaction_type").one_of == ("REPAYMENT", "REVERSAL")
    assert len(contract.rules) == 3
    assert contract_path("payments", "repayment_transaction") == path


def test_the_order_of_a_lenders_columns_changes_no_hash(write: Write) -> None:
    stated = payments()
    stated["columns"].reverse()
    write("payments/repayment_transaction.yml", stated)
    names = [column.name for column in contracts_of("payments")["repayment_transaction"].columns]
    assert names == [column["name"] for column in OURS["columns"]]


def test_columns_that_a_lender_forgets_are_named_all_at_once(write: Write) -> None:
    stated = payments()
    stated["columns"] = [column for column in stated["columns"] if column["name"] not in {"amount", "value_date"}]
    path = write("payments/repayment_transaction.yml", stated)
    with pytest.raises(DeliveryError, match="the columns value_date, amount are missing") as refused:
        load_contracts()
    assert str(path) in str(refused.value)


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        pytest.param({"amount": {"type": "text"}}, "column amount: type is text", id="another type"),
        pytest.param({"amount": {"nullable": True}}, "column amount may not be empty", id="empty amounts"),
        pytest.param({"transaction_type": {"one_of": ["REFUND"]}}, "no model knows REFUND", id="a code nobody knows"),
        pytest.param({"transaction_type": {"codes": {"1": "REFUND"}}}, "codes lead to REFUND", id="a code to nowhere"),
        pytest.param({"currency": {"absent": True}}, "cannot be absent", id="a required column the source lacks"),
        pytest.param({"amount": {"constant": "1.00"}}, "an amount that the source delivers", id="a made-up amount"),
        pytest.param({"value_date": {"date_format": "YYMMDD"}}, "'Y' means nothing", id="a two-digit year"),
        pytest.param({"value_date": {"date_format": "YYYYMM"}}, "needs YYYY MM DD", id="a date without a day"),
        pytest.param({"amount": {"date_format": "YYYYMMDD"}}, "for dates and timestamps", id="a date that is none"),
        pytest.param({"transaction_type": {"codes": {1: "REPAYMENT"}}}, "put quotes around", id="an unquoted code"),
        pytest.param({"loan_id": {"source_name": " 借据号"}}, "columns.loan_id.source_name", id="a blank in a name"),
        pytest.param({"loan_id": {"sourcename": "x"}}, "columns.loan_id.sourcename: Extra", id="a word with a typo"),
    ],
)
def test_what_the_models_could_not_live_with_is_refused_by_name(change: dict, complaint: str, write: Write) -> None:
    write("payments/repayment_transaction.yml", payments(**change))
    with pytest.raises(DeliveryError, match=complaint):
        load_contracts()


def test_personal_data_stays_personal_data_in_a_lenders_contract(write: Write) -> None:
    ours = yaml.safe_load((CONTRACTS_DIR / "customer" / "borrower.yml").read_text(encoding="utf-8"))
    columns = [{"name": column["name"], "personal_data": None} for column in ours["columns"]]
    write("customer/borrower.yml", {"system": "customer", "table": "borrower", "columns": columns})
    with pytest.raises(DeliveryError, match="column full_name: personal_data is None"):
        load_contracts()


def test_another_key_is_another_table(write: Write) -> None:
    write("payments/repayment_transaction.yml", payments() | {"key": ["loan_id"]})
    with pytest.raises(DeliveryError, match=r"key is \['loan_id'\], ours says \['transaction_id'\]"):
        load_contracts()


def test_a_lender_may_add_a_system_and_tables_of_their_own(write: Write, tmp_path: Path) -> None:
    write("branch_notes/system.yml", {
        "system": "branch_notes", "title": {"zh": "网点", "en": "Branch notes"}, "required": False, "deadline": "05:00",
    })  # fmt: skip
    write("branch_notes/note.yml", {
        "system": "branch_notes", "table": "note", "title": {"zh": "备注", "en": "Note"}, "description": "a note",
        "delivery": "delta", "key": ["note_id"], "touches": "loan", "known_date_column": "note_date",
        "columns": [
            {"name": "note_id", "type": "text", "description": "the note"},
            {"name": "loan_id", "type": "text", "description": "the loan"},
            {"name": "note_date", "type": "date", "description": "day"},
        ],
    })  # fmt: skip
    assert contracts_of("branch_notes")["note"].raw_name == "branch_notes__note"
    assert "branch_notes" not in connected_systems(tmp_path / "landing"), "nothing has come from it yet"


def test_a_system_that_the_lender_lacks_is_never_waited_for(write: Write, tmp_path: Path) -> None:
    landing = tmp_path / "landing"
    (landing / "documents").mkdir(parents=True)
    assert "documents" in connected_systems(landing)
    write("documents/system.yml", {"system": "documents", "cadence": "none"})
    _forget_what_was_read()
    assert "documents" not in connected_systems(landing)
    assert load_systems()["documents"].title["en"] == "Documents"


def test_a_system_that_we_fetch_from_is_connected_before_anything_came(write: Write, tmp_path: Path) -> None:
    source = {"kind": "http_api", "connection": "bureau"}
    write("bureau/system.yml", {"system": "bureau", "source": source})
    with pytest.raises(DeliveryError, match=r"source is http_api needs source: \{path"):
        load_contracts()
    for table in ("bureau_report", "bureau_tradeline"):
        ours = yaml.safe_load((CONTRACTS_DIR / "bureau" / f"{table}.yml").read_text(encoding="utf-8"))
        own = {name: ours[name] for name in ("system", "table")}
        own["columns"] = [{"name": column["name"]} for column in ours["columns"]]
        write(f"bureau/{table}.yml", own | {"source": {"path": f"/{table}/{{business_date}}"}})
    _forget_what_was_read()
    assert contracts_of("bureau")["bureau_report"].source is not None
    assert "bureau" in connected_systems(tmp_path / "no landing folder")


def test_a_contracts_directory_that_is_not_there_is_said_at_once(monkeypatch: pytest.MonkeyPatch, tmp_path) -> None:
    monkeypatch.setenv("POSTLOAN_CONTRACTS_DIR", str(tmp_path / "nothing"))
    load_settings.cache_clear()
    with pytest.raises(DeliveryError, match="there is no directory"):
        load_systems()
    load_settings.cache_clear()


def test_our_own_contract_is_named_as_seen_from_the_project() -> None:
    path = contract_path("payments", "repayment_transaction")
    assert not path.is_absolute()
    assert (PROJECT_DIR / path).is_file()


def test_a_column_that_a_lender_adds_later_may_be_empty_and_no_other() -> None:
    plain = contracts_of("payments")["repayment_transaction"]
    existing = {name for column in plain.columns for name in column.stored_as}
    assert added_columns_ddl(plain, existing) == []
    branch = Column(name="branch_code", type="text", description="branch", nullable=True)
    phone = Column(name="payer_phone", type="text", description="phone", nullable=True, personal_data="phone")
    more = plain.model_copy(update={"columns": (*plain.columns, branch, phone)})
    assert added_columns_ddl(more, existing) == [
        "alter table raw.payments__repayment_transaction add column branch_code text",
        "alter table raw.payments__repayment_transaction add column payer_phone_token text",
        "alter table raw.payments__repayment_transaction add column payer_phone_masked text",
    ]
    needed = plain.model_copy(update={"columns": (*plain.columns, branch.model_copy(update={"nullable": False}))})
    with pytest.raises(RefusedError, match="landed without branch_code"):
        added_columns_ddl(needed, existing)


@pytest.mark.parametrize("url", ["s3cret", "https://:s3cret@", "https://host:s3cret/x", "//:s3cret@host"])
def test_an_address_that_is_none_is_refused_without_being_repeated(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POSTLOAN_CONNECTION_CORE", url)
    with pytest.raises(PostloanError, match="POSTLOAN_CONNECTION_CORE is no URL") as refused:
        from_environment("core")
    assert "s3cret" not in str(refused.value)


def test_an_address_says_where_and_as_whom_and_hides_its_password(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(
        "POSTLOAN_CONNECTION_CORE", "postgresql://reader:p%40ss@core.example:5433/core?sslmode=verify-full"
    )
    found = from_environment("core")
    assert (found.scheme, found.host, found.port, found.login, found.path) == (
        "postgresql", "core.example", 5433, "reader", "/core",
    )  # fmt: skip
    assert found.options == {"sslmode": "verify-full"}
    assert found.password is not None
    assert found.password.get_secret_value() == "p@ss"
    assert "p@ss" not in f"{found} {found!r} {found.place}"


def _forget_what_was_read() -> None:
    from include.landing import contract

    contract._contracts.cache_clear()
    contract._systems.cache_clear()
