"""Cases of the lists in plain words (tests/cases/lists), told as a lender's deliveries of several days.

``given`` is known today, ``then`` comes with the delivery of a later day, ``stops`` are what the borrower asked for,
``done`` what people did about the warning. A
case's loan is that of tests/support/signal_story.py. On two days the bank's account feed is silent.
"""

from collections.abc import Mapping
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import yaml

from tests.support.delivered_rows import Row, deliver, delivered
from tests.support.signal_story import TODAY, rows_of, told, when

CASES_DIR = Path(__file__).resolve().parents[1] / "cases" / "lists"
DAYS = {"today": 0, "tomorrow": 1, "day after": 2, "in 3 days": 3, "in a week": 7, "in 9 days": 9}
SILENT = {"accounts": (2, 3)}
# one table of each system, so that it delivers although nothing happened
ALWAYS = {
    "accounts": "account_transaction", "bureau": "bureau_report", "contact_center": "contact_event",
    "customer": "income_employment_refresh", "documents": "use_of_proceeds_evidence",
    "public_records": "litigation_record", "payments": "repayment_transaction",
}  # fmt: skip
ROLES = ("CALL", "COLLECTIONS", "FIELD")


def load_cases() -> list[dict[str, Any]]:
    cases: list[dict[str, Any]] = []
    for path in sorted(CASES_DIR.glob("*.yml")):
        for case in yaml.safe_load(path.read_text(encoding="utf-8")):
            cases.append({"file": path.stem, "given": {}, **case, "number": len(cases) + 1})
    return cases


def write_days(landing: Path, cases: list[dict[str, Any]]) -> None:
    """A delivery a system and day, with what happened to every case by then."""
    contracts: dict[str, Row] = {}  # these two are delivered whole every day
    people: list[Row] = []
    for name, number in DAYS.items():
        day = TODAY + timedelta(days=number)
        tables: dict[str, list[Row]] = {"officer": [], "officer_capacity": []}
        for system, table in ALWAYS.items():
            if number not in SILENT.get(system, ()):
                tables.setdefault(table, [])
        for case in cases:
            for table, rows in _of_day(case, name, contracts).items():
                tables.setdefault(table, []).extend(rows)
        tables["loan_contract"] = list(contracts.values())
        people += tables.pop("borrower", [])
        tables["borrower"] = people
        _team(tables, day, is_first=number == 0)
        deliver(landing, day, tables)


def stops(cases: list[dict[str, Any]]) -> list[tuple[str, str, datetime]]:
    """(borrower, stop code, when it was said and written down) of every case: at nine in the evening of its day."""
    return [
        (f"B{case['number']:03d}", code, datetime.combine(TODAY + timedelta(days=DAYS[day]), time(21), _ZONE))
        for case in cases
        for day, code in case.get("stops", {}).items()
    ]


def actions(cases: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """What people did about a case's warning, at ten in the morning of its day: rows of ``ops.alert_action``."""
    return [
        {"loan_id": f"L{case['number']:03d}", "until_date": None, "disposition_code": None}
        | {name: when(value) for name, value in action.items()}
        | {"at": datetime.combine(TODAY + timedelta(days=DAYS[day]), time(10), _ZONE)}
        for case in cases
        for day, action in case.get("done", {}).items()
    ]


_ZONE = ZoneInfo("Asia/Shanghai")


def _of_day(case: Mapping[str, Any], day: str, contracts: dict[str, Row]) -> dict[str, list[Row]]:
    told_rows: dict[str, list[Row]] = {}
    if day == "today":
        told_rows = told(case)
        if "second_loan" in case:
            for table, rows in told({**case, "loan": case["second_loan"], "given": {}}, suffix="-second").items():
                told_rows.setdefault(table, []).extend(rows)
        for row in told_rows.pop("loan_contract"):
            contracts[str(row["loan_id"])] = row
    happened = dict(case.get("then", {}).get(day, {}))
    for name, value in happened.pop("loan", {}).items():
        contracts[f"L{case['number']:03d}"] = contracts[f"L{case['number']:03d}"] | {name: str(when(value))}
    for table, rows in rows_of(case, happened, of_day=f"d{DAYS[day]}").items():
        told_rows.setdefault(table, []).extend(rows)
    return told_rows


def _team(tables: dict[str, list[Row]], day: date, *, is_first: bool) -> None:
    """Somebody of every role, with a long day planned for the next fortnight."""
    tables["officer"] = [
        delivered("officer", officer_id=f"U{number}", employed_since_date=TODAY - timedelta(days=900), role_code=role,
                  branch_code="X", is_active=True, region_code=None, skill_codes=None, language_codes=None,
                  borrower_id=None)
        for number, role in enumerate(ROLES)
    ]  # fmt: skip
    if is_first:
        tables["officer_capacity"] = [
            delivered("officer_capacity", officer_id=f"U{number}", work_date=day + timedelta(days=ahead),
                      planned_date=day, max_call_count=200, max_field_visit_count=20)
            for number in range(len(ROLES)) for ahead in range(1, 15)
        ]  # fmt: skip
