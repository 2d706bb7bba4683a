"""Where the money of a draw went, case by case in plain words: tests/cases/fund_use/."""

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from psycopg.rows import dict_row

from include.settings import DBT_PROJECT_DIR
from include.warehouse.connection import connect
from tests.support.days import compute, land_all
from tests.support.fund_use_story import deliver_cases, load_cases, loan_of

TODAY = date(2026, 4, 30)
POLICY = DBT_PROJECT_DIR / "seeds" / "policy" / "fund_use_detector.csv"
CASES = load_cases()
COLUMN = {
    "result": "result_code", "reason": "reason_code", "suspect": "suspect_amount", "traced": "traced_amount",
    "threshold": "threshold_amount", "wanted": "is_evidence_wanted",
}  # fmt: skip


@dataclass
class Published:
    """What readers see: the checks by (loan, draw, detector), and the loans warned about because of them."""

    checks: dict[tuple[str, str, str], dict[str, Any]]
    warned: set[str]


@pytest.fixture(scope="module")
def published(server, template_warehouse: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Published]:
    server.create_database("fund_use", template=template_warehouse)
    settings = server.settings_for("fund_use", tmp_path_factory.mktemp("fund_use"))
    deliver_cases(settings.landing, TODAY, CASES)
    land_all(TODAY, settings)
    compute(TODAY, settings)
    with connect(settings) as connection:
        rows = connection.cursor(row_factory=dict_row).execute("select * from serving.use_of_proceeds_check").fetchall()
        warned = connection.execute(
            "select loan_id from serving.warning_list where signal_codes like '%fund_use_suspect%'"
        ).fetchall()
    yield Published(
        {(row["loan_id"], row["draw_id"].split("-")[1], row["detector_code"]): row for row in rows},
        {loan_id for (loan_id,) in warned},
    )
    server.drop_database("fund_use")


@pytest.mark.parametrize("case", CASES, ids=[f"{case['file']}: {case['case']}" for case in CASES])
def test_the_checks_of_a_draw_say_what_the_case_says(published: Published, case: dict[str, Any]) -> None:
    for draw, detectors in case["expect"].items():
        if detectors == "none":
            assert not [key for key in published.checks if key[:2] == (loan_of(case), draw)]
            continue
        for detector, expected in detectors.items():
            row = published.checks[loan_of(case), draw, detector]
            found = {name: row[COLUMN[name]] for name in expected}
            amounts = {name: Decimal(value) for name, value in expected.items() if name in _AMOUNTS}
            assert found == expected | amounts, f"{draw} {detector}: {row['result_code']} {row['reason_code']}"
    if "warning" in case:
        assert (loan_of(case) in published.warned) == case["warning"]


_AMOUNTS = ("suspect", "traced", "threshold")


def test_a_suspicion_names_the_movements_that_show_it(published: Published) -> None:
    (case,) = [case for case in CASES if "stock exchange" in case["case"]]
    row = published.checks[loan_of(case), "D1", "R2_TWO_HOPS"]
    assert row["largest_movements"] == f"{loan_of(case)}-T03 2026-03-09 480000.00"
    assert (row["movement_count"], row["first_movement_date"]) == (1, date(2026, 3, 9))


def test_every_draw_paid_out_has_one_check_of_every_detector(published: Published) -> None:
    draws = {key[:2] for key in published.checks}
    detectors = {key[2] for key in published.checks}
    assert detectors == {row[0] for row in csv.reader(POLICY.read_text().splitlines()[1:])}
    assert len(published.checks) == len(draws) * len(detectors)


def test_every_result_and_every_detector_is_met_by_a_case(published: Published) -> None:
    named = {
        (detector, expected["result"])
        for case in CASES
        for detectors in case["expect"].values()
        if detectors != "none"
        for detector, expected in detectors.items()
    }
    assert {detector for detector, result in named if result == "SUSPECT"} == {key[2] for key in published.checks}
    assert {result for _, result in named} == {"SUSPECT", "CLEAR", "NOT_OBSERVED", "NOT_APPLICABLE"}
