"""The bureau's monthly batch: one pull for everybody with an open loan, and the accounts that it shows.

The score and new debts lead the trouble of some borrowers by months; for others the bureau knows nothing before our own
late loan reaches it. A pull has consent and purpose unless a fault was asked for.
"""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from include.sample_bank.core_books import Books, LoanBooks
from include.sample_bank.credit import (
    AUTO,
    CARD,
    MORTGAGE,
    TYPES,
    Lines,
    balances,
    inquiries,
    other_lines,
    pull_days,
    scores,
)
from include.sample_bank.frames import CURRENCY, amounts, codes, dates, identifiers, same
from include.sample_bank.lives import ACTIVE
from include.sample_bank.loans import NEVER
from include.sample_bank.randomness import Days, Ids
from include.sample_bank.schedules import month_of
from include.sample_bank.world import World

BUREAU = "PBOC"
SHOWN_AFTER_CLOSING_DAYS = 60
UNLAWFUL_AFTER_DAYS = 30  # a pull "after closing" is made so long after the last loan ended


def bureau_report(world: World, after: int, until: int) -> pa.Table:
    """The pulls of the days ``after < day <= until``."""
    pulls = [_report(world, day, world.has_live_loan(day, until)) for day in pull_days(after, until)]
    return pa.concat_tables(pulls) if pulls else _report(world, until, np.zeros(len(world), dtype=np.bool_))


def bureau_tradeline(world: World, after: int, until: int) -> pa.Table:
    """The accounts shown by these pulls."""
    pulls = [_tradelines(world, day, world.has_live_loan(day, until)) for day in pull_days(after, until)]
    return pa.concat_tables(pulls) if pulls else _tradelines(world, until, np.zeros(len(world), dtype=np.bool_))


def pulls_after_closing(world: World, day: int) -> pa.Table:
    """Pulls that nobody may make: of borrowers whose last loan ended some time ago."""
    gone = (world.last_day > 0) & (world.last_day + UNLAWFUL_AFTER_DAYS < day)
    return _report(world, day, gone & (world.uniform(f"pulled after closing {day}") < 0.02))


def _report(world: World, day: int, pulled: NDArray[np.bool_]) -> pa.Table:
    rows = np.flatnonzero(pulled)
    lines = world.once(other_lines)
    owed = balances(world, lines, day)
    is_open = (lines.opened_on <= day) & (lines.closes_on > day)
    is_card = is_open & (lines.kind == CARD)
    own_loan, own = _own_loans(world, day)
    own_owner = world.owner[own_loan]
    total = _by_owner(world, lines.owner, owed) + _by_owner(world, own_owner, own.principal)
    secured = _by_owner(world, lines.owner, np.where(np.isin(lines.kind, (MORTGAGE, AUTO)), owed, 0))
    limit = _by_owner(world, lines.owner, np.where(is_card, lines.amount, 0))
    used = _by_owner(world, lines.owner, np.where(is_card, owed, 0))
    lenders = _by_owner(world, lines.owner, is_open.astype(np.int64))
    lenders += np.minimum(_by_owner(world, own_owner, np.ones(len(own_owner), dtype=np.int64)), 1)
    month = int(month_of(np.array([day]))[0])
    ids = world.ids[rows]
    return pa.table(
        {
            "pull_id": pull_ids(ids, day),
            "borrower_id": identifiers(ids, "C", 10),
            "pull_date": dates(np.full(len(rows), day)),
            "bureau_code": same(BUREAU, len(rows)),
            "consent_id": identifiers(ids, "CONSENT-", 10),
            "inquiry_purpose_code": same("POST_LOAN", len(rows)),
            "bureau_score": pa.array(scores(world, day, month)[rows].astype(np.int32)),
            "currency": same(CURRENCY, len(rows)),
            "total_debt_amount": amounts(total[rows]),
            "unsecured_debt_amount": amounts((total - secured)[rows]),
            "credit_limit_amount": amounts(limit[rows]),
            "credit_used_amount": amounts(used[rows]),
            "open_lender_count": pa.array(lenders[rows].astype(np.int32)),
            "inquiry_30d_count": pa.array(inquiries(world, day, 30)[rows].astype(np.int32)),
            "inquiry_90d_count": pa.array(inquiries(world, day, 90)[rows].astype(np.int32)),
        }
    )


