"""The contract files: the only place that states a source's columns.

From a contract come the strict checks, the raw table's DDL, the meaning of a delivery (delta or full) and the columns
whose change makes a row a new one. Ours are ``include/contracts/<system>/<table>.yml``, and ``system.yml`` for the
system; over them lie a lender's own, in ``POSTLOAN_CONTRACTS_DIR``.

A lender's file stands in for ours of the same name. What it does not say (descriptions, keys, allowed codes, rules) it
takes from ours; each of our columns it has to name, because models read them all.
"""

from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from include.errors import DeliveryError
from include.landing.contract_column import Column
from include.landing.contract_source import missing_part
from include.landing.contract_table import Contract, Derived, Rule, System, Vanished, When
from include.settings import CONTRACTS_DIR, PROJECT_DIR, load_settings

__all__ = [
    "Column",
    "Contract",
    "Derived",
    "Rule",
    "System",
    "Vanished",
    "When",
    "contract_path",
    "contracts_of",
    "load_contracts",
    "load_systems",
]

SYSTEM_FILE = "system.yml"
# what the models and the raw tables rely on: a lender's contract says the same or nothing
FIXED = ("system", "table", "key", "unit", "unit_constant", "unit_order", "touches", "derived", "known_date_column")
FIXED_OF_COLUMN = ("type", "personal_data")
Model = TypeVar("Model", bound=BaseModel)


def load_contracts(folder: Path | None = None) -> tuple[Contract, ...]:
    """Every contract of this installation, or only those below ``folder``, ordered by system and table.

    Raises DeliveryError naming a bad file.
    """
    return _contracts(CONTRACTS_DIR, load_settings().contracts_dir) if folder is None else _contracts(folder, None)


def load_systems(folder: Path | None = None) -> dict[str, System]:
    """Every system by name. Raises DeliveryError naming a bad file."""
    return _systems(CONTRACTS_DIR, load_settings().contracts_dir) if folder is None else _systems(folder, None)


def contracts_of(system: str) -> dict[str, Contract]:
    """The contracts of one system by table. Raises DeliveryError when there is no such system."""
    if system not in load_systems():
        known = ", ".join(load_systems())
        raise DeliveryError(f"no contract names a system {system!r}; there are: {known}")
    return {contract.table: contract for contract in load_contracts() if contract.system == system}


def contract_path(system: str, table: str) -> Path:
    """The file that states a contract: the lender's where there is one, else ours, as seen from the project."""
    own = load_settings().contracts_dir
    if own is not None and (own / system / f"{table}.yml").is_file():
        return own / system / f"{table}.yml"
    return (CONTRACTS_DIR / system / f"{table}.yml").relative_to(PROJECT_DIR)


@lru_cache
def _contracts(ours: Path, own: Path | None) -> tuple[Contract, ...]:
    systems = _systems(ours, own)
    contracts = []
    for (system, table), path in sorted(contract_files(ours, own, is_system=False).items()):
        contract = contract_of(path, ours / system / f"{table}.yml")
        if system not in systems:
            raise DeliveryError(f"{path}: there is no {path.parent / SYSTEM_FILE}, which says when the system delivers")
        if missing := missing_part(systems[system].source, contract.source, contract.delivery):
            kind = systems[system].source.kind
            raise DeliveryError(f"{path}: a table of a system whose source is {kind} needs {missing}")
        contracts.append(contract)
    return tuple(contracts)


@lru_cache
def _systems(ours: Path, own: Path | None) -> dict[str, System]:
    systems = {}
    for (name, _), path in sorted(contract_files(ours, own, is_system=True).items()):
        systems[name] = system_of(path, ours / name / SYSTEM_FILE)
    return systems


def contract_files(ours: Path, own: Path | None, *, is_system: bool) -> dict[tuple[str, str], Path]:
    """The file of each system and name, a lender's before ours. Raises DeliveryError when his folder is not there."""
    if own is not None and not own.is_dir():
        raise DeliveryError(f"POSTLOAN_CONTRACTS_DIR: there is no directory {own}", next_command=f"ls -l {own.parent}")
    found = {}
    for folder in filter(None, (ours, own)):
        for path in folder.glob("*/*.yml"):
            if (path.name == SYSTEM_FILE) == is_system:
                found[path.parent.name, path.stem] = path
    return found


