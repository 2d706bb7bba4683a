"""The way of lent money over the borrowers' accounts, movement by movement, until all of it is gone.

Whole lives again: the same movements whatever dates are asked for.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from include.sample_bank.fund_use import USES, hop_days, misused_cents, return_days, uses
from include.sample_bank.golden import golden_loans
from include.sample_bank.movements import (
    A_PERSON,
    ACCOUNT_ELSEWHERE,
    ANOTHER_LENDER,
    BROKER,
    CASH,
    CRYPTO,
    DISBURSED,
    FIRST,
    GAMBLING,
    INFLOW,
    LENDER,
    MERCHANT,
    NOBODY,
    OUTFLOW,
    OWN,
    PERSON,
    PROPERTY,
    PURCHASE,
    SECOND_ACCOUNT,
    SECURITIES,
    SELLER,
    TRANSFER,
    WEALTH,
    Flows,
    flows,
)
from include.sample_bank.origination import BUSINESS_OPERATION, PURPOSES, draws, purposes
from include.sample_bank.randomness import Cents, Days, Ids
from include.sample_bank.world import World

FITTING_MCC = {
    "CONSUMPTION": 5311, "RENOVATION": 5211, "EDUCATION": 8220, "MEDICAL": 8062, "TRAVEL": 4722,
    "DURABLE_GOODS": 5732, "BUSINESS_OPERATION": 5085, "DEBT_CONSOLIDATION": 5311, "OTHER": 5999,
}  # fmt: skip
FURNITURE_MCC, JEWELLER_MCC = 5712, 5944


def proceeds(world: World) -> Flows:
    """Every movement of lent money over the borrowers' accounts; all of it is gone within some weeks."""
    use = world.once(uses)
    drawn = world.once(draws)
    seen = np.isin(drawn.loan, np.flatnonzero(use > 0))
    loan = drawn.loan[seen]
    parts = [
        flows(
            world.owner[loan],
            world.lives.loans.disbursed_on[loan],
            drawn.cents[seen],
            DISBURSED,
            LENDER,
            order=FIRST,
            loan=loan,
        )
    ]
    for code, name in enumerate(USES):
        rows = np.flatnonzero(use == code)
        if code and len(rows):
            parts += SPENDING[name](_Case(world, rows))
    together = Flows.together(parts)
    return together.of(together.cents != 0)


@dataclass(frozen=True)
class _Case:
    """The loans whose money is used in one way."""

    world: World
    rows: NDArray[np.int64]

    @property
    def ids(self) -> Ids:
        ids: Ids = self.world.lives.loans.ids[self.rows]
        return ids

    @property
    def owner(self) -> NDArray[np.int64]:
        owner: NDArray[np.int64] = self.world.owner[self.rows]
        return owner

    @property
    def moved_on(self) -> Days:
        return self.world.lives.loans.disbursed_on[self.rows] + self.days("moved after", 1, 8)

    @property
    def cents(self) -> Cents:
        cents: Cents = self.world.lives.loans.principals[self.rows]
        return cents

    def days(self, purpose: str, low: int, high: int) -> NDArray[np.int64]:
        return self.world.chance.whole(self.ids, purpose, low, high)

    def goes(self, on: Days, cents: Cents, movement: int, party: int | NDArray[np.int64], **further: Any) -> Flows:
        """Money that leaves the first account."""
        return flows(self.owner, on, -cents, movement, party, order=OUTFLOW, **further)

    def comes(self, on: Days, cents: Cents, party: int, **further: Any) -> Flows:
        """Money that comes to the first account."""
        return flows(self.owner, on, cents, TRANSFER, party, order=INFLOW, **further)

    def people(self) -> Ids:
        return self.world.ids[self.owner]

    def away(self) -> dict[str, object]:
        """The borrower's own account elsewhere."""
        return {"party_id": self.people(), "party_account": ACCOUNT_ELSEWHERE}

    def other(self, kind: int) -> dict[str, Any]:
        """Somebody else's account, one a loan."""
        return {"party_id": self.ids, "party_account": kind}

    @property
    def misused(self) -> Cents:
        cents: Cents = self.world.once(misused_cents)[self.rows]
        return cents

    @property
    def fitting_mcc(self) -> NDArray[np.int64]:
        return np.array([FITTING_MCC[purpose] for purpose in PURPOSES])[self.world.once(purposes)[self.rows]]

    def rest(self) -> Flows:
        """What is not misused goes to the borrower's account elsewhere."""
        return self.goes(self.moved_on + 14, self.cents - self.misused, TRANSFER, OWN, **self.away())


def _straight_to(party: int) -> "Spending":
    """In two transfers to somebody whom loan money may not reach."""

    def spend(case: _Case) -> list[Flows]:
        first = case.misused * 6 // 10
        tickets = ((case.moved_on, first), (case.moved_on + 2, case.misused - first))
        broker = case.other(BROKER)
        return [*(case.goes(day, part, TRANSFER, party, **broker) for day, part in tickets), case.rest()]

    return spend


