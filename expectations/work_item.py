"""What must hold for the items that people work on the work date."""

from great_expectations.core import ExpectationSuite

from expectations.rules import ExpectNoRowsFrom, ExpectNoRowsWhere, ExpectOneRowPer, rule
from expectations.scope import Scope

STAGE = "lists"
TODAY = "('ASSIGNED', 'BY_MACHINE', 'IN_CAPACITY', 'CAPACITY_UNKNOWN')"
NOT_TODAY = "('WATCHED', 'CONTACT_BLOCKED', 'NO_CAPACITY', 'NO_OFFICER', 'HANDLED')"
UNLIKE_ITS_CODE = f"""
is_work_today <> (work_today_code in {TODAY}) or is_work_today = (work_today_code in {NOT_TODAY})
or (work_today_code = 'ASSIGNED') <> (officer_id is not null)
"""
BLOCKED_TODAY = "is_work_today and blocked_rule_code is not null and work_code is distinct from 'DESK'"
SAYS_NOTHING = "btrim(reason_text_zh) = '' or btrim(reason_text_en) = '' or reason_text_zh || reason_text_en ~ '[{}]'"
WITHOUT_AN_ITEM = """
select wanted.borrower_id
from (
    -- a restated date carries over what people worked from, whatever its warnings are now
    select listed.borrower_id from {candidate}.warning_list as listed
    where not exists (select 1 from {ops}.run as run where run.run_id = {run_id} and run.kind = 'restate')
    union all
    select assigned.borrower_id from {candidate}.revisit_assignment as assigned
) as wanted
where not exists (select 1 from {candidate}.work_item as item where item.borrower_id = wanted.borrower_id)
"""
ANOTHER_OFFICER = """
select item.borrower_id
from {candidate}.work_item as item
left join {candidate}.revisit_assignment as assigned on assigned.borrower_id = item.borrower_id
where item.officer_id is distinct from assigned.officer_id
"""


def suite(scope: Scope) -> ExpectationSuite:
    return ExpectationSuite(
        name="work_item",
        expectations=[
            ExpectOneRowPer(
                key=["borrower_id"],
                **rule(
                    "one_work_item_per_borrower",
                    "每位借款人当日只有一个工作项。",
                    "Each borrower is one work item, over warnings, collections and revisits.",
                    why="Nobody is called twice on a day because two lists say so.",
                ),
            ),
            ExpectNoRowsWhere(
                where=UNLIKE_ITS_CODE,
                **rule(
                    "every_item_says_whether_and_why_it_is_worked",
                    "每个工作项说明当日是否处理及依据。",
                    "Every item says whether it is worked on the day, and why.",
                    why="What is left for another day is seen, not lost.",
                ),
            ),
            ExpectNoRowsWhere(
                where=BLOCKED_TODAY,
                **rule(
                    "nobody_is_contacted_against_a_rule",
                    "规则禁止联系的，当日不得联系。",
                    "No item that a contact rule forbids is worked on the day by contacting the borrower.",
                    why="It would be against the law.",
                ),
            ),
            ExpectNoRowsWhere(
                where=SAYS_NOTHING,
                **rule(
                    "every_work_item_says_why_in_both_languages",
                    "每个工作项有完整的中英文原因。",
                    "Every item says why, in Chinese and in English.",
                    why="Whoever calls has to know what for.",
                ),
            ),
            ExpectNoRowsFrom(
                query=scope.sql(WITHOUT_AN_ITEM),
                **rule(
                    "every_warning_and_every_revisit_has_an_item",
                    "每条预警和每个回访都有工作项。",
                    "Every borrower on the warning list or with a revisit of the day has an item.",
                    why="What stands on a list and on no one's desk is not done.",
                ),
            ),
            ExpectNoRowsFrom(
                query=scope.sql(ANOTHER_OFFICER),
                **rule(
                    "the_officer_is_the_one_assigned",
                    "工作项负责人与回访分配一致。",
                    "The officer of an item is the one to whom the revisit was assigned.",
                    why="Two people would call one borrower.",
                ),
            ),
        ],
    )
