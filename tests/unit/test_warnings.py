"""The decision of the warning list, as a table of situations."""

from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from scoring.episodes import SignalLife
from scoring.policy_rows import PolicyError
from scoring.severity import Combination, combinations, severity_of
from scoring.warnings import ReasonText, WarningPolicy, warnings_of_day

TODAY, BEFORE = date(2026, 1, 10), date(2026, 1, 6)
REASONS = {
    "missed_instalment": ReasonText(
        "自{observed_date}起逾期{past_due_amount}{currency}", "unpaid since {observed_date}"
    ),
    "sliding_back": ReasonText("再次逾期", "late again"),
    "SIGNALS_CLEARED": ReasonText("已解除：{signal_codes}", "ended: {signal_codes}"),
    "LOAN_NOT_LIVE": ReasonText("状态{loan_status}", "status {loan_status}"),
    "name_missed_instalment": ReasonText("逾期", "missed instalment"),
    "name_sliding_back": ReasonText("再次逾期", "sliding back"),
    "change_first": ReasonText("首次", "first listed"),
    "change_came_back": ReasonText("再现{signals}", "came back: {signals}"),
    "change_added": ReasonText("新增{signals}", "new: {signals}"),
    "change_ended": ReasonText("解除{signals}", "ended: {signals}"),
    "change_severity": ReasonText("{previous}变{severity}", "{previous} to {severity}"),
    "change_unknown": ReasonText("不明{signals}", "unknown: {signals}"),
    "change_held": ReasonText("保留{signals}", "held: {signals}"),
    "change_none": ReasonText("无", "nothing"),
}
LIVES = {
    "missed_instalment": SignalLife("REPAYMENT", frozenset({"payments"}), 1, 0, 7),
    "sliding_back": SignalLife("HABIT", frozenset({"payments"}), 1, 0, 7),
}
POLICY = WarningPolicy(REASONS, LIVES, ())


def positions(**changes: object) -> dict[str, dict[str, Any]]:
    row = {
        "loan_id": "L1", "borrower_id": "B1", "is_live": True, "loan_status": "ACTIVE", "product_code": "P",
        "branch_code": "B", "currency": "CNY", "delinquency_bucket": "M1",
        "oldest_unpaid_due_date": date(2026, 1, 5), "past_due_amount": Decimal("1234.50"),
        "principal_outstanding_amount": Decimal("10000.00"), "next_due_date": date(2026, 2, 5),
        "score_status": "NO_MODEL_YET",
    }  # fmt: skip
    return {"L1": row | changes}


def episode(code: str = "missed_instalment", severity: str = "YELLOW", **changes: object) -> dict[str, Any]:
    """Open since before today, unless ``changes`` say otherwise."""
    return {
        "loan_id": "L1", "signal_code": code, "state_code": "OPEN", "severity": severity, "observed_value": None,
        "observed_date": date(2026, 1, 5), "opened_date": BEFORE, "last_opened_date": BEFORE, "closed_date": None,
        **changes,
    }  # fmt: skip


def new(code: str = "missed_instalment", severity: str = "YELLOW") -> dict[str, Any]:
    return episode(code, severity, opened_date=TODAY, last_opened_date=TODAY)


def closed(code: str = "missed_instalment") -> dict[str, Any]:
    return episode(code, state_code="CLOSED", closed_date=TODAY)


def before(severity: str = "YELLOW", codes: str = "missed_instalment") -> list[dict[str, Any]]:
    return [
        {"loan_id": "L1", "borrower_id": "B1", "severity": severity, "listed_since_date": BEFORE, "signal_codes": codes}
    ]


