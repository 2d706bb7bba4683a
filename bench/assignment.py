"""50,000 items for 500 officers: the optimal assignment beside greedy ones, at the same prices.

    python -m bench.assignment [--items 50000] [--officers 500]

Officers reach their own region and the three nearest; calls and visits have days of their own; six items in ten have a
former officer. Greedy takes the items that are dearest to leave first and gives each to the cheapest officer who has
room. Nothing is read or written but what is printed; the memory is this process's peak, the instance included.
"""

import argparse
import hashlib
import os
import resource
import time
from collections import Counter
from datetime import date, timedelta

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import pandas as pd

from include.policy import policy_records
from scoring.assignment import CAPACITY_COLUMNS, CONFLICT_COLUMNS, ITEM_COLUMNS, OFFICER_COLUMNS, assign
from scoring.assignment_policy import AssignmentPolicy, assignment_policy
from scoring.eligibility import Kind, Officer, eligible

DAY = date(2026, 3, 2)
REGIONS, REACH_PRICES = 62, (15, 25, 40)
MEBIBYTE = 1024
LIMIT_SECONDS, LIMIT_MEBIBYTES = 10, 512


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--items", type=int, default=50_000)
    parser.add_argument("--officers", type=int, default=500)
    wanted = parser.parse_args()
    policy = _policy()
    items, officers, capacities = _instance(wanted.items, wanted.officers)
    conflicts = pd.DataFrame(columns=list(CONFLICT_COLUMNS))

    started, used = time.perf_counter(), time.process_time()
    best = assign(DAY, items, officers, capacities, conflicts, policy)
    seconds, processor = time.perf_counter() - started, time.process_time() - used
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / MEBIBYTE
    started = time.perf_counter()
    rival = _greedy(items, officers, capacities, policy)
    greedy_seconds = time.perf_counter() - started

    chosen = dict(zip(best.assigned.item_id, best.assigned.officer_id, strict=True))
    objective = _objective(chosen, items, officers, capacities, policy)
    greedy_objective = _objective(rival, items, officers, capacities, policy)
    assert objective == best.objective, "the assignment costs what it says"
    print(f"{wanted.items:,} items, {wanted.officers} officers, {int(capacities.capacity_count.sum()):,} places")
    for name, found, price, took in (
        ("greedy", rival, greedy_objective, greedy_seconds),
        ("optimal", chosen, objective, seconds),
    ):
        unserved = sum(officer is None for officer in found.values())
        known = items.previous_officer_id.notna()
        again = sum(
            found[one] == former
            for one, former in zip(items.item_id[known], items.previous_officer_id[known], strict=True)
        )
        print(
            f"  {name:8} objective {price:>13,}  unserved {unserved:>6,}  same officer {again / known.sum():.0%}"
            f"  {took:.1f} s"
        )
    print(f"  greedy / optimal: {greedy_objective / objective:.3f}")
    print(f"  optimal: {processor:.1f} s of processor, peak {peak:.0f} MiB; sha256 {_sha(best.assigned)}")
    print(f"  limits {LIMIT_SECONDS} s and {LIMIT_MEBIBYTES} MiB: ", end="")
    print("kept" if seconds <= LIMIT_SECONDS and peak <= LIMIT_MEBIBYTES else "MISSED")


def _policy() -> AssignmentPolicy:
    names = ("assignment_price", "assignment_role", "assignment_skill", "assignment_reach", "assignment_reason")
    rows = {name: policy_records(name) for name in names}
    always = {"valid_from": "2000-01-01", "valid_to": ""}
    rows["assignment_reach"] = [
        {"officer_region_code": f"R{home:02d}", "item_region_code": f"R{(home + step) % REGIONS:02d}"}
        | {"price": str(price)}
        | always
        for home in range(REGIONS)
        for step, price in zip((1, -1, 2), REACH_PRICES, strict=True)
    ]  # fmt: skip
    return assignment_policy(DAY, rows)


