"""What the digest of a run says, read from what the run wrote: sealed rows, so that it says the same at any time."""

from collections.abc import Callable
from typing import Any

import psycopg

from include.business_calendar import ends_soon
from include.digest import Delivered, Facts, Portfolio, Reconciled, Source, Warned
from include.warehouse.runs import Run, load_run

LISTED = """
    select severity, change, count(*) from published.warning_list
    where business_date = %(business_date)s and run_id = %(run_id)s group by severity, change
"""
CLEARED = """
    select cleared_by, count(*) from published.warning_cleared
    where business_date = %(business_date)s and run_id = %(run_id)s group by cleared_by
"""
PORTFOLIO = """
    select currency, sum(loan_count), sum(principal_outstanding_amount), sum(past_due_amount),
        sum(par30_principal_amount), sum(npl_90p_principal_amount), max(npl_90p_target_rate)
    from published.kpi_portfolio_daily
    where business_date = %(business_date)s and run_id = %(run_id)s group by currency
"""
WARNED = """
    select warned.table_name || '.' || warned.rule, warned.failing_row_count, before.failing_row_count,
        warned.text_zh, warned.text_en
    from ops.audit_result as warned
    left join ops.audit_result as before
        on before.run_id = %(base_run_id)s and before.stage = warned.stage
        and before.table_name = warned.table_name and before.rule = warned.rule and before.outcome = 'FAIL'
    where warned.run_id = %(run_id)s and warned.outcome = 'FAIL'
    order by warned.table_name, warned.rule
"""
RULES = "select count(*) from ops.audit_result where run_id = %(run_id)s"
STALE = "select system, data_as_of from ops.run_source where run_id = %(run_id)s and is_stale order by system"
# a restate stands on a base, but what it is the first to use is what its date had not known
DELIVERED = """
    select batch.system || '.' || batch.table_name, count(*), sum(batch.rows_loaded), sum(batch.rows_quarantined)
    from ops.run_input as input
    join ops.load_batch as batch on batch.batch_id = input.batch_id and batch.part = 'delivered'
    where input.run_id = %(run_id)s
        and input.batch_id not in (select former.batch_id from ops.run_input as former where former.run_id = %(before)s)
    group by batch.system, batch.table_name
    order by batch.system, batch.table_name
"""
# As the run knows it, so that the same run always says the same: what was released counts where its batch is pinned,
# what was discarded from the first date after the decision that was not published then.
IN_QUARANTINE = """
    select refused.system || '.' || refused.table_name, count(*),
        count(*) filter (where refused.reason_code = 'unlawful_inquiry')
    from quarantine.row_state as refused
    join ops.run_input as input on input.batch_id = refused.batch_id and input.run_id = %(run_id)s
    where refused.state in ('OPEN', 'FIXED') or refused.ended_known_date > %(known_date)s
        or refused.released_batch_id is not null and refused.released_batch_id not in (
            select pinned.batch_id from ops.run_input as pinned where pinned.run_id = %(run_id)s
        )
    group by 1
"""
RECONCILED = """
    select source_code, measure_code, currency, status_code, data_as_of_date, compared_count, breaking_count,
        open_difference_amount
    from published.recon_summary where business_date = %(business_date)s and run_id = %(run_id)s
    order by source_code, currency, measure_code
"""
OLDEST_BREAK = """
    select min(first_seen_date) from published.recon_break
    where business_date = %(business_date)s and run_id = %(run_id)s
"""
TOUCHED = """
    select count(*) from published.touched_loan
    where business_date = %(business_date)s and run_id = %(run_id)s and not is_carried
"""
EFFECT = "select coalesce(sum(row_count), 0) from ops.run_effect where run_id = %(run_id)s"


def facts_of(connection: psycopg.Connection, run: Run) -> Facts:
    """Everything that the digest of ``run`` says."""
    base = load_run(connection, run.base_run_id) if run.base_run_id else None
    of_run = asker(connection, run, run)
    of_base: Callable[[str], list[tuple]] = asker(connection, base, run) if base else lambda _: []
    quarantined = of_run(IN_QUARANTINE)
    return Facts(
        business_date=run.business_date,
        run_id=run.run_id,
        kind=run.kind,
        base_date=base.business_date if base else None,
        listed={(severity, change): count for severity, change, count in of_run(LISTED)},
        base_listed=sum(count for *_, count in of_base(LISTED)),
        cleared=dict(of_run(CLEARED)),
        portfolio=_portfolios(of_run(PORTFOLIO)),
        base_portfolio=_portfolios(of_base(PORTFOLIO)),
        rules=of_run(RULES)[0][0],
        warned=[Warned(*row) for row in of_run(WARNED)],
        stale=[Source(*row) for row in of_run(STALE)],
        delivered=[Delivered(table, n, int(loaded), int(refused)) for table, n, loaded, refused in of_run(DELIVERED)],
        in_quarantine={table: count for table, count, _ in quarantined},
        unlawful_inquiries=sum(count for *_, count in quarantined),
        reconciled=[Reconciled(*row) for row in of_run(RECONCILED)],
        oldest_break=of_run(OLDEST_BREAK)[0][0],
        loans_touched=of_run(TOUCHED)[0][0],
        values_changed_by_new_rules=int(of_run(EFFECT)[0][0]),
        calendar_ends=ends_soon(run.business_date),
    )


def asker(connection: psycopg.Connection, run: Run, delivered: Run) -> Callable[[str], list[tuple]]:
    """Asks of ``run`` what a query says; its base and the run before it are those of ``delivered``."""
    parameters: dict[str, Any] = {
        "run_id": run.run_id,
        "business_date": run.business_date,
        "known_date": run.known_date,
        "base_run_id": delivered.base_run_id,
        "before": delivered.replaces_run_id or delivered.base_run_id or "",
    }
    return lambda query: connection.execute(query, parameters).fetchall()


def _portfolios(rows: list[tuple]) -> dict[str, Portfolio]:
    return {currency: Portfolio(int(count), *amounts) for currency, count, *amounts in rows}
