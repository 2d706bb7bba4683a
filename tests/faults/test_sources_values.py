"""Every contract against every value that real files went wrong with: kept exactly or refused by its reason.

Rows F5, F6 and F7 of the catalogue of faults, for each column of each contract of this project.
"""

from decimal import Decimal

import pytest

from include.landing.contract import Column, Contract, load_contracts
from tests.support.good_rows import good_row
from tests.support.landing_checks import checked_rows

CONTRACTS = load_contracts()
NAMES = [f"{contract.system}.{contract.table}" for contract in CONTRACTS]
NO_DECIMALS = ["１２", " 5 ", "1,234.50", "1e3", "NaN", "Infinity", "-Infinity", "N/A", "+5", "5.", ".5", "0x10", "5\n"]
NO_INTEGERS = ["１２", " 5 ", "1,234", "1e3", "NaN", "N/A", "12.0", "007", "2147483648", "+5", "-", "true"]
NO_DATES = {
    "2026-02-30": "no_such_date",
    "2023-02-29": "no_such_date",
    "2026-13-01": "no_such_date",
    "1899-12-31": "date_out_of_range",
    "2999-01-01": "date_out_of_range",
    "01/02/2026": "not_an_iso_date",
    "26-01-05": "not_an_iso_date",
    "2026-1-5": "not_an_iso_date",
    "20260105": "not_an_iso_date",
    "2026-01-05T00:00:00+08:00": "not_an_iso_date",
    "2026-01-05 ": "not_an_iso_date",
    "２０２６-01-05": "not_an_iso_date",
    "N/A": "not_an_iso_date",
    "46027": "not_an_iso_date",
}
NO_TIMESTAMPS = {
    "2026-01-05T10:00:00": "not_an_iso_timestamp",
    "2026-01-05 10:00:00+08:00": "not_an_iso_timestamp",
    "2026-01-05": "not_an_iso_timestamp",
    "2026-01-05T10:00:00 CST": "not_an_iso_timestamp",
    "2026-02-30T10:00:00+08:00": "no_such_date",
    "2026-01-05T25:00:00+08:00": "no_such_date",
    "2999-01-01T00:00:00Z": "date_out_of_range",
    "1767578400": "not_an_iso_timestamp",
}
NO_BOOLEANS = ["True", "TRUE", "1", "0", "Y", "是", " true", "t"]
NO_TEXTS = {
    " 0007": "surrounding_blanks",
    "0007　": "surrounding_blanks",
    "00\x0007": "control_character",
    "x" * 201: "too_long",
}


def bad_values(column: Column) -> dict[str, str]:
    """Values that the column must refuse, and for what."""
    if column.is_decimal:
        precision, scale = column.precision_and_scale
        too_long = ["9" * (precision - scale + 1), "1." + "1" * (scale + 1), "1." + "0" * (scale + 1)]
        return dict.fromkeys([*NO_DECIMALS, *too_long], "not_an_exact_decimal")
    if column.type == "integer":
        return dict.fromkeys(NO_INTEGERS, "not_an_integer")
    if column.type == "boolean":
        return dict.fromkeys(NO_BOOLEANS, "not_a_boolean")
    if column.one_of is not None:
        return dict.fromkeys(["nothing of ours", column.one_of[0].lower(), f" {column.one_of[0]}"], "unknown_code")
    return {"date": NO_DATES, "timestamp": NO_TIMESTAMPS, "text": NO_TEXTS}[column.type]


@pytest.mark.parametrize("contract", CONTRACTS, ids=NAMES)
def test_a_full_row_of_the_contract_is_good(contract: Contract) -> None:
    checked = checked_rows(contract, [good_row(contract)])
    assert [problem.text for problem in checked.problems] == []


