"""How good signals are, by alert episode: what was opened before a loan was late, against what became of it.

Pure: openings and late days in, one row a signal out, and one for the list as a whole. An episode counts once, on the
day on which it was listed first. Whether a warning came true is only asked of episodes that opened while days past due
were 0, and only when their whole window has been observed; before that nothing is claimed (NOT_MATURE). That a loan was
not late in the end does not make its warning false: somebody may have acted on it.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import pandas as pd
from numpy.typing import NDArray

WHOLE_LIST = "WHOLE_LIST"
MATURE, NOT_MATURE = "MATURE", "NOT_MATURE"
QUALITY_COLUMNS = (
    "signal_code", "measured_date", "status_code", "alert_count", "early_alert_count", "matured_from_date",
    "matured_to_date", "matured_count", "confirmed_count", "late_count", "warned_late_count", "lead_median_days",
    "lead_p25_days",
)  # fmt: skip


@dataclass(frozen=True)
class Window:
    """``observed_from``: the first day whose openings are known. ``horizon_days``: an alert has so long to come true,
    and after ``settlement_days`` more its outcome is known. ``alert_days``: volume is counted over so many days;
    ``matured_days``: episodes are judged that opened on so many days."""

    measured: date
    observed_from: date
    horizon_days: int
    settlement_days: int
    alert_days: int
    matured_days: int

    @property
    def matured_to(self) -> date:
        """The last day whose openings have had their time."""
        return self.measured - timedelta(days=self.horizon_days + self.settlement_days)

    @property
    def matured_from(self) -> date:
        return max(self.observed_from, self.matured_to - timedelta(days=self.matured_days - 1))

    @property
    def late_from(self) -> date:
        """The first day whose late loans had their whole horizon before them under observation."""
        judged = self.measured - timedelta(days=self.matured_days - 1)
        return max(self.observed_from + timedelta(days=self.horizon_days), judged)


def signal_quality(
    openings: pd.DataFrame, late_days: pd.DataFrame, signals: Iterable[str], window: Window
) -> pd.DataFrame:
    """One row a signal, in the order of the codes, with that of the list as a whole among them.

    openings: loan_id, signal_code (WHOLE_LIST: the loan came onto the list), opened_date, is_early (not past due then).
    late_days: loan_id, late_date: days on which a loan came to exceed the days past due that the warning is about. For
        late_count, what follows another late day of the loan within the horizon is the same trouble and counts no more.
    Returns QUALITY_COLUMNS with Python values, None where nothing can be said.
    """
    opened = openings.assign(day=_days(openings["opened_date"]))
    late = _distinct(late_days)
    troubles = _first_of_each_trouble(late, window.horizon_days)
    troubles = troubles[troubles["day"].between(_day(window.late_from), _day(window.measured))]
    codes = sorted({*signals, *openings["signal_code"], WHOLE_LIST})
    rows = [_row(code, opened[opened["signal_code"] == code], late, troubles, window) for code in codes]
    return pd.DataFrame(rows, columns=list(QUALITY_COLUMNS), dtype=object)


def _row(
    code: str, opened: pd.DataFrame, late: pd.DataFrame, troubles: pd.DataFrame, window: Window
) -> dict[str, object]:
    volume = opened[opened["day"] > _day(window.measured) - window.alert_days]
    early = opened[opened["is_early"].astype(bool)]
    matured = early[early["day"].between(_day(window.matured_from), _day(window.matured_to))]
    leads = _leads(matured, late, window.horizon_days)
    is_mature = len(matured) > 0
    return {
        "signal_code": code,
        "measured_date": window.measured,
        "status_code": MATURE if is_mature else NOT_MATURE,
        "alert_count": len(volume),
        "early_alert_count": int(volume["is_early"].astype(bool).sum()),
        "matured_from_date": window.matured_from if is_mature else None,
        "matured_to_date": window.matured_to if is_mature else None,
        "matured_count": len(matured),
        "confirmed_count": len(leads) if is_mature else None,
        "late_count": len(troubles),
        "warned_late_count": _warned(troubles, early, window.horizon_days),
        "lead_median_days": _rank(leads, 50),
        "lead_p25_days": _rank(leads, 25),
    }


def _leads(matured: pd.DataFrame, late: pd.DataFrame, horizon: int) -> list[int]:
    """Days from each episode that came true to the day on which it did, sorted."""
    pairs = matured[["loan_id", "day"]].reset_index(names="episode").merge(late, on="loan_id", suffixes=("", "_late"))
    lead = pairs["day_late"] - pairs["day"]
    true = pairs.assign(lead=lead)[(lead > 0) & (lead <= horizon)]
    return sorted(int(days) for days in true.groupby("episode")["lead"].min())


def _warned(troubles: pd.DataFrame, early: pd.DataFrame, horizon: int) -> int:
    """Late loans of which an episode had opened inside the horizon before, while they were not past due."""
    pairs = troubles.reset_index(names="trouble").merge(early[["loan_id", "day"]], on="loan_id", suffixes=("_late", ""))
    lead = pairs["day_late"] - pairs["day"]
    return int(pairs[(lead > 0) & (lead <= horizon)]["trouble"].nunique())


def _distinct(late_days: pd.DataFrame) -> pd.DataFrame:
    found = pd.DataFrame({"loan_id": late_days["loan_id"].astype(object), "day": _days(late_days["late_date"])})
    return found.drop_duplicates().sort_values(["loan_id", "day"], kind="stable", ignore_index=True)


def _first_of_each_trouble(late: pd.DataFrame, horizon: int) -> pd.DataFrame:
    since = late["day"] - late.groupby("loan_id")["day"].shift()
    return late[~(since <= horizon)].reset_index(drop=True)


def _rank(values: Sequence[int], percent: int) -> int | None:
    """The smallest value that at least ``percent`` of the sorted values do not exceed; no interpolation."""
    return values[-(-len(values) * percent // 100) - 1] if values else None


def _days(dates: "pd.Series[date]") -> NDArray[np.int64]:
    return np.array([_day(one) for one in dates], dtype=np.int64)


def _day(one: date) -> int:
    return one.toordinal()
