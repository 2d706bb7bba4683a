"""How bad it is: the worst open signal of a loan, or worse where signals of several kinds come together."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date

from scoring.policy_rows import PolicyError, PolicyRow, valid_on

SEVERITIES = ("YELLOW", "ORANGE", "RED", "RED_CRITICAL")


@dataclass(frozen=True)
class Combination:
    """So many families of signals at ``rank`` or above are together at least ``combined_rank``."""

    rank: int
    family_count: int
    combined_rank: int


def combinations(day: date, rows: Iterable[PolicyRow]) -> tuple[Combination, ...]:
    """The rows of the policy ``severity_combination``. Raises PolicyError for one that would lower a severity."""
    found = []
    for row in valid_on(rows, day):
        one = Combination(
            SEVERITIES.index(row["from_severity"]), int(row["family_count"]), SEVERITIES.index(row["severity"])
        )
        if one.combined_rank < one.rank or one.family_count < 2:
            raise PolicyError(
                f"severity_combination: {row['family_count']} times {row['from_severity']} cannot be {row['severity']}"
            )
        found.append(one)
    return tuple(found)


def severity_of(worst_of_family: Mapping[str, str], policy: Iterable[Combination]) -> str:
    """The severity of a loan. worst_of_family: family code to the worst severity among its open signals."""
    ranks = [SEVERITIES.index(severity) for severity in worst_of_family.values()]
    worst = max(ranks)
    for combination in policy:
        if sum(rank >= combination.rank for rank in ranks) >= combination.family_count:
            worst = max(worst, combination.combined_rank)
    return SEVERITIES[worst]
