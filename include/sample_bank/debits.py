"""Instalments debited from accounts with us, debits that failed, and the months in which money is short."""

import numpy as np
from numpy.typing import NDArray

from include.sample_bank.behaviours import BEHAVIOURS
from include.sample_bank.movements import DEBIT, FAILED, LENDER, REPAID, Flows, flows
from include.sample_bank.origination import is_autodebit
from include.sample_bank.randomness import Cents
from include.sample_bank.repayments import METHODS, PAYMENT, REVERSAL
from include.sample_bank.schedules import MONTH_STARTS, month_of
from include.sample_bank.world import Instalments, World

RETRIES = (0, 3, 7)  # days after the due date on which a debit is tried
TECHNICAL_DAYS = 3
MONTHS_IN_ALL = 4_096


def autodebits(world: World) -> Flows:
    """Repayments that were debited from accounts with us, and debits that were given back."""
    bookings = world.lives.bookings
    owner = world.owner[bookings.loan]
    from_here = (world.lives.payment_methods == METHODS.index("代扣")) & world.has_account[owner]
    chosen = np.flatnonzero(from_here & np.isin(bookings.part, (PAYMENT, REVERSAL)))
    its = bookings.of(chosen)
    # a reversal is seen on the account when it is booked, whatever day it counts from
    day = np.where(its.part == REVERSAL, its.booked_on, its.value_on)
    return flows(owner[chosen], day, -its.cents, REPAID, LENDER, order=DEBIT, loan=its.loan)


def technical(world: World) -> NDArray[np.bool_]:
    """Per instalment: the money was there and the bank's own debit came some days late, once or month after month."""
    rows, loans = world.instalments, world.lives.loans
    late = rows.settled_on - rows.due_on
    behaviour = world.lives.behaviours[rows.loan]
    by_debit = world.once(is_autodebit)[rows.loan] & world.has_account[world.owner[rows.loan]]
    ids = loans.ids[rows.loan] * np.uint64(64) + rows.number.astype(np.uint64)
    once = (behaviour == BEHAVIOURS.index("OCCASIONALLY_LATE")) & (world.chance.uniform(ids, "bank's fault") < 0.9)
    always = (world.chance.uniform(loans.ids, "debited late by us") < 0.3)[rows.loan]
    always &= behaviour == BEHAVIOURS.index("HABITUALLY_LATE")
    found: NDArray[np.bool_] = (once | always) & by_debit & (late >= 1) & (late <= TECHNICAL_DAYS)
    return found


def failed_debits(world: World) -> Flows:
    """Attempts that found too little: on the due date, three and seven days later while nothing was paid."""
    rows = world.instalments
    by_debit = world.once(is_autodebit)[rows.loan] & world.has_account[world.owner[rows.loan]]
    fails = by_debit & rows.is_missed & ~world.once(technical) & ~_bounced(world, rows)
    parts = []
    for after in RETRIES:
        tried = rows.of(fails & (rows.settled_on > rows.due_on + after))
        open_then = tried.due_on + after <= world.lives.status_on[tried.loan]
        tried = tried.of(open_then & (tried.amount > 0))
        nothing = np.zeros(len(tried.loan), dtype=np.int64)
        parts.append(
            flows(
                world.owner[tried.loan],
                tried.due_on + after,
                nothing,
                FAILED,
                LENDER,
                order=DEBIT,
                loan=tried.loan,
                stated=tried.amount,
            )
        )
    return Flows.together(parts)


def is_tight_month(world: World, owner: NDArray[np.int64], month: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Whether a debit of the borrower fails in the month, or one that failed is made good in it."""
    keys = world.once(_tight_keys)
    key = owner * MONTHS_IN_ALL + month
    place = np.minimum(np.searchsorted(keys, key), max(len(keys) - 1, 0))
    return keys[place] == key if len(keys) else np.zeros(len(key), dtype=np.bool_)


def prefunded(world: World, month: int) -> Cents:
    """Per borrower: what will be debited in the month, and is there when it begins."""
    start, end = int(MONTH_STARTS[month]), int(MONTH_STARTS[month + 1])
    debits = world.once(autodebits)
    its = debits.of((debits.day >= start) & (debits.day < end) & (debits.cents < 0))
    found = np.zeros(len(world), dtype=np.int64)
    np.add.at(found, its.owner, -its.cents)
    return found


def _tight_keys(world: World) -> NDArray[np.int64]:
    failed, rows = world.once(failed_debits), world.instalments
    missed = rows.of(rows.is_missed & ~world.once(technical) & ~_bounced(world, rows))
    missed = missed.of(world.once(is_autodebit)[missed.loan] & world.has_account[world.owner[missed.loan]])
    settled = missed.of(missed.settled_on < MONTH_STARTS[-2])
    keys = [
        failed.owner * MONTHS_IN_ALL + month_of(failed.day),
        world.owner[settled.loan] * MONTHS_IN_ALL + month_of(settled.settled_on),
    ]
    return np.unique(np.concatenate(keys))


def _bounced(world: World, rows: Instalments) -> NDArray[np.bool_]:
    """Per instalment: its debit went well and was given back some days later."""
    bookings = world.lives.bookings
    back = bookings.of(bookings.part == REVERSAL)
    keys = np.unique((back.loan * 4 + back.version) * 128 + back.number)
    return np.isin((rows.loan * 4 + rows.version) * 128 + rows.number, keys)
