"""Public registers: court cases against borrowers and by them, and what happens to their businesses."""

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from include.sample_bank.fates import make_fates
from include.sample_bank.frames import CURRENCY, amounts, codes, dates, decimals, identifiers, same
from include.sample_bank.loans import NEVER
from include.sample_bank.randomness import Cents, Days
from include.sample_bank.world import World

CASE_EVENTS = ("FILED", "JUDGMENT", "ENFORCEMENT", "WITHDRAWN", "CLOSED")
FILED, JUDGMENT, ENFORCEMENT, WITHDRAWN, CLOSED = range(5)
ROLES = ("DEFENDANT", "PLAINTIFF")
BUSINESS_EVENTS = ("REGISTERED", "CHANGED", "ABNORMAL", "DEREGISTERED")
REGISTERED, CHANGED, ABNORMAL, DEREGISTERED = range(4)
LICENCE = "SAMPLE-LICENCE-2024"


def litigation_record(world: World, after: int, until: int) -> pa.Table:
    """The events of cases on the days ``after < day <= until``."""
    fates = world.once(make_fates)
    parts = [
        _events(world, fates.on("LITIGATION"), FILED, 0, 1),
        _events(world, fates.on("LITIGATION", plus=world.whole("judged after", 45, 120)), JUDGMENT, 0, 2),
        _events(world, fates.on("LITIGATION", plus=world.whole("enforced after", 150, 260)), ENFORCEMENT, 0, 3),
        _events(world, fates.on("PLAINTIFF"), FILED, 1, 1),
        _events(world, fates.on("CASE_WITHDRAWN"), FILED, 0, 1),
        _events(world, fates.on("CASE_WITHDRAWN", plus=world.whole("withdrawn after", 4, 12)), WITHDRAWN, 0, 2),
    ]
    owner, day, event, role, number = _on_days(parts, after, until)
    claim: Cents = world.income[owner] * world.whole("claim in incomes", 2, 15)[owner]
    return pa.table(
        {
            "record_id": identifiers(world.ids[owner] * np.uint64(10) + number.astype(np.uint64), "L", 11),
            "case_id": identifiers(world.ids[owner], "CASE", 10),
            "borrower_id": identifiers(world.ids[owner], "C", 10),
            "event_date": dates(day),
            "event_code": codes(event, CASE_EVENTS),
            "role_code": codes(role, ROLES),
            "currency": same(CURRENCY, len(owner)),
            "claim_amount": amounts(claim),
            "source_licence": same(LICENCE, len(owner)),
            "lawful_basis_code": same("PUBLIC_DISCLOSURE", len(owner)),
        }
    )


def business_registration(world: World, after: int, until: int) -> pa.Table:
    """The events of businesses on the days ``after < day <= until``."""
    fates = world.once(make_fates)
    runs_one = world.is_self_employed & (world.first_loan_on < NEVER)
    begun = np.where(runs_one, world.first_loan_on + world.whole("registered", 5, 60), NEVER)
    parts = [
        _events(world, begun, REGISTERED, 0, 1),
        _events(world, fates.on("BUSINESS_MOVED"), CHANGED, 0, 2),
        _events(world, fates.on("BUSINESS_FAILED"), ABNORMAL, 0, 3),
        _events(world, fates.on("BUSINESS_FAILED", plus=world.whole("closed after", 60, 150)), DEREGISTERED, 0, 4),
    ]
    owner, day, event, _, number = _on_days(parts, after, until)
    capital = world.whole("capital", 1, 200)[owner] * 1_000_000
    return pa.table(
        {
            "record_id": identifiers(world.ids[owner] * np.uint64(10) + number.astype(np.uint64), "BR", 11),
            "business_id": identifiers(world.ids[owner], "99SAMPLE", 10),
            "borrower_id": identifiers(world.ids[owner], "C", 10),
            "event_date": dates(day),
            "event_code": codes(event, BUSINESS_EVENTS),
            "role_code": same("OWNER", len(owner)),
            "currency": same(CURRENCY, len(owner)),
            "registered_capital_amount": decimals(capital, pa.decimal128(18, 2), event >= ABNORMAL),
            "source_licence": same(LICENCE, len(owner)),
            "lawful_basis_code": same("PUBLIC_DISCLOSURE", len(owner)),
        }
    )


Events = tuple[NDArray[np.int64], Days, int, int, int]


def _events(world: World, on: Days, event: int, role: int, number: int) -> Events:
    """One event of everybody to whom it happens, while we lend to them."""
    owner = np.flatnonzero((on >= world.first_loan_on) & (on <= world.last_day))
    return owner, on[owner], event, role, number


def _on_days(parts: list[Events], after: int, until: int) -> tuple[NDArray[np.int64], ...]:
    owner = np.concatenate([part[0] for part in parts])
    day = np.concatenate([part[1] for part in parts])
    event, role, number = (
        np.concatenate([np.full(len(part[0]), part[place], dtype=np.int64) for part in parts]) for place in (2, 3, 4)
    )
    chosen = np.flatnonzero((day > after) & (day <= until))
    chosen = chosen[np.lexsort((number[chosen], owner[chosen]))]
    return owner[chosen], day[chosen], event[chosen], role[chosen], number[chosen]
