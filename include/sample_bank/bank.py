"""The sample bank: a lender that does not exist, delivering what a real one would, faults included.

A bank is its seed, its first date and its mix of behaviours. The same bank with more loans has the same first loans,
and what a loan does does not depend on which dates are asked for.
"""

import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import numpy as np

from include.landing.delivery_writer import Style
from include.sample_bank.answers import AnswerKey
from include.sample_bank.behaviours import REALISTIC, Mix
from include.sample_bank.damage import NEEDS_PLAIN_TEXT
from include.sample_bank.faults import Fault
from include.sample_bank.lives import Lives, live
from include.sample_bank.loans import day_number
from include.sample_bank.parcels import OpenParcel, Parcel, release
from include.sample_bank.randomness import Chance
from include.sample_bank.systems import EVERYTHING, HISTORY_DAYS, SPINE, delivers_on
from include.sample_bank.world import World

log = logging.getLogger(__name__)

SYSTEMS = SPINE  # loans, schedules and repayments: what most tests need
BLOCK = 32_768  # loans lived through at once
GOLDEN_DAYS = 20  # before the end of the history the golden case begins
# every format, encoding and packing that a contract allows, in turn
EVERY_STYLE = (
    Style("csv"),
    Style("jsonl", "gb18030"),
    Style("parquet"),
    Style("csv", "gb18030", compress=True),
    Style("jsonl", compress=True),
    Style("csv", compress=True),
    Style("csv", "gb18030"),
    Style("parquet", compress=True),
    Style("jsonl"),
)
PLAIN = (Style(),)


class SampleBank:
    """A lender of so many loans, paid out over ``window_days`` from ``first_date`` on.

    ``mix`` says how common each behaviour is. ``styles`` are taken in turn, one a business date. Deliveries appear
    under ``landing``; what is late waits in a folder beside it. ``systems``: who delivers; with more than the
    spine, the core system delivers all of its tables. ``golden_on``: the day on which ``golden.py``'s case begins.
    """

    def __init__(
        self,
        seed: int,
        loans: int,
        first_date: date,
        *,
        window_days: int = 1_461,
        mix: Mix = REALISTIC,
        styles: Sequence[Style] = PLAIN,
        systems: Sequence[str] = SPINE,
        golden_on: date | None = None,
    ) -> None:
        self.chance = Chance(seed)
        self.systems = tuple(systems)
        self._golden_on = None if golden_on is None else day_number(golden_on)
        self.loans, self.first_date, self.window_days = loans, first_date, window_days
        self._mix, self._styles = mix, tuple(styles)
        self._only_block: Lives | None = None
        self._only_world: World | None = None

    def lives(self) -> Iterator[Lives]:
        """The loans' whole lives, block by block; nothing here holds on to a block, so memory holds one."""
        for start in range(0, self.loans, BLOCK):
            yield self._live(start)

    def worlds(self) -> Iterator[World]:
        """The same with the people behind the loans."""
        for start in range(0, self.loans, BLOCK):
            yield self._world(start)

    def _live(self, start: int) -> Lives:
        if self._only_block is not None:
            return self._only_block
        ids = np.arange(start, min(start + BLOCK, self.loans), dtype=np.uint64)
        block = live(self.chance, ids, self.first_date, self.window_days, self._mix, self._golden_on)
        if self.loans <= BLOCK:
            self._only_block = block
        return block

    def _world(self, start: int) -> World:
        if self._only_world is not None:
            return self._only_world
        world = World(self.chance, self._live(start), self._golden_on, self._mix.planted)
        if self.loans <= BLOCK:
            self._only_world = world
        return world

    @property
    def is_whole(self) -> bool:
        return set(self.systems) > set(SPINE)

    def style_of(self, system: str, business_date: date) -> Style:
        """How this system writes on this date; two neighbours never agree when there is a choice."""
        return self._styles[(business_date.toordinal() + EVERYTHING.index(system) * 4) % len(self._styles)]

    def write_history(self, landing: Path, last_date: date) -> None:
        """Every system's history from the first date to ``last_date``."""
        self.write(landing, self.history_parcels(last_date))

    def write_day(
        self,
        landing: Path,
        business_date: date,
        faults: Iterable[str | Fault] = (),
        *,
        since: date | None = None,
        systems: Sequence[str] | None = None,
    ) -> None:
        """Every system's daily delivery, with the faults asked for, after releasing what was held until this date.

        ``since`` is the business date of the delivery before (default: the day before): a day that was skipped
        comes with the next one.
        """
        release(landing, business_date)
        self.write(landing, self.day_parcels(business_date, faults, since=since, systems=systems))

    def write_correction(
        self,
        landing: Path,
        system: str,
        business_date: date,
        known_date: date,
        *,
        since: date | None = None,
        replaces: str = "delivery",
        faults: Iterable[str | Fault] = (),
    ) -> None:
        """Deliver a past date again, right this time unless ``faults`` say otherwise, as known from ``known_date``."""
        parcel = self._daily(system, business_date, since)
        given = self._given(faults, system)
        correction = replace(parcel, kind="correction", known_date=known_date, replaces=replaces, faults=given)
        self.write(landing, [correction])

    def history_parcels(self, last_date: date) -> list[Parcel]:
        """What ``write_history`` writes."""
        before = self.first_date - timedelta(days=1)
        history = Parcel("", last_date, before, kind="history", from_date=self.first_date, is_whole=self.is_whole)
        parcels = []
        for system in self.systems:
            after = max(before, last_date - timedelta(days=HISTORY_DAYS.get(system, (last_date - before).days)))
            parcels.append(
                replace(
                    history,
                    system=system,
                    after=after,
                    from_date=after + timedelta(days=1),
                    style=self.style_of(system, last_date),
                )
            )
        return parcels

    def day_parcels(
        self,
        business_date: date,
        faults: Iterable[str | Fault] = (),
        *,
        since: date | None = None,
        systems: Sequence[str] | None = None,
    ) -> list[Parcel]:
        """What ``write_day`` writes: the day's deliveries, and the corrections that the faults bring."""
        parcels = []
        wanted = tuple(faults)
        for system in self.systems if systems is None else systems:
            given = self._given(wanted, system)
            names = {fault.name for fault in given}
            daily = self._daily(system, business_date, since)
            if "repeated_day" in names:
                daily = replace(daily, after=daily.after - timedelta(days=1))
            if "missing" not in names and delivers_on(system, daily.after, business_date):
                parcels.append(replace(daily, faults=given, style=self._plain_enough(daily.style, names)))
            parcels += [
                replace(daily, kind="correction", known_date=business_date + timedelta(days=fault.days))
                for fault in given
                if fault.name == "corrected"
            ]
        return parcels

    def write(self, landing: Path, parcels: Sequence[Parcel], key: AnswerKey | None = None) -> None:
        """Write these deliveries, and the answer key, in one pass; memory holds one block and a file a delivery."""
        being_written = [OpenParcel(landing, parcel, self.chance) for parcel in parcels]
        for world in self.worlds():
            for open_parcel in being_written:
                open_parcel.add(world)
            if key is not None:
                key.add(world)
            log.debug("%d of %d loans written", int(world.lives.loans.ids[-1]) + 1, self.loans)
            del world  # before the next one is made
        for open_parcel in being_written:
            open_parcel.close()
        if key is not None:
            key.close()

    def write_truth(self, folder: Path, days: Sequence[date]) -> None:
        """The answer key for these dates."""
        self.write(folder, [], AnswerKey(folder, days, is_whole=self.is_whole))

    def _daily(self, system: str, business_date: date, since: date | None) -> Parcel:
        after = since or business_date - timedelta(days=1)
        style = self.style_of(system, business_date)
        return Parcel(system, business_date, after, style=style, is_whole=self.is_whole)

    @staticmethod
    def _given(faults: Iterable[str | Fault], system: str) -> tuple[Fault, ...]:
        named = (fault if isinstance(fault, Fault) else Fault.named(fault) for fault in faults)
        return tuple(fault for fault in named if fault.system == system)

    @staticmethod
    def _plain_enough(style: Style, faults: set[str]) -> Style:
        return Style() if faults & NEEDS_PLAIN_TEXT else style


