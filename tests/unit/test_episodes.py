"""What a signal remembers, told day by day."""

from collections.abc import Iterable
from datetime import date, timedelta
from typing import Any

import pytest

from scoring.episodes import SignalLife, episodes_of_day

START = date(2026, 1, 10)
LIFE = SignalLife("ACCOUNT", frozenset({"accounts"}), list_after_days=1, keep_days=0, reopen_days=7)
# what the signal says of a day: raised, between the thresholds, clear; and what else may happen
RAISED, KEPT, CLEAR = "raised", "kept", "clear"
SILENT = "silent"  # clear, but the source has not delivered
GONE = "gone"  # the loan is not live any more
WITHDRAWN = "withdrawn"  # no source mentions the loan any more
UNTOUCHED = "untouched"  # nothing of the loan was computed


def told(days: Iterable[str], life: SignalLife = LIFE, code: str = "s") -> list[dict[str, Any] | None]:
    """The episode after each day; None: nothing is remembered."""
    base: list[dict[str, Any]] = []
    after: list[dict[str, Any] | None] = []
    for number, said in enumerate(days):
        position = {
            "borrower_id": "B1", "branch_code": "X", "is_live": said != GONE,
            "oldest_unpaid_due_date": START - timedelta(days=3),
        }  # fmt: skip
        signal = {
            "loan_id": "L1", "signal_code": code, "meets_raise": said == RAISED, "meets_clear": False,
            "severity": "ORANGE" if number else "YELLOW", "observed_value": None, "observed_date": START,
        }  # fmt: skip
        base = episodes_of_day(
            START + timedelta(days=number),
            {} if said in (WITHDRAWN, UNTOUCHED) else {"L1": position},
            [signal] if said in (RAISED, KEPT) else [],
            base,
            {code: life} if life else {},
            frozenset({"accounts"} if said == SILENT else ()),
        )
        after.append(base[0] if base else None)
    return after


def states(*days: str, **life: int) -> list[str | None]:
    changed = SignalLife("ACCOUNT", frozenset({"accounts"}), **{
        "list_after_days": 1, "keep_days": 0, "reopen_days": 7, **life
    })  # fmt: skip
    return [episode and episode["state_code"] for episode in told(days, changed)]


@pytest.mark.parametrize(
    ("days", "expected"),
    [
        pytest.param((RAISED,), ["OPEN"], id="a raised signal opens at once"),
        pytest.param((KEPT,), [None], id="between the thresholds nothing begins"),
        pytest.param((RAISED, KEPT, KEPT), ["OPEN"] * 3, id="between the thresholds what is open stays"),
        pytest.param((RAISED, CLEAR), ["OPEN", "CLOSED"], id="below the clear threshold it closes"),
        pytest.param((RAISED, SILENT), ["OPEN", "UNKNOWN"], id="a silent source closes nothing"),
        pytest.param((RAISED, SILENT, CLEAR), ["OPEN", "UNKNOWN", "CLOSED"], id="it closes when the source speaks"),
        pytest.param((RAISED, SILENT, RAISED), ["OPEN", "UNKNOWN", "OPEN"], id="or goes on"),
        pytest.param((RAISED, SILENT, GONE), ["OPEN", "UNKNOWN", "CLOSED"], id="a loan that is paid off ends it"),
        pytest.param((RAISED, WITHDRAWN), ["OPEN", "CLOSED"], id="so does a loan that no source mentions any more"),
        pytest.param((GONE, RAISED), [None, "OPEN"], id="a loan that is not live has none"),
        pytest.param((RAISED, CLEAR, RAISED), ["OPEN", "CLOSED", "OPEN"], id="it comes back"),
        pytest.param((RAISED, CLEAR, UNTOUCHED), ["OPEN", "CLOSED", "CLOSED"], id="closed ones are carried untouched"),
        pytest.param(
            (RAISED, *[CLEAR] * 9), ["OPEN", *["CLOSED"] * 8, None], id="and are forgotten when they can't come back"
        ),
    ],
)
def test_an_episode_ends_as_its_days_say(days: tuple[str, ...], expected: list[str | None]) -> None:
    assert states(*days) == expected


