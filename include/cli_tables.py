"""What the command line shows: the day's lists, the state of the installation, plans and differences, as tables."""

from collections.abc import Iterable, Sequence
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from include.errors import PostloanError
from include.settings import Settings

if TYPE_CHECKING:
    from include.daily import PlannedDate
    from include.warehouse.compare import Difference

SEVERITIES = {"RED_CRITICAL": "bold red", "RED": "red", "ORANGE": "dark_orange", "YELLOW": "yellow"}
WARNING_LIST = """
    select lane_code, loan_id, severity, change, days_on_list, days_past_due, past_due_amount, treatment_code,
        respond_by_date, is_work_today, {reason}
    from serving.warning_list_as_of(%s)
    order by array_position(array['RED_CRITICAL', 'RED', 'ORANGE', 'YELLOW'], severity),
        priority_points desc nulls last, loan_id
"""
WARNING_CLEARED = """
    select loan_id, last_severity, listed_since_date, cleared_by, {reason}
    from serving.warning_cleared_as_of(%s)
    order by array_position(array['RED_CRITICAL', 'RED', 'ORANGE', 'YELLOW'], last_severity), loan_id
"""
REVISITS = """
    select borrower_id, risk_tier, revisit_type, channel_code, due_date, officer_id,
        local_from_time || '-' || local_to_time, {reason}
    from serving.revisit_assignment_as_of(%s)
    order by array_position(array['CRITICAL', 'HIGH', 'MEDIUM', 'LOW'], risk_tier), due_date, borrower_id
"""
# by work date: how many items, with an officer, without anybody, by self-service, and how many no rule allows
REVISIT_COUNTS = """
    select coalesce(max(work_date)::text, '-'), count(*), count(officer_id),
        count(*) filter (where officer_id is null and assignment_code <> 'NO_NEED'),
        count(*) filter (where assignment_code = 'NO_NEED'),
        (select count(*) from serving.contact_suppression_as_of(%(day)s)),
        (select count(*) from serving.coverage_gap_as_of(%(day)s))
    from serving.revisit_assignment_as_of(%(day)s)
"""
LANES = ("HARDSHIP", "EARLY", "SELF_CURE", "COLLECTIONS", "LEGAL")
KPI = """
    select currency, delinquency_bucket, sum(loan_count), sum(principal_outstanding_amount), sum(past_due_amount),
        sum(par30_principal_amount), sum(npl_90p_principal_amount), max(npl_90p_target_rate)
    from serving.kpi_portfolio_daily_as_of(%s)
    group by currency, delinquency_bucket
    order by currency, delinquency_bucket
"""


def console() -> Console:
    """Wide enough for the lists where nobody looks at a terminal (a log, a file)."""
    found = Console(highlight=False)
    return found if found.is_terminal else Console(highlight=False, width=160)


def print_lists(out: Console, settings: Settings, business_date: date | None, *, limit: int) -> date:
    """Warning list, cleared warnings, revisits and portfolio figures of one date (None: the latest)."""
    from include.warehouse.connection import connect

    reason = "reason_text_zh" if settings.language.startswith("zh") else "reason_text_en"
    with connect(settings, role="reader", application_name="postloan:lists") as connection:
        # the pointers are read through a view that readers may read; one transaction sees one state of the world
        connection.execute("set transaction isolation level repeatable read read only")
        shown = (
            business_date or connection.execute("select max(as_of_date) from serving.kpi_portfolio_daily").fetchone()[0]
        )
        warnings = connection.execute(WARNING_LIST.format(reason=reason), (shown,)).fetchall() if shown else []
        cleared = connection.execute(WARNING_CLEARED.format(reason=reason), (shown,)).fetchall() if shown else []
        revisits = connection.execute(REVISITS.format(reason=reason), (shown,)).fetchall() if shown else []
        revisit_counts = connection.execute(REVISIT_COUNTS, {"day": shown}).fetchone() if shown else None
        cells = connection.execute(KPI, (shown,)).fetchall() if shown else []
    if shown is None or not cells:
        what = "Nothing is published yet" if business_date is None else f"{business_date} is not published"
        raise PostloanError(what, next_command=f"postloan run {business_date or 'YYYY-MM-DD'}")
    _print_warnings(out, shown, warnings, limit)
    _print_cleared(out, shown, cleared, limit)
    _print_revisits(out, revisits, revisit_counts, limit)
    _print_kpi(out, shown, cells)
    return shown


def _print_warnings(out: Console, day: date, rows: Sequence[Sequence[Any]], limit: int) -> None:
    """A table a lane: late loans do not bury early warnings."""
    if not rows:
        out.print(f"[bold]预警名单 · Warning list, {day}: 0 loans[/]")
    for lane in LANES:
        of_lane = [row[1:] for row in rows if row[0] == lane]
        if of_lane:
            _print_lane(out, f"预警名单 · Warning list, {day}, {lane}", of_lane, limit)