def generate(
    landing: Path,
    loans: int,
    history_to: date,
    days: int,
    seed: int,
    faults: Iterable[str] | Mapping[date, Iterable[str | Fault]] | None = None,
    *,
    history_days: int = 1_096,
    styles: Sequence[Style] = PLAIN,
    truth_folder: Path | None = None,
    systems: Sequence[str] = SPINE,
    mix: Mix = REALISTIC,
) -> list[date]:
    """A lender with about ``loans`` loans by ``history_to``: its history, and the ``days`` days after it.

    New loans keep coming at the same pace. ``faults`` are given by date, or as names that are spread over the days.
    The answer key goes to ``truth_folder`` (default: ``truth`` beside the landing). Returns the business dates.
    """
    first_date = history_to - timedelta(days=history_days)
    window_days = history_days + max(365, days)
    count = loans * window_days // history_days
    golden_on = history_to - timedelta(days=GOLDEN_DAYS) if set(systems) > set(SPINE) else None
    bank = SampleBank(
        seed,
        count,
        first_date,
        window_days=window_days,
        mix=mix,
        styles=styles,
        systems=systems,
        golden_on=golden_on,
    )
    dates = [history_to + timedelta(days=number) for number in range(1, days + 1)]
    plan = faults if isinstance(faults, Mapping) else spread(bank.chance, faults or (), dates)
    parcels = bank.history_parcels(history_to)
    for day in dates:
        parcels += bank.day_parcels(day, plan.get(day, ()))
    folder = truth_folder or landing.parent / "truth"
    bank.write(landing, parcels, AnswerKey(folder, [history_to, *dates], is_whole=bank.is_whole))
    return dates


def spread(chance: Chance, faults: Iterable[str], dates: Sequence[date]) -> dict[date, list[str]]:
    """Each fault on one of the dates on which its system delivers, by chance."""
    plan: dict[date, list[str]] = {}
    for name in faults:
        system, one = Fault.named(name).system, timedelta(days=1)
        possible = [day for day in dates if delivers_on(system, day - one, day)] or list(dates)
        number = chance.whole(np.zeros(1, dtype=np.uint64), f"day of {name}", 0, len(possible) - 1)[0]
        plan.setdefault(possible[int(number)], []).append(name)
    return plan
