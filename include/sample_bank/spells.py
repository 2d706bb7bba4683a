"""Times past due, loan by loan, and what was owed and paid inside them."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from include.sample_bank.loans import NEVER
from include.sample_bank.randomness import Cents, Days
from include.sample_bank.world import World

_LONGER_THAN_ANY_DAY = np.int64(1) << np.int64(32)


@dataclass(frozen=True)
class Spells:
    """From the due date of the first instalment missed until everything is caught up, or the loan ends."""

    loan: NDArray[np.int64]
    start_on: Days
    end_on: Days

    def __len__(self) -> int:
        return len(self.loan)


def make_spells(world: World) -> Spells:
    """Every time past due of every loan."""
    rows = world.instalments
    rows = rows.of(rows.is_missed & (rows.due_on < world.lives.status_on[rows.loan]))
    order = np.lexsort((rows.due_on, rows.loan))
    rows = rows.of(order)
    key = rows.loan * _LONGER_THAN_ANY_DAY
    reached = np.maximum.accumulate(key + rows.settled_on)
    begins = np.ones(len(rows.loan), dtype=np.bool_)
    begins[1:] = (rows.loan[1:] != rows.loan[:-1]) | (key[1:] + rows.due_on[1:] > reached[:-1])
    first = np.flatnonzero(begins)
    last = np.append(first[1:], len(begins))[: len(first)] - 1
    end_on = reached[last] - key[last] if len(last) else np.empty(0, dtype=np.int64)
    loan = rows.loan[first]
    return Spells(loan, rows.due_on[first], np.minimum(end_on, world.lives.status_on[loan]))


class Money:
    """What was received for loans and what fell due, between any two days, without a loop over loans."""

    def __init__(self, world: World) -> None:
        lives, bookings = world.lives, world.lives.bookings
        order = np.lexsort((bookings.value_on, bookings.loan))
        self._paid_key = bookings.loan[order] * _LONGER_THAN_ANY_DAY + bookings.value_on[order]
        self._paid = np.concatenate([[0], np.cumsum(bookings.cents[order])])
        self._value_on = bookings.value_on[order]
        self._loan = bookings.loan[order]
        self._since = np.zeros(len(lives.loans), dtype=np.int64)
        self._since[lives.second.rows] = lives.second.effective_on
        rows = world.instalments
        key = (rows.loan * 2 + rows.version - 1) * _LONGER_THAN_ANY_DAY + rows.due_on
        place = np.argsort(key, kind="stable")
        self._due_key, self._due = key[place], np.concatenate([[0], np.cumsum(rows.amount[place])])

    def received(self, loan: NDArray[np.int64], first: Days, last: Days) -> Cents:
        """What was paid for each loan on the days from ``first`` to ``last``, both included."""
        key = loan * _LONGER_THAN_ANY_DAY
        low = np.searchsorted(self._paid_key, key + first, side="left")
        return self._paid[np.searchsorted(self._paid_key, key + last, side="right")] - self._paid[low]

    def owed(self, loan: NDArray[np.int64], day: Days) -> Cents:
        """What is due by a day and not paid, by the schedule in force."""
        is_second = (self._since[loan] > 0) & (self._since[loan] <= day)
        key = (loan * 2 + is_second) * _LONGER_THAN_ANY_DAY
        due = self._due[np.searchsorted(self._due_key, key + day, side="right")]
        due = due - self._due[np.searchsorted(self._due_key, key, side="left")]
        paid = self.received(loan, np.where(is_second, self._since[loan], 0), day)
        return np.maximum(due - paid, 0)

    def next_payment_on(self, loan: NDArray[np.int64], day: Days) -> Days:
        """The day of the first payment on or after a day; NEVER when there is none."""
        if not len(self._paid_key):
            return np.full(len(loan), NEVER)
        place = np.searchsorted(self._paid_key, loan * _LONGER_THAN_ANY_DAY + day, side="left")
        inside = np.minimum(place, len(self._paid_key) - 1)
        is_its = (place < len(self._paid_key)) & (self._loan[inside] == loan)
        return np.where(is_its, self._value_on[inside], NEVER)
