"""Whether a contact is allowed, as a table of situations, with the policy that ships."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from include.policy import policy_records
from scoring.contact_policy import ContactPolicy, contact_policy
from scoring.contact_rules import HISTORY_COLUMNS, PLANNED_COLUMNS, STOP_COLUMNS, check_contacts
from scoring.policy_rows import PolicyError

DAY = date(2026, 1, 14)  # a Wednesday
NAMES = ("contact_rule", "contact_stop_rule", "contact_jurisdiction", "contact_parameter")


def policy(day: date = DAY, *more_rules: dict[str, str], without: str = "") -> ContactPolicy:
    rules, stops, zones, numbers = (policy_records(name) for name in NAMES)
    kept = [row for row in rules if row["rule_code"] != without]
    return contact_policy(day, [*kept, *more_rules], stops, zones, numbers, "Asia/Shanghai")


def a_rule(code: str, **changes: str) -> dict[str, str]:
    (row,) = (row for row in policy_records("contact_rule") if row["rule_code"] == code)
    return row | changes


POLICY = policy()
CHINA = ZoneInfo("Asia/Shanghai")


def planned(**changes: object) -> dict[str, object]:
    row = {
        "contact_id": "V1", "borrower_id": "B1", "loan_id": "L1", "phone_token": "T1", "channel_code": "PHONE",
        "stated_purpose_code": "REVISIT", "party_code": "SELF", "entity_code": "OWN_LENDER",
        "timezone": "Asia/Shanghai", "contact_date": DAY, "planned_at": None, "days_past_due": 0,
        "failed_attempt_count": 0, "has_agreed_to_hours": False, "has_third_party_consent": False,
    }  # fmt: skip
    return row | changes


def call(started_at: datetime, **changes: object) -> dict[str, object]:
    row = {
        "borrower_id": "B1", "loan_id": "L1", "phone_token": "T1", "channel_code": "PHONE", "started_at": started_at,
        "is_connected": False, "is_inbound": False,
    }  # fmt: skip
    return row | changes


def at(clock: str, day: date = DAY, zone: ZoneInfo = CHINA) -> datetime:
    return datetime.combine(day, datetime.strptime(clock, "%H:%M").time(), zone)


def check(
    *contacts: dict[str, object],
    history: list[dict[str, object]] | None = None,
    stops: list[tuple[str, str, datetime, datetime | None]] | None = None,
    rules: ContactPolicy = POLICY,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    return check_contacts(
        pd.DataFrame(list(contacts), columns=list(PLANNED_COLUMNS), dtype=object),
        pd.DataFrame(history or [], columns=list(HISTORY_COLUMNS), dtype=object),
        pd.DataFrame(stops or [], columns=list(STOP_COLUMNS), dtype=object),
        rules,
    )


def blocked_by(*args: object, **kwargs: object) -> str | None:
    _, suppressed = check(*args, **kwargs)
    return None if suppressed.empty else suppressed.blocked_rule_code[0]


# without the team's own hours, so that the law is seen
LAW = policy(without="house_hours")


@pytest.mark.parametrize(
    ("clock", "blocked"),
    [
        pytest.param("22:00", "cn_quiet_hours", id="ten at night is too late"),
        pytest.param("21:59", None, id="a minute earlier is allowed"),
        pytest.param("07:59", "cn_quiet_hours", id="before eight is too early"),
        pytest.param("08:00", None, id="eight sharp is allowed"),
    ],
)
def test_a_call_is_judged_by_the_borrowers_clock(clock: str, blocked: str | None) -> None:
    assert blocked_by(planned(planned_at=at(clock)), rules=LAW) == blocked


def test_who_agreed_to_late_calls_may_be_called_late() -> None:
    assert blocked_by(planned(planned_at=at("22:30"), has_agreed_to_hours=True), rules=LAW) is None


def test_the_team_calls_in_its_own_hours_only() -> None:
    allowed, _ = check(planned())
    assert (allowed.local_from_time[0], allowed.local_to_time[0]) == ("09:00", "20:00")
    assert allowed.window_start_at[0] == datetime(2026, 1, 14, 1, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("timezone", "entity", "window"),
    [
        pytest.param("Asia/Urumqi", "OWN_LENDER", ("08:00", "18:00"), id="two hours behind, so from eight there"),
        pytest.param("America/New_York", "AGENCY", ("20:00", "21:00"), id="the evening before, in the other half"),
        pytest.param("Africa/Lagos", "OWN_LENDER", ("08:00", "13:00"), id="no law known of, the own rules bind"),
    ],
)
def test_the_window_is_where_both_clocks_allow_it(timezone: str, entity: str, window: tuple[str, str]) -> None:
    allowed, _ = check(planned(timezone=timezone, entity_code=entity))
    assert (allowed.local_from_time[0], allowed.local_to_time[0]) == window


def test_a_zone_whose_law_nobody_has_stated_is_bound_by_the_rules_of_all() -> None:
    allowed, _ = check(planned(timezone="Europe/Berlin"))
    assert (allowed.local_from_time[0], allowed.local_to_time[0]) == ("08:00", "13:00")
    assert "cn_quiet_hours" in allowed.rule_codes[0]


def test_a_day_without_a_common_hour_is_suppressed_and_says_so() -> None:
    early = a_rule("house_hours", rule_code="house_early", from_time="06:00", to_time="07:30")
    assert blocked_by(planned(), rules=policy(DAY, early, without="house_hours")) == "no_common_hours"


@pytest.mark.parametrize(
    ("day", "window"),
    [
        pytest.param(date(2026, 3, 8), ("08:00", "21:00"), id="the clock jumps forward: 13 hours stay"),
        pytest.param(date(2026, 11, 1), ("08:00", "21:00"), id="the clock goes back: 13 hours stay"),
    ],
)
def test_days_on_which_the_clock_jumps_keep_the_borrowers_hours(day: date, window: tuple[str, str]) -> None:
    rules, stops, zones, numbers = (policy_records(name) for name in NAMES)
    law = [row for row in rules if row["rule_code"] != "house_hours"]
    american = contact_policy(day, law, stops, zones, numbers, "America/New_York")
    allowed, _ = check(planned(contact_date=day, timezone="America/New_York", entity_code="AGENCY"), rules=american)
    assert (allowed.local_from_time[0], allowed.local_to_time[0]) == window
    assert allowed.window_end_at[0] - allowed.window_start_at[0] == timedelta(hours=13)


def test_hours_that_end_inside_the_jump_are_cut_and_never_stretched() -> None:
    _, stops, zones, numbers = (policy_records(name) for name in NAMES)
    night = a_rule("us_reg_f_hours", from_time="01:00", to_time="02:30")
    american = contact_policy(date(2026, 3, 8), [night], stops, zones, numbers, "America/New_York")
    contact = planned(contact_date=date(2026, 3, 8), timezone="America/New_York", entity_code="AGENCY")
    allowed, _ = check(contact, rules=american)
    # half past two does not exist on that day: an hour after one is at most allowed
    assert timedelta(0) < allowed.window_end_at[0] - allowed.window_start_at[0] <= timedelta(hours=1)


@pytest.mark.parametrize(
    ("connected", "blocked"),
    [
        pytest.param(2, None, id="a third conversation is allowed"),
        pytest.param(3, "cn_connected_per_day", id="a fourth conversation is one too many"),
    ],
)
def test_conversations_of_a_day_are_counted_for_the_debtor(connected: int, blocked: str | None) -> None:
    history = [call(at(f"{hour}:00"), loan_id=f"L{hour}", is_connected=True) for hour in range(9, 9 + connected)]
    assert blocked_by(planned(planned_at=at("15:00")), history=history) == blocked


@pytest.mark.parametrize(
    ("changes", "blocked"),
    [
        pytest.param({}, "cn_dials_per_number", id="a seventh dial to one number is one too many"),
        pytest.param({"phone_token": "T2"}, None, id="another number has not been dialled yet"),
        pytest.param({"channel_code": "APP"}, None, id="a message in the app is no dial"),
        pytest.param({"planned_at": at("09:06") + timedelta(days=1)}, None, id="the next day counts afresh"),
    ],
)
def test_dials_of_a_day_are_counted_for_the_number(changes: dict[str, object], blocked: str | None) -> None:
    history = [call(at(f"09:0{minute}")) for minute in range(6)]
    contact = planned(planned_at=at("15:00")) | changes
    contact["contact_date"] = contact["planned_at"].date()
    assert blocked_by(contact, history=history) == blocked


def test_calls_for_every_purpose_count_together() -> None:
    history = [call(at(f"{hour}:00"), is_connected=True) for hour in (9, 10, 11)]
    for purpose in ("REVISIT", "COLLECTION", "SERVICE", "REMINDER"):
        contact = planned(stated_purpose_code=purpose, planned_at=at("15:00"))
        assert blocked_by(contact, history=history) == "cn_connected_per_day"


def test_calls_planned_for_the_same_day_count_against_each_other_in_the_order_of_priority() -> None:
    contacts = [planned(contact_id=f"V{number}", phone_token=f"T{number}") for number in (4, 3, 2, 1)]
    allowed, suppressed = check(*contacts)
    assert list(allowed.contact_id) == ["V2", "V3", "V4"]
    assert list(suppressed.contact_id) == ["V1"]
    assert list(allowed.remaining_conversation_count) == [1, 2, 3]


def test_a_call_of_the_borrower_counts_only_where_the_rule_says_so() -> None:
    inbound = [call(at("10:00", DAY - timedelta(days=1)), is_connected=True, is_inbound=True)]
    new_york = planned(timezone="America/New_York", entity_code="AGENCY")
    assert blocked_by(planned(), history=inbound) is None
    assert blocked_by(new_york, history=inbound) == "us_reg_f_after_conversation"


@pytest.mark.parametrize(
    ("days_ago", "blocked"),
    [
        pytest.param(6, "us_reg_f_after_conversation", id="six days after the conversation is inside the seven"),
        pytest.param(7, None, id="the eighth day is free"),
    ],
)
def test_an_agency_waits_seven_days_after_a_conversation_about_the_debt(days_ago: int, blocked: str | None) -> None:
    new_york = ZoneInfo("America/New_York")
    evening = DAY - timedelta(days=1)  # the window lies on the evening before, on the borrower's clock
    talked = call(at("12:00", evening - timedelta(days=days_ago), new_york), is_connected=True)
    contact = planned(timezone="America/New_York", entity_code="AGENCY")
    _, suppressed = check(contact, history=[talked])
    assert (None if suppressed.empty else suppressed.blocked_rule_code[0]) == blocked
    if blocked:
        assert suppressed.next_allowed_date[0] == evening + timedelta(days=1)
    assert blocked_by(contact | {"loan_id": "L2"}, history=[talked]) is None
    assert blocked_by(contact | {"entity_code": "OWN_LENDER"}, history=[talked]) is None


def test_the_eighth_call_in_seven_days_about_one_debt_is_one_too_many_for_an_agency() -> None:
    new_york = ZoneInfo("America/New_York")
    calls = [call(at("12:00", DAY - timedelta(days=back), new_york)) for back in range(2, 8)]
    contact = planned(timezone="America/New_York", entity_code="AGENCY")
    assert blocked_by(contact, history=calls) is None
    assert blocked_by(contact, history=[*calls, calls[0]]) == "us_reg_f_calls"


@pytest.mark.parametrize(
    "stop", ["DECEASED", "DO_NOT_CONTACT", "DISPUTE", "REPRESENTED", "VULNERABLE", "LEGAL_HOLD", "A_NEW_CODE"]
)
@pytest.mark.parametrize("channel", ["PHONE", "APP", "FIELD"])
def test_a_hard_stop_blocks_every_channel_until_it_is_released(stop: str, channel: str) -> None:
    stopped = at("10:00", DAY - timedelta(days=400))
    contact = planned(channel_code=channel)
    assert blocked_by(contact, stops=[("B1", stop, stopped, None)]) == stop
    assert blocked_by(contact, stops=[("B1", stop, stopped, at("11:00", DAY - timedelta(days=1)))]) is None
    assert blocked_by(contact, stops=[("B2", stop, stopped, None)]) is None


def test_a_payment_since_the_data_were_cut_off_stops_collection_for_three_days_only() -> None:
    late = planned(days_past_due=5)
    for stopped, blocked in ((at("08:00"), "PAID_SINCE_CUTOFF"), (at("08:00", DAY - timedelta(days=3)), None)):
        assert blocked_by(late, stops=[("B1", "PAID_SINCE_CUTOFF", stopped, None)]) == blocked
    assert blocked_by(planned(), stops=[("B1", "PAID_SINCE_CUTOFF", at("08:00"), None)]) is None


def test_the_replay_of_a_call_knows_only_what_was_known_at_that_moment() -> None:
    stop = [("B1", "DISPUTE", at("14:00"), None)]
    assert blocked_by(planned(planned_at=at("13:59")), stops=stop) is None
    assert blocked_by(planned(planned_at=at("14:00")), stops=stop) == "DISPUTE"
    later = [call(at(f"{hour}:00"), is_connected=True) for hour in (15, 16, 17)]
    assert blocked_by(planned(planned_at=at("14:30")), history=later) is None


@pytest.mark.parametrize(
    ("changes", "blocked"),
    [
        pytest.param({}, "third_party_needs_consent", id="a relative is never asked without consent"),
        pytest.param({"has_third_party_consent": True}, None, id="a revisit may with consent"),
        pytest.param(
            {"has_third_party_consent": True, "days_past_due": 9, "failed_attempt_count": 2},
            "cn_third_party_only_unreached",
            id="collection only after three failed attempts",
        ),
        pytest.param(
            {"has_third_party_consent": True, "days_past_due": 9, "failed_attempt_count": 3},
            None,
            id="and with consent then",
        ),
    ],
)
@pytest.mark.parametrize("party", ["THIRD_PARTY", "EMPLOYER", "HOME"])
def test_others_are_asked_only_as_the_law_allows(changes: dict[str, object], blocked: str | None, party: str) -> None:
    assert blocked_by(planned(party_code=party) | changes) == blocked


def test_a_contact_with_who_is_past_due_is_collection_whatever_list_it_came_from() -> None:
    allowed, _ = check(planned(), planned(contact_id="V2", borrower_id="B2", days_past_due=1))
    assert list(allowed.purpose_code) == ["REVISIT", "COLLECTION"]


def test_every_suppression_names_its_rule_and_reason_in_both_languages() -> None:
    _, suppressed = check(planned(), stops=[("B1", "DECEASED", at("08:00"), None)])
    assert list(suppressed.loc[0, ["reason_text_zh", "reason_text_en"]]) == [
        "借款人已故，不得联系",
        "the borrower has died: nobody is contacted",
    ]


def test_the_shipped_interval_of_unclear_scope_is_off() -> None:
    assert "cn_interval_of_product" not in {rule.code for rule in POLICY.rules}


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"rule_kind": "WISH"}, id="an unknown kind"),
        pytest.param({"from_time": ""}, id="hours without a beginning"),
        pytest.param({"from_time": "23:00"}, id="hours that end before they begin"),
        pytest.param({"is_verified": "false"}, id="an unverified row that could be lifted"),
        pytest.param({"channel_codes": "PHONE;"}, id="a list with an empty code"),
        pytest.param({"zone_basis": "MOON"}, id="a clock of nobody"),
    ],
)
def test_a_rule_that_nobody_could_follow_is_refused_when_it_is_read(changes: dict[str, str]) -> None:
    with pytest.raises(PolicyError):
        policy(DAY, a_rule("cn_quiet_hours", **changes))


ANOTHER_RULE = st.one_of(
    st.builds(
        lambda start, length: a_rule(
            "house_hours", rule_code="zz", from_time=f"{start:02d}:00", to_time=f"{start + length:02d}:00",
            zone_basis="BORROWER", is_verified="false", jurisdiction_code="CN",
        ),
        st.integers(0, 12), st.integers(1, 11),
    ),
    st.builds(
        lambda limit, days: a_rule(
            "cn_connected_per_day", rule_code="zz", limit_count=str(limit), period_days=str(days), is_verified="false"
        ),
        st.integers(1, 9), st.integers(1, 30),
    ),
)  # fmt: skip


@settings(max_examples=60, deadline=None)
@given(row=ANOTHER_RULE, minute=st.integers(0, 1439), connected=st.integers(0, 4))
def test_a_row_that_nobody_has_verified_can_only_tighten(row: dict[str, str], minute: int, connected: int) -> None:
    history = [call(at("08:30") + timedelta(minutes=step), is_connected=True) for step in range(connected)]
    contact = planned(planned_at=at("00:00") + timedelta(minutes=minute))
    before, after = (blocked_by(contact, history=history, rules=rules) for rules in (LAW, _with(row)))
    assert before is None or after is not None


def _with(row: dict[str, str]) -> ContactPolicy:
    return policy(DAY, row, without="house_hours")


@settings(max_examples=60, deadline=None)
@given(
    zone=st.sampled_from(
        ["Asia/Shanghai", "America/New_York", "America/St_Johns", "Australia/Lord_Howe", "Africa/Lagos"]
    ),
    day=st.dates(date(2025, 1, 1), date(2026, 12, 31)),
    connected=st.lists(st.integers(0, 20 * 1440), max_size=12),
)
def test_no_window_that_is_handed_out_would_be_refused_in_a_replay(zone: str, day: date, connected: list[int]) -> None:
    start = datetime.combine(day, datetime.min.time(), UTC)
    history = [call(start - timedelta(minutes=back), is_connected=True) for back in connected]
    contact = planned(timezone=zone, contact_date=day, entity_code="AGENCY")
    allowed, suppressed = check(contact, history=history)
    assert len(allowed) + len(suppressed) == 1
    for begin, end in zip(allowed.window_start_at, allowed.window_end_at, strict=True):
        for moment in (begin, end - timedelta(seconds=1)):
            if moment.astimezone(ZoneInfo(zone)).date() == begin.astimezone(ZoneInfo(zone)).date():
                assert blocked_by(contact | {"planned_at": moment}, history=history) is None
