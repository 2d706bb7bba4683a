"""The memory of signals: one episode a loan and signal, from the first raise until it can no longer reopen.

Pure and chained: it may read the episodes of the base publication and nothing else of the past. Numbers of days are the
columns ``list_after_days``, ``keep_days`` and ``reopen_days`` of the policy ``signal``.

PENDING  raised, but not yet on ``list_after_days`` days in a row: not listed
OPEN     raised, or between the two thresholds after having been raised: listed
HELD     clear, but listed for less than ``keep_days``: listed
UNKNOWN  a source that the signal rests on is stale: what was open stays, whatever the signal says: listed
CLOSED   clear, or the loan is no longer live; raised again within ``reopen_days`` it is the same episode
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from scoring.policy_rows import PolicyRow, valid_on

PENDING, OPEN, HELD, UNKNOWN, CLOSED = "PENDING", "OPEN", "HELD", "UNKNOWN", "CLOSED"
LISTED_STATES = frozenset({OPEN, HELD, UNKNOWN})
SIGNALS_CLEARED, LOAN_NOT_LIVE = "SIGNALS_CLEARED", "LOAN_NOT_LIVE"
EPISODE_COLUMNS = (
    "loan_id", "signal_code", "borrower_id", "branch_code", "state_code", "severity", "observed_value", "observed_date",
    "raised_since_date", "opened_date", "opened_days_past_due", "opened_severity", "last_opened_date",
    "reopened_count", "closed_date", "closed_by", "kept_until_date",
)  # fmt: skip
Row = dict[str, Any]


@dataclass(frozen=True)
class SignalLife:
    """How long a signal must stand, stays at least, and may come back; and which family and sources it belongs to."""

    family: str
    systems: frozenset[str]
    list_after_days: int
    keep_days: int
    reopen_days: int


def signal_lives(day: date, signals: Iterable[PolicyRow]) -> dict[str, SignalLife]:
    """The rows of the policy ``signal`` that are valid on a day, by signal code."""
    return {
        row["signal_code"]: SignalLife(
            row["family_code"],
            frozenset(row["system_codes"].split(";")),
            int(row["list_after_days"]),
            int(row["keep_days"]),
            int(row["reopen_days"]),
        )
        for row in valid_on(signals, day)
    }


def episodes_of_day(
    business_date: date,
    positions: Mapping[str, Mapping[str, Any]],
    signals: Iterable[Mapping[str, Any]],
    base: Iterable[Mapping[str, Any]],
    lives: Mapping[str, SignalLife],
    stale_systems: frozenset[str],
) -> list[Row]:
    """Every episode that still says something, sorted by loan and signal.

    positions: borrower_id, branch_code, is_live, oldest_unpaid_due_date by loan_id. A loan that is not there was not
        touched or has been withdrawn: nothing was observed of it.
    signals: loan_id, signal_code, meets_raise, meets_clear, severity, observed_value, observed_date.
    base: EPISODE_COLUMNS of the base publication.
    A signal that policy no longer knows closes its episodes.
    """
    observed = {(row["loan_id"], row["signal_code"]): row for row in signals}
    former = {(row["loan_id"], row["signal_code"]): row for row in base}
    day = _Day(business_date, positions, lives, stale_systems)
    found = (day.episode(key, observed.get(key), former.get(key)) for key in sorted(observed.keys() | former.keys()))
    return [episode for episode in found if episode is not None]


@dataclass(frozen=True)
class _Day:
    date: date
    positions: Mapping[str, Mapping[str, Any]]
    lives: Mapping[str, SignalLife]
    stale_systems: frozenset[str]

    def episode(
        self, key: tuple[str, str], signal: Mapping[str, Any] | None, base: Mapping[str, Any] | None
    ) -> Row | None:
        loan_id, signal_code = key
        position = self.positions.get(loan_id)
        is_live = position is not None and bool(position["is_live"])
        is_raised = is_live and signal is not None and bool(signal["meets_raise"])
        life = self.lives.get(signal_code)
        if base is not None and base["state_code"] == CLOSED and self.date > base["kept_until_date"]:
            base = None
        if base is None:
            return self._first_seen(key, signal, life) if is_raised and signal is not None and life else None
        row = {name: base[name] for name in EPISODE_COLUMNS}
        if position is not None:
            row |= {name: position[name] for name in ("borrower_id", "branch_code")}
        if base["state_code"] == CLOSED:
            return self._opened(row, signal) if is_raised and signal is not None and life else row
        if base["state_code"] == PENDING:
            return self._pending(row, signal, life) if is_raised and signal is not None and life else None
        if not is_live:
            return self._closed(row, LOAN_NOT_LIVE, life)
        if life is None:
            return self._closed(row, SIGNALS_CLEARED, life)
        return self._listed(row, signal, life)

    def _first_seen(self, key: tuple[str, str], signal: Mapping[str, Any], life: SignalLife | None) -> Row:
        row: Row = dict.fromkeys(EPISODE_COLUMNS)
        row |= {"loan_id": key[0], "signal_code": key[1], "raised_since_date": self.date, "reopened_count": 0}
        row |= {name: self.positions[key[0]][name] for name in ("borrower_id", "branch_code")}
        return self._pending(row, signal, life)

    def _pending(self, row: Row, signal: Mapping[str, Any], life: SignalLife | None) -> Row:
        if life is not None and (self.date - row["raised_since_date"]).days + 1 < life.list_after_days:
            return row | {"state_code": PENDING} | _observed(signal)
        return self._opened(row, signal)

    def _opened(self, row: Row, signal: Mapping[str, Any] | None) -> Row:
        """Listed from today on: for the first time, or again after it had closed."""
        row = row | {"state_code": OPEN, "last_opened_date": self.date, "closed_date": None, "closed_by": None}
        row |= {"kept_until_date": None} | (_observed(signal) if signal is not None else {})
        if row["opened_date"] is not None:
            return row | {"reopened_count": row["reopened_count"] + 1, "raised_since_date": self.date}
        oldest = self.positions[row["loan_id"]]["oldest_unpaid_due_date"]
        return row | {
            "opened_date": self.date,
            "opened_days_past_due": 0 if oldest is None else (self.date - oldest).days,
            "opened_severity": row["severity"],
        }

    def _listed(self, row: Row, signal: Mapping[str, Any] | None, life: SignalLife) -> Row:
        """An episode that was listed: still open, unknown, held for its least time, or closed."""
        is_stale = bool(life.systems & self.stale_systems)
        is_clear = signal is None or bool(signal["meets_clear"])
        if is_stale:
            return row | {"state_code": UNKNOWN} | ({} if is_clear or signal is None else _observed(signal))
        if signal is not None and not is_clear:
            return row | {"state_code": OPEN} | _observed(signal)
        if (self.date - row["last_opened_date"]).days < life.keep_days:
            return row | {"state_code": HELD}
        return self._closed(row, SIGNALS_CLEARED, life)

    def _closed(self, row: Row, by: str, life: SignalLife | None) -> Row:
        kept = self.date + timedelta(days=life.reopen_days if life else 0)
        return row | {"state_code": CLOSED, "closed_date": self.date, "closed_by": by, "kept_until_date": kept}


def _observed(signal: Mapping[str, Any]) -> Row:
    return {name: signal[name] for name in ("severity", "observed_value", "observed_date")}
