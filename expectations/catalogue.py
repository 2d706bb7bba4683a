"""Which suites are run after which step. A new checked table is one file and one line here."""

from collections.abc import Callable

from great_expectations.core import ExpectationSuite

from expectations import (
    borrower_position,
    kpi_portfolio_daily,
    loan_position,
    loan_signal,
    touched_loan,
    warning_cleared,
    warning_list,
)
from expectations.scope import Scope

SuiteOf = Callable[[Scope], ExpectationSuite]
STAGES: dict[str, dict[str, SuiteOf]] = {
    "marts": {
        "touched_loan": touched_loan.suite,
        "loan_position": loan_position.suite,
        "loan_signal": loan_signal.suite,
        "borrower_position": borrower_position.suite,
        "kpi_portfolio_daily": kpi_portfolio_daily.suite,
    },
    "lists": {
        "warning_list": warning_list.suite,
        "warning_cleared": warning_cleared.suite,
    },
}


def suites(stage: str, scope: Scope) -> dict[str, ExpectationSuite]:
    """Suites by checked table, in the order in which they are run."""
    return {table: suite_of(scope) for table, suite_of in STAGES[stage].items()}
