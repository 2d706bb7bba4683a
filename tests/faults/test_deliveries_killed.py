"""Landing killed for real, at any point: run again, the warehouse holds the same bytes as if nothing had happened."""

import os
import signal
import subprocess
import sys
import time
from datetime import date
from pathlib import Path

import pytest

from include.jobs.land import land
from include.landing.delivery_writer import write_delivery
from include.settings import PROJECT_DIR, Settings
from tests.support.dump import canonical_dump
from tests.support.landing_rows import instalment, instalments, loan, loans, query

DAYS = [date(2026, 1, 5), date(2026, 1, 6), date(2026, 1, 7)]
CHILD = (
    "import sys; from datetime import date; from include.jobs.land import land; "
    "from include.settings import load_settings; land(date.fromisoformat(sys.argv[1]), 'core_banking', load_settings())"
)


def deliver(settings: Settings) -> None:
    """Three dates with changes, a refused row, a correction, and one date that was late."""
    contracts = [loan(f"L{number}") for number in range(30)]
    changed = [{**row, "branch_code": "020"} if number % 3 else row for number, row in enumerate(contracts)]
    schedules = [instalment(row["loan_id"], part) for row in contracts for part in range(1, 7)]
    bad = [{**row, "due_date": "soon"} if number == 7 else row for number, row in enumerate(schedules)]
    for day, loan_rows, schedule_rows in (
        (DAYS[0], contracts, bad),
        (DAYS[1], changed, schedules[:12]),
        (DAYS[2], contracts, []),
    ):
        tables = {"loan_contract": loans(*loan_rows), "repayment_schedule": instalments(*schedule_rows)}
        write_delivery(settings.landing, "core_banking", day, tables)
    correction = {"repayment_schedule": instalments(*schedules[6:12])}
    write_delivery(
        settings.landing,
        "core_banking",
        DAYS[1],
        correction,
        kind="correction",
        known_date=DAYS[2],
        file_format="jsonl",
    )


def run_child(settings: Settings, fail: str | None = None) -> subprocess.Popen:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("POSTLOAN_")}
    environment |= {
        "POSTLOAN_HOME": str(settings.home),
        "POSTLOAN_WAREHOUSE_URL": settings.warehouse_url.get_secret_value(),
        **({"POSTLOAN_FAIL": fail} if fail else {}),
    }
    return subprocess.Popen([sys.executable, "-c", CHILD, DAYS[-1].isoformat()], cwd=PROJECT_DIR, env=environment)


@pytest.fixture(scope="module")
def calm(server, template_warehouse, tmp_path_factory) -> dict[str, bytes]:
    """What landing leaves when nobody disturbs it."""
    server.create_database("landed_calm", template=template_warehouse)
    settings = server.settings_for("landed_calm", tmp_path_factory.mktemp("calm"))
    deliver(settings)
    land(DAYS[-1], "core_banking", settings)
    dump = canonical_dump(settings)
    server.drop_database("landed_calm")
    assert dump["quarantine.rows"].count(b"\n") == 6
    return dump


@pytest.mark.parametrize("point", ["land:before", "land:mid", "land:after"])
def test_killed_and_run_again_lands_the_same_bytes(point: str, settings: Settings, calm: dict[str, bytes]) -> None:
    deliver(settings)
    assert run_child(settings, point).wait(timeout=120) == -signal.SIGKILL
    landed = query(settings, "select count(*) from ops.load_batch where part = 'delivered'")
    assert landed == [(7,)] if point == "land:after" else [(0,)]
    rows = query(settings, "select count(*) from raw.core_banking__loan_contract")
    assert rows == ([(70,)] if point == "land:after" else [(0,)])
    assert run_child(settings).wait(timeout=120) == 0
    assert canonical_dump(settings) == calm


def test_killed_at_moments_that_nobody_chose_lands_the_same_bytes(settings: Settings, calm: dict[str, bytes]) -> None:
    deliver(settings)
    for milliseconds in (400, 700, 900, 1100):
        child = run_child(settings)
        time.sleep(milliseconds / 1000)
        child.kill()
        child.wait(timeout=60)
    assert run_child(settings).wait(timeout=120) == 0
    assert canonical_dump(settings) == calm


def test_two_landings_of_one_system_at_the_same_moment_land_everything_once(
    settings: Settings, calm: dict[str, bytes]
) -> None:
    deliver(settings)
    children = [run_child(settings) for _ in range(2)]
    assert [child.wait(timeout=120) for child in children] == [0, 0]
    assert canonical_dump(settings) == calm


def test_no_landing_of_a_dead_process_goes_on_in_the_server(settings: Settings) -> None:
    deliver(settings)
    child = run_child(settings, "land:mid")
    child.wait(timeout=120)
    deadline = time.monotonic() + 10
    alive = (
        "select count(*) from pg_stat_activity "
        "where application_name = 'postloan:land' and datname = current_database()"
    )
    while query(settings, alive) != [(0,)]:
        assert time.monotonic() < deadline
        time.sleep(0.1)


def test_deliveries_that_lie_in_the_folder_are_landed_whoever_made_it(settings: Settings, tmp_path: Path) -> None:
    """A path with blanks and Chinese characters is a path."""
    moved = settings.model_copy(update={"landing_dir": tmp_path / "来 件 folder"})
    deliver(moved)
    assert len(land(DAYS[-1], "core_banking", moved).batches) == 8
