"""From the columns of the source to those of the contract: names, codes, forms of dates, constants, absent columns.

Still text to text, before any check. What a mapping does not know is left as it was delivered and marked, so that the
checks refuse it: nothing is guessed.
"""

import re
from functools import lru_cache

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from include.landing.chunk import Chunk
from include.landing.contract_column import DATE_PARTS, FORMAT_PART, Column, format_parts
from include.landing.contract_table import Contract


def canonical(chunk: Chunk, contract: Contract) -> Chunk:
    """The chunk, whose columns are those of the source, with the columns of the contract."""
    if not contract.is_mapped:
        return chunk
    columns: dict[str, pa.Array] = {}
    unmapped: dict[str, np.ndarray] = {}
    for column in contract.columns:
        if not column.is_delivered:
            columns[column.name] = pa.repeat(pa.scalar(column.constant, pa.string()), len(chunk))
            continue
        text = chunk.columns[column.delivered_as]
        columns[column.name], known = _mapped(column, text)
        if known is not None:
            is_unknown = pc.and_(pc.is_valid(text), pc.invert(known)).to_numpy(zero_copy_only=False)
            if is_unknown.any():
                unmapped[column.name] = is_unknown
    return Chunk(columns, chunk.line_no, chunk.malformed, unmapped)


def _mapped(column: Column, text: pa.Array) -> tuple[pa.Array, pa.Array | None]:
    """The column's values in our form, and where the mapping knew the delivered one; None: there is no mapping."""
    if column.codes is not None:
        index = pc.index_in(text, pa.array(column.codes, pa.string()))
        ours = pa.array(column.codes.values(), pa.string()).take(index)
        return pc.coalesce(ours, text), pc.is_valid(index)
    if column.date_format is not None:
        pattern, replacement = _iso_rewriting(column.date_format, column.utc_offset)
        encoded = text.dictionary_encode()  # a file holds few different dates
        iso = pc.replace_substring_regex(encoded.dictionary, pattern, replacement)
        known = pc.match_substring_regex(encoded.dictionary, pattern)
        return iso.take(encoded.indices), pc.fill_null(known.take(encoded.indices), False)
    if column.hundredths:
        return _divided_by_hundred(text), None
    return text, None


def _divided_by_hundred(text: pa.Array) -> pa.Array:
    """Plain decimals with their point two places to the left, no digit lost; whatever else stands there stays."""
    padded = pc.replace_substring_regex(text, r"^(-?)([0-9]+(?:\.[0-9]+)?)$", r"\100\2")
    moved = pc.replace_substring_regex(padded, r"^(-?[0-9]+)([0-9]{2})(?:\.([0-9]+))?$", r"\1.\2\3")
    without_zeros = pc.replace_substring_regex(moved, r"^(-?)0+([0-9])", r"\1\2")
    return pc.replace_substring_regex(without_zeros, r"^(-?[0-9]+\.[0-9]{2}[0-9]*?)0+$", r"\1")


@lru_cache
def _iso_rewriting(date_format: str, utc_offset: str | None) -> tuple[str, str]:
    """A pattern of the whole text and what to put in its place, with RE2's back references."""
    pattern = "".join(
        f"([0-9]{{{DATE_PARTS[part[0]]}}})" if part[0] in DATE_PARTS else re.escape(part[0])
        for part in FORMAT_PART.finditer(date_format)
    )
    at = {part: f"\\{number}" for number, part in enumerate(format_parts(date_format), start=1)}
    replacement = f"{at['YYYY']}-{at['MM']}-{at['DD']}"
    if utc_offset is not None:
        replacement += f"T{at['hh']}:{at['mm']}:{at['ss']}{utc_offset}"
    return f"^{pattern}$", replacement
