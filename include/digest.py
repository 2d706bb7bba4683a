"""What a published run has to say in one page, in Chinese and English: counts and sums, nothing of a person."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import ROUND_HALF_UP, Decimal

SEVERITIES = ("RED_CRITICAL", "RED", "ORANGE", "YELLOW")
CHANGES = ("NEW", "REOPENED", "UP", "SAME", "DOWN")
# a name of ours, or the version of a model such as 2026.1; never as many digits as a phone or an identity number has
PLAIN_CODE = re.compile(r"[A-Za-z][A-Za-z_.]*\d{0,4}[A-Za-z_.]*\d{0,4}[A-Za-z_]*|\d{4}\.\d{1,3}")


@dataclass(frozen=True)
class Portfolio:
    """Sums over the cells of one currency; all but ``loan_count`` in that currency."""

    loan_count: int
    principal: Decimal
    past_due: Decimal
    par30: Decimal
    npl_90p: Decimal
    npl_90p_target: Decimal

    @property
    def npl_90p_ratio(self) -> Decimal:
        return self.npl_90p / self.principal if self.principal else Decimal(0)

    @property
    def par30_ratio(self) -> Decimal:
        return self.par30 / self.principal if self.principal else Decimal(0)

    @property
    def is_above_target(self) -> bool:
        return self.npl_90p > self.npl_90p_target * self.principal


@dataclass(frozen=True)
class Warned:
    """A rule of the audits that was broken and let pass. ``before``: its count in the base, None when it held."""

    rule: str
    count: int
    before: int | None
    zh: str
    en: str


@dataclass(frozen=True)
class Source:
    system: str
    data_as_of: date | None


@dataclass(frozen=True)
class Delivered:
    """Deliveries of one table that this run is the first to use."""

    table: str
    batches: int
    rows_loaded: int
    rows_quarantined: int


@dataclass(frozen=True)
class Reconciled:
    """One comparison with somebody else's books. Counts are None where nothing was compared (``status``)."""

    source: str
    measure: str
    currency: str
    status: str
    data_as_of: date | None
    compared: int | None
    breaking: int | None
    open_difference: Decimal | None


@dataclass(frozen=True)
class Facts:
    """Everything a digest says. Counts by (severity, change) and by rule; portfolios by currency."""

    business_date: date
    run_id: str
    kind: str
    base_date: date | None
    listed: Mapping[tuple[str, str], int]
    base_listed: int
    cleared: Mapping[str, int]
    portfolio: Mapping[str, Portfolio]
    base_portfolio: Mapping[str, Portfolio]
    rules: int
    warned: list[Warned] = field(default_factory=list)
    stale: list[Source] = field(default_factory=list)
    delivered: list[Delivered] = field(default_factory=list)
    in_quarantine: Mapping[str, int] = field(default_factory=dict)  # rows that wait for a decision, by table
    unlawful_inquiries: int = 0
    reconciled: list[Reconciled] = field(default_factory=list)
    oldest_break: date | None = None
    loans_touched: int = 0
    values_changed_by_new_rules: int = 0
    calendar_ends: date | None = None  # the last day whose kind is known, when that is soon

    @property
    def listed_total(self) -> int:
        return sum(self.listed.values())


