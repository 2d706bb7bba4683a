"""A loan's row is a step function of its own history: between two touches nothing in it moves."""

import random
from datetime import timedelta

import pytest

from include.jobs.publish import rollback
from include.jobs.rebuild import rebuild
from include.settings import Settings
from include.warehouse.connection import connect
from tests.support.days import compute, land_all
from tests.support.small_bank import HISTORY_TO, deliver_days

JUMPS = 5
LONGEST_JUMP = 120
UNTOUCHED = """
    select count(*) from serving.loan_position_as_of(%s)
    where business_date <> as_of_date
"""


@pytest.mark.parametrize("seed", [3, 4])
def test_a_loan_that_nothing_touched_is_what_it_would_be_if_computed_again(settings: Settings, seed: int) -> None:
    """Random dates after one publication, no deliveries between: every carried row equals ``f(loan, date)``."""
    deliver_days(settings.landing, 0, loans=150, seed=seed)
    land_all(HISTORY_TO, settings)
    compute(HISTORY_TO, settings, audited=False)
    carried = 0
    for jump in sorted(random.Random(seed).sample(range(1, LONGEST_JUMP), JUMPS)):
        later = HISTORY_TO + timedelta(days=jump)
        compute(later, settings, audited=False)
        _, found = rebuild(later, settings)
        assert found == [], f"{later}, {jump} days after the base"
        with connect(settings, role="reader") as connection:
            carried += connection.execute(UNTOUCHED, (later,)).fetchone()[0]
        rollback(later, settings, reason="the next jump starts from the same base")
    assert carried > 60, "rows must have been carried, otherwise nothing was compared"
