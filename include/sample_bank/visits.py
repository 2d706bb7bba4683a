"""What revisits found: the three answers, and what else mattered."""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from include.sample_bank.contacts import (
    APP,
    CHANNELS,
    FIELD,
    FROM_HARDSHIP,
    FROM_REVISIT,
    REACHED,
    SENT,
    Attempts,
    attempts,
)
from include.sample_bank.fates import GROUNDS, make_fates
from include.sample_bank.frames import codes, dates, decimals, identifiers
from include.sample_bank.fund_use import misused_on
from include.sample_bank.incomes import income_on
from include.sample_bank.loans import NEVER
from include.sample_bank.randomness import pick
from include.sample_bank.workforce import officer_ids
from include.sample_bank.world import World

FUND_USE = ("AS_AGREED", "DIFFERENT", "REFUSED", "UNKNOWN")
ABILITY = ("UNCHANGED", "BETTER", "WORSE", "LOST_INCOME", "REFUSED", "UNKNOWN")
SIGNS = ("NONE", "SOME", "SERIOUS", "UNKNOWN")
EVENTS = ("JOB_LOSS", "ILLNESS", "DIVORCE", "DISASTER", "BUSINESS_CLOSED", "OTHER")
EVENT_OF_GROUND = [EVENTS.index(name) for name in ("OTHER", "JOB_LOSS", "ILLNESS", "DIVORCE", "DISASTER")]
ADMITS = 0.35  # who used the money otherwise says so now and then


def answered(world: World) -> Attempts:
    """The contacts that ended in answers: revisits that reached the borrower, and every call for relief."""
    every = world.once(attempts)
    asked = (every.source == FROM_REVISIT) & np.isin(every.outcome, (REACHED, SENT))
    # one message in the app in five is never answered
    ignored = (every.outcome == SENT) & (world.chance.uniform(every.number, "ignores the app") < 0.2)
    gone = every.day >= world.once(make_fates).on("UNREACHABLE")[every.owner]
    return every.of((asked & ~ignored & ~gone) | (every.source == FROM_HARDSHIP))


def claims_hardship(world: World, rows: Attempts) -> NDArray[np.bool_]:
    """Whether the borrower asks for relief in this contact."""
    begins_on = world.once(make_fates).on("HARDSHIP")[rows.owner]
    again = (rows.day > begins_on + 20) & (world.chance.uniform(rows.number, "asks again") < 0.3)
    found: NDArray[np.bool_] = (rows.source == FROM_HARDSHIP) | again
    return found


def revisit_outcome(world: World, after: int, until: int) -> pa.Table:
    """What the visits of the days ``after < day <= until`` found."""
    fates, chance = world.once(make_fates), world.chance
    every = world.once(answered)
    rows = every.of((every.day > after) & (every.day <= until))
    owner, day = rows.owner, rows.day
    used_otherwise = day >= world.of_loans(world.once(misused_on), np.minimum, int(NEVER))[owner]
    admits = used_otherwise & (chance.uniform(rows.number, "admits") < ADMITS)
    fund_use = np.where(admits, 1, np.where(chance.uniform(rows.number, "does not say") < 0.02, 3, 0))
    ability = pick(chance.uniform(rows.number, "ability"), [86, 10, 3, 0, 0.5, 0.5])
    is_poorer = (day >= fates.on("OVER_INDEBTED", "BUSINESS_FAILED")[owner]) & (
        chance.uniform(rows.number, "says so") < 0.4
    )
    has_lost = (day >= fates.on("SALARY_STOPPED")[owner]) & (chance.uniform(rows.number, "says so") < 0.6)
    hardship = claims_hardship(world, rows)
    ability = np.select([has_lost, hardship | is_poorer], [3, 2], ability)
    signs = np.select([hardship, has_lost | is_poorer], [2, 1], 0)
    event = np.array(EVENT_OF_GROUND)[fates.ground[owner]]
    event = np.where(has_lost & ~hardship, EVENTS.index("JOB_LOSS"), event)
    in_app, at_door = rows.channel == APP, rows.channel == FIELD
    desk = np.where(at_door, 4, 1) + chance.whole(rows.number, "agent", 0, 1)
    states = chance.uniform(rows.number, "states an income") < 0.5
    return pa.table(
        {
            "visit_id": identifiers(rows.number, "V", 18),
            "revisit_id": pa.nulls(len(rows), pa.string()),
            "borrower_id": identifiers(world.ids[owner], "C", 10),
            "loan_id": pa.nulls(len(rows), pa.string()),
            "visit_date": dates(day),
            "channel_code": codes(rows.channel, CHANNELS),
            "officer_id": pc.if_else(
                pa.array(in_app), pa.scalar(None, pa.string()), officer_ids(world.branch[owner], desk)
            ),
            "is_right_party": pa.array(np.ones(len(rows), dtype=np.bool_)),
            "fund_use_answer_code": codes(fund_use, FUND_USE),
            "ability_answer_code": codes(ability, ABILITY),
            "default_sign_answer_code": codes(signs, SIGNS),
            "major_event_code": codes(event, EVENTS, ~(hardship | has_lost)),
            "stated_monthly_income_amount": decimals(income_on(world, owner, day), pa.decimal128(18, 2), ~states),
            "is_hardship_claimed": pa.array(hardship),
            "is_location_verified": pa.array(np.ones(len(rows), dtype=np.bool_), mask=~at_door),
        }
    )


assert len(EVENT_OF_GROUND) == len(GROUNDS)
