"""The decision of the warning list, as a table of situations."""

from datetime import date
from decimal import Decimal

import pandas as pd
import pytest

from scoring.warnings import ReasonText, warnings_of_day

TODAY = date(2026, 1, 10)
REASONS = {
    "missed_instalment": ReasonText(
        "自{observed_date}起逾期{past_due_amount}{currency}", "unpaid since {observed_date}"
    ),
    "sliding_back": ReasonText("再次逾期", "late again"),
    "SIGNALS_CLEARED": ReasonText("已解除：{signal_codes}", "ended: {signal_codes}"),
    "LOAN_NOT_LIVE": ReasonText("状态{loan_status}", "status {loan_status}"),
}


def positions(**changes: object) -> pd.DataFrame:
    row = {
        "loan_id": "L1", "borrower_id": "B1", "is_live": True, "loan_status": "ACTIVE", "product_code": "P",
        "branch_code": "B", "currency": "CNY", "delinquency_bucket": "M1",
        "oldest_unpaid_due_date": date(2026, 1, 5), "past_due_amount": Decimal("1234.50"),
        "principal_outstanding_amount": Decimal("10000.00"), "next_due_date": date(2026, 2, 5),
        "score_status": "NO_MODEL_YET",
    }  # fmt: skip
    return pd.DataFrame([row | changes], dtype=object)


def signal(
    code: str = "missed_instalment", severity: str = "YELLOW", *, raised: bool = True, clear: bool = False
) -> dict:
    return {
        "loan_id": "L1", "signal_code": code, "meets_raise": raised, "meets_clear": clear, "severity": severity,
        "observed_value": None, "observed_date": date(2026, 1, 5),
    }  # fmt: skip


def signals(*rows: dict) -> pd.DataFrame:
    return pd.DataFrame(list(rows), columns=list(signal()), dtype=object)


def listed_before(severity: str = "YELLOW", codes: str = "missed_instalment") -> pd.DataFrame:
    row = ("L1", "B1", severity, date(2026, 1, 6), codes)
    return pd.DataFrame(
        [row], columns=["loan_id", "borrower_id", "severity", "listed_since_date", "signal_codes"], dtype=object
    )


NOBODY = listed_before().iloc[:0]


@pytest.mark.parametrize(
    ("before", "now", "change", "since"),
    [
        pytest.param(NOBODY, "YELLOW", "NEW", TODAY, id="a first warning is new today"),
        pytest.param(listed_before(), "YELLOW", "SAME", date(2026, 1, 6), id="one that stays keeps its first day"),
        pytest.param(listed_before(), "RED", "UP", date(2026, 1, 6), id="a worse one goes up"),
        pytest.param(listed_before("RED"), "ORANGE", "DOWN", date(2026, 1, 6), id="a milder one goes down"),
    ],
)
def test_a_warning_says_how_it_changed(before: pd.DataFrame, now: str, change: str, since: date) -> None:
    listed, cleared = warnings_of_day(TODAY, positions(), signals(signal(severity=now)), before, REASONS)
    assert (listed.change[0], listed.listed_since_date[0], listed.severity[0]) == (change, since, now)
    assert cleared.empty


def test_a_signal_between_the_thresholds_stays_open_only_where_it_was_open() -> None:
    between = signals(signal(raised=False, clear=False))
    assert warnings_of_day(TODAY, positions(), between, NOBODY, REASONS)[0].empty
    assert list(warnings_of_day(TODAY, positions(), between, listed_before(), REASONS)[0].change) == ["SAME"]


def test_another_signal_of_the_loan_does_not_keep_one_open_that_was_never_raised() -> None:
    between = signals(signal("sliding_back", raised=False, clear=False))
    listed, cleared = warnings_of_day(TODAY, positions(), between, listed_before(codes="missed_instalment"), REASONS)
    assert listed.empty
    assert list(cleared.loan_id) == ["L1"]


def test_the_worst_signal_gives_the_severity_and_stands_first_in_the_reason() -> None:
    both = signals(signal(severity="YELLOW"), signal("sliding_back", "ORANGE"))
    listed, _ = warnings_of_day(TODAY, positions(), both, NOBODY, REASONS)
    assert listed.severity[0] == "ORANGE"
    assert listed.signal_codes[0] == "missed_instalment,sliding_back"
    assert listed.reason_text_en[0] == "late again; unpaid since 2026-01-05"
    assert listed.reason_text_zh[0] == "再次逾期；自2026-01-05起逾期1,234.50CNY"


@pytest.mark.parametrize(
    ("changes", "cleared_by", "text"),
    [
        pytest.param({}, "SIGNALS_CLEARED", "ended: missed_instalment", id="the borrower caught up"),
        pytest.param(
            {"is_live": False, "loan_status": "PAID_OFF"},
            "LOAN_NOT_LIVE",
            "status PAID_OFF",
            id="the loan was paid off",
        ),
    ],
)
def test_who_leaves_the_list_is_named_with_the_rule(changes: dict, cleared_by: str, text: str) -> None:
    listed, cleared = warnings_of_day(TODAY, positions(**changes), signals(), listed_before("RED"), REASONS)
    assert listed.empty
    assert list(cleared.loc[0, ["last_severity", "cleared_by", "reason_text_en"]]) == ["RED", cleared_by, text]


def test_a_loan_that_no_source_mentions_any_more_leaves_the_list_with_a_reason() -> None:
    _, cleared = warnings_of_day(TODAY, positions().iloc[:0], signals(), listed_before(), REASONS)
    assert list(cleared.reason_text_en) == ["status WITHDRAWN"]


def test_a_loan_that_is_not_live_is_never_listed() -> None:
    closed = positions(is_live=False, loan_status="CHARGED_OFF")
    assert warnings_of_day(TODAY, closed, signals(signal()), NOBODY, REASONS)[0].empty


def test_the_list_says_whether_a_model_was_used() -> None:
    listed, _ = warnings_of_day(TODAY, positions(score_status="SCORED"), signals(signal()), NOBODY, REASONS)
    assert list(listed.score_status) == ["SCORED"]
