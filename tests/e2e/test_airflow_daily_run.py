"""The daily run as people meet it: the real scheduler, DAG processor, triggerer and API server on a small lender.

The dates are the last days of a February. Each test has a date of its own, and each date stands on the one before.
"""

import json
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import psycopg
import pytest

from include import services
from include.airflow_api import AirflowApi, DagRun
from include.settings import Settings
from include.warehouse import embedded
from include.warehouse.connection import connect
from tests.support.canary import Scan, plant_refused_rows, scan_files, scan_tables

pytestmark = [pytest.mark.e2e]

DAILY, MONTHLY, MODELS = "post_loan_daily", "month_close", "model_monthly"
HISTORY_TO = date(2026, 2, 25)
FIRST, SECOND, LATE = (date(2026, 2, day) for day in (26, 27, 28))
TASKS = ["land", "open_run", "transform", "audit_marts", "score", "decide", "audit_lists", "publish", "deliver"]


@dataclass
class Lender:
    """A running installation with the deliveries of a small lender."""

    settings: Settings
    airflow: AirflowApi

    def call(self, method: str, path: str, **arguments: Any) -> dict[str, Any]:
        return self.airflow._call(method, f"/api/v2/{path}", **arguments)

    def start(self, day: date, **conf: Any) -> str:
        body = {"logical_date": None, "partition_key": day.isoformat(), "conf": conf}
        return str(self.call("POST", f"dags/{DAILY}/dagRuns", json=body)["dag_run_id"])

    def finish(self, run_id: str, dag_id: str = DAILY) -> DagRun:
        return self.airflow.follow(dag_id, run_id, lambda task: None, seconds=240)

    def succeed(self, run_id: str, dag_id: str = DAILY) -> None:
        """Wait for the run to end well; otherwise show what its failed tasks logged."""
        if self.finish(run_id, dag_id).state != "success":
            failed = [task for task in self.airflow.tasks(dag_id, run_id) if task.state == "failed"]
            logs = ["\n".join([task.task_id, *self.airflow.log(dag_id, run_id, task)[-15:]]) for task in failed]
            raise AssertionError("\n\n".join(logs))

    def states(self, run_id: str) -> dict[str, list[str | None]]:
        states: dict[str, list[str | None]] = {}
        for task in self.airflow.tasks(DAILY, run_id):
            states.setdefault(task.task_id, []).append(task.state)
        return states

    def query(self, statement: str, *values: Any) -> list[tuple[Any, ...]]:
        with connect(self.settings, role="postloan_owner") as connection:
            return connection.execute(statement, values).fetchall()

    def metadata(self, statement: str, *values: Any) -> list[tuple[Any, ...]]:
        """From Airflow's own database."""
        with psycopg.connect(embedded.read(self.settings).url("airflow", "airflow")) as connection:
            return connection.execute(statement, values).fetchall()

    def clear(self, run_id: str, dag_id: str = DAILY, *, only_failed: bool = True) -> None:
        """As a person does in the web interface; returns when the run has started again."""
        body = {"dag_run_id": run_id, "dry_run": False, "only_failed": only_failed, "reset_dag_runs": True}
        self.call("POST", f"dags/{dag_id}/clearTaskInstances", json=body)
        until(lambda: self.airflow.run(dag_id, run_id).state in {"queued", "running"}, "the run starts again")

    def published(self, day: date) -> str | None:
        """The run that readers see for a date."""
        rows = self.query("select distinct run_id from ops.publication where business_date = %s", day)
        assert len(rows) <= 1, "data sets of one date come from several runs"
        return rows[0][0] if rows else None

    def failure_digests(self, key: str) -> list[str]:
        """What people were told about failed runs for a date or month."""
        return [path.read_text() for path in sorted((self.settings.exports / key).glob("failed-*.md"))]

    def take_away(self, system: str, day: date) -> Callable[[], None]:
        """As if the delivery had not come; returns what brings it."""
        manifest = self.settings.landing / system / day.isoformat() / "manifest.json"
        kept = manifest.rename(manifest.with_name("manifest.kept"))
        return lambda: kept.rename(manifest) and None


