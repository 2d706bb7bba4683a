"""Which dates a run is for, and what a person may type into a run's form."""

from datetime import UTC, date, datetime
from typing import Any

import pytest

from include.errors import RefusedError


@pytest.fixture(scope="session")
def daily_schedule(dag_bag: Any) -> Any:
    """The daily run's timetable as the scheduler has it: through its stored form."""
    return stored(dag_bag.dags["post_loan_daily"]).timetable


def stored(dag: Any) -> Any:
    from airflow.serialization.serialized_objects import DagSerialization

    return DagSerialization.from_dict(DagSerialization.to_dict(dag))


def test_the_run_that_starts_at_midnight_is_for_the_day_that_just_ended(daily_schedule: Any) -> None:
    import pendulum
    from airflow.timetables.base import TimeRestriction

    first_midnight = pendulum.datetime(2026, 3, 1, tz="Asia/Shanghai")
    run = daily_schedule.next_dagrun_info_v2(
        last_dagrun_info=None, restriction=TimeRestriction(earliest=first_midnight, latest=None, catchup=True)
    )
    assert run.partition_key == "2026-02-28"
    assert run.run_after == datetime(2026, 2, 28, 16, tzinfo=UTC), "midnight in Shanghai"


def test_a_backfill_takes_in_the_last_date_that_it_was_asked_for(daily_schedule: Any) -> None:
    asked = {"earliest": datetime(2026, 2, 27, tzinfo=UTC), "latest": datetime(2026, 3, 1, tzinfo=UTC)}
    runs = list(daily_schedule.iter_partition_dagrun_infos(**asked))
    assert [run.partition_key for run in runs] == ["2026-02-27", "2026-02-28", "2026-03-01"]


def test_a_date_run_by_schedule_by_hand_or_by_backfill_is_the_same_partition(daily_schedule: Any) -> None:
    import pendulum
    from airflow.timetables.base import TimeRestriction

    midnight = pendulum.datetime(2026, 3, 2, tz="Asia/Shanghai")
    scheduled = daily_schedule.next_dagrun_info_v2(
        last_dagrun_info=None, restriction=TimeRestriction(earliest=midnight, latest=None, catchup=True)
    )
    day = datetime(2026, 3, 1, tzinfo=UTC)
    (backfilled,) = daily_schedule.iter_partition_dagrun_infos(earliest=day, latest=day)
    by_hand = daily_schedule._decode_partition_date("2026-03-01")
    assert scheduled.partition_date == backfilled.partition_date == by_hand


@pytest.mark.parametrize(("month", "days"), [("2026-02", 28), ("2028-02", 29), ("2026-12", 31)])
def test_a_month_closes_when_each_of_its_days_is_published(dag_bag: Any, month: str, days: int) -> None:
    mapper = stored(dag_bag.dags["month_close"]).timetable.default_partition_mapper
    needed = mapper.to_upstream(month)
    assert needed == {f"{month}-{day:02}" for day in range(1, days + 1)}
    assert {mapper.to_downstream(key) for key in needed} == {month}
    assert not mapper.wait_policy.is_satisfied(matched=days - 1, expected=days), "one day is missing"
    assert mapper.wait_policy.is_satisfied(matched=days, expected=days)


def test_a_run_without_a_date_says_how_to_give_one() -> None:
    from dags.run_key import as_date

    assert as_date("2026-01-31") == date(2026, 1, 31)
    with pytest.raises(RefusedError, match="names no business date") as refused:
        as_date("None")
    assert refused.value.next_command


def chosen(**given: Any) -> list[date]:
    from dags.run_key import chosen_dates

    return chosen_dates({"from_date": None, "to_date": None, "dates": []} | given)


def test_dates_to_restate_may_be_a_range_and_single_dates_and_come_in_order() -> None:
    assert chosen(from_date="2026-02-27", to_date="2026-03-01", dates=["2026-02-01", "2026-02-28"]) == [
        date(2026, 2, 1),
        date(2026, 2, 27),
        date(2026, 2, 28),
        date(2026, 3, 1),
    ]


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ({}, "no business date was chosen"),
        ({"from_date": "2026-02-27"}, "both from_date and to_date"),
        ({"from_date": "2026-02-27", "to_date": "2026-02-26"}, "not before it"),
    ],
)
def test_a_restatement_of_unclear_dates_is_refused(given: dict[str, Any], why: str) -> None:
    with pytest.raises(RefusedError, match=why):
        chosen(**given)


@pytest.mark.parametrize("dag_id", ["post_loan_daily", "restate", "month_close"])
@pytest.mark.parametrize(
    "text",
    [
        '"; touch /tmp/x #',
        "2026-01-31; drop table x",
        "2026-13-01",
        "2026-02-30",
        "$(id)",
        "{{ 7 * 7 }}",
        "\n2026-01-31",
        "2026-01\n",
    ],
)
def test_no_parameter_takes_what_is_not_a_date(dag_bag: Any, dag_id: str, text: str) -> None:
    from airflow.sdk.exceptions import ParamValidationError

    params = dag_bag.dags[dag_id].params
    dated = [name for name in params if "date" in name or name == "month"]
    assert dated
    for name in dated:
        value = [text] if name == "dates" else text
        with pytest.raises(ParamValidationError):
            params.get_param(name).resolve(value)


@pytest.fixture
def at_six(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is 06:00 of 2 March 2026 in Shanghai."""
    moment = datetime(2026, 3, 1, 22, 0, tzinfo=UTC).timestamp()
    monkeypatch.setattr("dags.publish_deadline.time.time", lambda: moment)


@pytest.mark.usefixtures("at_six")
@pytest.mark.parametrize(
    ("key", "due"),
    [
        pytest.param("2026-03-01", datetime(2026, 3, 2, 0, 0, tzinfo=UTC), id="yesterday's lists are due at eight"),
        pytest.param("2026-02-28", None, id="a date that is run again later has no hour"),
        pytest.param(None, None, id="a run without a key has no hour"),
        pytest.param("2026-2-1", None, id="an odd key does not stop the scheduler"),
    ],
)
def test_the_lists_of_a_date_are_due_on_the_morning_after(key: str | None, due: datetime | None) -> None:
    from dags.publish_deadline import DayAfterAt

    assert DayAfterAt(8, "Asia/Shanghai").due(key) == due


def test_the_scheduler_knows_the_hour_of_the_daily_run(dag_bag: Any) -> None:
    from airflow.serialization.decoders import decode_deadline_alert
    from airflow.serialization.encoders import encode_deadline_alert

    reference = decode_deadline_alert(encode_deadline_alert(dag_bag.dags["post_loan_daily"].deadline[0])).reference
    assert (reference.inner_ref.hour, reference.inner_ref.timezone) == (8, "Asia/Shanghai")


def test_the_daily_run_can_be_cleared_although_it_has_a_deadline(dag_bag: Any) -> None:
    from airflow.serialization.encoders import encode_deadline_alert

    # Airflow 3.3 answers with an error 500 when a run with this reference is cleared: apache/airflow#70368
    reference = encode_deadline_alert(dag_bag.dags["post_loan_daily"].deadline[0])["reference"]
    assert reference["reference_type"] != "DagRunQueuedAtDeadline"
