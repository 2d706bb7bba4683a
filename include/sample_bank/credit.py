"""The borrowers' debts with other lenders, and the score that a bureau makes of everything.

Every figure is a function of the borrower and the day, so a pull says the same whenever it is delivered.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from include.sample_bank.fates import make_fates
from include.sample_bank.loans import NEVER
from include.sample_bank.randomness import Cents, Days
from include.sample_bank.schedules import MONTH_STARTS
from include.sample_bank.world import World

PULLS = MONTH_STARTS + 5  # the bureau's batch is of the sixth of each month
TYPES = ("CREDIT_CARD", "PERSONAL_LOAN", "MORTGAGE", "AUTO_LOAN")
CARD, PERSONAL, MORTGAGE, AUTO = range(4)


@dataclass(frozen=True)
class Lines:
    """Accounts with other lenders, one entry each, in the order of their owners."""

    owner: NDArray[np.int64]
    kind: NDArray[np.int64]
    opened_on: Days
    closes_on: Days
    term_on: Days  # when it would be paid off; NEVER: no end in sight
    amount: Cents  # limit of a card, principal of a loan
    bad_on: Days  # since when it is past due
    bad_until: Days

    def __len__(self) -> int:
        return len(self.owner)

    def of(self, chosen: NDArray[np.bool_] | NDArray[np.int64]) -> "Lines":
        return Lines(*(getattr(self, name)[chosen] for name in self.__dataclass_fields__))


def other_lines(world: World) -> Lines:
    """Ordinary cards and loans, and what the borrower's fate adds to them."""
    fates, first, income = world.once(make_fates), world.first_loan_on, world.income
    bad_on = np.minimum(fates.on("OVER_INDEBTED", plus=60), fates.lags_on)
    # so that a pull sees it
    slightly = np.where(fates.has("DAYS_LATE_ELSEWHERE"), next_pull(fates.begins_on) - 2, NEVER)

    def times_income(purpose: str, low: int, high: int) -> Cents:
        return income * world.whole(purpose, low, high) // 1_000 * 100

    card = world.uniform("card") < 0.68
    loan = world.uniform("loan elsewhere") < 0.3
    is_secured = world.uniform("secured") < 0.22
    is_mortgage = world.uniform("mortgage") < 0.6
    loan_from = first - world.whole("loan since", 60, 900)
    refinanced_on = fates.on("REFINANCED")
    loan = loan | fates.has("REFINANCED")
    loan_term = np.minimum(loan_from + world.whole("loan months", 12, 36) * 30, NEVER)
    # a loan that is refinanced still had a while to go; the new one is as large as what was left of it
    loan_term = np.where(fates.has("REFINANCED"), np.maximum(loan_term, refinanced_on + 240), loan_term)
    loan_ends = np.where(fates.has("REFINANCED"), refinanced_on, loan_term)
    loan_size = times_income("loan size", 5, 60)
    left = _left_permille(loan_from, loan_term, np.where(fates.has("REFINANCED"), refinanced_on, loan_from))
    moved = loan_size // 1_000 * left
    # the card is the first to go bad; whoever has none falls behind with another loan
    hurts = card | fates.has("DAYS_LATE_ELSEWHERE")
    card_bad = np.where(card, bad_on, NEVER)
    parts = [
        _lines(hurts, CARD, first - world.whole("card since", 400, 3_000), NEVER, times_income("limit", 5, 40),
               np.minimum(card_bad, slightly), np.where(slightly < NEVER, slightly + 3, NEVER)),
        _lines(loan, PERSONAL, loan_from, loan_ends, loan_size, NEVER, NEVER, term_on=loan_term),
        _lines(is_secured & is_mortgage, MORTGAGE, first - world.whole("house since", 100, 2_500), NEVER,
               times_income("house", 200, 550), NEVER, NEVER),
        _lines(is_secured & ~is_mortgage, AUTO, first - world.whole("car since", 30, 700),
               first + world.whole("car until", 100, 1_100), times_income("car", 30, 100), NEVER, NEVER),
        _lines(fates.has("REFINANCED"), PERSONAL, refinanced_on, NEVER, moved, NEVER, NEVER),
        _lines(fates.has("AFFORDABLE_NEW_LINE"), PERSONAL, fates.begins_on, fates.begins_on + 720,
               times_income("small loan", 5, 15), NEVER, NEVER),
        _lines(fates.has("MORTGAGE_SHOPPING"), MORTGAGE, fates.begins_on + 25, NEVER,
               times_income("house", 200, 550), NEVER, NEVER),
    ]  # fmt: skip
    for number, after in enumerate((0, 18, 40)):
        falls_behind = np.where(~card & (number == 0), bad_on, NEVER)
        borrows = fates.has("OVER_INDEBTED")
        size = times_income(f"new loan {number}", 15, 50)
        parts.append(
            _lines(borrows, PERSONAL, fates.begins_on + after, fates.begins_on + 1_080, size, falls_behind, NEVER)
        )
    together = Lines(*(np.concatenate([getattr(part, name) for part in parts]) for name in Lines.__dataclass_fields__))
    return together.of(np.lexsort((together.opened_on, together.owner)))


def pull_days(after: int, until: int) -> list[int]:
    """The days of the bureau's batches, ``after < day <= until``."""
    return [int(day) for day in PULLS[(after < PULLS) & (until >= PULLS)]]


