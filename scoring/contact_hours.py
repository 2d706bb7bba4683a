"""The hours of a day in which a contact is allowed, as moments: the clocks of borrower and lender differ, and jump."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from scoring.contact_policy import HOURS, ContactRule

Interval = tuple[datetime, datetime]  # from (included) to (not included), in UTC


def allowed_intervals(
    day: date, rules: Sequence[ContactRule], borrower_zone: ZoneInfo, lender_zone: ZoneInfo
) -> list[Interval]:
    """The parts of the lender's calendar day that every HOURS rule allows; empty where there is none.

    A rule speaks of every local day, so a window may lie on the evening before or the morning after of the borrower's
    clock. On the days on which clocks jump the shorter reading counts.
    """
    allowed = [
        (_moment(day, time.min, lender_zone, latest=True), _moment(day + timedelta(days=1), time.min, lender_zone))
    ]
    for rule in rules:
        if rule.kind != HOURS:
            continue
        zone = borrower_zone if rule.zone_basis == "BORROWER" else lender_zone
        local_days = [day + timedelta(days=step) for step in (-1, 0, 1)]
        open_hours = [
            (_moment(local, rule.from_time, zone, latest=True), _moment(local, rule.to_time, zone))
            for local in local_days
        ]
        allowed = [
            (max(begin, opens), min(end, closes))
            for begin, end in allowed
            for opens, closes in open_hours
            if max(begin, opens) < min(end, closes)
        ]
    return sorted(allowed)


def longest(intervals: Sequence[Interval]) -> Interval | None:
    """The longest of them, the first of equals; None when there is none."""
    return max(intervals, key=lambda one: (one[1] - one[0], -one[0].timestamp()), default=None)


def _moment(day: date, clock: time, zone: ZoneInfo, *, latest: bool = False) -> datetime:
    """The moment at which a local clock shows this. Where it does so twice or never: the latest or the earliest."""
    local = datetime.combine(day, clock, zone)
    moments = [local.replace(fold=fold).astimezone(UTC) for fold in (0, 1)]
    return max(moments) if latest else min(moments)