def system_of(path: Path, ours: Path) -> System:
    """The system at ``path``, over ours where that is another file. Raises DeliveryError naming what is wrong."""
    stated = _read(path)
    system = _validated(path, System, stated if path == ours or not ours.is_file() else {**_read(ours), **stated})
    if system.system != path.parent.name:
        raise DeliveryError(f"{path} states system {system.system}: the folder must be named so")
    return system


def contract_of(path: Path, ours: Path) -> Contract:
    """The contract at ``path``, over ours where that is another file. Raises DeliveryError for all that is missing."""
    stated = _read(path)
    if path != ours and ours.is_file():
        base = _read(ours)
        if problems := overlay_problems(base, stated):
            raise DeliveryError(f"contract {path} cannot stand in for {ours.name} of ours: {'; '.join(problems)}")
        stated = overlaid(base, stated)
    contract = _validated(path, Contract, stated)
    if (contract.system, contract.table) != (path.parent.name, path.stem):
        raise DeliveryError(f"{path} states {contract.system}.{contract.table}: folder and file must be named so")
    return contract


def overlay_problems(base: Mapping[str, Any], stated: Mapping[str, Any]) -> list[str]:
    """Everything in a lender's contract that the models could not live with; ours is ``base``."""
    problems = [
        f"{name} is {stated[name]}, ours says {base.get(name)}"
        for name in FIXED
        if name in stated and stated[name] != base.get(name)
    ]
    own = {column.get("name"): column for column in stated.get("columns") or () if isinstance(column, dict)}
    missing = [column["name"] for column in base["columns"] if column["name"] not in own]
    if missing:
        problems.append(
            f"the columns {', '.join(missing)} are missing; one that the source lacks is stated with `absent: true` "
            "or `constant:`"
        )
    for column in base["columns"]:
        other = own.get(column["name"], {})
        problems += [
            f"column {column['name']}: {name} is {other[name]}, ours says {column.get(name)}"
            for name in FIXED_OF_COLUMN
            if name in other and other[name] != column.get(name)
        ]
        if other.get("nullable") and not column.get("nullable"):
            problems.append(f"column {column['name']} may not be empty")
        if unknown := sorted(set(other.get("one_of") or ()) - set(column.get("one_of") or other.get("one_of") or ())):
            problems.append(f"column {column['name']}: no model knows {', '.join(unknown)}; use `codes`")
    return problems


def overlaid(base: Mapping[str, Any], stated: Mapping[str, Any]) -> dict[str, Any]:
    """Ours with what the lender says put over it. Columns keep our order: it is part of every row's hash."""
    own = {column["name"]: column for column in stated["columns"]}
    columns = [{**column, **own.pop(column["name"])} for column in base["columns"]]
    rules = {rule["name"]: rule for rule in base.get("rules", ())}
    added = [rule for rule in stated.get("rules", ()) if rule["name"] not in rules]
    merged = {**base, **stated, "columns": [*columns, *own.values()], "rules": [*rules.values(), *added]}
    if merged["delivery"] == "delta" and "vanished" not in stated:
        merged.pop("vanished", None)
    return merged


def _read(path: Path) -> dict[str, Any]:
    try:
        stated = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise DeliveryError(f"contract {path} cannot be read: {error}") from error
    if not isinstance(stated, dict):
        raise DeliveryError(f"contract {path} states nothing")
    return stated


def _validated(path: Path, model: type[Model], stated: dict[str, Any]) -> Model:
    try:
        return model.model_validate(stated)
    except ValidationError as error:
        problems = "; ".join(_in_words(dict(problem), stated) for problem in error.errors(include_url=False))
        raise DeliveryError(f"contract {path} cannot be used: {problems}") from error


def _in_words(problem: Mapping[str, Any], stated: Mapping[str, Any]) -> str:
    """One complaint of pydantic: where, with columns by their names, and what; a value is never repeated."""
    place = [str(part) for part in problem["loc"]]
    if len(place) > 1 and place[0] == "columns" and place[1].isdigit():
        place[1] = str(stated["columns"][int(place[1])].get("name", place[1]))
    where = ".".join(part for part in place if not part.startswith("function-"))
    hint = " (YAML reads 01, 1.0, Y and NO as numbers and truths: put quotes around them)" if "codes" in place else ""
    return f"{where}: {problem['msg']}{hint}" if where else str(problem["msg"])
