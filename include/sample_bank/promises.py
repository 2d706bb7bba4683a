"""Promises to pay: made in a call, kept, kept in part, broken, or taken back by agreement."""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from include.sample_bank.contacts import FROM_LADDER, PHONE, REACHED, attempts, contact_ids
from include.sample_bank.frames import CURRENCY, amounts, dates, identifiers, same
from include.sample_bank.loans import NEVER
from include.sample_bank.randomness import Cents, Days, Ids
from include.sample_bank.spells import Money
from include.sample_bank.world import World

KEPT, PARTIAL, BROKEN, WITHDRAWN = range(4)
RESULTS = ("KEPT", "PARTIAL", "BROKEN", "WITHDRAWN")
TOLERATED_CENTS = 100


@dataclass(frozen=True)
class Promises:
    """One entry a promise; ``result`` is an index into RESULTS, by what was really paid."""

    loan: NDArray[np.int64]
    contact: Ids
    made_on: Days
    due_on: Days
    cents: Cents
    withdrawn_on: Days  # NEVER: it stands
    result: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.loan)

    def of(self, chosen: NDArray[np.bool_]) -> "Promises":
        return Promises(*(getattr(self, name)[chosen] for name in self.__dataclass_fields__))


def promises(world: World) -> Promises:
    """Every promise: a part of the collection calls that reach the borrower end in one."""
    money, chance = world.once(Money), world.chance
    calls = world.once(attempts)
    calls = calls.of((calls.source == FROM_LADDER) & (calls.channel == PHONE) & (calls.outcome == REACHED))
    calls = calls.of(chance.uniform(calls.number, "promises") < 0.5)
    owed = money.owed(calls.loan, calls.day)
    percent = np.where(chance.uniform(calls.number, "promises half") < 0.25, 50, 100)
    cents = -(-owed * percent // 100 // 100) * 100
    paid_on = money.next_payment_on(calls.loan, calls.day)
    # who is about to pay mostly names the day; the others name any day of the next week
    means_it = (paid_on - calls.day <= 9) & (chance.uniform(calls.number, "means it") < 0.8)
    due_on = np.where(means_it, paid_on + chance.whole(calls.number, "day more", 0, 1), calls.day)
    due_on = np.where(means_it, due_on, due_on + chance.whole(calls.number, "promised in", 3, 7))
    paid = money.received(calls.loan, calls.day, due_on)
    taken_back = chance.uniform(calls.number, "taken back") < 0.04
    withdrawn_on = np.where(taken_back, calls.day + 1, NEVER)
    result = np.where(paid >= cents - TOLERATED_CENTS, KEPT, np.where(paid > 0, PARTIAL, BROKEN))
    result = np.where(taken_back, WITHDRAWN, result)
    every = Promises(calls.loan, calls.number, calls.day, due_on, cents, withdrawn_on, result)
    return every.of(cents > 0)


def promise_to_pay(world: World, after: int, until: int) -> pa.Table:
    """The promises made, or taken back, on the days ``after < day <= until``, as they stand on the last of them."""
    every = world.once(promises)
    new = (every.made_on > after) & (every.made_on <= until)
    changed = (every.withdrawn_on > after) & (every.withdrawn_on <= until)
    rows = every.of(new | changed)
    return pa.table(
        {
            "promise_id": identifiers(rows.contact, "P", 18),
            "loan_id": identifiers(world.lives.loans.ids[rows.loan], "", 10),
            "contact_id": contact_ids(rows.contact),
            "made_date": dates(rows.made_on),
            "promised_date": dates(rows.due_on),
            "currency": same(CURRENCY, len(rows)),
            "promised_amount": amounts(rows.cents),
            "is_withdrawn": pa.array(rows.withdrawn_on <= until),
        }
    )