# every line that people read, once: {0} and so on are filled in
TEXT = {
    "title": ("# {0} 贷后风险日报", "# Post-loan risk, {0}"),
    "run": ("运行 {0}（{1}），基准日 {2}。", "Run {0} ({1}), compared with {2}."),
    "lists": ("## 预警清单", "## Warning list"),
    "total": ("共 {0} 笔（基准日 {1}），解除 {2} 笔。", "Loans listed: {0} ({1} in the base), cleared: {2}."),
    "list_head": ("| 严重度 | 合计 | 新增 | 重现 | 升级 | 不变 | 降级 |",
                  "| severity | total | new | reopened | up | same | down |"),
    "cleared": ("解除：{0}。", "Cleared: {0}."),
    "portfolio": ("## 存量组合 {0}", "## Live portfolio, {0}"),
    "loans": ("贷款 {0} 笔（{1}），剩余本金 {2}（{3}），逾期金额 {4}（{5}）。",
              "Loans {0} ({1}), outstanding {2} ({3}), past due {4} ({5})."),
    "ratio": ("90天以上不良率 {0}（{1}），目标 {2}：{3}。逾期30天以上占比 {4}。",
              "More than 90 days past due: {0} ({1}), target {2}: {3}. More than 30 days: {4}."),
    "above": ("**超出目标**", "**above target**"),
    "within": ("未超出", "within target"),
    "audit": ("## 审计", "## Audit"),
    "passed": ("规则 {0} 条，提示 {1} 条。", "Rules: {0}. Warnings: {1}."),
    "warned": ("- {0}：{1}（基准日 {2}）。应满足：{3}", "- {0}: {1} ({2} in the base). Should hold: {3}"),
    "data": ("## 数据", "## Data"),
    "fresh": ("全部来源为当日数据。", "Every source is of the day."),
    "stale": ("- **{0} 数据截至 {1}**", "- **{0} is known up to {1} only**"),
    "delivered": ("- {0}：{1} 批，入库 {2} 行，隔离 {3} 行",
                  "- {0}: batches {1}, rows loaded {2}, rows quarantined {3}"),
    "quarantine": ("- 隔离区待处理 {0} 行：{1}", "- In quarantine, to be decided: {0} rows: {1}"),
    "unlawful": ("- **无合法依据的征信查询 {0} 行**", "- **Bureau pulls without a lawful ground: {0} rows**"),
    "recon": ("## 对账", "## Reconciliation"),
    "compared": ("- {0} {1} {2}：已对账 {3}，不符 {4}，未解释差额 {5}",
                 "- {0} {1} {2}: compared {3}, breaking {4}, open difference {5}"),
    "not_compared": ("- **{0} 未对账**（{1}，数据截至 {2}）", "- **{0} was not compared** ({1}, last delivered {2})"),
    "oldest": ("最早的差异始于 {0}。", "The oldest break is of {0}."),
    "touched": ("当日重算贷款 {0} 笔。", "Loans recomputed: {0}."),
    "new_rules": ("程序或政策变更改动了未被触及贷款的 {0} 个值。",
                  "New code or policy changed {0} values of loans that nothing touched."),
    "calendar": ("- **工作日历只到 {0}**：请录入下一年的节假日安排",
                 "- **The business calendar ends on {0}**: the next year's holidays have to be entered"),
    "files": ("文件：warning_list.csv、warning_cleared.csv、work_item.csv、revisit_assignment.csv、"
              "report.html、data_docs/index.html、manifest.json。",
              "Files: warning_list.csv, warning_cleared.csv, work_item.csv, revisit_assignment.csv, "
              "report.html, data_docs/index.html, manifest.json."),
    "none": ("无", "none"),
    "no_base": ("首次发布", "the first publication"),
}  # fmt: skip


def digest_text(facts: Facts, language: str) -> str:
    """The page, ``language`` (zh-CN or en) first and the other one after it."""
    order = (0, 1) if language.startswith("zh") else (1, 0)
    return "\n\n---\n\n".join("\n".join(_page(facts, number)) for number in order) + "\n"


def digest_subject(facts: Facts) -> str:
    """Sizes and the worst, in one line."""
    critical = sum(count for (severity, _), count in facts.listed.items() if severity == "RED_CRITICAL")
    new = sum(count for (_, change), count in facts.listed.items() if change == "NEW")
    alert = " 超出目标 above target" if any(one.is_above_target for one in facts.portfolio.values()) else ""
    stale = " 数据滞后 stale" if facts.stale else ""
    return (
        f"Postloan {facts.business_date}: 预警 {facts.listed_total} warnings, 新增 {new} new, "
        f"{critical} RED_CRITICAL{alert}{stale}"
    )


def plain_code(value: object) -> str:
    """A code as it is; whatever looks otherwise may be anything, and is not for a message or a report."""
    return str(value) if PLAIN_CODE.fullmatch(str(value)) else "???"