def _tradelines(world: World, day: int, pulled: NDArray[np.bool_]) -> pa.Table:
    lines = world.once(other_lines)
    shown = (lines.opened_on <= day) & (lines.closes_on > day - SHOWN_AFTER_CLOSING_DAYS) & pulled[lines.owner]
    lines = lines.of(shown)
    other_owed = balances(world, lines, day)
    other_late = _late_days(lines, day)
    is_slight = lines.bad_until < NEVER
    # days late: some cents in the yuan; in earnest: what fell due since, at a twentieth a month
    behind = np.where(is_slight, 6_000, other_owed * np.minimum(other_late, 300) // 60_000 * 100 + 10_000)
    other_behind = np.where(other_late > 0, np.minimum(behind, other_owed), 0)
    own_loan, own = _own_loans(world, day)
    mine = pulled[world.owner[own_loan]]
    own_loan = own_loan[mine]
    own_owed, own_behind, oldest = own.principal[mine], own.past_due[mine], own.oldest_due_on[mine]
    own_late = np.where(oldest < NEVER, day - oldest, 0)
    owner = np.concatenate([lines.owner, world.owner[own_loan]])
    is_own = np.concatenate([np.zeros(len(lines), dtype=np.bool_), np.ones(len(own_loan), dtype=np.bool_)])
    opened_on = np.concatenate([lines.opened_on, world.lives.loans.disbursed_on[own_loan]])
    kind = np.concatenate([lines.kind, np.full(len(own_loan), TYPES.index("PERSONAL_LOAN"))])
    owed, behind = np.concatenate([other_owed, own_owed]), np.concatenate([other_behind, own_behind])
    late = np.concatenate([other_late, own_late])
    closed = np.concatenate([lines.closes_on <= day, np.zeros(len(own_loan), dtype=np.bool_)])
    order = np.lexsort((opened_on, is_own, owner))
    owner = owner[order]
    number = np.arange(len(owner)) - np.searchsorted(owner, owner, side="left") + 1
    ids = world.ids[owner]
    return pa.table(
        {
            "pull_id": pull_ids(ids, day),
            "tradeline_number": pa.array(number.astype(np.int32)),
            "borrower_id": identifiers(ids, "C", 10),
            "pull_date": dates(np.full(len(owner), day)),
            "account_type_code": codes(kind[order], TYPES),
            "is_own_lender": pa.array(is_own[order]),
            "opened_date": dates(opened_on[order]),
            "currency": same(CURRENCY, len(owner)),
            "balance_amount": amounts(owed[order]),
            "past_due_amount": amounts(behind[order]),
            "days_past_due": pa.array(late[order].astype(np.int32)),
            "account_status_code": codes(closed[order].astype(np.int64), ("OPEN", "CLOSED")),
        }
    )


def pull_ids(ids: Ids, day: int) -> pa.Array:
    """A borrower and a day."""
    return pc.binary_join_element_wise(identifiers(ids, "Q", 10), f"{day:05d}", "-")


def _late_days(lines: Lines, day: int) -> Days:
    return np.where((lines.bad_on <= day) & (lines.bad_until > day), day - lines.bad_on + 1, 0)


def _own_loans(world: World, day: int) -> tuple[NDArray[np.int64], LoanBooks]:
    """The open loans with ourselves and what they owe on the day, as the core system holds them."""
    own = world.once(Books).on(day)
    own = own.of(own.status == ACTIVE)
    return own.loan, own


def _by_owner(world: World, owner: NDArray[np.int64], values: NDArray[np.int64]) -> NDArray[np.int64]:
    # whole numbers far below 2**53: exact in floating point too
    return np.bincount(owner, weights=values, minlength=len(world)).astype(np.int64)
