"""How borrowers pay: each behaviour turns due dates into plans, instalment by instalment."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from include.sample_bank.loans import CHANNELS, PRODUCTS, Loans
from include.sample_bank.randomness import Chance, Ids, pick


@dataclass(frozen=True)
class Mix:
    """How common things are: behaviours by name, and slips of the core system that are put right later.

    planted: so many times as many misuses and innocent look-alikes as usual, at most four.
    """

    behaviours: Mapping[str, float]
    wrong_borrower: float
    wrong_schedule: float
    planted: int = 1


# Best first: a riskier channel or product moves loans towards the end of the list.
# The shares give a book with about nine loans in ten on time, PAR30 of 3-5 % and some 2 % beyond 90 days.
REALISTIC = Mix(
    behaviours={
        "ON_TIME": 0.310,
        "EARLY": 0.180,
        "EARLY_SETTLEMENT": 0.070,
        "ROUNDER": 0.020,  # pays whole hundreds ahead, or drops the cents
        "DUE_DAY_CHANGE": 0.008,
        "CANCELLED": 0.004,
        "OCCASIONALLY_LATE": 0.130,
        "HABITUALLY_LATE": 0.150,
        "BOUNCED": 0.020,
        "PARTIAL": 0.022,
        "CURE_AND_SLIDE": 0.026,
        "SLIDE": 0.036,
        "RESTRUCTURED": 0.014,
        "FIRST_PAYMENT_DEFAULT": 0.007,
        "STOPS": 0.036,  # pays until an instalment, then never again; charged off after 180 days
        "SOLD": 0.002,
    },
    wrong_borrower=0.002,
    wrong_schedule=0.003,
)
BEHAVIOURS = tuple(REALISTIC.behaviours)
# Everything often enough for a few hundred loans to show it.
STRESSED = Mix(
    behaviours={name: (0.16 if name == "ON_TIME" else 0.056) for name in BEHAVIOURS},
    wrong_borrower=0.05,
    wrong_schedule=0.05,
)

NEEDS_FOUR_INSTALMENTS = ("EARLY_SETTLEMENT", "DUE_DAY_CHANGE")
RISK_OF_CHANNEL = dict(zip(CHANNELS, (1.0, 0.7, 1.6), strict=True))
RISK_OF_PRODUCT = dict(zip([product[0] for product in PRODUCTS], (1.0, 1.3, 0.8), strict=True))


@dataclass(frozen=True)
class Plans:
    """What is paid when, per instalment; all arrays are loans x instalments.

    delay: days from the due date to the payment (negative: early). is_never: it is not paid at all.
    first_percent: the part paid then; the rest follows ``rest_days`` later.
    bounce_days: the payment is reversed so many days later (0: it holds) and paid again ``repay_days`` after that.
    round_cents: +10000 pays up to the next whole hundred yuan, -100 drops what is below a yuan, 0 pays exactly.
    """

    delay: NDArray[np.int64]
    is_never: NDArray[np.bool_]
    first_percent: NDArray[np.int64]
    rest_days: NDArray[np.int64]
    bounce_days: NDArray[np.int64]
    repay_days: NDArray[np.int64]
    round_cents: NDArray[np.int64]

    @classmethod
    def exact(cls, shape: tuple[int, int]) -> "Plans":
        """Everything paid in full on its due date."""
        zero = np.zeros(shape, dtype=np.int64)
        return cls(
            zero, np.zeros(shape, dtype=np.bool_), zero + 100, zero.copy(), zero.copy(), zero.copy(), zero.copy()
        )


@dataclass(frozen=True)
class Dice:
    """The loans of one behaviour and their chance; ``loan`` gives one value a loan (a column), ``each`` a row."""

    chance: Chance
    ids: Ids
    counts: NDArray[np.int64]
    width: int

    def loan(self, purpose: str, low: int, high: int) -> NDArray[np.int64]:
        return self.chance.whole(self.ids, purpose, low, high)[:, None]

    def each(self, purpose: str, low: int, high: int) -> NDArray[np.int64]:
        return self.chance.whole(self.ids, purpose, low, high, self.width)

    def happens(self, purpose: str, share: float) -> NDArray[np.bool_]:
        return self.chance.uniform(self.ids, purpose, self.width) < share

    def place(self, purpose: str, up_to: float = 1.0) -> NDArray[np.int64]:
        """A place inside each loan's life, from the first instalment (0) to a share of the last."""
        return (self.chance.uniform(self.ids, purpose) * self.counts * up_to).astype(np.int64)[:, None]

    @property
    def number(self) -> NDArray[np.int64]:
        return np.arange(self.width, dtype=np.int64)[None, :]


def draw_behaviours(chance: Chance, loans: Loans, mix: Mix) -> NDArray[np.int64]:
    """Index into BEHAVIOURS for each loan. Half of a borrower's loans are paid the way the borrower is."""
    weights = [mix.behaviours.get(name, 0.0) for name in BEHAVIOURS]
    own = chance.uniform(loans.ids, "behaviour")
    borrower = chance.uniform(loans.borrowers, "behaviour")
    uniform = np.where(chance.uniform(loans.ids, "like the borrower") < 0.5, borrower, own)
    risk = np.array(list(RISK_OF_CHANNEL.values()))[loans.channels]
    risk = risk * np.array(list(RISK_OF_PRODUCT.values()))[loans.products]
    behaviours = pick(np.clip(1 - (1 - uniform) * risk, 0.0, 1.0), weights)
    too_short = np.isin(behaviours, [BEHAVIOURS.index(name) for name in NEEDS_FOUR_INSTALMENTS])
    return np.where(too_short & (loans.instalment_counts < 4), 0, behaviours)


