"""The sample bank's deliveries through the real landing: clean ones without a loss, the scripted winter as scripted."""

from datetime import date
from decimal import Decimal

import pytest

from include.errors import DeliveryError, LateDeliveryError
from include.jobs.land import land
from include.landing.contract import load_contracts
from include.landing.discover import connected_systems
from include.sample_bank.bank import EVERY_STYLE, SYSTEMS, generate
from include.sample_bank.scenario import scenario
from include.sample_bank.systems import EVERYTHING
from include.warehouse.connection import connect


def ledger(settings, columns):
    """Sums over all batches, by table."""
    sums = ", ".join(f"sum({column})" for column in columns)
    with connect(settings, role="postloan_owner", application_name="test") as connection:
        rows = connection.execute(f"select table_name, {sums} from ops.load_batch group by 1 order by 1").fetchall()
    return {row[0]: dict(zip(columns, row[1:], strict=True)) for row in rows}


def test_a_clean_bank_lands_without_losing_or_doubting_a_row(settings):
    dates = generate(settings.landing, 600, date(2025, 12, 28), len(EVERY_STYLE), seed=4, styles=EVERY_STYLE)
    for day in [date(2025, 12, 28), *dates]:
        for system in SYSTEMS:
            result = land(day, system, settings)
            assert result.is_complete and not result.waiting
            assert sum(len(batch.warnings) for batch in result.batches) == 0
            assert sum(batch.rows_quarantined + batch.rows_duplicate for batch in result.batches) == 0
    counts = ledger(settings, ["rows_in", "rows_loaded", "rows_unchanged", "rows_quarantined"])
    assert counts["loan_contract"]["rows_unchanged"] > 5_000
    assert counts["repayment_transaction"]["rows_loaded"] == counts["repayment_transaction"]["rows_in"] > 5_000
    assert counts["repayment_schedule"]["rows_loaded"] == counts["repayment_schedule"]["rows_in"] > 9_000


def test_the_whole_bank_lands_without_losing_or_doubting_a_row_but_unlawful_pulls(settings):
    faults = {date(2026, 1, 6): ["unlawful_pulls", "pulls_after_closing"]}
    dates = generate(settings.landing, 250, date(2026, 1, 4), 2, seed=4, faults=faults, systems=EVERYTHING)
    for day in [date(2026, 1, 4), *dates]:
        for system in connected_systems(settings.landing):
            land(day, system, settings)
    contracts = {contract.table for contract in load_contracts() if contract.system in EVERYTHING}
    parts = ["rows_in", "rows_loaded", "rows_unchanged", "rows_quarantined", "rows_duplicate"]
    counts = ledger(settings, parts)
    assert set(counts) == contracts and all(row["rows_in"] > 0 for row in counts.values())
    for table, row in counts.items():
        incoming, *rest = (row[part] for part in parts)
        assert incoming == sum(rest), table
        assert row["rows_duplicate"] == 0, table
    assert {table for table, row in counts.items() if row["rows_quarantined"]} >= {"bureau_report"}
    with connect(settings, application_name="test") as connection:
        query = "select distinct table_name, reason_code from quarantine.rows"
        reasons = set(connection.execute(query).fetchall())
    assert reasons <= {("bureau_report", "unlawful_inquiry"), ("bureau_tradeline", "unlawful_inquiry")}


def test_every_delivery_of_the_scripted_winter_lands_as_the_script_says(settings):
    quarantined = {}
    for step in scenario(settings.landing):
        step.write()
        if step.expects == "skipped":
            continue
        refused = []
        for system in SYSTEMS:
            try:
                result = land(step.business_date, system, settings)
            except LateDeliveryError:
                refused.append("late")
            except DeliveryError as error:
                assert str(step.business_date) in str(error)
                refused.append("refused")
            else:
                rows = sum(batch.rows_quarantined for batch in result.batches)
                if rows:
                    quarantined[step.title] = rows
        outcome = refused[0] if refused else "published"
        assert outcome == step.expects, f"{step.business_date} {step.title}"
    assert {title.split(";")[0] for title in quarantined} == {
        "poisoned_rows",
        "poisoned_schedule",
        "poisoned_contract",
        "poisoned_amounts",
    }
    sums = ledger(
        settings,
        [
            "control_total_in",
            "control_total_loaded",
            "control_total_unchanged",
            "control_total_quarantined",
            "control_total_duplicate",
        ],
    )
    for table, totals in sums.items():
        incoming, *parts = totals.values()
        assert incoming == sum(parts, Decimal(0)), table


@pytest.mark.parametrize("name", ["half_poisoned", "missing_column", "wrong_encoding", "short_file"])
def test_what_is_refused_leaves_nothing_behind(settings, name):
    (day,) = generate(settings.landing, 3_000, date(2026, 1, 4), 1, seed=4, faults=[name])
    land(date(2026, 1, 4), "core_banking", settings)
    land(date(2026, 1, 4), "payments", settings)
    before = ledger(settings, ["rows_in", "rows_loaded"])
    refused = 0
    for system in SYSTEMS:
        try:
            land(day, system, settings)
        except DeliveryError:
            refused += 1
            assert ledger(settings, ["rows_in", "rows_loaded"]) == before
        before = ledger(settings, ["rows_in", "rows_loaded"])
    assert refused == 1
