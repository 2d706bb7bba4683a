"""A task that waits for a file holds no worker, and waits neither too long nor for nothing."""

import asyncio
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import yaml

from dags.delivery_wait import LandDelivery, ManifestTrigger, deadline
from dags.source_connection import resolve
from include.errors import PostloanError, SourceError
from include.landing.contract import load_systems
from include.settings import CONTRACTS_DIR, Settings
from tests.support.source_systems import lender

OURS = yaml.safe_load((CONTRACTS_DIR / "payments" / "repayment_transaction.yml").read_text(encoding="utf-8"))


async def fired(trigger: ManifestTrigger) -> bool:
    async for event in trigger.run():
        return bool(event.payload)
    raise AssertionError("the trigger ended without a word")


def trigger_of(*manifests: Path, seconds: float) -> ManifestTrigger:
    return ManifestTrigger([str(path) for path in manifests], time.time() + seconds, poll_seconds=0.01)


def test_the_wait_ends_when_the_manifest_arrives(tmp_path: Path) -> None:
    daily, history = tmp_path / "manifest.json", tmp_path / "history" / "manifest.json"

    async def wait_and_deliver() -> bool:
        waiting = asyncio.create_task(fired(trigger_of(daily, history, seconds=60)))
        await asyncio.sleep(0.05)
        assert not waiting.done()
        history.parent.mkdir()
        history.write_text("{}")
        return await asyncio.wait_for(waiting, timeout=5)

    assert asyncio.run(wait_and_deliver()) is True


def test_the_wait_ends_at_the_deadline_without_a_manifest(tmp_path: Path) -> None:
    waiting = fired(trigger_of(tmp_path / "manifest.json", seconds=0.05))
    assert asyncio.run(asyncio.wait_for(waiting, timeout=5)) is False


def test_the_triggerer_can_make_a_waiting_task_again_after_a_restart(tmp_path: Path) -> None:
    from airflow._shared.module_loading import import_string

    path, arguments = trigger_of(tmp_path / "manifest.json", seconds=60).serialize()
    assert import_string(path)(**arguments).serialize() == (path, arguments)


@pytest.fixture
def payments(tmp_path: Path, jobs: Any, monkeypatch: pytest.MonkeyPatch) -> Callable[..., LandDelivery]:
    """The task that lands payments of a date whose deadline is so many minutes from now."""

    def task(*, deadline_in: float, wait_minutes: str = "0") -> LandDelivery:
        monkeypatch.setattr("dags.delivery_wait.deadline", lambda *_: time.time() + 60 * deadline_in)
        monkeypatch.setattr("dags.delivery_wait.load_settings", lambda: Settings(home=tmp_path))
        arguments = {"business_date": "2026-01-31", "wait_minutes": wait_minutes}
        return LandDelivery(task_id="land", system="payments", **arguments)

    return task


def test_the_deadline_is_on_the_day_after_in_the_lenders_zone() -> None:
    due = datetime.fromtimestamp(deadline(date(2026, 1, 31), "payments", Settings(timezone="Asia/Shanghai")), UTC)
    assert due == datetime(2026, 1, 31, 21, 0, tzinfo=UTC), "five in the morning of 1 February in Shanghai"


def waits_minutes(task: LandDelivery) -> float:
    """How long the task would wait; fails when it does not defer."""
    from airflow.sdk.exceptions import TaskDeferred

    with pytest.raises(TaskDeferred) as deferred:
        task.execute({})
    assert deferred.value.method_name == "land"
    return round((deferred.value.trigger.wait_until - time.time()) / 60, 1)


@pytest.fixture
def fetched(payments: Any, jobs: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Any]]:
    """Payments come from a database. What the next fetches find, first to last: True, False or an error."""
    source = {"kind": "database", "connection": "core", "ready": {"table": "status", "column": "day"}}
    contract = OURS | {"source": {"table": "t", "watermark": "w"}}
    answers: list[Any] = []

    def fetch(*_: Any) -> Any:
        jobs.append(("fetch",))
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return SimpleNamespace(is_there=answer)

    def note_failure(*_: Any) -> None:
        jobs.append(("note_failure",))

    stand_in = SimpleNamespace(fetch=fetch, note_failure=note_failure)
    monkeypatch.setitem(sys.modules, "include.jobs.fetch", stand_in)
    with lender(tmp_path / "contracts", "payments", source, repayment_transaction=contract):
        yield answers


def asked(jobs: Any) -> list[str]:
    return [name for name, *_ in jobs]


def test_what_is_to_be_fetched_is_fetched_and_then_landed(payments: Any, fetched: Any, jobs: Any) -> None:
    fetched.append(True)
    payments(deadline_in=90).execute({})
    assert asked(jobs) == ["fetch", "land"]


