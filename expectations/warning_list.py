"""What must hold for the list that people work from: who is on it and why."""

import great_expectations.expectations as gxe
from great_expectations.core import ExpectationSuite
from great_expectations.expectations.expectation import Expectation

from expectations.list_band import band_rules
from expectations.loan_signal import SEVERITIES
from expectations.rules import ExpectNoRowsFrom, ExpectNoRowsWhere, ExpectOneRowPer, rule
from expectations.scope import Scope

STAGE = "lists"
# a severity that is not known at all is another rule's finding
CHANGE_UNLIKE_SEVERITIES = """
severity in ('YELLOW', 'ORANGE', 'RED', 'RED_CRITICAL')
and case when change = 'REOPENED' then 'NEW' else change end is distinct from case
    when previous_severity is null then 'NEW'
    when severity = previous_severity then 'SAME'
    when
        array_position(array['YELLOW', 'ORANGE', 'RED', 'RED_CRITICAL'], severity)
        > array_position(array['YELLOW', 'ORANGE', 'RED', 'RED_CRITICAL'], previous_severity)
        then 'UP'
    else 'DOWN'
end
"""
REASONS_LEFT_OPEN = """
btrim(reason_text_zh) = '' or btrim(reason_text_en) = '' or reason_text_zh || reason_text_en ~ '[{}]'
"""
LISTED_SINCE_ANOTHER_DAY = """
listed_since_date > as_of_date or (change in ('NEW', 'REOPENED')) <> (listed_since_date = as_of_date)
"""
LISTED_AND_NOT_LIVE = """
select listed.loan_id
from {candidate}.warning_list as listed
left join {candidate}.loan_position as position on position.loan_id = listed.loan_id and position.is_live
where position.loan_id is null
"""
LISTED_UNLIKE_THE_SCORE = """
select listed.loan_id
from {candidate}.warning_list as listed
left join {candidate}.loan_score as score on score.loan_id = listed.loan_id
where listed.score_status <> coalesce(score.score_status, 'NO_MODEL_YET')
"""
# what the list repeats, so that whoever works it needs no second query
LISTED_UNLIKE_THE_POSITION = """
select listed.loan_id
from {candidate}.warning_list as listed
join {candidate}.loan_position as position on position.loan_id = listed.loan_id and position.is_live
where
    (
        listed.borrower_id, listed.product_code, listed.branch_code, listed.currency, listed.delinquency_bucket,
        listed.oldest_unpaid_due_date, listed.past_due_amount, listed.principal_outstanding_amount,
        listed.next_due_date
    ) is distinct from (
        position.borrower_id, position.product_code, position.branch_code, position.currency,
        position.delinquency_bucket, position.oldest_unpaid_due_date, position.past_due_amount,
        position.principal_outstanding_amount, position.next_due_date
    )
"""
LISTED_SIGNALS_WITHOUT_AN_EPISODE = """
select listed.loan_id
from {candidate}.warning_list as listed
cross join unnest(string_to_array(nullif(btrim(listed.signal_codes), ''), ',')) as listed_code
left join {candidate}.warning_episode as episode
    on
        episode.loan_id = listed.loan_id
        and episode.signal_code = listed_code
        and episode.state_code in ('OPEN', 'HELD', 'UNKNOWN')
where episode.loan_id is null
"""
OPEN_EPISODES_NOT_LISTED = """
select episode.loan_id
from {candidate}.warning_episode as episode
left join {candidate}.warning_list as listed on listed.loan_id = episode.loan_id
where
    episode.state_code in ('OPEN', 'HELD', 'UNKNOWN')
    and coalesce(listed.signal_codes, '-') <> ''
    and (listed.loan_id is null or episode.signal_code <> all (string_to_array(listed.signal_codes, ',')))
"""
SEVERITY_UNLIKE_THE_EPISODES = """
with families as (
    select
        listed.loan_id,
        listed.severity,
        signal.family_code,
        max(array_position(array['YELLOW', 'ORANGE', 'RED', 'RED_CRITICAL'], episode.severity)) as rank
    from {candidate}.warning_list as listed
    join {candidate}.warning_episode as episode
        on episode.loan_id = listed.loan_id and episode.signal_code = any (string_to_array(listed.signal_codes, ','))
    left join {ref}.signal as signal on signal.signal_code = episode.signal_code and {valid}
    where listed.severity in ('YELLOW', 'ORANGE', 'RED', 'RED_CRITICAL')
    group by listed.loan_id, listed.severity, signal.family_code
),

together as (
    select
        families.loan_id,
        array_position(array['YELLOW', 'ORANGE', 'RED', 'RED_CRITICAL'], combination.severity) as rank
    from families
    join {ref}.severity_combination as combination
        on
            {valid}
            and families.rank
            >= array_position(array['YELLOW', 'ORANGE', 'RED', 'RED_CRITICAL'], combination.from_severity)
    group by families.loan_id, combination.from_severity, combination.severity, combination.family_count
    having count(*) >= combination.family_count
)

select families.loan_id
from families
left join (select loan_id, max(rank) as rank from together group by loan_id) as combined
    on combined.loan_id = families.loan_id
group by families.loan_id, families.severity, combined.rank
having
    greatest(max(families.rank), combined.rank)
    <> array_position(array['YELLOW', 'ORANGE', 'RED', 'RED_CRITICAL'], families.severity)
"""
WITHOUT_A_PLACE = """
lane_code is null or lane_owner is null or treatment_code is null or is_work_today is null
or alert_status is null or attention_since_date is null or is_escalated is null
or lane_code = 'EARLY' and days_past_due > 0
"""
IN_TWO_LANES = """
select borrower_id from {candidate}.warning_list
group by borrower_id having count(distinct (lane_code, lane_owner, treatment_code)) > 1
"""
PRIORITY_UNLIKE_ITS_PARTS = """
priority_exposure_amount is distinct from
case when past_due_amount > 0 then past_due_amount else principal_outstanding_amount end
or priority_roll_rate is null or priority_roll_rate not between 0 and 1
or priority_reach_factor is null or priority_urgency_factor is null
or (priority_points is null) <> (priority_status = 'NO_CURRENCY_POLICY')
or priority_status is null or priority_status not in ('HEURISTIC', 'NO_CURRENCY_POLICY')
"""
WORKED_UNLIKE_THE_ITEM = """
select listed.loan_id
from {candidate}.warning_list as listed
left join {candidate}.work_item as item on item.borrower_id = listed.borrower_id
where listed.is_work_today is distinct from coalesce(item.is_work_today, false)
"""
LISTED_UNLIKE_THE_BASE = """
select listed.loan_id
from {candidate}.warning_list as listed
left join {published}.warning_list as former
    on
        former.loan_id = listed.loan_id
        and former.business_date = {base_business_date}
        and former.run_id = {base_run_id}
where
    listed.previous_severity is distinct from former.severity
    or former.listed_since_date <> listed.listed_since_date
"""
GONE_WITHOUT_A_WORD = """
select former.loan_id
from {published}.warning_list as former
where
    {base}
    and not exists (
        select 1 from {candidate}.warning_list as listed where listed.loan_id = former.loan_id
    )
    and not exists (
        select 1 from {candidate}.warning_cleared as cleared where cleared.loan_id = former.loan_id
    )
"""


