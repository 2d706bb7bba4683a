"""When a loan is revisited, by whom it is due and why: situations with the policy that ships."""

from collections import Counter
from datetime import date, timedelta
from decimal import Decimal

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from include.policy import policy_records
from scoring.policy_rows import PolicyError
from scoring.revisit_spread import Spread
from scoring.risk_tier import TIERS
from tests.support.revisit_story import (
    NO_ANSWERS,
    START,
    WORKDAYS,
    contact,
    failed,
    invited,
    loan,
    plan,
    policy,
)

LARGE = Decimal("200000.00")


def after(days: int) -> date:
    return START + timedelta(days=days)


def told(*args: object, **kwargs: object) -> pd.Series:
    """The only row of the plan."""
    rows, gaps = plan(*args, **kwargs)
    assert len(rows) == 1 and gaps.empty
    return rows.loc[0]


def day_by_day(
    until: int, facts: dict[int, dict[str, object]] | None = None, contacts: list[dict[str, object]] | None = None
) -> dict[int, pd.Series]:
    """The loan's row on every day: each day stands on the day before; ``facts`` hold from their day on."""
    found, base, state = {}, None, loan()
    for step in range(until + 1):
        once = {"severity_change": "SAME"}
        state = state | once | (facts or {}).get(step, {})
        base, _ = plan(after(step), [state], contacts, base)
        found[step] = base.loc[0]
    return found


@pytest.mark.parametrize(
    ("amount", "tier", "days", "channel"),
    [
        pytest.param("50000.00", "LOW", 30, "APP", id="seeds: a small loan monthly, while calm by itself in the app"),
        pytest.param("200000.00", "LOW", 90, "PHONE", id="seeds: a large loan quarterly"),
        pytest.param("199999.99", "LOW", 30, "APP", id="a cent below the edge is small"),
        pytest.param("50000.00", "MEDIUM", 30, "PHONE", id="medium risk is called"),
        pytest.param("50000.00", "HIGH", 15, "PHONE", id="high risk more often"),
        pytest.param("50000.00", "CRITICAL", 7, "PHONE", id="critical weekly"),
        pytest.param("200000.00", "HIGH", 30, "FIELD", id="large and high is visited at the place"),
        pytest.param("200000.00", "CRITICAL", 14, "FIELD", id="and fortnightly when critical"),
    ],
)
def test_the_shortest_of_base_and_risk_rule_wins(amount: str, tier: str, days: int, channel: str) -> None:
    row = told(START, [loan(principal_amount=Decimal(amount), risk_tier=tier)])
    assert (row.cadence_days, row.least_channel_code) == (days, channel)
    # a date on a day off is taken a little earlier
    assert timedelta(0) <= after(days) - row.due_date <= timedelta(days=2)
    assert row.reason_text_zh and row.reason_text_en and str(days) in row.reason_text_en


def test_a_cadence_is_never_longer_than_half_the_term() -> None:
    row = told(START, [loan(principal_amount=LARGE, final_due_date=after(100))])
    assert row.cadence_days == 50


@pytest.mark.parametrize(
    ("answers", "is_done"),
    [
        pytest.param({}, True, id="a call with the three answers"),
        pytest.param({"fund_use_answer_code": None}, False, id="one answer is missing"),
        pytest.param({"ability_answer_code": "REFUSED"}, False, id="one answer was refused"),
        pytest.param({"is_right_party": False}, False, id="somebody else answered"),
        pytest.param({"channel_code": "APP"}, True, id="the app, while the risk is low"),
        pytest.param({"channel_code": "APP", "ability_answer_code": "WORSE"}, False, id="worrying answers in the app"),
        pytest.param({"ability_answer_code": "WORSE"}, True, id="worrying answers given to a person"),
        pytest.param({"loan_id": "L2"}, False, id="a call about another loan"),
        pytest.param({"channel_code": "FIELD"}, True, id="a stronger channel than needed"),
    ],
)
def test_what_fulfils_a_revisit(answers: dict[str, object], is_done: bool) -> None:
    base, _ = plan(START, [loan()])
    row = told(after(10), [loan()], [contact(after(10)) | answers], base)
    assert (row.last_fulfilled_date == after(10)) == is_done
    if is_done:
        assert row.due_date == after(40) and row.cycle_start_date == after(10)
        assert row.last_fulfilled_due_date == base.due_date[0]


def test_a_borrower_who_calls_by_themselves_has_been_revisited() -> None:
    """Inbound or not is no question: the frame does not even say so."""
    base, _ = plan(START, [loan(risk_tier="HIGH")])
    assert told(after(3), [loan(risk_tier="HIGH")], [contact(after(3))], base).due_date == after(18)


