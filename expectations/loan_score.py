"""What must hold for the scores that a run wrote: a probability stands only where somebody approved it."""

import great_expectations.expectations as gxe
from great_expectations.core import ExpectationSuite

from expectations.rules import ExpectNoRowsFrom, ExpectNoRowsWhere, ExpectOneRowPer, rule
from expectations.scope import Scope

STAGE = "lists"
STATUSES = ["SCORED", "NO_MODEL_YET", "NOT_VALIDATED"]
FEATURES_WITHOUT_A_SCORE = """
select coalesce(feature.loan_id, score.loan_id) as loan_id
from (select loan_id, segment_code from {published}.loan_feature where {run}) as feature
full join (select loan_id, segment_code from {published}.loan_score where {run}) as score
    on score.loan_id = feature.loan_id and score.segment_code = feature.segment_code
where feature.loan_id is null or score.loan_id is null
"""
SCORED_WITHOUT_A_CHAMPION = """
select score.loan_id
from {candidate}.loan_score as score
left join (
    select model_code, model_version, card_sha256 from {ref}.model_registry where state = 'CHAMPION' and {valid}
) as champion
    on
        champion.model_code = score.model_code
        and champion.model_version = score.model_version
        and champion.card_sha256 = score.card_sha256
where (score.score_status in ('SCORED', 'NOT_VALIDATED')) <> (champion.model_code is not null)
"""
RATES_WHERE_THEY_MUST_NOT_BE = """
(score_status = 'SCORED') <> (predicted_rate is not null)
or (predicted_rate is null) <> (score_points is null)
or (score_status <> 'SCORED' and coalesce(reason_code_1, reason_code_2, reason_code_3, reason_code_4) is not null)
"""
REASONS_OUT_OF_ORDER = " or ".join(
    [
        *(f"(reason_code_{n} is null) <> (reason_points_{n} is null)" for n in range(1, 5)),
        *(f"coalesce(reason_points_{n} <= 0, false)" for n in range(1, 5)),
        *(f"coalesce(reason_points_{n}, 0) < coalesce(reason_points_{n + 1}, 0)" for n in range(1, 4)),
    ]
)


def suite(scope: Scope) -> ExpectationSuite:
    return ExpectationSuite(
        name="loan_score",
        expectations=[
            ExpectOneRowPer(
                key=["loan_id"],
                **rule(
                    "one_score_per_loan",
                    "每笔贷款只有一个评分。",
                    "Each loan has one score.",
                    why="Two probabilities of one loan are none.",
                ),
            ),
            gxe.ExpectColumnValuesToBeInSet(
                column="score_status",
                value_set=STATUSES,
                **rule(
                    "score_says_its_status",
                    "评分状态在代码表内。",
                    "The score says whether it is one, or why not.",
                    why="An unknown status would be read as a score.",
                ),
            ),
            ExpectNoRowsFrom(
                query=scope.sql(FEATURES_WITHOUT_A_SCORE),
                **rule(
                    "every_loan_with_features_has_a_score_row",
                    "有特征的贷款都有评分行，且分层一致。",
                    "Every loan with features has a row of the score, of the same segment, and no other loan has.",
                    why="A loan that was left out keeps a score of another day.",
                ),
            ),
            ExpectNoRowsWhere(
                where=RATES_WHERE_THEY_MUST_NOT_BE,
                **rule(
                    "a_probability_only_where_scored",
                    "仅已评分的贷款有概率和原因。",
                    "Only a scored loan has a probability and reasons.",
                    why="A card says nothing of loans that it was not trained on.",
                ),
            ),
            ExpectNoRowsWhere(
                where="predicted_rate < 0 or predicted_rate > 1",
                **rule(
                    "a_probability_lies_between_0_and_1",
                    "概率在0到1之间。",
                    "A probability lies between 0 and 1.",
                    why="Whatever is computed from it would be wrong by its factor.",
                ),
            ),
            ExpectNoRowsWhere(
                where=REASONS_OUT_OF_ORDER,
                **rule(
                    "reasons_raise_the_risk_worst_first",
                    "原因均提高风险，且由高到低排列。",
                    "Each reason raises the risk, the worst stands first.",
                    why="People would be told a lesser reason, or one that speaks for the borrower.",
                ),
            ),
            ExpectNoRowsFrom(
                query=scope.sql(SCORED_WITHOUT_A_CHAMPION),
                **rule(
                    "scores_come_from_the_champion_of_the_day",
                    "评分来自当日已批准的冠军模型；没有冠军模型则不评分。",
                    "Scores come from the approved champion of the day; without one nothing is scored.",
                    why="Nobody has approved another card for these loans.",
                ),
            ),
        ],
    )
