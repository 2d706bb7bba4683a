"""How a version in use is doing: drift of what it reads, whether it ranks as before, and how right it was.

Pure: rows of month-ends in, readings out. Drift and rank stability need no outcome; performance is measured on matured
rows only, early reads on rows whose short window has passed, and before that a reading says NOT_MATURE.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
from numpy.typing import NDArray

from models import metrics

Bools = NDArray[np.bool_]
Floats = NDArray[np.float64]
Points = NDArray[np.int64]

OK, WATCH, ACT, NOT_MATURE = "OK", "WATCH", "ACT", "NOT_MATURE"
STATUSES = (OK, WATCH, ACT, NOT_MATURE)
ALL = "ALL"
PSI_FEATURE, PSI_SCORE, RANK_STABILITY = "PSI_FEATURE", "PSI_SCORE", "RANK_STABILITY"
PERFORMANCE = ("AUC", "KS", "CAPTURE_10", "OBSERVED_TO_EXPECTED")
SCORE_POINTS = "score_points"  # the name under which shares of the score stand beside those of features
# bands of the score, half a logit wide: the same for every version, so that a month is compared without its rows
SCORE_EDGES = tuple(range(-60_000, 20_001, 5_000))


class LimitError(ValueError):
    """Limits by which nothing can be judged; the message names the measure."""


@dataclass(frozen=True)
class Limit:
    """When a reading asks for people: inside the watch bounds it is OK, inside the act bounds WATCH, beyond them ACT.

    None is no bound. least_rows, least_bads: with fewer a value says nothing and the reading is NOT_MATURE.
    """

    measure_code: str
    watch_from: float | None
    watch_to: float | None
    act_from: float | None
    act_to: float | None
    least_rows: int
    least_bads: int

    def __post_init__(self) -> None:
        if not _is_inside(self.watch_from, self.act_from, self.act_to) or not _is_inside(
            self.watch_to, self.act_from, self.act_to
        ):
            raise LimitError(f"{self.measure_code}: the watch bounds have to lie inside the act bounds")

    def status(self, value: float) -> str:
        """What a value means."""
        if not _is_inside(value, self.act_from, self.act_to):
            return ACT
        return OK if _is_inside(value, self.watch_from, self.watch_to) else WATCH


@dataclass(frozen=True)
class Reading:
    """One measured value of a version.

    segment_code: a segment, segments that share a card joined by +, or ALL. feature_code: empty where the measure is of
    the score. value: None while NOT_MATURE. n: rows measured; bads: None where outcomes play no part.
    from_date, to_date: first and last month-end measured, None without rows.
    """

    segment_code: str
    measure_code: str
    feature_code: str
    value: float | None
    n: int
    bads: int | None
    status_code: str
    from_date: date | None
    to_date: date | None


@dataclass(frozen=True)
class Scored:
    """Rows of a version's population on month-ends; a row that no card covers has the probability NaN.

    All arrays are equally long; points are 0 where the probability is NaN.
    """

    loan_id: NDArray[np.object_]
    as_of: NDArray[np.datetime64]
    segment: NDArray[np.object_]
    probability: Floats
    points: Points

    @property
    def is_scored(self) -> Bools:
        return ~np.isnan(self.probability)


def score_shares(points: Points) -> list[float]:
    """Shares of rows by band of the score."""
    band = np.searchsorted(np.asarray(SCORE_EDGES), points, side="right")
    counts = np.bincount(band, minlength=len(SCORE_EDGES) + 1)
    return [float(share) for share in counts / max(len(points), 1)]


def drift(
    before: Mapping[str, Sequence[float]],
    now: Mapping[str, Sequence[float]],
    rows: Mapping[str, int],
    day: date,
    limits: Mapping[str, Limit],
) -> list[Reading]:
    """Population stability of each feature and of the score between training and one month-end.

    before, now: shares by ``segments/feature``, the score as ``segments/score_points``. rows: of the month-end, by
    segments. Raises ValueError when the bands of a feature are not those of the training.
    """
    made = []
    for name, shares in sorted(before.items()):
        segments, feature = name.rsplit("/", 1)
        measure, code = (PSI_SCORE, "") if feature == SCORE_POINTS else (PSI_FEATURE, feature)
        n = rows.get(segments, 0)
        value = metrics.psi(shares, now[name]) if n else None
        made.append(_reading(limits[measure], segments, code, value, n, None, day, day))
    return made


def rank_stability(rows: Scored, limits: Mapping[str, Limit]) -> Reading:
    """Rank correlation of the scores of the loans that are there on the last month-end and on the one before."""
    limit = limits[RANK_STABILITY]
    months = np.unique(rows.as_of[rows.is_scored])
    if len(months) < 2:
        return _reading(limit, ALL, "", None, 0, None, None, None)
    found = []
    for month in months[-2:]:
        chosen = rows.is_scored & (rows.as_of == month)
        order = np.argsort(rows.loan_id[chosen].astype(str), kind="stable")
        found.append((rows.loan_id[chosen].astype(str)[order], rows.points[chosen][order]))
    (first_ids, first), (last_ids, last) = found
    _, left, right = np.intersect1d(first_ids, last_ids, assume_unique=True, return_indices=True)
    value = rank_correlation(first[left], last[right])
    return _reading(limit, ALL, "", value, len(left), None, _day(months[-2]), _day(months[-1]))


def rank_correlation(first: Points, second: Points) -> float | None:
    """Spearman's, ties at their middle rank; None where one side does not vary."""
    if len(first) < 2 or len(np.unique(first)) < 2 or len(np.unique(second)) < 2:
        return None
    ranks = [_middle_ranks(values) - (len(values) - 1) / 2 for values in (first, second)]
    return float((ranks[0] * ranks[1]).sum() / np.sqrt((ranks[0] ** 2).sum() * (ranks[1] ** 2).sum()))


