"""A month's models wait for a person, whose word puts nothing in force. The jobs are stand-ins."""

import sys
import time
from collections.abc import Callable
from datetime import date
from types import SimpleNamespace
from typing import Any

import pytest
from sqlalchemy import select

OPENED = "0123456789abcdef"
DRAFT = {"model_code": "late30_in_90d", "version": "2026.01", "verdict": "BETTER", "rows": 9, "bads": 2,
         "areas": {"draft": 0.71, "champion": 0.7}, "folder": "exports/models/late30_in_90d/2026.01"}  # fmt: skip


@pytest.fixture
def person_says(monkeypatch: pytest.MonkeyPatch) -> Callable[[str, str], None]:
    """While the run waits, a person answers by the function behind Airflow's own *Required actions*."""
    from airflow.api_fastapi.core_api.datamodels.hitl import UpdateHITLDetailPayload
    from airflow.api_fastapi.core_api.routes.public.hitl import update_hitl_detail
    from airflow.models import TaskInstance
    from airflow.utils.session import create_session

    def prepare(option: str, name: str) -> None:
        waits = []

        def while_waiting(seconds: float) -> None:
            waits.append(seconds)
            assert len(waits) < 20, "the answer did not wake the task"
            with create_session() as session:
                task = session.scalar(select(TaskInstance).where(TaskInstance.state == "awaiting_input"))
                if task is None:
                    return
                said = UpdateHITLDetailPayload(chosen_options=[option], params_input={})
                person = SimpleNamespace(get_id=lambda: "7", get_name=lambda: name)
                update_hitl_detail(task.dag_id, task.run_id, task.task_id, said, person, session)

        monkeypatch.setattr(time, "sleep", while_waiting)

    return prepare


def test_a_month_is_watched_trained_and_judged_and_the_person_who_approves_is_recorded(
    run_dag: Any, jobs: Any, person_says: Any
) -> None:
    jobs.drafts = [DRAFT]
    person_says("Approve", "Han Meimei")
    state, tasks = run_dag("model_monthly", {"month": "2026-01", "watermark": "SAMPLE_BANK"})
    assert (state, set(tasks.values())) == ("success", {"success"})
    assert jobs == [
        ("month_end_run", date(2026, 1, 1)),
        ("model_monitor", OPENED),
        ("train_models", OPENED, "SAMPLE_BANK"),
        ("evaluate_models", OPENED, {"rows": 1}),
        ("review_models", OPENED, [DRAFT], "Han Meimei"),
    ]


def test_a_rejection_leaves_everything_as_it_is(run_dag: Any, jobs: Any, person_says: Any) -> None:
    jobs.drafts = [DRAFT]
    person_says("Reject", "Han Meimei")
    state, tasks = run_dag("model_monthly", {"month": "2026-01"})
    assert (state, tasks["approve"], tasks["record"]) == ("success", "success", "skipped")
    assert "review_models" not in {name for name, *_ in jobs}


def test_nobody_is_asked_when_no_draft_came_out(run_dag: Any, jobs: Any) -> None:
    state, tasks = run_dag("model_monthly", {"month": "2026-01"})
    assert (state, tasks["approve"], tasks["record"]) == ("success", "skipped", "skipped")
    assert ("train_models", OPENED, None) in jobs, "the lender's own book has no watermark"


def test_an_answer_without_a_person_is_recorded_for_nobody(
    dag_bag: Any, jobs: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.undo()  # the real review, which refuses
    from include.errors import RefusedError
    from include.jobs import model_month

    real = SimpleNamespace(review_models=model_month.review_models)
    monkeypatch.setitem(sys.modules, "include.jobs.model_month", real)
    with pytest.raises(RefusedError, match="without a person"):
        task = dag_bag.dags["model_monthly"].get_task("record")
        task.python_callable({"opened_run_id": OPENED}, [DRAFT], {"responded_by_user": None})


def test_an_unanswered_question_is_not_asked_again_by_itself(dag_bag: Any) -> None:
    from airflow.providers.standard.exceptions import HITLTimeoutError

    task = dag_bag.dags["model_monthly"].get_task("approve")
    assert task.response_timeout.days == 14
    assert task.defaults is None, "silence is no consent"
    decision = task.retry_policy.evaluate(exception=HITLTimeoutError("late"), try_number=1, max_tries=2)
    assert decision.action.value == "fail"


def test_models_are_looked_at_when_their_month_is_sealed(dag_bag: Any) -> None:
    (announced,) = dag_bag.dags["month_close"].get_task("month_close").outlets
    consumed = dag_bag.dags["model_monthly"].timetable.asset_condition
    assert announced.uri == consumed.uri
    mapper = dag_bag.dags["model_monthly"].timetable.default_partition_mapper
    assert mapper.to_downstream("2026-01") == "2026-01"


def test_no_task_of_the_month_writes_a_policy(dag_bag: Any) -> None:
    from pathlib import Path

    from include.settings import PROJECT_DIR

    files = [Path(dag_bag.dags["model_monthly"].fileloc), *(PROJECT_DIR / "include" / "jobs").glob("model_*.py")]
    assert len(files) >= 6
    for path in files:
        text = path.read_text(encoding="utf-8")
        assert "insert into ref." not in text and "update ref." not in text, f"{path.name} changes a policy"
        assert "write_text" not in text and "seeds" not in text.replace(
            "dbt_project/seeds/policy/model_registry.csv", ""
        )
