"""One lane and one owner a borrower, and what is done there: dated routing and treatment.

Pure. Hardship, vulnerability and dispute stand before any ladder step because their rows have the first ranks of the
policy ``lane_routing``; the policy ``treatment`` says what follows from lane and severity.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from scoring.policy_rows import ANY, PolicyError, PolicyRow, codes_of, covers, valid_on, whole
from scoring.severity import SEVERITIES

NO_LIVE_LOAN, HARDSHIP = "NO_LIVE_LOAN", "HARDSHIP"
FACTS = frozenset({ANY, NO_LIVE_LOAN, HARDSHIP, "DECEASED", "VULNERABLE", "DISPUTE", "LEGAL_HOLD"})
WORK_CODES = frozenset({"NONE", "MACHINE", "DESK", "CONTACT"})


@dataclass(frozen=True)
class Route:
    rank: int
    lane: str
    owner: str
    fact: str
    from_days: int | None
    to_days: int | None

    def leads(self, facts: frozenset[str], days_past_due: int) -> bool:
        return (
            (self.fact == ANY or self.fact in facts)
            and (self.from_days is None or days_past_due >= self.from_days)
            and (self.to_days is None or days_past_due <= self.to_days)
        )


@dataclass(frozen=True)
class Treatment:
    """work: NONE, MACHINE, DESK or CONTACT. respond_within_days: working days, None: nobody need respond."""

    code: str
    work: str
    channel: str | None
    respond_within_days: int | None


@dataclass(frozen=True)
class LanePolicy:
    routes: tuple[Route, ...]
    treatments: Mapping[tuple[str, str], Treatment]

    def route(self, facts: frozenset[str], days_past_due: int) -> Route:
        """The first route by rank that leads somewhere.

        facts: of FACTS, what holds for the borrower. days_past_due: of the worst live loan, 0 when none is late.
        """
        return next(route for route in self.routes if route.leads(facts, days_past_due))


def lane_policy(day: date, routing: Iterable[PolicyRow], treatments: Iterable[PolicyRow]) -> LanePolicy:
    """Raises PolicyError when a borrower could be in no lane, or a lane and severity have no treatment or two."""
    routes = sorted(
        (
            Route(
                int(row["lane_rank"]),
                row["lane_code"],
                row["lane_owner"],
                row["fact_code"],
                whole(row["from_days_past_due"]),
                whole(row["to_days_past_due"]),
            )
            for row in valid_on(routing, day)
        ),
        key=lambda route: route.rank,
    )
    if len({route.rank for route in routes}) < len(routes):
        raise PolicyError("lane_routing: two rows have the same rank")
    if unknown := {route.fact for route in routes} - FACTS:
        raise PolicyError(
            f"lane_routing: {', '.join(sorted(unknown))} is no fact; known are {', '.join(sorted(FACTS))}"
        )
    edges = {0} | {days for route in routes for days in (route.from_days, (route.to_days or 0) + 1) if days is not None}
    for days in sorted(edges):
        if not any(route.fact == ANY and route.leads(frozenset(), days) for route in routes):
            raise PolicyError(f"lane_routing: {days} days past due lead into no lane")
    return LanePolicy(tuple(routes), _treatments({route.lane for route in routes}, valid_on(treatments, day)))


def _treatments(lanes: Iterable[str], rows: Sequence[PolicyRow]) -> dict[tuple[str, str], Treatment]:
    found: dict[tuple[str, str], Treatment] = {}
    for lane in sorted(lanes):
        for severity in SEVERITIES:
            fitting = [
                row for row in rows if row["lane_code"] == lane and covers(codes_of(row["severity_codes"]), severity)
            ]
            if len(fitting) != 1:
                raise PolicyError(f"treatment: {lane} with {severity} has {len(fitting)} rows, one is needed")
            row = fitting[0]
            if row["work_code"] not in WORK_CODES or (row["work_code"] in ("MACHINE", "CONTACT")) != bool(
                row["channel_code"]
            ):
                raise PolicyError(
                    f"treatment {row['treatment_code']}: {row['work_code']} and its channel do not go together"
                )
            found[lane, severity] = Treatment(
                row["treatment_code"], row["work_code"], row["channel_code"] or None, whole(row["respond_within_days"])
            )
    return found
