"""What the daily report says beyond the digest: counts and sums of a run and of its base chain, nothing of a person."""

import itertools
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal

from include.digest import Facts, Portfolio
from scoring.signal_quality import WHOLE_LIST

EARLY = "EARLY"


@dataclass(frozen=True)
class TrendDay:
    """A run of the base chain. ``listed`` and ``cleared``: rows of its lists, None where the run kept no count."""

    business_date: date
    portfolio: Mapping[str, Portfolio]
    listed: int | None
    cleared: int | None


@dataclass(frozen=True)
class Bucket:
    """One delinquency bucket of one currency."""

    currency: str
    code: str
    loan_count: int
    principal: Decimal
    past_due: Decimal


@dataclass(frozen=True)
class Listed:
    """Loans on the warning list by lane, severity and change."""

    lane: str
    severity: str
    change: str
    count: int


@dataclass(frozen=True)
class Signal:
    """Loans listed with a signal, and how many of them the base did not list with it."""

    code: str
    early: int
    late: int
    new: int


@dataclass(frozen=True)
class Cleared:
    rule: str
    severity: str
    count: int


@dataclass(frozen=True)
class Worded:
    """A code of a policy, its words, and how many rows bear it."""

    code: str
    zh: str
    en: str
    count: int


@dataclass(frozen=True)
class Done:
    """Revisits that the window saw fulfilled, by the channel that did it. ``late`` ones came after their due date."""

    channel: str
    in_time: int
    late: int


@dataclass(frozen=True)
class Coverage:
    """The revisit plan of every live loan, looked at on the business date.

    ``due``: loans whose revisit was due inside the window (``days`` days that end on the date): ``in_time`` and
    ``late`` were fulfilled, ``open`` were not. ``overdue``: every loan past its due date, whenever that was.
    """

    days: int
    planned: int
    overdue: int
    oldest_due: date | None
    in_time: int
    late: int
    open: int
    exempt: list[Worded] = field(default_factory=list)
    gaps: Mapping[str, int] = field(default_factory=dict)
    done: list[Done] = field(default_factory=list)
    ahead: Mapping[str, int] = field(default_factory=dict)  # due in the week after the date, by least channel

    @property
    def due(self) -> int:
        return self.in_time + self.late + self.open

    @property
    def live(self) -> int:
        """Every live loan has a plan, an exemption or a gap."""
        return self.planned + sum(one.count for one in self.exempt) + sum(self.gaps.values())


@dataclass(frozen=True)
class Work:
    """Items of the work date in one layer of capacity, by what came of them."""

    layer: str
    code: str
    zh: str
    en: str
    count: int
    officers: int


@dataclass(frozen=True)
class LaneWork:
    """Borrowers with a work item, by who owns it and whether and why it is worked on the work date."""

    owner: str
    code: str
    is_work_today: bool
    count: int


@dataclass(frozen=True)
class Scored:
    """Live loans by how they were scored, and by what."""

    status: str
    model: str
    version: str | None
    watermark: str | None
    count: int


@dataclass(frozen=True)
class Quality:
    """A row of ``signal_quality``: how good a signal is, or that it is too early to say."""

    signal_code: str
    measured_date: date
    status_code: str
    alert_count: int
    early_alert_count: int
    matured_count: int
    confirmed_count: int | None
    late_count: int
    warned_late_count: int
    lead_median_days: int | None
    lead_p25_days: int | None

    @property
    def is_whole(self) -> bool:
        return self.signal_code == WHOLE_LIST

    @property
    def precision(self) -> Decimal | None:
        return None if self.confirmed_count is None else Decimal(self.confirmed_count) / self.matured_count

    @property
    def recall(self) -> Decimal | None:
        return Decimal(self.warned_late_count) / self.late_count if self.late_count else None


@dataclass(frozen=True)
class ReportFacts:
    """Everything that the report shows; ``day`` is what the digest says too."""

    day: Facts
    known_date: date
    trend: list[TrendDay]  # oldest first; the last is the run itself
    buckets: list[Bucket]
    listed: list[Listed]
    signals: list[Signal]
    cleared: list[Cleared]
    coverage: Coverage
    work_date: date | None
    work: list[Work]
    lane_work: list[LaneWork]
    suppressed: Mapping[str, int]  # borrowers whom a rule or a stop forbids to contact, by rule
    scored: list[Scored]
    quality: list[Quality] = field(default_factory=list)

    def listed_by(self, *names: str) -> Counter:
        """Loans on the list, summed over everything but these fields."""
        found: Counter = Counter()
        for one in self.listed:
            found[tuple(getattr(one, name) for name in names)] += one.count
        return found

    @property
    def entered(self) -> list[int | None]:
        """Loans that came onto the list on each day of the trend: what the sizes do not explain by who left."""
        before = [None, *(one.listed for one in self.trend[:-1])]
        return [
            None if former is None or one.listed is None or one.cleared is None else one.listed - former + one.cleared
            for former, one in zip(before, self.trend, strict=True)
        ]

    @property
    def early_total(self) -> int:
        return sum(one.count for one in self.listed if one.lane == EARLY)

    @property
    def is_scored(self) -> bool:
        """Whether a model had a say in the list."""
        return any(one.status == "SCORED" for one in self.scored)

    @property
    def watermarks(self) -> list[str]:
        """What must be said wherever a score is shown: that its card was trained on the sample bank."""
        return sorted({one.watermark for one in self.scored if one.watermark is not None})

    @property
    def currencies(self) -> list[str]:
        return sorted(self.day.portfolio)


def by_currency(rows: Iterable[Bucket]) -> dict[str, list[Bucket]]:
    """Buckets of each currency, in the order in which they were read."""
    return {name: list(group) for name, group in itertools.groupby(rows, lambda one: one.currency)}
