"""The daily report of a lender and what it says of its signals: the database's figures, and the same by another way."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import pairwise
from typing import Any

import pytest

from include.errors import PostloanError
from include.jobs.decide_quality import month_ended
from include.jobs.deliver import deliver
from include.jobs.land import land
from include.jobs.publish import rollback
from include.jobs.rebuild import rebuild
from include.jobs.report import report
from include.landing.discover import connected_systems
from include.sample_bank.bank import SampleBank
from include.sample_bank.behaviours import STRESSED
from include.sample_bank.systems import EVERYTHING
from include.settings import Settings
from include.warehouse.connection import connect
from tests.support.days import compute

HISTORY_TO = date(2026, 1, 4)
# the openings of 7 and 17 January have had their 97 days on 30 April, nothing has on 28 February
DATES = [date(2026, 1, 4), date(2026, 1, 7), date(2026, 1, 17), date(2026, 2, 28), date(2026, 3, 20), date(2026, 4, 30)]
JANUARY, FEBRUARY, MARCH, APRIL = DATES[2], DATES[3], DATES[4], DATES[5]
# late on a published date inside the window of an opening, from the days past due that readers see
BY_ANOTHER_WAY = """
    with opened as (
        select loan_id, as_of_date as opened_date, signal_codes from serving.warning_list_history as listed
        where as_of_date in (%(first)s, %(second)s) and change = 'NEW' and days_past_due = 0
    ),
    outcome as (
        select opened.loan_id, exists (
            select from serving.loan_position_history as position
            where position.loan_id = opened.loan_id and (
                position.days_past_due > 30
                and position.oldest_unpaid_due_date + 31 between opened.opened_date + 1 and opened.opened_date + 90
                or position.loan_status in ('CHARGED_OFF', 'SOLD')
                and position.business_date between opened.opened_date + 1 and opened.opened_date + 90)) as is_true
        from opened
    )
    select count(*), count(*) filter (where is_true) from outcome
"""
# late for the first time in ninety days, of those whose ninety days before lie behind the first publication
LATE_AND_WARNED = """
    with late as (
        select loan_id, oldest_unpaid_due_date + 31 as late_date
        from serving.loan_position_history where days_past_due > 30
        union
        select loan_id, min(business_date) from serving.loan_position_history
        where loan_status in ('CHARGED_OFF', 'SOLD') group by loan_id
    ),
    trouble as (
        select loan_id, late_date from late
        where late_date between %(from)s and %(to)s and not exists (
            select from late as former where former.loan_id = late.loan_id
                and former.late_date between late.late_date - 90 and late.late_date - 1)
    )
    select count(*), count(*) filter (where exists (
        select from serving.warning_list_history as listed
        where listed.loan_id = trouble.loan_id and listed.change = 'NEW' and listed.days_past_due = 0
            and listed.as_of_date > %(from)s - 90 - 1
            and listed.as_of_date between trouble.late_date - 90 and trouble.late_date - 1))
    from trouble