def suite(scope: Scope) -> ExpectationSuite:
    return ExpectationSuite(
        name="warning_list",
        expectations=[*_rows(), *_positions(scope), *_signals(scope), *_work(scope), *_base(scope), *band_rules(scope)],
    )


def _rows() -> list[Expectation]:
    return [
        ExpectOneRowPer(
            key=["loan_id"],
            **rule(
                "one_row_per_listed_loan",
                "每笔预警贷款只有一行。",
                "Each listed loan has one row.",
                why="Two rows send two officers to one door.",
            ),
        ),
        gxe.ExpectColumnValuesToBeInSet(
            column="severity",
            value_set=SEVERITIES,
            **rule(
                "severity_is_known",
                "严重度在代码表内。",
                "The severity is one of the four levels.",
                why="Treatment follows from severity; an unknown one is treated by nobody.",
            ),
        ),
        ExpectNoRowsWhere(
            where=CHANGE_UNLIKE_SEVERITIES,
            **rule(
                "change_compares_with_the_base",
                "变化等于本次严重度与前次严重度之比较。",
                "The change is the comparison of the severity with the previous one.",
                why="NEW and UP are what people look at first in the morning.",
            ),
        ),
        ExpectNoRowsWhere(
            where=LISTED_SINCE_ANOTHER_DAY,
            **rule(
                "new_loans_are_listed_since_today",
                "新列入或重新列入的贷款自当日列入，其余更早。",
                "A new or reopened loan is listed since this day, every other one since an earlier day.",
                why="Days on the list are counted from it, and so is how long nothing was done.",
            ),
        ),
        ExpectNoRowsWhere(
            where=REASONS_LEFT_OPEN,
            **rule(
                "every_warning_says_why_in_both_languages",
                "每条预警有完整的中英文原因。",
                "Every warning says why, in Chinese and in English, with nothing left to fill in.",
                why="Nobody can talk to a borrower about a warning without a reason.",
            ),
        ),
    ]


