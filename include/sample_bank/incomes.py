"""What the customer system learns of borrowers' income and work after the loan was made."""

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from include.sample_bank.fates import make_fates
from include.sample_bank.frames import CURRENCY, codes, dates, decimals, identifiers, same
from include.sample_bank.loans import NEVER
from include.sample_bank.randomness import Cents, Days
from include.sample_bank.world import World

EVIDENCE = ("PAYROLL", "SOCIAL_INSURANCE", "TAX", "SELF_STATED")
PAYROLL, SOCIAL_INSURANCE, TAX, SELF_STATED = range(4)
INSURANCE = ("PAYING", "SUSPENDED", "NONE")
REGULAR = 6  # regular refreshes a borrower has at most, some 200 days apart
NEW_EMPLOYER_DAYS = 20  # from leaving the old employer to the first salary of the new one


def income_on(world: World, owner: NDArray[np.int64], day: Days) -> Cents:
    """What each of these borrowers earns a month on a day: nothing when the salary stops, half in hardship."""
    fates = world.once(make_fates)
    change = np.select(
        [
            day >= fates.on("SALARY_STOPPED")[owner],
            day >= fates.on("HARDSHIP")[owner],
            day >= fates.on("JOB_CHANGE", plus=NEW_EMPLOYER_DAYS)[owner],
        ],
        [0, 50, 108],
        100,
    )
    return world.income[owner] * change // 10_000 * 100


def next_refresh(world: World, day: Days) -> Days:
    """The first regular refresh of each borrower on or after a day; NEVER without one."""
    is_kept, base, gap = _regular(world)
    number = np.maximum(-(-(day - base) // gap), 0)
    on = base + gap * number
    comes = (day < NEVER) & is_kept & (number < REGULAR) & (on < world.last_day)
    return np.where(comes, on, NEVER)


def _regular(world: World) -> tuple[NDArray[np.bool_], Days, NDArray[np.int64]]:
    """Whose income is refreshed regularly, when for the first time, and every how many days."""
    first = world.first_loan_on + world.whole("first refresh", 20, 120)
    return world.uniform("is refreshed") < 0.75, first, world.whole("refresh gap", 150, 240)


def income_employment_refresh(world: World, after: int, until: int) -> pa.Table:
    """What was observed on the days ``after < day <= until``."""
    fates = world.once(make_fates)
    usual = np.where(world.is_self_employed, TAX, np.where(world.has_account, PAYROLL, SELF_STATED))
    is_kept, base, gap = _regular(world)
    parts: list[tuple[NDArray[np.int64], Days, NDArray[np.int64], int]] = []
    for number in range(1, REGULAR + 1):
        on = base + gap * (number - 1)
        parts.append(_chosen(is_kept & (on < world.last_day), on, usual, number, after, until))
    stopped, moved = fates.on("SALARY_STOPPED", plus=38), fates.on("JOB_CHANGE", plus=45)
    told = fates.on("HARDSHIP", plus=4)
    insured = np.full(len(world), SOCIAL_INSURANCE)
    parts.append(_chosen((stopped < NEVER) & ~world.is_self_employed, stopped, insured, 7, after, until))
    parts.append(_chosen(moved < NEVER, moved, insured, 8, after, until))
    parts.append(_chosen(told < NEVER, told, np.full(len(world), SELF_STATED), 9, after, until))
    owner, on, evidence = (np.concatenate([part[place] for part in parts]) for place in range(3))
    numbers = np.concatenate([np.full(len(part[0]), part[3], dtype=np.int64) for part in parts])
    order = np.lexsort((numbers, owner))
    owner, on, evidence, numbers = owner[order], on[order], evidence[order], numbers[order]
    income = income_on(world, owner, on)
    wobble = world.chance.whole(world.ids[owner] * np.uint64(16) + numbers.astype(np.uint64), "income wobble", -4, 6)
    has_stopped = on >= fates.on("SALARY_STOPPED")[owner]
    is_self_employed = world.is_self_employed[owner]
    insurance = np.where(is_self_employed, 2, has_stopped.astype(np.int64))
    return pa.table(
        {
            "refresh_id": identifiers(world.ids[owner] * np.uint64(10) + numbers.astype(np.uint64), "R", 11),
            "borrower_id": identifiers(world.ids[owner], "C", 10),
            "observed_date": dates(on),
            "evidence_code": codes(evidence, EVIDENCE),
            "currency": same(CURRENCY, len(owner)),
            "monthly_income_amount": decimals(
                income * (100 + wobble) // 10_000 * 100, pa.decimal128(18, 2), numbers == 8
            ),
            "social_insurance_code": codes(insurance, INSURANCE, evidence == SELF_STATED),
            "has_employer_changed": pa.array(numbers == 8),
        }
    )


def _chosen(
    exists: NDArray[np.bool_], on: Days, evidence: NDArray[np.int64], number: int, after: int, until: int
) -> tuple[NDArray[np.int64], Days, NDArray[np.int64], int]:
    owner = np.flatnonzero(exists & (on > after) & (on <= until))
    return owner, on[owner], evidence[owner], number
