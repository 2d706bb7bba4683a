"""What must hold for the scores in shadow: the loans are the champion's, and only a registered challenger speaks."""

from great_expectations.core import ExpectationSuite

from expectations.rules import ExpectNoRowsFrom, ExpectNoRowsWhere, ExpectOneRowPer, rule
from expectations.scope import Scope

STAGE = "lists"
# every pair of a loan of the model and a challenger of the day has a row, and no other row is there
UNLIKE_THE_REGISTRY = """
select coalesce(expected.loan_id, shadow.loan_id) as loan_id
from (
    select score.loan_id, score.model_code, score.segment_code, challenger.model_version, challenger.card_sha256
    from (select loan_id, model_code, segment_code from {published}.loan_score where {run}) as score
    join {ref}.model_registry as challenger
        on challenger.model_code = score.model_code and challenger.state = 'CHALLENGER' and {valid}
) as expected
full join (
    select loan_id, model_code, segment_code, model_version, card_sha256
    from {published}.loan_score_shadow where {run}
) as shadow
    on
        shadow.loan_id = expected.loan_id
        and shadow.model_code = expected.model_code
        and shadow.segment_code = expected.segment_code
        and shadow.model_version = expected.model_version
        and shadow.card_sha256 = expected.card_sha256
where expected.loan_id is null or shadow.loan_id is null
"""
RATES_WHERE_THEY_MUST_NOT_BE = """
score_status not in ('SCORED', 'NOT_VALIDATED')
or (score_status = 'SCORED') <> (predicted_rate is not null)
or (predicted_rate is null) <> (score_points is null)
or predicted_rate < 0
or predicted_rate > 1
"""


def suite(scope: Scope) -> ExpectationSuite:
    return ExpectationSuite(
        name="loan_score_shadow",
        expectations=[
            ExpectOneRowPer(
                key=["loan_id", "model_version"],
                **rule(
                    "one_shadow_score_per_loan_and_challenger",
                    "每笔贷款在每个挑战者模型下只有一个影子评分。",
                    "Each loan has one shadow score of each challenger.",
                    why="The comparison with the champion would count a loan twice.",
                ),
            ),
            ExpectNoRowsFrom(
                query=scope.sql(UNLIKE_THE_REGISTRY),
                **rule(
                    "shadow_scores_are_those_of_the_challengers_of_the_day",
                    "影子评分覆盖当日全部已登记的挑战者模型和冠军模型的全部贷款，且仅此而已。",
                    "Shadow scores are there for every registered challenger of the day, on the champion's own loans.",
                    why="Champion and challenger would be compared on different loans, or by a card nobody validated.",
                ),
            ),
            ExpectNoRowsWhere(
                where=RATES_WHERE_THEY_MUST_NOT_BE,
                **rule(
                    "a_shadow_probability_only_where_scored",
                    "仅在适用人群内有影子概率，且在0到1之间。",
                    "Only a loan of the challenger's population has a shadow probability, and it lies between 0 and 1.",
                    why="A challenger says nothing of loans that it was not trained on.",
                ),
            ),
        ],
    )