def _instance(items: int, officers: int) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    random = np.random.default_rng(20260302)
    skills = np.array(
        ["SMALL_LOANS", "SMALL_LOANS;BUSINESS", "HARDSHIP;SMALL_LOANS", "BUSINESS;LARGE_LOANS"], dtype=object
    )
    ids = [f"U{number:05d}" for number in range(officers)]
    is_field = random.random(officers) < 0.25
    people = pd.DataFrame(
        {
            "officer_id": ids,
            "role_code": np.where(is_field, "FIELD", "CALL"),
            "region_code": [f"R{number % REGIONS:02d}" for number in range(officers)],
            "skill_codes": skills[random.integers(0, 4, officers)],
            "language_codes": None,
            "borrower_id": None,
            "is_active": True,
        },
        columns=list(OFFICER_COLUMNS),
        dtype=object,
    )
    # 98 % of the work has room, were it all in the right place
    share = items * 0.98 / officers
    slots = random.integers(int(share * 0.6), int(share * 1.4) + 1, officers)
    capacities = pd.DataFrame(
        {"officer_id": ids, "channel_layer": np.where(is_field, "FIELD", "VOICE"), "capacity_count": slots.tolist()},
        columns=list(CAPACITY_COLUMNS),
        dtype=object,
    )
    at_door = random.random(items) < 0.25
    of_layer = {True: np.flatnonzero(is_field), False: np.flatnonzero(~is_field)}
    former = [
        ids[random.choice(of_layer[door])] if known else None
        for door, known in zip(at_door, random.random(items) < 0.6, strict=True)
    ]
    facts = np.array(["AMOUNT_SMALL", "AMOUNT_SMALL", "AMOUNT_LARGE", "AMOUNT_SMALL;HARDSHIP"], dtype=object)
    work = pd.DataFrame(
        {
            "item_id": [f"V{number:07d}" for number in range(items)],
            "borrower_id": [f"B{number:07d}" for number in range(items)],
            "channel_layer": np.where(at_door, "FIELD", "VOICE"),
            "purpose_code": "REVISIT",
            "region_code": [f"R{number:02d}" for number in random.integers(0, REGIONS, items)],
            "language_code": None,
            "fact_codes": facts[random.integers(0, 4, items)],
            "risk_tier": random.choice(["LOW", "MEDIUM", "HIGH", "CRITICAL"], items, p=[0.5, 0.3, 0.15, 0.05]),
            "due_date": [DAY - timedelta(days=int(days)) for days in random.integers(0, 6, items)],
            "is_hard_due": random.random(items) < 0.01,
            "previous_officer_id": former,
            "holder_officer_id": None,
        },
        columns=list(ITEM_COLUMNS),
        dtype=object,
    )
    return work, people, capacities


def _greedy(
    items: pd.DataFrame, officers: pd.DataFrame, capacities: pd.DataFrame, policy: AssignmentPolicy
) -> dict[str, str | None]:
    prices, room = _prices(items, officers, policy), _room(capacities)
    found: dict[str, str | None] = {}
    rows = items.to_dict("records")
    for item in sorted(rows, key=lambda item: (-_unserved(item, policy), item["item_id"])):
        layer, former = item["channel_layer"], item["previous_officer_id"]
        free = {
            officer: price + (policy.prices["change_of_officer"] if former is not None and officer != former else 0)
            for officer, price in prices[Kind.of(item)].items()
            if room.get((officer, layer), 0) > 0
        }
        officer = min(free, key=lambda one: (free[one], one), default=None)
        found[item["item_id"]] = officer
        if officer is not None:
            room[officer, layer] -= 1
    return found


def _objective(
    chosen: dict[str, str | None],
    items: pd.DataFrame,
    officers: pd.DataFrame,
    capacities: pd.DataFrame,
    policy: AssignmentPolicy,
) -> int:
    prices, places = _prices(items, officers, policy), _room(capacities)
    load: Counter[tuple[str, str]] = Counter()
    total = 0
    for item in items.to_dict("records"):
        officer, kind = chosen[item["item_id"]], Kind.of(item)
        if officer is None:
            total += _unserved(item, policy)
            continue
        former = item["previous_officer_id"]
        is_there = former in prices[kind] and (former, kind.layer) in places
        total += prices[kind][officer] + (policy.prices["change_of_officer"] if is_there and officer != former else 0)
        load[officer, kind.layer] += 1
    for desk, count in load.items():
        taken = 0
        for size, price in policy.load_segments(places[desk]):
            total += max(min(size, count - taken), 0) * price
            taken += size
        assert count <= taken, f"{desk} has more than the day holds"
    return total


def _prices(items: pd.DataFrame, officers: pd.DataFrame, policy: AssignmentPolicy) -> dict[Kind, dict[str, int]]:
    people = [Officer.of(row) for row in officers.to_dict("records")]
    return {kind: eligible(kind, people, policy)[0] for kind in {Kind.of(row) for row in items.to_dict("records")}}


def _room(capacities: pd.DataFrame) -> dict[tuple[str, str], int]:
    return {
        (row.officer_id, row.channel_layer): row.capacity_count for row in capacities.itertuples() if row.capacity_count
    }


def _unserved(item: dict, policy: AssignmentPolicy) -> int:
    waited = (DAY - item["due_date"]).days
    return policy.unserved_price(item["risk_tier"], waited, is_hard_due=item["is_hard_due"])


def _sha(frame: pd.DataFrame) -> str:
    return hashlib.sha256(frame.to_csv(index=False).encode()).hexdigest()[:16]


if __name__ == "__main__":
    main()
