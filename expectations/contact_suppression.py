"""What must hold for the contacts that a rule forbids."""

from great_expectations.core import ExpectationSuite

from expectations.rules import ExpectNoRowsWhere, ExpectOneRowPer, rule
from expectations.scope import Scope

STAGE = "lists"
SAYS_NOTHING = "btrim(reason_text_zh) = '' or btrim(reason_text_en) = '' or reason_text_zh || reason_text_en ~ '[{}]'"
NO_RULE = "btrim(blocked_rule_code) = '' or work_date <= business_date or next_allowed_date <= business_date"


def suite(scope: Scope) -> ExpectationSuite:
    return ExpectationSuite(
        name="contact_suppression",
        expectations=[
            ExpectOneRowPer(
                key=["borrower_id"],
                **rule(
                    "one_suppression_per_borrower",
                    "每位借款人只有一行。",
                    "Each borrower has one row.",
                    why="A suppression counts once.",
                ),
            ),
            ExpectNoRowsWhere(
                where=NO_RULE,
                **rule(
                    "every_suppression_names_its_rule",
                    "每条禁止须有规则，日期在业务日之后。",
                    "Every suppression names its rule, and its dates lie ahead.",
                    why="Compliance asks which rule it was.",
                ),
            ),
            ExpectNoRowsWhere(
                where=SAYS_NOTHING,
                **rule(
                    "every_suppression_says_why_in_both_languages",
                    "每条禁止有完整的中英文原因。",
                    "Every suppression says why, in Chinese and in English.",
                    why="The team has to understand why a list is short.",
                ),
            ),
        ],
    )
