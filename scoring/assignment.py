"""Who works which item on the work date: the cheapest total over all items and officers, always the same one.

Pure: items, officers and their capacities in; one row an item out, with its officer or the reason why there is none.
The problem is a min-cost flow. Items that are alike to every officer share one
node, which keeps the optimum and makes the problem small; an item with a former officer, a holder or a conflict has
arcs of its own. Source: min-cost flow with convex officer arcs, as in the design's page on models, section 5.
"""

from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

import pandas as pd

from scoring.assignment_policy import AssignmentPolicy
from scoring.eligibility import Kind, Officer, eligible
from scoring.flow import Flow
from scoring.policy_rows import spread_hash

ITEM_COLUMNS = (
    "item_id", "borrower_id", "channel_layer", "purpose_code", "region_code", "language_code", "fact_codes",
    "risk_tier", "due_date", "is_hard_due", "previous_officer_id", "holder_officer_id",
)  # fmt: skip
OFFICER_COLUMNS = (
    "officer_id", "role_code", "region_code", "skill_codes", "language_codes", "borrower_id", "is_active",
)  # fmt: skip
CAPACITY_COLUMNS = ("officer_id", "channel_layer", "capacity_count")
CONFLICT_COLUMNS = ("officer_id", "borrower_id")
ASSIGNED_COLUMNS = (
    "item_id", "officer_id", "assignment_code", "waiting_days", "unserved_price", "assignment_price", "reason_text_zh",
    "reason_text_en",
)  # fmt: skip
SELF_SERVICE = "SELF_SERVICE"
Row = dict[str, Any]


@dataclass(frozen=True)
class Outcome:
    """``assigned``: ASSIGNED_COLUMNS, a row an item, sorted. ``objective``: points, the price of fair load included."""

    assigned: pd.DataFrame
    objective: int


def assign(
    work_date: date,
    items: pd.DataFrame,
    officers: pd.DataFrame,
    capacities: pd.DataFrame,
    conflicts: pd.DataFrame,
    policy: AssignmentPolicy,
) -> Outcome:
    """The optimal assignment of one work date.

    items: ITEM_COLUMNS, one a borrower; codes of a list are separated by ``;``; holder: who was given the item before
        and has not worked it; previous: who visited the borrower last.
    capacities: items that an officer can take of a layer on the work date; an officer without a row is absent.
    conflicts: whom an officer may not work; being the borrower is a conflict without a row.
    """
    day = _Problem(work_date, items, officers, capacities, conflicts, policy)
    chosen, objective = day.solve()
    return Outcome(day.frame(chosen), objective)