"""


@dataclass(frozen=True)
class Lender:
    settings: Settings
    runs: list[str]
    page: str
    differences: list

    def rows(self, query: str, parameters: object = ()) -> list[tuple]:
        with connect(self.settings, role="postloan_auditor") as connection:
            return connection.execute(query, parameters).fetchall()

    def value(self, query: str, *parameters: object) -> Any:
        return self.rows(query, parameters)[0][0]

    def fact(self, name: str) -> str:
        """The number that the page shows under a name."""
        return re.findall(rf'data-fact="{re.escape(name)}">([^<]*)<', self.page)[0]


@pytest.fixture(scope="module")
def lender(server, template_warehouse: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lender]:
    server.create_database("report", template=template_warehouse)
    settings = server.settings_for("report", tmp_path_factory.mktemp("report"))
    first = HISTORY_TO - timedelta(days=400)
    bank = SampleBank(11, 400, first, window_days=560, mix=STRESSED, systems=EVERYTHING)
    bank.write_history(settings.landing, HISTORY_TO)
    for former, day in pairwise(DATES):
        bank.write_day(settings.landing, day, since=former)
    runs = []
    for day in DATES:
        for system in connected_systems(settings.landing):
            land(day, system, settings)
        runs.append(compute(day, settings, audited=False))
    deliver(runs[-1], settings)
    path = settings.exports / str(APRIL) / runs[-1] / "report.html"
    _, differences = rebuild(APRIL, settings)
    yield Lender(settings, runs, path.read_text(encoding="utf-8"), differences)
    server.drop_database("report")


@pytest.mark.parametrize(
    ("name", "query"),
    [
        ("listed", "select count(*) from serving.warning_list"),
        ("listed.early", "select count(*) from serving.warning_list where lane_code = 'EARLY'"),
        ("entered", "select count(*) from serving.warning_list where change in ('NEW', 'REOPENED')"),
        ("cleared", "select count(*) from serving.warning_cleared"),
        ("critical", "select count(*) from serving.warning_list where severity = 'RED_CRITICAL'"),
        ("loans.1", "select count(*) from serving.loan_position where is_live"),
        ("overdue", "select count(*) from serving.revisit_plan where overdue_days > 0"),
        ("coverage.live", "select count(*) from serving.loan_position where is_live"),
        ("coverage.planned", "select count(*) from serving.revisit_plan where due_date is not null"),
        ("gaps", "select count(*) from serving.coverage_gap"),
    ],
)
def test_a_count_of_the_page_is_the_databases(lender: Lender, name: str, query: str) -> None:
    assert lender.fact(name) == f"{lender.value(query):,}"


def test_amounts_and_ratios_of_the_page_are_the_databases(lender: Lender) -> None:
    for name, column in (("principal.1", "principal_outstanding_amount"), ("past_due.1", "past_due_amount")):
        total = lender.value(f"select sum({column}) from serving.loan_position where is_live")
        assert lender.fact(name) == f"{total:,.2f}"
    ratio = lender.value(
        "select round(100 * coalesce(sum(principal_outstanding_amount) filter (where days_past_due > 30), 0) "
        "/ sum(principal_outstanding_amount), 2) from serving.loan_position where is_live"
    )
    assert lender.fact("par30.1") == f"{ratio}%"


def test_the_trend_follows_the_runs_own_chain_and_its_figures_are_those_of_each_date(lender: Lender) -> None:
    rows = re.findall(r"<tr><td>(\d{4}-\d\d-\d\d)</td><td>([\d,]+)</td><td>([\d,.]+)</td>", lender.page)
    amounts = {day: (loans, principal) for day, loans, principal in rows if "." in principal}
    assert sorted(amounts) == [str(day) for day in DATES]
    for day in DATES:
        loans, principal = amounts[str(day)]
        of_day = "serving.loan_position_as_of(%s) where is_live"
        assert loans == f"{lender.value(f'select count(*) from {of_day}', day):,}"
        assert principal == f"{lender.value(f'select sum(principal_outstanding_amount) from {of_day}', day):,.2f}"


def test_who_came_and_went_on_each_date_adds_up_to_the_list(lender: Lender) -> None:
    rows = re.findall(r"<tr><td>(\d{4}-\d\d-\d\d)</td><td>(\d+)</td><td>(\d+|-)</td><td>(\d+)</td></tr>", lender.page)
    assert [row[0] for row in rows] == [str(day) for day in reversed(DATES)]
    for day, listed, entered, left in rows:
        on = "_as_of(%s::date)"
        assert int(listed) == lender.value(f"select count(*) from serving.warning_list{on}", day)
        assert int(left) == lender.value(f"select count(*) from serving.warning_cleared{on}", day)
        new = lender.value(f"select count(*) from serving.warning_list{on} where previous_severity is null", day)
        assert entered == (str(new) if day != str(DATES[0]) else "-")


def test_done_revisits_stand_under_the_channel_that_did_them(lender: Lender) -> None:
    shown = lender.page[lender.page.index("Done in the last 30 days") :]
    in_page = sum(int(one) + int(late) for one, late in re.findall(
        r"<tr><td><span[^<]*</span><span[^<]*</span></td><td>(\d+)</td><td>(\d+)</td></tr>",
        shown[: shown.index("Due in the week ahead")],
    ))  # fmt: skip
    done = lender.value(
        "select count(*) from serving.revisit_plan where last_fulfilled_date > %s - 30 and last_fulfilled_date <= %s",
        DATES[-1], DATES[-1],
    )  # fmt: skip
    assert in_page == done > 0


def test_what_the_list_is_credited_with_is_what_its_early_warnings_came_to(lender: Lender) -> None:
    shown = lender.rows(
        "select matured_count, confirmed_count, matured_from_date, matured_to_date from serving.signal_quality "
        "where signal_code = 'WHOLE_LIST' and status_code = 'MATURE'"
    )
    ((matured, confirmed),) = lender.rows(BY_ANOTHER_WAY, {"first": DATES[1], "second": JANUARY})
    assert shown == [(matured, confirmed, DATES[1], date(2026, 1, 23))]
    assert 0 < confirmed < matured


def test_every_signal_is_judged_by_its_own_openings(lender: Lender) -> None:
    by_episode = lender.rows(
        "select signal_code, count(*) from serving.warning_episode_history as episode "
        "where opened_date = as_of_date and as_of_date in (%s, %s) and opened_days_past_due = 0 group by 1 order by 1",
        (DATES[1], JANUARY),
    )
    shown = lender.rows(
        "select signal_code, matured_count from serving.signal_quality "
        "where signal_code <> 'WHOLE_LIST' and matured_count > 0 order by 1"
    )
    assert shown == by_episode
    assert len(shown) > 2
    assert lender.rows("select count(*) from serving.signal_quality where signal_code = 'missed_instalment' "
                       "and matured_count = 0 and alert_count > 0 and early_alert_count = 0") == [(1,)]  # fmt: skip


def test_a_loan_that_became_late_was_warned_of_or_not(lender: Lender) -> None:
    shown = lender.rows(
        "select late_count, warned_late_count from serving.signal_quality where signal_code = 'WHOLE_LIST'"
    )
    by_another_way = lender.rows(LATE_AND_WARNED, {"from": DATES[1] + timedelta(days=90), "to": APRIL})
    assert shown == by_another_way
    assert shown[0][0] > 0


def test_what_the_first_run_finds_open_was_not_opened_on_that_day(lender: Lender) -> None:
    assert lender.rows("select sum(alert_count), min(signal_code) from serving.signal_quality_as_of(%s)", (HISTORY_TO,)
                       ) == [(0, "WHOLE_LIST")]  # fmt: skip
    assert lender.value("select count(*) from serving.warning_list_as_of(%s)", HISTORY_TO) > 20


def test_before_its_time_nothing_is_claimed(lender: Lender) -> None:
    assert lender.rows(
        "select distinct status_code, matured_count, confirmed_count, lead_median_days, measured_date "
        "from serving.signal_quality_as_of(%s)", (FEBRUARY,),
    ) == [("NOT_MATURE", 0, None, None, FEBRUARY)]  # fmt: skip


def test_between_two_month_ends_the_figures_are_carried(lender: Lender) -> None:
    measured = "select array_agg(distinct measured_date) from serving.signal_quality_as_of(%s)"
    assert lender.rows(measured, (MARCH,)) == [([FEBRUARY],)]
    assert lender.rows(measured, (APRIL,)) == [([APRIL],)]


def test_a_full_rebuild_judges_the_signals_the_same(lender: Lender) -> None:
    assert lender.differences == []


@pytest.mark.parametrize(
    ("base", "day", "is_measured"),
    [
        pytest.param(date(2026, 1, 30), date(2026, 1, 31), True, id="the last day of a month"),
        pytest.param(date(2026, 1, 31), date(2026, 2, 1), False, id="the first day after it"),
        pytest.param(date(2026, 1, 30), date(2026, 2, 2), True, id="a month-end that was never published"),
        pytest.param(date(2026, 2, 1), date(2026, 2, 27), False, id="inside a month"),
    ],
)
def test_signals_are_judged_on_the_first_publication_that_a_month_end_has_come_by(
    base: date, day: date, is_measured: bool
) -> None:
    assert month_ended(base, day) is is_measured


def test_an_earlier_date_rolled_back_changes_no_report_of_a_later_run(lender: Lender) -> None:
    rollback(DATES[0], lender.settings, reason="to see what the later report says")
    run_id, page = report(DATES[-1], lender.settings)
    assert run_id == lender.runs[-1]
    assert page.decode() == lender.page
    with pytest.raises(PostloanError, match="is not published"):
        report(DATES[0], lender.settings)
