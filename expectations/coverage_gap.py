"""What must hold for the loans that have no next revisit and no exemption."""

from great_expectations.core import ExpectationSuite

from expectations.rules import ExpectNoRowsFrom, ExpectNoRowsWhere, ExpectOneRowPer, rule
from expectations.scope import Scope

STAGE = "lists"
UNEXPLAINED = "gap_code not in ('NO_TERM', 'NO_AMOUNT_BAND', 'NO_CADENCE', 'UNKNOWN_EXEMPTION')"
PLANNED_TOO = """
select gap.loan_id
from {candidate}.coverage_gap as gap
join {candidate}.revisit_plan as plan on plan.loan_id = gap.loan_id
"""


def suite(scope: Scope) -> ExpectationSuite:
    return ExpectationSuite(
        name="coverage_gap",
        expectations=[
            ExpectOneRowPer(
                key=["loan_id"],
                **rule(
                    "one_row_per_gap",
                    "每笔缺口贷款只有一行。",
                    "Each gap has one row.",
                    why="A gap counts once.",
                ),
            ),
            ExpectNoRowsWhere(
                where=UNEXPLAINED,
                **rule(
                    "every_gap_is_explained",
                    "缺口原因在代码表内。",
                    "The reason of a gap is one of the known codes.",
                    why="An unexplained gap is a loan that was forgotten.",
                ),
            ),
            ExpectNoRowsFrom(
                query=scope.sql(PLANNED_TOO),
                **rule(
                    "no_gap_is_planned",
                    "缺口贷款没有回访计划。",
                    "No loan is a gap and planned.",
                    why="Coverage is counted from both.",
                ),
            ),
        ],
    )
