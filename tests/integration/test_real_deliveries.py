"""The readers of public data say what the sources say: nothing guessed, nothing lost, no answer key given away."""

from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

import pandas as pd
import pytest

from include.sample_bank import kiva, superlender
from include.sample_bank.source_book import Summary
from tests.oracle.landing_text import Delivery, Row, in_effect, read_landing
from tests.oracle.real_data import real_data

pytestmark = pytest.mark.real_data


Landed = tuple[Summary, list[Delivery]]


@pytest.fixture(scope="module")
def kiva_book(kiva_landing) -> Landed:
    landing, summary = kiva_landing
    return summary, read_landing(landing)


@pytest.fixture(scope="module")
def superlender_book(superlender_landing) -> Landed:
    landing, summary = superlender_landing
    return summary, read_landing(landing)


def usable(deliveries: list[Delivery], table: str) -> list[Row]:
    last = max(each.business_date for each in deliveries)
    return [row for rows in in_effect(deliveries, table, last, last).values() for row in rows]


def refused(deliveries: list[Delivery], table: str) -> dict[str, int]:
    """Distinct rows that landing cannot use, by reason; a full extract repeats them every day."""
    found = {(reason, *row.values()) for each in deliveries if each.table == table for reason, row in each.refused}
    return pd.Series([reason for reason, *_ in found], dtype=object).value_counts().to_dict()


def test_every_kiva_row_is_delivered_and_what_cannot_be_used_is_known_beforehand(kiva_book):
    summary, deliveries = kiva_book
    assert (summary.loans, summary.instalments, summary.transactions) == (1000, 6987, 6527)
    assert refused(deliveries, "loan_contract") == {
        "currency is missing": 216,
        "contract_status is missing": 2,
        "contract_status is not valid": 2,
    }
    assert refused(deliveries, "repayment_transaction") == {"currency is missing": 1696}
    assert refused(deliveries, "repayment_schedule") == {}
    assert len(usable(deliveries, "loan_contract")) == 780
    assert len(usable(deliveries, "repayment_schedule")) == 6987
    assert len(usable(deliveries, "repayment_transaction")) == 4831


def test_kiva_deliveries_do_not_give_away_how_a_loan_ended(kiva_book):
    _, deliveries = kiva_book
    loans, _, _ = kiva.read_snapshot(real_data("kiva"))
    status = dict(zip(loans["loan_id"], loans["status"], strict=True))
    contracts = [row for each in deliveries if each.table == "loan_contract" for (row,) in each.units.values()]
    delivered = {(status[str(row["loan_id"])], row["contract_status"]) for row in contracts}
    assert delivered == {("paid", "ACTIVE"), ("defaulted", "ACTIVE"), ("refunded", "CANCELLED")}
    columns = {column for row in contracts for column in row}
    assert not columns & {"status", "delinquent", "paid_date", "paid_amount"}


def test_a_kiva_schedule_adds_up_to_what_was_paid_out_so_nothing_in_it_is_derived(kiva_book):
    _, deliveries = kiva_book
    schedule = usable(deliveries, "repayment_schedule")
    due = pd.Series([Decimal(str(row["principal_due_amount"])) for row in schedule]).groupby(
        [row["loan_id"] for row in schedule]
    )
    principal = {row["loan_id"]: Decimal(str(row["principal_amount"])) for row in usable(deliveries, "loan_contract")}
    totals = due.sum()
    assert all(totals[loan_id] == principal[loan_id] for loan_id in totals.index if loan_id in principal)
    assert {row["is_derived"] for row in schedule} == {"false"}


@pytest.mark.parametrize("name", ["kiva", "superlender"])
def test_each_row_arrives_once_and_no_later_than_its_date_allows(request, name):
    summary, deliveries = request.getfixturevalue(f"{name}_book")
    for table, known in (("repayment_schedule", "schedule_effective_date"), ("repayment_transaction", "booking_date")):
        mine = sorted((each for each in deliveries if each.table == table), key=lambda each: each.business_date)
        assert tuple(each.business_date for each in mine) == summary.business_dates
        seen: set[tuple[str, ...]] = set()
        after = summary.from_date - timedelta(days=1)
        for each in mine:
            dates = {row[known] for rows in each.units.values() for row in rows}
            assert all(after.isoformat() < str(day) <= each.business_date.isoformat() for day in dates)
            assert not seen & each.units.keys()
            seen |= each.units.keys()
            after = each.business_date


def test_superlender_keeps_every_loan_and_refuses_the_five_without_an_amount(superlender_book):
    summary, deliveries = superlender_book
    assert (summary.loans, summary.instalments, summary.transactions) == (18183, 19236, 19206)
    assert len(summary.business_dates) == 62
    assert summary.business_dates[1:] == superlender.every_day(date(2017, 6, 1), date(2017, 7, 31))
    # each of the five is delivered ACTIVE and later CLOSED
    contracts = {row["loan_id"] for each in deliveries if each.table == "loan_contract" for _, row in each.refused}
    assert len(contracts) == 5
    reasons = {reason for each in deliveries for reason, _ in each.refused}
    assert reasons == {"principal_amount is missing", "principal_due_amount is missing"}


def test_superlender_instalments_and_repayments_add_up_to_the_files_total_due(superlender_book):
    _, deliveries = superlender_book
    loans = superlender.read_loans(real_data("superlender")).set_index("systemloanid")
    usable_loans = loans[loans["loanamount"] != ""]
    schedule = usable(deliveries, "repayment_schedule")
    due: dict[str, Decimal] = {}
    principal: dict[str, Decimal] = {}
    for row in schedule:
        loan_id = str(row["loan_id"])
        principal[loan_id] = principal.get(loan_id, Decimal(0)) + Decimal(str(row["principal_due_amount"]))
        due[loan_id] = due.get(loan_id, Decimal(0)) + Decimal(str(row["interest_due_amount"]))
    assert principal == {loan_id: Decimal(amount) for loan_id, amount in usable_loans["loanamount"].items()}
    assert {loan_id: principal[loan_id] + due[loan_id] for loan_id in due} == {
        loan_id: Decimal(amount) for loan_id, amount in usable_loans["totaldue"].items()
    }
    paid: dict[str, Decimal] = {}
    for row in usable(deliveries, "repayment_transaction"):
        paid[str(row["loan_id"])] = paid.get(str(row["loan_id"]), Decimal(0)) + Decimal(str(row["amount"]))
    assert paid == {loan_id: Decimal(amount) for loan_id, amount in loans["totaldue"].items()}


def test_what_superlender_does_not_state_is_marked_as_derived(superlender_book):
    _, deliveries = superlender_book
    terms = superlender.read_loans(real_data("superlender")).set_index("systemloanid")["termdays"]
    marked = {(terms[str(row["loan_id"])], row["is_derived"]) for row in usable(deliveries, "repayment_schedule")}
    assert marked == {("15", "false"), ("30", "false"), ("60", "true"), ("90", "true")}
    assert {row["is_derived"] for row in usable(deliveries, "repayment_transaction")} == {"true"}


def test_the_same_source_gives_the_same_bytes(tmp_path: Path):
    for name in ("first", "second"):
        kiva.write_deliveries(real_data("kiva"), tmp_path / name)
    first, second = (
        {p.relative_to(root): p.read_bytes() for p in root.rglob("*") if p.is_file()}
        for root in (tmp_path / "first", tmp_path / "second")
    )
    assert first == second
