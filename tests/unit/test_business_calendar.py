"""Workdays come from a dated table; where it ends nobody guesses, and people hear of the end 90 days before."""

from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import pytest

from include import cli_status
from include.business_calendar import calendar, covered_until, ends_soon, is_workday, next_workday
from include.digest import digest_text
from include.errors import PostloanError
from include.settings import Settings
from tests.unit.test_deliver_digest import QUIET

HEADER = "calendar_code,day_kind,from_date,to_date,name_zh,name_en,valid_from,valid_to,source\n"


@pytest.mark.parametrize(
    ("day", "works"),
    [
        pytest.param(date(2026, 1, 5), True, id="a Monday"),
        pytest.param(date(2026, 1, 10), False, id="a Saturday"),
        pytest.param(date(2026, 2, 17), False, id="the first day of the Chinese year, a Tuesday"),
        pytest.param(date(2026, 2, 14), True, id="the Saturday that is worked for the Spring Festival"),
        pytest.param(date(2026, 2, 28), True, id="and the one after it"),
        pytest.param(date(2025, 10, 8), False, id="the eighth day of National Day and Mid-Autumn together"),
        pytest.param(date(2025, 1, 26), True, id="a Sunday that is worked"),
        pytest.param(date(2024, 2, 29), True, id="the leap day"),
        pytest.param(date(2024, 12, 31), True, id="the last day of a year"),
    ],
)
def test_holidays_rest_and_make_up_workdays_are_worked(day: date, works: bool) -> None:
    assert is_workday(day) is works


def test_the_work_of_the_last_day_before_the_spring_festival_goes_on_after_it() -> None:
    assert next_workday(date(2026, 2, 13)) == date(2026, 2, 14), "a Saturday that is worked"
    assert next_workday(date(2026, 2, 14)) == date(2026, 2, 24)
    assert next_workday(date(2025, 12, 31)) == date(2026, 1, 4), "a Sunday that is worked"


def test_every_year_has_as_many_workdays_as_were_announced() -> None:
    first = date(2024, 1, 1)
    days = [first + timedelta(days=number) for number in range((date(2026, 12, 31) - first).days + 1)]
    worked = {year: sum(is_workday(day) for day in days if day.year == year) for year in (2024, 2025, 2026)}
    assert worked == {2024: 251, 2025: 248, 2026: 248}


def test_beyond_its_end_the_calendar_says_nothing() -> None:
    assert covered_until() == date(2026, 12, 31)
    for ask in (is_workday, next_workday):
        with pytest.raises(PostloanError, match="known from 2024-01-01 to 2026-12-31; whether 2027-01-01 is a workday"):
            ask(date(2027, 1, 1) if ask is is_workday else date(2026, 12, 31))
    with pytest.raises(PostloanError, match="for no date"):
        is_workday(date(2026, 1, 5), "NG")


def test_a_date_knows_only_what_was_announced_by_then() -> None:
    assert covered_until(known_on=date(2025, 11, 3)) == date(2025, 12, 31)
    assert covered_until(known_on=date(2025, 11, 4)) == date(2026, 12, 31)
    assert covered_until(known_on=date(2020, 1, 1)) is None


def test_after_a_year_that_is_missing_nothing_counts_as_known(tmp_path: Path) -> None:
    rows = [f"CN,KNOWN,{year}-01-01,{year}-12-31,,,2000-01-01,,x" for year in (2024, 2026)]
    (tmp_path / "business_calendar.csv").write_text(HEADER + "\n".join(rows) + "\n", encoding="utf-8")
    assert calendar(policy_dir=tmp_path).last == date(2024, 12, 31)


def test_the_digest_warns_of_the_end_for_ninety_days() -> None:
    until = date(2026, 12, 31)
    assert ends_soon(until - timedelta(days=90)) is None
    assert ends_soon(until - timedelta(days=89)) == until
    assert ends_soon(date(2017, 1, 1)) is None, "a date of which no calendar ever spoke"
    soon = replace(QUIET, calendar_ends=until)
    assert "The business calendar ends on 2026-12-31" in digest_text(soon, "en")
    assert "工作日历只到 2026-12-31" in digest_text(soon, "zh-CN")
    assert "business calendar" not in digest_text(QUIET, "en")


def test_doctor_warns_of_the_end_and_fails_when_it_is_past(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cli_status, "today", lambda settings: date(2026, 10, 2))
    assert cli_status.CHECKS["calendar"](Settings()) == "workdays are known until 2026-12-31"
    monkeypatch.setattr(cli_status, "today", lambda settings: date(2026, 10, 3))
    warned = cli_status.CHECKS["calendar"](Settings())
    assert isinstance(warned, cli_status.Warned)
    assert "until 2026-12-31, 89 days" in warned.found
    monkeypatch.setattr(cli_status, "today", lambda settings: date(2027, 1, 1))
    with pytest.raises(PostloanError, match="ended on 2026-12-31"):
        cli_status.CHECKS["calendar"](Settings())