def next_pull(day: Days) -> Days:
    """The first batch not before a day: when what happened that day can be known; NEVER for what never happens."""
    place = np.minimum(np.searchsorted(PULLS, day), len(PULLS) - 1)
    return np.where(day < NEVER, PULLS[place], NEVER)


def balances(world: World, lines: Lines, day: Days | int) -> Cents:
    """What is owed on each line on a day (one for all, or one a line); zero before it opens and after it closes."""
    part = _left_permille(lines.opened_on, lines.term_on, day)
    use = world.whole("card use", 8, 55)
    strained = world.once(make_fates).on("OVER_INDEBTED", plus=30)
    used = np.where(day >= strained[lines.owner], 950, use[lines.owner] * 10)
    owed = lines.amount // 100_000 * 100 * np.where(lines.kind == CARD, used, np.clip(part, 0, 1_000))
    return np.where((lines.opened_on <= day) & (lines.closes_on > day), owed, 0)


def _left_permille(opened_on: Days, term_on: Days, day: Days | int) -> NDArray[np.int64]:
    """What is left of a loan; one without an end in sight falls by a seventh of a percent a month."""
    age, span = day - opened_on, np.maximum(term_on - opened_on, 1)
    return np.where(term_on < NEVER, 1_000 - np.clip(age, 0, span) * 1_000 // span, 1_000 - age // 210)


def base_scores(world: World) -> NDArray[np.int64]:
    """The bureau's score of each borrower when nothing is wrong: 560 to 800."""
    return world.whole("base score", 560, 800)


def scores(world: World, day: int, month: int) -> NDArray[np.int64]:
    """The bureau's score on a day, a little different each month."""
    fates, lines = world.once(make_fates), world.once(other_lines)
    bad_on = np.full(len(world), NEVER)
    np.minimum.at(bad_on, lines.owner, np.where(lines.bad_until == NEVER, lines.bad_on, NEVER))
    since = fates.on("OVER_INDEBTED", plus=10)
    dip_on = fates.on("SCORE_DIP")
    fall = np.where(day >= since, world.whole("fall", 30, 60), 0)
    fall = fall + np.where(day >= bad_on + 5, world.whole("fall when late", 50, 110), 0)
    # what we report ourselves reaches the score a month and more later
    fall = fall + np.where(day >= world.trouble_on + 45, world.whole("fall when late here", 40, 90), 0)
    fall = fall + np.where((day >= dip_on) & (day < dip_on + 31), world.whole("dip", 8, 24), 0)
    wobble = world.whole(f"wobble {month}", -5, 5)
    found: NDArray[np.int64] = np.clip(world.once(base_scores) + wobble - fall, 300, 850)
    return found


def inquiries(world: World, day: int, within: int) -> NDArray[np.int64]:
    """Hard inquiries by others in so many days before the pull: one now and then, several in a burst."""
    fates = world.once(make_fates)
    burst, shopping = fates.on("OVER_INDEBTED", plus=-4), fates.on("MORTGAGE_SHOPPING")
    count = np.zeros(len(world), dtype=np.int64)
    for after in (0, 1, 3, 5, 8, 11, 15, 19):
        count += (burst + after <= day) & (burst + after > day - within)
    for after in (0, 2, 6):
        count += (shopping + after <= day) & (shopping + after > day - within)
    for slot in range((day - within) // 30, day // 30 + 1):
        asked = slot * 30 + world.whole(f"asked in {slot}", 0, 29)
        happens = world.uniform(f"is asked in {slot}") < 0.06
        count += happens & (asked <= day) & (asked > day - within)
    return count


def debt_at_application(world: World) -> Cents:
    """Per loan: what the borrower owed everywhere when it was applied for, that loan not counted."""
    loans, lines = world.lives.loans, world.once(other_lines)
    count, owner = len(loans), world.owner
    debt = np.zeros(count, dtype=np.int64)
    start = np.searchsorted(lines.owner, owner, side="left")
    end = np.searchsorted(lines.owner, owner, side="right")
    for number in range(int((end - start).max(initial=0))):
        rows = np.flatnonzero(start + number < end)
        debt[rows] += balances(world, lines.of(start[rows] + number), loans.disbursed_on[rows])
    ends_on = loans.disbursed_on + loans.months * 30
    for shift in (-3, -2, -1, 1, 2, 3):
        mine = np.arange(max(0, -shift), min(count, count - shift))
        other = mine + shift
        together = (owner[mine] == owner[other]) & (loans.disbursed_on[other] < loans.disbursed_on[mine])
        left = np.clip(ends_on[other] - loans.disbursed_on[mine], 0, None)
        owed = loans.principals[other] // 100 * left // (loans.months[other] * 30) * 100
        debt[mine] += np.where(together, owed, 0)
    return debt


def _lines(
    exists: NDArray[np.bool_],
    kind: int,
    opened_on: Days,
    closes_on: Days | np.int64,
    amount: Cents,
    bad_on: Days | np.int64,
    bad_until: Days | np.int64,
    term_on: Days | None = None,
) -> Lines:
    owner = np.flatnonzero(exists)
    columns = (opened_on, closes_on, closes_on if term_on is None else term_on, amount, bad_on, bad_until)
    every = [np.broadcast_to(np.asarray(values), exists.shape)[owner] for values in columns]
    return Lines(owner, np.full(len(owner), kind, dtype=np.int64), *every)
