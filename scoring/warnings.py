"""The warning list of a day: which live loans have an open signal, how bad, since when, and why in two languages.

Pure: frames and policy in, frames out. The list is chained: it may read the list of the base publication (a signal that
was open there stays open until it meets its clear threshold) and nothing else of the past.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

import pandas as pd

SEVERITIES = ("YELLOW", "ORANGE", "RED", "RED_CRITICAL")
LIST_COLUMNS = (
    "loan_id", "borrower_id", "severity", "previous_severity", "change", "listed_since_date", "signal_codes",
    "reason_text_zh", "reason_text_en", "score_status", "product_code", "branch_code", "currency",
    "delinquency_bucket", "oldest_unpaid_due_date", "past_due_amount", "principal_outstanding_amount", "next_due_date",
)  # fmt: skip
CLEARED_COLUMNS = (
    "loan_id", "borrower_id", "last_severity", "listed_since_date", "cleared_signal_codes", "cleared_by",
    "reason_text_zh", "reason_text_en",
)  # fmt: skip
CARRIED_FROM_POSITION = (
    "borrower_id", "score_status", "product_code", "branch_code", "currency", "delinquency_bucket",
    "oldest_unpaid_due_date", "past_due_amount", "principal_outstanding_amount", "next_due_date",
)  # fmt: skip


@dataclass(frozen=True)
class ReasonText:
    """One line of the catalogue, with named places such as ``{observed_date}``."""

    zh: str
    en: str

    def fill(self, facts: Mapping[str, str]) -> "ReasonText":
        return ReasonText(self.zh.format_map(facts), self.en.format_map(facts))


def warnings_of_day(
    business_date: date,
    positions: pd.DataFrame,
    signals: pd.DataFrame,
    base_list: pd.DataFrame,
    reasons: Mapping[str, ReasonText],
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The complete list and who left it.

    positions: one row a loan that has a signal row or was listed (loan_id, is_live, loan_status and what the list
        shows); amounts are Decimal, dates are ``date``, missing values None.
    signals: loan_id, signal_code, meets_raise, meets_clear, severity, observed_value, observed_date.
    base_list: the list of the base publication; empty when there is none.
    Returns frames with LIST_COLUMNS and CLEARED_COLUMNS, each sorted by loan_id.
    """
    position_of = {row["loan_id"]: row for row in _records(positions)}
    listed_before = {row["loan_id"]: row for row in _records(base_list)}
    open_signals: dict[str, list[dict[str, Any]]] = {}
    for signal in _records(signals):
        if _is_open(signal, listed_before) and position_of[signal["loan_id"]]["is_live"]:
            open_signals.setdefault(signal["loan_id"], []).append(signal)
    listed = [
        _list_row(business_date, position_of[loan_id], open_signals[loan_id], listed_before.get(loan_id), reasons)
        for loan_id in sorted(open_signals)
    ]
    cleared = [
        _cleared_row(listed_before[loan_id], position_of.get(loan_id), reasons)
        for loan_id in sorted(set(listed_before) - set(open_signals))
    ]
    # dtype object: pandas would turn the missing previous severity of a new warning into NaN, written as "nan"
    return (
        pd.DataFrame(listed, columns=list(LIST_COLUMNS), dtype=object),
        pd.DataFrame(cleared, columns=list(CLEARED_COLUMNS), dtype=object),
    )


def _is_open(signal: Mapping[str, Any], listed_before: Mapping[str, Mapping[str, Any]]) -> bool:
    """Raised, or raised before and not yet clear: the band between the two thresholds keeps what is there."""
    if signal["meets_raise"]:
        return True
    before = listed_before.get(signal["loan_id"])
    was_open = before is not None and signal["signal_code"] in str(before["signal_codes"]).split(",")
    return was_open and not signal["meets_clear"]


def _list_row(
    business_date: date,
    position: Mapping[str, Any],
    signals: list[dict[str, Any]],
    before: Mapping[str, Any] | None,
    reasons: Mapping[str, ReasonText],
) -> dict[str, Any]:
    signals = sorted(signals, key=lambda signal: (-SEVERITIES.index(signal["severity"]), signal["signal_code"]))
    severity = signals[0]["severity"]
    previous = None if before is None else before["severity"]
    texts = [reasons[signal["signal_code"]].fill(_facts(position, signal)) for signal in signals]
    return {
        "loan_id": position["loan_id"],
        "severity": severity,
        "previous_severity": previous,
        "change": _change(previous, severity),
        "listed_since_date": business_date if before is None else before["listed_since_date"],
        "signal_codes": ",".join(sorted(signal["signal_code"] for signal in signals)),
        "reason_text_zh": "；".join(text.zh for text in texts),
        "reason_text_en": "; ".join(text.en for text in texts),
        **{column: position[column] for column in CARRIED_FROM_POSITION},
    }


def _cleared_row(
    before: Mapping[str, Any], position: Mapping[str, Any] | None, reasons: Mapping[str, ReasonText]
) -> dict[str, Any]:
    is_live = position is not None and position["is_live"]
    cleared_by = "SIGNALS_CLEARED" if is_live else "LOAN_NOT_LIVE"
    status = "WITHDRAWN" if position is None else str(position["loan_status"])
    text = reasons[cleared_by].fill({"signal_codes": str(before["signal_codes"]), "loan_status": status})
    return {
        "loan_id": before["loan_id"],
        "borrower_id": before["borrower_id"],
        "last_severity": before["severity"],
        "listed_since_date": before["listed_since_date"],
        "cleared_signal_codes": before["signal_codes"],
        "cleared_by": cleared_by,
        "reason_text_zh": text.zh,
        "reason_text_en": text.en,
    }


def _change(previous: str | None, severity: str) -> str:
    if previous is None:
        return "NEW"
    step = SEVERITIES.index(severity) - SEVERITIES.index(previous)
    return "UP" if step > 0 else "DOWN" if step < 0 else "SAME"


def _facts(position: Mapping[str, Any], signal: Mapping[str, Any]) -> dict[str, str]:
    return {
        "observed_date": _text(signal["observed_date"]),
        "observed_value": _text(signal["observed_value"]),
        "past_due_amount": _text(position["past_due_amount"]),
        "currency": _text(position["currency"]),
    }


def _text(value: Any) -> str:
    if value is None:
        return "-"
    if isinstance(value, Decimal):
        whole = value == value.to_integral_value()
        return f"{value:,.0f}" if whole and abs(value) < 1000 else f"{value:,.2f}"
    return str(value)


def _records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    return [{str(name): value for name, value in row.items()} for row in frame.to_dict("records")]
