"""What is said of a version in use: whether its loans changed, its ranks moved, and how right it was."""

from datetime import date

import numpy as np
import pytest

from models import monitor
from models.monitor import ACT, NOT_MATURE, OK, WATCH, Limit, LimitError, Scored

MONTHS = np.array(["2026-01-31", "2026-02-28"], dtype="datetime64[D]")


def limits(**changes: int) -> dict[str, Limit]:
    least = {"least_rows": 10, "least_bads": 0} | changes
    psi = {"watch_from": None, "watch_to": 0.1, "act_from": None, "act_to": 0.25}
    low = {"watch_from": 0.7, "watch_to": None, "act_from": 0.6, "act_to": None}
    both = {"watch_from": 0.8, "watch_to": 1.25, "act_from": 0.5, "act_to": 2.0}
    bounds = {"PSI_FEATURE": psi, "PSI_SCORE": psi, "OBSERVED_TO_EXPECTED": both}
    low_is_bad = ("RANK_STABILITY", "AUC", "KS", "CAPTURE_10", "EARLY_5_30")
    bounds |= dict.fromkeys(low_is_bad, low)
    return {measure: Limit(measure, **bound, **least) for measure, bound in bounds.items()}  # type: ignore[arg-type]


def scored(count: int = 200) -> Scored:
    """So many loans on two month-ends, the later the row the higher the probability, in two segments."""
    probability = np.tile(np.linspace(0.02, 0.5, count), 2)
    return Scored(
        np.tile(np.array([f"L{n:04}" for n in range(count)], dtype=object), 2),
        np.repeat(MONTHS, count),
        np.tile(np.where(np.arange(count) % 2, "LATE", "CURRENT").astype(object), 2),
        probability,
        np.round(probability * 1000).astype(np.int64),
    )


@pytest.mark.parametrize(
    ("value", "status"), [(0.05, OK), (0.1, OK), (0.11, WATCH), (0.25, WATCH), (0.26, ACT), (3.0, ACT)]
)
def test_drift_is_watched_from_a_tenth_and_acted_on_from_a_quarter(value: float, status: str) -> None:
    assert limits()["PSI_SCORE"].status(value) == status


@pytest.mark.parametrize(("value", "status"), [(1.0, OK), (0.7, WATCH), (1.9, WATCH), (0.4, ACT), (2.1, ACT)])
def test_too_many_bads_and_too_few_both_ask_for_people(value: float, status: str) -> None:
    assert limits()["OBSERVED_TO_EXPECTED"].status(value) == status


def test_a_watch_bound_beyond_the_act_bound_is_refused() -> None:
    with pytest.raises(LimitError, match="PSI_SCORE"):
        Limit("PSI_SCORE", None, 0.3, None, 0.25, 1, 0)


def test_a_month_like_the_training_has_no_drift_and_another_one_has() -> None:
    before = {"A/late": [0.5, 0.3, 0.2, 0.0], "A/score_points": monitor.score_shares(np.array([-9000, 0, 4000]))}
    same = monitor.drift(before, before, {"A": 100}, date(2026, 2, 28), limits())
    assert [(reading.measure_code, reading.feature_code) for reading in same] == [
        ("PSI_FEATURE", "late"), ("PSI_SCORE", ""),
    ]  # fmt: skip
    assert {(reading.value, reading.status_code) for reading in same} == {(0.0, OK)}
    now = before | {"A/late": [0.1, 0.2, 0.6, 0.1]}
    moved, _ = monitor.drift(before, now, {"A": 100}, date(2026, 2, 28), limits())
    assert moved.status_code == ACT and moved.value > 0.25
    assert (moved.n, moved.from_date) == (100, date(2026, 2, 28))


def test_the_score_has_the_same_bands_whatever_its_points_are() -> None:
    assert len(monitor.score_shares(np.array([], dtype=np.int64))) == len(monitor.SCORE_EDGES) + 1
    shares = monitor.score_shares(np.array([-(10**9), -60_000, 19_999, 20_000, 10**9]))
    assert (shares[0], shares[1], shares[-2], shares[-1]) == (0.2, 0.2, 0.2, 0.4)


