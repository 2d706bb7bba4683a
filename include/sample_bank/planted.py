"""What was planted in the deliveries: causes of trouble, misuse of money, and the innocent look-alikes of each.

One row a fact, with the day on which it happens, the first day on which a lender that reads every delivery could know
it, and, where it passes, the day on which it is over. ``is_innocent``: it only looks like one of the others, or
explains itself. A detector is measured against this.
"""

from collections.abc import Iterator

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from include.sample_bank.behaviours import BEHAVIOURS
from include.sample_bank.calendar import next_workday
from include.sample_bank.contacts import UNREACHABLE_AFTER
from include.sample_bank.credit import next_pull, other_lines
from include.sample_bank.debits import failed_debits, technical
from include.sample_bank.fates import make_fates
from include.sample_bank.frames import amounts, dates, identifiers
from include.sample_bank.fund_use import MISUSES, USES, misused_cents, misused_on, uses
from include.sample_bank.incomes import NEW_EMPLOYER_DAYS, next_refresh
from include.sample_bank.loans import NEVER
from include.sample_bank.promises import RESULTS, promises
from include.sample_bank.randomness import Cents, Days
from include.sample_bank.salaries import payday_of
from include.sample_bank.second_versions import REASONS
from include.sample_bank.spells import make_spells
from include.sample_bank.world import World

SCHEMA = pa.schema(
    [
        ("kind", pa.string()),
        ("is_innocent", pa.bool_()),
        ("borrower_id", pa.string()),
        ("loan_id", pa.string()),
        ("happens_date", pa.date32()),
        ("knowable_date", pa.date32()),
        ("ends_date", pa.date32()),
        ("amount", pa.decimal128(18, 2)),
    ]
)
TROUBLED_FIRST_PAYMENT_DAYS = 10
CURED_FOR_DAYS = 60
TECHNICAL_DAYS = 7
GETTING_WORSE = ("CURE_AND_SLIDE", "SLIDE")
REGULAR_AFTER_DAYS = 95
DAYS_IN_ALL = 1 << 32
DAYS_UNTIL_OTHERS_REPORT = 8
INNOCENT_FATES = (
    "PLAINTIFF", "CASE_WITHDRAWN", "COMPLAINT_NO_HARDSHIP", "BUSINESS_MOVED",
)  # fmt: skip
AT_THE_BUREAU = ("MORTGAGE_SHOPPING", "REFINANCED", "AFFORDABLE_NEW_LINE", "SCORE_DIP", "DAYS_LATE_ELSEWHERE")
INNOCENT_USES = ("FURNITURE", "PROPERTY_OTHER_MONEY", "FUND_PLAN", "OWN_AND_BACK", "CONSOLIDATION")
Fact = tuple[str, bool, NDArray[np.int64], NDArray[np.int64], Days, Days, Cents | None, Days | None]


def planted(world: World) -> pa.Table:
    """Every fact about the people and loans of a block, ordered by kind, borrower and loan."""
    facts = [
        *_incomes(world),
        *_debts(world),
        *_people(world),
        *_money(world),
        *_arrears(world),
        *_promises(world),
    ]
    tables = [_table(world, fact) for fact in facts]
    order = [
        ("kind", "ascending"),
        ("borrower_id", "ascending"),
        ("loan_id", "ascending"),
        ("happens_date", "ascending"),
    ]
    return pa.concat_tables(tables).sort_by(order)


def _of_people(world: World, kind: str, is_innocent: bool, on: Days, knowable_on: Days) -> Fact:
    """A fact about borrowers: those to whom it happens while they owe us something."""
    lasts = (on >= world.first_loan_on) & (on < NEVER) & (knowable_on <= world.last_day)
    owner = np.flatnonzero(lasts)
    return kind, is_innocent, owner, np.full(len(owner), -1), on[owner], knowable_on[owner], None, None


def _of_loans(
    world: World,
    kind: str,
    is_innocent: bool,
    loan: NDArray[np.int64],
    on: Days,
    knowable_on: Days,
    cents: Cents | None,
    ends_on: Days | None = None,
) -> Fact:
    return kind, is_innocent, world.owner[loan], loan, on, knowable_on, cents, ends_on


