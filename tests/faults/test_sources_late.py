"""A source that comes days late (fault D3): what was published stands, what comes after it is what it would have been.

Two warehouses of the same sample bank: one in which everything came on its day, one in which everything that a day does
not wait for came late. All systems at once, so that no two of them can make up for each other.
"""

from datetime import date, timedelta

import pytest

from include.jobs.restate import restate
from include.sample_bank.bank import SampleBank
from include.sample_bank.behaviours import STRESSED
from include.sample_bank.systems import EVERYTHING, SPINE
from include.settings import Settings
from include.warehouse.connection import connect
from include.warehouse.data_sets import load_data_sets
from tests.conftest import TestServer
from tests.support.days import compute, land_all

HISTORY_TO = date(2026, 1, 4)
LATE_ON = date(2026, 1, 5)
LATE = tuple(sorted(set(EVERYTHING) - set(SPINE)))
# what a run says of itself, and what people have worked from: a restated date carries it over
CHAINED = ("touched_", "warning_cleared", "revisit_assignment", "contact_suppression", "work_item")
# what a list remembers of the day before differs where the day before knew less
REMEMBERED = ", ".join(
    f"'{column}'"
    for column in (
        "run_id", "business_date", "change", "change_text_zh", "change_text_en", "listed_since_date", "days_on_list",
        "previous_severity", "respond_by_date", "is_work_today", "priority_points", "priority_urgency_factor",
        "raised_since_date", "opened_date", "opened_days_past_due", "opened_severity", "last_opened_date",
    )
)  # fmt: skip


def shown(settings: Settings, day: date) -> dict[str, list[str]]:
    """Every row of every data set that readers see as of a date, without the run that wrote it."""
    with connect(settings, role="postloan_auditor") as connection:
        return {
            name: [
                row
                for (row,) in connection.execute(
                    f"select (to_jsonb(shown) - array[{REMEMBERED}])::text from serving.{name}_as_of(%s) as shown "
                    "order by 1",
                    (day,),
                )
            ]
            for name in load_data_sets()
            if not name.startswith(CHAINED)
        }


def differing(one: dict[str, list[str]], other: dict[str, list[str]]) -> dict[str, int]:
    return {name: len(set(one[name]) ^ set(other[name])) for name in one if one[name] != other[name]}


@pytest.mark.parametrize("days_late", [1, 8])
def test_a_source_that_comes_late_leaves_no_trace_but_the_dates_it_missed(
    server: TestServer, template_warehouse: str, tmp_path_factory: pytest.TempPathFactory, days_late: int
) -> None:
    bank = SampleBank(31, 250, HISTORY_TO - timedelta(days=120), window_days=200, mix=STRESSED, systems=EVERYTHING)
    after = LATE_ON + timedelta(days=days_late)
    days = [LATE_ON + timedelta(days=number) for number in range(days_late + 1)]
    warehouses = {}
    for name in ("punctual", "late"):
        server.create_database(f"{name}_{days_late}", template=template_warehouse)
        settings = server.settings_for(f"{name}_{days_late}", tmp_path_factory.mktemp(name))
        warehouses[name] = settings
        bank.write_history(settings.landing, HISTORY_TO)
        land_all(HISTORY_TO, settings)
        compute(HISTORY_TO, settings, audited=False)
        for day in days:
            bank.write_day(settings.landing, day, systems=EVERYTHING if name == "punctual" else SPINE)
            if name == "late" and day == after:
                for missed in days:
                    bank.write_day(settings.landing, missed, systems=LATE)
            land_all(day, settings)
            if day in (LATE_ON, after):
                compute(day, settings, audited=day == after)
    punctual, late = warehouses["punctual"], warehouses["late"]

    assert differing(shown(late, after), shown(punctual, after)) == {}
    without = shown(late, LATE_ON)
    assert differing(without, shown(punctual, LATE_ON)), "the date that missed its sources must have been another"

    found = restate([LATE_ON], late, reason="the sources came late")[LATE_ON.isoformat()]
    assert differing(shown(late, LATE_ON), shown(punctual, LATE_ON)) == {}
    assert {name for name in found if name != "run_id"} >= set(differing(without, shown(punctual, LATE_ON))) - {
        "kpi_fund_use_daily"
    }
    with connect(late, role="postloan_owner") as connection:
        versions = connection.execute(
            "select count(*), count(*) filter (where is_sealed) from ops.run where business_date = %s", (LATE_ON,)
        ).fetchone()
    assert versions == (2, 2), "the version that was shown first is kept beside the new one"
