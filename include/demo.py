"""``make run``: the sample bank's last dates through the real Airflow, and the lists that people would work from."""

import logging
import time
from collections.abc import Callable
from datetime import date, timedelta

from rich.console import Console

from include import services
from include.airflow_api import AirflowApi, DagRun, TaskState
from include.cli_tables import print_lists
from include.daily import counts_of, published_runs
from include.errors import PostloanError
from include.settings import Settings
from include.warehouse import embedded

DAG = "post_loan_daily"
LOANS, SEED = 2_000, 20260104
HISTORY_TO = date(2026, 1, 4)
DATES = (date(2026, 1, 5), date(2026, 1, 6), date(2026, 1, 7))
RUN_SECONDS = 900
SHOWN_ROWS = 15

Report = Callable[[str], None]


def run_demo(settings: Settings, out: Console) -> None:
    """Bring everything up, run the dates that are not published yet, print the lists. A second call changes nothing."""
    started = time.monotonic()

    def report(line: str) -> None:
        out.print(f"{time.monotonic() - started:6.1f} s  {line}", markup=False)

    logging.getLogger("include").setLevel(logging.WARNING)  # what matters is reported here, with its time
    _prepare_warehouse(settings, report)
    missing = [day for day in DATES if day not in published_runs(settings)]
    if missing:
        _write_deliveries(settings, report)
    components = services.up(settings, report)
    if missing:
        with AirflowApi(settings) as airflow:
            airflow.wait_for_dag(DAG)
            airflow.unpause(DAG)
            for day in missing:
                _run_through_airflow(airflow, day, report)
    print_lists(out, settings, DATES[-1], limit=SHOWN_ROWS)
    if not missing:
        nothing = (
            "nothing was changed" if not components else f"started {', '.join(components)}; nothing else was changed"
        )
        report(f"{DATES[0]} to {DATES[-1]} are published already: {nothing}")
    user, password = services.login(settings)
    report("done")
    run_id = published_runs(settings)[DATES[-1]]
    folder = settings.exports / str(DATES[-1]) / run_id
    out.print(f"\nReport: {(folder / 'report.html').as_uri()}\nFiles: {folder}", markup=False, soft_wrap=True)
    out.print(
        f"Airflow: {services.address(settings)}/dags/{DAG}  log in as {user} with password {password}", markup=False
    )
    out.print(
        "More: postloan lists, postloan status, postloan --help (in .venv/bin). Stop everything: make down",
        markup=False,
    )


def _prepare_warehouse(settings: Settings, report: Report) -> None:
    from include.warehouse.migrate import migrate

    if settings.warehouse_url is None:
        if not embedded.is_running(settings):
            report("starting PostgreSQL")
        embedded.start(settings)
    counts = migrate(settings)
    if any(counts.values()):
        report(f"migrated the warehouse: {counts_of(counts)}")
    foreign = sorted(set(published_runs(settings)) - set(DATES))
    if foreign and not set(DATES) & set(published_runs(settings)):
        raise PostloanError(
            f"this warehouse has published dates of its own, the last {foreign[-1]}: the sample bank stays out of it",
            next_command="postloan up",
        )


def _write_deliveries(settings: Settings, report: Report) -> None:
    from include.sample_bank.bank import generate
    from include.sample_bank.systems import EVERYTHING, delivers_on

    wanted = [
        settings.landing / system / str(day) / "manifest.json"
        for system in EVERYTHING
        for day in DATES
        if delivers_on(system, day - timedelta(days=1), day)
    ]
    if all(path.exists() for path in wanted):
        return
    report(
        f"the sample bank delivers: {LOANS:,} loans and what {len(EVERYTHING)} systems know of them, "
        f"history to {HISTORY_TO}, then {len(DATES)} days"
    )
    generate(settings.landing, LOANS, HISTORY_TO, len(DATES), SEED, systems=EVERYTHING)


def _run_through_airflow(airflow: AirflowApi, day: date, report: Report) -> None:
    """One business date as Airflow runs it; a run that is under way already (an interrupted demo) is followed."""
    under_way = [
        run for run in airflow.runs(DAG) if run.partition_key == str(day) and run.state in {"queued", "running"}
    ]
    run_id = under_way[0].run_id if under_way else airflow.trigger(DAG, str(day))
    report(f"{day}  Airflow runs {DAG}")

    def task_ended(task: TaskState) -> None:
        name = task.task_id if task.map_index < 0 else f"{task.task_id}[{task.map_index}]"
        report(f"{day}    {name:<14} {task.state} in {task.seconds or 0:.1f} s")

    run = airflow.follow(DAG, run_id, task_ended, seconds=RUN_SECONDS)
    if run.state != "success":
        raise _failure(airflow, run)


def _failure(airflow: AirflowApi, run: DagRun) -> PostloanError:
    failed = [task for task in airflow.tasks(run.dag_id, run.run_id) if task.state == "failed"]
    ends = [f"{task.task_id}:\n  " + "\n  ".join(airflow.log(run.dag_id, run.run_id, task)[-6:]) for task in failed]
    return PostloanError(
        f"the run of {run.partition_key} failed; nothing of it was published.\n" + "\n".join(ends),
        next_command=f"postloan run {run.partition_key}",
    )
