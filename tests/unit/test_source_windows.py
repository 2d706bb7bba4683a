"""Which changes of a source belong to a date: told by the date and the lender's zone, by no clock and no machine."""

import ast
import re
import time
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from include.settings import PROJECT_DIR
from include.sources.window import Window

ZONES = ["Asia/Shanghai", "America/New_York", "Africa/Lagos", "Australia/Lord_Howe"]
CLOCKS = re.compile(r"\b(now|today|utcnow|monotonic)\(|time\.time\(")


def window(day: date, after: date | None, zone: str = "Asia/Shanghai", overlap: int = 60) -> Window:
    return Window(day, after, ZoneInfo(zone), timedelta(minutes=overlap))


def test_a_day_in_shanghai_ends_at_four_in_the_afternoon_of_london() -> None:
    ends = window(date(2026, 1, 31), None).end
    assert ends.astimezone(UTC) == datetime(2026, 1, 31, 16, tzinfo=UTC)


@pytest.mark.parametrize("zone", ZONES)
@pytest.mark.parametrize("machine", ["UTC", "Asia/Shanghai", "America/New_York"])
def test_windows_touch_and_never_overlap_or_leave_a_gap_also_when_clocks_are_put_forward(
    zone: str, machine: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A day of 23, 24 or 25 hours; leap day, month end and year end among them; whatever the machine's own zone."""
    monkeypatch.setenv("TZ", machine)
    time.tzset()
    try:
        day, ends = date(2023, 12, 30), []
        for _ in range(800):
            one = window(day, day - timedelta(days=1), zone)
            ends.append((one.last_end, one.end))
            day += timedelta(days=1)
        assert all(first[1] == second[0] for first, second in pairwise(ends))
        lengths = {(last.astimezone(UTC) - first.astimezone(UTC)) for first, last in ends if first is not None}
        assert max(lengths) <= timedelta(hours=25)
        assert min(lengths) >= timedelta(hours=23)
    finally:
        monkeypatch.undo()
        time.tzset()


@given(
    committed=st.lists(st.integers(0, 20 * 1440), max_size=60),
    late=st.lists(st.integers(0, 60), min_size=60, max_size=60),
    fetched=st.sets(st.integers(0, 20), min_size=1),
)
def test_every_row_comes_once_whatever_dates_were_fetched_and_however_late_it_was_committed(
    committed: list[int], late: list[int], fetched: set[int]
) -> None:
    """Minutes since the first midnight; each date is fetched at its end; a row is visible once it is committed."""
    zone = ZoneInfo("Asia/Shanghai")
    start = datetime(2026, 1, 1, tzinfo=zone)
    rows = [
        (start + timedelta(minutes=at), start + timedelta(minutes=at + by))
        for at, by in zip(committed, late, strict=False)
    ]
    delivered: list[int] = []
    after: date | None = None
    for number in sorted(fetched):
        day = date(2026, 1, 1) + timedelta(days=number)
        one = Window(day, after, zone, timedelta(minutes=60))
        for at, (mark, visible) in enumerate(rows):
            is_visible, is_new = visible <= one.end, one.last_end is None or mark >= one.last_end
            is_late = one.overlap_start is not None and mark >= one.overlap_start and at not in delivered
            if is_visible and mark < one.end and (is_new or is_late):
                delivered.append(at)
        after = day
    last = Window(after, None, zone, timedelta(0)) if after else None
    assert len(set(delivered)) == len(delivered), "nothing twice"
    expected = {at for at, (_, visible) in enumerate(rows) if last is not None and visible < last.end}
    assert expected <= set(delivered), "nothing lost"


def test_nothing_in_fetching_looks_at_a_clock() -> None:
    files = [*(PROJECT_DIR / "include" / "sources").glob("*.py"), PROJECT_DIR / "include" / "jobs" / "fetch.py"]
    looking = [file.name for file in files if CLOCKS.search(ast.unparse(ast.parse(file.read_text(encoding="utf-8"))))]
    assert looking == []