def _page(facts: Facts, number: int) -> list[str]:
    def say(key: str, *values: object) -> str:
        return TEXT[key][number].format(*values)

    base = facts.base_date or say("no_base")
    lines = [say("title", facts.business_date), "", say("run", facts.run_id, facts.kind, base), ""]
    lines += [
        say("lists"),
        "",
        say("total", whole(facts.listed_total), whole(facts.base_listed), whole(sum(facts.cleared.values()))),
    ]
    lines += ["", say("list_head"), "|---|---:|---:|---:|---:|---:|---:|"]
    for severity in SEVERITIES:
        counts = [facts.listed.get((severity, change), 0) for change in CHANGES]
        lines.append(f"| {severity} | {whole(sum(counts))} | " + " | ".join(whole(count) for count in counts) + " |")
    cleared = ", ".join(f"{plain_code(name)} {whole(count)}" for name, count in sorted(facts.cleared.items()))
    lines += ["", say("cleared", cleared or say("none")), ""]
    for currency, now in sorted(facts.portfolio.items()):
        lines += [*_portfolio(say, currency, now, facts.base_portfolio.get(currency)), ""]
    lines += [say("audit"), "", say("passed", facts.rules, len(facts.warned))]
    for one in facts.warned:
        text = (one.zh, one.en)[number]
        lines.append(say("warned", one.rule, whole(one.count), 0 if one.before is None else whole(one.before), text))
    lines += ["", say("data"), ""]
    lines += [say("stale", one.system, one.data_as_of or say("none")) for one in facts.stale] or [say("fresh")]
    lines += [
        say("delivered", one.table, whole(one.batches), whole(one.rows_loaded), whole(one.rows_quarantined))
        for one in facts.delivered
    ]
    if facts.in_quarantine:
        by_table = ", ".join(f"{table} {whole(count)}" for table, count in sorted(facts.in_quarantine.items()))
        lines.append(say("quarantine", whole(sum(facts.in_quarantine.values())), by_table))
    if facts.unlawful_inquiries:
        lines.append(say("unlawful", whole(facts.unlawful_inquiries)))
    lines += ["", *_reconciliation(say, facts)]
    lines += ["", say("touched", whole(facts.loans_touched))]
    if facts.calendar_ends is not None:
        lines.append(say("calendar", facts.calendar_ends))
    if facts.values_changed_by_new_rules:
        lines.append(say("new_rules", whole(facts.values_changed_by_new_rules)))
    return [*lines, "", say("files")]


def _reconciliation(say: Callable[..., str], facts: Facts) -> list[str]:
    """A line for each comparison; one for each source that was not compared, whatever it would have compared."""
    lines = [say("recon"), ""]
    silent = sorted({(one.source, one.status, one.data_as_of) for one in facts.reconciled if one.compared is None})
    lines += [say("not_compared", plain_code(source), status, as_of or say("none")) for source, status, as_of in silent]
    for one in facts.reconciled:
        if one.compared is not None:
            difference = money(one.open_difference or Decimal(0))
            breaking = whole(one.breaking or 0)
            names = map(plain_code, (one.source, one.measure, one.currency))
            lines.append(say("compared", *names, whole(one.compared), breaking, difference))
    if len(lines) == 2:
        lines.append(say("none"))
    return lines if facts.oldest_break is None else [*lines, "", say("oldest", facts.oldest_break)]


def _portfolio(say: Callable[..., str], currency: str, now: Portfolio, before: Portfolio | None) -> list[str]:
    past = before or Portfolio(0, Decimal(0), Decimal(0), Decimal(0), Decimal(0), now.npl_90p_target)
    verdict = say("above") if now.is_above_target else say("within")
    return [
        say("portfolio", plain_code(currency)),
        "",
        say(
            "loans", whole(now.loan_count), signed(now.loan_count - past.loan_count), money(now.principal),
            signed(now.principal - past.principal), money(now.past_due),
            signed(now.past_due - past.past_due),
        ),
        say(
            "ratio", percent(now.npl_90p_ratio), points(now.npl_90p_ratio - past.npl_90p_ratio),
            percent(now.npl_90p_target), verdict, percent(now.par30_ratio),
        ),
    ]  # fmt: skip


def whole(count: int) -> str:
    return f"{count:,}"


def money(amount: Decimal) -> str:
    return f"{amount:,.2f}"


def percent(ratio: Decimal) -> str:
    return f"{(100 * ratio).quantize(Decimal('0.01'), rounding=ROUND_HALF_UP)}%"


def signed(value: Decimal | int) -> str:
    """A change with its sign; money with its cents."""
    return f"{value:+,.2f}" if isinstance(value, Decimal) else f"{value:+,}"


def points(ratio: Decimal) -> str:
    """A change of a ratio in percentage points."""
    rounded = (100 * ratio).quantize(Decimal("0.01"), rounding=ROUND_HALF_UP)
    return f"{rounded + 0:+}%"  # adding zero takes the sign off a negative nothing
