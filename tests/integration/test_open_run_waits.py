"""Two dates at once, as a backfill beside the daily run: the later one waits, and never stands in the other's way."""

import threading
import time
from datetime import date

import pytest

from include.errors import PostloanError, WriterBusyError
from include.jobs.open_run import open_run
from include.settings import Settings
from include.warehouse.connection import connect
from include.warehouse.runs import end_run, job_lock

HOLDER = "00000000000000aa"


@pytest.fixture
def held(settings: Settings) -> Settings:
    """A warehouse that the run of another date holds, between two of its steps."""
    with connect(settings, role="postloan_owner") as connection:
        connection.execute(
            "insert into ops.run (run_id, business_date, known_date, kind, is_keyframe, status, policy_hash, code_hash)"
            " values (%s, '2026-01-05', '2026-01-05', 'daily', true, 'OPEN', 'p', 'c')",
            (HOLDER,),
        )
        connection.execute("update ops.writer set run_id = %s, attempt = 1", (HOLDER,))
    return settings.model_copy(update={"writer_wait_seconds": 240})


def test_the_holder_goes_on_with_its_next_step_while_another_date_waits(
    held: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", logger="include.jobs.open_run")
    opened: list[BaseException] = []

    def open_the_next_date() -> None:
        try:
            open_run(date(2026, 1, 6), held)
        except PostloanError as error:  # nothing has landed here: that it says so means that it was let in
            opened.append(error)

    waiting = threading.Thread(target=open_the_next_date)
    waiting.start()
    deadline = time.monotonic() + 120  # it loads the policies first
    while f"waiting for run {HOLDER}" not in caplog.text and time.monotonic() < deadline:
        time.sleep(0.1)
    with job_lock(held, wait_seconds=30):  # what every step of the holder takes first
        assert waiting.is_alive()
    with connect(held, role="postloan_owner") as connection:
        end_run(connection, HOLDER, "ABANDONED")
    waiting.join(timeout=60)
    assert [str(error).splitlines()[0] for error in opened] == ["nothing has landed up to 2026-01-06"]


def test_a_date_that_waited_in_vain_names_the_holder_and_the_way_out(held: Settings) -> None:
    impatient = held.model_copy(update={"writer_wait_seconds": 1})
    with pytest.raises(WriterBusyError, match=f"run {HOLDER} of 2026-01-05 holds the warehouse") as busy:
        open_run(date(2026, 1, 6), impatient)
    assert f"postloan run abandon {HOLDER}" in str(busy.value.next_command)
