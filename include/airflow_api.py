"""Airflow's REST interface, as far as the command line needs it: start dates, watch them, list them."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Self

import httpx

from include.airflow_config import address, login
from include.errors import PostloanError
from include.settings import Settings

POLL_SECONDS = 1.0  # each question costs the API server 40 ms of the two processors that the tasks work on
FINISHED = {"success", "failed"}


@dataclass(frozen=True)
class DagRun:
    """One run as Airflow lists it. ``state``: queued, running, success or failed."""

    dag_id: str
    run_id: str
    state: str
    partition_key: str | None
    seconds: float | None


@dataclass(frozen=True)
class TaskState:
    """One task of a run; ``map_index`` is -1 for a task that is not mapped."""

    task_id: str
    map_index: int
    state: str | None
    seconds: float | None
    try_number: int


class AirflowApi:
    """A logged-in client of this installation's API server. Use as a context manager."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._client = httpx.Client(base_url=address(settings), timeout=30, trust_env=False)

    def __enter__(self) -> Self:
        user, password = login(self._settings)
        token = self._call("POST", "/auth/token", json={"username": user, "password": password})["access_token"]
        self._client.headers["Authorization"] = f"Bearer {token}"
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()

    def wait_for_dag(self, dag_id: str, *, seconds: float = 120) -> None:
        """Wait until the DAG processor has read the file; raises with the import error when it cannot."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if self._client.get(f"/api/v2/dags/{dag_id}").status_code == httpx.codes.OK:
                return
            for problem in self._call("GET", "/api/v2/importErrors")["import_errors"]:
                raise PostloanError(f"Airflow cannot read {problem['filename']}:\n{problem['stack_trace']}")
            time.sleep(POLL_SECONDS)
        raise PostloanError(
            f"Airflow did not list the DAG {dag_id} within {seconds:.0f} s", next_command="postloan doctor"
        )

    def unpause(self, dag_id: str) -> None:
        self._call("PATCH", f"/api/v2/dags/{dag_id}", json={"is_paused": False})

    def trigger(self, dag_id: str, partition_key: str) -> str:
        """Start one run for a partition (a business date); returns Airflow's run id."""
        body = {"logical_date": None, "partition_key": partition_key}
        return str(self._call("POST", f"/api/v2/dags/{dag_id}/dagRuns", json=body)["dag_run_id"])

    def run(self, dag_id: str, run_id: str) -> DagRun:
        return _dag_run(self._call("GET", f"/api/v2/dags/{dag_id}/dagRuns/{run_id}"))

    def runs(self, dag_id: str = "~", *, limit: int = 50) -> list[DagRun]:
        """The latest runs, newest first; ``~`` means every DAG."""
        parameters = {"limit": limit, "order_by": "-id"}
        found = self._call("GET", f"/api/v2/dags/{dag_id}/dagRuns", params=parameters)
        return [_dag_run(run) for run in found["dag_runs"]]

    def tasks(self, dag_id: str, run_id: str) -> list[TaskState]:
        found = self._call("GET", f"/api/v2/dags/{dag_id}/dagRuns/{run_id}/taskInstances", params={"limit": 100})
        return [
            TaskState(task["task_id"], task["map_index"], task["state"], task["duration"], task["try_number"])
            for task in found["task_instances"]
        ]

    def log(self, dag_id: str, run_id: str, task: TaskState) -> list[str]:
        """What a task logged at its latest try, errors with their text, one entry a line."""
        path = f"/api/v2/dags/{dag_id}/dagRuns/{run_id}/taskInstances/{task.task_id}/logs/{task.try_number}"
        found = self._call("GET", path, params={"map_index": task.map_index, "full_content": True})
        lines = []
        for entry in found["content"]:
            if isinstance(entry, dict):
                errors = [f"{error['exc_type']}: {error['exc_value']}" for error in entry.get("error_detail") or []]
                lines += [str(entry.get("event", "")), *errors]
            else:
                lines.append(str(entry))
        return lines

    def follow(self, dag_id: str, run_id: str, report: Callable[[TaskState], None], *, seconds: float) -> DagRun:
        """Report each task as it ends; returns the finished run. Raises when it takes longer than ``seconds``."""
        reported: set[tuple[str, int]] = set()
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            run = self.run(dag_id, run_id)  # asked before its tasks: none that ended with it is left unreported
            for task in self.tasks(dag_id, run_id):
                key = (task.task_id, task.map_index)
                if task.state in {"success", "failed", "skipped", "upstream_failed"} and key not in reported:
                    reported.add(key)
                    report(task)
            if run.state in FINISHED:
                return run
            time.sleep(POLL_SECONDS)
        raise PostloanError(
            f"{dag_id} {run_id} was not finished after {seconds:.0f} s; see {address(self._settings)}/dags/{dag_id}",
            next_command="postloan status",
        )

    def _call(self, method: str, path: str, **arguments: Any) -> dict[str, Any]:
        try:
            answer = self._client.request(method, path, **arguments)
        except httpx.HTTPError as error:
            raise PostloanError(
                f"Airflow does not answer at {address(self._settings)} ({type(error).__name__})",
                next_command="postloan up",
            ) from error
        if answer.is_error:
            raise PostloanError(f"Airflow refused {method} {path}: {answer.status_code} {answer.text[:500]}")
        return dict(answer.json())


def _dag_run(found: dict[str, Any]) -> DagRun:
    return DagRun(found["dag_id"], found["dag_run_id"], found["state"], found["partition_key"], found.get("duration"))
