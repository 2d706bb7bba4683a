"""Turns a dated book of loans into deliveries: one history, then one delivery per business date and system.

The readers of public data (``superlender``, ``kiva``) only say what a source states; how that is cut into days and
written is the same for both and stands here.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import ROUND_DOWN, Decimal
from itertools import pairwise
from pathlib import Path

import pandas as pd

from include.errors import PostloanError
from include.landing.delivery_writer import write_delivery

CENT = Decimal("0.01")


@dataclass(frozen=True)
class SourceBook:
    """A source's whole book as text. Dates are ISO text, amounts exact decimals, an empty string means not stated."""

    contracts_on: Callable[[date], pd.DataFrame]
    """The full extract of ``loan_contract`` as the lender would have cut it at the end of that day."""
    schedules: pd.DataFrame
    """``repayment_schedule``; a row is known on its schedule_effective_date."""
    transactions: pd.DataFrame
    """``repayment_transaction``; a row is known on its booking_date."""
    balances_on: Callable[[date], pd.DataFrame] | None = None
    """``core_loan_balance`` at the end of that day, delivered at month-ends; None: the source does not know."""


@dataclass(frozen=True)
class Summary:
    """What was written. ``unusable`` says which rows landing is expected to refuse, by reason, in plain words.

    ``quarantine_share``: the share of bad rows that an installation must accept for every delivery to land; 0 when the
    contracts' own limits do.
    """

    business_dates: tuple[date, ...]
    from_date: date
    loans: int
    instalments: int
    transactions: int
    unusable: dict[str, int]
    quarantine_share: float = 0.0


def write_book(
    book: SourceBook,
    landing: Path,
    *,
    history_to: date,
    dates: Sequence[date],
    unusable: dict[str, int],
    file_format: str = "csv",
    compress: bool = False,
) -> Summary:
    """Write a history up to ``history_to`` and a daily delivery of both systems for each of ``dates``.

    A daily delivery holds everything known since the delivery before it, so the dates need not be every day.
    Raises PostloanError when the dates do not rise from the end of the history.
    """
    ends = [history_to, *dates]
    if any(later <= earlier for earlier, later in pairwise(ends)):
        raise PostloanError(f"business dates must rise from the end of the history {history_to}: {list(dates)}")
    schedule_known = book.schedules["schedule_effective_date"]
    transaction_known = book.transactions["booking_date"]
    disbursed = book.contracts_on(dates[-1] if dates else history_to)["disbursement_date"]
    first_known = min(known[known != ""].min() for known in (schedule_known, transaction_known, disbursed))
    from_date = date.fromisoformat(first_known)
    after = from_date - timedelta(days=1)
    for end in ends:
        schedules = _known_in(book.schedules, schedule_known, after, end)
        repayments = _known_in(book.transactions, transaction_known, after, end)
        contracts = book.contracts_on(end)
        is_history = end == history_to
        core = {"loan_contract": contracts, "repayment_schedule": schedules}
        if book.balances_on is not None and (end + timedelta(days=1)).day == 1:
            core["core_loan_balance"] = book.balances_on(end)
        for system, tables in (
            ("core_banking", core),
            ("payments", {"repayment_transaction": repayments}),
        ):
            write_delivery(
                landing,
                system,
                end,
                {table: _with_nulls(frame) for table, frame in tables.items()},
                kind="history" if is_history else "daily",
                from_date=from_date if is_history else None,
                file_format=file_format,
                compress=compress,
            )
        after = end
    return Summary(
        tuple(ends),
        from_date,
        loans=len(contracts),
        instalments=int((schedule_known <= end.isoformat()).sum()),
        transactions=int((transaction_known <= end.isoformat()).sum()),
        unusable=unusable,
    )


def read_text(path: Path) -> pd.DataFrame:
    """A CSV file as text only: ids keep their zeros, nothing is guessed, empty stays an empty string."""
    if not path.is_file():
        raise PostloanError(
            f"{path} does not exist: --from must name the folder that holds {path.name}", next_command="ls"
        )
    return pd.read_csv(path, dtype=str, keep_default_na=False, encoding="utf-8")


def local_dates(timestamps: pd.Series, timezone: str | None = None) -> pd.Series:
    """The calendar dates of timestamps as ISO text, empty where empty. With a zone: UTC instants seen from there."""
    parsed = pd.to_datetime(timestamps.where(timestamps != "", None), format="ISO8601", utc=timezone is not None)
    if timezone is not None:
        parsed = parsed.dt.tz_convert(timezone)
    return parsed.dt.strftime("%Y-%m-%d").fillna("").astype(object)


def exact_amount(text: str) -> str:
    """The same number with two places ('' stays ''); a number with a fraction of a cent is an error, never rounded."""
    if text == "":
        return ""
    value = Decimal(text)
    if value != value.quantize(CENT):
        raise PostloanError(f"{text} is not an amount in whole cents")
    return str(value.quantize(CENT))


def equal_parts(total: Decimal, count: int) -> list[Decimal]:
    """``count`` parts to the cent that add up to ``total``; the last one carries what does not divide."""
    part = (total / count).quantize(CENT, rounding=ROUND_DOWN)
    return [part] * (count - 1) + [total - part * (count - 1)]


def every_day(first: date, last: date) -> tuple[date, ...]:
    """All calendar days from first to last, both included."""
    return tuple(first + timedelta(days=day) for day in range((last - first).days + 1))


def _known_in(frame: pd.DataFrame, known: pd.Series, after: date, end: date) -> pd.DataFrame:
    return frame[(known > after.isoformat()) & (known <= end.isoformat())]


def _with_nulls(frame: pd.DataFrame) -> pd.DataFrame:
    text = frame.astype(object)
    return text.mask(text == "", None)
