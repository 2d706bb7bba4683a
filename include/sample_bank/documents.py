"""Papers that show what a loan was spent on: most come in time, some late or never, and each gets its verdict later."""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from include.sample_bank.frames import CURRENCY, amounts, codes, dates, identifiers, same
from include.sample_bank.fund_use import MISUSES, USES, uses
from include.sample_bank.golden import golden_loans
from include.sample_bank.loans import NEVER
from include.sample_bank.origination import PURPOSES, is_entrusted, purposes
from include.sample_bank.randomness import Cents, Days, pick
from include.sample_bank.world import World

TYPES = ("INVOICE", "CONTRACT", "RECEIPT", "PHOTO", "STATEMENT")
VERDICTS = ("RECEIVED", "VERIFIED", "REJECTED")
# loans from this size on have to be proved, from that one on at once
ASKED_FROM_CENTS = 5_000_000
PROVED_PURPOSES = ("RENOVATION", "EDUCATION", "MEDICAL", "DURABLE_GOODS", "BUSINESS_OPERATION")


@dataclass(frozen=True)
class Papers:
    """One paper a loan; days are NEVER for loans without one."""

    received_on: Days
    judged_on: Days
    is_good: NDArray[np.bool_]
    cents: Cents


def papers(world: World) -> Papers:
    """The paper of each loan."""
    loans, chance = world.lives.loans, world.chance
    use = world.once(uses)
    is_bad = np.isin(use, [USES.index(name) for name in MISUSES])
    asked = np.isin(world.once(purposes), [PURPOSES.index(name) for name in PROVED_PURPOSES])
    asked &= (loans.principals >= ASKED_FROM_CENTS) | world.once(is_entrusted)
    # who spent the money on something else has mostly nothing to show, or something that is not believed
    comes = chance.uniform(loans.ids, "paper comes") < np.where(is_bad, 0.25, 0.93)
    comes &= ~golden_loans(loans.ids, world.golden_on)
    slow = chance.uniform(loans.ids, "paper is slow") < 0.05
    after = np.where(slow, chance.whole(loans.ids, "slow paper", 62, 100), chance.whole(loans.ids, "paper", 4, 45))
    received_on = np.where(asked & comes, loans.disbursed_on + after, NEVER)
    received_on = np.where(received_on <= world.lives.status_on, received_on, NEVER)
    judged_after = chance.whole(loans.ids, "judged", 1, 9)
    is_good = chance.uniform(loans.ids, "believed") < np.where(is_bad, 0.2, 0.97)
    percent = np.where(is_good, chance.whole(loans.ids, "proves percent", 90, 100), 60)
    return Papers(
        received_on,
        np.where(received_on < NEVER, received_on + judged_after, NEVER),
        is_good,
        loans.principals // 100 * percent,
    )


def use_of_proceeds_evidence(world: World, after: int, until: int) -> pa.Table:
    """The papers received, or judged, on the days ``after < day <= until``, as they stand on the last of them."""
    loans, paper = world.lives.loans, world.once(papers)
    new = (paper.received_on > after) & (paper.received_on <= until)
    judged = (paper.judged_on > after) & (paper.judged_on <= until)
    rows = np.flatnonzero(new | judged)
    ids = loans.ids[rows]
    verdict = np.where(paper.judged_on[rows] <= until, np.where(paper.is_good[rows], 1, 2), 0)
    kind = pick(world.chance.uniform(ids, "kind of paper"), [50, 20, 20, 5, 5])
    return pa.table(
        {
            "evidence_id": identifiers(ids, "E", 10),
            "loan_id": identifiers(ids, "", 10),
            "draw_id": pc.binary_join_element_wise("D", identifiers(ids, "", 10), "1", ""),
            "received_date": dates(paper.received_on[rows]),
            "evidence_type_code": codes(kind, TYPES),
            "currency": same(CURRENCY, len(rows)),
            "evidence_amount": amounts(paper.cents[rows]),
            "verification_code": codes(verdict, VERDICTS),
        }
    )
