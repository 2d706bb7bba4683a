"""The whole life of a block of loans, from the first day to the last, whatever dates are asked for."""

from dataclasses import dataclass, replace
from datetime import date

import numpy as np
from numpy.typing import NDArray

from include.sample_bank.behaviours import BEHAVIOURS, Mix, Plans, draw_behaviours, make_plans
from include.sample_bank.golden import golden_loans, with_golden_loans
from include.sample_bank.loans import NEVER, Loans, make_loans
from include.sample_bank.randomness import Cents, Chance, Days, Ids, pick
from include.sample_bank.repayments import Bookings, book, payment_methods, recoveries
from include.sample_bank.schedules import Schedules, amortise
from include.sample_bank.second_versions import SecondVersions, make_second_versions

STATUSES = ("ACTIVE", "CLOSED", "CHARGED_OFF", "SOLD", "CANCELLED")
ACTIVE, CLOSED, CHARGED_OFF, SOLD, CANCELLED = range(5)
CHARGE_OFF_AFTER_DAYS = 181


@dataclass(frozen=True)
class Lives:
    """What happens to a block of loans."""

    loans: Loans
    behaviours: NDArray[np.int64]  # index into BEHAVIOURS
    original: Schedules
    second: SecondVersions
    bookings: Bookings
    payment_methods: NDArray[np.int64]  # one per booking
    final_status: NDArray[np.int64]  # index into STATUSES
    status_on: Days  # since when; before that the loan is ACTIVE
    schedule_fixed_on: Days  # a first delivery of version 1 was wrong and is delivered again that day; else NEVER


def live(chance: Chance, ids: Ids, first_date: date, window_days: int, mix: Mix, golden_on: int | None = None) -> Lives:
    """The lives of these loans; ``golden_on``: the day on which the golden case begins, if the bank has it."""
    loans = make_loans(chance, ids, first_date, window_days, wrong_borrower=mix.wrong_borrower)
    loans = with_golden_loans(loans, golden_on)
    behaviours = draw_behaviours(chance, loans, mix)
    behaviours[golden_loans(loans.ids, golden_on)] = BEHAVIOURS.index("STOPS")
    original = amortise(
        principals=loans.principals,
        rates=loans.rates,
        methods=loans.methods,
        months=loans.months,
        fees=loans.fees,
        start_on=loans.disbursed_on,
    )
    second = make_second_versions(chance, loans, behaviours, original)
    plans = _original_plans(chance, loans, behaviours, second)
    bookings = book(
        chance,
        ids=ids,
        rows=np.arange(len(ids)),
        version=1,
        schedules=original,
        plans=plans,
        earliest_on=loans.disbursed_on + 1,
    )
    second_plans, second_bookings = _second_life(chance.again("second version"), loans, behaviours, second)
    stopped_on = _first_unpaid(original, plans)
    stopped_on[second.rows] = _first_unpaid(second.schedules, second_plans)
    status, status_on = _endings(chance, loans, behaviours, stopped_on, (bookings, second_bookings))
    charged_off_on = np.where(status == CHARGED_OFF, status_on, -1)
    late = recoveries(chance, loans, charged_off_on, _owed(loans, bookings, second, second_bookings))
    late = replace(late, version=np.where(np.isin(late.loan, second.rows), 2, 1))
    together = Bookings.together([bookings, second_bookings, late])
    fixed = (chance.uniform(ids, "wrong schedule") < mix.wrong_schedule) & (behaviours != BEHAVIOURS.index("CANCELLED"))
    return Lives(
        loans=loans,
        behaviours=behaviours,
        original=original,
        second=second,
        bookings=together,
        payment_methods=payment_methods(chance, loans, together),
        final_status=status,
        status_on=status_on,
        schedule_fixed_on=np.where(fixed, loans.disbursed_on + chance.whole(ids, "schedule fixed", 1, 10), NEVER),
    )


def _original_plans(chance: Chance, loans: Loans, behaviours: NDArray[np.int64], second: SecondVersions) -> Plans:
    """Until the second schedule starts, whole instalments are paid by their due date; after it, none of the first."""
    plans = make_plans(chance, loans.ids, behaviours, loans.instalment_counts)
    number = np.arange(plans.is_never.shape[1])
    plans.is_never[second.rows] = number[None, :] >= second.paid_counts[:, None]
    return plans


def _second_life(
    chance: Chance, loans: Loans, behaviours: NDArray[np.int64], second: SecondVersions
) -> tuple[Plans, Bookings]:
    """After a restructure half pay on time, a quarter slips now and then, a quarter stops for good."""
    ids = loans.ids[second.rows]
    counts = second.schedules.exists.sum(axis=1)
    names = np.array(BEHAVIOURS)[behaviours[second.rows]]
    after = np.array([BEHAVIOURS.index(name) for name in ("ON_TIME", "OCCASIONALLY_LATE", "STOPS")])
    habits = np.full(len(ids), BEHAVIOURS.index("CANCELLED"), dtype=np.int64)  # exactly on the due date
    habits[names == "DUE_DAY_CHANGE"] = BEHAVIOURS.index("ON_TIME")
    is_restructured = names == "RESTRUCTURED"
    habits[is_restructured] = after[pick(chance.uniform(ids[is_restructured], "afterwards"), [0.5, 0.25, 0.25])]
    plans = make_plans(chance, ids, habits, counts)
    bookings = book(
        chance,
        ids=ids,
        rows=second.rows,
        version=2,
        schedules=second.schedules,
        plans=plans,
        earliest_on=second.effective_on,
    )
    return plans, bookings


def _endings(
    chance: Chance,
    loans: Loans,
    behaviours: NDArray[np.int64],
    stopped_on: Days,
    booked: tuple[Bookings, Bookings],
) -> tuple[NDArray[np.int64], Days]:
    """How each loan ends and when: paid off, charged off half a year after its first missed instalment, or sold."""
    last_booked = np.zeros(len(loans), dtype=np.int64)
    for bookings in booked:
        np.maximum.at(last_booked, bookings.loan, bookings.booked_on)
    status = np.where(stopped_on < NEVER, CHARGED_OFF, CLOSED)
    charged_off_on = stopped_on + chance.whole(loans.ids, "charged off after", 0, 30) + CHARGE_OFF_AFTER_DAYS
    status_on = np.where(stopped_on < NEVER, charged_off_on, last_booked)
    is_sold = behaviours == BEHAVIOURS.index("SOLD")
    status[is_sold] = SOLD
    status_on[is_sold] = (stopped_on + chance.whole(loans.ids, "sold after", 100, 170))[is_sold]
    status[behaviours == BEHAVIOURS.index("CANCELLED")] = CANCELLED
    return status, status_on


def _first_unpaid(schedules: Schedules, plans: Plans) -> Days:
    unpaid = schedules.exists & plans.is_never
    first = schedules.due_on[np.arange(len(unpaid)), unpaid.argmax(axis=1)]
    return np.where(unpaid.any(axis=1), first, NEVER)


def _owed(loans: Loans, bookings: Bookings, second: SecondVersions, second_bookings: Bookings) -> Cents:
    """A sum that a recovery may be a part of: principal less what was paid, at least something."""
    owed = loans.principals.copy()
    for paid in (bookings, second_bookings):
        np.subtract.at(owed, paid.loan, paid.cents)
    return np.maximum(owed, loans.principals // 10)
