"""The last part of decide: the work date. Lanes and priorities, which contacts are allowed, who does what, what fits.

Reads, for the borrowers who are on the warning list or due for a revisit, the last rows along the run's own chain.
``scoring/`` decides; here is nothing but reading and writing.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, LiteralString

import pandas as pd

from include.jobs import revisit_reads as reads
from include.jobs.alert_reads import handled
from include.jobs.decide_revisits import Revisits
from include.jobs.decide_warnings import Warned
from include.jobs.run_rows import read_frame, replace_rows
from include.jobs.work_date import WorkDate, work_date_after
from include.policy import policy_records
from include.settings import Settings
from include.warehouse.data_sets import load_data_sets
from include.warehouse.runs import Job, load_run
from scoring import assignment, assignment_policy, contact_policy, contact_rules
from scoring.lanes import HARDSHIP, Treatment, lane_policy
from scoring.policy_rows import valid_on
from scoring.priority import priority_policy
from scoring.revisit_items import ASSIGNMENT_COLUMNS, SUPPRESSION_COLUMNS, Items, revisit_items
from scoring.warning_calls import warning_calls
from scoring.warning_work import borrower_route, warnings_with_work
from scoring.work_items import ITEM_COLUMNS, Case, WorkDay, work_items

Row = dict[str, Any]
NOTHING_KNOWN: Row = {"live_loan_count": None, "oldest_unpaid_due_date": None}
STOP_FACTS = frozenset({"VULNERABLE", "DISPUTE", "LEGAL_HOLD"})
FACTS_OF_ITEMS = (
    "borrower_id", "timezone", "region_code", "preferred_language_code", "mobile_phone_token", "failed_attempt_count",
    "oldest_unpaid_due_date", "is_hardship",
)  # fmt: skip
LISTS = ("revisit_assignment", "contact_suppression", "work_item")


@dataclass(frozen=True)
class Reader:
    """The reads of one work date for one set of borrowers."""

    job: Job
    parameters: Row

    def __call__(self, query: LiteralString) -> pd.DataFrame:
        return read_frame(self.job, query, **self.parameters)

    def rows(self, query: LiteralString) -> list[Row]:
        return [{str(name): value for name, value in row.items()} for row in self(query).to_dict("records")]


def decide_work(job: Job, settings: Settings, warned: Warned, revisits: Revisits) -> dict[str, int]:
    """Write ``warning_list``, ``warning_cleared`` and the lists of the work date. Returns rows by table."""
    work = work_date_after(job.run.business_date)
    due = read_frame(job, reads.DUE, last_due=work.last_due)
    borrowers = {row["borrower_id"] for row in (*warned.listed, *warned.cleared)} | set(due.borrower_id)
    read = Reader(
        job,
        {"borrowers": sorted(borrowers), "work_date": work.day, "cutoff": reads.known_until(job, settings)},
    )
    stops = read(reads.STOPS)
    facts = _borrower_facts(read, warned, stops)
    day = job.run.business_date
    lanes = lane_policy(day, policy_records("lane_routing"), policy_records("treatment"))
    routes = {borrower_id: borrower_route(day, one, lanes) for borrower_id, one in facts.items()}
    listed, treatments = warnings_with_work(
        warned.listed,
        warned.base_list,
        facts,
        routes,
        {loan_id: row["predicted_rate"] for loan_id, row in warned.positions.items()},
        day,
        work.workdays,
        handled(job, settings, [row["loan_id"] for row in warned.listed]),
        lanes,
        priority_policy(day, policy_records("priority_factor"), revisits.edges),
    )
    lists = _frozen(job)
    if lists is None:
        cases = _Cases(listed, treatments, routes, facts, revisits)
        lists = _work_day(read, settings, work, due, stops, cases)
    today = set(lists["work_item"].loc[lists["work_item"]["is_work_today"].astype(bool), "borrower_id"])
    for row in listed:
        row["is_work_today"] = row["borrower_id"] in today
    cleared = [row | {"lane_code": routes[row["borrower_id"]].lane} for row in warned.cleared]
    lists |= {"warning_list": _frame("warning_list", listed), "warning_cleared": _frame("warning_cleared", cleared)}
    for name, rows in sorted(lists.items()):
        replace_rows(job, name, rows)
    return {name: len(rows) for name, rows in lists.items()}


@dataclass(frozen=True)
class _Cases:
    """Everybody with something to do: warnings with their treatment, and where the borrower stands."""

    listed: list[Row]
    treatments: dict[str, Treatment]
    routes: dict[str, Any]
    facts: dict[str, Row]
    revisits: Revisits

    @property
    def called(self) -> dict[str, str]:
        """The channel through which somebody calls about a warning, by borrower."""
        return {
            borrower_id: treatment.channel
            for borrower_id, treatment in self.treatments.items()
            if treatment.work == "CONTACT" and treatment.channel is not None
        }

    def cases(self, items: Items) -> list[Case]:
        warnings: dict[str, list[Row]] = {}
        for row in self.listed:
            warnings.setdefault(row["borrower_id"], []).append(row)
        revisit_of = {row["borrower_id"]: row for row in items.rows}
        return [
            Case(
                borrower_id,
                self.routes[borrower_id],
                self.treatments.get(borrower_id),
                tuple(warnings.get(borrower_id, ())),
                revisit_of.get(borrower_id),
                self.facts[borrower_id] | {"risk_tier": self.revisits.tiers.get(borrower_id)},
            )
            for borrower_id in sorted(warnings.keys() | revisit_of.keys())
        ]


def _borrower_facts(read: Reader, warned: Warned, stops: pd.DataFrame) -> dict[str, Row]:
    """What is known of each borrower, and the facts that lanes are routed by."""
    known = {row["borrower_id"]: row for row in read.rows(reads.BORROWERS)}
    details = {row["borrower_id"]: row for row in read.rows(reads.DETAILS)}
    found: dict[str, Row] = {}
    for borrower_id in read.parameters["borrowers"]:
        row = known.get(borrower_id, NOTHING_KNOWN)
        codes = {"VULNERABLE"} if row.get("is_vulnerable") else set()
        codes |= {"DECEASED"} if row.get("deceased_date") is not None else set()
        found[borrower_id] = (
            details[borrower_id] | row | {"fact_codes": codes, "language_code": row.get("preferred_language_code")}
        )
    for stop in stops.to_dict("records"):
        if stop["stop_code"] in STOP_FACTS and stop["released_at"] is None:
            found[stop["borrower_id"]]["fact_codes"].add(stop["stop_code"])
    for listed in warned.listed:
        if "hardship" in listed["signal_codes"].split(","):
            found[listed["borrower_id"]]["fact_codes"].add(HARDSHIP)
    return found


def _work_day(
    read: Reader, settings: Settings, work: WorkDate, due: pd.DataFrame, stops: pd.DataFrame, cases: _Cases
) -> dict[str, pd.DataFrame]:
    policy = cases.revisits.policy
    borrowers = _typed(
        (
            {name: row.get(name) for name in FACTS_OF_ITEMS}
            | {"borrower_id": borrower_id, "is_hardship": HARDSHIP in row["fact_codes"]}
            for borrower_id, row in cases.facts.items()
        ),
        FACTS_OF_ITEMS,
    )
    items = revisit_items(work.day, due, borrowers, read(reads.FORMER), policy, settings.timezone, cases.called)
    told = cases.cases(items)
    calls = warning_calls(work.day, told, settings.timezone)
    officers, planned_days = read(reads.OFFICERS), read(reads.CAPACITIES)
    names = ("contact_rule", "contact_stop_rule", "contact_jurisdiction", "contact_parameter")
    rules = contact_policy.contact_policy(work.day, *(policy_records(name) for name in names), settings.timezone)
    planned = Items([*items.rows, *calls])
    allowed, suppressed = contact_rules.check_contacts(planned.planned, read(reads.HISTORY), stops, rules)
    outcome = assignment.assign(
        work.day,
        items.to_assign(allowed),
        officers,
        _officers_day(planned_days, policy.capacity_share),
        read(reads.CONFLICTS),
        _assignment_policy(work),
    )
    worked = work_items(
        WorkDay(work.day, work.is_assumed, _capacities(officers, planned_days, 100 - policy.capacity_share, work)),
        told,
        _by_borrower(allowed),
        _by_borrower(suppressed),
        _by_borrower(outcome.assigned.rename(columns={"item_id": "borrower_id"})),
    )
    assigned = items.assignment_rows(allowed, outcome.assigned, is_assumed=work.is_assumed)
    return {
        "revisit_assignment": _typed(assigned, ASSIGNMENT_COLUMNS),
        "contact_suppression": _typed(planned.suppression_rows(suppressed), SUPPRESSION_COLUMNS),
        "work_item": _typed(worked, ITEM_COLUMNS),
    }


def _frozen(job: Job) -> dict[str, pd.DataFrame] | None:
    """What a restated date showed before: people have worked from it, so it is carried over and never decided again."""
    if job.run.replaces_run_id is None:
        return None
    replaced = load_run(job.connection, job.run.replaces_run_id)
    # the yardstick of a restated date carries what that date carries
    if job.run.kind != "restate" and replaced.kind != "restate":
        return None
    queries = (reads.ASSIGNED_BEFORE, reads.SUPPRESSED_BEFORE, reads.WORKED_BEFORE)
    return {name: read_frame(job, query, replaced=replaced.run_id) for name, query in zip(LISTS, queries, strict=True)}


def _capacities(officers: pd.DataFrame, planned: pd.DataFrame, share: int, work: WorkDate) -> dict[str, int | None]:
    """What the owner of each lane can take on the day, in items; nobody's day was delivered: not in it."""
    roles = {row["officer_id"]: row["role_code"] for row in officers.to_dict("records") if row["is_active"]}
    of_role: dict[str, int] = {}
    for row in planned.to_dict("records"):
        if row["officer_id"] in roles:
            role = roles[row["officer_id"]]
            of_role[role] = of_role.get(role, 0) + int(row["max_call_count"]) * share // 100
    found: dict[str, int | None] = {}
    for policy in valid_on(policy_records("work_capacity"), work.day):
        if policy["item_count"]:
            found[policy["lane_owner"]] = int(policy["item_count"])
        elif not policy["officer_role_codes"]:
            found[policy["lane_owner"]] = None
        elif of_role:
            codes = policy["officer_role_codes"].split(";")
            found[policy["lane_owner"]] = sum(of_role.get(code, 0) for code in codes)
    return found


