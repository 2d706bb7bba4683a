"""What the daily report of a run says, read from sealed rows of the run and of its base chain: the same at any time."""

from collections import defaultdict
from collections.abc import Callable
from datetime import date
from typing import LiteralString

import psycopg

from include.digest import Portfolio, plain_code
from include.jobs.deliver_facts import asker, facts_of
from include.policy import policy_records
from include.report.facts import (
    EARLY,
    Bucket,
    Cleared,
    Coverage,
    Done,
    LaneWork,
    Listed,
    Quality,
    ReportFacts,
    Scored,
    Signal,
    TrendDay,
    Worded,
    Work,
)
from include.warehouse.data_sets import load_data_sets
from include.warehouse.fold import ONE_RUN, fold_sql
from include.warehouse.runs import Run

TREND_DATES = 60
WINDOW_DAYS = 30
AHEAD_DAYS = 7
# back from the run over bases, past keyframes too; what stands on these runs has pinned them
CHAIN: LiteralString = f"""
    with recursive chain as (
        select run_id, business_date, base_run_id, 1 as place from ops.run where run_id = %(run_id)s
        union all
        select base.run_id, base.business_date, base.base_run_id, chain.place + 1
        from chain join ops.run as base on base.run_id = chain.base_run_id
        where chain.place < {TREND_DATES}
    )
"""
TREND_PORTFOLIO: LiteralString = (
    CHAIN
    + """
    select chain.business_date, cell.currency, sum(cell.loan_count), sum(cell.principal_outstanding_amount),
        sum(cell.past_due_amount), sum(cell.par30_principal_amount), sum(cell.npl_90p_principal_amount),
        max(cell.npl_90p_target_rate)
    from chain
    join published.kpi_portfolio_daily as cell
        on cell.business_date = chain.business_date and cell.run_id = chain.run_id
    group by chain.business_date, cell.currency
"""
)
# the manifest counted the lists when they were published: no list of sixty days is read again
TREND_LISTS: LiteralString = (
    CHAIN
    + """
    select chain.business_date,
        (select row_count from ops.run_manifest where run_id = chain.run_id and data_set = 'warning_list'),
        (select row_count from ops.run_manifest where run_id = chain.run_id and data_set = 'warning_cleared')
    from chain order by chain.business_date
"""
)
BUCKETS: LiteralString = """
    select currency, delinquency_bucket, sum(loan_count)::integer, sum(principal_outstanding_amount),
        sum(past_due_amount)
    from published.kpi_portfolio_daily
    where business_date = %(business_date)s and run_id = %(run_id)s
    group by currency, delinquency_bucket
    order by currency collate "C", delinquency_bucket <> 'CURRENT', delinquency_bucket collate "C"
"""
LISTED: LiteralString = """
    select lane_code, severity, change, count(*) from published.warning_list
    where business_date = %(business_date)s and run_id = %(run_id)s group by 1, 2, 3 order by 1, 2, 3
"""
SIGNALS: LiteralString = f"""
    select signal_code, count(*) filter (where lane = '{EARLY}'), count(*) filter (where lane <> '{EARLY}'),
        count(*) filter (where not was_listed)
    from (
        select code.signal_code, listed.lane_code as lane,
            coalesce(code.signal_code = any(string_to_array(former.signal_codes, ',')), false) as was_listed
        from published.warning_list as listed
        cross join unnest(string_to_array(listed.signal_codes, ',')) as code (signal_code)
        left join (
            select loan_id as former_loan_id, signal_codes from published.warning_list where run_id = %(base_run_id)s
        ) as former on former.former_loan_id = listed.loan_id
        where listed.business_date = %(business_date)s and listed.run_id = %(run_id)s
    ) as raised
    group by signal_code order by count(*) desc, signal_code collate "C"
"""
CLEARED: LiteralString = """
    select cleared_by, last_severity, count(*) from published.warning_cleared
    where business_date = %(business_date)s and run_id = %(run_id)s group by 1, 2 order by 1, 2
"""
# {plan}: the fold of revisit_plan as the run shows it
COVERAGE = f"""
    select count(*) filter (where due_date is not null),
        count(*) filter (where due_date < %(business_date)s),
        min(due_date) filter (where due_date < %(business_date)s),
        count(*) filter (where was_due and last_fulfilled_date <= last_fulfilled_due_date),
        count(*) filter (where was_due and last_fulfilled_date > last_fulfilled_due_date),
        count(*) filter (where due_date between %(business_date)s - {WINDOW_DAYS - 1} and %(business_date)s)
    from (
        select *, coalesce(last_fulfilled_due_date between %(business_date)s - {WINDOW_DAYS - 1} and %(business_date)s,
            false) as was_due
        from ({{plan}}) as plan
    ) as plan
"""
EXEMPT = """
    select exemption_code, count(*) from ({plan}) as plan
    where exemption_code is not null group by 1 order by 1
"""
GAPS: LiteralString = """
    select gap_code, count(*) from published.coverage_gap
    where business_date = %(business_date)s and run_id = %(run_id)s group by 1 order by 1
"""
DONE = f"""
    select last_fulfilled_channel_code,
        count(*) filter (where last_fulfilled_date <= coalesce(last_fulfilled_due_date, last_fulfilled_date)),
        count(*) filter (where last_fulfilled_date > last_fulfilled_due_date)
    from ({{plan}}) as plan
    where last_fulfilled_date between %(business_date)s - {WINDOW_DAYS - 1} and %(business_date)s
    group by 1 order by 1
"""
AHEAD = f"""
    select least_channel_code, count(*) from ({{plan}}) as plan
    where due_date between %(business_date)s + 1 and %(business_date)s + {AHEAD_DAYS} group by 1 order by 1
"""
WORK: LiteralString = """
    select channel_layer, assignment_code, count(*), count(distinct officer_id) from published.revisit_assignment
    where business_date = %(business_date)s and run_id = %(run_id)s group by 1, 2 order by 1, 2
"""
LANE_WORK: LiteralString = """
    select lane_owner, work_today_code, is_work_today, count(*) from published.work_item
    where business_date = %(business_date)s and run_id = %(run_id)s
    group by 1, 2, 3 order by 1, 3 desc, 2
"""
WORK_DATE: LiteralString = """
    select max(work_date) from (
        select work_date from published.work_item
        where business_date = %(business_date)s and run_id = %(run_id)s
        union all
        select work_date from published.revisit_assignment
        where business_date = %(business_date)s and run_id = %(run_id)s
        union all
        select work_date from published.contact_suppression
        where business_date = %(business_date)s and run_id = %(run_id)s
    ) as work
"""
SUPPRESSED: LiteralString = """
    select blocked_rule_code, count(*) from published.contact_suppression
    where business_date = %(business_date)s and run_id = %(run_id)s group by 1 order by 1
"""
QUALITY: LiteralString = """
    select signal_code, measured_date, status_code, alert_count, early_alert_count, matured_count, confirmed_count,
        late_count, warned_late_count, lead_median_days, lead_p25_days
    from published.signal_quality where business_date = %(business_date)s and run_id = %(run_id)s
    order by signal_code <> 'WHOLE_LIST', alert_count desc, signal_code collate "C"
"""
SCORED = """
    select score_status, model_code, model_version, watermark, count(*) from ({score}) as score
    group by 1, 2, 3, 4 order by 2, 3 nulls first, 1, 4
"""


