"""The case that the project was founded on: a self-employed borrower, 500,000 yuan for the business, spent elsewhere.

One loan of exactly 500,000.00, which may lawfully be paid to the borrower, so only tracing the money finds it; and one
of 500,000.01, which may not. Both go over a second account to a property developer.
"""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from include.sample_bank.loans import CHANNELS, EQUAL_INSTALMENT, NEVER, PRODUCTS, Loans
from include.sample_bank.randomness import Ids

# number of the loan, principal in cents; first of their group of four, so the borrower has the loan's number
PRINCIPALS = {20: 50_000_000, 28: 50_000_001}
MONTHS, RATE = 24, 108_000


def golden_loans(ids: Ids, golden_on: int | None) -> NDArray[np.bool_]:
    """Which of these are the two loans; none in a bank without them."""
    return np.isin(ids, list(PRINCIPALS)) & (golden_on is not None)


def with_golden_loans(loans: Loans, golden_on: int | None) -> Loans:
    """The same loans with the two among them, paid out on that day and six days later."""
    rows = np.flatnonzero(golden_loans(loans.ids, golden_on))
    if golden_on is None or not len(rows):
        return loans
    changed = {name: getattr(loans, name).copy() for name in loans.__dataclass_fields__}
    for row in rows:
        changed["principals"][row] = PRINCIPALS[int(loans.ids[row])]
        changed["disbursed_on"][row] = golden_on + (0 if int(loans.ids[row]) == min(PRINCIPALS) else 6)
    changed["products"][rows] = [product[0] for product in PRODUCTS].index("BUSINESS")
    changed["channels"][rows] = CHANNELS.index("BRANCH")
    changed["methods"][rows] = EQUAL_INSTALMENT
    changed["months"][rows] = changed["instalment_counts"][rows] = MONTHS
    changed["rates"][rows], changed["fees"][rows] = RATE, 0
    changed["corrected_borrowers"][rows] = changed["borrowers"][rows]
    changed["borrower_corrected_on"][rows] = NEVER
    return replace(loans, **changed)
