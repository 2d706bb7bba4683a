"""What must hold for who revisits whom."""

from great_expectations.core import ExpectationSuite

from expectations.rules import ExpectNoRowsFrom, ExpectNoRowsWhere, ExpectOneRowPer, rule
from expectations.scope import Scope

STAGE = "lists"
NOBODY = (
    "('NO_NEED', 'NO_ROLE', 'NO_OFFICER_IN_REGION', 'NO_SKILL', 'NO_LANGUAGE', 'CONFLICT_OF_INTEREST', 'NO_CAPACITY')"
)
WITHOUT_REASON = f"(officer_id is null) <> (assignment_code in {NOBODY})"
SAYS_NOTHING = "btrim(reason_text_zh) = '' or btrim(reason_text_en) = '' or reason_text_zh || reason_text_en ~ '[{}]'"
NO_WINDOW = "work_date <= business_date or window_end_at <= window_start_at or local_from_time >= local_to_time"
TOO_MUCH = """
select assigned.officer_id
from {candidate}.revisit_assignment as assigned
left join {staging}.stg_workforce__officer_capacities as capacity
    on capacity.officer_id = assigned.officer_id and capacity.work_date = assigned.work_date
where
    assigned.officer_id is not null
    -- a restated date carries over what people worked from, whatever is known of that day since
    and not exists (select 1 from {ops}.run as run where run.run_id = {run_id} and run.kind = 'restate')
group by assigned.officer_id, assigned.channel_layer
having
    count(*) > coalesce(
        max(
            case assigned.channel_layer
                when 'FIELD' then capacity.max_field_visit_count
                else capacity.max_call_count
            end
        ),
        0
    )
"""
OWN_LOAN = """
select assigned.borrower_id
from {candidate}.revisit_assignment as assigned
join {staging}.stg_workforce__officers as officer on officer.officer_id = assigned.officer_id
where
    (officer.borrower_id = assigned.borrower_id or officer.is_active is not true)
    and not exists (select 1 from {ops}.run as run where run.run_id = {run_id} and run.kind = 'restate')
"""
SUPPRESSED_TOO = """
select assigned.borrower_id
from {candidate}.revisit_assignment as assigned
join {candidate}.contact_suppression as suppressed on suppressed.borrower_id = assigned.borrower_id
"""


def suite(scope: Scope) -> ExpectationSuite:
    return ExpectationSuite(
        name="revisit_assignment",
        expectations=[
            ExpectOneRowPer(
                key=["borrower_id"],
                **rule(
                    "one_item_per_borrower",
                    "每位借款人只有一个工作项。",
                    "Each borrower is one work item.",
                    why="A borrower with three loans is called once.",
                ),
            ),
            ExpectNoRowsWhere(
                where=WITHOUT_REASON,
                **rule(
                    "nobody_assigned_says_why",
                    "未分配须有原因，已分配须有负责人。",
                    "An item has an officer, or a reason why nobody.",
                    why="Work without an owner and without a reason is lost.",
                ),
            ),
            ExpectNoRowsWhere(
                where=SAYS_NOTHING,
                **rule(
                    "every_item_says_why_in_both_languages",
                    "每个工作项有完整的中英文原因。",
                    "Every item says why, in Chinese and in English.",
                    why="Whoever calls has to know what for.",
                ),
            ),
            ExpectNoRowsWhere(
                where=NO_WINDOW,
                **rule(
                    "every_item_has_a_window_ahead",
                    "工作日在业务日之后，且有允许时段。",
                    "The work date lies ahead and the item has hours in which contact is allowed.",
                    why="A call outside the window is unlawful.",
                ),
            ),
            ExpectNoRowsFrom(
                query=scope.sql(TOO_MUCH),
                **rule(
                    "nobody_has_more_than_the_day_holds",
                    "分配不超过当日产能。",
                    "Nobody is given more than the day holds.",
                    why="What does not fit is not done and looks as if it were.",
                ),
            ),
            ExpectNoRowsFrom(
                query=scope.sql(OWN_LOAN),
                **rule(
                    "nobody_works_their_own_loan",
                    "不得分配给本人贷款或离职人员。",
                    "Nobody works their own loan or after leaving.",
                    why="A conflict of interest, or a list that nobody reads.",
                ),
            ),
            ExpectNoRowsFrom(
                query=scope.sql(SUPPRESSED_TOO),
                **rule(
                    "nobody_is_assigned_and_suppressed",
                    "同一借款人不得既分配又禁止联系。",
                    "No borrower is assigned and suppressed.",
                    why="The call would be made that a rule forbids.",
                ),
            ),
        ],
    )