def report_facts_of(connection: psycopg.Connection, run: Run) -> ReportFacts:
    """Everything that the report of ``run`` shows."""
    ask = asker(connection, run, run)
    sets = load_data_sets()
    plan, score = (fold_sql(sets[name], ONE_RUN) for name in ("revisit_plan", "loan_score"))
    exemptions = _words("revisit_exemption", "exemption_code", run.business_date)
    reasons = _words("assignment_reason", "reason_code", run.business_date)
    portfolios: dict = defaultdict(dict)
    for day, currency, count, *amounts in ask(TREND_PORTFOLIO):
        portfolios[day][currency] = Portfolio(int(count), *amounts)
    planned, overdue, oldest, in_time, late, still_open = ask(COVERAGE.format(plan=plan))[0]
    return ReportFacts(
        day=facts_of(connection, run),
        known_date=run.known_date,
        trend=[TrendDay(day, portfolios[day], listed, cleared) for day, listed, cleared in ask(TREND_LISTS)],
        buckets=[Bucket(*row) for row in ask(BUCKETS)],
        listed=[Listed(*row) for row in ask(LISTED)],
        signals=[Signal(*row) for row in ask(SIGNALS)],
        cleared=[Cleared(*row) for row in ask(CLEARED)],
        coverage=Coverage(
            days=WINDOW_DAYS,
            planned=planned,
            overdue=overdue,
            oldest_due=oldest,
            in_time=in_time,
            late=late,
            open=still_open,
            exempt=[Worded(code, *exemptions(code), count) for code, count in ask(EXEMPT.format(plan=plan))],
            gaps=dict(ask(GAPS)),
            done=[Done(*row) for row in ask(DONE.format(plan=plan))],
            ahead=dict(ask(AHEAD.format(plan=plan))),
        ),
        work_date=ask(WORK_DATE)[0][0],
        work=[Work(layer, code, *reasons(code), *counts) for layer, code, *counts in ask(WORK)],
        lane_work=[LaneWork(*row) for row in ask(LANE_WORK)],
        suppressed=dict(ask(SUPPRESSED)),
        quality=[Quality(*row) for row in ask(QUALITY)],
        scored=[Scored(*row) for row in ask(SCORED.format(score=score))],
    )


def _words(policy: str, column: str, day: date) -> Callable[[str], tuple[str, str]]:
    """The words that a policy had on a date for its codes; a plain code that it did not have stands for itself."""
    valid = {
        row[column]: (row["text_zh"], row["text_en"])
        for row in policy_records(policy)
        if row["valid_from"] <= day.isoformat() and day.isoformat() <= (row["valid_to"] or "9999-12-31")
    }
    return lambda code: valid.get(code, (plain_code(code), plain_code(code)))
