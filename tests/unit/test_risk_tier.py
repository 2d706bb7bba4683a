"""The tier of a borrower: up at once, down only after standing lower for a month."""

from datetime import date, timedelta
from decimal import Decimal

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from include.policy import policy_records
from scoring.bands import bands
from scoring.policy_rows import PolicyError
from scoring.risk_tier import LOAN_COLUMNS, TIER_COLUMNS, TIERS, TierPolicy, risk_tiers, tier_policy

DAY = date(2026, 3, 2)


def policy() -> TierPolicy:
    names = ("risk_likelihood", "risk_tier_matrix", "revisit_parameter")
    edges = bands(DAY, policy_records("amount_band"), policy_records("term_band"))
    return tier_policy(DAY, edges, *(policy_records(name) for name in names))


POLICY = policy()


def loan(**changes: object) -> dict[str, object]:
    row = {
        "loan_id": "L1", "borrower_id": "B1", "currency": "CNY", "principal_outstanding_amount": Decimal("50000.00"),
        "severity": None, "delinquency_bucket": "CURRENT", "probability": None,
    }  # fmt: skip
    return row | changes


def tiers(day: date, *loans: dict[str, object], base: pd.DataFrame | None = None) -> pd.DataFrame:
    frame = pd.DataFrame(list(loans), columns=list(LOAN_COLUMNS), dtype=object)
    return risk_tiers(day, frame, pd.DataFrame(columns=list(TIER_COLUMNS)) if base is None else base, POLICY)[0]


LARGE = Decimal("200000.00")


@pytest.mark.parametrize(
    ("loans", "tier"),
    [
        pytest.param([loan()], "LOW", id="a small loan of which nothing is known"),
        pytest.param([loan(severity="ORANGE")], "MEDIUM", id="an orange warning on a small amount"),
        pytest.param([loan(severity="ORANGE", principal_outstanding_amount=LARGE)], "HIGH", id="and on a large one"),
        pytest.param([loan(severity="RED", principal_outstanding_amount=LARGE)], "CRITICAL", id="red and large"),
        pytest.param([loan(delinquency_bucket="M2")], "HIGH", id="more than a month past due"),
        pytest.param([loan(probability=Decimal("0.16"))], "MEDIUM", id="a model that expects trouble"),
        pytest.param([loan(probability=Decimal("0.01"), severity="RED")], "HIGH", id="a warning beats a calm model"),
        pytest.param(
            [loan(severity="ORANGE", principal_outstanding_amount=Decimal("100000.00")),
             loan(loan_id="L2", principal_outstanding_amount=Decimal("100000.00"))],
            "HIGH", id="exposure is the sum over all loans",
        ),
        pytest.param(
            [loan(severity="ORANGE"), loan(loan_id="L2", currency="USD", principal_outstanding_amount=Decimal(30000))],
            "HIGH", id="of several currencies the highest band counts",
        ),
    ],
)  # fmt: skip
def test_likelihood_and_exposure_make_the_tier(loans: list[dict[str, object]], tier: str) -> None:
    assert list(tiers(DAY, *loans).risk_tier) == [tier]


def test_a_currency_without_policy_is_named_and_never_given_a_band() -> None:
    frame = pd.DataFrame([loan(currency="XXX")], columns=list(LOAN_COLUMNS), dtype=object)
    rows, without = risk_tiers(DAY, frame, pd.DataFrame(columns=list(TIER_COLUMNS)), POLICY)
    assert rows.empty and without == ["B1"]


def test_a_tier_rises_on_the_day_and_says_what_it_was() -> None:
    base = tiers(DAY, loan())
    risen = tiers(DAY + timedelta(days=1), loan(severity="RED"), base=base)
    assert list(risen.loc[0, ["risk_tier", "previous_risk_tier", "risk_tier_since_date"]]) == [
        "HIGH", "LOW", DAY + timedelta(days=1),
    ]  # fmt: skip
    assert risen.likelihood_facts[0] == "SEVERITY:RED"


def test_a_tier_falls_only_after_thirty_days_and_to_the_worst_seen_meanwhile() -> None:
    row = tiers(DAY, loan(severity="RED"))
    for step in range(1, 32):
        day = DAY + timedelta(days=step)
        # orange for one day in between, clear otherwise
        row = tiers(day, loan(severity="ORANGE" if step == 9 else None), base=row)
        assert row.risk_tier[0] == ("HIGH" if step < 31 else "MEDIUM"), day
    # and from there on another thirty days
    assert (row.lower_since_date[0], row.observed_risk_tier[0]) == (DAY + timedelta(days=31), "LOW")


def test_one_bad_day_starts_the_thirty_days_anew() -> None:
    row = tiers(DAY, loan(severity="RED"))
    for step in range(1, 50):
        row = tiers(DAY + timedelta(days=step), loan(severity="RED" if step == 20 else None), base=row)
    assert row.risk_tier[0] == "HIGH"
    assert row.changes_on[0] == DAY + timedelta(days=21 + 30)


def test_a_matrix_with_a_hole_is_refused() -> None:
    holes = [row for row in policy_records("risk_tier_matrix") if row["likelihood_level"] != "3"]
    edges = bands(DAY, policy_records("amount_band"), policy_records("term_band"))
    with pytest.raises(PolicyError, match="likelihood 3"):
        tier_policy(DAY, edges, policy_records("risk_likelihood"), holes, policy_records("revisit_parameter"))


@settings(max_examples=25, deadline=None)
@given(st.lists(st.tuples(st.integers(1, 45), st.sampled_from([None, "YELLOW", "ORANGE", "RED"])), max_size=8))
def test_between_events_a_tier_moves_only_on_the_date_it_announced(steps: list[tuple[int, str | None]]) -> None:
    day, row, severity = DAY, tiers(DAY, loan(severity="RED")), "RED"
    for gap, event in steps:
        announced = row.changes_on[0] or date.max
        for quiet in {1, gap - 1, (announced - day).days - 1}:
            if 0 < quiet < gap and day + timedelta(days=quiet) < announced:
                same = tiers(day + timedelta(days=quiet), loan(severity=severity), base=row)
                assert same.to_dict("records") == row.to_dict("records")
        day, severity = day + timedelta(days=gap), event
        before, row = row, tiers(day, loan(severity=severity), base=row)
        assert row.changes_on[0] is None or row.changes_on[0] > day
        assert TIERS.index(row.risk_tier[0]) >= TIERS.index(row.observed_risk_tier[0])
        assert row.risk_tier_since_date[0] in (day, before.risk_tier_since_date[0])
