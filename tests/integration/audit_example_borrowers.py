"""The part of the audit's example that is about borrowers and the use of their draws, and what breaks each rule."""

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

POLICIES = ("fund_use_detector", "self_payment_limit", "bureau_score_band")
DRAW = Decimal(10000)
# detector: result, reason, threshold, traced, suspect
RESULTS = {
    "R1_PROHIBITED_PARTY": ("SUSPECT", "MONEY_TRACED", 1000, 10000, 2000),
    "R2_TWO_HOPS": ("CLEAR", "MONEY_TRACED", 1000, 10000, 0),
    "R3_OTHER_LENDER": ("CLEAR", "MONEY_TRACED", 2000, 10000, 0),
    "R4_ROUND_TRIP": ("NOT_OBSERVED", "RETURN_ELSEWHERE_POSSIBLE", 2000, 8000, 0),
    "R7_PURPOSE_MISMATCH": ("NOT_APPLICABLE", "ANY_MERCHANT_FITS", 5000, 8000, 0),
    "R8_EVIDENCE_OVERDUE": ("NOT_APPLICABLE", "EVIDENCE_NOT_REQUIRED", 2000, 0, 0),
    "R9_PURPOSE_BLANK": ("CLEAR", "PURPOSE_STATED", 10000, 0, 0),
    "PAYMENT_MODE": ("CLEAR", "WITHIN_LIMIT", 10000, 0, 0),
}


def checks(today: date, run_id: str) -> list[dict[str, Any]]:
    """One draw of L01: a fifth went to a broker, and verified papers have answered that."""
    return [
        {
            "business_date": today, "run_id": run_id, "loan_id": "L01", "draw_id": "L01-D1", "borrower_id": "B1",
            "detector_code": detector, "draw_date": today - timedelta(days=160), "currency": "CNY",
            "draw_amount": DRAW, "purpose_code": "CONSUMPTION", "payee_type_code": "BORROWER", "result_code": result,
            "reason_code": reason, "threshold_amount": Decimal(threshold), "traced_amount": Decimal(traced),
            "suspect_amount": Decimal(suspect), "verified_evidence_amount": Decimal(9500),
            "movement_count": 1 if suspect else 0,
            "first_movement_date": today - timedelta(days=150) if suspect else None,
            "last_movement_date": today - timedelta(days=150) if suspect else None,
            "largest_movements": "T1 2025-10-11 2000.00" if suspect else None,
        }
        for detector, (result, reason, threshold, traced, suspect) in RESULTS.items()
    ]  # fmt: skip


# every borrower of the example; of B1 the sources have spoken
PROFILES = """(
    business_date, run_id, borrower_id, currency, loan_count, live_loan_count, past_due_loan_count,
    charged_off_loan_count, principal_outstanding_amount, past_due_amount, oldest_unpaid_due_date,
    worst_delinquency_bucket, max_ended_past_due_ever_days, is_restructured, has_customer_record,
    mobile_phone_token, last_attempt_date, failed_attempt_count, open_promise_count,
    open_promise_date, last_bureau_pull_date, previous_bureau_pull_date, bureau_score, bureau_score_band,
    bureau_trend_code, last_income_date, income_trend_code, income_source_count, verifying_source_count
)
select
    business_date, run_id, borrower_id, currency, loan_count, live_loan_count, past_due_loan_count,
    0, principal_outstanding_amount, past_due_amount, oldest_unpaid_due_date,
    worst_delinquency_bucket, 0, false, is_b1,
    case when is_b1 then 'v1:' || repeat('0a', 16) end,
    case when is_b1 then business_date end, 0, is_b1::integer, case when is_b1 then business_date + 3 end,
    case when is_b1 then business_date - 20 end, case when is_b1 then business_date - 50 end,
    case when is_b1 then 700 end, case when is_b1 then 'GOOD' end,
    case when is_b1 then 'STABLE' else 'NO_REPORT' end, case when is_b1 then business_date - 9 end,
    case when is_b1 then 'RISING' else 'NO_EVIDENCE' end, 0, 0
from {published}.borrower_position, lateral (select borrower_id = 'B1' as is_b1) as which
"""

CELLS = """
select
    max(judged.business_date), max(judged.run_id), product_code, branch_code, judged.currency, purpose_code,
    detector_code, result_code, count(*), sum(draw_amount), sum(traced_amount), sum(suspect_amount)
from {published}.use_of_proceeds_check as judged
join {published}.loan_position as position on position.loan_id = judged.loan_id and position.is_live
group by product_code, branch_code, judged.currency, purpose_code, detector_code, result_code
"""


def _check(detector: str, assignment: str) -> str:
    return f"update x_candidate.use_of_proceeds_check set {assignment} where detector_code = '{detector}'"


def _profile(borrower_id: str, assignment: str) -> str:
    return f"update x_candidate.borrower_profile set {assignment} where borrower_id = '{borrower_id}'"