def _incomes(world: World) -> Iterator[Fact]:
    fates = world.once(make_fates)
    seen = world.has_account & ~world.is_self_employed
    stops = fates.on("SALARY_STOPPED")
    # accounts are delivered from the first loan on: a salary that stops at once was never seen to be regular
    had_come = stops >= world.first_loan_on + REGULAR_AFTER_DAYS
    missing_on = np.full(len(world), NEVER)
    for name, kind in (("SALARY_STOPPED", "SALARY_STOPPED"), ("SALARY_LATE", "SALARY_LATE")):
        on = np.where(had_come | (name != "SALARY_STOPPED"), fates.on(name), NEVER)
        its = np.flatnonzero(seen & (on < NEVER))
        missing_on[its] = np.minimum(payday_of(world, its, on[its]), NEVER)
        at = np.where(seen & (on < NEVER), missing_on, NEVER)
        yield _of_people(world, kind, kind != "SALARY_STOPPED", np.where(at < NEVER, on, NEVER), at + 1)
    yield _of_people(world, "INCOME_LOST", False, np.where(world.is_self_employed, NEVER, stops), stops + 38)
    # of those who work for themselves only the next refresh shows it
    takings = np.where(world.is_self_employed, stops, NEVER)
    yield _of_people(world, "TAKINGS_STOPPED", False, takings, next_refresh(world, takings))
    moved = np.where(seen, fates.on("JOB_CHANGE"), NEVER)
    yield _of_people(world, "JOB_CHANGE", True, moved, moved + NEW_EMPLOYER_DAYS)


def _debts(world: World) -> Iterator[Fact]:
    fates, lines = world.once(make_fates), world.once(other_lines)
    grows, asks = fates.on("OVER_INDEBTED"), fates.on("OVER_INDEBTED", plus=-4)
    yield _of_people(world, "DEBT_GROWTH", False, grows, next_pull(grows))
    yield _of_people(world, "INQUIRY_BURST", False, asks, next_pull(asks + 8))
    bad_on = np.full(len(world), NEVER)
    lasting = lines.bad_until == NEVER
    np.minimum.at(bad_on, lines.owner[lasting], lines.bad_on[lasting])
    yield _of_people(world, "DELINQUENT_ELSEWHERE", False, bad_on, next_pull(bad_on + DAYS_UNTIL_OTHERS_REPORT))
    for falls_on in (fates.on("OVER_INDEBTED", plus=10), np.minimum(bad_on + 5, NEVER), world.trouble_on + 45):
        yield _of_people(world, "SCORE_DROP", False, np.where(falls_on < NEVER, falls_on, NEVER), next_pull(falls_on))
    for name in AT_THE_BUREAU:
        yield _of_people(world, name, True, fates.on(name), next_pull(fates.on(name)))


def _people(world: World) -> Iterator[Fact]:
    fates = world.once(make_fates)
    asked = fates.on("HARDSHIP", plus=2)
    yield _of_people(world, "HARDSHIP", False, fates.on("HARDSHIP"), asked)
    gone = fates.on("UNREACHABLE")
    fifth = next_workday(np.where(gone < NEVER, gone + UNREACHABLE_AFTER[4], 0))
    yield _of_people(world, "UNREACHABLE", False, gone, np.where(gone < NEVER, fifth, NEVER))
    for name in ("LITIGATION", "BUSINESS_FAILED"):
        yield _of_people(world, name, False, fates.on(name), fates.on(name))
    for name in INNOCENT_FATES:
        yield _of_people(world, name, True, fates.on(name), fates.on(name))
    yield _of_people(world, "HARD_TO_REACH", True, fates.on("HARD_TO_REACH"), fates.on("HARD_TO_REACH", plus=6))
    second = world.lives.second
    relief = second.reasons == REASONS.index("RESTRUCTURE")
    on = second.effective_on[relief]
    yield _of_loans(world, "RELIEF", False, second.rows[relief], on, on, None)


def _money(world: World) -> Iterator[Fact]:
    use, on, cents = world.once(uses), world.once(misused_on), world.once(misused_cents)
    for name in MISUSES:
        loan = np.flatnonzero(use == USES.index(name))
        yield _of_loans(world, name, False, loan, on[loan], on[loan], cents[loan])
    loans = world.lives.loans
    for name in INNOCENT_USES:
        loan = np.flatnonzero(use == USES.index(name))
        spent_on = loans.disbursed_on[loan] + world.chance.whole(loans.ids[loan], "moved after", 1, 8)
        yield _of_loans(world, name, True, loan, spent_on, spent_on, loans.principals[loan])


