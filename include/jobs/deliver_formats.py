"""A list as a workbook and as Parquet: the rows of its CSV file, for whoever filters and for whoever computes.

The workbook's cells are text, numbers and dates and never formulas, whatever a text looks like; amounts are numbers, of
which a spreadsheet holds 15 digits. Parquet has the exact types of the contract. The same rows give the same bytes.
"""

import io
from collections.abc import Sequence
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any

import psycopg
import pyarrow as pa
import pyarrow.parquet
import xlsxwriter

ROWS_OF_A_SHEET = 1_000_000  # a sheet holds 1,048,576, the header included
WIDEST = 60
MIDNIGHT = time(tzinfo=UTC)
DATE_FORMAT, AMOUNT_FORMAT = "yyyy-mm-dd", "#,##0.00"


def as_workbook(name: str, headers: Sequence[str], rows: Sequence[Sequence[Any]], business_date: date) -> bytes:
    """An .xlsx file: a header that stays in sight, a filter, and as many sheets as the rows need."""
    out = io.BytesIO()
    book = xlsxwriter.Workbook(out, {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False,
                                     "strings_to_numbers": False})  # fmt: skip
    # no clock in a file: otherwise a second delivery would have other bytes
    book.set_properties({"title": f"{name} {business_date}", "created": datetime.combine(business_date, MIDNIGHT)})
    head = book.add_format({"bold": True, "text_wrap": True, "valign": "top"})
    styles = {
        date: book.add_format({"num_format": DATE_FORMAT}),
        Decimal: book.add_format({"num_format": AMOUNT_FORMAT}),
    }
    for number in range(max(1, -(-len(rows) // ROWS_OF_A_SHEET))):
        part = rows[number * ROWS_OF_A_SHEET : (number + 1) * ROWS_OF_A_SHEET]
        sheet = book.add_worksheet(name[:28] + (f" {number + 1}" if number else ""))
        sheet.freeze_panes(1, 0)
        sheet.autofilter(0, 0, max(1, len(part)), len(headers) - 1)
        for column, header in enumerate(headers):
            sheet.set_column(column, column, _width(header, [row[column] for row in part[:200]]))
            sheet.write_string(0, column, header, head)
        for line, row in enumerate(part, start=1):
            for column, value in enumerate(row):
                _write(sheet, line, column, value, styles)
    book.close()
    return out.getvalue()


def as_parquet(columns: Sequence[psycopg.Column], rows: Sequence[Sequence[Any]]) -> bytes:
    """A Parquet file of the types that the server states; ``columns``: a cursor's description."""
    schema = pa.schema([(column.name, _arrow_type(column)) for column in columns])
    arrays = [pa.array([row[number] for row in rows], type=field.type) for number, field in enumerate(schema)]
    out = io.BytesIO()
    pa.parquet.write_table(pa.Table.from_arrays(arrays, schema=schema), out, compression="zstd")
    return out.getvalue()


def _write(sheet: Any, line: int, column: int, value: Any, styles: dict[type, Any]) -> None:
    match value:
        case None:
            return
        case bool():
            sheet.write_boolean(line, column, value)
        case int():
            sheet.write_number(line, column, value)
        case Decimal():
            sheet.write_number(line, column, float(value), styles[Decimal])
        case datetime():
            sheet.write_string(line, column, value.isoformat(sep=" "))
        case date():
            sheet.write_datetime(line, column, value, styles[date])
        case str():
            sheet.write_string(line, column, value)
        case _:
            raise TypeError(f"no cell for {type(value).__name__} in a list")


def _width(header: str, values: Sequence[Any]) -> int:
    """Chinese letters are twice as wide as Latin ones."""
    texts = [*header.split(" "), *(str(value) for value in values if value is not None)]
    return min(WIDEST, 2 + max(sum(2 if letter > "\u2e7f" else 1 for letter in text) for text in texts))


PLAIN_TYPES = {
    "text": pa.string(),
    "int4": pa.int32(),
    "int8": pa.int64(),
    "bool": pa.bool_(),
    "date": pa.date32(),
    "timestamptz": pa.timestamp("us", "UTC"),
}


def _arrow_type(column: psycopg.Column) -> pa.DataType:
    known = psycopg.adapters.types.get(column.type_code)
    name = known.name if known else str(column.type_code)
    if name in PLAIN_TYPES:
        return PLAIN_TYPES[name]
    if name == "numeric" and column.precision is not None:
        return pa.decimal128(column.precision, column.scale or 0)
    raise TypeError(f"no Parquet type for {column.name}, which is {name}")
