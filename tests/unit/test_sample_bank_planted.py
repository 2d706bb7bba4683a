"""What the answer key says was planted is there to be found in the deliveries, and the innocent is innocent."""

from collections import defaultdict
from dataclasses import replace
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest

from include.business_calendar import is_workday
from include.sample_bank.bank import SampleBank
from include.sample_bank.behaviours import STRESSED
from include.sample_bank.systems import EVERYTHING

FIRST, HISTORY_TO = date(2024, 9, 1), date(2026, 1, 8)
SINCE = HISTORY_TO - timedelta(days=100)  # contacts are delivered for 120 days, accounts for 190
LOCAL = timezone(timedelta(hours=8))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("planted")
    mix = replace(STRESSED, planted=3)
    days = (HISTORY_TO - FIRST).days + 30
    bank = SampleBank(8, 2_500, FIRST, window_days=days, mix=mix, systems=EVERYTHING)
    bank.write_history(folder / "landing", HISTORY_TO)
    bank.write_truth(folder / "truth", [HISTORY_TO])
    return folder


@pytest.fixture(scope="module")
def planted(folder):
    return pd.read_parquet(folder / "truth" / "planted.parquet")


@pytest.fixture(scope="module")
def tables(folder):
    """Every table as text, read when it is asked for."""
    read = {}

    def table(name):
        if name not in read:
            (path,) = folder.glob(f"landing/*/*/history/{name}.csv")
            read[name] = pd.read_csv(path, dtype=str, keep_default_na=False)
        return read[name]

    return table


def of_kind(planted, kind, since=SINCE, until=HISTORY_TO):
    rows = planted[(planted["kind"] == kind) & (planted["knowable_date"] >= since)]
    return rows[rows["knowable_date"] <= until]


def day(text):
    return date.fromisoformat(text)


def test_nothing_is_knowable_before_it_happens_nor_over_before_it_begins(planted):
    assert (planted["knowable_date"] >= planted["happens_date"]).all()
    ends = planted[planted["ends_date"].notna()]
    assert (ends["ends_date"] >= ends["happens_date"]).all() and len(ends) > 100
    assert planted.groupby("kind")["is_innocent"].nunique().eq(1).all()


@pytest.mark.parametrize("kind", ["PROPERTY", "SECURITIES", "WEALTH", "CRYPTO", "GAMBLING", "TWO_HOPS"])
def test_misused_money_reaches_whom_it_may_not_on_the_day_of_the_answer_key(planted, tables, kind):
    moves = tables("account_transaction")
    party = {"WEALTH": ["WEALTH_MANAGEMENT"], "TWO_HOPS": ["PROPERTY", "SECURITIES"]}.get(kind, [kind])
    facts = of_kind(planted, f"MISUSE_{kind}", until=HISTORY_TO - timedelta(days=5))
    assert len(facts) >= 3
    for fact in facts.itertuples():
        its = moves[(moves["borrower_id"] == fact.borrower_id) & moves["counterparty_class_code"].isin(party)]
        its = its[(its["booking_date"] >= str(fact.happens_date)) & (its["direction_code"] == "OUT")]
        assert its["booking_date"].min() == str(fact.knowable_date)
        assert its["amount"].map(Decimal).cumsum().isin([fact.amount]).any()


def test_a_flat_bought_with_other_money_is_paid_by_what_came_in_the_day_before(planted, tables):
    moves = tables("account_transaction")
    flats = moves[moves["counterparty_class_code"] == "PROPERTY"]
    innocent = set(planted[planted["kind"] == "PROPERTY_OTHER_MONEY"]["borrower_id"])
    flats = flats[flats["borrower_id"].isin(innocent - set(planted[~planted["is_innocent"]]["borrower_id"]))]
    assert len(flats) >= 2
    for flat in flats.itertuples():
        before = str(day(flat.booking_date) - timedelta(days=1))
        its = moves[(moves["borrower_id"] == flat.borrower_id) & (moves["booking_date"] == before)]
        assert ((its["amount"] == flat.amount) & (its["direction_code"] == "IN")).any()