class _Problem:
    def __init__(
        self,
        work_date: date,
        items: pd.DataFrame,
        officers: pd.DataFrame,
        capacities: pd.DataFrame,
        conflicts: pd.DataFrame,
        policy: AssignmentPolicy,
    ) -> None:
        self.work_date, self.policy = work_date, policy
        self.items = sorted(_records(items), key=lambda row: str(row["item_id"]))
        rows = sorted(_records(officers), key=lambda row: str(row["officer_id"]))
        self.officers = [Officer.of(row) for row in rows if row["is_active"]]
        active = {officer.officer_id for officer in self.officers}
        self.capacity = {
            (row["officer_id"], row["channel_layer"]): int(row["capacity_count"])
            for row in _records(capacities)
            if row["officer_id"] in active and row["capacity_count"] > 0
        }
        self.conflicts: dict[str, set[str]] = defaultdict(set)
        for row in [*_records(conflicts), *(row for row in rows if row["borrower_id"] is not None)]:
            self.conflicts[row["borrower_id"]].add(row["officer_id"])
        self.kinds = {item["item_id"]: Kind.of(item) for item in self.items}
        self.prices: dict[Kind, dict[str, int]] = {}  # of officers who are there on the day
        self.nobody: dict[Kind, str | None] = {}
        self.everybody: dict[Kind, set[str]] = {}
        for kind in set(self.kinds.values()):
            found, self.nobody[kind] = eligible(kind, self.officers, policy)
            self.everybody[kind] = set(found)
            self.prices[kind] = {one: price for one, price in found.items() if (one, kind.layer) in self.capacity}
        self.held = Counter(
            (item["holder_officer_id"], self.kinds[item["item_id"]].layer) for item in self.items if self._holder(item)
        )

    def solve(self) -> tuple[dict[str, str], int]:
        """Officers by item, and the objective."""
        worked = [item for item in self.items if self.kinds[item["item_id"]].layer != SELF_SERVICE]
        kinds = sorted({self.kinds[item["item_id"]] for item in worked}, key=lambda kind: kind.key)
        desks = sorted(self.capacity)
        kind_node = {kind: len(worked) + place for place, kind in enumerate(kinds)}
        desk_node = {desk: len(worked) + len(kinds) + place for place, desk in enumerate(desks)}
        sink = len(worked) + len(kinds) + len(desks)
        flow = Flow()
        to_kind: dict[int, str] = {}
        to_officer: dict[int, tuple[str, str]] = {}
        for node, item in enumerate(worked):
            kind = self.kinds[item["item_id"]]
            flow.add(node, sink, 1, self._unserved(item), "unserved", item["item_id"])
            shared, own = self._arcs(item)
            if shared is not None:
                to_kind[flow.add(node, kind_node[kind], 1, shared)] = item["item_id"]
            for officer_id, price in own.items():
                arc = flow.add(node, desk_node[officer_id, kind.layer], 1, price, item["item_id"], officer_id)
                to_officer[arc] = (item["item_id"], officer_id)
        sizes = Counter(self.kinds[item["item_id"]] for item in worked)
        of_kind: dict[int, tuple[Kind, str]] = {}
        for kind in kinds:
            for officer_id, price in sorted(self.prices[kind].items()):
                desk = (officer_id, kind.layer)
                arc = flow.add(
                    kind_node[kind], desk_node[desk], min(sizes[kind], self.capacity[desk]), price, kind.key, officer_id
                )
                of_kind[arc] = (kind, officer_id)
        for desk in desks:
            for count, price in self.policy.load_segments(self.capacity[desk]):
                flow.add(desk_node[desk], sink, count, price)
        flows, objective = flow.solve([*(1 for _ in worked), *(0 for _ in kinds), *(0 for _ in desks), -len(worked)])

        chosen = {item_id: officer_id for arc, (item_id, officer_id) in to_officer.items() if flows[arc]}
        pool: dict[Kind, list[str]] = defaultdict(list)
        for arc, item_id in to_kind.items():
            if flows[arc]:
                pool[self.kinds[item_id]].append(item_id)
        for members in pool.values():
            members.sort(key=lambda item_id: (spread_hash("assignment", item_id), item_id), reverse=True)
        for arc, (kind, officer_id) in of_kind.items():
            for _ in range(int(flows[arc])):
                chosen[pool[kind].pop()] = officer_id
        return chosen, objective

    def _holder(self, item: Mapping[str, Any]) -> str | None:
        """Who holds the item from before and may go on: there on the day, and not conflicted."""
        holder = item["holder_officer_id"]
        may = holder in self.prices[self.kinds[item["item_id"]]] and holder not in self.conflicts[item["borrower_id"]]
        return str(holder) if may else None

    def _arcs(self, item: Mapping[str, Any]) -> tuple[int | None, dict[str, int]]:
        """The price of the way over the item's kind (None: closed), and prices of its own by officer."""
        kind = self.kinds[item["item_id"]]
        prices = self.prices[kind]
        holder = self._holder(item)
        known = holder or item["previous_officer_id"]
        change = self.policy.prices["change_of_holder" if holder else "change_of_officer"] if known in prices else 0
        if holder and self.held[holder, kind.layer] <= self.capacity[holder, kind.layer]:
            return None, {holder: prices[holder]}
        barred = self.conflicts.get(item["borrower_id"], set()) & set(prices)
        if barred:
            return None, {
                officer_id: price + (0 if officer_id == known else change)
                for officer_id, price in sorted(prices.items())
                if officer_id not in barred
            }
        return change, {known: prices[known]} if known in prices else {}

    def _unserved(self, item: Mapping[str, Any]) -> int:
        return self.policy.unserved_price(item["risk_tier"], self._waiting(item), is_hard_due=item["is_hard_due"])

    def _waiting(self, item: Mapping[str, Any]) -> int:
        due: date = item["due_date"]
        return max((self.work_date - due).days, 0)

    def frame(self, chosen: Mapping[str, str]) -> pd.DataFrame:
        rows = []
        for item in self.items:
            officer_id = chosen.get(item["item_id"])
            code = self._code(item, officer_id)
            text_zh, text_en = self.policy.texts[code]
            kind = self.kinds[item["item_id"]]
            rows.append(
                {
                    "item_id": item["item_id"],
                    "officer_id": officer_id,
                    "assignment_code": code,
                    "waiting_days": self._waiting(item),
                    "unserved_price": None if kind.layer == SELF_SERVICE else self._unserved(item),
                    "assignment_price": self.prices[kind][officer_id] if officer_id else None,
                    "reason_text_zh": text_zh,
                    "reason_text_en": text_en,
                }
            )
        return pd.DataFrame(rows, columns=list(ASSIGNED_COLUMNS), dtype=object)

    def _code(self, item: Mapping[str, Any], officer_id: str | None) -> str:
        kind = self.kinds[item["item_id"]]
        if kind.layer == SELF_SERVICE:
            return "NO_NEED"
        if officer_id is not None:
            known = {item["previous_officer_id"]: "SAME_OFFICER"} | {item["holder_officer_id"]: "SAME_HOLDER"}
            return known.get(officer_id, "CHOSEN")
        if self.nobody[kind] is not None:
            return str(self.nobody[kind])
        may = self.everybody[kind] - self.conflicts.get(item["borrower_id"], set())
        return "NO_CAPACITY" if may else "CONFLICT_OF_INTEREST"


def _records(frame: pd.DataFrame) -> list[Row]:
    return [{str(name): value for name, value in row.items()} for row in frame.to_dict("records")]