# (table, rule): what is done to the clean state
MUTANTS: dict[tuple[str, str], str] = {
    ("use_of_proceeds_check", "one_row_per_draw_and_detector"): (
        "insert into x_candidate.use_of_proceeds_check"
        " select * from x_candidate.use_of_proceeds_check where detector_code = 'R2_TWO_HOPS'"
    ),
    ("use_of_proceeds_check", "result_is_known"): _check("R4_ROUND_TRIP", "result_code = 'PASSED'"),
    ("use_of_proceeds_check", "detector_is_in_policy"): (
        "create temporary table one on commit drop as"
        " select * from x_candidate.use_of_proceeds_check where detector_code = 'R9_PURPOSE_BLANK';"
        "update one set detector_code = 'R99'; insert into x_candidate.use_of_proceeds_check select * from one"
    ),
    ("use_of_proceeds_check", "every_draw_has_every_detector"): (
        "delete from x_candidate.use_of_proceeds_check where detector_code = 'R9_PURPOSE_BLANK'"
    ),
    ("use_of_proceeds_check", "amounts_are_parts_of_the_draw"): _check("R4_ROUND_TRIP", "traced_amount = 10000.01"),
    ("use_of_proceeds_check", "clear_is_proved"): _check("R2_TWO_HOPS", "traced_amount = 9000"),
    ("use_of_proceeds_check", "a_suspicion_reaches_its_threshold"): _check(
        "R1_PROHIBITED_PARTY", "suspect_amount = 999.99"
    ),
    ("use_of_proceeds_check", "a_suspicion_names_its_movements"): _check(
        "R1_PROHIBITED_PARTY", "largest_movements = null"
    ),
    ("use_of_proceeds_check", "what_does_not_apply_suspects_nothing"): _check(
        "R7_PURPOSE_MISMATCH", "suspect_amount = 1"
    ),
    ("use_of_proceeds_check", "evidence_is_wanted_of_suspicions_only"): _check(
        "R9_PURPOSE_BLANK", "is_evidence_wanted = true"
    ),
    ("use_of_proceeds_check", "nothing_has_moved_after_the_day"): _check(
        "R1_PROHIBITED_PARTY", "last_movement_date = as_of_date + 1"
    ),
    ("use_of_proceeds_check", "self_payment_follows_the_limit_of_its_day"): _check(
        "PAYMENT_MODE", "draw_amount = 300000.01"
    ),
    ("use_of_proceeds_check", "every_open_suspicion_has_its_signal"): _check(
        "R1_PROHIBITED_PARTY", "is_evidence_wanted = true"
    ),
    ("kpi_fund_use_daily", "one_row_per_cell"): (
        "insert into x_candidate.kpi_fund_use_daily"
        " select * from x_candidate.kpi_fund_use_daily where detector_code = 'R1_PROHIBITED_PARTY';"
        "update x_candidate.kpi_fund_use_daily set draw_count = 2, draw_amount = 20000"
        " where detector_code <> 'R1_PROHIBITED_PARTY'"
    ),
    ("kpi_fund_use_daily", "cells_are_parts_of_what_was_paid_out"): (
        "update x_candidate.kpi_fund_use_daily set traced_amount = draw_amount + 0.01"
        " where detector_code = 'R2_TWO_HOPS'"
    ),
    ("kpi_fund_use_daily", "every_detector_counts_the_same_draws"): (
        "delete from x_candidate.kpi_fund_use_daily where detector_code = 'R9_PURPOSE_BLANK'"
    ),
    ("borrower_profile", "one_row_per_borrower"): (
        "insert into x_candidate.borrower_profile select * from x_candidate.borrower_profile where borrower_id = 'B2'"
    ),
    ("borrower_profile", "the_profile_agrees_with_the_position"): _profile(
        "B2", "past_due_amount = past_due_amount + 0.01"
    ),
    ("borrower_profile", "bureau_trend_is_known"): _profile("B1", "bureau_trend_code = 'SIDEWAYS'"),
    ("borrower_profile", "income_trend_is_known"): _profile("B1", "income_trend_code = 'SIDEWAYS'"),
    ("borrower_profile", "a_trend_rests_on_facts"): _profile("B2", "bureau_trend_code = 'STABLE'"),
    ("borrower_profile", "nothing_is_known_after_the_day"): _profile("B1", "last_attempt_date = as_of_date + 1"),
    ("borrower_profile", "changes_on_lies_ahead"): _profile("B2", "changes_on = as_of_date"),
    ("borrower_profile", "an_open_promise_has_a_day_ahead"): _profile("B1", "open_promise_date = as_of_date - 1"),
    ("borrower_profile", "counts_of_sources_fit"): _profile("B1", "verifying_source_count = 1"),
    ("borrower_profile", "score_band_is_the_one_of_policy"): _profile("B1", "bureau_score_band = 'LOW'"),
    ("borrower_profile", "no_phone_number_is_readable"): _profile("B1", "mobile_phone_token = '13812348000'"),
}
