"""A delivery with more bad rows than its contract allows fails as a whole, whatever its system."""

import hashlib
from pathlib import Path

import pandas as pd
import pytest

from include.errors import DeliveryError
from include.landing.contract import Contract, load_contracts
from include.landing.decode import SourceFile
from include.landing.files import state_of
from include.landing.manifest import ManifestFile
from include.landing.passes import Seen, TableFiles, new_seen, run_pass
from include.landing.prepare import Prepared
from tests.support.good_rows import good_rows
from tests.support.landing_checks import Row

ROWS = 1_000


def files_of(contract: Contract, rows: list[Row], folder: Path) -> TableFiles:
    path = folder / f"{contract.table}.csv"
    columns = [column.name for column in contract.columns]
    pd.DataFrame(rows, columns=columns, dtype=object).to_csv(path, index=False, lineterminator="\n")
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    stated = ManifestFile(name=path.name, sha256=digest, row_count=len(rows), control_total="0.00")
    source = SourceFile(path, path.name, "csv", False, "utf-8", 1, state_of(path))
    # totals are not what this is about, nor what the vault would do with personal data
    plain = contract.as_stored.model_copy(update={"control_column": None})
    return TableFiles(plain, [source], [stated])


def judged(contract: Contract, bad: int, folder: Path) -> Seen:
    """A table of which so many rows state no key of their own row's date."""
    rows = good_rows(contract, ROWS)
    for row in rows[:bad]:
        row[contract.known_date_column] = "2026-02-30"
    table = files_of(contract, rows, folder)
    seen = new_seen(table)
    passed: list[Prepared] = list(run_pass(table, seen))
    assert sum(len(one.line_no) for one in passed) == ROWS
    return seen


@pytest.mark.parametrize("contract", load_contracts(), ids=lambda contract: f"{contract.system}.{contract.table}")
def test_as_many_bad_rows_as_the_contract_allows_are_put_aside_and_one_more_fails_the_file(
    contract: Contract, tmp_path: Path
) -> None:
    allowed = max(contract.max_quarantine_rows, int(contract.max_quarantine_share * ROWS))
    assert judged(contract, allowed, tmp_path).own_faults == allowed
    with pytest.raises(DeliveryError, match=f"at most {allowed} may be put in quarantine"):
        judged(contract, allowed + 1, tmp_path)
