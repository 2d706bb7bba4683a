"""The borrowers' accounts with us: salary, spending, instalments debited or not, and the way of the money lent.

A month is closed in itself: on its last day the account is brought to the balance that the next month begins with, by a
transfer from or to an account elsewhere. So any month can be made alone, and still every balance follows from the one
before. Whoever pays on time has the money there in time; in a month with a debit that fails, the salary is gone on
payday, and what is paid late is brought on the day it is paid.
"""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from include.sample_bank.debits import autodebits, failed_debits, is_tight_month, prefunded
from include.sample_bank.frames import CURRENCY, amounts, codes, dates, identifiers, same
from include.sample_bank.movements import (
    ACCOUNT_ELSEWHERE,
    CASH,
    DRAIN,
    FAILED,
    INFLOW,
    LAST,
    MERCHANT,
    MOVEMENTS,
    NOBODY,
    OWN,
    PARTIES,
    PERSON,
    PURCHASE,
    SPEND,
    TRANSFER,
    Flows,
    flows,
)
from include.sample_bank.randomness import Cents
from include.sample_bank.salaries import income_flows
from include.sample_bank.schedules import MONTH_STARTS, month_of
from include.sample_bank.spending import proceeds
from include.sample_bank.world import World

DAILY_MCC = (5411, 5812, 5541, 4111, 5977, 7832)


def account_transaction(world: World, after: int, until: int) -> pa.Table:
    """The movements booked on the days ``after < day <= until``."""
    months = world.once(_Months)
    first, last = int(month_of(np.array([after + 1]))[0]), int(month_of(np.array([until]))[0])
    kept = []
    for month in range(first, last + 1):
        rows = months.of(world, month)
        day = rows.column("booking_date").cast(pa.int32())
        inside = pc.and_(
            pc.greater(day, pa.scalar(after, pa.int32())), pc.less_equal(day, pa.scalar(until, pa.int32()))
        )
        kept.append(rows.filter(inside))
    return pa.concat_tables(kept)


class _Months:
    """The months made so far; a delivery of a day asks for the same one again.

    It does not keep the world: a world that is kept by what it keeps would stay in memory.
    """

    def __init__(self, _: World) -> None:
        self._made: dict[int, pa.Table] = {}

    def of(self, world: World, month: int) -> pa.Table:
        if month not in self._made:
            self._made[month] = _rows(world, month)
        return self._made[month]


def _rows(world: World, month: int) -> pa.Table:
    start, end = int(MONTH_STARTS[month]), int(MONTH_STARTS[month + 1]) - 1
    active = world.has_account & (world.first_loan_on <= end) & (world.last_day >= start)
    owner = np.flatnonzero(active)
    lent = world.once(proceeds)
    inside = (lent.day >= start) & (lent.day <= end)
    parts = [
        income_flows(world, owner, month),
        _spending(world, owner, month),
        lent.of(inside & active[lent.owner] & (lent.account == 1)),
        *_debits(world, active, month, start, end),
    ]
    together = Flows.together(parts)
    opening, closing = _balance_before(world, owner, month), _balance_before(world, owner, month + 1)
    moved = np.zeros(len(world), dtype=np.int64)
    np.add.at(moved, together.owner, together.cents)
    swept = closing - opening - moved[owner]
    swap = flows(
        owner,
        np.full(len(owner), end),
        swept,
        TRANSFER,
        OWN,
        order=LAST,
        party_id=world.ids[owner],
        party_account=ACCOUNT_ELSEWHERE,
    )
    second = lent.of(inside & active[lent.owner] & (lent.account == 2))
    every = Flows.together([together, swap.of(swept != 0), second])
    every = every.of(np.lexsort((every.order, every.day, every.account, every.owner)))
    before = np.zeros(len(world), dtype=np.int64)
    before[owner] = opening
    return _table(world, every, before, _second_before(world, lent, start))


def _debits(world: World, active: NDArray[np.bool_], month: int, start: int, end: int) -> list[Flows]:
    """Instalments debited in the month, what brings the money where it is not there already, and failed attempts."""
    debits, failed = world.once(autodebits), world.once(failed_debits)
    debits = debits.of((debits.day >= start) & (debits.day <= end) & active[debits.owner])
    failed = failed.of((failed.day >= start) & (failed.day <= end) & active[failed.owner])
    tight = is_tight_month(world, debits.owner, np.full(len(debits), month))
    late = debits.of(tight & (debits.cents < 0))
    brought = flows(
        late.owner,
        late.day,
        -late.cents,
        TRANSFER,
        OWN,
        order=INFLOW,
        party_id=world.ids[late.owner],
        party_account=ACCOUNT_ELSEWHERE,
    )
    return [debits, brought, failed]


