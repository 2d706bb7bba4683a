"""What can only be seen with several rows in view: doubled keys, units that do not hold together, running sums."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from include.landing.check import Checked
from include.landing.chunk import Chunk
from include.landing.contract import Contract
from include.landing.copy_rows import unscaled
from include.landing.row_hash import row_hashes

JOIN = "\x1f"
# numeric(18,2) in cents; sums are compared as floats first, because int64 would wrap
LARGEST_CENTS = 10.0**18


def group_texts(chunk: Chunk, names: Sequence[str]) -> pa.Array:
    """The columns of a key as one text a row; null where a part cannot be read."""
    if len(names) == 1:
        return chunk.columns[names[0]]
    return pc.binary_join_element_wise(*(chunk.columns[name] for name in names), JOIN)


def process_hashes(texts: pa.Array, *, are_distinct: bool) -> tuple[np.ndarray, np.ndarray]:
    """``(codes, hashes)``: a code a row (-1: null) and 64 bits for each code, comparable inside this process only.

    ``are_distinct``: nearly every text stands once, so it does not pay to look for equal ones first.
    """
    if are_distinct:
        codes = np.where(pc.is_valid(texts).to_numpy(zero_copy_only=False), np.arange(len(texts)), -1)
        distinct = texts.to_pylist()
    else:
        encoded = texts.dictionary_encode()
        codes = encoded.indices.fill_null(-1).to_numpy()
        distinct = encoded.dictionary.to_pylist()
    return codes, np.fromiter(map(hash, distinct), np.int64, len(distinct))


@dataclass(frozen=True)
class Groups:
    """Rows that belong together: a number a row, -1 where the key cannot be read, and how many numbers there are."""

    codes: np.ndarray
    count: int


def groups_of(checked: Checked, names: Sequence[str], within: Groups | None = None) -> Groups:
    """The groups that these columns make, or make inside other groups."""
    codes, count = (within.codes, within.count) if within else (np.zeros(len(checked.chunk), np.int64), 1)
    for name in names:
        column = checked.chunk.columns[name]
        encoded = column.dictionary_encode()
        code = encoded.indices.fill_null(-1).to_numpy().astype(np.int64)
        size = len(encoded.dictionary)
        known = (codes >= 0) & (code >= 0)
        codes = np.where(known, codes * size + code, -1)
        count *= size
        if count > 4 * len(codes) + 1024:  # keep the numbers small enough to count with
            distinct, codes = np.unique(codes, return_inverse=True)
            codes = codes - 1 if len(distinct) and distinct[0] == -1 else codes
            count = int(codes.max(initial=-1)) + 1
    return Groups(codes, count)


def doubled_keys(checked: Checked, keys: Groups, contract: Contract) -> np.ndarray:
    """The mask of exact duplicates: all but the first of rows that say the same. Rows that differ are all refused."""
    codes = keys.codes
    counts = np.bincount(codes[codes >= 0], minlength=keys.count)
    is_duplicate = np.zeros(len(codes), bool)
    if counts.max(initial=0) < 2:
        return is_duplicate
    rows = np.flatnonzero((codes >= 0) & (counts[codes] > 1))
    rows = rows[np.lexsort((checked.chunk.line_no[rows], codes[rows]))]
    group = codes[rows]
    first = np.flatnonzero(np.concatenate([[True], group[1:] != group[:-1]]))
    first_of = np.repeat(first, np.diff(np.append(first, len(rows))))
    is_good = checked.is_good
    hashes = row_hashes(checked.canonical, contract)
    agrees = (hashes[rows] == hashes[rows[first_of]]).all(axis=1) & is_good[rows] & is_good[rows[first_of]]
    group_number = np.cumsum(np.concatenate([[True], group[1:] != group[:-1]])) - 1
    disagreeing = np.bincount(group_number, weights=~agrees) > 0
    in_conflict = disagreeing[group_number]
    conflicting = np.zeros(len(codes), bool)
    conflicting[rows[in_conflict]] = True
    checked.refuse(conflicting, "conflicting_duplicate", None, ", ".join(contract.key))
    is_repeat = np.ones(len(rows), bool)
    is_repeat[first] = False
    is_duplicate[rows[is_repeat & ~in_conflict]] = True
    return is_duplicate


def whole_units(checked: Checked, units: Groups, contract: Contract) -> None:
    """Refuse units whose rows contradict each other, and the rest of each unit of which a row was refused."""
    codes, known = units.codes, units.codes >= 0
    for name in contract.unit_constant:
        values = checked.chunk.columns[name].dictionary_encode().indices.fill_null(-1).to_numpy()
        rows = np.flatnonzero(known & checked.is_good)
        any_of_unit = np.zeros(units.count, values.dtype)
        any_of_unit[codes[rows]] = values[rows]
        differing = rows[values[rows] != any_of_unit[codes[rows]]]
        if len(differing):
            contradicts = np.zeros(units.count, bool)
            contradicts[codes[differing]] = True
            checked.refuse(known & contradicts[codes], "unit_inconsistent", name, name)
    if not checked.is_good.all():
        refused = np.zeros(units.count, bool)
        refused[codes[known & ~checked.is_good]] = True
        checked.refuse(known & refused[codes], "unit_incomplete", None, ", ".join(contract.unit))


def running_sums(checked: Checked, rows: np.ndarray, units: Groups, contract: Contract) -> dict[str, np.ndarray]:
    """Cents, for every row of the chunk (0 outside of the mask ``rows``), by the name of the derived column.

    Refuses the units whose sum does not fit numeric(18,2).
    """
    sums = {}
    positions = np.flatnonzero(rows)
    order = [_whole(checked.values[name])[positions] for name in reversed(contract.unit_order)]
    positions = positions[np.lexsort((*order, units.codes[positions]))]
    group = units.codes[positions]
    starts = np.flatnonzero(np.concatenate([[True], group[1:] != group[:-1]])) if len(group) else np.zeros(0, np.int64)
    sizes = np.diff(np.append(starts, len(group)))
    for derived in contract.derived:
        amounts = np.zeros(len(positions), np.int64)
        size = np.zeros(len(positions))
        for name in derived.running_sum_of:
            cents = unscaled(checked.values[name])[positions]
            amounts += cents
            size += np.abs(cents.astype(np.float64))
        total = np.cumsum(amounts)
        before = np.repeat(total[starts] - amounts[starts], sizes)
        result = np.zeros(len(rows), np.int64)
        result[positions] = total - before
        sums[derived.name] = result
        too_large = np.add.reduceat(size, starts) >= LARGEST_CENTS if len(starts) else np.zeros(0, bool)
        if too_large.any():
            mask = np.zeros(len(rows), bool)
            mask[positions[np.repeat(too_large, sizes)]] = True
            checked.refuse(mask, "out_of_bounds", None, derived.name)
    return sums


def _whole(values: pa.Array) -> np.ndarray:
    return values.cast(pa.int64()).fill_null(0).to_numpy()