def make_plans(chance: Chance, ids: Ids, behaviours: NDArray[np.int64], counts: NDArray[np.int64]) -> Plans:
    """The payment plan of each loan; ``counts`` are its instalments."""
    plans = Plans.exact((len(ids), int(counts.max(initial=1))))
    for code, name in enumerate(BEHAVIOURS):
        rows = np.flatnonzero(behaviours == code)
        if len(rows) and name in HABITS:
            HABITS[name](plans, rows, Dice(chance, ids[rows], counts[rows], plans.delay.shape[1]))
    return plans


def _on_time(plans: Plans, rows: NDArray[np.int64], dice: Dice) -> None:
    plans.delay[rows] = np.where(dice.happens("a bit early", 0.3), -dice.each("few days", 1, 3), 0)


def _early(plans: Plans, rows: NDArray[np.int64], dice: Dice) -> None:
    plans.delay[rows] = -dice.loan("early habit", 3, 10) + dice.each("early jitter", -1, 1)


def _rounder(plans: Plans, rows: NDArray[np.int64], dice: Dice) -> None:
    plans.round_cents[rows] = np.where(dice.loan("rounds up", 0, 1) == 1, 10_000, -100)
    _on_time(plans, rows, dice)


def _occasionally_late(plans: Plans, rows: NDArray[np.int64], dice: Dice) -> None:
    _on_time(plans, rows, dice)
    slip = dice.happens("slip", 0.12)
    long_slip = slip & dice.happens("long slip", 0.08)
    plans.delay[rows] = np.where(slip, dice.each("slip days", 1, 18), plans.delay[rows])
    plans.delay[rows] = np.where(long_slip, dice.each("long slip days", 31, 50), plans.delay[rows])


def _habitually_late(plans: Plans, rows: NDArray[np.int64], dice: Dice) -> None:
    plans.delay[rows] = np.maximum(dice.loan("late habit", 1, 12) + dice.each("late jitter", -2, 3), 0)


def _bounced(plans: Plans, rows: NDArray[np.int64], dice: Dice) -> None:
    _on_time(plans, rows, dice)
    # the last instalment holds: a loan is not closed on a payment that bounces
    bounced = dice.happens("bounces", 0.25) & (dice.number < dice.counts[:, None] - 1)
    plans.bounce_days[rows] = np.where(bounced, dice.each("bounce days", 1, 5), 0)
    soon, late = dice.each("paid again soon", 0, 9), dice.each("paid again late", 20, 40)
    plans.repay_days[rows] = np.where(dice.happens("pays again soon", 0.75), soon, late)


def _partial(plans: Plans, rows: NDArray[np.int64], dice: Dice) -> None:
    _on_time(plans, rows, dice)
    in_parts = dice.happens("in parts", 0.4)
    plans.first_percent[rows] = np.where(in_parts, dice.each("first part", 30, 85), 100)
    soon, late = dice.each("rest soon", 3, 25), dice.each("rest late", 30, 65)
    plans.rest_days[rows] = np.where(dice.happens("rest comes soon", 0.8), soon, late)


def _slide(plans: Plans, rows: NDArray[np.int64], dice: Dice) -> None:
    _on_time(plans, rows, dice)
    late_by = dice.number - dice.place("slide starts", 0.7)
    delay = late_by * dice.loan("slide step", 3, 9)
    plans.delay[rows] = np.where(late_by > 0, delay, plans.delay[rows])
    plans.is_never[rows] = late_by > dice.loan("slide ends", 5, 8)


def _cure_and_slide(plans: Plans, rows: NDArray[np.int64], dice: Dice) -> None:
    _on_time(plans, rows, dice)
    since = dice.number - dice.place("first slide", 0.5)
    step, rest = dice.loan("slide step", 8, 16), dice.loan("months of peace", 1, 4)
    again = since - 4 - rest
    plans.delay[rows] = np.where((since > 0) & (since <= 3), since * step, plans.delay[rows])
    plans.delay[rows] = np.where((again > 0) & (again <= 5), again * step, plans.delay[rows])
    plans.is_never[rows] = (again > 5) & (dice.loan("gives up", 0, 1) == 1)


def _first_payment_default(plans: Plans, rows: NDArray[np.int64], dice: Dice) -> None:
    _on_time(plans, rows, dice)
    pays_later = dice.loan("pays in the end", 0, 1) == 1
    plans.delay[rows] = np.where(dice.number == 0, dice.each("first payment late", 10, 60), plans.delay[rows])
    plans.is_never[rows] = ~pays_later


def _stops(plans: Plans, rows: NDArray[np.int64], dice: Dice) -> None:
    _occasionally_late(plans, rows, dice)
    plans.is_never[rows] = dice.number >= dice.place("stops")


Habit = Callable[[Plans, NDArray[np.int64], Dice], None]
# Behaviours that are not here pay exactly on the due date (cancellations) or are planned with their new schedule.
HABITS: dict[str, Habit] = {
    "ON_TIME": _on_time,
    "EARLY": _early,
    "EARLY_SETTLEMENT": _on_time,
    "ROUNDER": _rounder,
    "DUE_DAY_CHANGE": _on_time,
    "OCCASIONALLY_LATE": _occasionally_late,
    "HABITUALLY_LATE": _habitually_late,
    "BOUNCED": _bounced,
    "PARTIAL": _partial,
    "CURE_AND_SLIDE": _cure_and_slide,
    "SLIDE": _slide,
    "RESTRUCTURED": _on_time,
    "FIRST_PAYMENT_DEFAULT": _first_payment_default,
    "STOPS": _stops,
    "SOLD": _stops,
}
