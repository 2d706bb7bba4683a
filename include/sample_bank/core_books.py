"""The core system's own books: what each loan owes at the end of a day, and what the ledger says they are worth.

Computed from what was agreed and what was booked; nothing here knows the warehouse. The core system allocates oldest
instalment first and principal last, and forgives what is short by no more than a yuan once nothing else is open.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from include.sample_bank.frames import CURRENCY, amounts, codes, dates, identifiers, same
from include.sample_bank.lives import ACTIVE, CHARGED_OFF, Lives
from include.sample_bank.loans import BRANCHES, NEVER, PRODUCTS
from include.sample_bank.randomness import Cents, Days
from include.sample_bank.schedules import Schedules

if TYPE_CHECKING:
    from include.sample_bank.world import World

FORGIVEN_CENTS = 100
# ledger accounts of loan principal by product, and the memorandum account of what was charged off
LEDGER_ACCOUNTS = {"CONSUMER": "130301", "CASH": "130302", "BUSINESS": "130303"}
CHARGED_OFF_ACCOUNT = "710101"


@dataclass(frozen=True)
class LoanBooks:
    """The state of the loans paid out by a day; ``loan`` is the row in the block, amounts are cents."""

    loan: NDArray[np.int64]
    status: NDArray[np.int64]
    principal: Cents
    past_due: Cents
    oldest_due_on: Days  # NEVER: nothing is past due
    paid_to_date: Cents

    def __len__(self) -> int:
        return len(self.loan)

    def of(self, chosen: NDArray[np.bool_]) -> "LoanBooks":
        return LoanBooks(*(getattr(self, name)[chosen] for name in self.__dataclass_fields__))


def loan_books(lives: Lives, day: int) -> LoanBooks:
    """What each loan owes at the end of ``day``, as known that day."""
    loans, second, bookings = lives.loans, lives.second, lives.bookings
    booked = np.flatnonzero((bookings.booked_on <= day) & (bookings.value_on <= day))
    payer, cents = bookings.loan[booked], bookings.cents[booked]
    received = _sums(payer, cents, len(loans))
    principal, past_due, oldest = _owed(lives.original, received, day)
    in_force = second.effective_on <= day
    rows = second.rows[in_force]
    since = np.full(len(loans), NEVER)
    since[rows] = second.effective_on[in_force]
    counts = bookings.value_on[booked] >= since[payer]
    later = _sums(payer[counts], cents[counts], len(loans))
    principal[rows], past_due[rows], oldest[rows] = _owed(second.schedules.of(in_force.nonzero()[0]), later[rows], day)
    known = np.flatnonzero(loans.disbursed_on <= day)
    status = np.where(lives.status_on <= day, lives.final_status, ACTIVE)
    return LoanBooks(known, status[known], principal[known], past_due[known], oldest[known], received[known])


class Books:
    """The books of a block by day: several systems state the same day."""

    def __init__(self, world: "World") -> None:
        self._lives = world.lives
        self._made: dict[int, LoanBooks] = {}

    def on(self, day: int) -> LoanBooks:
        if day not in self._made:
            self._made[day] = loan_books(self._lives, day)
        return self._made[day]


def core_loan_balance(world: "World", after: int, day: int) -> pa.Table:
    """The core system's balances of all loans at the end of ``day``."""
    lives, books = world.lives, world.once(Books).on(day)
    return pa.table(
        {
            "loan_id": identifiers(lives.loans.ids[books.loan], "", 10),
            "balance_date": dates(np.full(len(books), day)),
            "currency": same(CURRENCY, len(books)),
            "principal_outstanding_amount": amounts(books.principal),
            "past_due_amount": amounts(books.past_due),
            "oldest_unpaid_due_date": dates(books.oldest_due_on, books.oldest_due_on == NEVER),
            "paid_to_date_amount": amounts(books.paid_to_date),
        }
    )


def ledger_cells(world: "World", day: int) -> NDArray[np.int64]:
    """Cents by ledger account (three products, then what was charged off) and branch, of this block."""
    lives, books = world.lives, world.once(Books).on(day)
    product = lives.loans.products[books.loan]
    account = np.where(books.status == CHARGED_OFF, len(PRODUCTS), product)
    kept = (books.status == ACTIVE) | (books.status == CHARGED_OFF)
    cells = np.zeros((len(PRODUCTS) + 1, len(BRANCHES)), dtype=np.int64)
    np.add.at(cells, (account[kept], lives.loans.branches[books.loan][kept]), books.principal[kept])
    return cells


def gl_balance(cells: NDArray[np.int64], day: int) -> pa.Table:
    """The ledger at the end of ``day``: every account in every branch, empty or not."""
    names = [*(LEDGER_ACCOUNTS[product[0]] for product in PRODUCTS), CHARGED_OFF_ACCOUNT]
    account, branch = (index.ravel() for index in np.indices(cells.shape))
    return pa.table(
        {
            "gl_account_code": codes(account, names),
            "branch_code": codes(branch, BRANCHES),
            "currency": same(CURRENCY, cells.size),
            "balance_date": dates(np.full(cells.size, day)),
            "balance_amount": amounts(cells.ravel()),
        }
    )


def _owed(schedules: Schedules, received: Cents, day: int) -> tuple[Cents, Cents, Days]:
    """Principal outstanding, past due amount and oldest unpaid due date by one schedule."""
    if not len(received):
        return received.copy(), received.copy(), received.copy()
    amount = np.where(schedules.exists, schedules.amount, 0)
    unpaid = np.clip(np.cumsum(amount, axis=1) - received[:, None], 0, amount)
    is_open = unpaid > FORGIVEN_CENTS
    principal = np.where(is_open.any(axis=1), np.minimum(unpaid, schedules.principal).sum(axis=1), 0)
    is_due = schedules.exists & (schedules.due_on < day)
    is_late = is_due & is_open
    late = np.logical_or.reduce(is_late, axis=1)
    first = schedules.due_on[np.arange(len(late)), is_late.argmax(axis=1)]
    past_due = np.where(late, np.where(is_due, unpaid, 0).sum(axis=1), 0)
    return principal, past_due, np.where(late, first, NEVER)


def _sums(rows: NDArray[np.int64], cents: Cents, count: int) -> Cents:
    # whole numbers far below 2**53: exact in floating point too
    return np.bincount(rows, weights=cents, minlength=count).astype(np.int64)
