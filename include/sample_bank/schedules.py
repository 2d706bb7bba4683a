"""Repayment schedules, exact to the cent: the principal parts add up to the loan, the last one takes the rounding.

Arrays are loans x instalments; cells beyond a loan's instalment count are zero and masked by ``exists``.
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from include.sample_bank.loans import BULLET, EQUAL_INSTALMENT, EQUAL_PRINCIPAL, INTEREST_FIRST, OTHER
from include.sample_bank.randomness import Cents, Days

_FIRST_MONTH = np.datetime64("1970-01", "M")
MONTH_STARTS = (_FIRST_MONTH + np.arange(12 * 130)).astype("datetime64[D]").astype(np.int64)
MILLION = 1_000_000


@dataclass(frozen=True)
class Schedules:
    """One schedule version of each loan: shapes (loans, instalments), amounts in cents."""

    exists: NDArray[np.bool_]
    due_on: Days
    principal: Cents
    interest: Cents
    fee: Cents
    penalty: Cents

    @property
    def amount(self) -> Cents:
        return self.principal + self.interest + self.fee + self.penalty

    def of(self, rows: NDArray[np.int64]) -> "Schedules":
        """The schedules of some of the loans."""
        return Schedules(*(getattr(self, name)[rows] for name in self.__dataclass_fields__))

    def where(self, chosen: NDArray[np.bool_]) -> "Schedules":
        """The same shape, with the instalments of the chosen loans only."""
        return replace(self, exists=self.exists & chosen[:, None])

    def with_first(self, *, interest: Cents, penalty: Cents) -> "Schedules":
        """The same with more to pay in the first instalment."""
        new_interest, new_penalty = self.interest.copy(), self.penalty.copy()
        new_interest[:, 0] += interest
        new_penalty[:, 0] += penalty
        return replace(self, interest=new_interest, penalty=new_penalty)


def month_of(days: Days) -> NDArray[np.int64]:
    """Months since 1970-01."""
    return np.searchsorted(MONTH_STARTS, days, side="right") - 1


def months_later(days: Days, months: NDArray[np.int64]) -> Days:
    """The same day of a later month, or that month's last day: 31 January plus one month is the end of February."""
    month = month_of(days)
    day_of_month = days - MONTH_STARTS[month]
    target = month + months
    last_day: Days = MONTH_STARTS[target + 1] - 1
    same_day: Days = np.minimum(MONTH_STARTS[target] + day_of_month, last_day)
    return same_day


def amortise(
    *,
    principals: Cents,
    rates: NDArray[np.int64],
    methods: NDArray[np.int64],
    months: NDArray[np.int64],
    fees: Cents,
    start_on: Days,
) -> Schedules:
    """The schedules of loans paid out on ``start_on``: rates in millionths a year, one instalment a month.

    A bullet loan has one instalment, after ``months``, with interest by the day (actual/365).
    """
    counts = np.where(methods == BULLET, 1, months)
    width = int(counts.max(initial=1))
    number = np.arange(1, width + 1)
    exists = number[None, :] <= counts[:, None]
    due_month = np.where((methods == BULLET)[:, None], months[:, None], number[None, :])
    due_on = months_later(start_on[:, None], np.where(exists, due_month, 0))
    rates = np.maximum(rates, 0)
    level = _level_payment(principals, rates, counts)
    share = principals // np.where(methods == OTHER, 2 * counts, counts)
    principal, interest = np.zeros(exists.shape, dtype=np.int64), np.zeros(exists.shape, dtype=np.int64)
    balance = principals.copy()
    for index in range(width):
        month_interest = _rounded(balance * rates, 12 * MILLION)
        part = np.select(
            [methods == EQUAL_INSTALMENT, (methods == EQUAL_PRINCIPAL) | (methods == OTHER), methods == INTEREST_FIRST],
            [level - month_interest, share, 0],
        )
        part = np.where(counts == index + 1, balance, np.clip(part, 0, balance))
        principal[:, index] = np.where(exists[:, index], part, 0)
        interest[:, index] = np.where(exists[:, index], month_interest, 0)
        balance = balance - principal[:, index]
    is_bullet = methods == BULLET
    by_day = _rounded(principals * rates * (due_on[:, 0] - start_on), 365 * MILLION)
    interest[is_bullet, 0] = by_day[is_bullet]
    fee = np.where(exists, fees[:, None], 0)
    return Schedules(exists, due_on, principal, interest, fee, np.zeros_like(fee))


def accrued_interest(balance: Cents, rates: NDArray[np.int64], days: NDArray[np.int64]) -> Cents:
    """Interest by the day (actual/365), rounded to the cent."""
    return _rounded(balance * np.maximum(rates, 0) * days, 365 * MILLION)


def _rounded(numerator: Cents, denominator: int) -> Cents:
    """Half a cent goes up; whole numbers only, so nothing depends on the machine."""
    return (2 * numerator + denominator) // (2 * denominator)


def _level_payment(principals: Cents, rates: NDArray[np.int64], counts: NDArray[np.int64]) -> Cents:
    """The equal instalment 等额本息; the one place with floating point, its result is rounded to the cent."""
    monthly = rates / (12 * MILLION)
    with np.errstate(divide="ignore", invalid="ignore"):
        level = principals * monthly / (1 - (1 + monthly) ** -counts.astype(np.float64))
    return np.where(rates == 0, principals // counts, np.rint(np.nan_to_num(level))).astype(np.int64)
