"""A row that each contract accepts, made from the contract alone: new contracts are tried without writing one."""

import re

from include.landing.contract import Column, Contract, Rule
from tests.support.landing_checks import Row

# texts of the forms that contracts ask for; the first that fits is taken
OF_A_FORM = (
    "CNY",
    "Asia/Shanghai",
    "11010519491231002X",
    "13800138000",
    "6222021234567890123",
    "zh-CN",
    "5411",
    "PHONE;FIELD",
)
BY_TYPE = {
    "integer": "2000",
    "date": "2026-01-05",
    "timestamp": "2026-01-05T10:00:00+08:00",
    "boolean": "false",
}


def good_value(column: Column, contract: Contract) -> str:
    """A value of the column that breaks no rule of the contract."""
    if column.one_of is not None:
        return column.one_of[0]
    if column.pattern is not None:
        return next(text for text in OF_A_FORM if re.fullmatch(column.pattern, text))
    if column.is_decimal:
        amount = "0.50" if column.below is not None and column.below <= 1 else "12.34"
        return (
            f"-{amount}" if any(rule.column == column.name and rule.below == 0 for rule in _met(contract)) else amount
        )
    return BY_TYPE.get(column.type, "0007")


def good_row(contract: Contract) -> Row:
    """Every column filled."""
    return {column.name: good_value(column, contract) for column in contract.columns}


def _met(contract: Contract) -> list[Rule]:
    """The rules that a row of first codes meets."""
    met = []
    for rule in contract.rules:
        if rule.when is None:
            met.append(rule)
            continue
        first = (contract.column(rule.when.column).one_of or ("",))[0]
        is_listed = first in (rule.when.in_ or rule.when.not_in or ())
        if is_listed == (rule.when.in_ is not None):
            met.append(rule)
    return met


def good_rows(contract: Contract, count: int, first: int = 1) -> list[Row]:
    """So many rows with keys of their own."""
    rows = []
    for number in range(first, first + count):
        row = good_row(contract)
        for name in contract.key:
            column = contract.column(name)
            if column.type == "integer":
                row[name] = str(number)
            elif column.type == "text" and column.one_of is None and column.pattern is None:
                row[name] = f"{name[:1].upper()}{number:04d}"
        rows.append(row)
    return rows
