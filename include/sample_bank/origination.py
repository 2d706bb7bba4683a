"""What the core system keeps of a loan's beginning, and of relief granted later."""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from include.sample_bank.credit import base_scores, debt_at_application
from include.sample_bank.fates import GROUNDS, make_fates
from include.sample_bank.frames import CURRENCY, amounts, codes, dates, decimals, identifiers, same
from include.sample_bank.golden import golden_loans
from include.sample_bank.loans import CHANNELS, PRODUCTS, UNSTATED_RATE
from include.sample_bank.people import OCCUPATIONS, REGIONS, accounts
from include.sample_bank.randomness import Cents, pick
from include.sample_bank.second_versions import REASONS
from include.sample_bank.workforce import OFFICERS_PER_BRANCH, officer_ids
from include.sample_bank.world import World

PURPOSES = (
    "CONSUMPTION", "RENOVATION", "EDUCATION", "MEDICAL", "TRAVEL", "DURABLE_GOODS", "BUSINESS_OPERATION",
    "DEBT_CONSOLIDATION", "OTHER",
)  # fmt: skip
BUSINESS_OPERATION = PURPOSES.index("BUSINESS_OPERATION")
PURPOSE_WEIGHTS = {
    "CONSUMER": [38, 18, 8, 5, 8, 15, 0, 5, 3],
    "CASH": [55, 3, 4, 10, 8, 6, 0, 9, 5],
    "BUSINESS": [0, 2, 0, 0, 0, 2, 94, 1, 1],
}
MODES = ("SELF", "ENTRUSTED")
MEASURES = ("TERM_EXTENSION", "RESCHEDULE")


def purposes(world: World) -> NDArray[np.int64]:
    """Index into PURPOSES for each loan."""
    loans = world.lives.loans
    uniform = world.chance.uniform(loans.ids, "purpose")
    found = np.zeros(len(loans), dtype=np.int64)
    for code, product in enumerate(PRODUCTS):
        chosen = loans.products == code
        found[chosen] = pick(uniform[chosen], PURPOSE_WEIGHTS[product[0]])
    found[golden_loans(loans.ids, world.golden_on)] = BUSINESS_OPERATION
    return found


def is_entrusted(world: World) -> NDArray[np.bool_]:
    """Paid to the seller: purchases and courses now and then, some of the rest; never small loans."""
    loans = world.lives.loans
    share = np.where(np.isin(world.once(purposes), (1, 2, 5)), 0.3, 0.06)
    entrusted = (world.chance.uniform(loans.ids, "entrusted") < share) & (loans.principals > 300_000)
    return entrusted & ~golden_loans(loans.ids, world.golden_on)


@dataclass(frozen=True)
class Draws:
    """Money paid out, draw by draw; ``loan`` is the row in the block."""

    loan: NDArray[np.int64]
    number: NDArray[np.int64]
    cents: Cents


