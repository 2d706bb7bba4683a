"""Two dates decide what a position says: the day it describes and the day on which it was known."""

from datetime import date, timedelta

from include.jobs.restate import restate
from include.sample_bank.bank import SampleBank
from include.sample_bank.behaviours import STRESSED
from include.sample_bank.faults import Fault
from include.settings import Settings
from tests.oracle.position import Oracle
from tests.oracle.published import differences, past_due_tolerance, published_positions
from tests.support.days import compute, land_all

HISTORY_TO = date(2025, 11, 25)
WRONG, BETWEEN, PUT_RIGHT = (HISTORY_TO + timedelta(days=number) for number in (1, 2, 3))


def test_a_restated_date_shows_what_is_known_now_and_the_other_dates_what_was_known_then(settings: Settings):
    bank = SampleBank(11, 400, HISTORY_TO - timedelta(days=430), window_days=505, mix=STRESSED)
    bank.write_history(settings.landing, HISTORY_TO)
    bank.write_day(settings.landing, WRONG, [Fault("misstated", "payments", "repayment_transaction", share=0.9)])
    bank.write_day(settings.landing, BETWEEN)
    bank.write_day(settings.landing, PUT_RIGHT)
    bank.write_correction(settings.landing, "payments", WRONG, PUT_RIGHT)
    dates = (HISTORY_TO, WRONG, BETWEEN, PUT_RIGHT)
    for day in dates:
        land_all(day, settings)
        compute(day, settings, audited=False)
    oracle = Oracle(settings.landing, past_due_tolerance())
    assert differences(oracle.positions(WRONG), oracle.positions(WRONG, PUT_RIGHT)), "the correction must matter"
    for day in dates:
        assert differences(oracle.positions(day), published_positions(settings, day)) == [], day

    restate([WRONG], settings, reason="payments of the day were misstated")

    assert differences(oracle.positions(WRONG, PUT_RIGHT), published_positions(settings, WRONG)) == []
    for day in (HISTORY_TO, BETWEEN, PUT_RIGHT):
        assert differences(oracle.positions(day), published_positions(settings, day)) == [], day