def _two_hops(case: _Case) -> list[Flows]:
    """To the borrower's second account with us, and from there to a broker or a developer."""
    on, bad = case.moved_on, case.misused
    after = on + case.world.once(hop_days)[case.rows]
    to = np.where(case.days("second hop to", 0, 1) == 0, PROPERTY, SECURITIES)
    to[golden_loans(case.ids, case.world.golden_on)] = PROPERTY
    people, broker = case.people(), case.other(BROKER)
    return [
        case.goes(on, bad, TRANSFER, OWN, party_id=people, party_account=SECOND_ACCOUNT),
        flows(case.owner, on, bad, TRANSFER, OWN, order=FIRST, account=2, party_id=people, party_account=1),
        flows(case.owner, after, -bad, TRANSFER, to, order=OUTFLOW, account=2, **broker),
        case.rest(),
    ]


def _round_trip(case: _Case) -> list[Flows]:
    """To a seller, who sends nearly all of it back."""
    back, return_on = case.misused * 95 // 100, case.moved_on + case.world.once(return_days)[case.rows]
    return [
        case.goes(case.moved_on, case.misused, PURCHASE, MERCHANT, mcc=case.fitting_mcc, **case.other(SELLER)),
        case.comes(return_on, back, MERCHANT, **case.other(SELLER)),
        case.goes(return_on + 1, back, CASH, NOBODY),
        case.rest(),
    ]


def _other_lender(case: _Case) -> list[Flows]:
    return [case.goes(case.moved_on, case.misused, TRANSFER, LENDER, **case.other(ANOTHER_LENDER)), case.rest()]


def _jeweller(case: _Case) -> list[Flows]:
    return [case.goes(case.moved_on, case.misused, PURCHASE, MERCHANT, mcc=JEWELLER_MCC), case.rest()]


def _furniture(case: _Case) -> list[Flows]:
    """One large purchase at once, at a furniture shop where that fits the purpose."""
    fits = np.isin(case.world.once(purposes)[case.rows], _FURNISHED)
    mcc = np.where(fits, FURNITURE_MCC, case.fitting_mcc)
    return [case.goes(case.moved_on, case.cents, PURCHASE, MERCHANT, mcc=mcc)]


def _own_account(case: _Case) -> list[Flows]:
    return [case.goes(case.moved_on, case.cents, TRANSFER, OWN, **case.away())]


def _person(case: _Case) -> list[Flows]:
    return [case.goes(case.moved_on, case.cents, TRANSFER, PERSON, **case.other(A_PERSON))]


def _cash(case: _Case) -> list[Flows]:
    return [case.goes(case.moved_on, case.cents, CASH, NOBODY)]


def _own_and_back(case: _Case) -> list[Flows]:
    """To an account elsewhere, and half of it back to be spent as agreed."""
    on, half = case.moved_on, case.cents // 2
    return [
        case.goes(on, case.cents, TRANSFER, OWN, **case.away()),
        case.comes(on + 6, half, OWN, **case.away()),
        case.goes(on + 9, half, PURCHASE, MERCHANT, mcc=case.fitting_mcc),
    ]


def _bought(case: _Case) -> list[Flows]:
    """Three purchases that fit the purpose."""
    first, second = case.cents // 2, case.cents // 4
    on, gap = case.moved_on, case.days("next purchase", 1, 7)
    bought = [(on, first), (on + gap, second), (on + gap * 2, case.cents - first - second)]
    return [case.goes(day, part, PURCHASE, MERCHANT, mcc=case.fitting_mcc) for day, part in bought]


def _flat_with_other_money(case: _Case) -> list[Flows]:
    """The loan is spent as agreed; weeks later a much larger sum comes from somebody and goes into a flat."""
    price = case.cents * 4 + 30_000_000
    sold_on = case.moved_on + case.days("flat bought after", 20, 60)
    return [
        *_bought(case),
        case.comes(sold_on, price, PERSON, **case.other(A_PERSON)),
        case.goes(sold_on + 1, price, TRANSFER, PROPERTY, **case.other(BROKER)),
    ]


def _savings_plan(case: _Case) -> list[Flows]:
    """The loan is spent as agreed; a little is saved every month."""
    saved = np.minimum(case.cents // 100 * 3, 30_000)
    every = _bought(case)
    for month in range(3):
        day = case.moved_on + 20 + 30 * month
        every.append(case.comes(day, saved, OWN, **case.away()))
        every.append(case.goes(day, saved, TRANSFER, WEALTH, **case.other(BROKER)))
    return every


Spending = Callable[[_Case], list[Flows]]
SPENDING: dict[str, Spending] = {
    "SPENT": _bought,
    "OWN_ACCOUNT": _own_account,
    "PERSON": _person,
    "CASH": _cash,
    "FURNITURE": _furniture,
    "PROPERTY_OTHER_MONEY": _flat_with_other_money,
    "FUND_PLAN": _savings_plan,
    "OWN_AND_BACK": _own_and_back,
    "CONSOLIDATION": _other_lender,
    "MISUSE_PROPERTY": _straight_to(PROPERTY),
    "MISUSE_SECURITIES": _straight_to(SECURITIES),
    "MISUSE_WEALTH": _straight_to(WEALTH),
    "MISUSE_CRYPTO": _straight_to(CRYPTO),
    "MISUSE_GAMBLING": _straight_to(GAMBLING),
    "MISUSE_TWO_HOPS": _two_hops,
    "MISUSE_ROUND_TRIP": _round_trip,
    "MISUSE_OTHER_LENDER": _other_lender,
    "MISUSE_PURPOSE": _jeweller,
}


_FURNISHED = [PURPOSES.index(name) for name in ("CONSUMPTION", "RENOVATION", "DURABLE_GOODS", "OTHER")]
_FURNISHED.append(BUSINESS_OPERATION)
