"""The warning list of a day: which live loans have an open episode, how bad, since when, and why in two languages.

Pure: rows and policy in, rows out. The list is chained: it may read the list of the base publication and nothing else
of the past; what a signal remembers is its episode (scoring/episodes.py).
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from scoring.episodes import CLOSED, HELD, LISTED_STATES, LOAN_NOT_LIVE, SIGNALS_CLEARED, UNKNOWN, SignalLife
from scoring.severity import SEVERITIES, Combination, severity_of

LIST_COLUMNS = (
    "loan_id", "borrower_id", "severity", "previous_severity", "change", "listed_since_date", "signal_codes",
    "unknown_signal_codes", "reason_text_zh", "reason_text_en", "change_text_zh", "change_text_en", "score_status",
    "product_code", "branch_code", "currency", "delinquency_bucket", "oldest_unpaid_due_date", "past_due_amount",
    "principal_outstanding_amount", "next_due_date",
)  # fmt: skip
CLEARED_COLUMNS = (
    "loan_id", "borrower_id", "last_severity", "listed_since_date", "cleared_signal_codes", "cleared_by",
    "reason_text_zh", "reason_text_en",
)  # fmt: skip
CARRIED_FROM_POSITION = (
    "borrower_id", "score_status", "product_code", "branch_code", "currency", "delinquency_bucket",
    "oldest_unpaid_due_date", "past_due_amount", "principal_outstanding_amount", "next_due_date",
)  # fmt: skip
Row = dict[str, Any]


@dataclass(frozen=True)
class ReasonText:
    """One line of the catalogue, with named places such as ``{observed_date}``."""

    zh: str
    en: str

    def fill(self, facts: Mapping[str, str]) -> "ReasonText":
        return ReasonText(self.zh.format_map(facts), self.en.format_map(facts))


@dataclass(frozen=True)
class WarningPolicy:
    reasons: Mapping[str, ReasonText]
    lives: Mapping[str, SignalLife]
    combinations: Sequence[Combination]

    def names(self, signal_codes: Iterable[str]) -> ReasonText:
        """The names of signals, in the order of their codes."""
        named = [self.reasons[f"name_{code}"] for code in sorted(signal_codes)]
        return ReasonText("、".join(name.zh for name in named), ", ".join(name.en for name in named))


def warnings_of_day(
    business_date: date,
    positions: Mapping[str, Mapping[str, Any]],
    episodes: Iterable[Mapping[str, Any]],
    base_list: Iterable[Mapping[str, Any]],
    policy: WarningPolicy,
) -> tuple[list[Row], list[Row]]:
    """The complete list and who left it: rows with LIST_COLUMNS and with CLEARED_COLUMNS, each sorted by loan_id.

    positions: by loan_id, of every loan with a listed episode and of those of the base's list that are still known;
        amounts are Decimal, dates are ``date``, missing values None.
    episodes: of the day, see ``scoring.episodes.episodes_of_day``.
    base_list: loan_id, borrower_id, severity, listed_since_date, signal_codes of the base publication.
    """
    before = {row["loan_id"]: row for row in base_list}
    of_loan: dict[str, list[Mapping[str, Any]]] = {}
    for episode in episodes:
        of_loan.setdefault(episode["loan_id"], []).append(episode)
    listed = [
        _list_row(business_date, positions[loan_id], of_loan[loan_id], before.get(loan_id), policy)
        for loan_id in sorted(of_loan)
        if any(episode["state_code"] in LISTED_STATES for episode in of_loan[loan_id])
    ]
    still_listed = {row["loan_id"] for row in listed}
    cleared = [
        _cleared_row(before[loan_id], positions.get(loan_id), policy.reasons)
        for loan_id in sorted(before.keys() - still_listed)
    ]
    return listed, cleared


def _list_row(
    business_date: date,
    position: Mapping[str, Any],
    episodes: list[Mapping[str, Any]],
    before: Mapping[str, Any] | None,
    policy: WarningPolicy,
) -> Row:
    opened = sorted(
        (episode for episode in episodes if episode["state_code"] in LISTED_STATES),
        key=lambda episode: (-SEVERITIES.index(episode["severity"]), episode["signal_code"]),
    )
    severity = _severity(opened, policy)
    previous = None if before is None else before["severity"]
    texts = [policy.reasons[episode["signal_code"]].fill(_facts(position, episode)) for episode in opened]
    change = _change(previous, severity, opened, business_date)
    changed = _what_changed(business_date, previous, severity, episodes, policy)
    unknown = sorted(episode["signal_code"] for episode in opened if episode["state_code"] == UNKNOWN)
    return {
        "loan_id": position["loan_id"],
        "severity": severity,
        "previous_severity": previous,
        "change": change,
        "listed_since_date": business_date if before is None else before["listed_since_date"],
        "signal_codes": ",".join(sorted(episode["signal_code"] for episode in opened)),
        "unknown_signal_codes": ",".join(unknown) or None,
        "reason_text_zh": "；".join(text.zh for text in texts),
        "reason_text_en": "; ".join(text.en for text in texts),
        "change_text_zh": changed.zh,
        "change_text_en": changed.en,
        **{column: position[column] for column in CARRIED_FROM_POSITION},
    }


def _severity(opened: list[Mapping[str, Any]], policy: WarningPolicy) -> str:
    """opened: the worst first, so the first of each family is its worst."""
    worst: dict[str, str] = {}
    for episode in opened:
        life = policy.lives.get(episode["signal_code"])
        worst.setdefault(life.family if life else episode["signal_code"], episode["severity"])
    return severity_of(worst, policy.combinations)


def _change(previous: str | None, severity: str, opened: list[Mapping[str, Any]], today: date) -> str:
    if previous is None:
        is_first = any(_is_first_listed(episode, today) for episode in opened)
        return "NEW" if is_first else "REOPENED"
    step = SEVERITIES.index(severity) - SEVERITIES.index(previous)
    return "UP" if step > 0 else "DOWN" if step < 0 else "SAME"


def _is_first_listed(episode: Mapping[str, Any], today: date) -> bool:
    return bool(episode["opened_date"] == today)


def _what_changed(
    today: date,
    previous: str | None,
    severity: str,
    episodes: list[Mapping[str, Any]],
    policy: WarningPolicy,
) -> ReasonText:
    """What is not as it was on the base's list, in both languages."""
    listed = [episode for episode in episodes if episode["state_code"] in LISTED_STATES]
    parts = {
        "change_added": [one for one in listed if _is_first_listed(one, today) and previous is not None],
        "change_came_back": [
            one for one in listed if one["last_opened_date"] == today and not _is_first_listed(one, today)
        ],
        "change_ended": [one for one in episodes if one["state_code"] == CLOSED and one["closed_date"] == today],
        "change_unknown": [one for one in listed if one["state_code"] == UNKNOWN],
        "change_held": [one for one in listed if one["state_code"] == HELD],
    }
    texts = []
    if previous is None and any(_is_first_listed(one, today) for one in listed):
        texts.append(policy.reasons["change_first"])
    if previous not in (None, severity):
        texts.append(policy.reasons["change_severity"].fill({"previous": str(previous), "severity": severity}))
    for code, which in parts.items():
        if which:
            names = policy.names(one["signal_code"] for one in which)
            text = policy.reasons[code]
            texts.append(ReasonText(text.zh.format(signals=names.zh), text.en.format(signals=names.en)))
    texts = texts or [policy.reasons["change_none"]]
    return ReasonText("；".join(text.zh for text in texts), "; ".join(text.en for text in texts))


def _cleared_row(
    before: Mapping[str, Any], position: Mapping[str, Any] | None, reasons: Mapping[str, ReasonText]
) -> Row:
    is_live = position is not None and position["is_live"]
    cleared_by = SIGNALS_CLEARED if is_live else LOAN_NOT_LIVE
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


def _facts(position: Mapping[str, Any], episode: Mapping[str, Any]) -> dict[str, str]:
    return {
        "observed_date": _text(episode["observed_date"]),
        "observed_value": _text(episode["observed_value"]),
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
