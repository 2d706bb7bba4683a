"""Rows of any contract from the few values that a test is about; the rest is filled in with something harmless."""

from collections.abc import Mapping, Sequence
from datetime import date
from functools import lru_cache
from pathlib import Path
from typing import Any

import pandas as pd

from include.landing.contract import Column, Contract, load_contracts
from include.landing.delivery_writer import write_delivery

Row = dict[str, str | None]
# what the pattern of a column asks for
PLAIN = {
    "currency": "CNY", "timezone": "Asia/Shanghai", "full_name": "王小明", "id_number": "11010519900307123X",
    "account_number": "6222020200112233445", "region_code": "110108", "source_licence": "LICENCE-1",
}  # fmt: skip
BY_TYPE = {"text": "X", "integer": "1", "boolean": "false"}


@lru_cache
def contract_of(table: str) -> Contract:
    (contract,) = [contract for contract in load_contracts() if contract.table == table]
    return contract


def delivered(table: str, **values: Any) -> Row:
    """A row of ``table``. A date that is not given is an error: nothing here happens by itself."""
    contract = contract_of(table)
    unknown = set(values) - {column.name for column in contract.columns}
    assert not unknown, f"{table} has no column {sorted(unknown)}"
    return {
        column.name: _text(values[column.name] if column.name in values else _harmless(column))
        for column in contract.columns
    }


def deliver(landing: Path, day: date, tables: Mapping[str, Sequence[Row]], **kind: Any) -> None:
    """One delivery a system with these rows; what a system has to deliver and has no rows comes empty."""
    systems: dict[str, dict[str, pd.DataFrame]] = {contract_of(table).system: {} for table in tables}
    for contract in load_contracts():
        if contract.table in tables or (contract.system in systems and contract.required):
            columns = [column.name for column in contract.columns]
            rows = list(tables.get(contract.table, []))
            systems[contract.system][contract.table] = pd.DataFrame(rows, columns=columns, dtype=object)
    for system, frames in systems.items():
        write_delivery(landing, system, day, frames, **kind)


def _harmless(column: Column) -> str | None:
    if column.name in PLAIN:
        return PLAIN[column.name]
    if column.nullable:
        return None
    if column.one_of:
        return column.one_of[0]
    if column.is_decimal:
        return "0.000000" if column.precision_and_scale[1] == 6 else "0.00"
    assert column.type in BY_TYPE, f"{column.name} has to be given"
    return BY_TYPE[column.type]


def _text(value: Any) -> str | None:
    if isinstance(value, bool):
        return str(value).lower()
    return None if value is None else str(value)
