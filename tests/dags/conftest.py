"""Airflow for tests that read or run DAGs in this process: its own home and a throw-away metadata database."""

import atexit
import os
import shutil
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

DAGS_FOLDER = Path(__file__).resolve().parents[2] / "dags"

# Airflow reads its settings once, when it is imported: this has to come first.
assert "airflow" not in sys.modules, "something imported airflow before its test settings were made"
_home = tempfile.mkdtemp(prefix="postloan-airflow-")
atexit.register(shutil.rmtree, _home, ignore_errors=True)
os.environ.update(
    AIRFLOW_HOME=_home,
    AIRFLOW__CORE__DAGS_FOLDER=str(DAGS_FOLDER),
    AIRFLOW__CORE__PLUGINS_FOLDER=str(DAGS_FOLDER / "plugins"),
    AIRFLOW__CORE__LOAD_EXAMPLES="False",
    AIRFLOW__CORE__UNIT_TEST_MODE="True",
    AIRFLOW__DATABASE__SQL_ALCHEMY_CONN=f"sqlite:///{_home}/airflow.db",
    AIRFLOW__USAGE_DATA_COLLECTION__ENABLED="False",
)


@pytest.fixture(scope="session")
def dag_bag() -> Any:
    """All DAGs, as the DAG processor finds them. For reading only."""
    return read_dags()


def read_dags() -> Any:
    from airflow.dag_processing.dagbag import DagBag

    return DagBag(str(DAGS_FOLDER))


@pytest.fixture
def run_dag(metadata_database: None) -> Callable[[str, dict[str, Any]], tuple[str, dict[str, str]]]:
    """Runs a DAG in this process; returns the state of the run and of its tasks."""

    def run(dag_id: str, conf: dict[str, Any]) -> tuple[str, dict[str, str]]:
        dag = read_dags().dags[dag_id]  # its own copy, because it is changed here
        dag.deadline = None  # a run with a deadline does not end well in a test: apache/airflow#73428
        dag.start_date = None  # a test run has a logical date, which the first day of the schedule would rule out
        for task in dag.tasks:
            task.start_date = None
        finished = dag.test(run_conf=conf)
        return str(finished.state), {ti.task_id: str(ti.state) for ti in finished.get_task_instances()}

    return run


@pytest.fixture(scope="session")
def metadata_database() -> None:
    from airflow.utils import db

    db.initdb()


class Landed:
    """What the stand-in of landing returns. ``is_complete``: the date's own delivery was there."""

    def __init__(self, is_complete: bool) -> None:
        self.is_complete = is_complete

    def as_dict(self) -> dict[str, Any]:
        return {"rows": 1}


class Jobs(list[tuple[Any, ...]]):
    """Stands in for ``include.jobs``: remembers each call, answers with counts, raises what ``failing`` holds."""

    def __init__(self) -> None:
        super().__init__()
        self.failing: dict[str, Exception] = {}
        self.everything_came = True
        self.digests: list[tuple[Any, ...]] = []
        self.drafts: list[dict[str, Any]] = []

    def answer(self, name: str, *arguments: Any) -> Any:
        self.append((name, *arguments))
        if name in self.failing:
            raise self.failing[name]
        if name in {"open_run", "month_end_run"}:
            return "0123456789abcdef"
        if name == "evaluate_models":
            return self.drafts
        return Landed(self.everything_came) if name == "land" else {"rows": 1}


@pytest.fixture
def jobs(monkeypatch: pytest.MonkeyPatch) -> Jobs:
    """Every job replaced by one that only remembers its call: (name, arguments without settings, keywords)."""
    calls = Jobs()

    def stand_in(name: str) -> Any:
        def job(first: Any, *others: Any, **keywords: Any) -> Any:
            return calls.answer(name, first, *others[:-1], *keywords.values())

        return job

    for name in (
        "land",
        "open_run",
        "transform",
        "audit",
        "score",
        "decide",
        "publish",
        "deliver",
        "restate",
        "month_close",
        "model_monitor",
    ):
        monkeypatch.setitem(sys.modules, f"include.jobs.{name}", SimpleNamespace(**{name: stand_in(name)}))
    # the run and the settings come first in all of these
    of_month = {
        "month_end_run": lambda month, _: calls.answer("month_end_run", month),
        "train_models": lambda run, _, **said: calls.answer("train_models", run, *said.values()),
        "evaluate_models": lambda run, _, trained: calls.answer("evaluate_models", run, trained),
        "review_models": lambda run, _, drafts, reviewer: calls.answer("review_models", run, drafts, reviewer),
    }
    monkeypatch.setitem(sys.modules, "include.jobs.model_month", SimpleNamespace(**of_month))
    digest = SimpleNamespace(failure_digest=lambda *said: calls.digests.append(said[:-1]))
    monkeypatch.setitem(sys.modules, "include.notify", digest)
    return calls