@pytest.fixture(scope="module")
def lender() -> Iterator[Lender]:
    from include.sample_bank.bank import generate
    from include.warehouse.migrate import migrate

    home = Path(tempfile.mkdtemp(prefix="postloan-airflow-"))
    home.chmod(0o711)  # so that the server's user may enter when the tests run as root
    settings = Settings(home=home, writer_wait_seconds=60)
    try:
        embedded.start(settings)
        migrate(settings)
        generate(settings.landing, 200, HISTORY_TO, 3, seed=20260224)
        plant_refused_rows(settings.landing / "core_banking" / FIRST.isoformat() / "manifest.json")
        services.up(settings)
        with AirflowApi(settings) as airflow:
            for dag_id in (DAILY, MONTHLY, "restate"):
                airflow.wait_for_dag(dag_id)
                airflow.unpause(dag_id)
            yield Lender(settings, airflow)
    finally:
        services.down(settings)
        embedded.stop(settings)
        shutil.rmtree(home, ignore_errors=True)


def until(happened: Callable[[], Any], what: str, *, seconds: float = 60) -> Any:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if result := happened():
            return result
        time.sleep(0.3)
    raise AssertionError(f"not within {seconds} s: {what}")


def test_a_backfill_publishes_its_dates_in_turn_and_waits_for_a_file_that_is_missing(lender: Lender) -> None:
    bring = lender.take_away("payments", SECOND)
    asked = {"from_date": f"{FIRST}T00:00:00Z", "to_date": f"{SECOND}T00:00:00Z", "max_active_runs": 1}
    lender.call("POST", "backfills", json={"dag_id": DAILY, "dag_run_conf": {"wait_minutes": 30}, **asked})
    runs = until(lambda: (runs := lender.airflow.runs(DAILY)) and len(runs) == 2 and runs, "two runs")
    run_ids = {run.partition_key: run.run_id for run in runs}
    assert set(run_ids) == {FIRST.isoformat(), SECOND.isoformat()}, "the last date is one of them"
    lender.succeed(run_ids[FIRST.isoformat()])

    second = run_ids[SECOND.isoformat()]
    until(lambda: sorted(map(str, lender.states(second)["land"])) == ["deferred", "success"], "one system waits")
    assert lender.published(SECOND) is None
    bring()
    lender.succeed(second)
    assert lender.states(second) == {name: ["success"] * (2 if name == "land" else 1) for name in TASKS}

    opened = lender.query("select business_date, base_run_id from ops.run where status = 'PUBLISHED' order by 1")
    assert opened == [(FIRST, None), (SECOND, lender.published(FIRST))], "the second date stands on the first"
    for day in (FIRST, SECOND):
        listed = lender.query("select count(*) from published.warning_list where business_date = %s", day)
        assert listed[0][0] > 0, "a lender of 200 loans has some that get worse"


def test_a_late_delivery_stops_the_day_with_one_message_and_clearing_it_publishes_the_day(lender: Lender) -> None:
    bring = lender.take_away("payments", LATE)
    run_id = lender.start(LATE)
    assert lender.finish(run_id).state == "failed"
    states = lender.states(run_id)
    assert sorted(map(str, states["land"])) == ["failed", "success"]
    assert states["open_run"] == ["upstream_failed"]
    assert lender.published(LATE) is None
    digest = until(lambda: lender.failure_digests(LATE.isoformat()), "a message to people")
    assert len(digest) == 1
    for named in ("payments", LATE.isoformat(), "manifest.json"):
        assert named in digest[0]

    bring()
    lender.clear(run_id)
    lender.succeed(run_id)
    assert lender.published(LATE) is not None
    assert len(lender.failure_digests(LATE.isoformat())) == 1, "nothing failed the second time"


def test_todays_run_waits_for_its_files_until_the_contracts_deadline(lender: Lender) -> None:
    today = datetime.now(ZoneInfo(lender.settings.timezone)).date()  # the only date here that depends on the clock
    run_id = lender.start(today)
    until(lambda: lender.states(run_id)["land"] == ["deferred", "deferred"], "both systems wait")
    ((due,),) = lender.metadata(
        "select deadline_time from deadline join dag_run on dag_run.id = dagrun_id where run_id = %s", run_id
    )
    assert due.astimezone(ZoneInfo(lender.settings.timezone)).hour == 8, "a warning goes out when the lists are not out"
    lender.call("PATCH", f"dags/{DAILY}/dagRuns/{run_id}", json={"state": "failed"})
    assert lender.finish(run_id).state == "failed"


