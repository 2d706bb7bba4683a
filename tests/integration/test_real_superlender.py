"""Superlender's 18,183 loans: every business date of June and July 2017, beside the file's own figures.

The file knows when a loan was first repaid and when it was closed; the deliveries pay a loan of one instalment in full
at closing. Where a first repayment was only a part, the two differ, and the tests say for how many loans.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

import pandas as pd
import pytest

from include.sample_bank import superlender
from include.settings import Settings
from include.warehouse.connection import connect
from tests.oracle.position import Oracle
from tests.oracle.published import differences, past_due_tolerance, published_positions
from tests.oracle.real_data import real_data
from tests.support.days import compute, land_all

pytestmark = [pytest.mark.real_data, pytest.mark.timeout(1_800)]

JUNE_AND_JULY = superlender.every_day(date(2017, 6, 1), date(2017, 7, 31))
AUDITED_EVERY = 20
COMPARED_EVERY = 9


@dataclass(frozen=True)
class Book:
    settings: Settings
    published_dates: tuple[date, ...]
    oracle: Oracle


@pytest.fixture(scope="module")
def book(superlender_landing, server, template_warehouse, tmp_path_factory) -> Iterator[Book]:
    landing, summary = superlender_landing
    server.create_database("superlender", template=template_warehouse)
    home = tmp_path_factory.mktemp("superlender-home")
    settings = server.settings_for("superlender", home).model_copy(update={"landing_dir": landing})
    for number, day in enumerate(summary.business_dates):
        land_all(day, settings)
        compute(day, settings, audited=number % AUDITED_EVERY == 0)
    yield Book(settings, summary.business_dates, Oracle(landing, past_due_tolerance()))
    server.drop_database("superlender")


@pytest.fixture(scope="module")
def file() -> pd.DataFrame:
    """The file's own rows, by loan, with days late by first repayment and by closing."""
    loans = superlender.read_loans(real_data("superlender")).set_index("systemloanid")
    dates = loans[["approveddate", "firstduedate", "firstrepaiddate", "closeddate"]].apply(pd.to_datetime)
    loans["first_repayment_late_days"] = (dates["firstrepaiddate"] - dates["firstduedate"]).dt.days
    loans["closing_late_days"] = (dates["closeddate"] - dates["firstduedate"]).dt.days
    loans["is_single"] = loans["termdays"].isin(["15", "30"])
    return loans


def test_every_business_date_of_june_and_july_2017_is_published(book: Book):
    with connect(book.settings, role="postloan_owner") as connection:
        pointed = {
            day
            for (day,) in connection.execute(
                "select business_date from ops.publication where data_set = 'loan_position'"
            )
        }
    assert len(JUNE_AND_JULY) == 61
    assert pointed == {superlender.HISTORY_TO, *JUNE_AND_JULY}


def test_the_warehouse_and_the_oracle_agree_on_every_loan(book: Book):
    days = [day for number, day in enumerate(book.published_dates) if number % COMPARED_EVERY == 0]
    days += [date(2017, 6, 30), date(2017, 7, 31)]
    for day in days:
        assert differences(book.oracle.positions(day), published_positions(book.settings, day)) == [], day


def test_every_day_as_many_loans_are_past_due_as_the_files_dates_imply(book: Book, file: pd.DataFrame):
    """Loans of one instalment: past due from the day after the due date until they are closed."""
    single = file[file["is_single"] & (file["loanamount"] != "")]
    with connect(book.settings, role="reader") as connection:
        published = {
            day: connection.execute(
                "select count(*) filter (where days_past_due > 0), max(days_past_due) "
                "from serving.loan_position_as_of(%s) where product_code in ('TERM_15', 'TERM_30')",
                (day,),
            ).fetchone()
            for day in JUNE_AND_JULY
        }
    implied = {}
    for day in JUNE_AND_JULY:
        today = day.isoformat()
        is_late = (single["firstduedate"] < today) & (single["closeddate"] > today)
        days = (pd.Timestamp(day) - pd.to_datetime(single.loc[is_late, "firstduedate"])).dt.days
        implied[day] = (int(is_late.sum()), int(days.max()) if is_late.any() else 0)
    assert published == implied
    assert max(count for count, _ in implied.values()) > 100
    assert implied[date(2017, 7, 31)] == (0, 0), "the book has run out: every loan of the file is closed by then"