def test_a_signal_that_must_stand_for_three_days_waits_and_is_forgotten_when_it_falls() -> None:
    assert states(RAISED, RAISED, RAISED, list_after_days=3) == ["PENDING", "PENDING", "OPEN"]
    assert states(RAISED, RAISED, CLEAR, RAISED, list_after_days=3) == ["PENDING", "PENDING", None, "PENDING"]
    assert states(RAISED, KEPT, list_after_days=3) == ["PENDING", None]


def test_days_are_counted_on_the_calendar_so_a_day_without_a_run_counts() -> None:
    first = episodes_of_day(
        START,
        {"L1": {"borrower_id": "B", "branch_code": "X", "is_live": True, "oldest_unpaid_due_date": None}},
        [signal_now()],
        [],
        {"s": SignalLife("A", frozenset(), 3, 0, 7)},
        frozenset(),
    )
    later = episodes_of_day(
        START + timedelta(days=2),
        {"L1": {"borrower_id": "B", "branch_code": "X", "is_live": True, "oldest_unpaid_due_date": None}},
        [signal_now()],
        first,
        {"s": SignalLife("A", frozenset(), 3, 0, 7)},
        frozenset(),
    )
    assert [first[0]["state_code"], later[0]["state_code"]] == ["PENDING", "OPEN"]


def signal_now() -> dict[str, Any]:
    return {
        "loan_id": "L1", "signal_code": "s", "meets_raise": True, "meets_clear": False, "severity": "RED",
        "observed_value": None, "observed_date": START,
    }  # fmt: skip


def test_a_warning_stays_for_its_least_time_unless_the_loan_is_gone() -> None:
    assert states(RAISED, CLEAR, CLEAR, CLEAR, keep_days=3) == ["OPEN", "HELD", "HELD", "CLOSED"]
    assert states(RAISED, CLEAR, GONE, keep_days=3) == ["OPEN", "HELD", "CLOSED"]
    assert states(RAISED, CLEAR, RAISED, CLEAR, keep_days=3) == ["OPEN", "HELD", "OPEN", "CLOSED"]


def test_what_comes_back_in_time_is_the_same_episode_and_counts_how_often() -> None:
    back = told((RAISED, CLEAR, RAISED, CLEAR, RAISED))[-1]
    assert (back["opened_date"], back["last_opened_date"]) == (START, START + timedelta(days=4))
    assert (back["reopened_count"], back["closed_date"], back["kept_until_date"]) == (2, None, None)


def test_what_comes_back_too_late_is_a_new_episode() -> None:
    back = told((RAISED, CLEAR, *[CLEAR] * 8, RAISED))[-1]
    assert (back["opened_date"], back["reopened_count"]) == (START + timedelta(days=10), 0)


def test_an_episode_keeps_how_it_began_and_shows_how_it_stands() -> None:
    now = told((RAISED, RAISED))[-1]
    assert (now["opened_days_past_due"], now["opened_severity"], now["severity"]) == (3, "YELLOW", "ORANGE")


def test_a_closed_episode_says_by_which_rule_and_until_when_it_is_kept() -> None:
    cleared, gone = told((RAISED, CLEAR))[-1], told((RAISED, GONE))[-1]
    assert (cleared["closed_by"], gone["closed_by"]) == ("SIGNALS_CLEARED", "LOAN_NOT_LIVE")
    assert cleared["kept_until_date"] == cleared["closed_date"] + timedelta(days=7)


def test_a_signal_that_policy_no_longer_knows_closes() -> None:
    open_one = told((RAISED,))
    after = episodes_of_day(
        START + timedelta(days=1),
        {"L1": {"borrower_id": "B", "branch_code": "X", "is_live": True, "oldest_unpaid_due_date": None}},
        [],
        [one for one in open_one if one],
        {},
        frozenset(),
    )
    assert [(one["state_code"], one["closed_by"]) for one in after] == [("CLOSED", "SIGNALS_CLEARED")]
