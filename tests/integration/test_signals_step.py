"""Signals of every source are step functions too: whatever is delivered, the increments equal the full rebuild, and
between two touches nothing moves."""

import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date

import pytest

from include.jobs.publish import rollback
from include.jobs.rebuild import rebuild
from include.settings import Settings
from include.warehouse.compare import Difference
from include.warehouse.connection import connect
from tests.support.borrower_noise import Noise
from tests.support.days import compute, land_all
from tests.support.small_bank import HISTORY_TO, day, small_bank

DATES = 6
JUMPS = 2
LONGEST_JUMP = 60
LOANS = 70
SEED = 5
OPEN_SIGNALS = "select distinct signal_code from published.loan_signal where meets_raise"
CARRIED = "select count(*) from serving.loan_position_as_of(%s) where business_date <> as_of_date"


@dataclass
class Weeks:
    settings: Settings
    differences: dict[date, list[Difference]] = field(default_factory=dict)
    carried: int = 0


@pytest.fixture(scope="module")
def weeks(server, template_warehouse, tmp_path_factory) -> Iterator[Weeks]:
    server.create_database("noise", template=template_warehouse)
    settings = server.settings_for("noise", tmp_path_factory.mktemp("noise"))
    bank = small_bank(LOANS, SEED)
    bank.write_history(settings.landing, HISTORY_TO)
    land_all(HISTORY_TO, settings)
    compute(HISTORY_TO, settings, audited=False)
    happened = Weeks(settings)
    noise = Noise(settings.landing, _loans(settings), SEED, day(1))
    for number in range(1, DATES + 1):
        bank.write_day(settings.landing, day(number))
        noise.write_day(day(number))
        land_all(day(number), settings)
        compute(day(number), settings, audited=number == DATES)
        if number % 2 == 0:  # what went wrong on a day in between is still wrong on the next
            happened.differences[day(number)] = rebuild(day(number), settings)[1]
        happened.carried += _carried(settings, day(number))
    yield happened
    server.drop_database("noise")


def _loans(settings: Settings) -> list[tuple[str, str, date]]:
    with connect(settings, role="postloan_owner") as connection:
        return connection.execute(
            "select loan_id, borrower_id, disbursement_date from raw.core_banking__loan_contract "
            "where contract_status = 'ACTIVE' order by loan_id"
        ).fetchall()


def _carried(settings: Settings, day: date) -> int:
    with connect(settings) as connection:
        return connection.execute(CARRIED, (day,)).fetchone()[0]


def test_increments_equal_the_full_rebuild_whatever_the_sources_bring(weeks: Weeks) -> None:
    """Late rows, corrections that move a row to another borrower, events told ahead, systems that miss a day."""
    assert {day: found for day, found in weeks.differences.items() if found} == {}
    assert weeks.carried > 30, "rows must have been carried, otherwise nothing was compared"


def test_every_signal_was_raised_on_the_way(weeks: Weeks) -> None:
    """Otherwise the equality above would prove nothing about it."""
    with connect(weeks.settings, role="postloan_owner") as connection:
        raised = {code for (code,) in connection.execute(OPEN_SIGNALS)}
        known = {code for (code,) in connection.execute("select signal_code from ref.signal")}
    assert known - raised <= {"fund_use_suspect"}


def test_a_row_that_nothing_touched_is_what_it_would_be_if_computed_again(weeks: Weeks) -> None:
    """Random later dates without any delivery: windows end, salaries stay away, and no source says a word."""
    carried = 0
    for jump in sorted(random.Random(SEED).sample(range(1, LONGEST_JUMP), JUMPS)):
        later = day(DATES + jump)
        compute(later, weeks.settings, audited=False)
        assert rebuild(later, weeks.settings)[1] == [], f"{later}, {jump} days after the base"
        carried += _carried(weeks.settings, later)
        rollback(later, weeks.settings, reason="the next jump starts from the same base")
    assert carried > 5
