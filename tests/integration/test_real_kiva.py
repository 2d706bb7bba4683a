"""Kiva's first thousand loans through the whole pipeline, against the answer key that Kiva itself published."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

import pandas as pd
import pytest

from include.sample_bank import kiva
from include.settings import Settings
from include.warehouse.connection import connect
from tests.oracle.position import Oracle, Position
from tests.oracle.published import differences, past_due_tolerance, published_positions
from tests.oracle.real_data import real_data
from tests.support.days import compute, land_all

pytestmark = [pytest.mark.real_data]

# 220 of 1,000 loans and half of the early payments cannot be used: more than a lender's own extract may hold
ACCEPTED_QUARANTINE = kiva.ACCEPTED_QUARANTINE_SHARE


@dataclass(frozen=True)
class Kiva:
    """The published warehouse and the oracle, side by side, on every business date."""

    settings: Settings
    published: dict[date, dict[str, Position]]
    oracle: dict[date, dict[str, Position]]

    @property
    def last(self) -> date:
        return max(self.published)


@pytest.fixture(scope="module")
def book(kiva_landing, server, template_warehouse, tmp_path_factory) -> Iterator[Kiva]:
    landing, summary = kiva_landing
    server.create_database("kiva", template=template_warehouse)
    home = tmp_path_factory.mktemp("kiva-home")
    settings = server.settings_for("kiva", home).model_copy(
        update={"landing_dir": landing, "accepted_quarantine_share": ACCEPTED_QUARANTINE}
    )
    oracle = Oracle(landing, past_due_tolerance())
    published, expected = {}, {}
    for number, day in enumerate(summary.business_dates):
        land_all(day, settings)
        compute(day, settings, audited=number % 4 == 0)
        published[day] = published_positions(settings, day)
        expected[day] = oracle.positions(day)
    yield Kiva(settings, published, expected)
    server.drop_database("kiva")


@pytest.fixture(scope="module")
def key() -> pd.DataFrame:
    """What Kiva says of its loans, and two sums of the snapshot: what was scheduled, and what was paid."""
    loans, schedule, payments = kiva.read_snapshot(real_data("kiva"))
    answers = loans.set_index("loan_id")[["status", "delinquent", "paid_date"]]
    answers["scheduled"] = schedule["amount"].map(Decimal).groupby(schedule["loan_id"]).sum()
    answers["paid"] = payments["local_amount"].map(Decimal).groupby(payments["loan_id"]).sum()
    return answers


def loans_with(key: pd.DataFrame, status: str, *, scheduled: bool = True) -> list[str]:
    return list(key.index[(key["status"] == status) & (key["scheduled"].notna() == scheduled)])


def test_the_warehouse_and_the_oracle_agree_on_every_loan_and_business_date(book: Kiva):
    assert len(book.published) == 13
    for day, published in book.published.items():
        assert differences(book.oracle[day], published) == [], day


@pytest.mark.parametrize("opinion", ["published", "oracle"])
def test_every_loan_that_kiva_calls_paid_is_paid_off_and_every_defaulted_one_is_open(book: Kiva, key, opinion):
    positions = getattr(book, opinion)[book.last]
    paid, defaulted = loans_with(key, "paid"), loans_with(key, "defaulted")
    assert Counter(positions[loan_id].loan_status for loan_id in paid) == {"PAID_OFF": 610}
    assert Counter(positions[loan_id].loan_status for loan_id in defaulted) == {"ACTIVE": 6}
    assert all(positions[loan_id].days_past_due > 0 for loan_id in defaulted)
    assert set(key.index[(key["delinquent"] == "True") & key["scheduled"].notna()]) == set(defaulted)


@pytest.mark.parametrize("opinion", ["published", "oracle"])
def test_the_payoff_date_is_kivas_own_wherever_the_payments_add_up_to_the_schedule(book: Kiva, key, opinion):
    positions = getattr(book, opinion)[book.last]
    paid = key.loc[loans_with(key, "paid")]
    adds_up = paid[(paid["paid"] - paid["scheduled"]).map(abs) <= Decimal("1.00")]
    found = {loan_id: str(positions[loan_id].paid_off_date) for loan_id in adds_up.index}
    assert len(found) == 518
    assert found == adds_up["paid_date"].to_dict()


def test_a_refunded_loan_is_never_past_due_never_live_and_never_on_a_list(book: Kiva, key):
    refunded = loans_with(key, "refunded")
    assert len(refunded) == 164
    for day, published in book.published.items():
        seen = [published[loan_id] for loan_id in refunded if loan_id in published]
        assert {(each.loan_status, each.days_past_due, each.past_due_amount) for each in seen} <= {
            ("CANCELLED", 0, Decimal("0.00"))
        }, day
    assert all(loan_id in book.published[book.last] for loan_id in refunded)
    with connect(book.settings, role="postloan_owner") as connection:
        (listed,) = connection.execute(
            "select count(*) from published.warning_list where loan_id = any(%s)", (refunded,)
        ).fetchone()
    assert listed == 0


def test_the_defaulted_loans_end_on_the_warning_list(book: Kiva, key):
    with connect(book.settings, role="reader") as connection:
        listed = {loan_id for (loan_id,) in connection.execute("select loan_id from serving.warning_list")}
    assert set(loans_with(key, "defaulted")) <= listed


def test_loans_without_a_schedule_are_in_quarantine_because_nobody_knows_their_currency(book: Kiva, key):
    unscheduled = set(key.index[key["scheduled"].isna()])
    assert len(unscheduled) == 216
    quarantined = quarantine(book, "loan_contract")
    assert {loan_id for loan_id, columns in quarantined.items() if "currency" in columns} == unscheduled
    assert not unscheduled & book.published[book.last].keys(), "they have no position, not even an empty one"


def test_scheduled_loans_that_are_deleted_or_without_a_status_are_quarantined_and_excluded(book: Kiva, key):
    doubtful = {*loans_with(key, "deleted"), *loans_with(key, "")}
    assert len(doubtful) == 4
    quarantined = quarantine(book, "loan_contract")
    assert {loan_id for loan_id, columns in quarantined.items() if "contract_status" in columns} == doubtful
    for loan_id in doubtful:
        position = book.published[book.last][loan_id]
        assert (position.loan_status, position.exclusion_reason_code) == ("EXCLUDED", "NO_CONTRACT")


def test_every_row_and_cent_of_the_snapshot_is_accounted_for(book: Kiva):
    with connect(book.settings, role="postloan_owner") as connection:
        rows = connection.execute(
            "select table_name, sum(rows_in), sum(rows_loaded), sum(rows_quarantined), sum(control_total_in), "
            "sum(control_total_loaded + control_total_unchanged + control_total_quarantined + control_total_duplicate) "
            "from ops.load_batch where part = 'delivered' group by table_name"
        ).fetchall()
    # the contracts come as a whole on each of the 13 dates, the same 220 unusable ones among them
    assert {table: (int(rows_in), int(loaded), int(refused)) for table, rows_in, loaded, refused, *_ in rows} == {
        "loan_contract": (12_307, 780, 13 * 220),
        "repayment_schedule": (6_987, 6_987, 0),
        "repayment_transaction": (6_527, 4_831, 1_696),
    }
    assert all(total_in == accounted for *_, total_in, accounted in rows)


def quarantine(book: Kiva, table: str) -> dict[str, set[str]]:
    """Loans with a refused row in the table, with the columns that were the reason."""
    with connect(book.settings, role="postloan_owner") as connection:
        rows = connection.execute(
            "select subject_id, array_agg(distinct column_name) from quarantine.rows "
            "where table_name = %s group by subject_id",
            (table,),
        ).fetchall()
    return {loan_id: set(columns) for loan_id, columns in rows}
