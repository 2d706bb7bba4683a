"""Which system delivers which tables, how far back its history goes, and who makes the rows."""

from collections.abc import Callable, Mapping
from datetime import date

import pyarrow as pa

from include.sample_bank import (
    accounts,
    bureau,
    contacts,
    core_books,
    documents,
    frames,
    incomes,
    origination,
    people,
    promises,
    records,
    visits,
)
from include.sample_bank.credit import pull_days
from include.sample_bank.loans import day_number
from include.sample_bank.world import World

SPINE = ("core_banking", "payments")
EVERYTHING = (
    *SPINE,
    "customer",
    "general_ledger",
    "workforce",
    "bureau",
    "accounts",
    "contact_center",
    "documents",
    "public_records",
)
# Days of history before its end; a system that is not here delivers everything since the first date. What changes
# every day is kept no longer than the lists look back.
HISTORY_DAYS = {"accounts": 190, "bureau": 183, "contact_center": 120, "workforce": 60}

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
        "core_loan_balance": core_books.core_loan_balance,
    },
    "accounts": {"account_transaction": accounts.account_transaction},
    "bureau": {"bureau_report": bureau.bureau_report, "bureau_tradeline": bureau.bureau_tradeline},
    "contact_center": {
        "contact_event": contacts.contact_event,
        "revisit_outcome": visits.revisit_outcome,
        "promise_to_pay": promises.promise_to_pay,
    },
    "documents": {"use_of_proceeds_evidence": documents.use_of_proceeds_evidence},
    "public_records": {
        "litigation_record": records.litigation_record,
        "business_registration": records.business_registration,
    },
    "customer": {
        "borrower": people.borrower,
        "income_employment_refresh": incomes.income_employment_refresh,
    },
}


def delivers_on(system: str, after: date, until: date) -> bool:
    """Whether the system has anything to deliver for these days: the bureau comes once a month."""
    return system != "bureau" or bool(pull_days(day_number(after), day_number(until)))


def makers_of(system: str, *, is_whole: bool) -> dict[str, Maker]:
    """The tables of a system that are made block by block. Of the core system the spine is less than the whole."""
    further = FURTHER_MAKERS.get(system, {}) if is_whole else {}
    return {**SPINE_MAKERS.get(system, {}), **further}