def _positions(scope: Scope) -> list[Expectation]:
    return [
        ExpectNoRowsFrom(
            query=scope.sql(LISTED_UNLIKE_THE_SCORE),
            **rule(
                "score_status_is_that_of_the_score",
                "评分状态与评分表一致。",
                "The score status is that of the loan's score.",
                why="A list must not look as if a model had been used where none was.",
            ),
        ),
        ExpectNoRowsFrom(
            query=scope.sql(LISTED_AND_NOT_LIVE),
            **rule(
                "listed_loans_exist_and_are_live",
                "清单上的贷款存在且为存量。",
                "Every listed loan exists and is live.",
                why="A borrower who has paid everything back would be called.",
            ),
        ),
        ExpectNoRowsFrom(
            query=scope.sql(LISTED_UNLIKE_THE_POSITION),
            **rule(
                "the_list_repeats_the_position",
                "清单上的金额和日期与贷款状况一致。",
                "Amounts and dates on the list are those of the position.",
                why="The officer would name a debt that the books do not show.",
            ),
        ),
    ]


def _signals(scope: Scope) -> list[Expectation]:
    return [
        ExpectNoRowsWhere(
            where="btrim(signal_codes) = ''",
            **rule(
                "every_warning_has_a_signal",
                "每条预警至少有一个信号。",
                "Every warning has at least one signal.",
                why="A warning without a signal cannot be explained and never clears.",
            ),
        ),
        ExpectNoRowsFrom(
            query=scope.sql(LISTED_SIGNALS_WITHOUT_AN_EPISODE),
            **rule(
                "signals_of_a_warning_are_open",
                "预警的每个信号当日有未结束的周期。",
                "Every signal of a warning has an episode that is open on the day.",
                why="The evidence that the reason speaks of must exist.",
            ),
        ),
        ExpectNoRowsFrom(
            query=scope.sql(OPEN_EPISODES_NOT_LISTED),
            **rule(
                "every_open_episode_is_listed",
                "每个未结束的预警周期都在清单上。",
                "Every open episode stands on the list.",
                why="A loan that is getting worse would be missed: the one failure that nobody notices.",
            ),
        ),
        ExpectNoRowsFrom(
            query=scope.sql(SEVERITY_UNLIKE_THE_EPISODES),
            **rule(
                "severity_is_that_of_the_signals",
                "预警严重度为其信号中最高者，或按组合规则上调。",
                "The severity is the worst of the warning's signals, or what several kinds of them together make it.",
                why="The order in which people work follows from it.",
            ),
        ),
    ]


def _work(scope: Scope) -> list[Expectation]:
    return [
        ExpectNoRowsWhere(
            where=WITHOUT_A_PLACE,
            **rule(
                "every_warning_has_a_lane_and_a_treatment",
                "每条预警有通道、负责团队和处置，逾期者不在早期通道。",
                "Every warning has a lane, an owner and a treatment, and nobody who is past due is EARLY.",
                why="What belongs to nobody is worked by nobody, and late loans must not bury early warnings.",
            ),
        ),
        ExpectNoRowsFrom(
            query=scope.sql(IN_TWO_LANES),
            **rule(
                "every_borrower_is_in_one_lane",
                "同一借款人只在一个通道。",
                "All warnings of a borrower are in one lane, with one owner and one treatment.",
                why="Two teams would work one borrower, each in its own way.",
            ),
        ),
        ExpectNoRowsWhere(
            where=PRIORITY_UNLIKE_ITS_PARTS,
            **rule(
                "every_priority_shows_its_parts",
                "优先级各组成部分齐全，并标明为经验值。",
                "Every priority shows its parts and says that it is a heuristic.",
                why="Whoever is worked last may ask why.",
            ),
        ),
        ExpectNoRowsFrom(
            query=scope.sql(WORKED_UNLIKE_THE_ITEM),
            **rule(
                "worked_today_is_that_of_the_work_item",
                "当日处理标志与工作项一致。",
                "A warning is worked today exactly when the borrower's work item is.",
                why="Two lists that disagree are worked twice or not at all.",
            ),
        ),
    ]


def _base(scope: Scope) -> list[Expectation]:
    return [
        ExpectNoRowsFrom(
            query=scope.sql(LISTED_UNLIKE_THE_BASE),
            **rule(
                "the_list_continues_the_base",
                "前次严重度和列入日期与基准清单一致。",
                "Previous severity and the date of listing are those of the base's list.",
                why="A loan that stays on the list must not look new, or its age is lost.",
            ),
        ),
        ExpectNoRowsFrom(
            query=scope.sql(GONE_WITHOUT_A_WORD),
            **rule(
                "nobody_leaves_the_list_unseen",
                "基准清单上的贷款或仍在清单，或在解除清单。",
                "Every loan of the base's list is still listed, or among the cleared.",
                why="A warning must never just vanish.",
            ),
        ),
    ]
