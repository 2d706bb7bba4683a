"""The forms in which a table is refused, beside Great Expectations' own: nothing meets a condition, and a key is a key.

They count and never fetch: a result holds one number, so no row value can reach a log, a page or an alert. All of them
on one table are answered by one statement. (``UnexpectedRowsExpectation`` runs its query twice and fetches the rows.)
How a count is taken is the business of ``include/quality.py``.
"""

from typing import Any, ClassVar

from great_expectations.expectations.expectation import BatchExpectation

CRITICAL = "critical"  # stops the day: nothing is published
WARNING = "warning"  # kept and told in the digest; the day goes on


class _Counted(BatchExpectation):
    """Fails when its metric, a number of rows, is not zero."""

    metric_dependencies: ClassVar[tuple[str, ...]] = ("postloan.failing_rows",)
    success_keys: ClassVar[tuple[str, ...]] = ("where", "query", "key")
    domain_keys: ClassVar[tuple[str, ...]] = ("batch_id",)

    def _validate(
        self, metrics: dict[str, Any], runtime_configuration: object = None, execution_engine: object = None
    ) -> dict[str, Any]:
        count = metrics["postloan.failing_rows"]
        return {"success": count == 0, "result": {"observed_value": count}}


class ExpectNoRowsWhere(_Counted):
    """No row of the table meets ``where``, SQL over its columns. Unknown (null) is not met: say so where it matters."""

    where: str


class ExpectNoRowsFrom(_Counted):
    """``query``, SQL over any tables, finds nothing. For what only several tables together can show."""

    query: str


class ExpectOneRowPer(_Counted):
    """No two rows of the table share ``key``; its columns are never null."""

    key: list[str]


def rule(rule_id: str, zh: str, en: str, *, why: str, severity: str = CRITICAL) -> dict[str, Any]:
    """What every expectation carries: its id, what holds (both languages), why it matters, how bad it is if not."""
    return {
        "meta": {"rule": rule_id, "zh": zh, "en": en},
        "description": f"{zh} {en}",
        "notes": why,
        "severity": severity,
    }
