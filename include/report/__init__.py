"""The daily report: one HTML file of a published run, in Chinese and English, that asks nobody for anything.

It holds no script: the language is chosen by two radio buttons and the style sheet. Every value is escaped by the
template; a code that is no plain code is not repeated, because it might be anything.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from include.digest import CHANGES, SEVERITIES, money, percent, plain_code, points, signed, whole
from include.report.charts import Chart, Line, chart
from include.report.facts import EARLY, ReportFacts, TrendDay, by_currency

FOLDER = Path(__file__).parent
MILLION = 1_000_000
LANES = ("EARLY", "SELF_CURE", "COLLECTIONS", "HARDSHIP", "LEGAL", "CLOSED_WATCH")


@lru_cache
def texts() -> dict[str, tuple[str, str]]:
    """The catalogue: (Chinese, English) by key."""
    return {
        key: (str(zh), str(en))
        for key, (zh, en) in yaml.safe_load((FOLDER / "texts.yml").read_text(encoding="utf-8")).items()
    }


def report_html(facts: ReportFacts, language: str) -> bytes:
    """The page; ``language`` (zh-CN or en) is shown first, the other one at a click."""
    environment = Environment(
        loader=FileSystemLoader(FOLDER), autoescape=True, undefined=StrictUndefined, trim_blocks=True,
        lstrip_blocks=True, keep_trailing_newline=True,
    )  # fmt: skip
    environment.globals |= {"t": say, "code": say_code, "words": both, "name": say_name}
    environment.filters |= {"n": whole, "money": money, "percent": percent, "change": signed, "points": points}
    page = environment.get_template("report.j2").render(
        facts=facts,
        day=facts.day,
        is_chinese=language.startswith("zh"),
        severities=SEVERITIES,
        changes=CHANGES,
        lanes=_lanes(facts),
        buckets=by_currency(facts.buckets),
        charts={currency: _charts(facts, currency) for currency in facts.currencies},
        list_charts=_list_charts(facts.trend, facts.entered),
    )
    return page.encode()


@dataclass(frozen=True)
class Words:
    """A text in both languages, escaped, of which the style sheet shows one."""

    zh: Markup
    en: Markup

    def __html__(self) -> str:
        return f'<span lang="zh-CN">{self.zh}</span><span lang="en">{self.en}</span>'


def both(zh: str, en: str) -> Words:
    """Words that stand in the facts, such as those of a policy."""
    return Words(escape(zh), escape(en))


def say(key: str, **places: object) -> Words:
    """A text of the catalogue with its places filled in; words fill the place of their own language."""
    zh, en = texts()[key]
    return Words(_filled(zh, "zh", places), _filled(en, "en", places))


def _filled(text: str, language: str, places: Mapping[str, object]) -> Markup:
    own = {name: getattr(one, language) if isinstance(one, Words) else one for name, one in places.items()}
    return escape(text).format(**own)


def say_code(column: str, value: object) -> Words | Markup:
    """The words of a code, or the code itself where the catalogue has none."""
    return say(f"{column}.{value}") if f"{column}.{value}" in texts() else say_name(value)


def say_name(value: object) -> Markup:
    """The name of a column, table, rule or version."""
    return Markup("<code>{}</code>").format(plain_code(value))


def _lanes(facts: ReportFacts) -> list[str]:
    """EARLY first and always, then the others that are there, in the order in which a loan passes through them."""
    return [EARLY, *sorted({one.lane for one in facts.listed} - {EARLY}, key=lambda lane: (_place(lane), lane))]


def _place(lane: str) -> int:
    return LANES.index(lane) if lane in LANES else len(LANES)


def _charts(facts: ReportFacts, currency: str) -> list[Chart]:
    days, cells = _days(facts.trend), [one.portfolio.get(currency) for one in facts.trend]
    ratios = [
        Line("par30", "second", [one and one.par30_ratio for one in cells]),
        Line("npl", "first", [one and one.npl_90p_ratio for one in cells]),
        Line("target", "limit", [one and one.npl_90p_target for one in cells]),
    ]
    principal = [Line("principal", "first", [one and one.principal for one in cells])]
    drawn = (chart("trend_ratio", days, ratios, _percent), chart("trend_principal", days, principal, _short))
    return [one for one in drawn if one is not None]


def _list_charts(trend: Sequence[TrendDay], entered: Sequence[int | None]) -> list[Chart]:
    days = _days(trend)
    moves = [
        Line("entered", "second", entered),
        Line("cleared", "first", [one.cleared for one in trend]),
    ]
    size = [Line("listed", "first", [one.listed for one in trend])]
    drawn = (chart("trend_listed", days, size, _count), chart("trend_moves", days, moves, _count))
    return [one for one in drawn if one is not None]


def _days(trend: Sequence[TrendDay]) -> list[date]:
    return [one.business_date for one in trend]


def _percent(value: Any) -> str:
    return "-" if value is None else percent(value)


def _count(value: Any) -> str:
    return "-" if value is None else f"{int(value):,}"


def _short(value: Any) -> str:
    """An amount for an axis, in millions."""
    return "-" if value is None else f"{value / MILLION:,.2f}"
