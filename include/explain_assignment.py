"""Why a borrower is worked on a date, by whom and in which hours: the rows of policy behind it, and the officers' day.

Nothing is decided again: the item is as it was published, each code on it is followed to the dated row of policy that
was valid then, and the officers are those who could have been asked, with what their day held.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import Any

import psycopg
from psycopg.rows import dict_row

from include.errors import PostloanError
from include.explain import Explained, Section, dates_of, reading, sections_of
from include.jobs.revisit_reads import CONFLICTS
from include.policy import policy_records, policy_sources
from include.settings import Settings
from include.warehouse.roles import TRANSFORMER
from scoring.lanes import lane_policy
from scoring.policy_rows import codes_of, covers, is_valid_on, valid_on

SHOWN = ("work_item", "revisit_assignment", "contact_suppression", "warning_list", "revisit_plan", "risk_tier")
DAY_OF_OFFICERS = """
    select officer.officer_id, officer.role_code, officer.region_code, officer.skill_codes,
        case when %(layer)s = 'FIELD' then capacity.max_field_visit_count else capacity.max_call_count end as capacity,
        count(assigned.borrower_id) as assigned_count,
        coalesce(bool_or(assigned.borrower_id = %(borrower_id)s), false) as is_chosen,
        officer.borrower_id is not distinct from %(borrower_id)s or officer.officer_id = any(%(conflicted)s)
            as is_conflicted
    from staging.stg_workforce__officers as officer
    left join staging.stg_workforce__officer_capacities as capacity
        on capacity.officer_id = officer.officer_id and capacity.work_date = %(work_date)s
    left join serving.revisit_assignment_as_of(%(day)s) as assigned
        on assigned.officer_id = officer.officer_id and assigned.channel_layer = %(layer)s
    where officer.is_active and officer.role_code = any(%(roles)s)
    group by 1, 2, 3, 4, 5, officer.borrower_id
    order by is_chosen desc, officer.officer_id
