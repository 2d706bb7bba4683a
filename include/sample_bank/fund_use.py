"""What becomes of each loan's money: spent as agreed, gone out of sight, or put to a use that is not allowed.

Only loans paid into an account with us can be followed. ``spending.py`` turns it into movements.
"""

import numpy as np
from numpy.typing import NDArray

from include.sample_bank.behaviours import BEHAVIOURS
from include.sample_bank.golden import golden_loans
from include.sample_bank.loans import NEVER
from include.sample_bank.origination import PURPOSES, is_entrusted, purposes
from include.sample_bank.randomness import Cents, Days, pick
from include.sample_bank.world import World

# innocent uses with their weights among loans paid into an account with us
INNOCENT_USES = {
    "SPENT": 56,
    "OWN_ACCOUNT": 14,
    "PERSON": 10,
    "CASH": 6,
    "FURNITURE": 4,  # one large purchase at once
    "PROPERTY_OTHER_MONEY": 1.5,  # a flat, paid with money that came from elsewhere
    "FUND_PLAN": 2.5,  # a small monthly savings plan, out of the salary
    "OWN_AND_BACK": 2,
}
MISUSES = {
    "MISUSE_PROPERTY": 0.5,
    "MISUSE_SECURITIES": 0.6,
    "MISUSE_WEALTH": 0.4,
    "MISUSE_CRYPTO": 0.3,
    "MISUSE_GAMBLING": 0.5,
    "MISUSE_TWO_HOPS": 0.7,
    "MISUSE_ROUND_TRIP": 0.4,
    "MISUSE_OTHER_LENDER": 0.4,
    "MISUSE_PURPOSE": 0.4,
}
USES = ("NOT_SEEN", *INNOCENT_USES, "CONSOLIDATION", *MISUSES)
TIMES_AS_OFTEN_IN_TROUBLE = 3


def uses(world: World) -> NDArray[np.int64]:
    """Index into USES for each loan."""
    loans, chance = world.lives.loans, world.chance
    names = list(USES)
    innocent = np.array([names.index(name) for name in INNOCENT_USES])
    bad = np.array([names.index(name) for name in MISUSES])
    usual = sum(MISUSES.values()) / 100 * world.planted
    share = np.where(world.loan_trouble_on < NEVER, usual * TIMES_AS_OFTEN_IN_TROUBLE, usual)
    is_bad = chance.uniform(loans.ids, "misused") < share
    found = np.where(
        is_bad,
        bad[pick(chance.uniform(loans.ids, "misuse"), list(MISUSES.values()))],
        innocent[pick(chance.uniform(loans.ids, "use"), list(INNOCENT_USES.values()))],
    )
    purpose = world.once(purposes)
    # another lender repaid is the agreed use of some loans; what does not fit a purpose needs a purpose that is narrow
    consolidates = purpose == PURPOSES.index("DEBT_CONSOLIDATION")
    found = np.where(consolidates, names.index("CONSOLIDATION"), found)
    is_broad = np.isin(purpose, [PURPOSES.index(name) for name in ("CONSUMPTION", "OTHER")])
    found = np.where((found == names.index("MISUSE_PURPOSE")) & is_broad, names.index("MISUSE_CRYPTO"), found)
    found[golden_loans(loans.ids, world.golden_on)] = names.index("MISUSE_TWO_HOPS")
    is_seen = world.has_account[world.owner] & ~world.once(is_entrusted)
    found = np.where(world.lives.behaviours == BEHAVIOURS.index("CANCELLED"), names.index("OWN_ACCOUNT"), found)
    return np.where(is_seen, found, 0)


def misused_on(world: World) -> Days:
    """Per loan: the day on which the first of its money goes where it may not; NEVER for all others."""
    loans, use = world.lives.loans, world.once(uses)
    first = loans.disbursed_on + world.chance.whole(loans.ids, "moved after", 1, 8)
    first = first + np.where(use == USES.index("MISUSE_TWO_HOPS"), hop_days(world), 0)
    first = first + np.where(use == USES.index("MISUSE_ROUND_TRIP"), return_days(world), 0)
    return np.where(np.isin(use, [USES.index(name) for name in MISUSES]), first, NEVER)


def misused_cents(world: World) -> Cents:
    """Per loan: how much of its money goes there."""
    loans = world.lives.loans
    percent = world.chance.whole(loans.ids, "misused percent", 45, 100)
    percent = np.where(world.chance.uniform(loans.ids, "all of it is misused") < 0.3, 100, percent)
    percent[golden_loans(loans.ids, world.golden_on)] = 100
    return np.where(percent == 100, loans.principals, loans.principals // 10_000 * percent * 100)


def hop_days(world: World) -> NDArray[np.int64]:
    return world.chance.whole(world.lives.loans.ids, "second hop after", 1, 5)


def return_days(world: World) -> NDArray[np.int64]:
    return world.chance.whole(world.lives.loans.ids, "comes back after", 3, 12)
