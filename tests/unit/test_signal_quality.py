"""How good a signal is: only early warnings are judged, only when their time has passed, each once."""

from datetime import date, timedelta

import pandas as pd
import pytest

from scoring.signal_quality import QUALITY_COLUMNS, WHOLE_LIST, Window, signal_quality

START = date(2026, 1, 1)
WINDOW = Window(START + timedelta(days=200), START, 90, 7, 30, 180)
SIGNAL = "salary_stopped"


def day(number: int) -> date:
    return START + timedelta(days=number)


def measured(openings: list[tuple], late: list[tuple], window: Window = WINDOW) -> dict:
    """The row of the signal. openings: (loan, day, early?[, signal]); late: (loan, day)."""
    rows = [(one[0], one[3] if len(one) > 3 else SIGNAL, day(one[1]), one[2]) for one in openings]
    opened = pd.DataFrame(rows, columns=["loan_id", "signal_code", "opened_date", "is_early"], dtype=object)
    late_days = pd.DataFrame([(loan, day(on)) for loan, on in late], columns=["loan_id", "late_date"], dtype=object)
    found = signal_quality(opened, late_days, [SIGNAL], window)
    assert tuple(found.columns) == QUALITY_COLUMNS
    return found[found["signal_code"] == SIGNAL].to_dict("records")[0]


@pytest.mark.parametrize(
    ("late_on", "confirmed"),
    [
        pytest.param(50, 1, id="late forty days after the warning"),
        pytest.param(100, 1, id="on the last day of the ninety"),
        pytest.param(101, 0, id="a day after the ninety"),
        pytest.param(10, 0, id="on the day of the warning: it warned of nothing"),
        pytest.param(5, 0, id="before the warning"),
    ],
)
def test_a_warning_came_true_when_the_loan_became_late_inside_its_window(late_on: int, confirmed: int) -> None:
    row = measured([("L1", 10, True)], [("L1", late_on)])
    assert (row["matured_count"], row["confirmed_count"]) == (1, confirmed)


def test_a_warning_of_a_loan_that_was_late_already_is_volume_but_no_early_warning() -> None:
    row = measured([("L1", 190, False), ("L2", 195, True), ("L3", 20, False)], [("L3", 50)])
    assert (row["alert_count"], row["early_alert_count"], row["matured_count"]) == (2, 1, 0)


@pytest.mark.parametrize(("opened", "status"), [(103, "MATURE"), (104, "NOT_MATURE")])
def test_nothing_is_claimed_before_the_window_and_the_settlement_days_have_passed(opened: int, status: str) -> None:
    row = measured([("L1", opened, True)], [("L1", opened + 40)])
    assert row["status_code"] == status
    assert row["confirmed_count"] == (1 if status == "MATURE" else None)
    assert row["lead_median_days"] == (40 if status == "MATURE" else None)


def test_lead_time_is_that_of_the_episodes_that_came_true() -> None:
    openings = [(f"L{number}", 10, True) for number in range(6)]
    row = measured(openings, [("L0", 30), ("L1", 40), ("L2", 50), ("L3", 60), ("L4", 70)])
    assert row["confirmed_count"] == 5
    assert (row["lead_median_days"], row["lead_p25_days"]) == (40, 30)


def test_recall_counts_late_loans_that_had_an_early_warning_in_the_ninety_days_before() -> None:
    openings = [("warned", 60, True), ("too_late", 120, False), ("too_early", 20, True)]
    row = measured(openings, [("warned", 120), ("too_late", 121), ("too_early", 130), ("never", 140)])
    assert (row["late_count"], row["warned_late_count"]) == (4, 1)


def test_late_loans_of_the_first_days_are_not_held_against_a_history_that_did_not_see_them_coming() -> None:
    row = measured([], [("L1", 89), ("L2", 90)])
    assert row["late_count"] == 1


def test_a_loan_that_stays_in_trouble_counts_once() -> None:
    row = measured([("L1", 60, True)], [("L1", 100), ("L1", 131), ("L1", 190)])
    assert (row["late_count"], row["warned_late_count"], row["confirmed_count"]) == (1, 1, 1)


def test_a_warning_after_a_cure_comes_true_when_the_loan_slides_back() -> None:
    row = measured([("L1", 98, True)], [("L1", 90), ("L1", 150)])
    assert (row["confirmed_count"], row["late_count"]) == (1, 1)


def test_a_signal_that_never_spoke_has_a_row_that_says_so_and_the_list_has_one_too() -> None:
    nothing = pd.DataFrame(columns=["loan_id", "signal_code", "opened_date", "is_early"], dtype=object)
    late = pd.DataFrame(columns=["loan_id", "late_date"], dtype=object)
    found = signal_quality(nothing, late, ["litigation", SIGNAL], WINDOW)
    assert list(found["signal_code"]) == [WHOLE_LIST, "litigation", SIGNAL]
    assert set(found["status_code"]) == {"NOT_MATURE"}
    assert set(found["alert_count"]) == {0}


def test_the_order_of_rows_changes_nothing() -> None:
    openings = [("L1", 10, True), ("L2", 11, True), ("L1", 12, True, "litigation")]
    late = [("L1", 60), ("L2", 70), ("L1", 75)]
    assert measured(openings, late) == measured(openings[::-1], late[::-1])
