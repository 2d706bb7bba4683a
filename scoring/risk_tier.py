"""The tier of a borrower: likelihood by exposure over all live loans, slow to fall.

Pure and chained: a tier rises at once and falls only after every fact has stood lower for ``tier_down_days``; what it
falls to is the highest tier seen in that time. It may read the borrower's row in the base publication, nothing else of
the past. Source: domain rule 68 (likelihood by impact); policies ``risk_likelihood``, ``risk_tier_matrix``.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pandas as pd

from scoring.bands import Bands
from scoring.policy_rows import PolicyError, PolicyRow, valid_on

TIERS = ("LOW", "MEDIUM", "HIGH", "CRITICAL")
LOAN_COLUMNS = (
    "loan_id", "borrower_id", "currency", "principal_outstanding_amount", "severity", "delinquency_bucket",
    "probability",
)  # fmt: skip
TIER_COLUMNS = (
    "borrower_id", "risk_tier", "risk_tier_since_date", "previous_risk_tier", "observed_risk_tier", "likelihood_level",
    "likelihood_facts", "amount_band", "lower_since_date", "lower_peak_tier", "changes_on",
)  # fmt: skip


@dataclass(frozen=True)
class TierPolicy:
    bands: Bands
    levels: Mapping[tuple[str, str], int]
    rates: tuple[tuple[Decimal, int], ...]  # rising
    matrix: Mapping[tuple[int, str], str]
    down_days: int


def tier_policy(
    day: date,
    bands: Bands,
    likelihood: Iterable[PolicyRow],
    matrix: Iterable[PolicyRow],
    parameters: Iterable[PolicyRow],
) -> TierPolicy:
    """Raises PolicyError when a level and band have no tier, or a tier is none of TIERS."""
    rows = valid_on(likelihood, day)
    levels = {
        (row["fact_code"], row["fact_value"]): int(row["likelihood_level"])
        for row in rows
        if row["fact_code"] != "PROBABILITY"
    }
    rates = sorted(
        (Decimal(row["fact_value"]), int(row["likelihood_level"])) for row in rows if row["fact_code"] == "PROBABILITY"
    )
    cells = {(int(row["likelihood_level"]), row["amount_band"]): row["risk_tier"] for row in valid_on(matrix, day)}
    for level in {1, *levels.values(), *(level for _, level in rates)}:
        for band in bands.order:
            if cells.get((level, band)) not in TIERS:
                raise PolicyError(f"risk_tier_matrix: likelihood {level} with amount {band} has no tier")
    numbers = {row["parameter_code"]: int(row["parameter_value"]) for row in valid_on(parameters, day)}
    return TierPolicy(bands, levels, tuple(rates), cells, numbers["tier_down_days"])


def risk_tiers(
    business_date: date, loans: pd.DataFrame, base: pd.DataFrame, policy: TierPolicy
) -> tuple[pd.DataFrame, list[str]]:
    """One row a borrower, sorted, and the borrowers whose exposure has no band (their currency has no policy).

    loans: LOAN_COLUMNS, every live loan of the borrowers in question; ``severity`` and ``probability`` None where there
        is none. Amounts are Decimal, probability a fraction.
    base: TIER_COLUMNS of the base publication.
    """
    former = {row["borrower_id"]: row for row in _records(base)}
    of_borrower: dict[str, list[dict[str, Any]]] = {}
    for loan in _records(loans):
        of_borrower.setdefault(loan["borrower_id"], []).append(loan)
    rows, without_band = [], []
    for borrower_id in sorted(of_borrower):
        band = _exposure_band(of_borrower[borrower_id], policy.bands)
        if band is None:
            without_band.append(borrower_id)
            continue
        level, facts = _likelihood(of_borrower[borrower_id], policy)
        observed = policy.matrix[level, band]
        rows.append(
            {
                "borrower_id": borrower_id,
                "observed_risk_tier": observed,
                "likelihood_level": level,
                "likelihood_facts": facts,
                "amount_band": band,
                **_slow_to_fall(business_date, observed, former.get(borrower_id), policy.down_days),
            }
        )
    return pd.DataFrame(rows, columns=list(TIER_COLUMNS), dtype=object), without_band


def _exposure_band(loans: list[dict[str, Any]], bands: Bands) -> str | None:
    """The highest band over currencies; None where one currency has no policy: amounts of several are never added."""
    totals: dict[str, Decimal] = {}
    for loan in loans:
        totals[loan["currency"]] = totals.get(loan["currency"], Decimal(0)) + loan["principal_outstanding_amount"]
    found = [bands.amount_band(currency, total) for currency, total in totals.items()]
    known = [band for band in found if band is not None]
    return max(known, key=lambda band: bands.order[band]) if len(known) == len(found) else None


def _likelihood(loans: list[dict[str, Any]], policy: TierPolicy) -> tuple[int, str | None]:
    """The highest level over all facts, and the facts that have it (``SEVERITY:RED``), sorted."""
    facts: dict[str, int] = {}
    for loan in loans:
        for code, value in (("SEVERITY", loan["severity"]), ("BUCKET", loan["delinquency_bucket"])):
            if (code, value) in policy.levels:
                facts[f"{code}:{value}"] = policy.levels[code, value]
        if loan["probability"] is not None:
            reached = [(rate, level) for rate, level in policy.rates if loan["probability"] >= rate]
            if reached:
                facts[f"PROBABILITY:{reached[-1][0]}"] = reached[-1][1]
    highest = max(facts.values(), default=1)
    return highest, ",".join(sorted(fact for fact, level in facts.items() if level == highest)) or None


def _slow_to_fall(day: date, observed: str, base: Mapping[str, Any] | None, down_days: int) -> dict[str, Any]:
    rank = TIERS.index
    if base is None:
        return _tier(observed, day, None)
    tier, since, previous = base["risk_tier"], base["risk_tier_since_date"], base["previous_risk_tier"]
    if rank(observed) >= rank(tier):
        return _tier(tier, since, previous) if observed == tier else _tier(observed, day, tier)
    lower_since = base["lower_since_date"] or day
    peak = max(base["lower_peak_tier"] or observed, observed, key=rank)
    if day < lower_since + timedelta(days=down_days):
        return _tier(tier, since, previous, lower_since, peak, down_days)
    return _tier(peak, day, tier) if peak == observed else _tier(peak, day, tier, day, observed, down_days)


def _tier(
    tier: str,
    since: date,
    previous: str | None,
    lower_since: date | None = None,
    peak: str | None = None,
    down_days: int = 0,
) -> dict[str, Any]:
    return {
        "risk_tier": tier,
        "risk_tier_since_date": since,
        "previous_risk_tier": previous,
        "lower_since_date": lower_since,
        "lower_peak_tier": peak,
        "changes_on": lower_since + timedelta(days=down_days) if lower_since else None,
    }


def _records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    return [{str(name): value for name, value in row.items()} for row in frame.to_dict("records")]
