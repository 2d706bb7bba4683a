"""Schedules that replace the first one: restructures, early settlements, cancellations, a new due day.

Before its new schedule a loan has paid whole instalments only, so what is left is known to the cent.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from include.sample_bank.behaviours import BEHAVIOURS
from include.sample_bank.loans import EQUAL_INSTALMENT, PRODUCTS, Loans
from include.sample_bank.randomness import Cents, Chance, Days
from include.sample_bank.schedules import Schedules, accrued_interest, amortise

REASONS = ("ORIGINAL", "RESTRUCTURE", "SETTLEMENT", "CORRECTION")


@dataclass(frozen=True)
class SecondVersions:
    """Version 2 of some loans: ``rows`` are their rows in the block; it lists only what is due from then on."""

    rows: NDArray[np.int64]
    reasons: NDArray[np.int64]  # index into REASONS
    effective_on: Days
    paid_counts: NDArray[np.int64]  # whole instalments of version 1 that were paid before
    schedules: Schedules

    def __len__(self) -> int:
        return len(self.rows)


@dataclass(frozen=True)
class Case:
    """The loans of one behaviour that get a new schedule."""

    chance: Chance
    loans: Loans
    first: Schedules

    def share(self, purpose: str) -> NDArray[np.float64]:
        return self.chance.uniform(self.loans.ids, purpose)

    def days(self, purpose: str, low: int, high: int) -> NDArray[np.int64]:
        return self.chance.whole(self.loans.ids, purpose, low, high)

    def due_of(self, number: NDArray[np.int64]) -> Days:
        """Due date of each loan's instalment, counted from 0."""
        due_on: Days = self.first.due_on[np.arange(len(self.loans)), number]
        return due_on

    def left(self, paid: NDArray[np.int64]) -> NDArray[np.bool_]:
        number = np.arange(self.first.exists.shape[1])
        return self.first.exists & (number[None, :] >= paid[:, None])

    def principal_left(self, paid: NDArray[np.int64]) -> Cents:
        principal: Cents = np.where(self.left(paid), self.first.principal, 0).sum(axis=1)
        return principal


Outcome = tuple[NDArray[np.int64], Days, Schedules]  # whole instalments paid, effective on, the new schedule


def make_second_versions(
    chance: Chance, loans: Loans, behaviours: NDArray[np.int64], original: Schedules
) -> SecondVersions:
    """The second schedules of all loans whose behaviour has one."""
    rows, reasons, outcomes = [], [], []
    for name, (reason, maker) in MAKERS.items():
        chosen = np.flatnonzero(behaviours == BEHAVIOURS.index(name))
        rows.append(chosen)
        reasons.append(np.full(len(chosen), REASONS.index(reason), dtype=np.int64))
        outcomes.append(maker(Case(chance, loans.of(chosen), original.of(chosen))))
    return SecondVersions(
        rows=np.concatenate(rows),
        reasons=np.concatenate(reasons),
        effective_on=np.concatenate([outcome[1] for outcome in outcomes]),
        paid_counts=np.concatenate([outcome[0] for outcome in outcomes]),
        schedules=_stacked([outcome[2] for outcome in outcomes]),
    )


def _restructure(case: Case) -> Outcome:
    """One to two and a half months late, then longer and lower: arrears of interest and fees go to the first part."""
    counts = case.loans.instalment_counts
    paid = (case.share("restructured at") * counts).astype(np.int64)
    effective_on = case.due_of(paid) + case.days("restructured after", 30, 75)
    overdue = case.left(paid) & (case.first.due_on < effective_on[:, None])
    arrears = np.where(overdue, case.first.interest + case.first.fee, 0).sum(axis=1)
    principal = case.principal_left(paid)
    schedules = amortise(
        principals=principal,
        rates=case.loans.rates,
        methods=np.full(len(paid), EQUAL_INSTALMENT, dtype=np.int64),
        months=np.clip(counts - paid + 6, 6, 36),
        fees=np.zeros_like(principal),
        start_on=effective_on,
    )
    penalty = principal * (effective_on - case.due_of(paid)) // 10_000
    return paid, effective_on, schedules.with_first(interest=arrears, penalty=penalty)


def _settle(case: Case) -> Outcome:
    """Everything that is left, some days after an instalment, with interest by the day; business loans pay a fee."""
    paid = 1 + (case.share("settled at") * (case.loans.instalment_counts - 2)).astype(np.int64)
    gap = case.days("settled after", 3, 25)
    effective_on = case.due_of(paid - 1) + gap
    principal = case.principal_left(paid)
    is_business = case.loans.products == [product[0] for product in PRODUCTS].index("BUSINESS")
    fee = np.where(is_business, principal // 100, 0)
    return paid, effective_on, _single(effective_on, principal, accrued_interest(principal, case.loans.rates, gap), fee)


def _cancel(case: Case) -> Outcome:
    """Given back within three days: the principal and nothing else."""
    paid = np.zeros(len(case.loans), dtype=np.int64)
    effective_on = case.loans.disbursed_on + case.days("cancelled after", 1, 3)
    return paid, effective_on, _single(effective_on, case.loans.principals, paid, paid)


def _move_due_day(case: Case) -> Outcome:
    """The same instalments, some days later each: the borrower's payday changed."""
    paid = 1 + (case.share("moved at") * (case.loans.instalment_counts - 2)).astype(np.int64)
    effective_on = case.due_of(paid - 1) + case.days("moved after", 1, 3)
    width = case.first.exists.shape[1]
    number = np.minimum(np.arange(width)[None, :] + paid[:, None], width - 1)
    exists = np.arange(width)[None, :] < (case.loans.instalment_counts - paid)[:, None]

    def shifted(values: NDArray[np.int64]) -> NDArray[np.int64]:
        return np.where(exists, np.take_along_axis(values, number, axis=1), 0)

    due_on = shifted(case.first.due_on) + case.days("moved by", 5, 20)[:, None]
    principal, interest, fee = (shifted(part) for part in (case.first.principal, case.first.interest, case.first.fee))
    return paid, effective_on, Schedules(exists, due_on, principal, interest, fee, np.zeros_like(fee))


MAKERS: dict[str, tuple[str, Callable[[Case], Outcome]]] = {
    "RESTRUCTURED": ("RESTRUCTURE", _restructure),
    "EARLY_SETTLEMENT": ("SETTLEMENT", _settle),
    "CANCELLED": ("SETTLEMENT", _cancel),
    "DUE_DAY_CHANGE": ("CORRECTION", _move_due_day),
}


def _single(due_on: Days, principal: Cents, interest: Cents, fee: Cents) -> Schedules:
    exists = np.ones((len(due_on), 1), dtype=np.bool_)
    penalty = np.zeros((len(due_on), 1), dtype=np.int64)
    return Schedules(exists, due_on[:, None], principal[:, None], interest[:, None], fee[:, None], penalty)


def _stacked(parts: list[Schedules]) -> Schedules:
    """Schedules of different lengths below each other, as wide as the longest of them."""
    width = max(int(part.exists.sum(axis=1).max(initial=1)) for part in parts)

    def padded(name: str) -> Any:
        columns = [getattr(part, name)[:, :width] for part in parts]
        return np.concatenate([np.pad(column, ((0, 0), (0, width - column.shape[1]))) for column in columns])

    return Schedules(*(padded(name) for name in Schedules.__dataclass_fields__))