def test_the_app_does_not_fulfil_what_a_call_is_due_for() -> None:
    base, _ = plan(START, [loan(risk_tier="HIGH")])
    row = told(after(3), [loan(risk_tier="HIGH")], [contact(after(3), "APP")], base)
    assert (row.last_fulfilled_date, row.due_date) == (None, base.due_date[0])


def test_an_invitation_that_stays_unanswered_becomes_a_call() -> None:
    days = day_by_day(12, contacts=[invited(after(3))])
    assert days[3].changes_on == after(8)
    assert {days[step].revisit_type for step in range(8)} == {"SCHEDULED"}
    assert (days[8].revisit_type, days[8].trigger_code, days[8].least_channel_code) == (
        "TRIGGERED", "SELF_SERVICE_UNANSWERED", "PHONE",
    )  # fmt: skip
    assert days[8].due_date == after(11)


def test_an_invitation_that_was_answered_late_has_been_answered() -> None:
    days = day_by_day(10, contacts=[invited(after(3)), contact(after(10), "APP")])
    assert (days[9].trigger_code, days[10].trigger_code) == ("SELF_SERVICE_UNANSWERED", None)
    assert days[10].last_fulfilled_date == after(10)


def test_worrying_answers_in_the_app_bring_a_call_within_three_days() -> None:
    worried = contact(after(4), "APP", ability_answer_code="LOST_INCOME")
    days = day_by_day(5, contacts=[worried])
    assert (days[4].trigger_code, days[4].due_date, days[4].least_channel_code) == (
        "WORRYING_ANSWER",
        after(7),
        "PHONE",
    )


def test_a_red_warning_brings_the_revisit_forward_and_only_a_call_ends_it() -> None:
    red = {5: {"severity": "RED", "severity_change": "NEW", "risk_tier": "HIGH"}}
    days = day_by_day(12, red, [contact(after(7), "APP"), contact(after(10))])
    assert days[4].due_date > after(20)
    assert [days[step].due_date for step in (5, 6, 7, 9)] == [after(8)] * 4
    assert (days[10].last_fulfilled_date, days[10].trigger_code, days[10].due_date) == (after(10), None, after(25))


@pytest.mark.parametrize("tier", ["LOW", "MEDIUM", "HIGH", "CRITICAL"])
def test_a_milder_tier_never_pushes_a_published_date_back(tier: str) -> None:
    base, _ = plan(START, [loan(risk_tier="CRITICAL")])
    row = told(after(1), [loan(risk_tier=tier)], base=base)
    assert row.due_date == base.due_date[0]


def test_a_worse_tier_brings_the_date_forward_from_the_last_visit() -> None:
    base, _ = plan(START, [loan()])
    assert told(after(1), [loan(risk_tier="HIGH")], base=base).due_date == after(15)
    late = told(after(25), [loan(risk_tier="HIGH")], base=base)
    assert late.due_date == after(26)  # it should have been on the fifteenth day: tomorrow


def test_who_is_not_reached_is_tried_again_later_and_later_then_at_the_door_then_by_the_manager() -> None:
    tries = [after(31), after(32), after(34), after(38), after(45), after(59)]
    days = day_by_day(60, contacts=[failed(day) for day in tries])
    seen = [(days[(day - START).days].next_attempt_date, days[(day - START).days].slot_code) for day in tries]
    assert seen == [
        (after(32), "AFTERNOON"), (after(34), "EVENING"), (after(38), "MORNING"), (after(45), "ANY"),
        (after(59), "ESCALATE"), (after(73), "ESCALATE"),
    ]  # fmt: skip
    assert [days[step].least_channel_code for step in (31, 38, 45)] == ["PHONE", "FIELD", "FIELD"]
    # the due date itself stays where it was published: the coverage report shows it late
    assert days[60].due_date == days[0].due_date and days[60].attempt_count == 6


def test_what_failed_long_before_the_first_plan_waits_for_its_day() -> None:
    old = [failed(after(-100), "PHONE") | {"borrower_id": f"B{number:04d}"} for number in range(40)]
    rows, _ = plan(START, book(40), old)
    assert list(rows.next_attempt_date) == list(rows.due_date) and len(set(rows.due_date)) > 10
    again, _ = plan(after(1), book(40), old, rows)
    assert list(again.next_attempt_date) == list(rows.next_attempt_date)


def test_a_call_that_reaches_the_borrower_at_last_ends_the_retries() -> None:
    contacts = [*(failed(after(31 + step)) for step in range(4)), contact(after(40))]
    row = day_by_day(40, contacts=contacts)[40]
    assert (row.attempt_count, row.revisit_type, row.last_fulfilled_date) == (0, "SCHEDULED", after(40))


