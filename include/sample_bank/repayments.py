"""Plans become bookings: payments, rests, bounced payments with their reversal, and what is paid after that."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from include.sample_bank.behaviours import Plans
from include.sample_bank.loans import Loans
from include.sample_bank.randomness import Cents, Chance, Days, Ids, pick
from include.sample_bank.schedules import Schedules

PAYMENT, REST, REVERSAL, RECOVERY = 1, 2, 3, 4
# days from the value date to the booking: nearly always none, a weekend now and then, rarely a week
BOOKING_LAGS = (0, 1, 2, 3, 7)
BOOKING_LAG_WEIGHTS = [0.965, 0.025, 0.006, 0.003, 0.001]
METHODS = ("代扣", "转账", "扫码", "柜面")
METHOD_WEIGHTS = [0.70, 0.18, 0.10, 0.02]


@dataclass(frozen=True)
class Bookings:
    """Repayment transactions as columns; ``loan`` is the row of the loan in its block, ``cents`` is signed."""

    loan: NDArray[np.int64]
    version: NDArray[np.int64]
    number: NDArray[np.int64]  # instalment that it was meant for
    part: NDArray[np.int64]  # PAYMENT, REST, REVERSAL (of the payment of the same number) or RECOVERY
    value_on: Days
    booked_on: Days
    cents: Cents

    def __len__(self) -> int:
        return len(self.loan)

    def of(self, chosen: NDArray[np.int64] | NDArray[np.bool_]) -> "Bookings":
        return Bookings(*(getattr(self, name)[chosen] for name in self.__dataclass_fields__))

    @classmethod
    def together(cls, parts: list["Bookings"]) -> "Bookings":
        return cls(*(np.concatenate([getattr(part, name) for part in parts]) for name in cls.__dataclass_fields__))


def book(
    chance: Chance,
    *,
    ids: Ids,
    rows: NDArray[np.int64],
    version: int,
    schedules: Schedules,
    plans: Plans,
    earliest_on: Days,
) -> Bookings:
    """All bookings that these plans lead to; ``rows`` are the loans' rows in their block."""
    width = plans.delay.shape[1]
    pay = _amounts(chance, ids, schedules, plans)
    pays = schedules.exists & ~plans.is_never & (pay > 0)
    value_on = np.maximum(schedules.due_on + plans.delay, earliest_on[:, None])
    lag = np.asarray(BOOKING_LAGS)[pick(chance.uniform(ids, "booking lag", width), BOOKING_LAG_WEIGHTS)]
    booked_on = value_on + lag
    first = pay * plans.first_percent // 100

    def bookings(part: int, chosen: NDArray[np.bool_], value: Days, booked: Days, cents: Cents) -> Bookings:
        loan, number = np.nonzero(chosen)
        same = np.full(len(loan), version, dtype=np.int64)
        kind = np.full(len(loan), part, dtype=np.int64)
        return Bookings(rows[loan], same, number + 1, kind, value[chosen], booked[chosen], cents[chosen])

    bounced = pays & (plans.bounce_days > 0)
    reversed_on = booked_on + plans.bounce_days
    # three reversals in ten are valued on the day of the payment itself: the past changes
    back_valued = chance.uniform(ids, "reversal is back-valued", width) < 0.3
    repaid_on = reversed_on + plans.repay_days
    rest_on = value_on + plans.rest_days
    in_parts = pays & ~bounced & (first < pay)
    return Bookings.together(
        [
            bookings(PAYMENT, pays, value_on, booked_on, np.where(bounced, pay, first)),
            bookings(REST, in_parts, rest_on, np.maximum(rest_on, booked_on), pay - first),
            bookings(REVERSAL, bounced, np.where(back_valued, value_on, reversed_on), reversed_on, -pay),
            bookings(REST, bounced, repaid_on, repaid_on, pay),
        ]
    )


def recoveries(chance: Chance, loans: Loans, charged_off_on: Days, owed: Cents) -> Bookings:
    """One charged-off loan in six pays a little back later. ``charged_off_on`` is negative for all others."""
    ids = loans.ids
    pays = (charged_off_on > 0) & (chance.uniform(ids, "recovery") < 0.16)
    rows = np.flatnonzero(pays)
    cents = owed[rows] * chance.whole(ids[rows], "recovered percent", 3, 30) // 100
    day = charged_off_on[rows] + chance.whole(ids[rows], "recovery day", 20, 300)
    one = np.ones(len(rows), dtype=np.int64)
    found = Bookings(rows, one, one * 99, one * RECOVERY, day, day, cents)
    return found.of(found.cents > 0)


def payment_methods(chance: Chance, loans: Loans, bookings: Bookings) -> NDArray[np.int64]:
    """Index into METHODS: a loan keeps to one way of paying, and rests and recoveries are transferred."""
    usual = pick(chance.uniform(loans.ids, "payment method"), METHOD_WEIGHTS)[bookings.loan]
    return np.where((bookings.part == REST) | (bookings.part == RECOVERY), METHODS.index("转账"), usual)


def _amounts(chance: Chance, ids: Ids, schedules: Schedules, plans: Plans) -> Cents:
    """What each payment brings: the distance between the cumulative sums that the borrower aims at."""
    due = np.cumsum(np.where(schedules.exists, schedules.amount, 0), axis=1)
    total = due[:, -1:]
    up, down = plans.round_cents > 0, plans.round_cents < 0
    aim = np.where(up, np.minimum(-(-due // 10_000) * 10_000, total), due)
    is_last = due == total
    aim = np.where(down & ~is_last, due // 100 * 100, aim)
    pay = np.diff(aim, axis=1, prepend=0)
    generous = (chance.uniform(ids, "pays too much") < 0.3)[:, None] & up & (aim == total) & (pay > 0)
    return pay + np.where(generous, chance.whole(ids, "paid too much", 1, 2_000)[:, None], 0)
