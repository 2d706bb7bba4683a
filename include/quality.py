"""Runs the suites of ``expectations/`` with Great Expectations and reads the outcome, rule by rule.

Nothing that GX keeps or prints may hold a row value: every expectation asks for counts, result details that could carry
values are switched off, and what a driver says about an error is reduced to its class.
"""

import logging
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

os.environ["GX_ANALYTICS_ENABLED"] = "False"  # read at import

import great_expectations as gx
import great_expectations.expectations as gxe
import sqlalchemy as sa
from great_expectations.core import ExpectationSuite, ExpectationValidationResult
from great_expectations.core.batch import Batch
from great_expectations.core.metric_domain_types import MetricDomainTypes
from great_expectations.core.metric_function_types import MetricPartialFunctionTypes
from great_expectations.datasource.fluent import PostgresDatasource
from great_expectations.datasource.fluent.interfaces import TestConnectionError
from great_expectations.execution_engine import SqlAlchemyExecutionEngine
from great_expectations.expectations.expectation import Expectation
from great_expectations.expectations.metrics.metric_provider import metric_partial
from great_expectations.expectations.metrics.table_metric_provider import TableMetricProvider
from sqlalchemy.engine import make_url

from expectations.catalogue import suites
from expectations.rules import ExpectNoRowsFrom, ExpectNoRowsWhere, ExpectOneRowPer
from expectations.scope import Scope
from include.errors import PostloanError
from include.settings import Settings
from include.warehouse.connection import run_options, warehouse_url
from include.warehouse.roles import VALIDATOR

# counts, and no value of any row: not in results, not in Data Docs
COUNTS_ONLY: dict[str, Any] = {
    "result_format": "BASIC",
    "partial_unexpected_count": 0,
    "exclude_unexpected_values": True,
}
# errors whose message names tables and columns only, so that it may be shown
TIMEOUT = "QueryCanceled"
SAFE_ERRORS = ("UndefinedColumn", "UndefinedTable", "UndefinedFunction", "InsufficientPrivilege", "SyntaxError")


@dataclass(frozen=True)
class Outcome:
    """What became of one rule. ``count``: rows (or groups) that break it; None when it could not be evaluated.

    ``number``: its place in the suite. ``expectation`` and ``details``: what Great Expectations says, numbers only.
    """

    table: str
    number: int
    rule: str
    severity: str
    outcome: str  # PASS, FAIL or ERROR
    count: int | None
    error: str | None
    zh: str
    en: str
    why: str
    rows_sql: str
    expectation: dict[str, Any]
    details: dict[str, float]

    @property
    def is_stop(self) -> bool:
        """A rule that could not be evaluated is no pass, however mild it is."""
        return self.outcome == "ERROR" or (self.outcome == "FAIL" and self.severity == "critical")

    @property
    def is_warning(self) -> bool:
        return self.outcome == "FAIL" and not self.is_stop


class FailingRows(TableMetricProvider):
    """The number of rows that break a rule, as one more aggregate of the statement that GX sends for the table."""

    metric_name = "postloan.failing_rows"
    value_keys = ("where", "query", "key")

    @metric_partial(
        engine=SqlAlchemyExecutionEngine,
        partial_fn_type=MetricPartialFunctionTypes.AGGREGATE_FN,
        domain_type=MetricDomainTypes.TABLE,
    )
    def _sqlalchemy(
        cls,  # noqa: N805 - GX calls it with the class
        execution_engine: SqlAlchemyExecutionEngine,
        metric_domain_kwargs: dict,
        metric_value_kwargs: dict,
        metrics: dict,
        runtime_configuration: dict,
    ) -> tuple:
        return sa.literal_column(_counting_sql(metric_value_kwargs), sa.BigInteger), metric_domain_kwargs, {}


def check(
    settings: Settings, stage: str, scope: Scope, *, shown: Scope | None = None, only: str | None = None
) -> list[Outcome]:
    """Run the suites of a stage (``marts`` or ``lists``), or that of the table ``only``: an outcome a rule, in order.

    shown: the scope that a person uses who wants to see the rows (default: ``scope`` itself). Reads only. What is wrong
    with data or rules is an outcome; a table that is not there raises PostloanError.
    """
    outcomes = []
    with _quiet_gx():
        context = gx.get_context(mode="ephemeral")
        context.variables.progress_bars = {"globally": False}
        source = context.data_sources.add_postgres(
            "warehouse", connection_string=_url(settings, scope), create_temp_table=False
        )
        to_show = suites(stage, shown or scope)
        for table, suite in suites(stage, scope).items():
            if only in (None, table):
                results = _validate(_batch_of(source, table, scope), suite)
                queries = [rows_sql(one, table, shown or scope) for one in to_show[table].expectations]
                outcomes += [
                    _outcome(table, number, one, results[_rule_of(one)], queries[number])
                    for number, one in enumerate(suite.expectations)
                ]
    return outcomes


def rows_sql(expectation: Expectation, table: str, scope: Scope) -> str:
    """A query that shows the rows which break a rule, for the person who looks into it."""
    relation = f"{scope.candidate}.{table}"
    match expectation:
        case ExpectNoRowsFrom():
            return expectation.query.strip()
        case ExpectNoRowsWhere():
            condition = expectation.where.strip()
        case ExpectOneRowPer():
            key = ", ".join(expectation.key)
            return f"select {key}, count(*) from {relation} group by {key} having count(*) > 1"  # noqa: S608 - own names
        case gxe.ExpectColumnValuesToBeInSet():
            values = ", ".join(f"'{value}'" for value in expectation.value_set)
            condition = f"{expectation.column} not in ({values})"
        case gxe.ExpectColumnValuesToBeBetween(max_value=None):
            condition = f"{expectation.column} < {expectation.min_value:g}"
        case _:
            raise TypeError(f"no way to show the rows of {type(expectation).__name__}: add one here")
    return f"select * from {relation} where {condition}"  # noqa: S608 - own names