def test_reaching_the_borrower_without_the_answers_ends_the_count_and_not_the_duty() -> None:
    contacts = [failed(after(31)), failed(after(32)), contact(after(33), **NO_ANSWERS)]
    row = day_by_day(33, contacts=contacts)[33]
    assert (row.attempt_count, row.last_fulfilled_date) == (0, None)
    assert row.due_date <= after(30)


SHORT = {"first_due_date": after(14), "final_due_date": after(28)}


def test_a_short_loan_is_reminded_before_and_checked_after_its_first_due_date() -> None:
    days = day_by_day(20, {0: SHORT})
    assert (days[0].revisit_type, days[0].due_date, days[0].changes_on) == ("PRE_DUE_REMINDER", after(11), after(14))
    assert (days[14].revisit_type, days[14].due_date) == ("FIRST_DUE_CHECK", after(15))
    # paid: the check is passed and nothing more is due
    assert (days[15].revisit_type, days[15].exemption_code, days[15].due_date) == ("EXEMPT", "SHORT_TERM_CHECKED", None)


def test_a_short_loan_that_is_late_is_called_and_then_revisited_by_half_its_term() -> None:
    late = {15: {"oldest_unpaid_due_date": after(14), "risk_tier": "MEDIUM"}}
    days = day_by_day(20, {0: SHORT} | late, [contact(after(18))])
    assert {days[step].revisit_type for step in (15, 16, 17)} == {"FIRST_DUE_CHECK"}
    assert (days[18].revisit_type, days[18].cadence_days, days[18].due_date) == ("SCHEDULED", 14, after(32))


def test_an_exempt_loan_says_why_and_comes_back_when_the_reason_ends() -> None:
    base, _ = plan(START, [loan()])
    exempt, _ = plan(after(1), [loan(exemption_code="DECEASED")], base=base)
    assert list(exempt.loc[0, ["revisit_type", "due_date", "reason_text_en"]]) == [
        "EXEMPT",
        None,
        "the borrower has died: another procedure",
    ]
    assert told(after(50), [loan()], base=exempt).due_date == after(51)


@pytest.mark.parametrize(
    ("changes", "gap"),
    [
        pytest.param({"currency": "XXX"}, "NO_AMOUNT_BAND", id="a currency without policy"),
        pytest.param({"final_due_date": None}, "NO_TERM", id="a loan without a last due date"),
        pytest.param({"exemption_code": "FRIEND_OF_THE_BOSS"}, "UNKNOWN_EXEMPTION", id="an exemption nobody approved"),
    ],
)
def test_a_loan_that_cannot_be_planned_is_a_gap_and_never_given_a_default(changes: dict[str, object], gap: str) -> None:
    rows, gaps = plan(START, [loan(**changes), loan(loan_id="L2")])
    assert list(rows.loan_id) == ["L2"]
    assert list(gaps.gap_code) == [gap]


# ---------------------------------------------------------------- spreading


def book(count: int, **changes: object) -> list[dict[str, object]]:
    old = {"disbursement_date": after(-200), "first_due_date": after(-170), "final_due_date": after(500)}
    return [loan(loan_id=f"L{number:04d}", borrower_id=f"B{number:04d}", **(old | changes)) for number in range(count)]


def test_on_first_load_everything_overdue_is_spread_over_one_cadence_and_the_risky_come_first() -> None:
    capacity = {(day, "VOICE"): 12 for day in WORKDAYS}
    loans = [
        *book(200, risk_tier="MEDIUM"),
        *(row | {"loan_id": f"H{row['loan_id']}"} for row in book(40, risk_tier="HIGH")),
    ]
    rows, _ = plan(START, loans, spread=Spread(WORKDAYS, capacity, {}))
    assert max(Counter(rows.due_date).values()) <= 12
    assert all(START < day <= after(30) and day.weekday() < 5 for day in rows.due_date)
    assert sorted(rows[rows.risk_tier == "HIGH"].due_date)[-1] == after(4)  # 40 in the first four days, 12 a day


def test_what_was_planned_before_takes_its_place_on_the_day() -> None:
    capacity = {(day, "VOICE"): 2 for day in WORKDAYS}
    load = {(after(step), "VOICE"): 2 for step in range(1, 20)}
    rows, _ = plan(START, book(4, risk_tier="HIGH"), spread=Spread(WORKDAYS, capacity, load))
    assert sorted(rows.due_date) == [after(21), after(21), after(22), after(22)]


