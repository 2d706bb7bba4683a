"""The part of the audit's example that judges signals, and what breaks each rule."""

from datetime import date
from typing import Any


def rows(today: date, run_id: str) -> list[dict[str, Any]]:
    """The list as a whole, whose alerts have had their time, and a signal whose alerts have not."""
    young = {
        "business_date": today, "run_id": run_id, "signal_code": "salary_stopped", "measured_date": date(2026, 2, 28),
        "status_code": "NOT_MATURE", "alert_count": 3, "early_alert_count": 2, "matured_count": 0, "late_count": 4,
        "warned_late_count": 1,
    }  # fmt: skip
    whole = {
        "signal_code": "WHOLE_LIST", "status_code": "MATURE", "matured_from_date": date(2025, 10, 1),
        "matured_to_date": date(2025, 11, 23), "matured_count": 8, "confirmed_count": 3, "lead_median_days": 41,
        "lead_p25_days": 20,
    }  # fmt: skip
    return [young, young | whole]


def _change(assignment: str, signal_code: str = "salary_stopped") -> str:
    return f"update x_candidate.signal_quality set {assignment} where signal_code = '{signal_code}'"


MUTANTS: dict[tuple[str, str], str] = {
    ("signal_quality", "one_row_per_signal"): (
        "insert into x_candidate.signal_quality"
        " select * from x_candidate.signal_quality where signal_code = 'salary_stopped'"
    ),
    ("signal_quality", "the_list_as_a_whole_is_judged"): (
        "delete from x_candidate.signal_quality where signal_code = 'WHOLE_LIST'"
    ),
    ("signal_quality", "no_part_is_more_than_the_whole"): _change("early_alert_count = alert_count + 1"),
    ("signal_quality", "nothing_is_claimed_before_its_time"): _change("confirmed_count = 0"),
    ("signal_quality", "no_figure_knows_the_future"): _change("measured_date = as_of_date + 1"),
}