def test_a_salary_that_stopped_never_comes_again_and_one_that_is_late_comes(planted, tables):
    moves = tables("account_transaction")
    salaries = moves[moves["movement_code"] == "SALARY"]
    since = HISTORY_TO - timedelta(days=145)
    stopped, late = of_kind(planted, "SALARY_STOPPED", since), of_kind(planted, "SALARY_LATE", since)
    assert len(stopped) >= 5 and len(late) >= 5
    for fact in stopped.itertuples():
        its = salaries[salaries["borrower_id"] == fact.borrower_id]["booking_date"]
        assert (its < str(fact.happens_date)).all()
    for fact in late[late["knowable_date"] <= HISTORY_TO - timedelta(days=20)].itertuples():
        its = salaries[salaries["borrower_id"] == fact.borrower_id]["booking_date"].map(day)
        soon = (its >= fact.happens_date) & (its <= fact.knowable_date + timedelta(days=20))
        assert soon.any(), fact


def test_debt_and_delinquency_elsewhere_are_in_the_pull_that_makes_them_known(planted, tables):
    reports, lines = tables("bureau_report"), tables("bureau_tradeline")
    pulled = reports.set_index(["borrower_id", "pull_date"])
    others = lines[lines["is_own_lender"] == "false"]
    since = HISTORY_TO - timedelta(days=150)
    found = 0
    for fact in of_kind(planted, "DEBT_GROWTH", since).itertuples():
        pull = fact.borrower_id, str(fact.knowable_date)
        if pull in pulled.index:
            its = others[(others["borrower_id"] == pull[0]) & (others["pull_date"] == pull[1])]
            assert (its["opened_date"] >= str(fact.happens_date)).any()
            found += 1
    for fact in of_kind(planted, "DELINQUENT_ELSEWHERE", since).itertuples():
        pull = fact.borrower_id, str(fact.knowable_date)
        if pull in pulled.index:
            its = others[(others["borrower_id"] == pull[0]) & (others["pull_date"] == pull[1])]
            assert its["days_past_due"].astype(int).max() >= 8
            found += 1
    assert found > 50


def test_a_refinanced_debt_is_no_larger_afterwards(planted, tables):
    lines = tables("bureau_tradeline")
    elsewhere = lines[(lines["is_own_lender"] == "false") & lines["account_type_code"].isin(["PERSONAL_LOAN"])]
    debt = elsewhere.groupby(["borrower_id", "pull_date"])["balance_amount"].apply(
        lambda column: sum(map(Decimal, column))
    )
    found = 0
    for fact in of_kind(planted, "REFINANCED", HISTORY_TO - timedelta(days=140)).itertuples():
        its = debt.loc[fact.borrower_id] if fact.borrower_id in debt.index else debt.iloc[:0]
        before, after = its[its.index < str(fact.happens_date)], its[its.index >= str(fact.happens_date)]
        if len(before) and len(after):
            assert after.iloc[0] <= before.iloc[-1] * Decimal("1.02")
            found += 1
    assert found >= 5


def test_for_some_the_bureau_knows_before_us_and_for_others_long_after(folder, planted):
    loans = pd.read_parquet(folder / "truth" / "loans.parquet")
    missed = loans.groupby("borrower_id")["first_missed_due_date"].min()
    elsewhere = planted[planted["kind"] == "DELINQUENT_ELSEWHERE"].set_index("borrower_id")["happens_date"]
    both = pd.concat([missed, elsewhere], axis=1, join="inner").dropna()
    ahead = (both["happens_date"] < both["first_missed_due_date"]).sum()
    assert 10 <= ahead <= len(both) - 10


def test_a_pull_is_only_of_somebody_who_has_a_loan_open_that_day(tables):
    loans = tables("loan_contract")
    ends = loans["status_date"].where(loans["contract_status"] != "ACTIVE", "9999-12-31")
    open_from, open_until = (
        loans.groupby("borrower_id")["disbursement_date"].min(),
        ends.groupby(loans["borrower_id"]).max(),
    )
    reports = tables("bureau_report")
    assert len(reports) > 2_000 and reports["consent_id"].ne("").all()
    assert (reports["pull_date"] >= reports["borrower_id"].map(open_from)).all()
    assert (reports["pull_date"] < reports["borrower_id"].map(open_until)).all()


def test_who_is_unreachable_never_answers_and_who_is_hard_to_reach_does_in_the_end(planted, tables):
    calls = tables("contact_event")
    gone = of_kind(planted, "UNREACHABLE")
    assert len(gone) >= 5
    for fact in gone.itertuples():
        its = calls[(calls["borrower_id"] == fact.borrower_id) & (calls["contact_date"] >= str(fact.happens_date))]
        its = its[(its["is_inbound"] == "false") & (its["channel_code"] == "PHONE")]
        assert (its["is_connected"] == "false").all()
        assert (its["contact_date"] <= str(fact.knowable_date)).sum() >= 5
    hard = of_kind(planted, "HARD_TO_REACH", until=HISTORY_TO - timedelta(days=10))
    for fact in hard.itertuples():
        its = calls[(calls["borrower_id"] == fact.borrower_id) & (calls["contact_date"] >= str(fact.happens_date))]
        assert (its["outcome_code"] == "REACHED").any()
    assert len(hard) >= 5


