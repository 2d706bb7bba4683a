"""Which day the lists of a business date are worked on.

Where the calendar says nothing it is Monday to Friday, and the lists say so.
"""

from dataclasses import dataclass
from datetime import date, timedelta

from include import business_calendar
from include.errors import PostloanError


@dataclass(frozen=True)
class WorkDate:
    """``following``: the working days after ``day``, in order."""

    day: date
    following: tuple[date, ...]
    is_assumed: bool

    @property
    def last_due(self) -> date:
        """What is due by the day before the next working day is worked now."""
        return self.following[0] - timedelta(days=1)

    @property
    def workdays(self) -> tuple[date, ...]:
        return (self.day, *self.following)


def work_date_after(business_date: date, ahead: int = 20) -> WorkDate:
    """The team's next working day, and so many after it."""
    days: list[date] = []
    day = business_date
    while len(days) <= ahead:
        day += timedelta(days=1)
        if is_workday(day):
            days.append(day)
    return WorkDate(days[0], tuple(days[1:]), is_assumed=not all(_is_known(one) for one in days[:2]))


def is_workday(day: date) -> bool:
    """By the calendar, or Monday to Friday where it does not reach."""
    try:
        return business_calendar.is_workday(day)
    except PostloanError:
        return day.weekday() < 5


def _is_known(day: date) -> bool:
    try:
        business_calendar.is_workday(day)
    except PostloanError:
        return False
    return True