def _arrears(world: World) -> Iterator[Fact]:
    rows = world.instalments
    ours = np.flatnonzero(world.once(technical))
    late_by = rows.settled_on - rows.due_on
    due = rows.due_on
    yield _of_loans(
        world,
        "TECHNICAL_OVERDUE",
        True,
        rows.loan[ours],
        due[ours],
        due[ours] + 1,
        rows.amount[ours],
        rows.settled_on[ours],
    )
    first = (rows.version == 1) & (rows.number == 1) & (due < world.lives.status_on[rows.loan])
    for kind, chosen in (
        ("FIRST_PAYMENT_DEFAULT", first & (late_by > TROUBLED_FIRST_PAYMENT_DAYS)),
        ("FIRST_PAYMENT_SLIP", first & (late_by > 0) & (late_by <= TROUBLED_FIRST_PAYMENT_DAYS)),
    ):
        its = np.flatnonzero(chosen)
        grace = TROUBLED_FIRST_PAYMENT_DAYS if kind == "FIRST_PAYMENT_DEFAULT" else 1
        yield _of_loans(
            world, kind, grace == 1, rows.loan[its], due[its], due[its] + grace, rows.amount[its], rows.settled_on[its]
        )
    failed = world.once(failed_debits)
    yield _of_loans(world, "AUTODEBIT_FAILED", False, failed.loan, failed.day, failed.day, failed.stated)
    spells = world.once(make_spells)
    again = np.zeros(len(spells), dtype=np.bool_)
    same = spells.loan[1:] == spells.loan[:-1]
    again[1:] = (
        same
        & (spells.start_on[1:] - spells.end_on[:-1] <= CURED_FOR_DAYS)
        & (spells.end_on[:-1] - spells.start_on[:-1] > TECHNICAL_DAYS)
    )
    slides = np.isin(world.lives.behaviours[spells.loan], [BEHAVIOURS.index(name) for name in GETTING_WORSE])
    for kind, chosen in (("SLIDE_AFTER_CURE", again & slides), ("LATE_AGAIN", again & ~slides)):
        its = np.flatnonzero(chosen)
        start = spells.start_on[its]
        yield _of_loans(world, kind, kind == "LATE_AGAIN", spells.loan[its], start, start + 1, None, spells.end_on[its])


def _promises(world: World) -> Iterator[Fact]:
    every, spells = world.once(promises), world.once(make_spells)
    # a promise matters until everything is caught up
    order = spells.loan * DAYS_IN_ALL + spells.start_on
    place = np.searchsorted(order, every.loan * DAYS_IN_ALL + every.made_on, side="right") - 1
    over_on = spells.end_on[place] if len(spells) else every.due_on
    for code, name in enumerate(RESULTS):
        its = np.flatnonzero(every.result == code)
        is_innocent = name in ("KEPT", "WITHDRAWN")
        knowable_on = every.due_on[its] + 1
        yield _of_loans(
            world,
            f"PROMISE_{name}",
            is_innocent,
            every.loan[its],
            every.made_on[its],
            knowable_on,
            every.cents[its],
            over_on[its],
        )


def _table(world: World, fact: Fact) -> pa.Table:
    kind, is_innocent, owner, loan, on, knowable_on, cents, ends_on = fact
    count = len(owner)
    ids = identifiers(world.lives.loans.ids[np.maximum(loan, 0)], "", 10)
    none = pa.scalar(None, pa.string())
    amount = amounts(cents) if cents is not None else pa.nulls(count, pa.decimal128(18, 2))
    return pa.table(
        [
            pa.repeat(kind, count),
            pa.repeat(is_innocent, count),
            identifiers(world.ids[owner], "C", 10),
            pc.if_else(pa.array(loan < 0), none, ids),
            dates(on),
            dates(knowable_on),
            pa.nulls(count, pa.date32()) if ends_on is None else dates(ends_on, ends_on == NEVER),
            amount,
        ],
        schema=SCHEMA,
    )
