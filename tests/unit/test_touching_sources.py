"""Whom a row touches is said once, in its contract; the SQL of the touched set must say the same."""

import re
from typing import Literal

import pytest

from include.landing.contract import load_contracts
from include.settings import DBT_PROJECT_DIR

MACROS = (DBT_PROJECT_DIR / "macros" / "touching_sources.sql").read_text(encoding="utf-8")
STAGING = DBT_PROJECT_DIR / "models" / "staging"


@pytest.mark.parametrize(("macro", "subject"), [("loan_sources", "loan"), ("borrower_sources", "borrower")])
def test_every_table_that_touches_somebody_is_in_the_touched_set(
    macro: str, subject: Literal["loan", "borrower"]
) -> None:
    body = re.search(rf"macro {macro}\(\).*?return\(\[(.*?)\]\)", MACROS, re.S)
    assert body is not None
    listed = re.findall(r'"(\w+)"', body[1])
    assert sorted(listed) == sorted(contract.raw_name for contract in load_contracts() if contract.touches == subject)


def test_every_table_has_one_staging_model() -> None:
    """A table that nobody stages is delivered, checked, kept, and read by nobody."""
    sql = "".join(path.read_text(encoding="utf-8") for path in sorted(STAGING.glob("*.sql")))
    staged = re.findall(r"source\('(\w+)', '(\w+)'\)", sql)
    assert sorted(staged) == sorted((contract.system, contract.raw_name) for contract in load_contracts())


def test_staging_is_a_plain_select_that_the_planner_can_merge() -> None:
    """With a ``with`` inside, every run would read every row of every source, however few loans are touched."""
    for path in sorted(STAGING.glob("*.sql")):
        words = [line.split()[0] for line in path.read_text(encoding="utf-8").splitlines() if line[:1].isalpha()]
        assert words[0] == "select", path.name
        assert "with" not in words, path.name
