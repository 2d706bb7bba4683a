"""Profiles and fund-use checks move only at an event or on a day that their rows name beforehand."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta

import pytest

from include.jobs.publish import rollback
from include.jobs.rebuild import rebuild
from include.settings import Settings
from include.warehouse.compare import Difference
from include.warehouse.connection import connect
from tests.support.borrower_lives import FIRST_DAY, BorrowerLives
from tests.support.days import compute, land_all

# days after the first delivery; on the last of them a correction of the first becomes known
DELIVERED = (1, 9)
CORRECTED = 9
# days after the last delivery on which nothing but time has passed: a few, a month-end, a season
QUIET = (4, 20, 70)
CARRIED = """
    select
        (select count(*) from serving.use_of_proceeds_check_as_of(%(day)s) where business_date <> as_of_date),
        (select count(*) from serving.borrower_profile_as_of(%(day)s) where business_date <> as_of_date)
"""


@dataclass
class Weeks:
    """What a full rebuild of each date found to differ, and how many rows the date had taken over from its base."""

    settings: Settings
    differences: dict[date, list[Difference]] = field(default_factory=dict)
    carried: dict[date, tuple[int, int]] = field(default_factory=dict)


@pytest.fixture(scope="module")
def weeks(server, template_warehouse: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Weeks]:
    server.create_database("profile_steps", template=template_warehouse)
    settings = server.settings_for("profile_steps", tmp_path_factory.mktemp("profile_steps"))
    lived, lives = Weeks(settings), BorrowerLives(seed=7, borrowers=40)
    for number in (0, *DELIVERED):
        day = FIRST_DAY + timedelta(days=number)
        lives.deliver(settings.landing, day)
        if number == CORRECTED:
            lives.correct_the_first_day(settings.landing, known_date=day)
        land_all(day, settings)
        compute(day, settings, audited=number in (0, CORRECTED))
        if number:
            _look(lived, day)
    for quiet in QUIET:
        later = day + timedelta(days=quiet)
        compute(later, settings, audited=False)
        _look(lived, later)
        rollback(later, settings, reason="the next jump starts from the same base")
    yield lived
    server.drop_database("profile_steps")


def _look(lived: Weeks, day: date) -> None:
    with connect(lived.settings) as connection:
        lived.carried[day] = connection.execute(CARRIED, {"day": day}).fetchone()
    lived.differences[day] = rebuild(day, lived.settings)[1]


def test_increments_with_late_rows_and_a_correction_equal_the_full_rebuild(weeks: Weeks) -> None:
    assert {day: found for day, found in weeks.differences.items() if found} == {}


def test_rows_are_carried_otherwise_nothing_would_have_been_compared(weeks: Weeks) -> None:
    checks, profiles = (sum(counts) for counts in zip(*weeks.carried.values(), strict=True))
    assert checks > 300
    assert profiles > 20


def test_every_code_of_a_profile_occurs_so_that_none_went_untested(weeks: Weeks) -> None:
    with connect(weeks.settings) as connection:
        codes = {
            code
            for row in connection.execute(
                "select bureau_trend_code, income_trend_code, application_drift_codes, mismatch_codes"
                " from serving.borrower_profile_history"
            )
            for codes in row
            for code in (codes or "").split(",")
        }
        results = {
            result
            for (result,) in connection.execute(
                "select distinct result_code from serving.use_of_proceeds_check_history"
            )
        }
    assert codes >= {
        "NO_REPORT", "FIRST_REPORT", "WORSENING", "IMPROVING", "FIRST_EVIDENCE", "FALLING", "RISING", "STABLE",
        "DEBT_HIGHER", "DEBT_UNDERSTATED", "EMPLOYER_CHANGED", "INCOME_LOWER", "OCCUPATION_CHANGED", "REGION_CHANGED",
        "INCOME_ABOVE_PAYROLL", "INCOME_ABOVE_SOCIAL_INSURANCE", "INCOME_ABOVE_TAX", "SOCIAL_INSURANCE_SUSPENDED",
    }  # fmt: skip
    assert results == {"SUSPECT", "CLEAR", "NOT_OBSERVED", "NOT_APPLICABLE"}
