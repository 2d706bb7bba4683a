"""Working days as the sample bank sees them: as announced, and Monday to Friday where nothing is announced."""

from datetime import date, timedelta
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from include.business_calendar import calendar

EPOCH = date(1970, 1, 1)
_FIRST, _LAST = 10_957, 29_220  # 2000 to 2049


def is_workday(day: date) -> bool:
    """Whether people work and salaries are paid on the day."""
    announced = calendar()
    if announced.first is not None and announced.last is not None and announced.first <= day <= announced.last:
        return announced.is_workday(day)
    return day.weekday() < 5


def next_workday(days: NDArray[np.int64]) -> NDArray[np.int64]:
    """Each day, or the first working day after it."""
    return _next_workdays()[np.clip(days, _FIRST, _LAST) - _FIRST]


@lru_cache
def _next_workdays() -> NDArray[np.int64]:
    found = np.arange(_FIRST, _LAST + 1)
    for place in range(len(found) - 2, -1, -1):
        if not is_workday(EPOCH + timedelta(days=int(found[place]))):
            found[place] = found[place + 1]
    return found
