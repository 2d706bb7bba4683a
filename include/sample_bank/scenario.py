"""A bad winter: some three months of a lender's deliveries in which everything goes wrong once, and is made good.

The script crosses two month-ends and a year-end. Drive it in order::

    for step in scenario(landing):
        step.write()
        ...  # run step.business_date; ``step.expects`` says how that must end
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from functools import partial
from pathlib import Path
from typing import Literal

from include.sample_bank.bank import EVERY_STYLE, SYSTEMS, SampleBank
from include.sample_bank.behaviours import STRESSED
from include.sample_bank.faults import Fault

HISTORY_DAYS = 430  # long enough for loans that nothing happens to for 400 days
HISTORY_TO = date(2025, 11, 25)

Expectation = Literal["published", "late", "refused", "skipped"]


@dataclass(frozen=True)
class Step:
    """One attempt at one business date.

    expects: ``published``; ``late``: a required delivery is not there (yet), the date is never published in the daily
    order; ``refused``: a delivery is broken, nothing of it may land, and the next step brings a good one for the same
    date; ``skipped``: nobody delivers and nobody runs, the next delivery brings the day's rows.
    """

    business_date: date
    expects: Expectation
    title: str
    actions: tuple[Callable[[], None], ...]

    def write(self) -> None:
        """Put into the landing what arrives before this attempt."""
        for action in self.actions:
            action()


@dataclass(frozen=True)
class Correction:
    """A past day delivered again: so many days ago, right or wrong once more."""

    system: str
    days_ago: int
    faults: tuple[Fault, ...] = ()
    replaces: str = "delivery"


@dataclass(frozen=True)
class Day:
    """What is special about a day. ``broken``: a first attempt has this fault. ``late``: systems that do not come."""

    faults: tuple[Fault, ...] = ()
    broken: tuple[str, ...] = ()
    late: tuple[str, ...] = ()
    made_good: tuple[tuple[str, int], ...] = ()  # (system, days ago) of late deliveries that arrive today
    corrections: tuple[Correction, ...] = ()
    is_skipped: bool = False

    @property
    def title(self) -> str:
        parts = [fault.name for fault in self.faults] + [f"{name}, then right" for name in self.broken]
        parts += [f"{system} does not come" for system in self.late]
        parts += [f"{system} of {days} days ago arrives" for system, days in self.made_good]
        parts += [f"correction of {fix.system}, {fix.days_ago} days ago" for fix in self.corrections]
        return "; ".join(parts) or ("nobody delivers" if self.is_skipped else "an ordinary day")


def _fault(name: str, share: float | None = None) -> Fault:
    usual = Fault.named(name)
    return usual if share is None else replace(usual, share=share)


PAY, CORE = "payments", "core_banking"
SKIPPED = Day(is_skipped=True)
# day after the end of the history -> what happens; all other days are ordinary
SCRIPT: dict[int, Day] = {
    2: Day(faults=(_fault("duplicated_rows", 0.3),)),
    3: Day(faults=(_fault("poisoned_rows", 0.2),)),
    5: Day(faults=(_fault("misstated", 0.3),)),
    6: Day(corrections=(Correction(PAY, 3),)),
    7: Day(late=(PAY,)),
    8: Day(broken=("truncated_file",)),
    9: Day(made_good=((PAY, 2),)),
    10: Day(corrections=(Correction(PAY, 5),)),
    11: Day(faults=(_fault("backdated_payments", 0.6),)),
    12: SKIPPED,
    14: Day(faults=(_fault("added_column"),)),
    15: Day(faults=(_fault("repeated_day"),)),
    16: Day(faults=(_fault("duplicate_file"),)),
    17: Day(broken=("wrong_row_count",)),
    19: Day(broken=("missing_column",)),
    20: Day(faults=(_fault("unknown_loans", 0.3),)),
    23: Day(faults=(_fault("schedule_before_contract"),)),
    24: Day(late=(CORE,)),
    26: Day(made_good=((CORE, 2),)),
    27: Day(faults=(_fault("poisoned_schedule", 0.05),)),
    29: Day(faults=(_fault("future_value_dates", 0.5),)),
    31: Day(corrections=(Correction(CORE, 4),)),
    32: Day(broken=("wrong_encoding",)),
    33: Day(faults=(_fault("misstated_contract", 0.05),)),
    # a day inside the history, wrong first and right ten days later
    35: Day(corrections=(Correction(PAY, 55, (_fault("misstated", 0.5),), "keys"),)),
    37: Day(corrections=(Correction(CORE, 4),)),
    39: SKIPPED,
    40: SKIPPED,
    43: Day(broken=("short_file",)),
    45: Day(corrections=(Correction(PAY, 65, (), "keys"),)),
    46: Day(late=SYSTEMS),
    47: Day(made_good=((CORE, 1), (PAY, 1))),
    48: Day(faults=(_fault("poisoned_contract"),)),
    50: Day(faults=(_fault("poisoned_amounts", 0.1),)),
    52: Day(broken=("wrong_control_total",)),
    # last year's books, changed twice in the new year
    53: Day(corrections=(Correction(PAY, 25, (_fault("misstated", 0.5),)),)),
    55: Day(broken=("renamed_column",)),
    57: Day(corrections=(Correction(PAY, 29),)),
    58: Day(faults=(_fault("backdated_payments", 0.9),)),
    60: Day(broken=("wrong_digest",)),
    61: Day(late=(PAY,)),
    63: Day(made_good=((PAY, 2),), faults=(_fault("duplicated_rows", 0.2), _fault("unknown_loans", 0.2))),
    65: Day(corrections=(Correction(PAY, 1), Correction(CORE, 1))),
}


@dataclass
class _Writer:
    """Writes the script's deliveries, and remembers which day each delivery starts from."""

    bank: SampleBank
    landing: Path
    since: dict[tuple[str, date], date] = field(default_factory=dict)

    def daily(self, day: date, systems: tuple[str, ...], faults: tuple[Fault, ...] = ()) -> None:
        for system in systems:
            since = self.since.get((system, day))
            self.bank.write_day(self.landing, day, faults, since=since, systems=(system,))

    def correction(self, known_date: date, fix: Correction) -> None:
        day = known_date - timedelta(days=fix.days_ago)
        since = self.since.get((fix.system, day))
        self.bank.write_correction(
            self.landing, fix.system, day, known_date, since=since, replaces=fix.replaces, faults=fix.faults
        )


