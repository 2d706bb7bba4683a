"""The second part of decide: tiers and the revisit plan.

Reads the positions, profiles and contacts of the touched loans and the base's rows of the same loans. ``scoring/``
decides; here is nothing but reading and writing.
"""

from dataclasses import dataclass
from datetime import date, timedelta

import pandas as pd

from include.jobs import revisit_reads as reads
from include.jobs.decide_warnings import Warned
from include.jobs.run_rows import read_frame, replace_rows
from include.jobs.work_date import is_workday
from include.policy import policy_records
from include.warehouse.runs import Job
from scoring import revisit_policy, revisits, risk_tier
from scoring.bands import Bands, bands
from scoring.revisit_spread import Spread

PLANNED_DAYS = 400  # due dates are spread over working days so far ahead; the longest cadence is 90


@dataclass(frozen=True)
class Revisits:
    """What the rest of the day needs of it: tiers by borrower, the policy, and the bands of amounts."""

    tiers: dict[str, str]
    policy: revisit_policy.RevisitPolicy
    edges: Bands
    counts: dict[str, int]


def decide_revisits(job: Job, warned: Warned) -> Revisits:
    """Write ``risk_tier``, ``revisit_plan`` and ``coverage_gap``."""
    day = job.run.business_date
    edges = bands(day, policy_records("amount_band"), policy_records("term_band"))
    policy = _revisit_policy(day, edges)
    loans = _loans(job, warned)
    tiers = _tiers(job, day, loans, edges)
    tier_of = dict(zip(tiers.borrower_id, tiers.risk_tier, strict=True))
    loans["risk_tier"] = loans["borrower_id"].map(tier_of)
    loans = loans.astype(object).where(loans.notna(), None)
    plan, gaps = revisits.plan_revisits(
        day, loans, read_frame(job, reads.CONTACTS), read_frame(job, reads.BASE_PLAN), _spread(job, policy), policy
    )
    _announce_tier_changes(plan, tiers)
    replace_rows(job, "risk_tier", tiers)
    replace_rows(job, "revisit_plan", plan)
    replace_rows(job, "coverage_gap", gaps)
    counts = {"risk_tier": len(tiers), "revisit_plan": len(plan), "coverage_gap": len(gaps)}
    return Revisits(tier_of, policy, edges, counts)


def _loans(job: Job, warned: Warned) -> pd.DataFrame:
    """The live loans of the run, with what the warning list of the day says of them."""
    loans = read_frame(job, reads.LOANS)
    listed = {row["loan_id"]: row for row in warned.listed}
    for column, name in (("severity", "severity"), ("severity_change", "change")):
        found = [listed[loan_id][name] if loan_id in listed else None for loan_id in loans.loan_id]
        loans[column] = pd.Series(found, index=loans.index, dtype=object)
    return loans


def _revisit_policy(day: date, edges: Bands) -> revisit_policy.RevisitPolicy:
    names = ("cadence", "short_term", "trigger", "retry", "exemption", "parameter")
    rows = {f"revisit_{name}": policy_records(f"revisit_{name}") for name in names}
    return revisit_policy.revisit_policy(day, edges, rows | {"contact_channel": policy_records("contact_channel")})


def _tiers(job: Job, day: date, loans: pd.DataFrame, edges: Bands) -> pd.DataFrame:
    names = ("risk_likelihood", "risk_tier_matrix", "revisit_parameter")
    policy = risk_tier.tier_policy(day, edges, *(policy_records(name) for name in names))
    # a borrower whose currency has no policy has no tier; the loan is a coverage gap
    return risk_tier.risk_tiers(day, loans, read_frame(job, reads.BASE_TIERS), policy)[0]


def _announce_tier_changes(plan: pd.DataFrame, tiers: pd.DataFrame) -> None:
    """A loan is computed again on the day on which its borrower's tier may fall."""
    falls = dict(zip(tiers.borrower_id, tiers.changes_on, strict=True))
    plan["changes_on"] = [
        min((day for day in (own, falls.get(borrower)) if day is not None), default=None)
        for own, borrower in zip(plan.changes_on, plan.borrower_id, strict=True)
    ]


def _spread(job: Job, policy: revisit_policy.RevisitPolicy) -> Spread:
    """The workdays ahead, what the team can take on each, and what the base had planned on them."""
    day = job.run.business_date
    ahead = [one for one in (day + timedelta(days=step) for step in range(-7, PLANNED_DAYS)) if is_workday(one)]
    capacity: dict[tuple[date, str], int] = {}
    planned = read_frame(job, reads.TEAM_CAPACITY)
    for layer, column in (("VOICE", "call_count"), ("FIELD", "visit_count")):
        known = {
            row.work_date: int(getattr(row, column)) * policy.capacity_share // 100 for row in planned.itertuples()
        }
        if known:
            usual = sum(known.values()) // len(known)
            capacity |= {(one, layer): known.get(one, usual) for one in ahead}
    load: dict[tuple[date, str], int] = {}
    for row in read_frame(job, reads.BASE_LOAD).itertuples():
        key = (row.due_date, policy.layer(row.least_channel_code))
        load[key] = load.get(key, 0) + int(row.loan_count)
    return Spread(ahead, capacity, load)
