"""Attempts to reach borrowers: reminders and collection calls while a loan is past due, revisits, complaints.

Who cannot be reached never answers from then on; who is only hard to reach answers after some days. Outbound attempts
are made on working days inside office hours.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from include.sample_bank.calendar import next_workday
from include.sample_bank.debits import technical
from include.sample_bank.fates import make_fates
from include.sample_bank.frames import codes, dates, identifiers
from include.sample_bank.loans import NEVER
from include.sample_bank.people import phones_on
from include.sample_bank.randomness import Days, Ids, pick
from include.sample_bank.spells import Spells, make_spells
from include.sample_bank.workforce import officer_ids
from include.sample_bank.world import World

PURPOSES = ("SERVICE", "REVISIT", "REMINDER", "COLLECTION", "COMPLAINT")
SERVICE, REVISIT, REMINDER, COLLECTION, COMPLAINT = range(5)
CHANNELS = ("PHONE", "SMS", "APP", "FIELD")
PHONE, SMS, APP, FIELD = range(4)
OUTCOMES = (
    "REACHED", "NO_ANSWER", "BUSY", "POWERED_OFF", "INVALID_NUMBER", "VOICEMAIL", "WRONG_PERSON", "SENT", "NOT_AT_HOME",
)  # fmt: skip
REACHED, NO_ANSWER, _, POWERED_OFF, INVALID_NUMBER, _, WRONG_PERSON, SENT, NOT_AT_HOME = range(9)
# days past due -> how a borrower is contacted
LADDER = {
    2: SMS, 4: PHONE, 8: PHONE, 13: PHONE, 18: PHONE, 26: PHONE, 34: PHONE, 45: PHONE, 55: FIELD, 70: PHONE, 90: PHONE,
    120: PHONE, 150: FIELD,
}  # fmt: skip
UNREACHABLE_AFTER = (0, 1, 3, 5, 7, 11, 16, 23, 31, 45, 62)
REVISIT_DAYS, REVISITS = 91, 12
FROM_LADDER, FROM_SEARCH, FROM_REVISIT, FROM_BORROWER, FROM_HARDSHIP = range(5)
TIMEZONE_HOURS = 8


@dataclass(frozen=True)
class Attempts:
    """Contacts as columns; ``loan`` is the row in the block, -1 when it is about none in particular."""

    owner: NDArray[np.int64]
    loan: NDArray[np.int64]
    day: Days
    purpose: NDArray[np.int64]
    channel: NDArray[np.int64]
    is_inbound: NDArray[np.bool_]
    outcome: NDArray[np.int64]
    number: Ids  # unique, the same whatever dates are asked for
    source: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.owner)

    def of(self, chosen: NDArray[np.int64] | NDArray[np.bool_]) -> "Attempts":
        return Attempts(*(getattr(self, name)[chosen] for name in self.__dataclass_fields__))

    @classmethod
    def together(cls, parts: list["Attempts"]) -> "Attempts":
        return cls(*(np.concatenate([getattr(part, name) for part in parts]) for name in cls.__dataclass_fields__))

    @property
    def is_connected(self) -> NDArray[np.bool_]:
        return np.isin(self.outcome, (REACHED, WRONG_PERSON))


def attempts(world: World) -> Attempts:
    """Every contact of every borrower, once each, in the order of borrower and day."""
    parts = [_ladder(world, world.once(make_spells)), _search(world), _revisits(world), *_inbound(world)]
    every = Attempts.together(parts)
    every = every.of((every.day >= world.first_loan_on[every.owner]) & (every.day <= world.last_day[every.owner]))
    return every.of(np.lexsort((every.number, every.day, every.owner)))


def contact_event(world: World, after: int, until: int) -> pa.Table:
    """The attempts of the days ``after < day <= until``."""
    every = world.once(attempts)
    rows = every.of((every.day > after) & (every.day <= until))
    chance = world.chance
    hour = 9 * 3_600 + chance.whole(rows.number, "second of the day", 0, 36_000)
    # the moment it began; a message goes out at ten
    started = rows.day * 86_400 + np.where(rows.channel == SMS, 36_000, hour) - TIMEZONE_HOURS * 3_600
    is_voice = np.isin(rows.channel, (PHONE, FIELD))
    connected = rows.is_connected
    party = np.where(rows.outcome == REACHED, 0, 1)
    none = pa.scalar(None, pa.string())
    not_dialled = rows.is_inbound | ~np.isin(rows.channel, (PHONE, SMS))
    by_machine = np.isin(rows.channel, (SMS, APP))
    desk = np.where(rows.channel == FIELD, 4, np.where(rows.purpose == COLLECTION, 6, 1))
    agents = officer_ids(world.branch[rows.owner], desk + chance.whole(rows.number, "agent", 0, 1))
    loan_ids = identifiers(world.lives.loans.ids[np.maximum(rows.loan, 0)], "", 10)
    talked = chance.whole(rows.number, "seconds", 25, 420)
    return pa.table(
        {
            "contact_id": contact_ids(rows.number),
            "borrower_id": identifiers(world.ids[rows.owner], "C", 10),
            "loan_id": pc.if_else(pa.array(rows.loan < 0), none, loan_ids),
            "contact_date": dates(rows.day),
            "started_at": pa.array(started, pa.timestamp("s")).cast(pa.timestamp("us")).cast(pa.timestamp("us", "UTC")),
            "purpose_code": codes(rows.purpose, PURPOSES),
            "channel_code": codes(rows.channel, CHANNELS),
            "is_inbound": pa.array(rows.is_inbound),
            "dialled_phone": pc.if_else(pa.array(not_dialled), none, phones_on(world, rows.owner, rows.day)),
            "is_connected": pa.array(connected),
            "party_code": codes(party, ("SELF", "THIRD_PARTY"), ~connected),
            "outcome_code": codes(rows.outcome, OUTCOMES),
            "agent_id": pc.if_else(pa.array(by_machine), none, agents),
            "duration_seconds": pa.array(np.where(connected, talked, 0).astype(np.int32), mask=~is_voice),
            "consent_id": pa.nulls(len(rows), pa.string()),
        }
    )


def contact_ids(number: Ids) -> pa.Array:
    """The id of each attempt."""
    return identifiers(number, "K", 18)


def _number(ids: Ids, source: int, day: Days, place: int) -> Ids:
    """Borrower or loan, where the contact comes from, day, place in its ladder: unique."""
    tail = (source * 100_000 + day) * 100 + place
    return ids * np.uint64(100_000_000) + tail.astype(np.uint64)


def _made(
    world: World,
    owner: NDArray[np.int64],
    day: Days,
    *,
    source: int,
    place: int,
    purpose: int,
    channel: int | NDArray[np.int64],
    loan: NDArray[np.int64] | None = None,
    is_inbound: bool = False,
    outcome: int | None = None,
) -> Attempts:
    ids = world.ids[owner] if loan is None else world.lives.loans.ids[loan]
    number = _number(ids, source, day, place)
    channels = np.broadcast_to(np.asarray(channel, dtype=np.int64), owner.shape)
    drawn = _outcomes(world, owner, day, channels, number) if outcome is None else np.full(len(owner), outcome)
    return Attempts(
        owner=owner,
        loan=np.full(len(owner), -1, dtype=np.int64) if loan is None else loan,
        day=day,
        purpose=np.full(len(owner), purpose, dtype=np.int64),
        channel=channels,
        is_inbound=np.full(len(owner), is_inbound),
        outcome=drawn,
        number=number,
        source=np.full(len(owner), source, dtype=np.int64),
    )


def _outcomes(
    world: World, owner: NDArray[np.int64], day: Days, channel: NDArray[np.int64], number: Ids
) -> NDArray[np.int64]:
    fates, chance = world.once(make_fates), world.chance
    usual = pick(chance.uniform(number, "outcome"), [64, 16, 7, 2, 0, 4, 7, 0, 0])
    gone = np.array([NO_ANSWER, POWERED_OFF, INVALID_NUMBER])[pick(chance.uniform(number, "gone"), [50, 35, 15])]
    hard_on = fates.on("HARD_TO_REACH")[owner]
    is_gone = (day >= fates.on("UNREACHABLE")[owner]) | ((day >= hard_on) & (day < hard_on + 6))
    found = np.where(is_gone, gone, usual)
    found = np.where((channel == FIELD) & (found != REACHED), NOT_AT_HOME, found)
    return np.where(np.isin(channel, (SMS, APP)), SENT, found)


def _ladder(world: World, spells: Spells) -> Attempts:
    """What a borrower gets while a loan is past due."""
    parts = []
    for place, (after, channel) in enumerate(LADDER.items()):
        day = spells.start_on + after
        day = day if channel == SMS else next_workday(day)
        rows = np.flatnonzero(day < spells.end_on)
        loan = spells.loan[rows]
        purpose = REMINDER if channel == SMS else COLLECTION
        parts.append(
            _made(
                world,
                world.owner[loan],
                day[rows],
                source=FROM_LADDER,
                place=place,
                purpose=purpose,
                channel=channel,
                loan=loan,
            )
        )
    return Attempts(
        *(np.concatenate([getattr(part, name) for part in parts]) for name in Attempts.__dataclass_fields__)
    )


def _search(world: World) -> Attempts:
    """Attempt after attempt for those who cannot be reached, and some for those who are only hard to reach."""
    fates = world.once(make_fates)
    parts = []
    for place, after in enumerate(UNREACHABLE_AFTER):
        owner = np.flatnonzero(fates.has("UNREACHABLE"))
        day = next_workday(fates.begins_on[owner] + after)
        made = _made(world, owner, day, source=FROM_SEARCH, place=place, purpose=COLLECTION, channel=PHONE)
        parts.append(made.of(day <= world.last_day[owner]))
    for place, after in enumerate((0, 1, 2, 6)):
        owner = np.flatnonzero(fates.has("HARD_TO_REACH"))
        day = fates.begins_on[owner] + after
        outcome = REACHED if after == 6 else NO_ANSWER
        parts.append(
            _made(
                world,
                owner,
                day,
                source=FROM_SEARCH,
                place=20 + place,
                purpose=SERVICE,
                channel=PHONE,
                outcome=outcome,
            )
        )
    return Attempts(
        *(np.concatenate([getattr(part, name) for part in parts]) for name in Attempts.__dataclass_fields__)
    )


def _revisits(world: World) -> Attempts:
    """Every borrower some four times a year, by phone, in the app, or at the door."""
    first = world.first_loan_on + world.whole("first revisit", 20, REVISIT_DAYS)
    channel = np.array([PHONE, APP, FIELD])[pick(world.uniform("revisited by"), [62, 28, 10])]
    parts = []
    for place in range(REVISITS):
        owner = np.flatnonzero(first + REVISIT_DAYS * place < np.minimum(world.last_day, NEVER))
        day = next_workday(first[owner] + REVISIT_DAYS * place)
        parts.append(
            _made(world, owner, day, source=FROM_REVISIT, place=place, purpose=REVISIT, channel=channel[owner])
        )
    return Attempts(
        *(np.concatenate([getattr(part, name) for part in parts]) for name in Attempts.__dataclass_fields__)
    )


def _inbound(world: World) -> list[Attempts]:
    """Who calls us: for relief, because our own debit came late, or about something else altogether."""
    fates, rows = world.once(make_fates), world.instalments
    # not everybody complains
    ours = np.flatnonzero(world.once(technical) & (rows.number % 2 == 1))
    loan = rows.loan[ours]
    asks, complains = np.flatnonzero(fates.has("HARDSHIP")), np.flatnonzero(fates.has("COMPLAINT_NO_HARDSHIP"))
    called: dict[str, Any] = {"channel": PHONE, "is_inbound": True, "outcome": REACHED}
    return [
        _made(
            world,
            world.owner[loan],
            rows.due_on[ours] + 1,
            source=FROM_BORROWER,
            place=1,
            purpose=COMPLAINT,
            loan=loan,
            **called,
        ),
        _made(
            world,
            complains,
            fates.begins_on[complains],
            source=FROM_BORROWER,
            place=2,
            purpose=COMPLAINT,
            **called,
        ),
        _made(
            world,
            asks,
            fates.begins_on[asks] + 2,
            source=FROM_HARDSHIP,
            place=0,
            purpose=SERVICE,
            **called,
        ),
    ]
