"""The sample bank's loans: the same however many are made, and behaving as their class says."""

from datetime import date, timedelta

import numpy as np
import pandas as pd
import pytest

from include.sample_bank import bank as bank_module
from include.sample_bank import frames, truth
from include.sample_bank.bank import SampleBank
from include.sample_bank.behaviours import BEHAVIOURS, STRESSED
from include.sample_bank.lives import CANCELLED, CHARGED_OFF, CLOSED
from include.sample_bank.loans import day_number
from include.sample_bank.repayments import PAYMENT, REVERSAL
from include.sample_bank.second_versions import REASONS

FIRST, LAST = date(2023, 1, 1), date(2026, 1, 31)
FAR = day_number(date(2031, 12, 31))
GOLDEN = [
    ("0000000000", "C0000000000", "11700.00", date(2026, 1, 7)),
    ("0000000001", "C0000000000", "600.00", date(2026, 9, 5)),
    ("0000000002", "C0000000002", "600.00", date(2023, 1, 31)),
]


@pytest.fixture(scope="module")
def lives():
    return next(SampleBank(11, 6_000, FIRST, mix=STRESSED).lives())


@pytest.fixture(scope="module")
def realistic():
    return next(SampleBank(11, 12_000, FIRST).lives())


def is_called(lives, name):
    return lives.behaviours == BEHAVIOURS.index(name)


def test_a_loan_lives_the_same_life_in_a_small_bank_and_in_a_large_one(monkeypatch):
    small = next(SampleBank(5, 50, FIRST).lives())
    monkeypatch.setattr(bank_module, "BLOCK", 700)
    blocks = list(SampleBank(5, 2_000, FIRST).lives())
    assert len(blocks) == 3
    for made in (frames.loan_contract, frames.repayment_schedule, frames.repayment_transaction):
        span = (FAR,) if made is frames.loan_contract else (0, FAR)
        few, many = (made(block, *span).to_pandas() for block in (small, blocks[0]))
        many = many[many["loan_id"].astype(int) < 50]
        key = ["transaction_id"] if "transaction_id" in few else list(few.columns[:5])
        pd.testing.assert_frame_equal(
            few.sort_values(key).reset_index(drop=True), many.sort_values(key).reset_index(drop=True)
        )


def test_the_same_seed_is_the_same_bank_on_every_machine():
    contract = frames.loan_contract(next(SampleBank(1, 3, FIRST).lives()), FAR).to_pylist()
    told = [
        (row["loan_id"], row["borrower_id"], str(row["principal_amount"]), row["disbursement_date"]) for row in contract
    ]
    assert told == GOLDEN


def test_the_days_deliver_exactly_what_the_history_would(lives):
    whole = frames.repayment_transaction(lives, 0, day_number(LAST)).to_pandas()
    days = [frames.repayment_transaction(lives, 0, day_number(LAST) - 40)]
    days += [
        frames.repayment_transaction(lives, day - 1, day) for day in range(day_number(LAST) - 39, day_number(LAST) + 1)
    ]
    together = pd.concat(day.to_pandas() for day in days)
    assert len(together) == len(whole) == whole["transaction_id"].nunique()
    assert set(together["transaction_id"]) == set(whole["transaction_id"])


def test_a_schedule_delivered_wrong_is_delivered_again_right(lives):
    wrong = np.flatnonzero(lives.schedule_fixed_on < FAR)
    assert len(wrong) > 100
    first = day_number(FIRST) - 1
    for loan in wrong[:20]:
        paid_out, fixed = int(lives.loans.disbursed_on[loan]), int(lives.schedule_fixed_on[loan])
        name = f"{lives.loans.ids[loan]:010d}"

        def of_loan(after, until, name=name):
            rows = frames.repayment_schedule(lives, after, until).to_pandas()
            return rows[(rows["loan_id"] == name) & (rows["schedule_version"] == 1)].reset_index(drop=True)

        again = of_loan(fixed - 1, fixed)
        pd.testing.assert_frame_equal(again, of_loan(first, fixed))
        if lives.loans.rates[loan] > 0:
            assert of_loan(paid_out - 1, paid_out)["interest_due_amount"].sum() < again["interest_due_amount"].sum()


def test_every_loan_is_lent_once_and_a_new_schedule_lists_what_is_left(lives):
    assert (lives.original.principal.sum(axis=1) == lives.loans.principals).all()
    rows = lives.second.rows
    left = lives.second.schedules.principal.sum(axis=1)
    number = np.arange(lives.original.exists.shape[1])
    paid = np.where(number < lives.second.paid_counts[:, None], lives.original.principal[rows], 0).sum(axis=1)
    assert (paid + left == lives.loans.principals[rows]).all()


