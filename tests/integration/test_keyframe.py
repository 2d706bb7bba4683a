"""What a keyframe proves: a loan that nothing touched comes out as the base shows it."""

import pytest

from include.errors import AuditError
from include.jobs import open_run as open_run_job
from include.jobs.open_run import open_run
from include.jobs.transform import transform
from include.settings import Settings
from include.warehouse.connection import connect
from tests.support.days import compute, land_all
from tests.support.small_bank import HISTORY_TO, day, deliver_days

MONTH_END = day(21)


@pytest.fixture
def before_month_end(settings: Settings) -> Settings:
    """The history is published, and the month-end has landed."""
    bank = deliver_days(settings.landing, 0)
    land_all(HISTORY_TO, settings)
    compute(HISTORY_TO, settings, audited=False)
    bank.write_day(settings.landing, MONTH_END, since=HISTORY_TO)
    land_all(MONTH_END, settings)
    return settings


def alter_a_quiet_loan(settings: Settings) -> str:
    """Change a published row behind everybody's back, as a forgotten clause of the touched set would."""
    with connect(settings, role="postloan_owner") as connection:
        connection.execute("alter table published.loan_position disable trigger user")
        (loan_id,) = connection.execute(
            "update published.loan_position set unapplied_amount = unapplied_amount + 1 where loan_id = "
            "(select min(loan_id) from published.loan_position where changes_on > %s and loan_id not in "
            "(select loan_id from published.warning_list)) returning loan_id",
            (MONTH_END,),
        ).fetchone()
        connection.execute("alter table published.loan_position enable trigger user")
    return loan_id


def test_the_month_end_writes_every_loan_and_finds_the_untouched_ones_unchanged(before_month_end: Settings) -> None:
    run_id = compute(MONTH_END, before_month_end, audited=False)
    with connect(before_month_end, role="postloan_owner") as connection:
        carried, touched = connection.execute(
            "select count(*) filter (where is_carried), count(*) filter (where not is_carried) "
            "from published.touched_loan where run_id = %s",
            (run_id,),
        ).fetchone()
        depths = connection.execute("select count(*) from ops.run_chain where run_id = %s", (run_id,)).fetchone()
    assert carried > 0
    assert touched > 0
    assert depths == (1,), "a keyframe stands alone"


def test_an_untouched_loan_that_differs_from_the_base_stops_the_month_end(before_month_end: Settings) -> None:
    loan_id = alter_a_quiet_loan(before_month_end)
    run_id = open_run(MONTH_END, before_month_end)
    with pytest.raises(AuditError, match=f"unapplied_amount 1.*{loan_id}"):
        transform(run_id, before_month_end)
    with connect(before_month_end, role="postloan_owner") as connection:
        assert connection.execute("select status from ops.run where run_id = %s", (run_id,)).fetchone() == ("FAILED",)


def test_where_the_rules_changed_the_difference_is_reported_as_their_effect(
    before_month_end: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    alter_a_quiet_loan(before_month_end)
    monkeypatch.setattr(open_run_job, "code_hash", lambda: "f" * 64)
    run_id = open_run(MONTH_END, before_month_end)
    assert transform(run_id, before_month_end)["changed_by_new_rules"] == 1
    with connect(before_month_end, role="postloan_owner") as connection:
        effect = connection.execute(
            "select data_set, column_name, row_count from ops.run_effect where run_id = %s", (run_id,)
        ).fetchall()
    assert effect == [("loan_position", "unapplied_amount", 1)]
