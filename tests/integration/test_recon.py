"""Reconciliation: every difference with the core system and the ledger is listed, and no silence reads as agreement."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal

import psycopg
import pytest
from psycopg.rows import dict_row

from include.errors import AuditError
from include.landing.delivery_writer import write_delivery
from include.settings import Settings
from include.warehouse.connection import connect
from tests.support.days import compute, land_all
from tests.support.landing_rows import frame, instalment, instalments, loan, loans, payment, payments

DAY = date(2026, 3, 2)
BALANCE = {
    "loan_id": "L1", "balance_date": "2026-03-02", "currency": "CNY", "principal_outstanding_amount": "1200.00",
    "past_due_amount": "0.00", "oldest_unpaid_due_date": None, "paid_to_date_amount": "0.00",
}  # fmt: skip
LEDGER = {
    "gl_account_code": "130302", "branch_code": "010", "currency": "CNY", "balance_date": "2026-03-02",
    "balance_amount": "0.00",
}  # fmt: skip
LOANS = [
    loan("L1"),
    loan("L2", borrower_id="B2"),
    loan("L3", borrower_id="B3"),
    loan("L4", borrower_id="B4", contract_status="CLOSED", status_date="2026-03-01"),
]
SCHEDULES = [
    instalment(one["loan_id"], number, due_date=f"2026-{number + 1:02d}-01", principal_due_amount="100.00")
    for one in LOANS
    for number in range(1, 13)
    if number < 12
] + [
    instalment(one["loan_id"], 12, due_date="2027-01-01", principal_due_amount="100.00") for one in LOANS
]  # fmt: skip
# two instalments of 105.00 were due before the first day; L1 has paid both, L2 one, L3 none, L4 everything
PAID = [payment("T1", amount="210.00"), payment("T2", loan_id="L2", amount="105.00"),
        payment("T4", loan_id="L4", amount="1260.00")]  # fmt: skip
AGREEING = [
    {**BALANCE, "principal_outstanding_amount": "1000.00", "paid_to_date_amount": "210.00"},
    {**BALANCE, "loan_id": "L2", "principal_outstanding_amount": "1100.00", "past_due_amount": "105.00",
     "oldest_unpaid_due_date": "2026-03-01", "paid_to_date_amount": "105.00"},
    {**BALANCE, "loan_id": "L3", "past_due_amount": "210.00", "oldest_unpaid_due_date": "2026-02-01"},
    {**BALANCE, "loan_id": "L4", "principal_outstanding_amount": "0.00", "paid_to_date_amount": "1260.00"},
]  # fmt: skip
LIVE_PRINCIPAL = "3300.00"


@dataclass(frozen=True)
class Seen:
    """What readers see of a date."""

    breaks: dict[tuple[str, str], dict]
    summary: dict[tuple[str, str], dict]


def balances(**changed: dict[str, str | None]) -> list[dict[str, str | None]]:
    return [{**one, **changed.get(str(one["loan_id"]), {})} for one in AGREEING]


def deliver(
    settings: Settings, number: int, core: list[dict] | None, ledger: str | None = None, **more: object
) -> date:
    day = DAY + timedelta(days=number)
    tables = {"loan_contract": loans(*LOANS), "repayment_schedule": instalments(*(SCHEDULES if number == 0 else []))}
    if core is not None:
        tables["core_loan_balance"] = frame(core, BALANCE)
    write_delivery(settings.landing, "core_banking", day, tables)
    paid = payments(*(PAID if number == 0 else []))
    write_delivery(settings.landing, "payments", day, {"repayment_transaction": paid})
    if ledger is not None:
        cells = [{**LEDGER, "balance_amount": ledger}, {**LEDGER, "gl_account_code": "999999"}]
        write_delivery(settings.landing, "general_ledger", day, {"gl_balance": frame(cells, LEDGER)})
    land_all(day, settings)
    return day


def seen(settings: Settings, day: date) -> Seen:
    with connect(settings, role="postloan_auditor") as connection:
        return seen_in(f"serving.{{}}_as_of(date '{day}')", connection)


def seen_in(place: str, connection: psycopg.Connection) -> Seen:
    def rows(name: str) -> list[dict]:
        with connection.cursor(row_factory=dict_row) as cursor:
            return cursor.execute(f"select * from {place.format(name)}").fetchall()

    return Seen(
        {(row["subject_id"], row["measure_code"]): row for row in rows("recon_break")},
        {(row["source_code"], row["measure_code"]): row for row in rows("recon_summary")},
    )


def refused(settings: Settings, run_id: str) -> Seen:
    """The same, of a run that was never shown."""
    with connect(settings) as connection:
        connection.execute("select set_config('postloan.run', %s, true)", (run_id,))
        return seen_in("candidate.{}", connection)


def explain(settings: Settings, until: date) -> None:
    """A policy row about what L2 has paid, as if it stood in recon_known_break.csv."""
    with connect(settings, role="postloan_transformer") as connection:
        connection.execute(
            "insert into ref.recon_known_break values ('K1', 'core_loan_balance', 'L2', 'paid_to_date', 'CNY', 0.01, "
            "'TREASURY', 'a rounding of the old core', %s, %s, 'test')", (DAY, until),
        )  # fmt: skip


@pytest.fixture(scope="module")
def story(server, template_warehouse: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Seen]]:
    """Six days: no balances yet; all agrees; two loans and the ledger do not; the core is silent; one of the two
    agrees again; and at last the books are far apart, and the day is refused."""
    server.create_database("recon", template=template_warehouse)
    settings = server.settings_for("recon", tmp_path_factory.mktemp("recon"))
    wrong = balances(
        L2={"principal_outstanding_amount": "1098.99", "paid_to_date_amount": "105.01"},
        L3={"oldest_unpaid_due_date": "2026-02-03"},
    )
    late = balances(L3={"oldest_unpaid_due_date": "2026-02-03"})
    unread = balances(L1={"principal_outstanding_amount": "one thousand"})
    stranger = {**BALANCE, "loan_id": "L9", "principal_outstanding_amount": "10000.01"}
    shown = []
    for number, (core, ledger) in enumerate(
        [(None, None), (balances(), LIVE_PRINCIPAL), (wrong, "3400.01"), (None, None), (late, LIVE_PRINCIPAL)]
    ):
        day = deliver(settings, number, core, ledger)
        if number == 1:
            explain(settings, until=DAY + timedelta(days=2))
        compute(day, settings, audited=number in (0, 2))
        shown.append(seen(settings, day))
    day = deliver(settings, 5, [*unread, stranger], LIVE_PRINCIPAL)
    with pytest.raises(AuditError, match="open_differences_are_within_the_total_tolerance"):
        compute(day, settings)
    with connect(settings) as connection:
        (run_id,) = connection.execute("select run_id from ops.run where business_date = %s", (day,)).fetchone()
    shown.append(refused(settings, run_id))
    yield shown
    server.drop_database("recon")


def test_books_that_agree_leave_an_empty_list_and_a_summary_that_says_how_much_was_compared(story: list[Seen]) -> None:
    assert story[1].breaks == {}
    principal = story[1].summary["core_loan_balance", "principal_outstanding"]
    assert (principal["status_code"], principal["compared_count"], principal["agreeing_count"]) == ("COMPARED", 4, 4)
    assert (principal["our_total_amount"], principal["their_total_amount"]) == (Decimal("3300.00"), Decimal("3300.00"))
    ledger = story[1].summary["gl_balance", "principal_outstanding"]
    assert (ledger["status_code"], ledger["compared_count"], ledger["breaking_count"]) == ("COMPARED", 1, 0)
    assert ledger["our_total_amount"] == Decimal("3300.00")


def test_a_difference_is_listed_with_both_values_its_size_and_its_owner(story: list[Seen]) -> None:
    assert set(story[2].breaks) == {
        ("L2", "principal_outstanding"), ("L2", "paid_to_date"), ("L3", "oldest_unpaid_due_date"),
        ("130302|010", "principal_outstanding"),
    }  # fmt: skip
    principal = story[2].breaks["L2", "principal_outstanding"]
    assert (principal["our_amount"], principal["their_amount"]) == (Decimal("1100.00"), Decimal("1098.99"))
    assert (principal["difference_amount"], principal["owner_code"]) == (Decimal("1.01"), "LOAN_ACCOUNTING")
    assert story[2].breaks["L2", "paid_to_date"]["difference_amount"] == Decimal("-0.01")
    due = story[2].breaks["L3", "oldest_unpaid_due_date"]
    assert (due["our_date"], due["their_date"], due["difference_days"]) == (date(2026, 2, 1), date(2026, 2, 3), -2)
    assert story[2].breaks["130302|010", "principal_outstanding"]["difference_amount"] == Decimal("-100.01")


def test_totals_add_up_the_sizes_of_breaks_so_that_plus_and_minus_do_not_cancel_out(story: list[Seen]) -> None:
    paid = story[2].summary["core_loan_balance", "paid_to_date"]
    assert (paid["compared_count"], paid["agreeing_count"], paid["breaking_count"]) == (4, 3, 1)
    assert paid["net_difference_amount"] == Decimal("-0.01")
    assert story[2].summary["core_loan_balance", "principal_outstanding"]["open_difference_amount"] == Decimal("1.01")


def test_a_break_that_somebody_explained_does_not_count_until_the_explanation_expires(story: list[Seen]) -> None:
    paid = story[2].summary["core_loan_balance", "paid_to_date"]
    assert (paid["known_break_count"], paid["open_difference_amount"]) == (1, Decimal("0.00"))
    known = story[2].breaks["L2", "paid_to_date"]
    assert (known["known_break_id"], known["owner_code"]) == ("K1", "TREASURY")
    assert known["known_until_date"] == DAY + timedelta(days=2)
    expired = story[3].breaks["L2", "paid_to_date"]
    assert (expired["known_break_id"], expired["owner_code"]) == (None, "PAYMENTS")


def test_a_source_that_is_silent_is_told_and_its_breaks_stay(story: list[Seen]) -> None:
    assert set(story[3].breaks) == set(story[2].breaks)
    for row in story[3].breaks.values():
        assert (row["compared_date"], row["first_seen_date"], row["age_days"]) == (
            DAY + timedelta(days=2), DAY + timedelta(days=2), 1,
        )  # fmt: skip
    for summary in story[3].summary.values():
        assert (summary["status_code"], summary["data_as_of_date"]) == ("STALE", DAY + timedelta(days=2))
        assert summary["compared_count"] is summary["agreeing_count"] is summary["our_total_amount"] is None


def test_a_break_keeps_the_day_on_which_it_was_first_seen_and_leaves_when_it_agrees(story: list[Seen]) -> None:
    assert set(story[4].breaks) == {("L3", "oldest_unpaid_due_date")}
    row = story[4].breaks["L3", "oldest_unpaid_due_date"]
    assert (row["first_seen_date"], row["age_days"]) == (DAY + timedelta(days=2), 2)
    assert row["compared_date"] == DAY + timedelta(days=4)


def test_a_lender_that_delivers_no_balances_is_told_so_and_still_published(story: list[Seen]) -> None:
    assert story[0].breaks == {}
    assert {row["status_code"] for row in story[0].summary.values()} == {"MISSING"}
    assert len(story[0].summary) == 5


def test_differences_above_the_total_tolerance_stop_the_day_whichever_side_lacks_the_loan(story: list[Seen]) -> None:
    stranger = story[5].breaks["L9", "principal_outstanding"]
    assert (stranger["our_amount"], stranger["their_amount"]) == (None, Decimal("10000.01"))


def test_a_balance_that_nobody_could_read_is_not_compared_and_no_break(story: list[Seen]) -> None:
    assert {subject for subject, _ in story[5].breaks} == {"L9"}
    principal = story[5].summary["core_loan_balance", "principal_outstanding"]
    assert (principal["compared_count"], principal["not_compared_count"]) == (4, 1)