def performance(rows: Scored, is_bad: Bools, is_usable: Bools, limits: Mapping[str, Limit]) -> list[Reading]:
    """How right the version was on rows whose outcome is known, by segment and for all of them together."""
    made = []
    for segment, chosen in _slices(rows):
        usable = chosen & is_usable
        outcome, probability = is_bad[usable], rows.probability[usable]
        has_both = 0 < int(outcome.sum()) < len(outcome)
        values = {
            "AUC": metrics.auc(outcome, probability) if has_both else None,
            "KS": metrics.ks(outcome, probability) if has_both else None,
            "CAPTURE_10": metrics.capture(outcome, probability, 0.10) if has_both else None,
            "OBSERVED_TO_EXPECTED": float(outcome.sum() / probability.sum()) if probability.sum() > 0 else None,
        }
        first, last = _window(rows.as_of[usable])
        for measure in PERFORMANCE:
            bads = int(outcome.sum())
            made.append(_reading(limits[measure], segment, "", values[measure], len(outcome), bads, first, last))
    return made


def early_read(
    measure: str, rows: Scored, is_bad: Bools, is_usable: Bools, limits: Mapping[str, Limit]
) -> list[Reading]:
    """Whether the score ranks what happened early: the area under the curve against an outcome of a short window."""
    made = []
    for segment, chosen in _slices(rows):
        usable = chosen & is_usable
        outcome, probability = is_bad[usable], rows.probability[usable]
        bads = int(outcome.sum())
        value = metrics.auc(outcome, probability) if 0 < bads < len(outcome) else None
        first, last = _window(rows.as_of[usable])
        made.append(_reading(limits[measure], segment, "", value, len(outcome), bads, first, last))
    return made


def worst(readings: Iterable[Reading]) -> str:
    """The status that asks for most among readings; NOT_MATURE when none has a value."""
    return worst_status(reading.status_code for reading in readings)


def worst_status(statuses: Iterable[str]) -> str:
    """The status that asks for most; NOT_MATURE when there is no other."""
    found = set(statuses)
    return next((status for status in (ACT, WATCH, OK) if status in found), NOT_MATURE)


def _reading(
    limit: Limit,
    segment: str,
    feature: str,
    value: float | None,
    n: int,
    bads: int | None,
    first: date | None,
    last: date | None,
) -> Reading:
    is_enough = value is not None and n >= limit.least_rows and (bads is None or bads >= limit.least_bads)
    told = round(value, 6) if is_enough and value is not None else None
    status = NOT_MATURE if told is None else limit.status(told)
    return Reading(segment, limit.measure_code, feature, told, n, bads, status, first, last)


def _slices(rows: Scored) -> list[tuple[str, Bools]]:
    segments = sorted(set(rows.segment[rows.is_scored].tolist()))
    return [(ALL, rows.is_scored), *((segment, rows.is_scored & (rows.segment == segment)) for segment in segments)]


def _middle_ranks(values: Points) -> Floats:
    _, place, count = np.unique(values, return_inverse=True, return_counts=True)
    return np.asarray((np.cumsum(count) - (count + 1) / 2)[place], dtype=np.float64)


def _window(as_of: NDArray[np.datetime64]) -> tuple[date | None, date | None]:
    return (_day(as_of.min()), _day(as_of.max())) if len(as_of) else (None, None)


def _day(moment: np.datetime64) -> date:
    return date.fromisoformat(str(moment.astype("datetime64[D]")))


def _is_inside(value: float | None, least: float | None, most: float | None) -> bool:
    return value is None or ((least is None or value >= least) and (most is None or value <= most))
