"""Frames as the bytes of a delivered file: csv, json lines or parquet, exact to the cent, the same bytes every time."""

import io
import json
from decimal import Decimal
from functools import lru_cache
from typing import TypeAlias

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet

from include.errors import DeliveryError
from include.landing.contract import load_contracts

Frame: TypeAlias = pd.DataFrame | pa.Table

EXACT_AMOUNT = r"^-?[0-9]{1,16}(\.[0-9]{1,2})?$"
AMOUNT = pa.decimal128(18, 2)


def encode_rows(rows: pa.Table, file_format: str, encoding: str = "utf-8") -> bytes:
    """The bytes of one file. Parquet carries its own encoding; ``encoding`` then has no effect."""
    if file_format == "parquet":
        buffer = io.BytesIO()
        pa.parquet.write_table(rows, buffer, compression="snappy")
        return buffer.getvalue()
    text = _csv(rows) if file_format == "csv" else _json_lines(rows)
    return text if encoding == "utf-8" else text.decode("utf-8").encode(encoding)


def exact_table(frame: Frame, table: str) -> pa.Table:
    """Text, integers, booleans, dates and decimals only; amounts as decimal(18,2). Raises DeliveryError otherwise."""
    try:
        rows = pa.Table.from_pandas(frame, preserve_index=False) if isinstance(frame, pd.DataFrame) else frame
        columns = [_exact_column(name, rows.column(name)) for name in rows.column_names]
    except pa.ArrowInvalid as error:
        raise DeliveryError(f"a frame of {table} holds values that cannot be written exactly: {error}") from error
    return pa.table(columns, names=rows.column_names)


def control_total(rows: pa.Table, table: str) -> str:
    """The sum that the manifest states, as text with two decimals; 0.00 where the column is absent."""
    name = _control_columns().get(table)
    if name is None or name not in rows.column_names:
        return "0.00"
    column = rows.column(name)
    if pa.types.is_string(column.type):
        column = column.filter(pc.fill_null(pc.match_substring_regex(column, EXACT_AMOUNT), False))
        return str(sum((Decimal(value.as_py()) for value in column), Decimal("0.00")))
    return str(pc.sum(column.cast(pa.decimal128(38, 2))).as_py() or Decimal("0.00"))


@lru_cache
def _control_columns() -> dict[str, str | None]:
    return {contract.table: contract.control_column for contract in load_contracts()}


def _exact_column(name: str, column: pa.ChunkedArray) -> pa.ChunkedArray:
    kind = column.type
    if pa.types.is_dictionary(kind):
        column, kind = column.cast(kind.value_type), kind.value_type
    if pa.types.is_floating(kind):
        raise DeliveryError(f"column {name} is {kind}: money and counts are exact (Decimal, int, Int64 or text)")
    if pa.types.is_timestamp(kind) and kind.tz is not None:
        return pc.strftime(column.cast(pa.timestamp("us", "UTC")), "%Y-%m-%dT%H:%M:%SZ")
    if pa.types.is_timestamp(kind):
        return column.cast(pa.date32())
    if pa.types.is_null(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind):
        return column.cast(pa.string())
    is_amount = name == "amount" or name.endswith("_amount")
    if is_amount and (pa.types.is_decimal(kind) or pa.types.is_integer(kind)):
        return column.cast(pa.decimal128(38, 2)).cast(AMOUNT)
    return column


def as_text(rows: pa.Table) -> pa.Table:
    """Everything as text, except integers and booleans, which both formats write without quotes."""

    def written(column: pa.ChunkedArray) -> pa.ChunkedArray:
        plain = pa.types.is_boolean(column.type) or pa.types.is_integer(column.type)
        return column if plain else column.cast(pa.string())

    return pa.table([written(column) for column in rows.columns], names=rows.column_names)


def _csv(rows: pa.Table) -> bytes:
    buffer = io.BytesIO()
    buffer.write((",".join(rows.column_names) + "\n").encode())
    # in one piece: pyarrow 26 writes arbitrary memory for a table that begins with an empty chunk (apache/arrow#36889)
    text = as_text(rows).combine_chunks()
    # "needed" quotes every text cell; without a cell that needs it the file is a quarter smaller unquoted
    quoting = "needed" if any(_needs_quotes(column) for column in text.columns) else "none"
    options = pa.csv.WriteOptions(include_header=False, quoting_style=quoting)
    pa.csv.write_csv(text, buffer, write_options=options)
    return buffer.getvalue()


def _needs_quotes(column: pa.ChunkedArray) -> bool:
    """A separator, a quote or a line break inside a cell, or an empty text (which is not the same as null)."""
    if not pa.types.is_string(column.type):
        return False
    return bool(pc.any(pc.match_substring_regex(column, r'^$|[",\r\n]')).as_py())


def _json_lines(rows: pa.Table) -> bytes:
    if rows.num_rows == 0:
        return b""
    members = []
    for name, column in zip(rows.column_names, as_text(rows).columns, strict=True):
        value = _json_text(column) if pa.types.is_string(column.type) else column.cast(pa.string())
        key = json.dumps(name, ensure_ascii=False) + ":"
        members.append(pc.binary_join_element_wise(key, pc.fill_null(value, "null"), ""))
    body = pc.binary_join_element_wise(*members, ",")
    lines = pc.binary_join_element_wise("{", body, "}", "").to_pylist()
    return ("\n".join(lines) + "\n").encode()


def _json_text(column: pa.ChunkedArray) -> pa.ChunkedArray:
    needs_escape = pc.any(pc.match_substring_regex(column, r'[\\"\x00-\x1f]')).as_py()
    if needs_escape:
        escaped = [None if value is None else json.dumps(value, ensure_ascii=False) for value in column.to_pylist()]
        return pa.chunked_array([pa.array(escaped, pa.string())])
    return pc.binary_join_element_wise('"', column, '"', "")
