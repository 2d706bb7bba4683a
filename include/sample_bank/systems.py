"""Which system delivers which tables, how far back its history goes, and who makes the rows."""

from collections.abc import Callable, Mapping

import pyarrow as pa

from include.sample_bank import core_books, frames, incomes, origination, people
from include.sample_bank.world import World

SPINE = ("core_banking", "payments")
EVERYTHING = (*SPINE, "customer", "general_ledger", "workforce")
# Days of history before its end; a system that is not here delivers everything since the first date. What changes
# every day is kept no longer than the lists look back.
HISTORY_DAYS = {"accounts": 120, "bureau": 183, "contact_center": 183, "workforce": 60}

Maker = Callable[[World, int, int], pa.Table]
SPINE_MAKERS: Mapping[str, Mapping[str, Maker]] = {
    "core_banking": {
        "loan_contract": lambda world, after, until: frames.loan_contract(world.lives, until),
        "repayment_schedule": lambda world, after, until: frames.repayment_schedule(world.lives, after, until),
    },
    "payments": {
        "repayment_transaction": lambda world, after, until: frames.repayment_transaction(world.lives, after, until),
    },
}
FURTHER_MAKERS: Mapping[str, Mapping[str, Maker]] = {
    "core_banking": {
        "loan_origination": origination.loan_origination,
        "disbursement": origination.disbursement,
        "forbearance_event": origination.forbearance_event,
        "core_loan_balance": lambda world, after, until: core_books.core_loan_balance(world.lives, until),
    },
    "customer": {
        "borrower": people.borrower,
        "income_employment_refresh": incomes.income_employment_refresh,
    },
}


def makers_of(system: str, *, is_whole: bool) -> dict[str, Maker]:
    """The tables of a system that are made block by block. Of the core system the spine is less than the whole."""
    further = FURTHER_MAKERS.get(system, {}) if is_whole else {}
    return {**SPINE_MAKERS.get(system, {}), **further}
