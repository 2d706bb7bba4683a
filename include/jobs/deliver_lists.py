"""The lists as files for people: exact, in a fixed order, and harmless when a spreadsheet opens them.

CSV is UTF-8 with a byte order mark: Excel on a Chinese Windows reads a file without one as GBK. One header row, Chinese
label and column name in each cell, so that sorting and filtering work. Text that a spreadsheet would take for a formula
gets a leading apostrophe (and so does text that begins with one: taking one away gives the value back). Numbers, dates
and ids are as they are: whoever opens ids with leading zeros in a spreadsheet imports that column as text.
"""

import csv
import io
import unicodedata
from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from typing import Any
from urllib.parse import quote

import psycopg

from include.jobs.deliver_formats import as_parquet, as_workbook
from include.warehouse.data_sets import DataSet, load_data_sets
from include.warehouse.fold import ONE_RUN, fold_sql
from include.warehouse.runs import Run

BYTE_ORDER_MARK = "\ufeff"
SEVERITY_RANK = "array_position(array['RED_CRITICAL', 'RED', 'ORANGE', 'YELLOW'], {})"
TIER_RANK = "array_position(array['CRITICAL', 'HIGH', 'MEDIUM', 'LOW'], {})"
LANE_RANK = "array_position(array['HARDSHIP', 'EARLY', 'SELF_CURE', 'COLLECTIONS', 'LEGAL'], {})"
# by lane, so that late loans do not bury early warnings; inside it worst first, then by priority; ids in code-point
# order, whatever the server's collation
ORDERS = {
    "warning_list": (
        f"{LANE_RANK.format('lane_code')}, {SEVERITY_RANK.format('severity')}, priority_points desc nulls last,"
        ' loan_id collate "C"'
    ),
    "warning_cleared": f'{SEVERITY_RANK.format("last_severity")}, loan_id collate "C"',
    "work_item": "lane_owner, work_rank",
    # a page an officer: the most at risk first, then what waits longest
    "revisit_assignment": (
        f'officer_id collate "C" nulls last, {TIER_RANK.format("risk_tier")}, due_date, borrower_id collate "C"'
    ),
}
# of columns whose description in the contract has no Chinese label
LABELS = {
    "business_date": "业务日期",
    "run_id": "运行编号",
    "days_past_due": "逾期天数",
    "days_on_list": "在列天数",
    "reason_text_en": "英文原因",
    "change_text_en": "英文变化说明",
}
FORMULA_STARTS = "=+-@|%"


def list_files(connection: psycopg.Connection, name: str, run: Run) -> tuple[dict[str, bytes], int]:
    """The rows that the run wrote to a list, as CSV, workbook and Parquet. Returns (content by file name, rows)."""
    data_set = load_data_sets()[name]
    columns = export_columns(data_set)
    query = f"select {', '.join(columns)} from ({fold_sql(data_set, ONE_RUN)}) as shown order by {ORDERS[name]}"
    cursor = connection.execute(query, {"run_id": run.run_id})
    rows = cursor.fetchall()
    headers = [f"{label(data_set, column)} {column}" for column in columns]
    files = {
        f"{name}.csv": as_csv(headers, rows),
        f"{name}.xlsx": as_workbook(name, headers, rows, run.business_date),
        f"{name}.parquet": as_parquet(cursor.description or [], rows),
    }
    return files, len(rows)


def officer_files(connection: psycopg.Connection, run: Run) -> dict[str, bytes]:
    """What each officer works on the work date: ``officers/<officer>.csv``, the most pressing first."""
    data_set = load_data_sets()["work_item"]
    columns = export_columns(data_set)
    headers = [f"{label(data_set, column)} {column}" for column in columns]
    cursor = connection.execute(
        f"select officer_id, {', '.join(columns)} from ({fold_sql(data_set, ONE_RUN)}) as shown "
        f'where officer_id is not null order by officer_id collate "C", {SEVERITY_RANK.format("severity")} nulls last, '
        f'{TIER_RANK.format("risk_tier")}, respond_by_date nulls last, borrower_id collate "C"',
        {"run_id": run.run_id},
    )
    of_officer: dict[str, list[Sequence[Any]]] = {}
    for officer_id, *row in cursor:
        of_officer.setdefault(officer_id, []).append(row)
    return {
        f"officers/{quote(officer_id, safe='')}.csv": as_csv(headers, rows) for officer_id, rows in of_officer.items()
    }


def as_csv(headers: Sequence[str], rows: Sequence[Sequence[Any]]) -> bytes:
    """The rows as comma-separated text that Excel opens as what it is."""
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(headers)
    writer.writerows([[cell(value) for value in row] for row in rows])
    return (BYTE_ORDER_MARK + out.getvalue()).encode()


def export_columns(data_set: DataSet) -> list[str]:
    """The stored columns in the order of the contract, then the clocks."""
    return [*data_set.column_names, *data_set.serving_columns]


def label(data_set: DataSet, column: str) -> str:
    """The Chinese label of a column: behind the bar of its description, up to the first semicolon."""
    description = next((one.description for one in data_set.columns if one.name == column), "")
    _, _, chinese = description.partition(" | ")
    return chinese.partition(";")[0].strip() or LABELS[column]


def cell(value: Any) -> str:
    """One value as text. Only text can carry a formula; numbers, dates and truth values are written by us."""
    match value:
        case None:
            return ""
        case bool():
            return "true" if value else "false"
        case int() | Decimal() | date():
            return str(value)
        case str():
            return f"'{value}" if _is_dangerous(value) else value
    raise TypeError(f"no text form for {type(value).__name__} in a list")


def _is_dangerous(text: str) -> bool:
    """Whether a spreadsheet might run it: full-width forms count as their plain ones, leading blanks do not protect."""
    if not text:
        return False
    if text[0] == "'" or _is_blank(text[0]):
        return True
    return unicodedata.normalize("NFKC", text[0])[:1] in FORMULA_STARTS


def _is_blank(letter: str) -> bool:
    """White space, control and invisible characters, such as a zero-width space."""
    return letter.isspace() or unicodedata.category(letter) in {"Cc", "Cf", "Zs", "Zl", "Zp"}
