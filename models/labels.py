"""What a row is learned as: good, bad, excluded by rule, or not known yet.

``late30_in_90d``: bad when the loan first exceeds 30 days past due in (D, D + 90], or is charged off, sold or
restructured for financial difficulty inside the window; a paid-off loan is good. Death is excluded and counted;
insolvency (bad), proven third-party fraud and disputes (excluded) follow once a source tells of them: none does yet.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

BAD_EVENTS = ("LATE", "CHARGED_OFF", "SOLD", "RESTRUCTURE")
EXCLUDING_EVENTS = ("DECEASED",)


@dataclass(frozen=True)
class Labels:
    """One entry a row; a row that is not mature has no label, whatever has happened so far."""

    is_bad: NDArray[np.bool_]
    is_mature: NDArray[np.bool_]
    is_excluded: NDArray[np.bool_]

    @property
    def is_usable(self) -> NDArray[np.bool_]:
        return self.is_mature & ~self.is_excluded


def label(
    rows: pd.DataFrame, events: pd.DataFrame, *, horizon_days: int, settlement_days: int, cutoff: np.datetime64
) -> Labels:
    """Label rows (loan_id, as_of) by events (loan_id, event_code, event_date) known at the cut-off.

    Dates are datetime64. Mature is a row whose window and settlement days had passed by the cut-off.
    """
    as_of = rows["as_of"].to_numpy(dtype="datetime64[D]")
    last = np.asarray(as_of + np.timedelta64(horizon_days, "D"), dtype="datetime64[D]")
    settled = np.asarray(last + np.timedelta64(settlement_days, "D"), dtype="datetime64[D]")
    return Labels(
        is_bad=_happened(rows, events[events["event_code"].isin(BAD_EVENTS)], as_of, last),
        is_mature=np.asarray(settled <= cutoff, dtype=np.bool_),
        is_excluded=_happened(rows, events[events["event_code"].isin(EXCLUDING_EVENTS)], as_of, last),
    )


def _happened(
    rows: pd.DataFrame, events: pd.DataFrame, as_of: NDArray[np.datetime64], last: NDArray[np.datetime64]
) -> NDArray[np.bool_]:
    """Whether an event of the loan lies in (as_of, last]."""
    numbered = pd.DataFrame({"loan_id": rows["loan_id"].to_numpy(), "row": np.arange(len(rows))})
    pairs = numbered.merge(events[["loan_id", "event_date"]], on="loan_id")
    day = pairs["event_date"].to_numpy(dtype="datetime64[D]")
    row = pairs["row"].to_numpy()
    inside = (day > as_of[row]) & (day <= last[row])
    found = np.zeros(len(rows), dtype=np.bool_)
    found[row[inside]] = True
    return found