def _print_lane(out: Console, title: str, rows: Sequence[Sequence[Any]], limit: int) -> None:
    today = sum(bool(row[8]) for row in rows)
    table = _table(f"{title}: {len(rows):,} loans, {today:,} worked on the work date")
    for header in ("贷款\nloan", "严重度\nseverity", "变化\nchange"):
        table.add_column(header, no_wrap=True)
    for header in ("在列天数\nlisted days", "逾期天数\ndpd", "逾期金额\npast due"):
        table.add_column(header, justify="right", no_wrap=True)
    table.add_column("处置\ntreatment", no_wrap=True)
    table.add_column("最迟处理\nrespond by", no_wrap=True)
    table.add_column("原因\nwhy", min_width=30, overflow="fold")
    for loan, severity, change, days, dpd, past_due, treatment, respond_by, _, why in rows[:limit]:
        style = SEVERITIES.get(severity, "default")
        shown = (loan, f"[{style}]{severity}[/]", change, days, dpd, _money(past_due), treatment, respond_by or "", why)
        table.add_row(*map(str, shown))
    _print(out, table, len(rows), limit)


def _print_cleared(out: Console, day: date, rows: Sequence[Sequence[Any]], limit: int) -> None:
    table = _table(f"解除预警 · Cleared warnings, {day}: {len(rows):,} loans")
    for header in ("贷款\nloan", "原严重度\nwas", "列入日期\nsince", "规则\nby", "原因\nwhy"):
        table.add_column(header)
    for row in rows[:limit]:
        table.add_row(*map(str, row))
    _print(out, table, len(rows), limit)


def _print_revisits(out: Console, rows: Sequence[Sequence[Any]], counts: Sequence[Any], limit: int) -> None:
    work_date, count, assigned, nobody, by_itself, suppressed, gaps = counts
    table = _table(
        f"回访任务 · Revisits of {work_date}: {count:,} borrowers, {assigned:,} assigned, {nobody:,} without anybody, "
        f"{by_itself:,} self-service, {suppressed:,} suppressed, {gaps:,} coverage gaps"
    )
    for header in ("借款人\nborrower", "等级\ntier", "类型\ntype", "渠道\nchannel", "应回访日\ndue", "负责人\nofficer"):
        table.add_column(header, no_wrap=True)
    table.add_column("时段\nhours", no_wrap=True)
    table.add_column("原因\nwhy", min_width=30, overflow="fold")
    for row in rows[:limit]:
        table.add_row(*("" if value is None else str(value) for value in row))
    _print(out, table, len(rows), limit)


def _print_kpi(out: Console, day: date, cells: Sequence[Sequence[Any]]) -> None:
    table = _table(f"组合指标 · Portfolio, {day}")
    table.add_column("币种\ncurrency")
    table.add_column("阶段\nbucket")
    for header in (
        "笔数\nloans",
        "剩余本金\nprincipal",
        "逾期金额\npast due",
        "30天以上\nPAR30",
        "90天以上\n90+",
        "目标\ntarget",
    ):
        table.add_column(header, justify="right", no_wrap=True)
    for currency in sorted({row[0] for row in cells}):
        own = [row for row in cells if row[0] == currency]
        for _, bucket, count, principal, past_due, *_ in own:
            table.add_row(currency, bucket, f"{count:,}", _money(principal), _money(past_due), "", "", "")
        principal = sum((row[3] for row in own), Decimal(0))
        par30, npl = (sum((row[column] for row in own), Decimal(0)) for column in (5, 6))
        target = own[0][7]
        is_above = principal and npl / principal > target
        table.add_row(
            currency, "全部 all", f"{sum(row[2] for row in own):,}", _money(principal),
            _money(sum((row[4] for row in own), Decimal(0))), _percent(par30, principal),
            f"[{'red' if is_above else 'green'}]{_percent(npl, principal)}[/]", _percent(target, Decimal(1)),
            style="bold", end_section=True,
        )  # fmt: skip
    out.print(table)


def print_plan(out: Console, dates: Iterable["PlannedDate"]) -> None:
    table = _table("Plan")
    for header in ("business date", "what will happen"):
        table.add_column(header)
    for planned in dates:
        if planned.run_id:
            what = f"published as run {planned.run_id}: stays as it is"
        elif planned.missing:
            what = f"[red]stops here: no delivery of {', '.join(planned.missing)}[/]"
        else:
            what = "land what is new, compute, audit, publish"
        table.add_row(str(planned.business_date), what)
    out.print(table)


def print_differences(out: Console, left: str, right: str, found: Sequence["Difference"]) -> None:
    if not found:
        out.print(f"No difference between run {left} and run {right}: readers see the same rows.")
        return
    table = _table(f"Run {left} against run {right}")
    for header in ("data set", "only in the first", "only in the second", "changed", "columns", "for example"):
        table.add_column(header)
    for difference in found:
        columns = ", ".join(f"{name} {count:,}" for name, count in difference.columns.items())
        counts = (difference.only_left, difference.only_right, difference.changed)
        table.add_row(difference.data_set, *(f"{count:,}" for count in counts), columns, ", ".join(difference.sample))
    out.print(table)


def _table(title: str) -> Table:
    return Table(title=title, title_justify="left", title_style="bold", box=SIMPLE_HEAD, pad_edge=False)


def _print(out: Console, table: Table, count: int, limit: int) -> None:
    out.print(table)
    if count > limit:
        out.print(f"  … {count - limit:,} more; postloan lists --limit {count}")


def _money(amount: Decimal | None) -> str:
    return "" if amount is None else f"{amount:,.2f}"


def _percent(part: Decimal, whole: Decimal) -> str:
    return f"{100 * part / whole:.2f} %" if whole else "n/a"