def test_rank_stability_compares_the_loans_that_are_there_on_both_month_ends() -> None:
    rows = scored()
    assert monitor.rank_stability(rows, limits()).value == 1.0
    turned = Scored(rows.loan_id, rows.as_of, rows.segment, rows.probability,
                    np.where(rows.as_of == MONTHS[1], 600 - rows.points, rows.points))  # fmt: skip
    reading = monitor.rank_stability(turned, limits())
    assert (reading.value, reading.status_code, reading.n) == (-1.0, ACT, 200)
    other_loans = np.where(rows.as_of == MONTHS[1], np.char.add("X", rows.loan_id.astype(str)), rows.loan_id)
    nobody = Scored(other_loans, rows.as_of, rows.segment, rows.probability, rows.points)
    assert monitor.rank_stability(nobody, limits()).status_code == NOT_MATURE


def test_ranks_with_ties_correlate_as_the_textbook_says() -> None:
    first, second = np.array([1, 2, 2, 4, 5]), np.array([3, 1, 4, 4, 9])
    middle = np.array([[1, 2.5, 2.5, 4, 5], [2, 1, 3.5, 3.5, 5]])
    assert monitor.rank_correlation(first, second) == pytest.approx(np.corrcoef(middle)[0, 1])
    assert monitor.rank_correlation(first, np.full(5, 7)) is None


def test_nothing_is_said_of_performance_before_outcomes_are_known() -> None:
    rows = scored()
    is_bad, nobody = rows.probability > 0.4, np.zeros(400, dtype=np.bool_)
    readings = monitor.performance(rows, is_bad, nobody, limits())
    assert {(reading.status_code, reading.value, reading.n) for reading in readings} == {(NOT_MATURE, None, 0)}
    assert monitor.worst(readings) == NOT_MATURE


def test_performance_counts_matured_rows_only_and_each_segment_by_itself() -> None:
    rows = scored()
    is_bad = rows.probability > 0.4
    matured = rows.as_of == MONTHS[0]
    is_bad &= matured  # what is not known yet must not be read as good
    found = {(one.segment_code, one.measure_code): one for one in monitor.performance(rows, is_bad, matured, limits())}
    assert {segment for segment, _ in found} == {"ALL", "CURRENT", "LATE"}
    whole = found["ALL", "AUC"]
    assert (whole.value, whole.n, whole.bads, whole.status_code) == (1.0, 200, int(is_bad.sum()), OK)
    assert (whole.from_date, whole.to_date) == (date(2026, 1, 31), date(2026, 1, 31))
    assert found["LATE", "AUC"].n == 100
    expected = rows.probability[matured].sum()
    assert found["ALL", "OBSERVED_TO_EXPECTED"].value == pytest.approx(is_bad.sum() / expected, abs=1e-6)


def test_too_few_bads_say_nothing_however_good_they_look() -> None:
    rows = scored()
    is_bad = rows.probability > 0.4
    everything = np.ones(400, dtype=np.bool_)
    few = monitor.performance(rows, is_bad, everything, limits(least_bads=1000))
    assert {reading.status_code for reading in few} == {NOT_MATURE}
    assert {reading.value for reading in few} == {None}
    assert {reading.bads for reading in few if reading.segment_code == "ALL"} == {int(is_bad.sum())}


def test_a_loan_that_no_card_covers_is_in_no_reading() -> None:
    rows = scored()
    uncovered = rows.segment == "LATE"
    part = Scored(rows.loan_id, rows.as_of, rows.segment, np.where(uncovered, np.nan, rows.probability), rows.points)
    everything = np.ones(400, dtype=np.bool_)
    found = monitor.early_read("EARLY_5_30", part, rows.probability > 0.4, everything, limits())
    assert {(reading.segment_code, reading.n) for reading in found} == {("ALL", 200), ("CURRENT", 200)}
    assert monitor.rank_stability(part, limits()).n == 100


def test_the_worst_status_of_a_version_is_what_people_see() -> None:
    rows = scored()
    good = monitor.performance(rows, rows.probability > 0.4, np.ones(400, dtype=np.bool_), limits())
    before = {"A/late": [1.0, 0.0]}
    drifted = monitor.drift(before, {"A/late": [0.0, 1.0]}, {"A": 50}, date(2026, 2, 28), limits())
    assert monitor.worst([*good, *drifted]) == ACT
