"""What a list looks like when a person opens it in a spreadsheet."""

import csv
import io
from datetime import date
from decimal import Decimal

import pytest

from include.jobs.deliver_lists import ORDERS, cell, export_columns, label
from include.warehouse.data_sets import load_data_sets

FORMULAS = [
    "=1+1",
    "+1+1",
    "-1+1",
    "@SUM(A1)",
    "|calc",
    "%0A=1+1",
    "\t=1+1",
    "\r=1+1",
    "\n=1+1",
    " =1+1",
    "\u3000=1+1",
    "\u00a0=1+1",
    "\u200b=1+1",
    "\ufeff=1+1",
    "＝1+1",
    "＋1+1",
    "－1+1",
    "＠SUM(A1)",
    "％0A",
    "｜calc",
    "'=1+1",
]


@pytest.mark.parametrize("formula", FORMULAS)
def test_text_that_a_spreadsheet_would_run_is_text_in_the_file(formula: str) -> None:
    assert cell(formula) == f"'{formula}"


@pytest.mark.parametrize("formula", FORMULAS)
def test_taking_away_the_apostrophe_gives_the_value_back(formula: str) -> None:
    out = io.StringIO(newline="")
    csv.writer(out, lineterminator="\r\n").writerow([cell(formula)])
    ((read,),) = csv.reader(io.StringIO(out.getvalue(), newline=""))
    assert read.removeprefix("'") == formula if read[0] == "'" else read == formula


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (Decimal("-12.50"), "-12.50"),
        (Decimal("9999999999999999.99"), "9999999999999999.99"),
        (-3, "-3"),
        (date(2026, 3, 10), "2026-03-10"),
        (True, "true"),
        (None, ""),
        ("", ""),
        ("0012345678901234567", "0012345678901234567"),
        ("110101199003077715X", "110101199003077715X"),
        ("自2026-03-05应还款起逾期", "自2026-03-05应还款起逾期"),
        ("paid 50 % of it = half", "paid 50 % of it = half"),
    ],
)
def test_numbers_dates_ids_and_plain_text_are_as_they_are(value: object, text: str) -> None:
    assert cell(value) == text


def test_a_kind_of_value_that_nobody_thought_of_is_refused() -> None:
    with pytest.raises(TypeError, match="float"):
        cell(1.5)


@pytest.mark.parametrize("name", ORDERS)
def test_every_column_of_a_list_has_a_chinese_label(name: str) -> None:
    data_set = load_data_sets()[name]
    labels = [label(data_set, column) for column in export_columns(data_set)]
    assert all(any("\u4e00" <= letter <= "\u9fff" for letter in one) for one in labels), labels
    assert len(set(labels)) == len(labels)