"""


@dataclass(frozen=True)
class Rule:
    """A row of policy that spoke: which file, which code, its words and where it comes from."""

    policy: str
    code: str
    zh: str
    en: str
    source: str


@dataclass(frozen=True)
class OfficerDay:
    officer_id: str
    role_code: str
    region_code: str | None
    skill_codes: str | None
    capacity: int | None
    assigned_count: int
    is_chosen: bool
    is_conflicted: bool


@dataclass(frozen=True)
class ExplainedAssignment:
    """``told``: the published rows; ``rules``: in the order in which they spoke; ``officers``: the chosen one first."""

    told: Explained
    rules: list[Rule]
    officers: list[OfficerDay]


def explain_assignment(borrower_id: str, settings: Settings, *, day: date | None = None) -> ExplainedAssignment:
    """Why a borrower is (or is not) worked after a published date (None: the latest).

    Raises PostloanError where the date is not published or has no item of the borrower.
    """
    with reading(settings) as connection:
        ((business_date, run_id),) = dates_of(connection, day, 1)
        sections = [
            one for one in sections_of(connection, business_date, "borrower_id", borrower_id)
            if one.data_set.name in SHOWN
        ]  # fmt: skip
    rows = {one.data_set.name: [dict(row) for row in one.rows] for one in sections}
    if "work_item" not in rows:
        raise PostloanError(
            f"{business_date} has no work item of borrower {borrower_id}: on no list and no revisit due",
            next_command=f"postloan explain --borrower {borrower_id} --date {business_date}",
        )
    told = Explained(borrower_id, business_date, run_id, sections=_in_order(sections))
    (item,) = rows["work_item"]
    assigned = next(iter(rows.get("revisit_assignment", [])), None)
    officers = _officers(settings, run_id, business_date, borrower_id, assigned) if assigned else []
    return ExplainedAssignment(told, list(_rules(business_date, item, assigned, rows)), officers)


def _in_order(sections: list[Section]) -> list[Section]:
    return sorted(sections, key=lambda one: SHOWN.index(one.data_set.name))


def _rules(
    day: date, item: dict[str, Any], assigned: dict[str, Any] | None, rows: dict[str, list[dict[str, Any]]]
) -> Iterable[Rule]:
    lanes = lane_policy(day, policy_records("lane_routing"), policy_records("treatment"))
    led = lanes.route(frozenset(item.get("flag_codes", "").split(",")), item["days_past_due"])
    for row in _rows("lane_routing", day):
        if int(row["lane_rank"]) == led.rank:
            past_due = f"{row['from_days_past_due'] or '-'}..{row['to_days_past_due'] or '-'}"
            text = f"{row['fact_code']}, {past_due} days past due"
            yield Rule("lane_routing", f"{row['lane_code']} {row['lane_rank']}", text, text, row["source"])
    for row in _rows("treatment", day):
        is_this = (row["lane_code"], row["treatment_code"]) == (item["lane_code"], item.get("treatment_code"))
        if is_this and covers(codes_of(row["severity_codes"]), item["severity"]):
            text = f"{row['work_code']} {row['channel_code']}, {row['respond_within_days'] or '-'} working days"
            yield Rule("treatment", row["treatment_code"], text, text, row["source"])
    cadences = {row["cadence_code"] for row in rows.get("revisit_plan", []) if "cadence_code" in row}
    triggers = {row["trigger_code"] for row in rows.get("revisit_plan", []) if "trigger_code" in row}
    yield from _texts("revisit_cadence", "cadence_code", cadences, day)
    yield from _texts("revisit_trigger", "trigger_code", triggers, day)
    contact = set((assigned or {}).get("contact_rule_codes", "").split(","))
    yield from _texts("contact_rule", "rule_code", contact | {item.get("blocked_rule_code")}, day)
    yield from _texts("contact_stop_rule", "stop_code", {item.get("blocked_rule_code")}, day)
    if assigned:
        yield from _texts("assignment_reason", "reason_code", {assigned["assignment_code"]}, day)


def _texts(policy: str, key: str, codes: set[Any], day: date) -> Iterable[Rule]:
    """The rows of a policy with one of these codes, their named places filled with their own columns where they can."""
    for row in _rows(policy, day):
        if row[key] in codes:
            words = [_filled(row[name], row) for name in ("text_zh", "text_en")]
            yield Rule(policy, row[key], words[0], words[1], row["source"])


def _rows(policy: str, day: date) -> list[dict[str, str]]:
    """The rows of a policy that were valid on a day, each with its source."""
    records = zip(policy_records(policy), policy_sources(policy), strict=True)
    return [row | {"source": source} for row, source in records if is_valid_on(row, day)]


def _filled(text: str, row: dict[str, str]) -> str:
    for name, value in row.items():
        text = text.replace(f"{{{name}}}", value)
    return text


def _officers(
    settings: Settings, run_id: str, day: date, borrower_id: str, assigned: dict[str, Any]
) -> list[OfficerDay]:
    roles = {
        role
        for row in valid_on(policy_records("assignment_role"), assigned["work_date"])
        if (row["channel_layer"], row["purpose_code"]) == (assigned["channel_layer"], assigned["purpose_code"])
        for role in row["role_codes"].split(";")
    }
    with reading(settings, TRANSFORMER) as connection, connection.cursor(row_factory=dict_row) as cursor:
        _show_run(connection, run_id)
        work = {"borrowers": [borrower_id], "work_date": assigned["work_date"]}
        conflicted = [row["officer_id"] for row in cursor.execute(CONFLICTS, work).fetchall()]
        found = cursor.execute(
            DAY_OF_OFFICERS,
            {
                "layer": assigned["channel_layer"],
                "borrower_id": borrower_id,
                "conflicted": conflicted,
                "work_date": assigned["work_date"],
                "day": day,
                "roles": sorted(roles),
            },
        ).fetchall()  # fmt: skip
    return [OfficerDay(**row) for row in found]


def _show_run(connection: psycopg.Connection, run_id: str) -> None:
    """Tell the session which run the staging views show."""
    connection.execute(
        "select set_config('postloan.run_id', run_id, true), "
        "set_config('postloan.business_date', business_date::text, true), "
        "set_config('postloan.known_date', known_date::text, true) from ops.run where run_id = %s",
        (run_id,),
    )