def test_a_promise_is_kept_broken_or_kept_in_part_by_what_was_really_paid(planted, tables):
    paid = defaultdict(list)
    for row in tables("repayment_transaction").itertuples():
        paid[row.loan_id].append((row.value_date, Decimal(row.amount)))
    promises = tables("promise_to_pay")
    truth = defaultdict(set)
    for fact in planted[planted["kind"].str.startswith("PROMISE_")].itertuples():
        truth[fact.loan_id, str(fact.happens_date)].add(fact.kind)
    seen = set()
    for promise in promises[promises["promised_date"] < str(HISTORY_TO - timedelta(days=10))].itertuples():
        its = paid[promise.loan_id]
        total = sum(amount for value_date, amount in its if promise.made_date <= value_date <= promise.promised_date)
        owed = Decimal(promise.promised_amount)
        kind = "KEPT" if total >= owed - 1 else "PARTIAL" if total > 0 else "BROKEN"
        kind = "WITHDRAWN" if promise.is_withdrawn == "true" else kind
        assert f"PROMISE_{kind}" in truth[promise.loan_id, promise.made_date], promise
        seen.add(kind)
    assert seen == {"KEPT", "PARTIAL", "BROKEN", "WITHDRAWN"}


def test_a_technical_overdue_is_the_banks_own_fault_and_over_within_days(planted, tables):
    facts = of_kind(planted, "TECHNICAL_OVERDUE", until=HISTORY_TO - timedelta(days=5))
    moves, calls = tables("account_transaction"), tables("contact_event")
    complained = set(calls[calls["purpose_code"] == "COMPLAINT"]["loan_id"])
    assert 0 < len(complained & set(facts["loan_id"])) < len(facts)
    assert len(facts) >= 5
    for fact in facts.itertuples():
        assert fact.ends_date - fact.happens_date <= timedelta(days=3)
        its = moves[moves["loan_id"] == fact.loan_id]
        window = (its["booking_date"] >= str(fact.happens_date)) & (its["booking_date"] <= str(fact.ends_date))
        assert (its[window]["movement_code"] == "LOAN_REPAYMENT").any()
        assert not (its[window]["movement_code"] == "AUTODEBIT_FAILED").any()


def test_people_are_called_on_working_days_inside_lawful_hours(tables):
    calls = tables("contact_event")
    outbound = calls[(calls["is_inbound"] == "false") & calls["channel_code"].isin(["PHONE", "FIELD"])]
    ladder = outbound[outbound["purpose_code"] == "COLLECTION"]
    assert len(ladder) > 300 and all(is_workday(day(text)) for text in ladder["contact_date"].unique())
    for row in calls.itertuples():
        began = datetime.fromisoformat(row.started_at).astimezone(LOCAL)
        assert str(began.date()) == row.contact_date and 8 <= began.hour < 22


def test_officers_are_planned_for_working_days_make_up_days_included(tables):
    planned = tables("officer_capacity")
    days = {day(text) for text in planned["work_date"]}
    assert all(is_workday(text) for text in days)
    assert date(2026, 1, 4) in days  # a Sunday that is worked to make up for the New Year's holiday
    assert planned["max_call_count"].eq("0").any()


def test_the_same_seed_makes_the_same_bytes_and_the_first_loans_do_not_know_how_many_follow(tmp_path):
    for name, loans in (("once", 200), ("twice", 200), ("more", 400)):
        bank = SampleBank(
            8, loans, FIRST, window_days=500, mix=STRESSED, systems=EVERYTHING, golden_on=date(2025, 12, 1)
        )
        bank.write_history(tmp_path / name, HISTORY_TO)
    once = {path.relative_to(tmp_path / "once"): path.read_bytes() for path in (tmp_path / "once").rglob("*.csv")}
    twice = {path.relative_to(tmp_path / "twice"): path.read_bytes() for path in (tmp_path / "twice").rglob("*.csv")}
    assert once == twice and len(once) == 21
    for path, content in once.items():
        if path.name not in ("gl_balance.csv",):
            longer = set((tmp_path / "more" / path).read_bytes().splitlines())
            assert set(content.splitlines()) <= longer, path
    assert np.all([path.stat().st_size > 0 for path in tmp_path.rglob("*.csv")])