def test_a_published_date_that_is_run_again_stays_as_it_is(lender: Lender) -> None:
    before = lender.published(SECOND)
    hashes = "select data_set, content_hash from ops.run_manifest where run_id = %s order by 1"
    content = lender.query(hashes, before)
    assert content
    run_id = lender.start(SECOND)
    lender.succeed(run_id)
    assert lender.published(SECOND) == before
    assert lender.query(hashes, before) == content


def test_a_date_restated_twice_by_clearing_the_task_has_one_new_version(lender: Lender) -> None:
    before = lender.published(SECOND)
    conf = {"dates": [SECOND.isoformat()], "reason": "the same again"}
    run_id = lender.call("POST", "dags/restate/dagRuns", json={"logical_date": None, "conf": conf})["dag_run_id"]
    lender.succeed(run_id, "restate")
    restated = lender.published(SECOND)
    assert restated != before
    lender.clear(run_id, "restate", only_failed=False)
    lender.succeed(run_id, "restate")
    assert lender.published(SECOND) == restated


def test_nothing_but_run_ids_and_counts_is_kept_by_airflow(lender: Lender) -> None:
    loans = {row[0] for row in lender.query("select loan_id from published.loan_position")}
    kept = lender.metadata("select value from xcom where key = 'return_value'")
    assert len(kept) > len(TASKS)
    for (value,) in kept:
        text = json.dumps(value)
        assert len(text) < 5000  # the counts of six tables, not their rows
        assert not [loan for loan in loans if loan in text]


def test_a_person_in_a_delivery_is_neither_in_airflows_database_nor_in_any_log(lender: Lender) -> None:
    assert lender.query("select count(*) from quarantine.rows where table_name = 'disbursement'") == [(4,)]
    scan = Scan()
    with psycopg.connect(embedded.read(lender.settings).url("airflow", "airflow")) as connection:
        scan_tables(scan, connection)
    home = lender.settings.home
    scan_files(
        scan, home, but=[lender.settings.landing, home / "pg18"]
    )  # what was delivered, and the server's own files
    sys.stdout.write(f"canary scan of Airflow: {scan}\n")
    assert not scan.hits, "\n".join(scan.hits)
    assert scan.tables > 40
    assert [path for path in (home / "airflow").rglob("*.log") if "land" in str(path)], (
        "the logs of the tasks were read"
    )


def test_the_month_is_closed_when_airflow_has_heard_of_all_its_days(lender: Lender) -> None:
    (asset,) = [asset for asset in lender.call("GET", "assets")["assets"] if asset["name"] == "published_business_date"]
    for day in range(1, FIRST.day):  # days of which Airflow has heard, but which were never published
        event = {"asset_id": asset["id"], "partition_key": f"2026-02-{day:02}"}
        lender.call("POST", "assets/events", json=event)
    (run,) = until(lambda: lender.airflow.runs(MONTHLY), "a run for the month")
    assert run.partition_key == "2026-02"
    assert lender.finish(run.run_id, MONTHLY).state == "failed"
    assert len(until(lambda: lender.failure_digests("2026-02"), "a message to people")) == 1
    (log,) = [lender.airflow.log(MONTHLY, run.run_id, task) for task in lender.airflow.tasks(MONTHLY, run.run_id)]
    assert "2026-02 cannot be closed: 25 dates are not published" in "\n".join(log)


def test_models_are_looked_at_by_airflow_and_nobody_is_asked_where_nothing_could_be_learned(lender: Lender) -> None:
    lender.airflow.wait_for_dag(MODELS)
    lender.airflow.unpause(MODELS)
    body = {"logical_date": None, "partition_key": "2026-02", "conf": {"month": "2026-02"}}
    run_id = str(lender.call("POST", f"dags/{MODELS}/dagRuns", json=body)["dag_run_id"])
    lender.succeed(run_id, MODELS)
    states = {task.task_id: task.state for task in lender.airflow.tasks(MODELS, run_id)}
    assert {states[name] for name in ("monitor", "train", "evaluate")} == {"success"}
    assert {states[name] for name in ("approve", "record")} == {"skipped"}
