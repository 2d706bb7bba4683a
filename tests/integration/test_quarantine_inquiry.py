"""A bureau may be asked only while a credit relation is live: other pulls are kept out, with all that came of them."""

from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

import pytest

from include.errors import RefusedError
from include.jobs.land import land
from include.landing.contract import contracts_of
from include.landing.delivery_writer import write_delivery
from include.quarantine.corrections import Correction
from include.quarantine.decisions import Signed, fix
from include.quarantine.release import release
from include.quarantine.rows import Filter, QuarantinedRow, rows_of
from include.settings import Settings
from include.warehouse.connection import connect
from tests.support.landing_rows import frame, instalments, loan, loans, query

DAY = date(2026, 3, 10)
REPORT = {
    "pull_id": "P1", "borrower_id": "B1", "pull_date": "2026-03-09", "bureau_code": "PBOC", "consent_id": "C1",
    "inquiry_purpose_code": "POST_LOAN", "bureau_score": "640", "currency": "CNY", "total_debt_amount": "1000.00",
    "unsecured_debt_amount": None, "credit_limit_amount": None, "credit_used_amount": None, "open_lender_count": None,
    "inquiry_30d_count": "0", "inquiry_90d_count": "0",
}  # fmt: skip
TRADELINE = {
    "pull_id": "P1", "tradeline_number": "1", "borrower_id": "B1", "pull_date": "2026-03-09",
    "account_type_code": "CREDIT_CARD", "is_own_lender": "false", "opened_date": None, "currency": "CNY",
    "balance_amount": "10.00", "past_due_amount": "0.00", "days_past_due": "0", "account_status_code": "OPEN",
}  # fmt: skip
ENDED = {"status_date": "2026-03-05"}


