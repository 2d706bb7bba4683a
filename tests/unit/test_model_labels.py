"""What a loan is learned as, in situations that a risk manager knows."""

import numpy as np
import pandas as pd
import pytest

from models.labels import label

AS_OF, CUTOFF = "2026-01-31", np.datetime64("2026-05-08")  # ninety days end on 1 May, a week later all is booked


def labelled(*events: tuple[str, str], as_of: str = AS_OF, cutoff: np.datetime64 = CUTOFF) -> tuple[bool, bool, bool]:
    rows = pd.DataFrame({"loan_id": ["L1"], "as_of": pd.to_datetime([as_of])})
    told = pd.DataFrame(
        [("L1", code, pd.Timestamp(day)) for code, day in events] + [("L2", "LATE", pd.Timestamp("2026-02-10"))],
        columns=["loan_id", "event_code", "event_date"],
    )
    made = label(rows, told, horizon_days=90, settlement_days=7, cutoff=cutoff)
    return bool(made.is_bad[0]), bool(made.is_mature[0]), bool(made.is_excluded[0])


@pytest.mark.parametrize(
    ("events", "is_bad"),
    [
        pytest.param([], False, id="nothing happened; another loan's lateness is its own"),
        pytest.param([("LATE", "2026-02-01")], True, id="more than thirty days late on the first day"),
        pytest.param([("LATE", "2026-05-01")], True, id="on the last day"),
        pytest.param([("LATE", "2026-05-02")], False, id="a day too late for the window"),
        pytest.param([("LATE", "2026-01-31")], False, id="on the day itself: it was so already"),
        pytest.param([("CHARGED_OFF", "2026-03-01")], True, id="charged off"),
        pytest.param([("SOLD", "2026-03-01")], True, id="sold"),
        pytest.param([("RESTRUCTURE", "2026-03-01")], True, id="restructured for financial difficulty"),
        pytest.param([("LATE", "2025-11-01"), ("LATE", "2026-04-01")], True, id="late before and again inside"),
        pytest.param([("CLOSED", "2026-03-01")], False, id="paid off"),
    ],
)
def test_a_loan_is_bad_by_what_happens_inside_its_window(events: list[tuple[str, str]], is_bad: bool) -> None:
    assert labelled(*events) == (is_bad, True, False)


def test_a_row_whose_window_or_settlement_is_not_over_is_not_mature_even_if_it_looks_bad() -> None:
    assert labelled(("LATE", "2026-02-20"), cutoff=np.datetime64("2026-05-07"))[1] is False
    assert labelled(cutoff=CUTOFF)[1] is True


def test_the_death_of_the_borrower_excludes_the_row_and_is_counted() -> None:
    assert labelled(("DECEASED", "2026-02-20"), ("LATE", "2026-04-20")) == (True, True, True)
    assert labelled(("DECEASED", "2026-06-20"))[2] is False
