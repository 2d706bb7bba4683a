"""Chance without a state: each number is a hash of the seed, the loan, what it is for and a counter.

So a loan's life is the same whether 20 or a million loans are made, in whatever order and for whatever dates.
"""

import hashlib
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Ids = NDArray[np.uint64]
Uniform = NDArray[np.float64]
Days = NDArray[np.int64]  # days since 1970-01-01
Cents = NDArray[np.int64]

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_FIRST = np.uint64(0xBF58476D1CE4E5B9)
_SECOND = np.uint64(0x94D049BB133111EB)


def _mix(value: Ids) -> Ids:
    """The finaliser of splitmix64: every input bit moves every output bit. Overflow is meant."""
    value = (value ^ (value >> np.uint64(30))) * _FIRST
    value = (value ^ (value >> np.uint64(27))) * _SECOND
    return value ^ (value >> np.uint64(31))


class Chance:
    """The dice of one bank: ``Chance(seed).uniform(ids, "term")`` is a number in [0, 1) for each id."""

    def __init__(self, seed: int | str) -> None:
        self.seed = seed

    def again(self, label: str) -> "Chance":
        """Other dice for the same loans, as a second schedule needs."""
        return Chance(f"{self.seed}/{label}")

    def uniform(self, ids: Ids, purpose: str, counters: int | None = None) -> Uniform:
        """One number per id, or with ``counters`` a row of so many: shape (ids,) or (ids, counters)."""
        digest = hashlib.sha256(f"{self.seed}:{purpose}".encode()).digest()
        key = np.uint64(int.from_bytes(digest[:8], "little"))
        mixed = _mix(_mix(ids * _GOLDEN + key) + key)
        if counters is not None:
            steps = (np.arange(counters, dtype=np.uint64) + np.uint64(1)) * _GOLDEN
            mixed = _mix(mixed[:, None] ^ steps[None, :])
        return (mixed >> np.uint64(11)).astype(np.float64) * 2.0**-53

    def whole(self, ids: Ids, purpose: str, low: int, high: int, counters: int | None = None) -> NDArray[np.int64]:
        """Whole numbers from low to high, both included."""
        return low + (self.uniform(ids, purpose, counters) * (high - low + 1)).astype(np.int64)


def pick(uniform: Uniform, weights: Sequence[float]) -> NDArray[np.int64]:
    """The index that each uniform number falls on, by weight. The weights need not sum to one."""
    edges = np.cumsum(np.asarray(weights, dtype=np.float64))
    return np.minimum(np.searchsorted(edges / edges[-1], uniform, side="right"), len(weights) - 1)
