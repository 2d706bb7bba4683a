"""What can only be seen with several rows in view: doubled keys, units that do not hold together, running sums."""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from include.landing.check import Checked
from include.landing.chunk import Chunk
from include.landing.contract import Contract
from include.landing.copy_rows import unscaled

JOIN = "\x1f"
# numeric(18,2) in cents; sums are compared as floats first, because int64 would wrap
LARGEST_CENTS = 10.0**18


def group_texts(chunk: Chunk, names: Sequence[str]) -> pa.Array:
    """The columns of a key as one text a row; null where a part cannot be read."""
    if len(names) == 1:
        return chunk.columns[names[0]]
    return pc.binary_join_element_wise(*(chunk.columns[name] for name in names), JOIN)


def process_hashes(texts: pa.Array) -> tuple[np.ndarray, np.ndarray]:
    """``(codes, hashes)``: a code a row (-1: null) and 64 bits for each code, comparable inside this process only."""
    encoded = texts.dictionary_encode()
    codes = encoded.indices.fill_null(-1).to_numpy()
    distinct = encoded.dictionary.to_pylist()
    return codes, np.fromiter(map(hash, distinct), np.int64, len(distinct))


def doubled_keys(checked: Checked, hashes: np.ndarray, contract: Contract) -> np.ndarray:
    """The mask of exact duplicates: all but the first of rows that say the same. Rows that differ are all refused."""
    codes, distinct = process_hashes(group_texts(checked.chunk, contract.key))
    counts = np.bincount(codes[codes >= 0], minlength=len(distinct))
    is_duplicate = np.zeros(len(codes), bool)
    rows = np.flatnonzero((codes >= 0) & (counts[codes] > 1)) if len(counts) else np.zeros(0, np.int64)
    if len(rows) == 0:
        return is_duplicate
    rows = rows[np.lexsort((checked.chunk.line_no[rows], codes[rows]))]
    group = codes[rows]
    first = np.flatnonzero(np.concatenate([[True], group[1:] != group[:-1]]))
    first_of = np.repeat(first, np.diff(np.append(first, len(rows))))
    is_good = checked.is_good
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


def whole_units(checked: Checked, contract: Contract) -> None:
    """Refuse units whose rows contradict each other, and the rest of each unit of which a row was refused."""
    codes, distinct = process_hashes(group_texts(checked.chunk, contract.unit))
    known = codes >= 0
    for name in contract.unit_constant:
        values = checked.chunk.columns[name].dictionary_encode().indices.fill_null(-1).to_numpy()
        least = np.full(len(distinct), np.iinfo(np.int32).max)
        most = np.full(len(distinct), -2)
        rows = known & checked.is_good
        np.minimum.at(least, codes[rows], values[rows])
        np.maximum.at(most, codes[rows], values[rows])
        differs = (least < most)[codes] & known if len(distinct) else known
        checked.refuse(differs, "unit_inconsistent", name, name)
    refused = np.zeros(len(distinct), bool)
    refused[codes[known & ~checked.is_good]] = True
    if refused.any():
        checked.refuse(refused[codes] & known, "unit_incomplete", None, ", ".join(contract.unit))


def running_sums(checked: Checked, rows: np.ndarray, contract: Contract) -> dict[str, np.ndarray]:
    """Cents, for every row of the chunk (0 outside of the mask ``rows``), by the name of the derived column.

    Refuses the units whose sum does not fit numeric(18,2).
    """
    sums = {}
    codes, _ = process_hashes(group_texts(checked.chunk, contract.unit))
    positions = np.flatnonzero(rows)
    order = [_whole(checked.values[name])[positions] for name in reversed(contract.unit_order)]
    positions = positions[np.lexsort((*order, codes[positions]))]
    group = codes[positions]
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