def test_who_answers_in_the_app_needs_nobodys_capacity() -> None:
    rows, _ = plan(START, book(60), spread=Spread(WORKDAYS, {(day, "VOICE"): 0 for day in WORKDAYS}, {}))
    assert set(rows.least_channel_code) == {"APP"} and max(rows.due_date) <= after(30)


def test_spreading_does_not_depend_on_the_order_of_the_loans() -> None:
    capacity = {(day, "VOICE"): 3 for day in WORKDAYS}
    loans = book(30, risk_tier="MEDIUM")
    first, second = (plan(START, rows, spread=Spread(WORKDAYS, capacity, {}))[0] for rows in (loans, loans[::-1]))
    assert first.to_csv() == second.to_csv()


def test_a_shorter_cadence_in_the_policy_spreads_what_would_be_overdue_and_pushes_nothing_back() -> None:
    base, _ = plan(START, book(90, principal_amount=LARGE))
    weekly = [row | {"cadence_days": "20"} for row in policy_records("revisit_cadence")]
    rows, _ = plan(after(1), book(90, principal_amount=LARGE), base=base, rules=policy(cadences=weekly))
    assert all(now <= before for now, before in zip(rows.due_date, base.due_date, strict=True))
    assert max(rows.due_date) <= after(21) and max(Counter(rows.due_date).values()) < 20


# ---------------------------------------------------------------- for any life

EVENTS = st.lists(
    st.tuples(
        st.integers(1, 20),
        st.sampled_from(
            ["answered", "app", "worried", "failed", "invited", "red", "clear", "HIGH", "LOW", "vulnerable", "free"]
        ),
    ),
    max_size=9,
)


@settings(max_examples=40, deadline=None)
@given(events=EVENTS, is_short=st.booleans())
def test_between_events_a_plan_moves_only_on_the_date_it_announced(
    events: list[tuple[int, str]], is_short: bool
) -> None:
    """The row is a step function: computed on any quiet day it is the row that is carried."""
    day, state, contacts = START, loan(**(SHORT if is_short else {})), []
    base, _ = plan(day, [state], contacts)
    for gap, event in events:
        for quiet in {1, gap // 2, gap - 1}:
            on = day + timedelta(days=quiet)
            if 0 < quiet < gap and (base.changes_on[0] is None or on < base.changes_on[0]):
                same, _ = plan(on, [state | {"severity_change": "SAME"}], contacts, base)
                assert same.to_dict("records") == base.to_dict("records")
        # days that were announced are computed, as the touched set would have it
        while base.changes_on[0] is not None and base.changes_on[0] < day + timedelta(days=gap):
            base, _ = plan(base.changes_on[0], [state | {"severity_change": "SAME"}], contacts, base)
        day += timedelta(days=gap)
        state, contacts = happened(event, day, state, contacts)
        before = base.loc[0]
        base, gaps = plan(day, [state], contacts, base)
        row = base.loc[0]
        assert gaps.empty
        # covered: a date or an exemption, never both and never neither
        assert (row.due_date is None) == (row.exemption_code is not None)
        is_same_duty = row.cycle_start_date == before.cycle_start_date and before.revisit_type[:5] not in (
            "PRE_D",
            "FIRST",
        )
        if is_same_duty and None not in (row.due_date, before.due_date):
            assert row.due_date <= before.due_date


def happened(
    event: str, day: date, state: dict[str, object], contacts: list[dict[str, object]]
) -> tuple[dict[str, object], list[dict[str, object]]]:
    state = state | {"severity_change": "SAME"}
    match event:
        case "answered":
            return state, [*contacts, contact(day)]
        case "app":
            return state, [*contacts, contact(day, "APP")]
        case "worried":
            return state, [*contacts, contact(day, "APP", default_sign_answer_code="SERIOUS")]
        case "failed":
            return state, [*contacts, failed(day)]
        case "invited":
            return state, [*contacts, invited(day)]
        case "red":
            return state | {"severity": "RED", "severity_change": "NEW"}, contacts
        case "clear":
            return state | {"severity": None, "severity_change": None}, contacts
        case "vulnerable":
            return state | {"exemption_code": "VULNERABLE"}, contacts
        case "free":
            return state | {"exemption_code": None}, contacts
    assert event in TIERS
    return state | {"risk_tier": event}, contacts


def test_retries_that_skip_a_number_are_refused() -> None:
    from scoring.revisit_policy import revisit_policy
    from tests.support.revisit_story import NAMES, POLICY

    rows = {name: policy_records(name) for name in NAMES}
    rows["revisit_retry"] = [row for row in rows["revisit_retry"] if row["attempt_count"] != "2"]
    with pytest.raises(PolicyError, match="without a gap"):
        revisit_policy(START, POLICY.bands, rows)
