"""The people who call and visit, and how much each of them can do on a working day."""

from datetime import date, timedelta

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from include.sample_bank.calendar import is_workday
from include.sample_bank.frames import codes, dates
from include.sample_bank.loans import BRANCHES, NEVER
from include.sample_bank.people import REGIONS
from include.sample_bank.randomness import Chance

OFFICERS_PER_BRANCH = 8
ROLES = ("CALL", "FIELD", "COLLECTIONS", "MANAGER")
PLANNED_AHEAD_DAYS = 15  # longer than any holiday
SKILLS = ("SMALL_LOANS", "SMALL_LOANS;BUSINESS", "HARDSHIP;SMALL_LOANS", "BUSINESS;LARGE_LOANS")
_COUNT = OFFICERS_PER_BRANCH * len(BRANCHES)


def officer_ids(branches: NDArray[np.int64], numbers: NDArray[np.int64]) -> pa.Array:
    """An officer's number: the branch's and a place in it."""
    return pc.binary_join_element_wise("U", pa.array(1_000 + branches * 100 + numbers).cast(pa.string()), "")


def officer(chance: Chance, until: int) -> pa.Table:
    """Everybody who works there at the end of the day, the whole table; a few have left and are not active."""
    ids = np.arange(_COUNT, dtype=np.uint64)
    branch, number = np.divmod(np.arange(_COUNT), OFFICERS_PER_BRANCH)
    # the first two places of a branch are old hands, the others came and some left again
    left_on = np.where((chance.uniform(ids, "officer leaves") < 0.08) & (number >= 2), _left(chance, ids), NEVER)
    role = np.select([number == 0, number <= 3, number <= 5], [3, 0, 1], 2)
    return pa.table(
        {
            "officer_id": officer_ids(branch, number),
            "employed_since_date": dates(16_000 + chance.whole(ids, "officer since", 0, 3_000)),
            "role_code": codes(role, ROLES),
            "branch_code": codes(branch, BRANCHES),
            "region_code": codes(branch, REGIONS),
            "skill_codes": codes(chance.whole(ids, "skills", 0, len(SKILLS) - 1), SKILLS),
            "language_codes": codes(
                (chance.uniform(ids, "speaks English") < 0.2).astype(np.int64), ("zh-CN", "zh-CN;en")
            ),
            # one officer in ten is a borrower of the bank too
            "borrower_id": pc.if_else(
                pa.array(chance.uniform(ids, "borrows") < 0.1),
                pc.binary_join_element_wise(
                    "C", pc.utf8_lpad(pa.array(ids * np.uint64(8)).cast(pa.string()), 10, "0"), ""
                ),
                pa.scalar(None, pa.string()),
            ),
            "is_active": pa.array(left_on > until),
        }
    )


def officer_capacity(chance: Chance, after: int, until: int) -> pa.Table:
    """The plans made on the days ``after < day <= until``: two weeks ahead, and the day before for who is absent."""
    plans = [_plan(chance, day, until) for day in range(after + 1, until + PLANNED_AHEAD_DAYS + 1)]
    kept = [plan for plan in plans if plan is not None]
    every = pa.concat_tables(kept) if kept else _table(np.empty(0, dtype=np.int64), 0, 0, np.empty(0, dtype=np.int64))
    planned = every.column("planned_date").cast(pa.int32())
    chosen = pc.and_(
        pc.greater(planned, pa.scalar(after, pa.int32())), pc.less_equal(planned, pa.scalar(until, pa.int32()))
    )
    return every.filter(chosen)


def _plan(chance: Chance, day: int, until: int) -> pa.Table | None:
    """The plan of a working day as it stands at the end of ``until``: of an absence only the last word counts."""
    if not is_workday(date(1970, 1, 1) + timedelta(days=day)):
        return None
    ids = np.arange(_COUNT, dtype=np.uint64)
    is_away = chance.uniform(ids, f"officer is away {day}") < 0.04
    known_away = is_away & (day - 1 <= until)
    planned_on = np.where(known_away, day - 1, day - PLANNED_AHEAD_DAYS)
    return _table(ids.astype(np.int64), day, planned_on, known_away)


def _table(rows: NDArray[np.int64], day: int, planned_on: NDArray[np.int64] | int, away: NDArray[np.bool_]) -> pa.Table:
    branch, number = np.divmod(rows, OFFICERS_PER_BRANCH)
    calls = np.select([number == 0, number <= 3, number <= 5], [0, 60, 12], 45)
    visits = np.where((number == 4) | (number == 5), 6, 0)
    return pa.table(
        {
            "officer_id": officer_ids(branch, number),
            "work_date": dates(np.full(len(rows), day)),
            "planned_date": dates(np.broadcast_to(planned_on, rows.shape)),
            "max_call_count": pa.array(np.where(away, 0, calls).astype(np.int32)),
            "max_field_visit_count": pa.array(np.where(away, 0, visits).astype(np.int32)),
        }
    )


def _left(chance: Chance, ids: NDArray[np.uint64]) -> NDArray[np.int64]:
    return 20_000 + chance.whole(ids, "officer left", 0, 800)
