"""The data sets of the day, read from the dbt contracts of the marts: the only place that states published columns."""

import re
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Literal

import yaml

from include.errors import PostloanError
from include.settings import DBT_PROJECT_DIR

MARTS_DIR = DBT_PROJECT_DIR / "models" / "marts"
Fold = Literal["touched_loan", "touched_borrower", "complete", "none"]
# names enter SQL text: nothing else is admitted
NAME = re.compile(r"[a-z_][a-z0-9_]{0,62}")
TOUCH_KEY = {"touched_loan": "loan_id", "touched_borrower": "borrower_id"}


@dataclass(frozen=True)
class Column:
    name: str
    data_type: str
    description: str
    is_required: bool


@dataclass(frozen=True)
class DataSet:
    """One published table and how readers see it.

    ``fold``: ``touched_loan`` and ``touched_borrower`` are keyframes plus deltas, folded along the base chain;
    ``complete`` is written whole every day; ``none`` describes the run itself.
    ``serving_columns``: clocks that views compute from anchors, as SQL over the row and ``as_of_date``.
    """

    name: str
    description: str
    columns: tuple[Column, ...]
    key: tuple[str, ...]
    fold: Fold
    is_partitioned: bool
    serving_columns: dict[str, str]
    is_model: bool = True  # written by dbt; otherwise by decide

    @property
    def column_names(self) -> list[str]:
        return [column.name for column in self.columns]

    @property
    def value_columns(self) -> list[str]:
        """The columns whose values must not depend on which run computed the row."""
        return [name for name in self.column_names if name not in ("business_date", "run_id")]


@lru_cache
def load_data_sets(marts_dir: Path = MARTS_DIR) -> dict[str, DataSet]:
    """All data sets by name, in the order of their names."""
    found = {}
    for path in sorted(marts_dir.glob("*.yml")):
        document = yaml.safe_load(path.read_text(encoding="utf-8"))
        sources = [table for source in document.get("sources", []) for table in source["tables"]]
        for entry in document.get("models", []):
            found[entry["name"]] = _data_set(entry, is_model=True)
        for entry in sources:
            found[entry["name"]] = _data_set(entry, is_model=False)
    return dict(sorted(found.items()))


def _data_set(entry: dict, *, is_model: bool) -> DataSet:
    meta = entry["config"]["meta"]
    for name in (entry["name"], *(column["name"] for column in entry["columns"]), *meta.get("serving_columns", {})):
        if not NAME.fullmatch(name):
            raise PostloanError(f"data set {entry['name']}: {name!r} is not a plain lower-case name")
    return DataSet(
        name=entry["name"],
        description=entry["description"],
        columns=tuple(
            Column(
                name=column["name"],
                data_type=column["data_type"],
                description=column["description"],
                is_required=any(rule["type"] == "not_null" for rule in column.get("constraints", [])),
            )
            for column in entry["columns"]
        ),
        key=tuple(meta["key"]),
        fold=meta["fold"],
        is_partitioned=meta["partitioned"],
        serving_columns=meta.get("serving_columns", {}),
        is_model=is_model,
    )
