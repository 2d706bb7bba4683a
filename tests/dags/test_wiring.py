"""Each DAG runs its jobs in their order, with its own date, and hands on what belongs there. The jobs are stand-ins."""

from datetime import date
from typing import Any

import pytest

from include.errors import AuditError, LateDeliveryError

OPENED = "0123456789abcdef"
DAY = date(2026, 1, 31)


def test_a_day_goes_from_the_files_of_every_system_to_what_people_read(run_dag: Any, jobs: Any) -> None:
    state, _ = run_dag("post_loan_daily", {"business_date": "2026-01-31"})
    assert state == "success"
    assert sorted(jobs[:2]) == [("land", DAY, "core_banking"), ("land", DAY, "payments")]
    assert jobs[2:] == [
        ("open_run", DAY),
        ("transform", OPENED),
        ("audit", OPENED, "marts"),
        ("score", OPENED),
        ("decide", OPENED),
        ("audit", OPENED, "lists"),
        ("publish", OPENED),
        ("deliver", OPENED),
    ]


def test_nothing_is_computed_when_a_required_delivery_is_late(run_dag: Any, jobs: Any) -> None:
    jobs.failing["land"] = LateDeliveryError("payments of 2026-01-31 is late")
    state, tasks = run_dag("post_loan_daily", {"business_date": "2026-01-31"})
    assert (state, tasks["land"], tasks["open_run"]) == ("failed", "failed", "upstream_failed")
    assert {name for name, *_ in jobs} == {"land"}
    assert len(jobs.digests) == 1, "two systems may be late, people get one message"


def test_nothing_is_published_when_the_audit_refuses(run_dag: Any, jobs: Any) -> None:
    jobs.failing["audit"] = AuditError("a loan is there twice")
    state, tasks = run_dag("post_loan_daily", {"business_date": "2026-01-31"})
    assert (state, tasks["audit_marts"], tasks["publish"]) == ("failed", "failed", "upstream_failed")
    assert ("publish", OPENED) not in jobs


def test_a_month_is_closed_by_its_name(run_dag: Any, jobs: Any) -> None:
    assert run_dag("month_close", {"month": "2026-01"})[0] == "success"
    assert jobs == [("month_close", date(2026, 1, 1))]


def test_a_restatement_hands_on_dates_reason_and_approver(run_dag: Any, jobs: Any) -> None:
    asked = {"dates": ["2026-01-31"], "reason": "corrected file", "approver": "Li Hua", "reopen": True}
    assert run_dag("restate", asked)[0] == "success"
    assert jobs == [("restate", [DAY], "corrected file", "Li Hua", True)]


@pytest.mark.parametrize(
    ("error", "tries"),
    [
        (AuditError("refused"), "fail"),
        (LateDeliveryError("late"), "fail"),
        (ConnectionError("the server closed the connection"), "default"),
    ],
)
def test_only_what_can_heal_is_tried_again(dag_bag: Any, error: Exception, tries: str) -> None:
    for task in dag_bag.dags["post_loan_daily"].tasks:
        decision = task.retry_policy.evaluate(exception=error, try_number=1, max_tries=2)
        assert decision.action.value == tries
