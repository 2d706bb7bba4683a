"""The part of the audit's example that is about tiers, revisits and who does them, and what breaks each rule."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

Row = dict[str, Any]
WHY = {"reason_text_zh": "小额贷款每30天回访", "reason_text_en": "a small loan is revisited every 30 days"}


def rows(today: date, run_id: str, positions: list[Row]) -> dict[str, list[Row]]:
    """A plan and a tier for every live loan but the last, which is a gap; two items and a suppression."""
    live = [one for one in positions if one["is_live"]]
    planned, gap = live[:-1], live[-1]
    tomorrow = today + timedelta(days=1)
    run = {"business_date": today, "run_id": run_id}
    item = run | {
        "work_date": tomorrow, "is_work_date_assumed": False, "branch_code": "B01", "loan_ids": "L03",
        "revisit_ids": "L03-20260301", "revisit_type": "SCHEDULED", "channel_code": "PHONE", "channel_layer": "VOICE",
        "purpose_code": "COLLECTION", "risk_tier": "LOW", "due_date": tomorrow, "attempt_count": 0, "waiting_days": 0,
        "timezone": "Asia/Shanghai", "local_from_time": "09:00", "local_to_time": "20:00",
        "window_start_at": datetime(2026, 3, 11, 1, tzinfo=UTC), "window_end_at": datetime(2026, 3, 11, 12, tzinfo=UTC),
        "contact_rule_codes": "house_hours", **WHY,
    }  # fmt: skip
    work = run | {
        "work_date": tomorrow, "is_work_date_assumed": False, "branch_code": "B01", "tasks": "WARNING",
        "lane_code": "COLLECTIONS", "lane_owner": "COLLECTIONS", "work_code": "CONTACT", "is_work_today": True,
        "work_today_code": "IN_CAPACITY", **WHY,
    }  # fmt: skip
    return {
        "work_item": [
            work | {"borrower_id": "B1", "loan_ids": "L01,L02", "is_work_today": False, "blocked_rule_code": "DISPUTE",
                    "work_today_code": "CONTACT_BLOCKED"},
            work | {"borrower_id": "B2", "loan_ids": "L03", "officer_id": "U1", "work_today_code": "ASSIGNED",
                    "tasks": "REVISIT,WARNING"},
            work | {"borrower_id": "B3", "loan_ids": "L04", "work_code": "MACHINE", "work_today_code": "BY_MACHINE",
                    "tasks": "REVISIT,WARNING"},
            work | {"borrower_id": "B7", "loan_ids": "L08"},
        ],
        "risk_tier": [
            {"business_date": one["business_date"], "run_id": one["run_id"], "borrower_id": one["borrower_id"],
             "risk_tier": "LOW", "risk_tier_since_date": one["business_date"], "observed_risk_tier": "LOW",
             "likelihood_level": 1, "amount_band": "SMALL"}
            for one in planned if one["loan_id"] != "L02"
        ],
        "revisit_plan": [_plan(one) for one in planned],
        "coverage_gap": [run | {"loan_id": gap["loan_id"], "borrower_id": gap["borrower_id"],
                                "gap_code": "NO_AMOUNT_BAND", "currency": "CNY"}],
        "revisit_assignment": [
            item | {"borrower_id": "B2", "officer_id": "U1", "assignment_code": "CHOSEN"},
            item | {"borrower_id": "B3", "loan_ids": "L04", "officer_id": None, "assignment_code": "NO_CAPACITY"},
        ],
        "contact_suppression": [
            run | {"borrower_id": "B1", "work_date": tomorrow, "branch_code": "B01", "loan_ids": "L01,L02",
                   "channel_code": "PHONE", "purpose_code": "COLLECTION", "due_date": tomorrow,
                   "blocked_rule_code": "DISPUTE", "reason_text_zh": "债务存在争议", "reason_text_en": "disputed"}
        ],
    }  # fmt: skip


def _plan(position: Row) -> Row:
    due = date(2026, 3, 31)
    return {
        "business_date": position["business_date"], "run_id": position["run_id"], "loan_id": position["loan_id"],
        "borrower_id": position["borrower_id"], "revisit_id": f"{position['loan_id']}-20260301",
        "revisit_type": "SCHEDULED", "amount_band": "SMALL", "term_band": "STANDARD", "risk_tier": "LOW",
        "cadence_code": "small_base", "cadence_days": 30, "least_channel_code": "APP",
        "cycle_start_date": date(2026, 3, 1), "due_date": due, "next_attempt_date": due, "attempt_count": 0, **WHY,
    }  # fmt: skip


# of the workforce system, for the example's staging
STAGING = (
    "create table {staging}.stg_workforce__officers as select 'U1'::text as officer_id, 'C9'::text as borrower_id,"
    " true as is_active",
    "create table {staging}.stg_workforce__officer_capacities as select 'U1'::text as officer_id,"
    " date '2026-03-11' as work_date, 2 as max_call_count, 0 as max_field_visit_count",
)


def _change(table: str, assignment: str, key: str) -> str:
    return f"update x_candidate.{table} set {assignment} where {key}"


def _again(table: str, condition: str) -> str:
    return f"insert into x_candidate.{table} select * from x_candidate.{table} where {condition}"


B1, L01, GAP, B2 = "borrower_id = 'B1'", "loan_id = 'L01'", "true", "borrower_id = 'B2'"
MUTANTS: dict[tuple[str, str], str] = {
    ("risk_tier", "one_tier_per_borrower"): _again("risk_tier", B1),
    ("risk_tier", "tier_is_never_below_the_facts"): _change(
        "risk_tier", "observed_risk_tier = 'HIGH', changes_on = '2026-04-01'", B1
    ),
    ("risk_tier", "a_tier_that_may_fall_says_when"): _change("risk_tier", "risk_tier = 'HIGH'", B1),
    ("risk_tier", "every_live_borrower_has_a_tier"): f"delete from x_candidate.risk_tier where {B1}",
    ("revisit_plan", "one_plan_per_loan"): _again("revisit_plan", L01),
    ("revisit_plan", "every_plan_has_a_date_or_an_exemption"): _change(
        "revisit_plan", "due_date = null, next_attempt_date = null", L01
    ),
    ("revisit_plan", "every_plan_says_why_in_both_languages"): _change(
        "revisit_plan", "reason_text_en = 'every {cadence_days} days'", L01
    ),
    ("revisit_plan", "dates_of_a_plan_lie_where_they_belong"): _change("revisit_plan", "changes_on = as_of_date", L01),
    ("revisit_plan", "every_live_loan_is_planned"): "delete from x_candidate.revisit_plan where loan_id = 'L02'",
    ("revisit_plan", "only_live_loans_are_planned"): (
        f"create temporary table one on commit drop as select * from x_candidate.revisit_plan where {L01};"
        "update one set loan_id = 'L05'; insert into x_candidate.revisit_plan select * from one"
    ),
    ("revisit_plan", "no_published_date_is_pushed_back"): _change(
        "revisit_plan", "due_date = due_date + 1", "loan_id = 'L07'"
    ),
    ("coverage_gap", "one_row_per_gap"): _again("coverage_gap", GAP),
    ("coverage_gap", "every_gap_is_explained"): _change("coverage_gap", "gap_code = 'FORGOTTEN'", GAP),
    ("coverage_gap", "no_gap_is_planned"): _change("coverage_gap", "loan_id = 'L01'", GAP),
    ("revisit_assignment", "one_item_per_borrower"): _again("revisit_assignment", "borrower_id = 'B3'"),
    ("revisit_assignment", "nobody_assigned_says_why"): _change(
        "revisit_assignment", "assignment_code = 'NO_SKILL'", B2
    ),
    ("revisit_assignment", "every_item_says_why_in_both_languages"): _change(
        "revisit_assignment", "reason_text_zh = ''", B2
    ),
    ("revisit_assignment", "every_item_has_a_window_ahead"): _change(
        "revisit_assignment", "window_end_at = window_start_at", B2
    ),
    ("revisit_assignment", "nobody_has_more_than_the_day_holds"): (
        "update x_staging.stg_workforce__officer_capacities set max_call_count = 0"
    ),
    ("revisit_assignment", "nobody_works_their_own_loan"): (
        "update x_staging.stg_workforce__officers set borrower_id = 'B2'"
    ),
    ("revisit_assignment", "nobody_is_assigned_and_suppressed"): _change(
        "revisit_assignment", "borrower_id = 'B1'", B2
    ),
    ("work_item", "one_work_item_per_borrower"): _again("work_item", B1),
    ("work_item", "every_item_says_whether_and_why_it_is_worked"): _change(
        "work_item", "work_today_code = 'NO_CAPACITY'", "borrower_id = 'B7'"
    ),
    ("work_item", "nobody_is_contacted_against_a_rule"): _change(
        "work_item", "blocked_rule_code = 'DISPUTE'", "borrower_id = 'B7'"
    ),
    ("work_item", "every_work_item_says_why_in_both_languages"): _change("work_item", "reason_text_zh = ''", B1),
    ("work_item", "every_warning_and_every_revisit_has_an_item"): f"delete from x_candidate.work_item where {B1}",
    ("work_item", "the_officer_is_the_one_assigned"): _change("work_item", "officer_id = 'U2'", B2),
    ("contact_suppression", "one_suppression_per_borrower"): _again("contact_suppression", B1),
    ("contact_suppression", "every_suppression_names_its_rule"): _change(
        "contact_suppression", "blocked_rule_code = ' '", B1
    ),
    ("contact_suppression", "every_suppression_says_why_in_both_languages"): _change(
        "contact_suppression", "reason_text_en = ''", B1
    ),
}
