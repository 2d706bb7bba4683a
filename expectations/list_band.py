"""Bands for the size and turnover of the list, from the dated policy ``list_band``.

Outside the soft band: told in the digest. Outside the hard band: the day stops, because signals, policy or input are
likelier to be broken than the portfolio. A day on which the jump is meant is acknowledged by a policy row with wider
limits that is valid from that day. Turnover is judged only against the day before: a base further back has more to
change.
"""

from dataclasses import dataclass

from great_expectations.expectations.expectation import Expectation

from expectations.rules import CRITICAL, WARNING, ExpectNoRowsFrom, rule
from expectations.scope import Scope


@dataclass(frozen=True)
class Measure:
    """``part`` of ``whole`` (two of the counts of OUTSIDE), judged where ``condition`` holds."""

    code: str
    part: str
    whole: str
    condition: str
    zh: str
    en: str


MEASURES = (
    Measure("listed_share", "listed", "live", "true", "清单占存量贷款的比例", "The share of live loans that is listed"),
    Measure(
        "new_share", "new", "live", "is_next_day", "新列入占存量贷款的比例", "The share of live loans newly listed"
    ),
    Measure(
        "cleared_share",
        "cleared",
        "base_listed",
        "is_next_day",
        "解除占前次清单的比例",
        "The share of the base's list that was cleared",
    ),
)
OUTSIDE = """
select 1
from (
    select
        (select count(*) from {{candidate}}.warning_list) as listed,
        (select count(*) from {{candidate}}.warning_list where change = 'NEW') as new,
        (select count(*) from {{candidate}}.warning_cleared) as cleared,
        (select coalesce(sum(loan_count), 0) from {{candidate}}.kpi_portfolio_daily) as live,
        (select count(*) from {{published}}.warning_list where {{base}}) as base_listed,
        {{base_business_date}} = {{business_date}} - 1 as is_next_day
) as counts
left join {{ref}}.list_band as band on band.measure_code = '{code}' and {{valid}}
cross join lateral (select {part}::numeric / nullif({whole}, 0) as share) as measured
where {condition} and {outside}
"""
# a day without a policy row is told, not overlooked; an empty limit is no limit
OUTSIDE_SOFT = """(
    band.measure_code is null
    or {whole} >= population_min
    and (share < soft_min or share > soft_max)
    and (share < hard_min or share > hard_max) is not true
)"""
OUTSIDE_HARD = "{whole} >= population_min and (share < hard_min or share > hard_max)"


def band_rules(scope: Scope) -> list[Expectation]:
    """Two rules a measure: outside the soft band (and inside the hard one), outside the hard band."""
    return [
        ExpectNoRowsFrom(
            query=scope.sql(_outside(measure, OUTSIDE_SOFT if severity == WARNING else OUTSIDE_HARD)),
            **_rule(measure, severity),
        )
        for measure in MEASURES
        for severity in (WARNING, CRITICAL)
    ]


def _outside(measure: Measure, outside: str) -> str:
    return OUTSIDE.format(
        code=measure.code,
        part=measure.part,
        whole=measure.whole,
        condition=measure.condition,
        outside=outside.format(whole=measure.whole),
    )


def _rule(measure: Measure, severity: str) -> dict:
    if severity == CRITICAL:
        return rule(
            f"{measure.code}_is_inside_the_hard_band",
            f"{measure.zh}在硬性区间内。",
            f"{measure.en} is inside its hard band.",
            why="The list has jumped: a broken signal, policy or delivery is likelier than such a day.",
        )
    return rule(
        f"{measure.code}_is_inside_the_soft_band",
        f"{measure.zh}在参考区间内。",
        f"{measure.en} is inside its soft band.",
        why="The list is unusually long, short or restless: look before the team does.",
        severity=WARNING,
    )
