"""A list as a workbook and as Parquet: what a person opens and what a program reads are the same rows, exactly."""

import io
import re
import zipfile
from datetime import UTC, date, datetime
from decimal import Decimal
from types import SimpleNamespace

import psycopg
import pyarrow.parquet as parquet
import pytest

from include.jobs import deliver_formats
from include.jobs.deliver_formats import as_parquet, as_workbook

DAY = date(2026, 1, 7)
HEADERS = ["贷款编号 loan_id", "逾期金额 past_due_amount", "逾期天数 days_past_due", "业务日期 business_date"]
ROWS = [("0000000888", Decimal("1234567890123.45"), 3, DAY), ("=cmd|' /C calc'!A0", Decimal("-0.10"), None, DAY)]


def sheet_of(content: bytes, number: int = 1) -> str:
    with zipfile.ZipFile(io.BytesIO(content)) as book:
        return book.read(f"xl/worksheets/sheet{number}.xml").decode()


def test_no_text_of_a_workbook_is_a_formula_or_a_link() -> None:
    content = as_workbook("warning_list", HEADERS, [*ROWS, ("http://example.org", None, 1, DAY)], DAY)
    assert "<f>" not in sheet_of(content)
    assert "hyperlink" not in sheet_of(content)
    with zipfile.ZipFile(io.BytesIO(content)) as book:
        texts = book.read("xl/sharedStrings.xml").decode()
    assert "=cmd|' /C calc'!A0" in texts
    assert "0000000888" in texts, "an id keeps its leading zeros"


def test_amounts_are_numbers_to_the_cent() -> None:
    values = re.findall(r'<c r="B[23]"[^>]*><v>([^<]*)</v>', sheet_of(as_workbook("warning_list", HEADERS, ROWS, DAY)))
    assert [Decimal(value) for value in values] == [Decimal("1234567890123.45"), Decimal("-0.10")]


def test_the_same_rows_give_the_same_bytes() -> None:
    assert as_workbook("a", HEADERS, ROWS, DAY) == as_workbook("a", HEADERS, ROWS, DAY)


def test_a_list_without_rows_is_a_sheet_with_its_header() -> None:
    assert '<dimension ref="A1:D1"/>' in sheet_of(as_workbook("warning_list", HEADERS, [], DAY))


def test_a_list_longer_than_a_sheet_goes_on_in_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deliver_formats, "ROWS_OF_A_SHEET", 2)
    content = as_workbook("warning_list", HEADERS, [*ROWS, ROWS[0]], DAY)
    assert '<dimension ref="A1:D3"/>' in sheet_of(content, 1)
    assert '<dimension ref="A1:D2"/>' in sheet_of(content, 2)


def column(name: str, type_name: str, precision: int | None = None, scale: int | None = None) -> SimpleNamespace:
    return SimpleNamespace(name=name, type_code=psycopg.adapters.types[type_name].oid, precision=precision, scale=scale)


def test_parquet_has_the_exact_types_and_values() -> None:
    columns = [
        column("loan_id", "text"), column("past_due_amount", "numeric", 18, 2), column("days_past_due", "int4"),
        column("business_date", "date"), column("is_live", "bool"), column("from_at", "timestamptz"),
    ]  # fmt: skip
    at = datetime(2026, 1, 7, 9, 30, tzinfo=UTC)
    rows = [(*row, True, at) for row in ROWS]
    table = parquet.read_table(io.BytesIO(as_parquet(columns, rows)))
    assert [str(field.type) for field in table.schema] == [
        "string", "decimal128(18, 2)", "int32", "date32[day]", "bool", "timestamp[us, tz=UTC]",
    ]  # fmt: skip
    assert [tuple(row.values()) for row in table.to_pylist()] == rows


def test_a_type_that_no_list_has_is_refused_by_name() -> None:
    with pytest.raises(TypeError, match="payload, which is jsonb"):
        as_parquet([column("payload", "jsonb")], [])