def scenario(landing: Path, seed: int = 7, *, dates: int = 64, loans: int = 400) -> Iterator[Step]:
    """The steps of the script until ``dates`` business dates must be published, the history's last one included.

    ``loans`` are those of the whole period, about 85 % of them in the history. Same seed, same files.
    """
    first_date = HISTORY_TO - timedelta(days=HISTORY_DAYS)
    bank = SampleBank(seed, loans, first_date, window_days=HISTORY_DAYS + 75, mix=STRESSED, styles=EVERY_STYLE)
    writer = _Writer(bank, landing)
    yield Step(HISTORY_TO, "published", "the history", (partial(bank.write_history, landing, HISTORY_TO),))
    published, number, last_delivered = 1, 0, HISTORY_TO
    while published < dates:
        number += 1
        today = HISTORY_TO + timedelta(days=number)
        day = SCRIPT.get(number, Day())
        if day.is_skipped:
            yield Step(today, "skipped", day.title, ())
            continue
        for system in SYSTEMS:
            writer.since[system, today] = last_delivered
        last_delivered = today
        for name in day.broken:
            broken = partial(writer.daily, today, SYSTEMS, (Fault.named(name),))
            yield Step(today, "refused", name, (broken,))
        arriving = [partial(writer.daily, today - timedelta(days=ago), (system,)) for system, ago in day.made_good]
        fixes = [partial(writer.correction, today, fix) for fix in day.corrections]
        coming = tuple(system for system in SYSTEMS if system not in day.late)
        actions = (*arriving, *fixes, partial(writer.daily, today, coming, day.faults))
        expects: Expectation = "late" if day.late else "published"
        yield Step(today, expects, day.title, actions)
        published += expects == "published"
