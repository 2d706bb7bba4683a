"""Revisits as they are published: whole coverage, one item a borrower, lawful windows, fair days, stops at once."""

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta

import psycopg
import pytest
from psycopg.rows import dict_row

from include.contact_stops import record_stop, release_stop, standing_stops
from include.errors import PostloanError, RefusedError
from include.explain_assignment import explain_assignment
from include.jobs.land import land
from include.jobs.rebuild import rebuild
from include.landing.discover import connected_systems
from include.policy import policy_records
from include.sample_bank.bank import generate
from include.sample_bank.systems import EVERYTHING
from include.settings import Settings
from include.vault.reveal import reveal_for_work
from include.warehouse.connection import connect
from include.warehouse.contact_view import CONTACT_ELIGIBLE_NOW
from tests.support.days import compute

HISTORY_TO = date(2026, 1, 4)
DATES = (date(2026, 1, 5), date(2026, 1, 6))  # a Monday and a Tuesday


@dataclass(frozen=True)
class Lender:
    settings: Settings
    differences: list

    def rows(self, query: str, *parameters: object, role: str = "postloan_auditor") -> list[tuple]:
        with connect(self.settings, role=role) as connection:
            return connection.execute(query, parameters).fetchall()


@pytest.fixture(scope="module")
def lender(server, template_warehouse: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lender]:
    server.create_database("revisits", template=template_warehouse)
    settings = server.settings_for("revisits", tmp_path_factory.mktemp("revisits"))
    generate(settings.landing, 60, HISTORY_TO, len(DATES), seed=5, history_days=400, systems=EVERYTHING)
    for business_date in DATES:
        for system in connected_systems(settings.landing):
            land(business_date, system, settings)
        compute(business_date, settings, audited=False)
    _, differences = rebuild(DATES[-1], settings)
    yield Lender(settings, differences)
    server.drop_database("revisits")


def test_every_live_loan_has_a_next_revisit_or_says_why_not(lender: Lender) -> None:
    for on in DATES:
        uncovered = lender.rows(
            "select position.loan_id from serving.loan_position_as_of(%s) as position "
            "left join serving.revisit_plan_as_of(%s) as plan using (loan_id) "
            "where position.is_live and (plan.due_date is null) = (plan.exemption_code is null)",
            on, on,
        )  # fmt: skip
        assert uncovered == []
        assert lender.rows("select count(*) from serving.coverage_gap_as_of(%s)", on) == [(0,)]
    assert lender.rows("select count(*) > 25 from serving.revisit_plan") == [(True,)]


def test_a_plan_of_a_loan_that_is_gone_is_gone(lender: Lender) -> None:
    assert lender.rows(
        "select plan.loan_id from serving.revisit_plan as plan "
        "left join serving.loan_position as position using (loan_id) where position.is_live is not true"
    ) == []  # fmt: skip


def test_a_plan_computed_in_full_equals_the_one_carried(lender: Lender) -> None:
    assert lender.differences == []


def test_most_plans_were_carried_and_not_computed_again(lender: Lender) -> None:
    ((carried, computed),) = lender.rows(
        "select count(*) filter (where business_date < as_of_date), count(*) filter (where business_date = as_of_date) "
        "from serving.revisit_plan"
    )
    assert carried > 0 and computed > 0


def test_a_published_due_date_is_never_pushed_back(lender: Lender) -> None:
    pushed = lender.rows(
        "select now.loan_id from serving.revisit_plan_as_of(%s) as now join serving.revisit_plan_as_of(%s) as former "
        "using (loan_id) where now.cycle_start_date = former.cycle_start_date and now.due_date > former.due_date",
        DATES[1], DATES[0],
    )  # fmt: skip
    assert pushed == []


def test_what_is_due_is_assigned_or_suppressed_once_a_borrower(lender: Lender) -> None:
    for on in DATES:
        ((work_date,),) = lender.rows("select distinct work_date from serving.revisit_assignment_as_of(%s)", on)
        assert work_date == on + timedelta(days=1)
        due = lender.rows(
            "select distinct borrower_id from serving.revisit_plan_as_of(%s) where next_attempt_date <= %s order by 1",
            on, work_date,
        )  # fmt: skip
        listed = lender.rows(
            "select borrower_id from serving.revisit_assignment_as_of(%s) "
            "union all select borrower_id from serving.contact_suppression_as_of(%s) order by 1",
            on, on,
        )  # fmt: skip
        assert listed == due and due


