"""Workdays, public holidays and make-up workdays, as far as they are announced; beyond that nothing is guessed.

The policy ``business_calendar`` holds them. A year that begins without its rows would put every promise, visit and
deadline on a wrong day, so the end is said 90 days ahead: by ``postloan doctor`` and in each day's digest.
"""

import json
from dataclasses import dataclass
from datetime import date, timedelta
from functools import lru_cache
from pathlib import Path

from include.errors import PostloanError
from include.policy import POLICY_DIR, load_policy_rows

POLICY = "business_calendar"
DEFAULT = "CN"
WARN_DAYS = 90
EXTEND = "less dbt_project/seeds/policy/business_calendar.csv"


@dataclass(frozen=True)
class BusinessCalendar:
    """One calendar as it is known on a date. ``first`` to ``last``: the range without a gap in which it is known."""

    code: str
    first: date | None
    last: date | None
    holidays: frozenset[date]
    made_up: frozenset[date]

    def is_workday(self, day: date) -> bool:
        """Whether people work on the day. Raises PostloanError where the calendar does not say."""
        if self.first is None or self.last is None or not self.first <= day <= self.last:
            known = f"from {self.first} to {self.last}" if self.first else "for no date"
            raise PostloanError(
                f"the business calendar {self.code} is known {known}; whether {day} is a workday nobody has said",
                next_command=EXTEND,
            )
        if day in self.made_up:
            return True
        return day.weekday() < 5 and day not in self.holidays

    def next_workday(self, day: date) -> date:
        """The first workday after the day. Raises PostloanError where the calendar does not say."""
        following = day + timedelta(days=1)
        while not self.is_workday(following):
            following += timedelta(days=1)
        return following


@lru_cache
def calendar(code: str = DEFAULT, *, known_on: date | None = None, policy_dir: Path = POLICY_DIR) -> BusinessCalendar:
    """The calendar with this code as it was known on a date (None: as it is known today)."""
    ranges: dict[str, list[tuple[date, date]]] = {"KNOWN": [], "HOLIDAY": [], "WORKDAY": []}
    for row in load_policy_rows(policy_dir):
        content = json.loads(row.content)
        is_known = known_on is None or row.is_valid_on(known_on)
        if row.policy != POLICY or not is_known or content["calendar_code"] != code:
            continue
        first, last = date.fromisoformat(content["from_date"]), date.fromisoformat(content["to_date"])
        if content["day_kind"] not in ranges or last < first:
            raise PostloanError(f"{POLICY}.csv: {content['day_kind']} from {first} to {last} is no such range")
        ranges[content["day_kind"]].append((first, last))
    known = _without_gap(sorted(ranges["KNOWN"]))
    return BusinessCalendar(code, *known, _days(ranges["HOLIDAY"]), _days(ranges["WORKDAY"]))


def is_workday(day: date, code: str = DEFAULT) -> bool:
    """Whether people work on the day. Raises PostloanError where the calendar does not say."""
    return calendar(code).is_workday(day)


def next_workday(day: date, code: str = DEFAULT) -> date:
    """The first workday after the day. Raises PostloanError where the calendar does not say."""
    return calendar(code).next_workday(day)


def covered_until(code: str = DEFAULT, *, known_on: date | None = None) -> date | None:
    """The last date of which the calendar speaks; None when there is no such calendar."""
    return calendar(code, known_on=known_on).last


def ends_soon(day: date, code: str = DEFAULT) -> date | None:
    """The calendar's last date, when it is less than 90 days after ``day`` as far as was known on that day."""
    last = covered_until(code, known_on=day)
    return last if last is not None and last < day + timedelta(days=WARN_DAYS) else None


def _without_gap(known: list[tuple[date, date]]) -> tuple[date | None, date | None]:
    """The first range and all that follow it day by day: after a gap nothing counts as known."""
    if not known:
        return None, None
    first, last = known[0]
    for begin, end in known[1:]:
        if begin > last + timedelta(days=1):
            break
        last = max(last, end)
    return first, last


def _days(ranges: list[tuple[date, date]]) -> frozenset[date]:
    return frozenset(
        first + timedelta(days=number) for first, last in ranges for number in range((last - first).days + 1)
    )
