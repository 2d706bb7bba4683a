"""What must hold for the tier of every borrower."""

from great_expectations.core import ExpectationSuite

from expectations.rules import ExpectNoRowsFrom, ExpectNoRowsWhere, ExpectOneRowPer, rule
from expectations.scope import Scope

STAGE = "lists"
RANK = "array_position(array['LOW', 'MEDIUM', 'HIGH', 'CRITICAL'], {})"
BELOW_THE_FACTS = (
    f"{RANK.format('risk_tier')} is null or {RANK.format('risk_tier')} < {RANK.format('observed_risk_tier')}"
)
FALLS_WITHOUT_A_DATE = "(risk_tier <> observed_risk_tier) <> (changes_on is not null) or changes_on <= as_of_date"
# of the loans that the run computed; the others have what the run before proved of them
LIVE_WITHOUT_TIER = """
select position.loan_id
from {candidate}.loan_position as position
left join {candidate}.risk_tier as tier on tier.borrower_id = position.borrower_id
left join {candidate}.coverage_gap as gap on gap.loan_id = position.loan_id
where
    position.run_id = {run_id}
    and position.is_live
    and position.borrower_id is not null
    and tier.borrower_id is null
    and gap.loan_id is null
"""


def suite(scope: Scope) -> ExpectationSuite:
    return ExpectationSuite(
        name="risk_tier",
        expectations=[
            ExpectOneRowPer(
                key=["borrower_id"],
                **rule(
                    "one_tier_per_borrower",
                    "每位借款人只有一个风险等级。",
                    "Each borrower has one tier.",
                    why="Two tiers give two cadences for one door.",
                ),
            ),
            ExpectNoRowsWhere(
                where=BELOW_THE_FACTS,
                **rule(
                    "tier_is_never_below_the_facts",
                    "风险等级不得低于当日事实。",
                    "No tier is lower than the facts of the day give.",
                    why="A tier rises at once: whoever got worse yesterday is visited soon.",
                ),
            ),
            ExpectNoRowsWhere(
                where=FALLS_WITHOUT_A_DATE,
                **rule(
                    "a_tier_that_may_fall_says_when",
                    "可能下降的等级须给出日期，且在未来。",
                    "A tier above the facts names the coming day on which it may fall, no other does.",
                    why="Without the date nobody computes it again and it never falls.",
                ),
            ),
            ExpectNoRowsFrom(
                query=scope.sql(LIVE_WITHOUT_TIER),
                **rule(
                    "every_live_borrower_has_a_tier",
                    "每位存量借款人都有风险等级。",
                    "Every borrower with a live loan has a tier, or the loan is a coverage gap.",
                    why="Cadence and channel rest on it.",
                ),
            ),
        ],
    )
