"""Money that comes in: salaries on payday, takings of those who work for themselves."""

from datetime import date, timedelta

import numpy as np
from numpy.typing import NDArray

from include.sample_bank.calendar import is_workday, next_workday
from include.sample_bank.fates import make_fates
from include.sample_bank.incomes import NEW_EMPLOYER_DAYS, income_on
from include.sample_bank.loans import NEVER
from include.sample_bank.movements import EMPLOYER, FIRST, PERSON, SALARY, TRANSFER, Flows, flows
from include.sample_bank.randomness import Days
from include.sample_bank.schedules import MONTH_STARTS, month_of
from include.sample_bank.world import World

PAYDAYS = (5, 8, 10, 15, 20, 25)
OLD_EMPLOYER, NEW_EMPLOYER, CUSTOMER = 80, 81, 61  # whose accounts the money comes from


def income_flows(world: World, owner: NDArray[np.int64], month: int) -> Flows:
    """What these borrowers earn in the month, on the day it comes."""
    self_employed = world.is_self_employed[owner]
    return Flows.together(
        [_salaries(world, owner[~self_employed], month), _takings(world, owner[self_employed], month)]
    )


def salary_days(world: World, month: int) -> Days:
    """Per borrower: when the salary of the month comes; NEVER when it does not. Nothing is paid on a day off."""
    fates = world.once(make_fates)
    start, end = int(MONTH_STARTS[month]), int(MONTH_STARTS[month + 1]) - 1
    regular = np.array([_paid_by(start + payday - 1, start) for payday in PAYDAYS])
    day = regular[world.whole("payday", 0, len(PAYDAYS) - 1)]
    late_from = fates.on("SALARY_LATE")
    is_late = (day >= late_from) & (day < late_from + 31)
    day = np.where(is_late, np.minimum(day + world.whole("salary late by", 5, 12), end), day)
    moved = fates.on("JOB_CHANGE")
    first_new = moved + NEW_EMPLOYER_DAYS
    between = (day > moved) & (day <= first_new + 15)
    day = np.where(between, NEVER, day)
    day = np.where((first_new >= start) & (first_new <= end), first_new, day)
    return np.where(day >= fates.on("SALARY_STOPPED"), NEVER, day)


def payday_of(world: World, owner: NDArray[np.int64], day: Days) -> Days:
    """The first regular payday of each of these borrowers on or after a day."""
    found = np.full(len(owner), NEVER)
    if not len(owner):
        return found
    which = world.whole("payday", 0, len(PAYDAYS) - 1)[owner]
    first, last = month_of(np.array([day.min(), day.max()]))
    for month in range(int(last) + 1, int(first) - 1, -1):
        start = int(MONTH_STARTS[month])
        regular = np.array([_paid_by(start + payday - 1, start) for payday in PAYDAYS])[which]
        found = np.where((regular >= day) & (regular < found), regular, found)
    return found


def _salaries(world: World, owner: NDArray[np.int64], month: int) -> Flows:
    day = salary_days(world, month)[owner]
    owner, day = owner[day < NEVER], day[day < NEVER]
    net = world.whole("net percent", 82, 98)[owner]
    cents = income_on(world, owner, day) // 10_000 * net * 100
    is_new = day >= world.once(make_fates).on("JOB_CHANGE")[owner]
    firm = world.ids % np.uint64(997)
    old, new = (
        flows(
            owner[its],
            day[its],
            cents[its],
            SALARY,
            EMPLOYER,
            order=FIRST,
            party_id=firm[owner[its]] + np.uint64(code),
            party_account=code,
        )
        for its, code in ((~is_new, OLD_EMPLOYER), (is_new, NEW_EMPLOYER))
    )
    both = Flows.together([old, new])
    return both.of(both.cents > 0)


def _takings(world: World, owner: NDArray[np.int64], month: int) -> Flows:
    """Three times a month customers pay."""
    start = int(MONTH_STARTS[month])
    parts = []
    for number, after in enumerate((4, 13, 22)):
        day = start + after + world.whole(f"takings {number} in {month}", -3, 4)[owner]
        percent = world.whole(f"takings {number} of {month}", 18, 40)[owner]
        cents = income_on(world, owner, day) // 10_000 * percent * 100
        customer = world.ids[owner] + np.uint64(number)
        parts.append(flows(owner, day, cents, TRANSFER, PERSON, order=FIRST, party_id=customer, party_account=CUSTOMER))
    together = Flows.together(parts)
    return together.of(together.cents > 0)


def _paid_by(payday: int, start: int) -> int:
    """When a payday's money comes: that day or the last working day before it, after it where the month begins off."""
    day = payday
    while day >= start and not is_workday(date(1970, 1, 1) + timedelta(days=day)):
        day -= 1
    return day if day >= start else int(next_workday(np.array([payday]))[0])