def test_what_was_paid_before_a_new_schedule_is_whole_instalments(lives):
    second_on = dict(zip(lives.second.rows.tolist(), lives.second.effective_on.tolist(), strict=True))
    paid = dict.fromkeys(second_on, 0)
    for loan, value_on, cents in zip(lives.bookings.loan, lives.bookings.value_on, lives.bookings.cents, strict=True):
        if loan in second_on and value_on < second_on[loan]:
            paid[loan] += int(cents)
    for row, count in zip(lives.second.rows.tolist(), lives.second.paid_counts.tolist(), strict=True):
        assert paid[row] == lives.original.amount[row, :count].sum()


def test_closed_loans_owe_nothing_and_cancelled_ones_gave_back_what_they_got(lives):
    flat = truth.books(lives)
    end = truth.positions(lives, flat, FAR).set_index("loan_id")
    ended = end[end["contract_status"].isin(["CLOSED", "CANCELLED"])]
    assert (ended["past_due_amount"] == 0).all()
    assert (ended["principal_outstanding_amount"] == 0).all()
    assert (end["contract_status"] != "ACTIVE").all()
    assert (lives.final_status == CANCELLED).sum() == is_called(lives, "CANCELLED").sum() > 0


def test_a_loan_is_charged_off_half_a_year_after_its_first_unpaid_instalment(lives):
    flat = truth.books(lives)
    charged_off = np.flatnonzero((lives.final_status == CHARGED_OFF) & is_called(lives, "STOPS"))
    day = int(lives.status_on[charged_off[0]])
    now = truth.positions(lives, flat, day).set_index("loan_id")
    days = now.loc[f"{lives.loans.ids[charged_off[0]]:010d}", "days_past_due"]
    assert 181 <= days <= 211


def test_a_reversal_takes_back_one_payment_of_the_same_loan_to_the_cent(lives):
    rows = frames.repayment_transaction(lives, 0, FAR).to_pandas().set_index("transaction_id")
    reversals = rows[rows["transaction_type"] == "REVERSAL"]
    taken_back = rows.loc[reversals["reversal_of_transaction_id"]]
    assert len(reversals) > 100
    assert (taken_back["transaction_type"] == "REPAYMENT").all()
    assert (reversals["amount"].to_numpy() + taken_back["amount"].to_numpy() == 0).all()
    assert (reversals["loan_id"].to_numpy() == taken_back["loan_id"].to_numpy()).all()
    lag = pd.to_datetime(reversals["booking_date"]).to_numpy() - pd.to_datetime(taken_back["booking_date"]).to_numpy()
    assert set((lag / np.timedelta64(1, "D")).astype(int)) == {1, 2, 3, 4, 5}
    assert (rows.loc[rows["transaction_type"] == "REPAYMENT", "amount"] > 0).all()


def test_a_loan_is_not_closed_on_a_payment_that_bounces(lives):
    reversals = lives.bookings.of(lives.bookings.part == REVERSAL)
    counts = np.where(
        reversals.version == 1,
        lives.loans.instalment_counts[reversals.loan],
        lives.original.exists.shape[1],
    )
    assert (reversals.number < counts).all()


def test_a_restructure_takes_arrears_and_a_penalty_into_its_first_instalment(lives):
    restructured = np.flatnonzero(lives.second.reasons == REASONS.index("RESTRUCTURE"))
    schedules = lives.second.schedules.of(restructured)
    assert (schedules.penalty[:, 0] > 0).mean() > 0.95
    assert (schedules.penalty[:, 1:] == 0).all()
    assert (schedules.interest[:, 0] > schedules.interest[:, 1]).mean() > 0.8
    days_late = (
        lives.second.effective_on[restructured]
        - lives.original.due_on[lives.second.rows[restructured], lives.second.paid_counts[restructured]]
    )
    assert days_late.min() >= 30 and days_late.max() <= 75


def test_some_loans_are_quiet_for_more_than_400_days(realistic):
    quiet = 0
    for loan in np.flatnonzero(realistic.loans.months >= 18)[:3_000]:
        events = realistic.bookings.booked_on[realistic.bookings.loan == loan]
        quiet += bool(len(events)) and int(events.min() - realistic.loans.disbursed_on[loan]) > 400
    assert quiet >= 10


def lateness(lives, name):
    """Days from due date to first payment, loans x instalments in order, of one behaviour."""
    chosen = (
        (lives.bookings.part == PAYMENT) & (lives.bookings.version == 1) & is_called(lives, name)[lives.bookings.loan]
    )
    bookings = lives.bookings.of(chosen)
    due = lives.original.due_on[bookings.loan, bookings.number - 1]
    frame = pd.DataFrame({"loan": bookings.loan, "number": bookings.number, "late": bookings.value_on - due})
    return frame.sort_values(["loan", "number"])