@pytest.fixture(scope="module")
def shared(server, template_warehouse: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    server.create_database("inquiry", template=template_warehouse)
    yield server.settings_for("inquiry", tmp_path_factory.mktemp("inquiry"))
    server.drop_database("inquiry")


@pytest.fixture
def bank(shared: Settings, tmp_path: Path) -> Settings:
    raw = ", ".join(
        f"raw.{contract.raw_name}{suffix}"
        for system in ("core_banking", "bureau")
        for contract in contracts_of(system).values()
        for suffix in ("", "__superseded")
    )
    with connect(shared, role="postloan_owner") as connection:
        connection.execute(
            f"truncate {raw}, ops.load_batch, ops.load_file, quarantine.rows, quarantine.event, quarantine.reveal, "
            "vault.quarantine_text, vault.quarantine_fix"
        )
    return shared.model_copy(update={"home": tmp_path})


def lend(settings: Settings, number: int, *contracts: dict) -> None:
    tables = {"loan_contract": loans(*contracts), "repayment_schedule": instalments()}
    write_delivery(settings.landing, "core_banking", DAY + timedelta(days=number), tables)


def pull(settings: Settings, *reports: dict, lines: tuple[dict, ...] = (), number: int = 0, **options: object) -> None:
    tables = {
        "bureau_report": frame([{**REPORT, **one} for one in reports], REPORT),
        "bureau_tradeline": frame([{**TRADELINE, **one} for one in lines], TRADELINE),
    }
    write_delivery(settings.landing, "bureau", DAY + timedelta(days=number), tables, **options)


def land_on(settings: Settings, *systems: str, number: int = 0) -> None:
    for system in systems:
        land(DAY + timedelta(days=number), system, settings)


def loaded(settings: Settings, table: str = "bureau_report") -> list[str]:
    return [pull_id for (pull_id,) in query(settings, f"select pull_id from raw.bureau__{table} order by 1")]


def refused(settings: Settings) -> list[QuarantinedRow]:
    with connect(settings) as connection:
        return rows_of(connection, Filter(reason_code="unlawful_inquiry"))


@pytest.mark.parametrize(
    ("contract", "is_lawful"),
    [
        pytest.param({}, True, id="a live loan"),
        pytest.param({"contract_status": "CLOSED", **ENDED}, False, id="closed four days before"),
        pytest.param({"contract_status": "CLOSED", "status_date": "2026-03-09"}, True, id="closed that day"),
        pytest.param({"contract_status": "CLOSED", "status_date": "2026-03-08"}, False, id="closed the day before"),
        pytest.param({"contract_status": "CHARGED_OFF", **ENDED}, True, id="charged off is still owed"),
        pytest.param({"contract_status": "SOLD", **ENDED}, False, id="sold without recourse"),
        pytest.param({"contract_status": "CANCELLED", **ENDED}, False, id="cancelled"),
        pytest.param({"disbursement_date": "2026-03-09"}, True, id="paid out that day"),
        pytest.param({"disbursement_date": "2026-03-10"}, False, id="paid out the day after"),
        pytest.param({"borrower_id": "B2"}, False, id="only somebody else has a loan"),
    ],
)
def test_a_pull_needs_a_live_loan_on_its_day(bank: Settings, contract: dict, is_lawful: bool) -> None:
    lend(bank, 0, loan("L1", **contract))
    pull(bank, {}, lines=({},))
    land_on(bank, "core_banking", "bureau")
    assert loaded(bank) == loaded(bank, "bureau_tradeline") == (["P1"] if is_lawful else [])
    assert [row.column_name for row in refused(bank)] == ([] if is_lawful else ["pull_date", "pull_id"])


def test_one_live_loan_among_ended_ones_is_enough(bank: Settings) -> None:
    ended = [loan(f"L{number}", contract_status="CLOSED", **ENDED) for number in range(1, 4)]
    lend(bank, 0, *ended, loan("L4", disbursement_date="2026-02-01"), loan("L5", borrower_id="B0"))
    pull(bank, {}, {"pull_id": "P2", "borrower_id": "B9"}, {"pull_id": "P3", "borrower_id": "B0"})
    land_on(bank, "core_banking", "bureau")
    assert loaded(bank) == ["P1", "P3"]


def test_accounts_seen_through_a_pull_without_consent_or_purpose_are_kept_out_with_it(bank: Settings) -> None:
    lend(bank, 0, loan("L1"))
    pull(bank, {"consent_id": None}, {"pull_id": "P2", "inquiry_purpose_code": None}, {"pull_id": "P3"},
         lines=({}, {"pull_id": "P2"}, {"pull_id": "P3"}))  # fmt: skip
    land_on(bank, "core_banking", "bureau")
    assert loaded(bank) == loaded(bank, "bureau_tradeline") == ["P3"]


def test_a_pull_that_comes_before_the_contracts_of_its_day_waits_for_them(bank: Settings) -> None:
    pull(bank, {}, {"pull_id": "P2", "borrower_id": "B2"})
    result = land(DAY, "bureau", bank)
    assert result.batches == ()
    assert [Path(folder).parent.name for folder in result.waiting] == ["bureau"]
    lend(bank, 0, loan("L1"))
    land_on(bank, "core_banking")
    assert loaded(bank) == ["P1"]
    assert land(DAY, "bureau", bank).batches == ()


@pytest.mark.parametrize("order", [(0, 1, 2, 3), (3, 2, 1, 0), (1, 3, 0, 2), (2, 0, 3, 1)])
def test_any_order_of_arrival_gives_the_same_judgement(bank: Settings, order: tuple[int, ...]) -> None:
    """L1 is closed on the second day: what was pulled after that and delivered on the first was not known yet."""
    arrivals = [
        lambda: (lend(bank, 0, loan("L1")), land_on(bank, "core_banking")),
        lambda: (lend(bank, 1, loan("L1", contract_status="CLOSED", **ENDED)), land_on(bank, "core_banking", number=1)),
        lambda: (pull(bank, {}, lines=({},)), land_on(bank, "bureau")),
        lambda: (pull(bank, {"pull_id": "P2"}, number=1), land_on(bank, "bureau", number=1)),
    ]
    for position in order:
        arrivals[position]()
    assert loaded(bank) == loaded(bank, "bureau_tradeline") == ["P1"]
    assert [row.unit_text for row in refused(bank)] == ["P2"]


def test_a_vouched_pull_is_released_once_the_contracts_say_that_it_was_lawful(bank: Settings) -> None:
    lend(bank, 0, loan("L1", borrower_id="B7"))
    pull(bank, {}, lines=({},))
    land_on(bank, "core_banking", "bureau")
    report, line = (row.place for row in refused(bank))
    fix(bank, [Correction(report, {}), Correction(line, {})], Signed("Li", "the loan was booked on another customer"))
    wang = Signed("Wang", "checked")
    with pytest.raises(RefusedError, match="no live credit relation"):
        release(bank, [report], wang)
    lend(bank, 1, loan("L1"))
    land_on(bank, "core_banking", number=1)
    with pytest.raises(RefusedError, match="the report of this pull"):
        release(bank, [line], wang, known_date=DAY + timedelta(days=1))
    release(bank, [report, line], wang, known_date=DAY + timedelta(days=1))
    assert loaded(bank) == loaded(bank, "bureau_tradeline") == ["P1"]


def test_compliance_reads_a_list_of_them_without_personal_data(bank: Settings) -> None:
    lend(bank, 0, loan("L1", contract_status="CLOSED", **ENDED))
    pull(bank, {}, lines=({},))
    land_on(bank, "core_banking", "bureau")
    with connect(bank, role="postloan_auditor") as connection:
        listed = connection.execute(
            "select table_name, business_date, pull_id, borrower_id, state from serving.unlawful_inquiry order by 1"
        ).fetchall()
    assert listed == [
        ("bureau_report", DAY, "P1", "B1", "OPEN"),
        ("bureau_tradeline", DAY, "P1", "B1", "OPEN"),
    ]
