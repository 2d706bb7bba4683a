"""Which date a run is for: its partition key, or else its parameter. Never the time at which it happens to run."""

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any

from airflow.sdk import Param

from include.errors import RefusedError

BUSINESS_DATE = "{{ dag_run.partition_key or params.business_date }}"
MONTH = "{{ dag_run.partition_key or params.month }}"
DATE_PATTERN = r"^\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])$"
MONTH_PATTERN = r"^\d{4}-(0[1-9]|1[0-2])$"


def date_param(title: str) -> Param:
    """A date that may be left out."""
    return Param(None, type=["null", "string"], format="date", pattern=DATE_PATTERN, title=title)


def as_date(business_date: str) -> date:
    """The date of a rendered ``BUSINESS_DATE``. Raises RefusedError when the run names none."""
    try:
        return date.fromisoformat(business_date)
    except ValueError as error:
        raise RefusedError(
            f"this run names no business date (its key is {business_date!r}): give it a partition key like 2026-01-31",
            next_command="postloan run 2026-01-31  # the same without Airflow",
        ) from error


def as_month(month: str) -> date:
    """The first day of a rendered ``MONTH``. Raises RefusedError when the run names none."""
    try:
        return date.fromisoformat(f"{month}-01")
    except ValueError as error:
        raise RefusedError(
            f"this run names no month (its key is {month!r}): give it a partition key like 2026-01"
        ) from error


def chosen_dates(params: Mapping[str, Any]) -> list[date]:
    """The dates of ``from_date`` to ``to_date``, both included, and of ``dates``, in order.

    Raises RefusedError when there are none or a range lacks one end.
    """
    first, last = params["from_date"], params["to_date"]
    if (first is None) != (last is None):
        raise RefusedError("a range needs both from_date and to_date; for one date give the same date twice")
    chosen = {as_date(text) for text in params["dates"]}
    if first is not None:
        start, days = as_date(first), (as_date(last) - as_date(first)).days
        chosen |= {start + timedelta(days=number) for number in range(days + 1)}
    if not chosen:
        raise RefusedError("no business date was chosen: give dates, or from_date and a to_date that is not before it")
    return sorted(chosen)