def test_nobody_is_given_more_than_their_part_of_the_day(lender: Lender) -> None:
    (share,) = (
        int(row["parameter_value"])
        for row in policy_records("revisit_parameter")
        if row["parameter_code"] == "revisit_capacity_share"
    )
    with connect(lender.settings, role="postloan_transformer") as connection:
        loads = connection.execute(
            "select assigned.officer_id, count(distinct assigned.borrower_id), max(case assigned.channel_layer "
            "when 'FIELD' then max_field_visit_count else max_call_count end) * %s / 100 "
            "from serving.revisit_assignment as assigned join raw.workforce__officer_capacity as capacity "
            "on capacity.officer_id = assigned.officer_id and capacity.work_date = assigned.work_date "
            "group by assigned.officer_id, assigned.channel_layer",
            (share,),
        ).fetchall()
    assert loads and all(count <= places for _, count, places in loads)


def test_every_window_lies_inside_the_allowed_hours_of_the_work_date(lender: Lender) -> None:
    rows = lender.rows("select work_date, timezone, window_start_at, window_end_at from serving.revisit_assignment")
    assert rows
    for work_date, timezone, start, end in rows:
        assert timezone == "Asia/Shanghai"
        assert (start.hour, end.hour) in ((1, 12), (1, 10))  # 9 to 20, visits to 18, on the clock of Shanghai
        assert start.date() == end.date() == work_date


def test_a_stop_blocks_at_once_and_the_published_list_stays_as_it_was(lender: Lender) -> None:
    ((borrower_id,),) = lender.rows("select min(borrower_id) from serving.revisit_assignment")
    shown = "select stop_codes from serving.contact_eligible_now where borrower_id = %s"
    published = "select count(*) from serving.revisit_assignment where borrower_id = %s"
    assert lender.rows(shown, borrower_id) == [(None,)]
    record_stop(lender.settings, borrower_id, "DISPUTE", source="test letter")
    assert lender.rows(shown, borrower_id) == [("DISPUTE",)]
    assert [row[:2] for row in standing_stops(lender.settings)] == [(borrower_id, "DISPUTE")]
    assert lender.rows(published, borrower_id) == [(1,)]
    release_stop(lender.settings, borrower_id, "DISPUTE", source="test answer")
    assert lender.rows(shown, borrower_id) == [(None,)]
    with pytest.raises(RefusedError, match="no stop DISPUTE stands"):
        release_stop(lender.settings, borrower_id, "DISPUTE", source="again")
    with pytest.raises(PostloanError, match="no stop code"):
        record_stop(lender.settings, borrower_id, "TIRED", source="test")


def test_whoever_works_an_item_sees_the_number_of_that_borrower_then_and_only_then(lender: Lender) -> None:
    ((borrower_id, officer_id),) = lender.rows(
        "select borrower_id, officer_id from serving.work_item where channel_code = 'PHONE' and officer_id is not null "
        "order by borrower_id limit 1"
    )
    asking = {"borrower_id": borrower_id, "kind": "mobile_phone"}
    with pytest.raises(RefusedError, match="does not act for officer"):
        reveal_for_work(lender.settings, **asking, officer_id=officer_id)
    with connect(lender.settings, role=None) as connection:
        connection.execute(
            "insert into ops.officer_login values (session_user, %s), (session_user, 'U9')", (officer_id,)
        )
    with pytest.raises(RefusedError, match="may be contacted now"):
        reveal_for_work(lender.settings, **asking, officer_id=officer_id)  # the work date is long past
    at_work(lender.settings)
    shown = reveal_for_work(lender.settings, **asking, officer_id=officer_id)
    assert shown == delivered_phone(lender.settings, borrower_id)
    with pytest.raises(RefusedError, match="no item of officer U9"):
        reveal_for_work(lender.settings, **asking, officer_id="U9")
    record_stop(lender.settings, borrower_id, "DO_NOT_CONTACT", source="test letter")
    with pytest.raises(RefusedError, match="may be contacted now"):
        reveal_for_work(lender.settings, **asking, officer_id=officer_id)
    release_stop(lender.settings, borrower_id, "DO_NOT_CONTACT", source="test answer")
    assert lender.rows("select actor, kind, reason from ops.reveal_event") == [
        (officer_id, "phone", f"work item of {DATES[-1] + timedelta(days=1)}, borrower {borrower_id}")
    ]


def at_work(settings: Settings) -> None:
    """As if it were noon of the work date, for everything that asks who may be contacted now."""
    noon = f"timestamptz '{DATES[-1] + timedelta(days=1)} 12:00+08'"
    with connect(settings, role=None) as connection:
        connection.execute(CONTACT_ELIGIBLE_NOW.replace("now()", noon))


def delivered_phone(settings: Settings, borrower_id: str) -> str:
    """The number as the customer system delivered it last."""
    found = None
    for path in sorted(settings.landing.glob("customer/*/borrower*.csv")):
        for row in csv.DictReader(path.read_text(encoding="utf-8").splitlines()):
            found = row["mobile_phone"] if row["borrower_id"] == borrower_id else found
    assert found
    return found