def test_a_source_that_is_not_ready_is_asked_again_until_its_deadline(payments: Any, fetched: Any, jobs: Any) -> None:
    from airflow.sdk.exceptions import TaskDeferred

    fetched += [False, SourceError("the bureau is down"), True]
    task = payments(deadline_in=90)
    with pytest.raises(TaskDeferred) as deferred:
        task.execute({})
    assert round(deferred.value.trigger.wait_until - time.time()) == 300
    again = {"event": False, **deferred.value.kwargs}
    with pytest.raises(TaskDeferred):
        task.fetch({}, **again)
    task.fetch({}, **again)
    assert asked(jobs) == ["fetch", "fetch", "fetch", "land"]


def test_a_required_source_that_still_fails_at_its_deadline_stops_the_day(
    payments: Any, fetched: Any, jobs: Any
) -> None:
    fetched.append(SourceError("the core is down"))
    with pytest.raises(SourceError, match="the core is down"):
        payments(deadline_in=-1).execute({})
    assert asked(jobs) == ["fetch"]


def test_an_optional_source_that_still_fails_is_written_down_and_stops_nothing(
    payments: Any, fetched: Any, jobs: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    required = load_systems()["payments"]
    optional = {"payments": required.model_copy(update={"required": False})}
    monkeypatch.setattr("dags.delivery_wait.load_systems", lambda: optional)
    fetched.append(SourceError("the core is down"))
    payments(deadline_in=-1).execute({})
    assert asked(jobs) == ["fetch", "note_failure", "land"]


@pytest.mark.parametrize(
    ("uri", "place"),
    [
        ("postgres://reader:p%40ss@core.example:5433/core", ("postgres", "core.example", 5433, "core")),
        ('{"conn_type": "http", "host": "bureau.example/api", "schema": "https", "password": "p@ss"}',
         ("https", "bureau.example", None, "/api")),
        ('{"conn_type": "http", "host": "https://bureau.example:8443/api", "password": "p@ss"}',
         ("https", "bureau.example", 8443, "/api")),
    ],
)  # fmt: skip
def test_a_source_is_found_by_airflows_connection(uri: str, place: tuple, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_SOME_SOURCE", uri)
    monkeypatch.setenv("POSTLOAN_CONNECTION_SOME_SOURCE", "postgresql://elsewhere/x")
    found = resolve("some_source")
    assert (found.scheme, found.host, found.port, found.path) == place
    assert found.password is not None
    assert found.password.get_secret_value() == "p@ss"
    assert "p@ss" not in repr(found)


def test_without_an_airflow_connection_the_environment_says_where_a_source_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POSTLOAN_CONNECTION_SOME_SOURCE", "postgresql://reader:x@core.example/core")
    assert resolve("some_source").host == "core.example"
    monkeypatch.delenv("POSTLOAN_CONNECTION_SOME_SOURCE")
    with pytest.raises(PostloanError, match="nobody has said where the source 'some_source' is"):
        resolve("some_source")


def test_a_delivery_that_is_not_there_is_waited_for_until_its_deadline(payments: Any, jobs: Any) -> None:
    assert waits_minutes(payments(deadline_in=90)) == 90
    assert jobs == []


@pytest.mark.parametrize("place", [".", "history"])
def test_a_delivery_that_is_there_is_landed_at_once(payments: Any, jobs: Any, tmp_path: Path, place: str) -> None:
    manifest = tmp_path / "landing" / "payments" / "2026-01-31" / place / "manifest.json"
    manifest.parent.mkdir(parents=True)
    manifest.write_text("{}")
    payments(deadline_in=90).execute({})
    assert [name for name, *_ in jobs] == ["land"]


def test_nobody_waits_for_a_date_whose_deadline_is_over(payments: Any, jobs: Any) -> None:
    payments(deadline_in=-1).execute({})
    assert [name for name, *_ in jobs] == ["land"], "landing says which file is missing"


def test_a_person_may_wait_for_a_late_file_that_is_announced(payments: Any) -> None:
    assert waits_minutes(payments(deadline_in=-600, wait_minutes="30")) == 30


def test_waiting_for_a_person_never_shortens_the_wait_for_the_deadline(payments: Any) -> None:
    assert waits_minutes(payments(deadline_in=90, wait_minutes="30")) == 90


def test_an_optional_system_that_is_late_is_called_stale_and_stops_nothing(
    payments: Any, jobs: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    jobs.everything_came = False
    task = payments(deadline_in=-1)
    said: list[str] = []
    monkeypatch.setattr(task.log, "warning", lambda text, *values: said.append(text % values))
    assert task.execute({}) == {"rows": 1}, "a result, so that the task ends with success"
    assert said == ["STALE: payments has not delivered 2026-01-31; the day goes on without"]
