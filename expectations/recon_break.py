"""What must hold for the list of breaks: each is real, dated from the day it was first seen, and answered for."""

from great_expectations.core import ExpectationSuite

from expectations.rules import WARNING, ExpectNoRowsFrom, ExpectNoRowsWhere, ExpectOneRowPer, rule
from expectations.scope import Scope

STAGE = "marts"
KEY = ["source_code", "subject_id", "measure_code", "currency"]
# a balance that one side does not have is a break whatever its size
INSIDE_TOLERANCE = """
select listed.subject_id
from {candidate}.recon_break as listed
left join {ref}.recon_tolerance as tolerance
    on tolerance.source_code = listed.source_code and tolerance.measure_code = listed.measure_code
    and tolerance.currency = listed.currency and {valid}
where
    listed.compared_date = {business_date}
    and case
        when listed.measure_code = 'oldest_unpaid_due_date'
            then listed.our_date is not distinct from listed.their_date
            or abs(listed.difference_days) <= tolerance.item_tolerance
        else listed.our_amount is not null and listed.their_amount is not null
            and abs(listed.our_amount - listed.their_amount) <= tolerance.item_tolerance
    end
"""
UNLIKE_THE_POSITION = """
select listed.subject_id
from {candidate}.recon_break as listed
left join {candidate}.loan_position as position
    on position.loan_id = listed.subject_id and position.currency = listed.currency
where
    listed.source_code = 'core_loan_balance'
    and listed.compared_date = {business_date}
    and listed.measure_code <> 'oldest_unpaid_due_date'
    and listed.our_amount is distinct from case listed.measure_code
        when 'principal_outstanding' then position.principal_outstanding_amount
        when 'past_due' then position.past_due_amount
        when 'paid_to_date' then position.paid_to_date_amount
    end
"""
FIRST_SEEN_ANEW = """
select listed.subject_id
from {candidate}.recon_break as listed
left join (select * from {published}.recon_break where {base}) as former
    using (source_code, subject_id, measure_code, currency)
where listed.first_seen_date <> coalesce(former.first_seen_date, {business_date})
"""
KNOWN_BY_NOBODY = """
select listed.subject_id
from {candidate}.recon_break as listed
where
    listed.known_break_id is not null
    and not exists (
        select 1 from {ref}.recon_known_break as known
        where known.known_break_id = listed.known_break_id and {valid} and known.valid_to = listed.known_until_date
    )
"""


def suite(scope: Scope) -> ExpectationSuite:
    return ExpectationSuite(
        name="recon_break",
        expectations=[
            ExpectOneRowPer(
                key=KEY,
                **rule(
                    "one_row_per_break",
                    "每项差异只有一行。",
                    "Each break has one row.",
                    why="A break that stands twice counts twice towards the total that stops the day.",
                ),
            ),
            ExpectNoRowsFrom(
                query=scope.sql(INSIDE_TOLERANCE),
                **rule(
                    "a_break_exceeds_its_tolerance",
                    "差异大于该项容差。",
                    "A break is larger than the tolerance of its measure.",
                    why="People who chase differences that are none stop chasing.",
                ),
            ),
            ExpectNoRowsFrom(
                query=scope.sql(UNLIKE_THE_POSITION),
                **rule(
                    "a_break_shows_the_position_that_readers_see",
                    "差异清单中的本系统金额等于贷款状况。",
                    "Our side of a break is the position that readers see.",
                    why="A difference between other figures than those published explains nothing.",
                ),
            ),
            ExpectNoRowsFrom(
                query=scope.sql(FIRST_SEEN_ANEW),
                **rule(
                    "the_list_continues_the_base",
                    "首次发现日延续基准日的清单。",
                    "A break of the base keeps the day on which it was first seen; a new one is of today.",
                    why="The age of a break decides who is asked about it.",
                ),
            ),
            ExpectNoRowsFrom(
                query=scope.sql(KNOWN_BY_NOBODY),
                **rule(
                    "known_breaks_are_in_policy_and_not_expired",
                    "已知差异有未到期的政策依据。",
                    "A known break has a policy row that has not expired.",
                    why="An explanation that has expired, or that nobody gave, hides a difference.",
                ),
            ),
            ExpectNoRowsWhere(
                where="owner_code is null",
                **rule(
                    "every_break_has_an_owner",
                    "每项差异均有责任部门。",
                    "Every break has an owner.",
                    why="A difference that is nobody's stays.",
                    severity=WARNING,
                ),
            ),
        ],
    )