def decided(
    episodes: list[dict[str, Any]], base: list[dict[str, Any]], **changes: object
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    return warnings_of_day(TODAY, positions(**changes), episodes, base, POLICY)


@pytest.mark.parametrize(
    ("base", "now", "change", "since"),
    [
        pytest.param([], new(), "NEW", TODAY, id="a first warning is new today"),
        pytest.param(before(), episode(), "SAME", BEFORE, id="one that stays keeps its first day"),
        pytest.param(before(), episode(severity="RED"), "UP", BEFORE, id="a worse one goes up"),
        pytest.param(before("RED"), episode(severity="ORANGE"), "DOWN", BEFORE, id="a milder one goes down"),
        pytest.param([], episode(last_opened_date=TODAY), "REOPENED", TODAY, id="one that comes back is no new one"),
    ],
)
def test_a_warning_says_how_it_changed(base: list, now: dict, change: str, since: date) -> None:
    (listed,), cleared = decided([now], base)
    assert (listed["change"], listed["listed_since_date"], listed["severity"]) == (change, since, now["severity"])
    assert cleared == []


@pytest.mark.parametrize(
    ("base", "episodes", "text"),
    [
        pytest.param([], [new()], "first listed", id="first listed"),
        pytest.param(before(), [episode()], "nothing", id="nothing changed"),
        pytest.param(before(), [episode(), new("sliding_back")], "new: sliding back", id="a second signal"),
        pytest.param(
            before("ORANGE", "missed_instalment,sliding_back"),
            [episode(), closed("sliding_back")],
            "ORANGE to YELLOW; ended: sliding back",
            id="one of two has ended and with it the severity",
        ),
        pytest.param(before(), [episode(state_code="UNKNOWN")], "unknown: missed instalment", id="a silent source"),
        pytest.param(before(), [episode(state_code="HELD")], "held: missed instalment", id="held for its least time"),
        pytest.param(
            [], [episode(last_opened_date=TODAY)], "came back: missed instalment", id="back on the list"
        ),
        pytest.param(
            before("YELLOW"), [episode(severity="RED")], "YELLOW to RED", id="worse by the same signal"
        ),
    ],
)  # fmt: skip
def test_the_list_says_what_changed_since_the_list_before(base: list, episodes: list, text: str) -> None:
    (listed,), _ = decided(episodes, base)
    assert listed["change_text_en"] == text
    assert listed["change_text_zh"]


def test_an_episode_that_waits_or_has_closed_puts_nobody_on_the_list() -> None:
    assert decided([episode(state_code="PENDING", opened_date=None, last_opened_date=None)], []) == ([], [])
    assert decided([closed()], [])[0] == []


def test_a_signal_whose_source_is_silent_is_named() -> None:
    (listed,), _ = decided([episode(state_code="UNKNOWN"), episode("sliding_back")], before())
    assert (listed["signal_codes"], listed["unknown_signal_codes"]) == (
        "missed_instalment,sliding_back",
        "missed_instalment",
    )


def test_the_worst_signal_gives_the_severity_and_stands_first_in_the_reason() -> None:
    (listed,), _ = decided([new(), new("sliding_back", "ORANGE")], [])
    assert listed["severity"] == "ORANGE"
    assert listed["signal_codes"] == "missed_instalment,sliding_back"
    assert listed["reason_text_en"] == "late again; unpaid since 2026-01-05"
    assert listed["reason_text_zh"] == "再次逾期；自2026-01-05起逾期1,234.50CNY"


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
    listed, (cleared,) = decided([closed()], before("RED"), **changes)
    assert listed == []
    assert (cleared["last_severity"], cleared["cleared_by"], cleared["reason_text_en"]) == ("RED", cleared_by, text)


def test_a_loan_that_no_source_mentions_any_more_leaves_the_list_with_a_reason() -> None:
    _, (cleared,) = warnings_of_day(TODAY, {}, [closed()], before(), POLICY)
    assert cleared["reason_text_en"] == "status WITHDRAWN"


def test_the_list_says_whether_a_model_was_used() -> None:
    (listed,), _ = decided([new()], [], score_status="SCORED")
    assert listed["score_status"] == "SCORED"


THREE_HINTS = (Combination(0, 3, 1),)


@pytest.mark.parametrize(
    ("worst_of_family", "expected"),
    [
        pytest.param({"A": "YELLOW", "B": "YELLOW"}, "YELLOW", id="two hints are hints"),
        pytest.param({"A": "YELLOW", "B": "YELLOW", "C": "YELLOW"}, "ORANGE", id="three of different kinds are more"),
        pytest.param({"A": "YELLOW", "B": "ORANGE", "C": "YELLOW"}, "ORANGE", id="what is worse counts as a hint too"),
        pytest.param({"A": "RED", "B": "YELLOW", "C": "YELLOW"}, "RED", id="nothing is lowered"),
    ],
)
def test_signals_of_several_kinds_together_are_worse(worst_of_family: dict[str, str], expected: str) -> None:
    assert severity_of(worst_of_family, THREE_HINTS) == expected


def test_two_signals_of_one_family_count_once() -> None:
    same = {code: SignalLife("REPAYMENT", frozenset(), 1, 0, 7) for code in LIVES}
    policy = WarningPolicy(REASONS, same, (Combination(0, 2, 3),))
    (listed,), _ = warnings_of_day(TODAY, positions(), [new(), new("sliding_back")], [], policy)
    assert listed["severity"] == "YELLOW"


def test_a_policy_that_would_lower_a_severity_is_refused() -> None:
    row = {
        "from_severity": "RED", "family_count": "2", "severity": "YELLOW", "valid_from": "2000-01-01", "valid_to": "",
    }  # fmt: skip
    with pytest.raises(PolicyError, match="cannot be YELLOW"):
        combinations(TODAY, [row])