def draws(world: World) -> Draws:
    """One draw a loan, two for a tenth of the business loans; all on the day of disbursement."""
    loans = world.lives.loans
    every = np.arange(len(loans))
    two = (world.chance.uniform(loans.ids, "two draws") < 0.1) & (loans.products == 2)
    two &= ~golden_loans(loans.ids, world.golden_on)
    first = np.where(two, loans.principals * 6 // 10, loans.principals)
    rows = np.concatenate([every, every[two]])
    number = np.concatenate([np.ones(len(every), dtype=np.int64), np.full(int(two.sum()), 2)])
    cents = np.concatenate([first, (loans.principals - first)[two]])
    order = np.lexsort((number, rows))
    return Draws(rows[order], number[order], cents[order])


def loan_origination(world: World, after: int, until: int) -> pa.Table:
    """The files of the loans paid out on the days ``after < day <= until``."""
    loans, chance = world.lives.loans, world.chance
    chosen = np.flatnonzero((loans.disbursed_on > after) & (loans.disbursed_on <= until))
    ids, owner = loans.ids[chosen], world.owner[chosen]
    signed_on = loans.disbursed_on[chosen] - chance.whole(ids, "signed", 0, 2)
    applied_on = signed_on - chance.whole(ids, "applied", 0, 4)
    no_contract = chance.uniform(ids, "contract number is missing") < 0.002
    no_purpose = chance.uniform(ids, "purpose is missing") < 0.004
    rates = loans.rates[chosen]
    fee_rate = loans.fees[chosen] * 12_000_000 // np.maximum(loans.principals[chosen], 1)
    texts = identifiers(ids, "HT-", 10)
    income = world.income[owner]
    scores = 520 + (chance.uniform(ids, "application score") * 220).astype(np.int64)
    return pa.table(
        {
            "loan_id": identifiers(ids, "", 10),
            "application_date": dates(applied_on),
            "contract_number": pc.if_else(pa.array(no_contract), pa.scalar(None, pa.string()), texts),
            "contract_signed_date": dates(signed_on, no_contract),
            "purpose_code": codes(world.once(purposes)[chosen], PURPOSES, no_purpose),
            "payment_mode_code": codes(world.once(is_entrusted)[chosen].astype(np.int64), MODES),
            "all_in_annual_rate": decimals(
                np.maximum(rates, 0) + fee_rate, pa.decimal128(9, 6), rates == UNSTATED_RATE
            ),
            "is_autodebit": pa.array(is_autodebit(world)[chosen]),
            "originating_officer_id": pc.if_else(
                pa.array(loans.channels[chosen] == CHANNELS.index("BRANCH")),
                officer_ids(loans.branches[chosen], chance.whole(ids, "officer", 0, OFFICERS_PER_BRANCH - 1)),
                pa.scalar(None, pa.string()),
            ),
            "application_score": pa.array(scores.astype(np.int32)),
            "application_bureau_score": pa.array(world.once(base_scores)[owner].astype(np.int32)),
            "application_monthly_income_amount": amounts(income),
            "application_total_debt_amount": amounts(world.once(debt_at_application)[chosen]),
            "application_occupation_code": codes(world.occupation[owner], list(OCCUPATIONS)),
            "application_region_code": codes(world.branch[owner], REGIONS),
        }
    )


def is_autodebit(world: World) -> NDArray[np.bool_]:
    """Per loan: repaid by automatic debit, as the payment system shows it too."""
    from include.sample_bank.repayments import METHOD_WEIGHTS, METHODS

    usual = pick(world.chance.uniform(world.lives.loans.ids, "payment method"), METHOD_WEIGHTS)
    return np.equal(usual, METHODS.index("代扣"))


def disbursement(world: World, after: int, until: int) -> pa.Table:
    """The money paid out on the days ``after < day <= until``, and to which account."""
    loans, drawn = world.lives.loans, world.once(draws)
    paid_on = loans.disbursed_on[drawn.loan]
    chosen = (paid_on > after) & (paid_on <= until)
    rows, number, cents = drawn.loan[chosen], drawn.number[chosen], drawn.cents[chosen]
    ids = loans.ids[rows]
    entrusted = world.once(is_entrusted)[rows]
    here = world.has_account[world.owner[rows]]
    own = pc.if_else(
        pa.array(here), accounts(world.ids[world.owner[rows]], 1), accounts(world.ids[world.owner[rows]], 3)
    )
    return pa.table(
        {
            "draw_id": identifiers(ids * np.uint64(10) + number.astype(np.uint64), "D", 11),
            "loan_id": identifiers(ids, "", 10),
            "value_date": dates(loans.disbursed_on[rows]),
            "currency": same(CURRENCY, len(rows)),
            "draw_amount": amounts(cents),
            "payee_type_code": codes(entrusted.astype(np.int64), ("BORROWER", "MERCHANT")),
            "payee_account_number": pc.if_else(pa.array(entrusted), accounts(ids, 70), own),
        }
    )


def forbearance_event(world: World, after: int, until: int) -> pa.Table:
    """Relief: a restructured schedule is financial difficulty, a moved due day is a courtesy."""
    second, loans = world.lives.second, world.lives.loans
    events = np.isin(second.reasons, (REASONS.index("RESTRUCTURE"), REASONS.index("CORRECTION")))
    granted_on = second.effective_on
    chosen = np.flatnonzero(events & (granted_on > after) & (granted_on <= until))
    rows = second.rows[chosen]
    ids, count = loans.ids[rows], len(rows)
    difficulty = second.reasons[chosen] == REASONS.index("RESTRUCTURE")
    left = loans.instalment_counts[rows] - second.paid_counts[chosen]
    added = np.maximum(second.schedules.exists.sum(axis=1)[chosen] - left, 0)
    rates = np.maximum(loans.rates[rows], 0)
    ground = np.where(difficulty, world.once(make_fates).ground[world.owner[rows]], len(GROUNDS))
    measure = np.where(difficulty & (added > 0), 0, 1)
    is_unstated = loans.rates[rows] == UNSTATED_RATE
    return pa.table(
        {
            "forbearance_id": identifiers(ids, "F", 10),
            "loan_id": identifiers(ids, "", 10),
            "granted_date": dates(granted_on[chosen]),
            "effective_date": dates(second.effective_on[chosen]),
            "measure_code": codes(measure, MEASURES),
            "has_financial_difficulty": pa.array(difficulty),
            "ground_code": codes(ground, (*GROUNDS, "COMMERCIAL")),
            "old_annual_rate": decimals(rates, pa.decimal128(9, 6), is_unstated),
            "new_annual_rate": decimals(rates, pa.decimal128(9, 6), is_unstated),
            "extension_months": pa.array(np.where(difficulty, added, 0).astype(np.int32)),
            "capitalised_amount": amounts(np.zeros(count, dtype=np.int64)),
            "approval_id": identifiers(ids, "AP", 10),
        }
    )
