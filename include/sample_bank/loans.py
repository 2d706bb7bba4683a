"""What is agreed on the day a loan is paid out: who, what product, how much, at what rate, repaid how."""

from dataclasses import dataclass
from datetime import date

import numpy as np
from numpy.typing import NDArray

from include.sample_bank.randomness import Cents, Chance, Days, Ids, pick

METHODS = ("EQUAL_INSTALMENT", "EQUAL_PRINCIPAL", "INTEREST_FIRST", "BULLET", "OTHER")
EQUAL_INSTALMENT, EQUAL_PRINCIPAL, INTEREST_FIRST, BULLET, OTHER = range(5)
METHOD_WEIGHTS = [0.66, 0.12, 0.11, 0.10, 0.01]

# product, lowest and highest principal in yuan: consumer credit 消费贷, cash 现金分期, small business 经营贷
PRODUCTS = (("CONSUMER", 1_000, 50_000), ("CASH", 500, 20_000), ("BUSINESS", 20_000, 300_000))
PRODUCT_WEIGHTS = [0.55, 0.25, 0.20]
CHANNELS = ("APP", "BRANCH", "PARTNER")
CHANNEL_WEIGHTS = [0.50, 0.30, 0.20]
# The town of 㮾梨 is real; its first character needs four bytes in GB18030 and does not exist in GBK.
BRANCH_WEIGHTS = {
    "沪0101": 14, "沪0102": 11, "京0201": 13, "京0202": 9, "粤0301": 12, "粤0302": 10,
    "浙0401": 9, "苏0501": 7, "川0601": 6, "湘0701": 4, "湘㮾02": 2, "陕0801": 3,
}  # fmt: skip
BRANCHES = tuple(BRANCH_WEIGHTS)

TERMS = (1, 2, 3, 6, 9, 12, 18, 24, 36)
TERM_WEIGHTS = {
    EQUAL_INSTALMENT: [0.00, 0.01, 0.04, 0.10, 0.04, 0.29, 0.10, 0.22, 0.20],
    EQUAL_PRINCIPAL: [0.00, 0.00, 0.03, 0.10, 0.04, 0.32, 0.12, 0.24, 0.15],
    INTEREST_FIRST: [0.00, 0.00, 0.10, 0.25, 0.05, 0.40, 0.08, 0.10, 0.02],
    BULLET: [0.24, 0.08, 0.22, 0.18, 0.02, 0.10, 0.08, 0.08, 0.00],  # from 18 months on: quiet for over 400 days
    OTHER: [0.00, 0.00, 0.00, 0.30, 0.20, 0.50, 0.00, 0.00, 0.00],
}
# annual rates in millionths; the last is a campaign without interest
RATES = (36_000, 43_500, 60_000, 72_000, 88_000, 108_000, 144_000, 180_000, 216_000, 239_900, 0)
RATE_WEIGHTS = [5, 8, 12, 14, 14, 15, 12, 9, 6, 3, 2]
UNSTATED_RATE = -1

LOANS_PER_GROUP = 4
# how four neighbouring loans belong together: the offset of each one's borrower within the group
GROUPS = np.array([[0, 1, 2, 3], [0, 0, 2, 3], [0, 0, 2, 2], [0, 0, 0, 3], [0, 0, 0, 0]], dtype=np.uint64)
GROUP_WEIGHTS = [0.62, 0.22, 0.07, 0.06, 0.03]


@dataclass(frozen=True)
class Loans:
    """Contracts as columns, one entry per loan. Codes are indexes into the tuples above."""

    ids: Ids
    borrowers: Ids
    corrected_borrowers: Ids  # who the borrower really is ...
    borrower_corrected_on: Days  # ... and since when the core system knows (a far day: never wrong)
    products: NDArray[np.int64]
    channels: NDArray[np.int64]
    branches: NDArray[np.int64]
    methods: NDArray[np.int64]
    months: NDArray[np.int64]
    instalment_counts: NDArray[np.int64]
    principals: Cents
    rates: NDArray[np.int64]  # millionths a year; UNSTATED_RATE: the contract states none
    fees: Cents  # per instalment
    disbursed_on: Days

    def __len__(self) -> int:
        return len(self.ids)

    def of(self, rows: NDArray[np.int64]) -> "Loans":
        """Some of the loans."""
        return Loans(*(getattr(self, name)[rows] for name in self.__dataclass_fields__))


