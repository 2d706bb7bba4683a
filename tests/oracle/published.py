"""What the warehouse published, in the oracle's words, so that the two can be compared loan by loan."""

import csv
from collections.abc import Mapping
from dataclasses import fields
from datetime import date
from decimal import Decimal
from pathlib import Path

from include.settings import DBT_PROJECT_DIR, Settings
from include.warehouse.connection import connect
from tests.oracle.position import Position

COLUMNS = [field.name for field in fields(Position)]


def past_due_tolerance() -> dict[str, Decimal]:
    """The policy's tolerance by currency: a number that people choose, so the oracle takes it from the same file."""
    path = Path(DBT_PROJECT_DIR) / "seeds" / "policy" / "past_due_tolerance.csv"
    rows = list(csv.DictReader(path.read_text(encoding="utf-8").splitlines()))
    assert all(row["valid_to"] == "" for row in rows), "the oracle knows one tolerance per currency"
    return {row["currency"]: Decimal(row["tolerance_amount"]) for row in rows}


def published_positions(settings: Settings, business_date: date) -> dict[str, Position]:
    """``serving.loan_position_as_of(business_date)`` as a reader sees it, by loan_id."""
    names = ", ".join(COLUMNS)
    with connect(settings, role="reader", application_name="postloan:test") as connection:
        rows = connection.execute(
            f"select loan_id, {names} from serving.loan_position_as_of(%s)", (business_date,)
        ).fetchall()
    return {loan_id: Position(*values) for loan_id, *values in rows}


def differences(expected: Mapping[str, Position], published: Mapping[str, Position]) -> list[str]:
    """One line for each loan on which the two do not agree, naming the columns: ``name: oracle | warehouse``."""
    lines = [f"{loan_id}: only the oracle has it" for loan_id in sorted(expected.keys() - published.keys())]
    lines += [f"{loan_id}: only the warehouse has it" for loan_id in sorted(published.keys() - expected.keys())]
    for loan_id in sorted(expected.keys() & published.keys()):
        mine, theirs = expected[loan_id], published[loan_id]
        if mine != theirs:
            apart = [name for name in COLUMNS if getattr(mine, name) != getattr(theirs, name)]
            lines.append(
                f"{loan_id}: " + "; ".join(f"{name}: {getattr(mine, name)} | {getattr(theirs, name)}" for name in apart)
            )
    return lines
