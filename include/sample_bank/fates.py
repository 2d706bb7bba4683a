"""What befalls the people of a block, the cause of their trouble or something innocent that only looks like one.

A borrower in trouble (an instalment open for more than 30 days, or never paid) mostly has a cause that shows earlier
or later in another system; a few who pay all the same have one too. Look-alikes befall people who are not in trouble.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from include.sample_bank.loans import NEVER
from include.sample_bank.randomness import Days, pick
from include.sample_bank.world import World

# causes of trouble, and how common they are among those in trouble
TROUBLES = {
    "SALARY_STOPPED": 22,
    "OVER_INDEBTED": 24,
    "HARDSHIP": 14,
    "UNREACHABLE": 12,
    "LITIGATION": 8,
    "BUSINESS_FAILED": 5,
    "NONE": 15,
}
# what only looks like trouble, in shares of those who are not in trouble
INNOCENT = {
    "SALARY_LATE": 0.03,
    "JOB_CHANGE": 0.02,
    "MORTGAGE_SHOPPING": 0.015,
    "REFINANCED": 0.015,
    "AFFORDABLE_NEW_LINE": 0.02,
    "SCORE_DIP": 0.02,
    "DAYS_LATE_ELSEWHERE": 0.015,
    "PLAINTIFF": 0.006,
    "CASE_WITHDRAWN": 0.006,
    "HARD_TO_REACH": 0.015,
    "COMPLAINT_NO_HARDSHIP": 0.01,
    "BUSINESS_MOVED": 0.006,
    # the same as the causes above, in people who pay all the same
    "SALARY_STOPPED": 0.006,
    "OVER_INDEBTED": 0.006,
    "LITIGATION": 0.003,
}
FATES = ("NONE", *(name for name in dict.fromkeys([*TROUBLES, *INNOCENT]) if name != "NONE"))
GROUNDS = ("INCOME_LOSS", "UNEMPLOYMENT", "ILLNESS", "FAMILY_EVENT", "DISASTER")


@dataclass(frozen=True)
class Fates:
    """One entry a borrower. Days are NEVER for those to whom it does not happen."""

    fate: NDArray[np.int64]  # index into FATES
    begins_on: Days  # when it begins
    ground: NDArray[np.int64]  # index into GROUNDS: what a borrower who asks for relief gives as the reason
    lags_on: Days  # trouble that other lenders see only after we did

    def has(self, *names: str) -> NDArray[np.bool_]:
        """Whose fate is one of these."""
        return np.isin(self.fate, [FATES.index(name) for name in names])

    def on(self, *names: str, plus: NDArray[np.int64] | int = 0) -> Days:
        """The day it begins and so many days more, NEVER for everybody else."""
        return np.where(self.has(*names), self.begins_on + plus, NEVER)


def make_fates(world: World) -> Fates:
    """Each borrower's fate. What leads shows 20 to 100 days before the first missed instalment."""
    trouble_on = world.trouble_on
    in_trouble = trouble_on < NEVER
    fate = np.where(in_trouble, _trouble(world), _innocent(world))
    fate = np.where((fate == FATES.index("BUSINESS_FAILED")) & ~world.is_self_employed, 0, fate)
    fate = np.where(world.first_loan_on == NEVER, 0, fate)
    lead = world.whole("lead", 20, 100)
    somewhere = world.first_loan_on + (world.uniform("when") * (world.last_day - world.first_loan_on)).astype(np.int64)
    # nothing shows before the loan: a lender would not have lent
    begins_on = np.where(in_trouble, np.maximum(trouble_on - lead, world.first_loan_on + 3), somewhere)
    after = np.isin(fate, [FATES.index(name) for name in ("HARDSHIP", "UNREACHABLE")]) & in_trouble
    begins_on = np.where(after, trouble_on + world.whole("after", 2, 12), begins_on)
    # half of the court cases are about other debts and come first, half come of the trouble itself
    late_case = (fate == FATES.index("LITIGATION")) & in_trouble & (world.uniform("case comes late") < 0.5)
    begins_on = np.where(late_case, trouble_on + world.whole("case after", 30, 120), begins_on)
    lags = in_trouble & ~np.isin(fate, [FATES.index("OVER_INDEBTED")]) & (world.uniform("bureau lags") < 0.4)
    return Fates(
        fate=fate,
        begins_on=np.where(fate == 0, NEVER, begins_on),
        ground=pick(world.uniform("ground"), [40, 25, 20, 10, 5]),
        lags_on=np.where(lags, trouble_on + world.whole("lag", 35, 90), NEVER),
    )


def _trouble(world: World) -> NDArray[np.int64]:
    names = np.array([FATES.index(name) for name in TROUBLES])
    return names[pick(world.uniform("cause"), list(TROUBLES.values()))]


def _innocent(world: World) -> NDArray[np.int64]:
    names = np.array([0, *(FATES.index(name) for name in INNOCENT)])
    shares = [share * world.planted for share in INNOCENT.values()]
    shares = [1 - sum(shares), *shares]
    return names[pick(world.uniform("look-alike"), shares)]