def _assignment_policy(work: WorkDate) -> assignment_policy.AssignmentPolicy:
    names = ("assignment_price", "assignment_role", "assignment_skill", "assignment_reach", "assignment_reason")
    return assignment_policy.assignment_policy(work.day, {name: policy_records(name) for name in names})


def _officers_day(planned: pd.DataFrame, share: int) -> pd.DataFrame:
    """What each officer can take of each layer: the part of the day that is for revisits."""
    rows = [
        (row.officer_id, layer, int(getattr(row, column)) * share // 100)
        for row in planned.itertuples()
        for layer, column in (("VOICE", "max_call_count"), ("FIELD", "max_field_visit_count"))
    ]
    return pd.DataFrame(rows, columns=list(assignment.CAPACITY_COLUMNS), dtype=object)


def _by_borrower(frame: pd.DataFrame) -> dict[str, Row]:
    return {row["borrower_id"]: {str(name): value for name, value in row.items()} for row in frame.to_dict("records")}


def _frame(table: str, rows: Iterable[Row]) -> pd.DataFrame:
    return pd.DataFrame(list(rows), columns=load_data_sets()[table].value_columns, dtype=object)


def _typed(rows: Iterable[Row], columns: tuple[str, ...]) -> pd.DataFrame:
    return pd.DataFrame(list(rows), columns=list(columns), dtype=object)
