"""Every rule of the audits refuses the one thing that it is there for, and nothing else: no dead checks."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from psycopg import sql

from expectations.catalogue import STAGES, suites
from expectations.scope import Scope
from include.quality import check
from include.settings import Settings
from include.warehouse.connection import connect
from include.warehouse.data_sets import load_data_sets
from tests.integration import audit_example as example
from tests.integration import audit_example_borrowers, audit_example_quality, audit_example_revisits

ALL_RULES = [
    (stage, table, expectation.meta["rule"])
    for stage in STAGES
    for table, suite in suites(stage, example.SCOPE).items()
    for expectation in suite.expectations
]


def change(table: str, loan_id: str, assignment: str) -> str:
    return f"update x_candidate.{table} set {assignment} where loan_id = '{loan_id}'"


def again(table: str, condition: str) -> str:
    return f"insert into x_candidate.{table} select * from x_candidate.{table} where {condition}"


def another(table: str, condition: str, changes: str, schema: str = "x_candidate") -> str:
    return (
        f"create temporary table one on commit drop as select * from {schema}.{table} where {condition};"
        f"update one set {changes}; insert into {schema}.{table} select * from one"
    )


def band(measure: str, changes: str) -> str:
    return f"update x_ref.list_band set population_min = 1, {changes} where measure_code = '{measure}'"


def recon(changes: str, source: str = "core_loan_balance") -> str:
    return f"update x_candidate.recon_summary set {changes} where source_code = '{source}'"


NO_FIGURES = "compared_count = null, agreeing_count = null, breaking_count = null, open_difference_amount = null"
CHAMPION = (
    "insert into x_ref.model_registry (model_code, model_version, card_sha256, state, valid_from)"
    f" values ('late30_in_90d', '1', 'ab', 'CHAMPION', '{example.YESTERDAY}');"
)
BY_CHAMPION = "score_status = 'SCORED', model_version = '1', card_sha256 = 'ab'"
# a challenger of the day and its scores of the loans that its model scores
CHALLENGER = CHAMPION.replace("'CHAMPION'", "'CHALLENGER'").replace("'1'", "'1-full'")
IN_SHADOW = CHALLENGER + (
    "insert into x_published.loan_score_shadow (business_date, run_id, loan_id, model_code, segment_code,"
    " model_version, card_sha256, score_status, score_points, predicted_rate)"
    " select business_date, run_id, loan_id, model_code, segment_code, '1-full', 'ab', 'SCORED', 9, 0.2"
    " from x_published.loan_score where model_code = 'late30_in_90d';"
    "insert into x_candidate.loan_score_shadow (loan_id, model_version, score_status, score_points, predicted_rate)"
    " select loan_id, model_version, score_status, score_points, predicted_rate from x_published.loan_score_shadow;"
)
# (table, rule): what is done to the clean state
MUTANTS: dict[tuple[str, str], str] = {
    **audit_example_borrowers.MUTANTS,
    **audit_example_revisits.MUTANTS,
    **audit_example_quality.MUTANTS,
    ("touched_loan", "one_row_per_touched_loan"): again("touched_loan", "loan_id = 'L01'"),
    ("touched_loan", "a_touch_has_a_reason"): change("touched_loan", "L01", "reason_codes = ' '"),
    ("touched_loan", "only_a_keyframe_carries_loans"): change("touched_loan", "L01", "is_carried = true"),
    ("touched_loan", "a_touched_loan_has_a_position_or_is_gone"): (
        "delete from x_published.loan_position where loan_id = 'L01'"
    ),
    ("touched_loan", "only_touched_loans_have_rows"): another(
        "loan_signal", "loan_id = 'L04'", "loan_id = 'L07'", "x_published"
    ),
    ("touched_loan", "the_borrower_of_a_touched_loan_is_touched"): (
        "delete from x_candidate.touched_borrower where borrower_id = 'B3'"
    ),
    ("touched_loan", "a_touch_spreads_to_all_loans_of_the_borrower"): (
        "delete from x_candidate.touched_loan where loan_id = 'L05';"
        "delete from x_published.loan_position where loan_id = 'L05'"
    ),
    ("touched_loan", "every_payment_is_allocated_or_unapplied"): change("loan_position", "L01", "unapplied_amount = 1"),
    ("touched_loan", "the_first_schedule_repays_the_principal"): (
        "update x_intermediate.int_instalments set principal_due_amount = 9999.99"
    ),
    # the scope says keyframe, and L07 was not written
    ("touched_loan", "a_keyframe_writes_every_loan_of_the_base"): "select 'keyframe'",
    ("loan_position", "one_row_per_loan"): again("loan_position", "loan_id = 'L01'"),
    ("loan_position", "days_past_due_counts_from_its_anchor"): change("loan_position", "L02", "days_past_due = 6"),
    ("loan_position", "bucket_follows_days_past_due"): change("loan_position", "L02", "delinquency_bucket = 'M2'"),
    ("loan_position", "changes_on_lies_ahead"): change("loan_position", "L01", "changes_on = as_of_date"),
    ("loan_position", "next_due_date_lies_ahead"): change("loan_position", "L01", "next_due_date = as_of_date"),
    ("loan_position", "nothing_has_happened_after_the_day"): change(
        "loan_position", "L01", "last_payment_date = as_of_date + 1"
    ),
    ("loan_position", "longer_windows_hold_more"): change("loan_position", "L06", "max_ended_past_due_3m_days = 4"),
    ("loan_position", "principal_amount_is_not_negative"): change("loan_position", "L05", "principal_amount = -1"),
    ("loan_position", "principal_outstanding_amount_is_not_negative"): change(
        "loan_position", "L01", "principal_outstanding_amount = -0.01"
    ),
    ("loan_position", "oldest_unpaid_amount_is_not_negative"): change(
        "loan_position", "L01", "oldest_unpaid_amount = -0.01"
    ),
    ("loan_position", "oldest_unpaid_paid_amount_is_not_negative"): change(
        "loan_position", "L01", "oldest_unpaid_paid_amount = -0.01"
    ),
    ("loan_position", "unapplied_amount_is_not_negative"): change("loan_position", "L01", "unapplied_amount = -0.01"),
    ("loan_position", "outstanding_is_at_most_the_principal"): change(
        "loan_position", "L01", "principal_outstanding_amount = 10000.01"
    ),
    ("loan_position", "past_due_is_at_most_what_was_due"): change(
        "loan_position", "L02", "due_to_date_amount = 199.99"
    ),
    ("loan_position", "oldest_unpaid_is_part_of_past_due"): change(
        "loan_position", "L02", "oldest_unpaid_amount = 200.01"
    ),
    ("loan_position", "past_due_amount_and_anchor_go_together"): change("loan_position", "L01", "past_due_amount = 5"),
    ("loan_position", "payments_are_not_negative_in_sum"): change(
        "loan_position", "L01", "paid_to_date_amount = -0.01"
    ),
    ("loan_position", "loan_status_is_known"): change("loan_position", "L10", "loan_status = 'active'"),
    ("loan_position", "only_active_loans_are_live"): change("loan_position", "L05", "is_live = true"),
    ("loan_position", "ended_loans_are_not_past_due"): change("loan_position", "L09", "loan_status = 'CLOSED'"),
    ("loan_position", "nothing_is_due_before_disbursement"): change("loan_position", "L09", "loan_status = 'PENDING'"),
    ("loan_position", "paid_off_since_when"): change("loan_position", "L05", "paid_off_date = null"),
    ("loan_position", "excluded_loans_say_why"): change("loan_position", "L10", "loan_status = 'EXCLUDED'"),
    ("loan_position", "exclusion_reason_is_known"): change(
        "loan_position", "L10", "loan_status = 'EXCLUDED', exclusion_reason_code = 'BECAUSE'"
    ),
    ("loan_position", "live_loans_are_complete"): change("loan_position", "L01", "currency = 'cny'"),
    ("loan_position", "payment_habit_is_known"): change("loan_position", "L01", "payment_habit_code = 'WILD'"),
    ("loan_position", "months_on_book_band_is_in_policy"): change("loan_position", "L01", "months_on_book_band = '99'"),
    ("loan_position", "no_loan_is_excluded"): change(
        "loan_position", "L10", "loan_status = 'EXCLUDED', exclusion_reason_code = 'NO_SCHEDULE'"
    ),
    ("loan_feature", "one_row_of_features_per_loan"): again("loan_feature", "loan_id = 'L01'"),
    (
        "loan_feature",
        "every_live_touched_loan_has_features",
    ): "delete from x_published.loan_feature where loan_id = 'L01'",
    ("loan_feature", "segment_follows_days_past_due"): change("loan_feature", "L02", "segment_code = 'CURRENT_CLEAN'"),
    ("loan_score", "one_score_per_loan"): again("loan_score", "loan_id = 'L01'"),
    ("loan_score", "score_says_its_status"): change("loan_score", "L01", "score_status = 'MAYBE'"),
    ("loan_score", "every_loan_with_features_has_a_score_row"): (
        "update x_published.loan_score set segment_code = 'LATE_1_30' where loan_id = 'L01'"
    ),
    ("loan_score", "a_probability_only_where_scored"): change(
        "loan_score", "L01", "predicted_rate = 0.5, score_points = 0"
    ),
    ("loan_score", "a_probability_lies_between_0_and_1"): CHAMPION
    + change("loan_score", "L01", "score_points = 9, predicted_rate = 1.2, " + BY_CHAMPION),
    ("loan_score", "reasons_raise_the_risk_worst_first"): CHAMPION
    + change(
        "loan_score",
        "L01",
        "score_points = 9, predicted_rate = 0.2, reason_code_1 = 'x', reason_points_1 = 5, reason_code_2 = 'y', "
        "reason_points_2 = 6, " + BY_CHAMPION,
    ),
    ("loan_score", "scores_come_from_the_champion_of_the_day"): change(
        "loan_score", "L01", "score_points = 9, predicted_rate = 0.2, " + BY_CHAMPION
    ),
    ("loan_score_shadow", "one_shadow_score_per_loan_and_challenger"): IN_SHADOW
    + again("loan_score_shadow", "loan_id = 'L01'"),
    ("loan_score_shadow", "shadow_scores_are_those_of_the_challengers_of_the_day"): IN_SHADOW
    + "delete from x_published.loan_score_shadow where loan_id = 'L01'",
    ("loan_score_shadow", "a_shadow_probability_only_where_scored"): IN_SHADOW
    + change("loan_score_shadow", "L01", "predicted_rate = 1.2"),
    ("loan_signal", "one_row_per_loan_and_signal"): again("loan_signal", "loan_id = 'L02'"),
    ("loan_signal", "signal_is_in_policy"): another("loan_signal", "loan_id = 'L02'", "signal_code = 'made_up'"),
    ("loan_signal", "severity_is_known"): change("loan_signal", "L02", "severity = 'PURPLE'"),
    ("loan_signal", "a_clear_signal_has_no_row"): another(
        "loan_signal",
        "loan_id = 'L02'",
        "loan_id = 'L06', signal_code = 'sliding_back', severity = 'ORANGE', meets_raise = false, meets_clear = true",
    ),
    ("loan_signal", "a_signal_shows_what_was_seen"): change("loan_signal", "L02", "observed_date = null"),
    ("loan_signal", "signals_speak_of_live_loans"): another(
        "loan_signal", "loan_id = 'L02'", "loan_id = 'L09', signal_code = 'partial_payment', meets_raise = false"
    ),
    ("loan_signal", "every_late_loan_has_its_signal"): "delete from x_candidate.loan_signal where loan_id = 'L04'",
    ("loan_signal", "severity_is_the_one_of_policy"): change("loan_signal", "L02", "severity = 'ORANGE'"),
    ("borrower_position", "one_row_per_borrower_and_currency"): again("borrower_position", "borrower_id = 'B2'"),
    ("borrower_position", "borrower_equals_the_sum_of_the_loans"): (
        "update x_candidate.borrower_position set past_due_amount = past_due_amount + 0.01 where borrower_id = 'B2'"
    ),
    ("borrower_position", "worst_bucket_follows_the_oldest_due_date"): (
        "update x_candidate.borrower_position set worst_delinquency_bucket = 'M1' where borrower_id = 'B2'"
    ),
    ("kpi_portfolio_daily", "one_row_per_cell"): again("kpi_portfolio_daily", "delinquency_bucket = 'M1'"),
    ("kpi_portfolio_daily", "cells_sum_to_the_live_portfolio"): (
        "update x_candidate.kpi_portfolio_daily set past_due_amount = past_due_amount - 0.01"
        " where delinquency_bucket = 'M1'"
    ),
    ("kpi_portfolio_daily", "target_is_the_one_of_policy"): (
        "update x_candidate.kpi_portfolio_daily set npl_90p_target_rate = 0.02 where delinquency_bucket = 'M1'"
    ),
    # the loan of 900,000 is repaid, the one more than 90 days past due grows
    ("kpi_portfolio_daily", "npl_90p_is_within_target"): (
        change("loan_position", "L07", "principal_outstanding_amount = 0")
        + ";"
        + change("loan_position", "L08", "principal_outstanding_amount = 5000")
        + "; update x_candidate.kpi_portfolio_daily set principal_outstanding_amount = principal_outstanding_amount"
        " - 900000 where delinquency_bucket = 'CURRENT'; update x_candidate.kpi_portfolio_daily set"
        " principal_outstanding_amount = 5000, par30_principal_amount = 5000, npl_90p_principal_amount = 5000"
        " where delinquency_bucket = 'M4'"
    ),
    ("recon_break", "one_row_per_break"): again("recon_break", "subject_id = 'L03'"),
    ("recon_break", "a_break_exceeds_its_tolerance"): (
        "update x_candidate.recon_break set their_amount = 5999.00, difference_amount = 1.00"
    ),
    ("recon_break", "a_break_shows_the_position_that_readers_see"): (
        "update x_candidate.recon_break set our_amount = 6000.01"
    ),
    ("recon_break", "the_list_continues_the_base"): "update x_candidate.recon_break set first_seen_date = as_of_date",
    ("recon_break", "known_breaks_are_in_policy_and_not_expired"): (
        "update x_candidate.recon_break set known_break_id = 'K1', known_until_date = as_of_date"
    ),
    ("recon_break", "every_break_has_an_owner"): "update x_candidate.recon_break set owner_code = null",
    ("recon_summary", "one_row_per_measure"): again("recon_summary", "source_code = 'gl_balance'"),
    ("recon_summary", "reconciliation_status_is_known"): recon(f"status_code = 'FINE', {NO_FIGURES}", "gl_balance"),
    ("recon_summary", "figures_only_where_something_was_compared"): recon("agreeing_count = null"),
    ("recon_summary", "compared_is_agreeing_plus_breaking"): recon("compared_count = 10"),
    ("recon_summary", "every_counted_break_is_listed"): recon("open_difference_amount = 10.01"),
    ("recon_summary", "the_ledger_accounts_hold_every_loan_once"): recon(
        "our_total_amount = our_total_amount + 0.01", "gl_balance"
    ),
    ("recon_summary", "open_differences_are_within_the_total_tolerance"): recon("total_tolerance_amount = 9.99"),
    ("recon_summary", "balances_are_of_the_day"): recon(f"status_code = 'STALE', {NO_FIGURES}", "gl_balance"),
    ("recon_summary", "every_currency_has_a_tolerance"): recon(
        f"status_code = 'NO_POLICY', {NO_FIGURES}", "gl_balance"
    ),
    ("recon_summary", "every_delivered_row_is_accounted_for"): "update x_ops.delivery_account set rows_in = 22",
    ("recon_summary", "every_delivered_cent_is_accounted_for"): "update x_ops.load_batch set control_total_in = 10.01",
    ("warning_list", "one_row_per_listed_loan"): again("warning_list", "loan_id = 'L02'"),
    ("warning_list", "severity_is_known"): change("warning_list", "L02", "severity = 'PURPLE'"),
    ("warning_list", "change_compares_with_the_base"): change("warning_list", "L02", "change = 'UP'"),
    ("warning_list", "new_loans_are_listed_since_today"): change(
        "warning_list", "L04", "listed_since_date = as_of_date - 1"
    ),
    ("warning_list", "every_warning_says_why_in_both_languages"): change(
        "warning_list", "L02", "reason_text_en = 'unpaid since {observed_date}'"
    ),
    ("warning_list", "score_status_is_that_of_the_score"): change("warning_list", "L02", "score_status = 'SCORED'"),
    ("warning_list", "listed_loans_exist_and_are_live"): change("loan_position", "L02", "is_live = false"),
    ("warning_list", "the_list_repeats_the_position"): change("warning_list", "L02", "next_due_date = as_of_date"),
    ("warning_list", "every_warning_has_a_signal"): change("warning_list", "L02", "signal_codes = ''"),
    ("warning_list", "signals_of_a_warning_are_open"): change(
        "warning_list", "L02", "signal_codes = 'missed_instalment,sliding_back'"
    ),
    ("warning_list", "every_open_episode_is_listed"): change(
        "warning_list", "L03", "signal_codes = 'missed_instalment'"
    ),
    ("warning_list", "severity_is_that_of_the_signals"): change(
        "warning_list", "L02", "severity = 'ORANGE', change = 'UP'"
    ),
    ("warning_list", "the_list_continues_the_base"): change(
        "warning_list", "L02", "listed_since_date = listed_since_date - 1"
    ),
    ("warning_list", "nobody_leaves_the_list_unseen"): "delete from x_candidate.warning_cleared where loan_id = 'L06'",
    ("warning_list", "listed_share_is_inside_the_soft_band"): band("listed_share", "soft_max = 0.5"),
    ("warning_list", "listed_share_is_inside_the_hard_band"): band("listed_share", "hard_max = 0.5"),
    ("warning_list", "new_share_is_inside_the_soft_band"): band("new_share", "soft_max = 0.1"),
    ("warning_list", "new_share_is_inside_the_hard_band"): band("new_share", "hard_max = 0.1"),
    ("warning_list", "cleared_share_is_inside_the_soft_band"): band("cleared_share", "soft_max = 0.3"),
    ("warning_list", "cleared_share_is_inside_the_hard_band"): band("cleared_share", "hard_min = 0.5"),
    ("warning_list", "every_warning_has_a_lane_and_a_treatment"): change("warning_list", "L02", "lane_code = 'EARLY'"),
    ("warning_list", "every_borrower_is_in_one_lane"): (
        "update x_candidate.warning_list set borrower_id = 'B2' where loan_id = 'L08';"
        "update x_candidate.loan_position set borrower_id = 'B2' where loan_id = 'L08'"
    ),
    ("warning_list", "every_priority_shows_its_parts"): change(
        "warning_list", "L02", "priority_exposure_amount = principal_outstanding_amount"
    ),
    ("warning_list", "worked_today_is_that_of_the_work_item"): change("warning_list", "L02", "is_work_today = true"),
    ("warning_episode", "one_episode_per_loan_and_signal"): again("warning_episode", "loan_id = 'L06'"),
    ("warning_episode", "every_episode_is_as_its_state_says"): change("warning_episode", "L06", "closed_by = 'US'"),
    ("warning_episode", "the_dates_of_an_episode_follow_each_other"): change(
        "warning_episode", "L06", "kept_until_date = as_of_date - 1"
    ),
    ("warning_episode", "every_raised_signal_has_an_episode"): another(
        "loan_signal", "loan_id = 'L04'", "signal_code = 'hardship'"
    ),
    ("warning_episode", "nothing_clears_while_its_source_is_silent"): "update x_ops.run_source set is_stale = true",
    ("warning_episode", "an_episode_goes_on_as_it_began"): change("warning_episode", "L02", "opened_severity = 'RED'"),
    ("warning_cleared", "one_row_per_cleared_loan"): again("warning_cleared", "loan_id = 'L06'"),
    ("warning_cleared", "clearing_rule_is_known"): change("warning_cleared", "L06", "cleared_by = 'SOMEBODY'"),
    ("warning_cleared", "every_clearing_says_why_in_both_languages"): change(
        "warning_cleared", "L06", "reason_text_zh = ''"
    ),
    ("warning_cleared", "only_listed_loans_are_cleared"): change("warning_cleared", "L06", "last_severity = 'RED'"),
    ("warning_cleared", "nobody_is_listed_and_cleared"): another("warning_list", "loan_id = 'L02'", "loan_id = 'L06'"),
    ("warning_cleared", "cleared_as_not_live_only_when_so"): change(
        "warning_cleared", "L06", "cleared_by = 'LOAN_NOT_LIVE'"
    ),
}


@pytest.fixture(scope="module")
def portfolio(server, template_warehouse: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    server.create_database("audit_rules", template=template_warehouse)
    settings = server.settings_for("audit_rules", tmp_path_factory.mktemp("audit_rules"))
    example.build(settings)
    yield settings
    server.drop_database("audit_rules")


@pytest.fixture
def mutated(portfolio: Settings) -> Iterator[Settings]:
    """The portfolio, put back to its clean state afterwards."""
    yield portfolio
    with connect(portfolio, role=None) as connection:
        for schema in example.SCHEMAS:
            connection.execute(sql.SQL("drop schema {} cascade").format(sql.Identifier(schema)))
    example.build(portfolio)


def mutate(settings: Settings, statements: str) -> None:
    with connect(settings, role=None) as connection:
        connection.execute(statements)


def broken(settings: Settings, stage: str, scope: Scope, table: str | None = None) -> dict[str, tuple[str, int | None]]:
    """Rules that do not hold: outcome and count by rule."""
    return {
        one.rule: (one.outcome, one.count) for one in check(settings, stage, scope, only=table) if one.outcome != "PASS"
    }


@pytest.mark.parametrize("stage", STAGES)
def test_a_sound_day_passes_every_rule(portfolio: Settings, stage: str) -> None:
    assert broken(portfolio, stage, example.SCOPE) == {}


@pytest.mark.parametrize(("stage", "table", "rule"), ALL_RULES, ids=[f"{table}.{rule}" for _, table, rule in ALL_RULES])
def test_each_rule_refuses_its_mutant_and_no_other_rule_does(
    mutated: Settings, stage: str, table: str, rule: str
) -> None:
    assert (table, rule) in MUTANTS, "a rule without a mutant may be dead: add what it refuses to MUTANTS"
    mutate(mutated, MUTANTS[table, rule])
    scope = example.as_keyframe() if "keyframe_writes" in rule else example.SCOPE
    found = broken(mutated, stage, scope, table)
    assert list(found) == [rule], found
    outcome, count = found[rule]
    assert outcome == "FAIL"
    assert count >= 1


@pytest.mark.parametrize("stage", STAGES)
def test_a_day_on_which_nothing_was_written_is_judged_too(mutated: Settings, stage: str) -> None:
    """A lender without loans: empty tables break no rule and are no error."""
    mutate(mutated, "; ".join(f"delete from x_{schema}.{table}" for schema in ("candidate", "published")
                              for table in load_data_sets()))  # fmt: skip
    mutate(mutated, "delete from x_staging.stg_core_banking__loan_contracts")
    assert broken(mutated, stage, example.SCOPE) == {}


def test_no_mutant_is_left_over_from_a_rule_that_is_gone() -> None:
    assert set(MUTANTS) == {(table, rule) for _, table, rule in ALL_RULES}


def test_every_rule_says_what_holds_in_both_languages_why_it_matters_and_how_bad_it_is() -> None:
    for stage in STAGES:
        for suite in suites(stage, example.SCOPE).values():
            for expectation in suite.expectations:
                meta = expectation.meta
                assert any("\u4e00" <= letter <= "\u9fff" for letter in meta["zh"]), meta
                assert meta["en"].endswith(".") and meta["zh"].endswith("。"), meta
                assert expectation.notes, meta
                assert expectation.severity.value in ("critical", "warning"), meta


def test_a_day_without_a_band_in_policy_is_told(mutated: Settings) -> None:
    mutate(mutated, "delete from x_ref.list_band")
    assert set(broken(mutated, "lists", example.SCOPE, "warning_list")) == {
        "listed_share_is_inside_the_soft_band",
        "new_share_is_inside_the_soft_band",
        "cleared_share_is_inside_the_soft_band",
    }


def test_a_row_with_wider_limits_from_that_day_acknowledges_a_jump(mutated: Settings) -> None:
    mutate(mutated, band("new_share", "hard_max = 0.1"))
    assert "new_share_is_inside_the_hard_band" in broken(mutated, "lists", example.SCOPE, "warning_list")
    mutate(
        mutated,
        f"update x_ref.list_band set valid_to = '{example.YESTERDAY}' where measure_code = 'new_share';"
        f"insert into x_ref.list_band values ('new_share', 1, null, 1, null, 1, '{example.TODAY}', null, 'new signal')",
    )
    assert broken(mutated, "lists", example.SCOPE, "warning_list") == {}


def test_the_expectations_name_no_schema_of_the_warehouse() -> None:
    """The suites can be pointed at any copy of the tables: schemas come from the scope."""
    elsewhere = [
        path.name
        for path in Path("expectations").glob("*.py")
        for schema in (" candidate.", " published.", " ref.", " staging.", " ops.")
        if schema in path.read_text(encoding="utf-8").split('"""', 2)[-1]
    ]
    assert elsewhere == []
