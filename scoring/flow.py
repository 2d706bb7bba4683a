"""A min-cost flow whose answer is the same to the byte wherever and in whatever order it is asked.

Costs are multiplied and a hash of the arc is added below them: of several optima the same one is found. The hashes of
all units together stay below one point of true cost, so the optimum of the sum is an optimum of the true cost.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from scoring.policy_rows import spread_hash

LARGEST = 2**62  # the solver multiplies costs by the number of nodes and works in 64 bits
LARGEST_SHIFT = 26
HASH_BITS = 32


@dataclass
class Flow:
    """Arcs as they are added. ``tie`` is what the arc is hashed by; an empty one adds nothing."""

    tails: list[int] = field(default_factory=list)
    heads: list[int] = field(default_factory=list)
    capacities: list[int] = field(default_factory=list)
    costs: list[int] = field(default_factory=list)
    ties: list[tuple[str, ...]] = field(default_factory=list)

    def add(self, tail: int, head: int, capacity: int, cost: int, *tie: str) -> int:
        """Add an arc and return its number. Costs are whole points, zero or more."""
        self.tails.append(tail)
        self.heads.append(head)
        self.capacities.append(capacity)
        self.costs.append(cost)
        self.ties.append(tie)
        return len(self.tails) - 1

    def solve(self, supplies: Sequence[int]) -> tuple[NDArray[np.int64], int]:
        """The flow on every arc and its true cost. ``supplies`` by node; at most one hashed arc on every path.

        Raises OverflowError when the costs are too large for the solver, RuntimeError when there is no solution.
        """
        from ortools.graph.python import min_cost_flow  # type: ignore[import-untyped]

        costs = np.array(self.costs, dtype=np.int64)
        units = sum(supply for supply in supplies if supply > 0)
        shift = _shift(int(costs.max(initial=0)), len(supplies))
        bits = shift - units.bit_length()
        if bits < 0:
            raise OverflowError(f"{units} units with costs up to {costs.max(initial=0)} are too many for one solution")
        hashes = np.fromiter((_hash(tie, bits) for tie in self.ties), dtype=np.int64, count=len(self.ties))
        solver = min_cost_flow.SimpleMinCostFlow()
        solver.add_arcs_with_capacity_and_unit_cost(
            np.array(self.tails, dtype=np.int32),
            np.array(self.heads, dtype=np.int32),
            np.array(self.capacities, dtype=np.int64),
            (costs << shift) + hashes,
        )
        solver.set_nodes_supplies(np.arange(len(supplies), dtype=np.int32), np.array(supplies, dtype=np.int64))
        status = solver.solve()
        if status != solver.OPTIMAL:
            raise RuntimeError(f"the assignment has no optimum: {status}")
        flows = solver.flows(np.arange(len(self.tails), dtype=np.int32)).astype(np.int64)
        return flows, int((flows * costs).sum())


def _shift(largest_cost: int, nodes: int) -> int:
    shift = LARGEST_SHIFT
    while shift and ((largest_cost + 1) << shift) * (nodes + 1) >= LARGEST:
        shift -= 1
    return shift


def _hash(tie: tuple[str, ...], bits: int) -> int:
    return spread_hash(*tie) >> (HASH_BITS - bits) if tie else 0