def test_a_stop_is_never_changed_or_taken_away(lender: Lender) -> None:
    record_stop(lender.settings, "C9", "DECEASED", source="test register")
    for statement in ("update ops.contact_stop set source = 'x'", "delete from ops.contact_stop"):
        with (
            pytest.raises(psycopg.errors.RaiseException, match="append-only"),
            connect(lender.settings, role="postloan_owner") as connection,
        ):
            connection.execute(statement)


def test_an_assignment_is_explained_by_the_rows_of_policy_and_by_the_officers_who_could_have_been_asked(
    lender: Lender,
) -> None:
    ((borrower_id, officer_id, rules),) = lender.rows(
        "select borrower_id, officer_id, contact_rule_codes from serving.revisit_assignment "
        "where officer_id is not null order by borrower_id limit 1"
    )
    found = explain_assignment(borrower_id, lender.settings)
    spoke = {(rule.policy, rule.code) for rule in found.rules}
    assert {("contact_rule", code) for code in rules.split(",")} <= spoke
    assert {"lane_routing", "assignment_reason"} <= {policy for policy, _ in spoke}
    ((lane,),) = lender.rows("select lane_code from serving.work_item where borrower_id = %s", borrower_id)
    assert [code.split()[0] for policy, code in sorted(spoke) if policy == "lane_routing"] == [lane]
    assert {"revisit_cadence", "revisit_trigger"} & {policy for policy, _ in spoke}
    assert all(rule.zh and rule.en and rule.source for rule in found.rules)
    chosen, *others = found.officers
    assert (chosen.officer_id, chosen.is_chosen) == (officer_id, True)
    assert others and not any(one.is_chosen for one in others)
    assert all(one.assigned_count <= (one.capacity or 0) for one in found.officers)


def test_whoever_granted_a_loan_of_a_borrower_does_not_verify_it(lender: Lender) -> None:
    granted = {
        tuple(row)
        for row in lender.rows(
            "select origination.originating_officer_id, contract.borrower_id "
            "from raw.core_banking__loan_origination as origination "
            "join raw.core_banking__loan_contract as contract using (loan_id)",
            role="postloan_transformer",
        )
    }
    for on in DATES:
        worked = lender.rows(
            "select officer_id, borrower_id from serving.revisit_assignment_as_of(%s) where officer_id is not null", on
        )
        assert worked and not granted & {tuple(row) for row in worked}
    officers = {
        officer_id
        for officer_id, _ in lender.rows(
            "select officer_id, 1 from raw.workforce__officer", role="postloan_transformer"
        )
    }
    assert officers & {officer_id for officer_id, _ in granted}, "otherwise there was no conflict to avoid"


def test_a_borrower_without_work_is_no_assignment_and_the_message_says_where_to_look(lender: Lender) -> None:
    with pytest.raises(PostloanError, match="no work item of borrower C0"):
        explain_assignment("C0", lender.settings)


def test_every_borrower_with_a_warning_or_a_revisit_is_one_work_item(lender: Lender) -> None:
    for on in DATES:
        wanted = lender.rows(
            "select borrower_id from serving.warning_list_as_of(%s) "
            "union select borrower_id from serving.revisit_assignment_as_of(%s) order by 1",
            on, on,
        )  # fmt: skip
        suppressed = lender.rows("select borrower_id from serving.contact_suppression_as_of(%s)", on)
        items = lender.rows("select borrower_id from serving.work_item_as_of(%s) order by 1", on)
        assert sorted({*wanted, *suppressed}) == items
        assert len(items) > len(lender.rows("select 1 from serving.revisit_assignment_as_of(%s)", on))


def test_an_item_says_what_whoever_calls_has_to_know(lender: Lender) -> None:
    """Nobody needs a second query: who, which product, what is owed and when, the last talks, what to ask."""
    with (
        connect(lender.settings, role="postloan_auditor") as connection,
        connection.cursor(row_factory=dict_row) as cursor,
    ):
        items = cursor.execute("select * from serving.work_item where officer_id is not null").fetchall()
    assert items
    for item in items:
        assert all(
            item[name] is not None
            for name in ("masked_name", "product_codes", "currency", "past_due_amount", "days_past_due", "channel_code",
                         "purpose_code", "local_from_time", "local_to_time", "language_code", "question_codes",
                         "reason_text_zh", "work_rank", "loan_ids", "timezone", "is_autodebit")
        ), item  # fmt: skip
        assert "*" in item["masked_name"]
    assert any(item["last_contacts"] for item in items)
    assert any(item["next_due_date"] for item in items)


def test_the_work_of_the_day_is_both_done_and_left_and_says_why(lender: Lender) -> None:
    codes = {code for (code,) in lender.rows("select distinct work_today_code from serving.work_item")}
    assert {"ASSIGNED", "BY_MACHINE", "IN_CAPACITY", "WATCHED"} <= codes