def test_lateness_of_the_first_instalment_beside_the_files_own_figures(book: Book, file: pd.DataFrame):
    own = file["first_repayment_late_days"]
    shares = [round(100 * (own > days).mean(), 1) for days in (0, 7, 30)]
    assert (shares, own.max()) == ([17.4, 6.3, 0.7], 351)

    with connect(book.settings, role="reader") as connection:
        habit = dict(
            connection.execute(
                "select loan_id, payment_habit_days from serving.loan_position "
                "where product_code in ('TERM_15', 'TERM_30') and loan_status <> 'EXCLUDED'"
            ).fetchall()
        )
    single = file[file["is_single"] & (file["loanamount"] != "")]
    assert habit.keys() == set(single.index)
    # of a loan with one instalment the habit is that instalment: the day it was covered less its due date; an
    # instalment that is not due yet has none
    is_due = single["firstduedate"] <= "2017-07-31"
    found = pd.Series(habit, dtype="Int64").reindex(single.index)
    assert found[is_due].astype(int).equals(single.loc[is_due, "closing_late_days"].astype(int))
    assert found[~is_due].isna().all()

    ours = found.fillna(0).astype(int)
    shares = [round(100 * (ours > days).mean(), 1) for days in (0, 7, 30)]
    assert (shares, ours.max()) == ([18.0, 6.2, 0.7], 351)
    # the difference to the first repayments is part payments in time that were completed late, and nothing else
    first = single["first_repayment_late_days"]
    assert ((ours > 0).sum(), (first > 0).sum(), ((ours > 0) & (first <= 0)).sum()) == (3_081, 2_895, 186)


def test_loans_without_an_amount_are_in_quarantine_and_excluded_with_a_reason(book: Book, file: pd.DataFrame):
    without = set(file.index[file["loanamount"] == ""])
    assert len(without) == 5
    with connect(book.settings, role="postloan_owner") as connection:
        contracts = {
            loan_id
            for (loan_id,) in connection.execute(
                "select distinct subject_id from quarantine.rows "
                "where table_name = 'loan_contract' and column_name = 'principal_amount'"
            )
        }
    assert contracts == without
    last = published_positions(book.settings, date(2017, 7, 31))
    assert {last[loan_id].exclusion_reason_code for loan_id in without} == {"NO_CONTRACT"}
    assert sum(position.loan_status == "EXCLUDED" for position in last.values()) == 5
    assert len(last) == 18_183


def test_at_month_ends_every_loan_agrees_with_the_files_own_closing_and_repayment_dates(book: Book):
    """The 18,178 loans with an amount, to the cent and the day; in between nothing was compared, and that is said."""
    with connect(book.settings, role="postloan_auditor") as connection:
        compared = connection.execute(
            "select as_of_date, measure_code, compared_count, agreeing_count, our_total_amount - their_total_amount "
            "from serving.recon_summary_history where status_code = 'COMPARED' order by 1, 2"
        ).fetchall()
        stale = {
            day
            for (day,) in connection.execute(
                "select as_of_date from serving.recon_summary_history "
                "where source_code = 'core_loan_balance' and status_code = 'STALE'"
            )
        }
    assert {day for day, *_ in compared} == {date(2017, 5, 31), date(2017, 6, 30), date(2017, 7, 31)}
    assert all(count == agreeing for _, _, count, agreeing, _ in compared), compared
    assert {difference for *_, difference in compared} <= {0, None}
    last = {measure: count for day, measure, count, *_ in compared if day == date(2017, 7, 31)}
    assert last["principal_outstanding"] == last["paid_to_date"] == 18_178
    assert stale == set(book.published_dates) - {day for day, *_ in compared}


def test_a_day_of_superlender_touches_a_part_of_the_loans_and_never_writes_the_rest(book: Book):
    with connect(book.settings, role="postloan_auditor") as connection:
        touched = connection.execute(
            "select run.business_date, (run_step.counts ->> 'touched_loan')::integer "
            "from ops.run as run join ops.run_step as run_step using (run_id) "
            "where run_step.step = 'transform' and run.status = 'PUBLISHED' and not run.is_keyframe"
        ).fetchall()
    with connect(book.settings, role="reader") as connection:
        touched = [
            (day, loans, *connection.execute("select count(*) from serving.loan_position_as_of(%s)", (day,)).fetchone())
            for day, loans in touched
        ]
    assert len(touched) >= 58
    assert max(loans / of for _, loans, of in touched) < 0.5