NEVER = np.int64(np.iinfo(np.int32).max)


def day_number(day: date) -> int:
    """Days since 1970-01-01."""
    return (day - date(1970, 1, 1)).days


def origination_days(first_date: date, window_days: int) -> tuple[Days, list[float]]:
    """The days on which loans are paid out, and how many compared with each other: weekends are slow."""
    days = day_number(first_date) + np.arange(window_days, dtype=np.int64)
    weekday = (days + 3) % 7  # 1970-01-01 was a Thursday
    return days, np.where(weekday >= 5, 0.6, 1.0).tolist()


def make_loans(chance: Chance, ids: Ids, first_date: date, window_days: int, *, wrong_borrower: float) -> Loans:
    """The contracts of these loans (``ids`` are their numbers from 0 on), paid out within the window."""
    days, weights = origination_days(first_date, window_days)
    disbursed_on = days[pick(chance.uniform(ids, "disbursement"), weights)]
    methods = pick(chance.uniform(ids, "method"), METHOD_WEIGHTS)
    months = _terms(chance.uniform(ids, "term"), methods)
    products = pick(chance.uniform(ids, "product"), PRODUCT_WEIGHTS)
    principals = _principals(chance, ids, products)
    channels = pick(chance.uniform(ids, "channel"), CHANNEL_WEIGHTS)
    rates = np.asarray(RATES)[pick(chance.uniform(ids, "rate"), RATE_WEIGHTS)]
    has_fee = (channels == CHANNELS.index("PARTNER")) & (chance.uniform(ids, "fee") < 0.6)
    borrowers = _borrowers(chance, ids, "borrower")
    corrected, corrected_on = _borrower_corrections(chance, ids, borrowers, disbursed_on, wrong_borrower)
    return Loans(
        ids=ids,
        borrowers=borrowers,
        corrected_borrowers=corrected,
        borrower_corrected_on=corrected_on,
        products=products,
        channels=channels,
        branches=pick(chance.uniform(borrowers, "branch"), list(BRANCH_WEIGHTS.values())),
        methods=methods,
        months=months,
        instalment_counts=np.where(methods == BULLET, 1, months),
        principals=principals,
        rates=np.where(methods == OTHER, UNSTATED_RATE, rates),
        fees=np.where(has_fee, principals * 15 // 10_000, 0),
        disbursed_on=disbursed_on,
    )


def _terms(uniform: NDArray[np.float64], methods: NDArray[np.int64]) -> NDArray[np.int64]:
    months = np.empty(len(uniform), dtype=np.int64)
    for method, weights in TERM_WEIGHTS.items():
        chosen = methods == method
        months[chosen] = np.asarray(TERMS)[pick(uniform[chosen], weights)]
    return months


def _principals(chance: Chance, ids: Ids, products: NDArray[np.int64]) -> Cents:
    """Small loans are many, large ones few; most in whole hundreds, a tenth to the cent (a purchase financed)."""
    low = np.array([product[1] for product in PRODUCTS], dtype=np.float64)[products]
    high = np.array([product[2] for product in PRODUCTS], dtype=np.float64)[products]
    yuan = low * (high / low) ** chance.uniform(ids, "principal")
    odd = (chance.uniform(ids, "odd principal") < 0.1) & (products == 0)
    return np.where(odd, np.rint(yuan * 100), np.rint(yuan / 100) * 10_000).astype(np.int64)


def _borrowers(chance: Chance, ids: Ids, purpose: str) -> Ids:
    group = ids // np.uint64(LOANS_PER_GROUP)
    place = (ids % np.uint64(LOANS_PER_GROUP)).astype(np.int64)
    pattern = pick(chance.uniform(group, purpose), GROUP_WEIGHTS)
    return group * np.uint64(LOANS_PER_GROUP) + GROUPS[pattern, place]


def _borrower_corrections(
    chance: Chance, ids: Ids, borrowers: Ids, disbursed_on: Days, share: float
) -> tuple[Ids, Days]:
    """A few loans stand under the wrong borrower, a neighbour, until the core system is put right."""
    wrong = chance.uniform(ids, "wrong borrower") < share
    corrected_on = np.where(wrong, disbursed_on + chance.whole(ids, "borrower corrected", 20, 400), NEVER)
    return np.where(wrong, borrowers ^ np.uint64(1), borrowers), corrected_on