def _batch_of(source: PostgresDatasource, table: str, scope: Scope) -> Batch:
    try:
        # a table, found by the search path: of a query, GX would fetch every row to learn its columns
        asset = source.add_table_asset(table, table_name=table)
        return asset.add_batch_definition_whole_table("candidate").get_batch()
    except TestConnectionError as error:
        raise PostloanError(
            f"{scope.candidate}.{table} cannot be read: {_shown(str(error))}; nothing was audited",
            next_command="postloan migrate",
        ) from None  # the cause would repeat the statement and the address


def _validate(batch: Batch, suite: ExpectationSuite) -> dict[str, ExpectationValidationResult]:
    """Results by rule. Rules share a statement: where it failed they are asked one by one, so that one is broken."""
    validated = batch.validate(suite, result_format=COUNTS_ONLY)
    results = {_rule_of(one.expectation_config): one for one in validated.results}
    for expectation in suite.expectations:
        if _error_of(results[_rule_of(expectation)]) not in (None, TIMEOUT):
            results[_rule_of(expectation)] = batch.validate(expectation, result_format=COUNTS_ONLY)
    return results


def _outcome(
    table: str, number: int, expectation: Expectation, result: ExpectationValidationResult, query: str
) -> Outcome:
    error = _error_of(result)
    count = None if error else _count_of(result)
    if error is None and (count is None or (count == 0) is not bool(result.success)):
        error, count = "Great Expectations gave no count", None
    said: dict[str, Any] = result.to_json_dict()
    said["expectation_config"].pop("id", None)
    said["expectation_config"]["kwargs"].pop("batch_id", None)
    return Outcome(
        table=table,
        number=number,
        rule=_rule_of(expectation),
        severity=str(expectation.severity.value),
        outcome="ERROR" if error else "PASS" if count == 0 else "FAIL",
        count=count,
        error=error,
        zh=expectation.meta["zh"],
        en=expectation.meta["en"],
        why=str(expectation.notes),
        rows_sql=query,
        expectation=said["expectation_config"],
        details={name: value for name, value in said["result"].items() if isinstance(value, int | float)},
    )


def _count_of(result: ExpectationValidationResult) -> int | None:
    for name in ("observed_value", "unexpected_count"):
        value = result.result.get(name)
        if isinstance(value, int):
            return value
    # no row at all: GX counts nothing, and nothing breaks the rule
    return 0 if result.result.get("element_count") == 0 and result.success else None


def _error_of(result: ExpectationValidationResult) -> str | None:
    """The class of what went wrong, and its message only where that cannot hold a value; None: nothing did."""
    information = result.exception_info or {}
    entries = [information] if "raised_exception" in information else list(information.values())
    raised = [one for one in entries if one["raised_exception"]]
    if not raised:
        return None
    return _shown("\n".join(f"{one.get('exception_message')}\n{one.get('exception_traceback')}" for one in raised))


def _shown(text: str) -> str:
    """What of an error may be shown."""
    for name in SAFE_ERRORS:
        if match := re.search(rf"psycopg2\.errors\.{name}\)? ?:?\)? ?([^\n]*)", text):
            return f"{name}: {match.group(1).strip()}"
    if match := re.search(r'column "(\w+)" (?:in \w+ )?does not exist', text):
        return f"UndefinedColumn: {match.group(1)}"
    match = re.search(r"psycopg2\.errors\.(\w+)", text) or re.search(r"\b(\w+(?:Error|Exception))\b", text)
    return match.group(1) if match else "unknown error"


def _rule_of(expectation: Any) -> str:
    """The rule's own id, of an expectation or of its configuration."""
    return expectation.meta["rule"]


def _counting_sql(value_kwargs: dict) -> str:
    if query := value_kwargs.get("query"):
        # beside an aggregate, so that the statement has one row whatever else it asks and however many the table has
        return f"0 * count(*) + (select count(*) from ({query}) as failing)"  # noqa: S608 - our own rules, see Scope
    if where := value_kwargs.get("where"):
        return f"count(*) filter (where {where})"
    key = ", ".join(value_kwargs["key"])
    return f"count(*) - count(distinct ({key}))"


def _url(settings: Settings, scope: Scope) -> str:
    """The validator's own rights, less writing: an audit changes nothing, whatever a rule says."""
    url = make_url(warehouse_url(settings, role=VALIDATOR))
    # no nested loops: rows of a run that was written a minute ago are unknown to the planner's statistics, and a loop
    # chosen for one row runs a hundred thousand times
    session = f"-c default_transaction_read_only=on -c search_path={scope.candidate} -c enable_nestloop=off"
    of_run = run_options(scope.run_id, scope.business_date, scope.known_date or scope.business_date)
    options = f"{url.query['options']} {session} {of_run}"
    url = url.update_query_dict({"options": options, "application_name": "postloan:audit"})
    return url.render_as_string(hide_password=False)


@contextmanager
def _quiet_gx() -> Iterator[None]:
    """GX logs whole tracebacks, statements and parameters included; what matters of them is in the outcomes."""
    logger, nothing = logging.getLogger("great_expectations"), logging.NullHandler()
    propagates = logger.propagate
    logger.addHandler(nothing)
    logger.propagate = False
    try:
        yield
    finally:
        logger.propagate = propagates
        logger.removeHandler(nothing)
