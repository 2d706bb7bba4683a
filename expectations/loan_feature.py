"""What must hold for the features that a run wrote: they are the eyes of every score."""

from great_expectations.core import ExpectationSuite

from expectations.rules import ExpectNoRowsFrom, ExpectOneRowPer, rule
from expectations.scope import Scope

STAGE = "marts"
LIVE_LOANS_UNLIKE_FEATURES = """
select touched.loan_id
from (select loan_id from {published}.touched_loan where {run}) as touched
left join {candidate}.loan_position as position on position.loan_id = touched.loan_id and position.is_live
left join (select loan_id from {published}.loan_feature where {run}) as feature on feature.loan_id = touched.loan_id
where (position.loan_id is null) <> (feature.loan_id is null)
"""
# the features are computed by their own SQL for any date; the position by another: they have to agree every day
SEGMENT_UNLIKE_POSITION = """
select feature.loan_id
from {candidate}.loan_feature as feature
join {candidate}.loan_position as position on position.loan_id = feature.loan_id
left join {ref}.risk_segment as segment
    on
        segment.segment_code = feature.segment_code
        and segment.model_code = feature.model_code
        and segment.is_scored
        and segment.from_days_past_due <= position.days_past_due
        and coalesce(segment.to_days_past_due, position.days_past_due) >= position.days_past_due
        and {valid}
where segment.segment_code is null
"""


def suite(scope: Scope) -> ExpectationSuite:
    return ExpectationSuite(
        name="loan_feature",
        expectations=[
            ExpectOneRowPer(
                key=["loan_id"],
                **rule(
                    "one_row_of_features_per_loan",
                    "每笔贷款的特征只有一行。",
                    "Each loan has one row of features.",
                    why="The loan would be scored twice.",
                ),
            ),
            ExpectNoRowsFrom(
                query=scope.sql(LIVE_LOANS_UNLIKE_FEATURES),
                **rule(
                    "every_live_touched_loan_has_features",
                    "本次计算的存量贷款都有特征，其他贷款没有。",
                    "Every live loan that the run computed has features, and no other loan has.",
                    why="A loan without features of today keeps a score of another day, or none.",
                ),
            ),
            ExpectNoRowsFrom(
                query=scope.sql(SEGMENT_UNLIKE_POSITION),
                **rule(
                    "segment_follows_days_past_due",
                    "风险分层与贷款台账的逾期天数一致。",
                    "The segment is the one that policy gives to the days past due of the position.",
                    why="The loan would be scored by the card of other loans.",
                ),
            ),
        ],
    )
