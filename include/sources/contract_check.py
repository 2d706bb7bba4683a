"""Contracts looked at before anything is delivered: all that is wrong with them at once, and files tried on them."""

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pyarrow as pa

from include.errors import DeliveryError
from include.landing.check import check
from include.landing.chunk import WELL_FORMED, Chunk
from include.landing.contract import (
    SYSTEM_FILE,
    Contract,
    System,
    contract_files,
    contract_of,
    contracts_of,
    load_systems,
    system_of,
)
from include.landing.contract_source import Files, ObjectStorage, missing_part
from include.settings import CONTRACTS_DIR
from include.sources.manifests import claim
from include.sources.measure import Trial, tried


@dataclass
class Found:
    """``lines``: what there is, to be read. ``problems``: what has to be repaired, each with its file."""

    lines: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)


def check_contracts(own: Path | None) -> Found:
    """Look at every contract, ours with those in ``own`` over them, and go on after the first mistake."""
    found = Found()
    systems: dict[str, System] = {}
    for (name, _), path in sorted(contract_files(CONTRACTS_DIR, own, is_system=True).items()):
        try:
            systems[name] = system_of(path, CONTRACTS_DIR / name / SYSTEM_FILE)
        except DeliveryError as error:
            found.problems.append(error.what)
    tables: dict[str, list[tuple[Contract, bool]]] = {name: [] for name in systems}
    for (name, table), path in sorted(contract_files(CONTRACTS_DIR, own, is_system=False).items()):
        try:
            contract = contract_of(path, CONTRACTS_DIR / name / f"{table}.yml")
        except DeliveryError as error:
            found.problems.append(error.what)
            continue
        if name not in systems:
            found.problems.append(f"{path}: there is no readable {SYSTEM_FILE} beside it")
            continue
        if missing := missing_part(systems[name].source, contract.source, contract.delivery):
            found.problems.append(f"{path}: its system's source is {systems[name].source.kind}, so it needs {missing}")
        found.problems += [f"{path}: {problem}" for problem in _bad_constants(contract)]
        tables[name].append((contract, own is not None and path.is_relative_to(own)))
    found.lines += [_line(systems[name], contracts) for name, contracts in sorted(tables.items())]
    return found


def try_file(system: str, path: Path, encoding: str | None, table: str | None) -> tuple[str, Trial]:
    """The table of a file and what its contract says of it."""
    contracts = contracts_of(system)
    if table is None:
        table = next(iter(claim([path.name], contracts)))
    elif table not in contracts:
        raise DeliveryError(f"{system} has no table {table}; there are {', '.join(contracts)}")
    source = load_systems()[system].source
    default = source.encoding if isinstance(source, Files | ObjectStorage) else "utf-8"
    return table, tried(path, contracts[table], encoding or default)


def _bad_constants(contract: Contract) -> list[str]:
    """Constants that every row would be refused for."""
    filled = [column for column in contract.columns if column.constant is not None]
    columns = {column.name: pa.array([column.constant], pa.string()) for column in contract.columns}
    chunk = Chunk(columns, np.ones(1, np.int64), np.full(1, WELL_FORMED, np.int8))
    problems = []
    for column in filled:
        alone = contract.model_copy(update={"columns": (column,), "rules": (), "control_column": None})
        checked = check(chunk, alone)
        problems += [f"the constant of {column.name}: {problem.text}" for problem in checked.problems]
    return problems


def _line(system: System, contracts: list[tuple[Contract, bool]]) -> str:
    if system.cadence == "none":
        return f"{system.system}: the lender has none"
    stated = ", ".join(f"{contract.table}{' (yours)' if is_own else ''}" for contract, is_own in contracts)
    need = "required" if system.required else "optional"
    connection = None if isinstance(system.source, Files) else system.source.connection
    place = f"{system.source.kind}{f' ({connection})' if connection else ''}"
    return f"{system.system}: {system.cadence}, {need}, from {place}: {stated or 'no table'}"
