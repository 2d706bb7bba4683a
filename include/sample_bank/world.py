"""What a block of loans means for the people behind them: who they are, when they owe, when they are in trouble.

Everything here follows from the lives of the block, so every system tells the same story. Computed once a block, and
only when a system beyond loans and repayments is asked for.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeVar

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from include.sample_bank.golden import golden_loans
from include.sample_bank.lives import CHARGED_OFF, SOLD, Lives
from include.sample_bank.loans import NEVER, PRODUCTS
from include.sample_bank.people import OCCUPATIONS, SELF_EMPLOYED, SELF_EMPLOYED_CODES, identity_columns
from include.sample_bank.randomness import Cents, Chance, Days, Ids, pick
from include.sample_bank.repayments import PAYMENT, RECOVERY, REST
from include.sample_bank.schedules import Schedules

Made = TypeVar("Made")
SERIOUS_DAYS = 30  # later than this, or never: a loan in trouble


@dataclass(frozen=True)
class Instalments:
    """Every instalment that was ever in force: flat columns, in the order of loan, version and number."""

    loan: NDArray[np.int64]
    version: NDArray[np.int64]
    number: NDArray[np.int64]
    due_on: Days
    settled_on: Days  # value date of the payment that settles it, or of the schedule that replaces it; NEVER
    amount: Cents

    def of(self, chosen: NDArray[np.int64] | NDArray[np.bool_]) -> "Instalments":
        return Instalments(*(getattr(self, name)[chosen] for name in self.__dataclass_fields__))

    @property
    def is_missed(self) -> NDArray[np.bool_]:
        return self.settled_on > self.due_on


class World:
    """The people of a block. ``owner`` is the row of each loan's borrower; all columns have one entry a borrower."""

    def __init__(self, chance: Chance, lives: Lives, golden_on: int | None = None, planted: int = 1) -> None:
        self.chance, self.lives, self.golden_on, self.planted = chance, lives, golden_on, planted
        loans = lives.loans
        self.ids: Ids = np.unique(np.concatenate([loans.borrowers, loans.corrected_borrowers]))
        self.owner: NDArray[np.int64] = np.searchsorted(self.ids, loans.corrected_borrowers)
        self._first_owner = np.searchsorted(self.ids, loans.borrowers)
        self._made: dict[Callable[..., Any], Any] = {}

    def __len__(self) -> int:
        return len(self.ids)

    def once(self, make: Callable[["World"], Made]) -> Made:
        """What ``make`` makes of this world, made only once."""
        if make not in self._made:
            self._made[make] = make(self)
        made: Made = self._made[make]
        return made

    def uniform(self, purpose: str) -> NDArray[np.float64]:
        return self.chance.uniform(self.ids, f"borrower {purpose}")

    def whole(self, purpose: str, low: int, high: int) -> NDArray[np.int64]:
        return self.chance.whole(self.ids, f"borrower {purpose}", low, high)

    def of_loans(self, values: NDArray[np.int64], how: np.ufunc, start: int) -> NDArray[np.int64]:
        """One value a borrower out of one a loan: ``how`` is np.minimum, np.maximum or np.add."""
        found = np.full(len(self), start, dtype=np.int64)
        how.at(found, self.owner, values)
        return found

    def has_live_loan(self, day: int, known_on: int) -> NDArray[np.bool_]:
        """Who has an open loan on this day, as the core system names its borrowers on ``known_on``."""
        loans = self.lives.loans
        open_loans = (loans.disbursed_on <= day) & (self.lives.status_on > day)
        is_right = (loans.corrected_borrowers == loans.borrowers) | (loans.borrower_corrected_on <= known_on)
        found = np.zeros(len(self), dtype=np.bool_)
        found[self.owner[open_loans & is_right]] = True
        return found

    @cached_property
    def first_loan_on(self) -> Days:
        return self.of_loans(self.lives.loans.disbursed_on, np.minimum, int(NEVER))

    @cached_property
    def last_day(self) -> Days:
        """When the borrower's last loan ends."""
        return self.of_loans(self.lives.status_on, np.maximum, 0)

    @cached_property
    def customer_since(self) -> Days:
        """Some were customers long before; whoever only ever stood under a loan by mistake is one since then."""
        first = self.first_loan_on.copy()
        np.minimum.at(first, self._first_owner, self.lives.loans.disbursed_on)
        return first - np.where(self.uniform("knows us") < 0.3, self.whole("since", 30, 900), 5)

    @cached_property
    def income(self) -> Cents:
        """Cents a month: enough for what was lent, as the bank saw it."""
        loans = self.lives.loans
        part = self.lives.original.amount[:, 0] - loans.fees
        load = np.where(loans.instalment_counts > 1, part, loans.principals // np.maximum(loans.months, 3))
        most = self.of_loans(load, np.maximum, 0)
        usual = 350_000 * 8 ** self.uniform("income") + most * (1.8 + self.uniform("income above the instalment"))
        return np.rint(usual / 10_000).astype(np.int64) * 10_000

    @cached_property
    def occupation(self) -> NDArray[np.int64]:
        has_business = self.of_loans(
            (self.lives.loans.products == [product[0] for product in PRODUCTS].index("BUSINESS")).astype(np.int64),
            np.maximum,
            0,
        )
        usual = pick(self.uniform("occupation"), list(OCCUPATIONS.values()))
        owns = (has_business == 1) & (self.uniform("owns a business") < 0.8)
        found = np.where(owns, SELF_EMPLOYED, usual)
        found[golden_loans(self.ids, self.golden_on)] = SELF_EMPLOYED
        return found

    @cached_property
    def is_self_employed(self) -> NDArray[np.bool_]:
        return np.isin(self.occupation, SELF_EMPLOYED_CODES)

    @cached_property
    def branch(self) -> NDArray[np.int64]:
        found = np.zeros(len(self), dtype=np.int64)
        found[self._first_owner] = self.lives.loans.branches
        found[self.owner] = self.lives.loans.branches
        return found

    @cached_property
    def has_account(self) -> NDArray[np.bool_]:
        """Whether salary and repayments run over an account with us."""
        return (self.uniform("has an account") < 0.5) | golden_loans(self.ids, self.golden_on)

    @cached_property
    def identity(self) -> pa.Table:
        """The columns of the customer system that hold still."""
        return identity_columns(self)

    @cached_property
    def instalments(self) -> Instalments:
        """What was due and when it was settled. What a second schedule replaces is settled by it."""
        lives, second = self.lives, self.lives.second
        bookings = lives.bookings
        counts = (bookings.part == PAYMENT) | (bookings.part == REST)
        paid = [self._paid_on(counts & (bookings.version == version)) for version in (1, 2)]
        replaced_on = np.full(len(lives.loans), NEVER)
        replaced_on[second.rows] = second.effective_on
        first = self._flat(lives.original, np.arange(len(lives.loans)), 1, paid[0], replaced_on)
        later = self._flat(second.schedules, second.rows, 2, paid[1], np.full(len(second), NEVER))
        order = np.lexsort(
            (
                np.concatenate([first.number, later.number]),
                np.concatenate([first.version, later.version]),
                np.concatenate([first.loan, later.loan]),
            )
        )
        together = (
            np.concatenate([getattr(first, name), getattr(later, name)]) for name in Instalments.__dataclass_fields__
        )
        return Instalments(*together).of(order)

    @cached_property
    def loan_trouble_on(self) -> Days:
        """Per loan: due date of the first instalment that stays open for more than 30 days."""
        late = self.instalments.of(self.instalments.settled_on - self.instalments.due_on > SERIOUS_DAYS)
        found = np.full(len(self.lives.loans), NEVER)
        np.minimum.at(found, late.loan, late.due_on)
        return found

    @cached_property
    def trouble_on(self) -> Days:
        """Per borrower: when the first of the loans goes wrong."""
        return self.of_loans(self.loan_trouble_on, np.minimum, int(NEVER))

    def _paid_on(self, chosen: NDArray[np.bool_]) -> Days:
        """Loans x instalments: the value date of the last payment meant for it, -1 without one."""
        bookings = self.lives.bookings.of(chosen & (self.lives.bookings.part != RECOVERY))
        width = self.lives.original.exists.shape[1]
        width = max(width, self.lives.second.schedules.exists.shape[1])
        paid = np.full((len(self.lives.loans), width), -1, dtype=np.int64)
        for part in (PAYMENT, REST):  # the rest is the later one
            its = bookings.part == part
            paid[bookings.loan[its], bookings.number[its] - 1] = bookings.value_on[its]
        return paid

    def _flat(
        self, schedules: Schedules, rows: NDArray[np.int64], version: int, paid_on: Days, replaced_on: Days
    ) -> Instalments:
        loan, number = np.nonzero(schedules.exists)
        due_on, amount = schedules.due_on[loan, number], schedules.amount[loan, number]
        owner = rows[loan]
        paid = paid_on[owner, number]
        ends_badly = np.isin(self.lives.final_status[owner], (CHARGED_OFF, SOLD))
        # nothing due, or covered by what was paid ahead: settled on its due date
        unpaid = np.where(ends_badly & (amount > 0), NEVER, due_on)
        settled = np.where(paid >= 0, paid, unpaid)
        replaced = replaced_on[loan]
        settled = np.where((paid < 0) & (replaced < NEVER), replaced, settled)
        flat = Instalments(owner, np.full(len(loan), version, dtype=np.int64), number + 1, due_on, settled, amount)
        return flat.of((due_on < replaced) | (paid >= 0))