def test_early_payers_are_early_and_late_payers_late(lives):
    assert lateness(lives, "EARLY")["late"].max() < 0
    assert lateness(lives, "ON_TIME")["late"].max() <= 0
    late = lateness(lives, "HABITUALLY_LATE")["late"]
    assert 1 <= late.median() <= 12 and late.max() <= 15


def test_sliding_loans_get_later_every_month_until_they_stop(lives):
    slide = lateness(lives, "SLIDE")
    late = slide[slide["late"] > 0].groupby("loan")["late"]
    assert late.apply(lambda days: days.is_monotonic_increasing).all()
    assert late.max().median() >= 20


def test_some_loans_catch_up_and_slide_again(lives):
    curing = lateness(lives, "CURE_AND_SLIDE").groupby("loan")["late"].apply(list)
    shapes = ["".join("L" if days > 0 else "." for days in life) for life in curing]
    assert sum("LLL." in shape and ".L" in shape.split("LLL.", 1)[1] for shape in shapes) > 20


def test_first_payment_defaulters_miss_the_first_instalment_and_early_settlers_close_before_their_term(lives):
    facts = truth.loan_facts(lives, truth.books(lives))
    first_due = pd.Series(lives.original.due_on[:, 0])
    missed = pd.to_datetime(facts["first_missed_due_date"])
    default = facts["behaviour"] == "FIRST_PAYMENT_DEFAULT"
    assert (missed[default] == pd.to_datetime(first_due, unit="D")[default]).all()
    settled = np.flatnonzero(is_called(lives, "EARLY_SETTLEMENT"))
    last_due = lives.original.due_on.max(axis=1)
    assert (lives.final_status[settled] == CLOSED).all()
    assert (
        lives.second.effective_on[np.isin(lives.second.rows, settled)]
        < last_due[lives.second.rows[np.isin(lives.second.rows, settled)]]
    ).all()
    assert facts.loc[facts["behaviour"] == "EARLY", "first_missed_due_date"].isna().all()


def test_bounced_and_partly_paid_instalments_are_there(lives):
    parts = lives.bookings.part[is_called(lives, "BOUNCED")[lives.bookings.loan]]
    assert (parts == REVERSAL).mean() > 0.05
    partial = lives.bookings.of(is_called(lives, "PARTIAL")[lives.bookings.loan])
    assert len(partial) > lives.original.exists[is_called(lives, "PARTIAL")].sum() * 1.2


@pytest.mark.parametrize("day", [date(2024, 12, 31), date(2025, 6, 30), date(2025, 12, 31)])
def test_the_book_looks_like_a_real_one(realistic, day):
    summary = truth.portfolio_summary(truth.positions(realistic, truth.books(realistic), day_number(day)))
    assert 0.85 <= summary["on_time"] <= 0.95
    assert 0.02 <= summary["par30"] <= 0.06
    assert 0.008 <= summary["over_90"] <= 0.03


def test_borrowers_have_one_to_four_loans_and_new_loans_come_every_week(realistic):
    loans = pd.Series(realistic.loans.borrowers).value_counts()
    assert set(loans) == {1, 2, 3, 4}
    assert 0.6 < (loans == 1).mean() < 0.9
    weeks = np.unique((realistic.loans.disbursed_on - day_number(FIRST)) // 7)
    assert len(weeks) == 209
    assert set(realistic.loans.months) == {1, 2, 3, 6, 9, 12, 18, 24, 36}


def test_a_wrong_borrower_is_put_right_one_day(lives):
    wrong = np.flatnonzero(lives.loans.borrower_corrected_on < FAR)
    assert len(wrong) > 100
    day = int(lives.loans.borrower_corrected_on[wrong[0]])
    before, after = (frames.loan_contract(lives, when).to_pandas().set_index("loan_id") for when in (day - 1, day))
    name = f"{lives.loans.ids[wrong[0]]:010d}"
    assert before.loc[name, "borrower_id"] != after.loc[name, "borrower_id"]


def test_the_extract_of_a_day_shows_the_state_of_that_day(lives):
    day = LAST - timedelta(days=100)
    rows = frames.loan_contract(lives, day_number(day)).to_pandas()
    assert rows["disbursement_date"].max() <= day
    ended = rows["contract_status"] != "ACTIVE"
    assert rows.loc[ended, "status_date"].max() <= day
    assert rows.loc[~ended, "status_date"].isna().all()
    assert set(rows["contract_status"]) == {"ACTIVE", "CLOSED", "CHARGED_OFF", "SOLD", "CANCELLED"}
