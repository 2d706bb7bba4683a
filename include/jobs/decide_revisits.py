"""The second half of decide: tiers, the revisit plan, what may be contacted on the work date, and who does it.

Reads the positions, profiles and contacts of the touched loans, the base's rows of the same loans, and for the due
items the last rows along the run's own chain. ``scoring/`` decides; here is nothing but reading and writing.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from typing import LiteralString

import pandas as pd

from include import business_calendar
from include.errors import PostloanError
from include.jobs import revisit_reads as reads
from include.jobs.run_rows import read_frame, replace_rows
from include.policy import policy_records
from include.settings import Settings
from include.warehouse.runs import Job, load_run
from scoring import assignment, assignment_policy, contact_policy, contact_rules, revisit_policy, revisits, risk_tier
from scoring.bands import Bands, bands
from scoring.revisit_items import ASSIGNMENT_COLUMNS, SUPPRESSION_COLUMNS, Items, revisit_items
from scoring.revisit_spread import Spread

PLANNED_DAYS = 400  # due dates are spread over working days so far ahead; the longest cadence is 90


@dataclass(frozen=True)
class WorkDate:
    day: date
    last_due: date  # what is due by the day before the next working day is worked now
    is_assumed: bool


def decide_revisits(job: Job, settings: Settings) -> dict[str, int]:
    """Write ``risk_tier``, ``revisit_plan``, ``coverage_gap``, ``revisit_assignment`` and ``contact_suppression``."""
    day = job.run.business_date
    reads.show_run_to_staging(job)
    edges = bands(day, policy_records("amount_band"), policy_records("term_band"))
    plan_policy = _revisit_policy(day, edges)
    loans = read_frame(job, reads.LOANS)
    tiers = _tiers(job, day, loans, edges)
    loans["risk_tier"] = loans["borrower_id"].map(dict(zip(tiers.borrower_id, tiers.risk_tier, strict=True)))
    loans = loans.astype(object).where(loans.notna(), None)
    plan, gaps = revisits.plan_revisits(
        day,
        loans,
        read_frame(job, reads.CONTACTS),
        read_frame(job, reads.BASE_PLAN),
        _spread(job, plan_policy),
        plan_policy,
    )
    _announce_tier_changes(plan, tiers)
    replace_rows(job, "risk_tier", tiers)
    replace_rows(job, "revisit_plan", plan)
    replace_rows(job, "coverage_gap", gaps)
    counts = {"risk_tier": len(tiers), "revisit_plan": len(plan), "coverage_gap": len(gaps)}

    assigned, suppressed = _frozen(job) or _work_day(job, settings, work_date_after(day), plan_policy)
    replace_rows(job, "revisit_assignment", assigned)
    replace_rows(job, "contact_suppression", suppressed)
    return counts | {"revisit_assignment": len(assigned), "contact_suppression": len(suppressed)}


def work_date_after(day: date) -> WorkDate:
    """The team's next working day. Where the calendar says nothing, Monday to Friday, and the list says so."""
    try:
        work = business_calendar.next_workday(day)
        return WorkDate(work, business_calendar.next_workday(work) - timedelta(days=1), is_assumed=False)
    except PostloanError:
        work = _next_weekday(day)
        return WorkDate(work, _next_weekday(work) - timedelta(days=1), is_assumed=True)


def _next_weekday(day: date) -> date:
    following = day + timedelta(days=1)
    while following.weekday() > 4:
        following += timedelta(days=1)
    return following


def _is_workday(day: date) -> bool:
    try:
        return business_calendar.is_workday(day)
    except PostloanError:
        return day.weekday() < 5


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
    ahead = [one for one in (day + timedelta(days=step) for step in range(-7, PLANNED_DAYS)) if _is_workday(one)]
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


def _frozen(job: Job) -> tuple[pd.DataFrame, pd.DataFrame] | None:
    """What a restated date showed before: people have worked from it, so it is carried over and never decided again."""
    if job.run.replaces_run_id is None:
        return None
    replaced = load_run(job.connection, job.run.replaces_run_id)
    # the yardstick of a restated date carries what that date carries
    if job.run.kind != "restate" and replaced.kind != "restate":
        return None
    lists = (
        read_frame(job, query, replaced=replaced.run_id) for query in (reads.ASSIGNED_BEFORE, reads.SUPPRESSED_BEFORE)
    )
    return next(lists), next(lists)


def _work_day(
    job: Job, settings: Settings, work: WorkDate, policy: revisit_policy.RevisitPolicy
) -> tuple[pd.DataFrame, pd.DataFrame]:
    due = read_frame(job, reads.DUE, last_due=work.last_due)
    borrowers = sorted(set(due.borrower_id))

    def read(query: LiteralString) -> pd.DataFrame:
        return read_frame(job, query, borrowers=borrowers, work_date=work.day, cutoff=reads.known_until(job, settings))

    items = revisit_items(work.day, due, read(reads.BORROWERS), read(reads.FORMER), policy, settings.timezone)
    names = ("contact_rule", "contact_stop_rule", "contact_jurisdiction", "contact_parameter")
    rules = contact_policy.contact_policy(work.day, *(policy_records(name) for name in names), settings.timezone)
    allowed, suppressed = contact_rules.check_contacts(items.planned, read(reads.HISTORY), read(reads.STOPS), rules)
    outcome = assignment.assign(
        work.day,
        items.to_assign(allowed),
        read(reads.OFFICERS),
        _officers_day(read(reads.CAPACITIES), policy.capacity_share),
        pd.DataFrame(columns=list(assignment.CONFLICT_COLUMNS)),
        _assignment_policy(work.day),
    )
    return _lists(items, allowed, suppressed, outcome.assigned, work)


def _lists(
    items: Items, allowed: pd.DataFrame, suppressed: pd.DataFrame, assigned: pd.DataFrame, work: WorkDate
) -> tuple[pd.DataFrame, pd.DataFrame]:
    listed = items.assignment_rows(allowed, assigned, is_assumed=work.is_assumed)
    return _typed(listed, ASSIGNMENT_COLUMNS), _typed(items.suppression_rows(suppressed), SUPPRESSION_COLUMNS)


def _typed(rows: Iterable[dict[str, object]], columns: tuple[str, ...]) -> pd.DataFrame:
    return pd.DataFrame(list(rows), columns=list(columns), dtype=object)


def _assignment_policy(day: date) -> assignment_policy.AssignmentPolicy:
    names = ("assignment_price", "assignment_role", "assignment_skill", "assignment_reach", "assignment_reason")
    return assignment_policy.assignment_policy(day, {name: policy_records(name) for name in names})


def _officers_day(planned: pd.DataFrame, share: int) -> pd.DataFrame:
    """What each officer can take of each layer: the part of the day that is for revisits."""
    rows = [
        (row.officer_id, layer, int(getattr(row, column)) * share // 100)
        for row in planned.itertuples()
        for layer, column in (("VOICE", "max_call_count"), ("FIELD", "max_field_visit_count"))
    ]
    return pd.DataFrame(rows, columns=list(assignment.CAPACITY_COLUMNS), dtype=object)
