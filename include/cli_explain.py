"""``postloan explain``: a loan, a borrower or an assignment on a date: what readers saw, why, and from where."""

from datetime import date
from decimal import Decimal
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from include.explain import Day, Explained, Line, Section
from include.explain_assignment import ExplainedAssignment

HEADINGS = {
    "touched": ("计算依据", "Computed"),
    "lines": ("来源记录（每张表最近几行）", "Delivered lines, the last of each table"),
    "story": ("逐日经过", "Day by day"),
    "rules": ("依据的政策", "Rows of policy that spoke"),
    "officers": ("可分配人员当日情况", "Who could have been asked, and their day"),
}
STORY = (
    ("日期", "date"), ("状态", "status"), ("逾期天数", "dpd"), ("阶段", "bucket"), ("逾期金额", "past due"),
    ("严重度", "severity"), ("变化", "change"), ("信号", "signals"), ("重算原因", "computed because of"),
)  # fmt: skip
RULES = (("政策", "policy"), ("代码", "code"), ("内容", "says"), ("来源", "source"))
OFFICERS = (
    ("人员", "officer"), ("岗位", "role"), ("地区", "region"), ("技能", "skills"), ("产能", "capacity"),
    ("已分配", "assigned"), ("选中", "chosen"), ("利益冲突", "conflict"),
)  # fmt: skip
LINES = (("来源", "source"), ("业务日期", "delivery of"), ("获知日期", "known"), ("文件", "file"), ("行", "line"))


def print_explained(out: Console, told: Explained, language: str) -> None:
    """The story first, then each data set in the order in which a day makes them, then the delivered lines."""
    which = 0 if language.startswith("zh") else 1
    out.print(f"[bold]{escape(told.subject)}[/], {told.business_date}, run {told.run_id}")
    if told.touched:
        day, run_id, reasons = told.touched
        out.print(f"{HEADINGS['touched'][which]} {day}, run {run_id}: {escape('; '.join(reasons))}")
    if told.story:
        _print_story(out, told.story, which)
    for section in told.sections:
        _print_section(out, section, which)
    if told.lines:
        _print_lines(out, told.lines, which)


def print_assignment(out: Console, found: ExplainedAssignment, language: str) -> None:
    """The published rows, the rows of policy behind them, and the officers who could have been asked."""
    print_explained(out, found.told, language)
    which = 0 if language.startswith("zh") else 1
    table = _table(HEADINGS["rules"][which], [header[which] for header in RULES])
    for rule in found.rules:
        table.add_row(*map(escape, (rule.policy, rule.code, (rule.zh, rule.en)[which], rule.source)))
    out.print(table)
    if found.officers:
        table = _table(HEADINGS["officers"][which], [header[which] for header in OFFICERS])
        for one in found.officers:
            shown = (one.officer_id, one.role_code, one.region_code, one.skill_codes, one.capacity,
                     one.assigned_count, one.is_chosen, one.is_conflicted)  # fmt: skip
            table.add_row(*(_text(value) for value in shown))
        out.print(table)


def _print_story(out: Console, story: list[Day], which: int) -> None:
    table = _table(HEADINGS["story"][which], [header[which] for header in STORY])
    for day in story:
        shown = (day.business_date, day.status, day.days_past_due, day.bucket, day.past_due_amount, day.severity,
                 day.change, day.signals, day.touched)  # fmt: skip
        table.add_row(*(_text(value) for value in shown))
    out.print(table)


def _print_section(out: Console, section: Section, which: int) -> None:
    title = " ".join(section.data_set.description.split())
    table = _table(f"{section.data_set.name}: {title}", ["", ""])
    table.show_header = False
    for number, row in enumerate(section.rows):
        if number:
            table.add_section()
        for name, value in row:
            table.add_row(escape(_label(section, name, which)), _text(value))
    out.print(table)


def _print_lines(out: Console, lines: list[Line], which: int) -> None:
    table = _table(HEADINGS["lines"][which], [header[which] for header in LINES])
    for line in lines:
        shown = (line.source, line.business_date, line.known_date, line.file_name, line.line_number)
        table.add_row(*(_text(value) for value in shown))
    out.print(table)


def _table(title: str, headers: list[str]) -> Table:
    table = Table(title=escape(title), title_justify="left", box=SIMPLE_HEAD)
    for header in headers:
        table.add_column(header, overflow="fold")
    return table


def _label(section: Section, name: str, which: int) -> str:
    """The column's name with its words in the language asked for, from the contract."""
    description = next((one.description for one in section.data_set.columns if one.name == name), "")
    english, _, chinese = description.partition(" | ")
    words = (chinese or english) if which == 0 else english
    return f"{name} ({words.partition(';')[0].strip()})" if words else name


def _text(value: Any) -> str:
    match value:
        case None:
            return "-"
        case bool():
            return "yes" if value else "no"
        case Decimal():
            return f"{value:,}"
        case date():
            return value.isoformat()
    return escape(str(value))