@pytest.mark.parametrize("contract", CONTRACTS, ids=NAMES)
def test_no_bad_value_of_any_column_is_rounded_trimmed_or_guessed(contract: Contract) -> None:
    cases = [
        (column.name, value, reason) for column in contract.columns for value, reason in bad_values(column).items()
    ]
    row = good_row(contract)
    checked = checked_rows(contract, [{**row, name: value} for name, value, _ in cases])
    found = [checked.problems[number - 1] if number else None for number in checked.problem]
    missed = [
        (name, value, reason, problem and (problem.code, problem.column))
        for (name, value, reason), problem in zip(cases, found, strict=True)
        if problem is None or (problem.code, problem.column) != (reason, name)
    ]
    assert missed == []


@pytest.mark.parametrize("contract", CONTRACTS, ids=NAMES)
def test_an_empty_value_is_refused_where_a_value_is_required_and_nowhere_else(contract: Contract) -> None:
    row = good_row(contract)
    checked = checked_rows(contract, [{**row, column.name: None} for column in contract.columns])
    reasons = [checked.problems[number - 1].code if number else None for number in checked.problem]
    needed = {name for rule in contract.rules for name in rule.require}
    for column, reason in zip(contract.columns, reasons, strict=True):
        if not column.nullable:
            assert reason == "not_stated", column.name
        elif column.name not in needed:
            assert reason is None, column.name


@pytest.mark.parametrize("contract", CONTRACTS, ids=NAMES)
def test_ids_keep_their_zeros_their_x_and_all_their_digits(contract: Contract) -> None:
    ids = ["0007", "11010519491231002X", "6222021234567890123", "贷-001", "㐀𠀀", "6.22202E+18"]
    plain = [
        column.name
        for column in contract.columns
        if column.type == "text" and column.one_of is None and column.pattern is None
    ]
    rows = [{**good_row(contract), name: value} for name in plain for value in ids]
    checked = checked_rows(contract, rows)
    assert checked.is_good.all()
    for number, (name, value) in enumerate((name, value) for name in plain for value in ids):
        assert checked.values[name][number].as_py() == value


@pytest.mark.parametrize("contract", CONTRACTS, ids=NAMES)
def test_amounts_are_kept_to_the_last_digit_that_their_type_has(contract: Contract) -> None:
    for column in contract.columns:
        if not column.is_decimal or column.below is not None:
            continue
        precision, scale = column.precision_and_scale
        exact = f"{'9' * (precision - scale)}.{'9' * scale}"
        sign = "-" if good_row(contract)[column.name].startswith("-") else ""
        checked = checked_rows(contract, [{**good_row(contract), column.name: f"{sign}{exact}"}])
        assert checked.is_good.all(), column.name
        assert checked.values[column.name][0].as_py() == Decimal(f"{sign}{exact}")


@pytest.mark.parametrize("contract", CONTRACTS, ids=NAMES)
def test_minus_zero_is_zero_or_out_of_bounds_and_29_february_a_day(contract: Contract) -> None:
    row = good_row(contract)
    for column in contract.columns:
        if column.is_decimal:
            checked = checked_rows(contract, [{**row, column.name: "-0." + "0" * column.precision_and_scale[1]}])
            if checked.is_good.all():
                assert checked.canonical[column.name][0].as_py() == "0." + "0" * column.precision_and_scale[1]
            else:
                assert checked.problems[0].code in {"out_of_bounds", "rule_broken"}
        if column.type == "date":
            assert checked_rows(contract, [{**row, column.name: "2024-02-29"}]).is_good.all()


@pytest.mark.parametrize("contract", CONTRACTS, ids=NAMES)
def test_one_moment_written_with_several_offsets_is_one_moment(contract: Contract) -> None:
    same = ["2026-01-05T10:00:00+08:00", "2026-01-05T02:00:00Z", "2026-01-04T21:00:00-05:00", "2026-01-05T02:00:00.0Z"]
    for column in contract.columns:
        if column.type == "timestamp":
            checked = checked_rows(contract, [{**good_row(contract), column.name: text} for text in same])
            assert checked.is_good.all()
            assert len(set(checked.canonical[column.name].to_pylist())) == 1