def _spending(world: World, owner: NDArray[np.int64], month: int) -> Flows:
    """What the salary goes to in the days after it came; in a tight month all of it is gone on payday."""
    income = income_flows(world, owner, month)
    last_in = np.full(len(world), -1, dtype=np.int64)
    np.maximum.at(last_in, income.owner, income.day)
    received = np.zeros(len(world), dtype=np.int64)
    np.add.at(received, income.owner, income.cents)
    tight = is_tight_month(world, income.owner, np.full(len(income), month))
    gone = income.of(tight)
    to_cash = world.uniform("takes cash") < 0.5
    drains = [
        flows(part.owner, part.day, -part.cents, kind, party, order=DRAIN)
        for part, kind, party in (
            (gone.of(to_cash[gone.owner]), CASH, NOBODY),
            (gone.of(~to_cash[gone.owner]), TRANSFER, PERSON),
        )
    ]
    end = int(MONTH_STARTS[month + 1]) - 1
    is_tight = is_tight_month(world, owner, np.full(len(owner), month))
    spends = owner[~is_tight & (received[owner] > 0)]
    parts = []
    for number, (low, high) in enumerate(((8, 22), (5, 18), (10, 30))):
        after = world.whole(f"spends {number} after {month}", 1, 9)[spends]
        percent = world.whole(f"spends {number} in {month}", low, high)[spends]
        cents = received[spends] // 10_000 * percent * 100 // 100 * 100 + world.whole(f"odd {month}", 0, 99)[spends]
        kind, party = (TRANSFER, PERSON) if number == 2 else (PURCHASE, MERCHANT)
        mcc = np.array(DAILY_MCC)[world.whole(f"buys {number} in {month}", 0, len(DAILY_MCC) - 1)[spends]]
        day = np.minimum(last_in[spends] + after, end)
        parts.append(flows(spends, day, -cents, kind, party, order=SPEND, mcc=mcc if kind == PURCHASE else 0))
    return Flows.together([*drains, *parts])


def _balance_before(world: World, owner: NDArray[np.int64], month: int) -> Cents:
    """The balance with which a month begins: what is usually there, what will be debited, lent money not yet spent."""
    start = int(MONTH_STARTS[month])
    lent = world.once(proceeds)
    of_first = lent.of((lent.account == 1) & (lent.day < start))
    left = np.zeros(len(world), dtype=np.int64)
    np.add.at(left, of_first.owner, of_first.cents)
    tight = is_tight_month(world, owner, np.full(len(owner), month))
    keeps_little = world.uniform("keeps little") < 0.15
    part = world.once(_usual_instalment)
    usual = np.where(keeps_little, world.whole("pocket", 2_000, 9_000), part * world.whole("cushion", 120, 400) // 100)
    usual = usual + world.whole(f"cushion in {month}", 0, 30_000)
    scarce = np.minimum(world.whole(f"scarce in {month}", 10, 4_000), part // 4)
    return np.where(tight, scarce[owner], usual[owner] + prefunded(world, month)[owner]) + left[owner]


def _usual_instalment(world: World) -> Cents:
    """The largest regular instalment of the borrower's loans."""
    counts = world.lives.loans.instalment_counts
    amount = world.lives.original.amount[:, 0]
    return world.of_loans(np.where(counts > 1, amount, np.minimum(amount, 200_000)), np.maximum, 0)


def _second_before(world: World, lent: Flows, start: int) -> Cents:
    """The balance of the second accounts: only lent money ever passes through them."""
    before = lent.of((lent.account == 2) & (lent.day < start))
    found = np.zeros(len(world), dtype=np.int64)
    np.add.at(found, before.owner, before.cents)
    return found


def _table(world: World, rows: Flows, first_before: Cents, second_before: Cents) -> pa.Table:
    """The rows with running balances and their order in the day, while the borrower owes us something."""
    count = len(rows)
    key = rows.owner * 2 + rows.account - 1
    begins = np.ones(count, dtype=np.bool_)
    begins[1:] = key[1:] != key[:-1]
    total = np.cumsum(rows.cents)
    place = np.maximum.accumulate(np.where(begins, np.arange(count), 0))
    so_far = total - (total - rows.cents)[place] if count else total
    opening = np.where(rows.account == 1, first_before[rows.owner], second_before[rows.owner])
    new_day = begins.copy()
    new_day[1:] |= rows.day[1:] != rows.day[:-1]
    number = np.arange(count) - np.maximum.accumulate(np.where(new_day, np.arange(count), 0))
    kept = (rows.day >= world.first_loan_on[rows.owner]) & (rows.day <= world.last_day[rows.owner])
    # where money just lent lies on the account, nothing fails
    kept &= (rows.movement != FAILED) | (opening + so_far < rows.stated)
    rows, number, balance = rows.of(kept), number[kept], (opening + so_far)[kept]
    ids = world.ids[rows.owner]
    texts = identifiers(ids, "", 13)
    tail = rows.account * 10**7 + rows.day * 100 + number
    kind = pc.utf8_lpad(pa.array(rows.party_account).cast(pa.string()), 2, "0")
    party = pc.binary_join_element_wise("9990", identifiers(rows.party_id, "", 13), kind, "")
    no_loan = rows.loan < 0
    loan_ids = world.lives.loans.ids[np.maximum(rows.loan, 0)]
    mcc = pc.utf8_lpad(pa.array(rows.mcc).cast(pa.string()), 4, "0")
    none = pa.scalar(None, pa.string())
    return pa.table(
        {
            "account_transaction_id": pc.binary_join_element_wise(
                identifiers(ids, "A", 10), pa.array(tail).cast(pa.string()), ""
            ),
            "borrower_id": identifiers(ids, "C", 10),
            "account_number": pc.binary_join_element_wise(
                "9990", texts, pc.utf8_lpad(pa.array(rows.account).cast(pa.string()), 2, "0"), ""
            ),
            "booking_date": dates(rows.day),
            "currency": same(CURRENCY, len(rows)),
            "amount": amounts(rows.stated),
            "direction_code": codes(rows.is_in.astype(np.int64), ("OUT", "IN")),
            "movement_code": codes(rows.movement, MOVEMENTS),
            "counterparty_class_code": codes(rows.party, PARTIES),
            "counterparty_account_number": pc.if_else(pa.array(rows.party_account == 0), none, party),
            "merchant_category_code": pc.if_else(pa.array(rows.mcc == 0), none, mcc),
            "loan_id": pc.if_else(pa.array(no_loan), none, identifiers(loan_ids, "", 10)),
            "balance_after_amount": amounts(balance),
            "sequence_number": pa.array(number.astype(np.int32)),
        }
    )
