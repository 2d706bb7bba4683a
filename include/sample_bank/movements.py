"""Movements of accounts: money that comes and goes, who is on the other side, what happens first on a day."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from include.sample_bank.randomness import Cents, Days, Ids

MOVEMENTS = (
    "SALARY", "TRANSFER", "PURCHASE", "CASH", "LOAN_DISBURSEMENT", "LOAN_REPAYMENT", "AUTODEBIT_FAILED", "INTEREST",
    "OTHER",
)  # fmt: skip
SALARY, TRANSFER, PURCHASE, CASH, DISBURSED, REPAID, FAILED, _, _ = range(9)
PARTIES = (
    "EMPLOYER", "MERCHANT", "OWN_ACCOUNT", "PERSON", "LENDER", "PROPERTY", "SECURITIES", "WEALTH_MANAGEMENT", "CRYPTO",
    "GAMBLING", "OTHER", None,
)  # fmt: skip
EMPLOYER, MERCHANT, OWN, PERSON, LENDER, PROPERTY, SECURITIES, WEALTH, CRYPTO, GAMBLING, _, NOBODY = range(12)
# counterparty accounts, by the two digits at the end (see people.accounts); none at all
NO_ACCOUNT, SECOND_ACCOUNT, ACCOUNT_ELSEWHERE, SELLER, A_PERSON, ANOTHER_LENDER, BROKER = 0, 2, 3, 70, 60, 90, 75
# what happens first on a day
FIRST, INFLOW, DRAIN, DEBIT, SPEND, OUTFLOW, LAST = range(7)


@dataclass(frozen=True)
class Flows:
    """Movements of accounts with us; ``cents`` is signed, a failed debit moves nothing and has its amount apart."""

    owner: NDArray[np.int64]
    account: NDArray[np.int64]  # 1 or 2
    day: Days
    order: NDArray[np.int64]
    cents: Cents
    stated: Cents  # what the movement says, never negative
    is_in: NDArray[np.bool_]
    movement: NDArray[np.int64]
    party: NDArray[np.int64]
    party_id: Ids
    party_account: NDArray[np.int64]
    mcc: NDArray[np.int64]  # 0: none
    loan: NDArray[np.int64]  # row in the block, -1: none

    def __len__(self) -> int:
        return len(self.owner)

    def of(self, chosen: NDArray[np.int64] | NDArray[np.bool_]) -> "Flows":
        return Flows(*(getattr(self, name)[chosen] for name in self.__dataclass_fields__))

    @classmethod
    def together(cls, parts: list["Flows"]) -> "Flows":
        return cls(*(np.concatenate([getattr(part, name) for part in parts]) for name in cls.__dataclass_fields__))


def flows(
    owner: NDArray[np.int64],
    day: Days,
    cents: Cents,
    movement: int,
    party: int | NDArray[np.int64],
    *,
    order: int,
    account: int = 1,
    party_id: Ids | None = None,
    party_account: int = NO_ACCOUNT,
    mcc: int | NDArray[np.int64] = 0,
    loan: NDArray[np.int64] | None = None,
    stated: Cents | None = None,
) -> Flows:
    """Movements of one kind; ``cents`` above zero come in, below zero go out."""

    def each(value: int | NDArray[np.int64]) -> NDArray[np.int64]:
        return np.broadcast_to(np.asarray(value, dtype=np.int64), owner.shape)

    return Flows(
        owner=owner,
        account=each(account),
        day=day,
        order=each(order),
        cents=cents,
        stated=np.abs(cents) if stated is None else stated,
        is_in=cents > 0,
        movement=each(movement),
        party=each(party),
        party_id=np.zeros(len(owner), dtype=np.uint64) if party_id is None else party_id,
        party_account=each(party_account),
        mcc=each(mcc),
        loan=each(-1) if loan is None else loan,
    )
