"""The scripted bad winter: what it promises to those who drive it."""

import gzip
import hashlib
from dataclasses import replace
from datetime import date, timedelta

import pytest

from include.sample_bank.faults import REFUSED, USUAL
from include.sample_bank.scenario import HISTORY_TO, SCRIPT, scenario


def digest(folder):
    whole = hashlib.sha256()
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        whole.update(str(path.relative_to(folder)).encode() + path.read_bytes())
    return whole.hexdigest()


@pytest.fixture(scope="module")
def played(tmp_path_factory):
    """The whole script, and what lay in the landing for each step's date when it was tried."""
    landing = tmp_path_factory.mktemp("scenario") / "landing"
    steps, digests = [], []
    for step in scenario(landing):
        step.write()
        steps.append(step)
        digests.append(
            {system: digest(landing / system / str(step.business_date)) for system in ("core_banking", "payments")}
        )
    return landing, steps, digests


def test_sixty_four_dates_are_published_over_two_month_ends_and_a_year_end(played):
    _, steps, _ = played
    published = [step.business_date for step in steps if step.expects == "published"]
    assert len(published) == len(set(published)) == 64
    assert published[0] == HISTORY_TO and published == sorted(published)
    month_ends = {date(2025, 11, 30), date(2025, 12, 31), date(2026, 1, 31)}
    assert month_ends <= set(published)


def test_every_fault_that_a_delivery_can_have_is_in_the_script():
    used = {fault.name for day in SCRIPT.values() for fault in day.faults}
    used |= {fault.name for day in SCRIPT.values() for fix in day.corrections for fault in fix.faults}
    used |= {name for day in SCRIPT.values() for name in day.broken}
    # late and corrected days are scripted as such; a missing day loses money for good; half_poisoned needs more rows
    further = {"unlawful_pulls", "pulls_after_closing", "unknown_borrowers", "balances_off", "ledger_off"}
    assert set(USUAL) - used == {"late", "corrected", "missing", "half_poisoned"} | further


def test_each_broken_delivery_is_followed_by_a_good_one_of_the_same_date(played):
    _, steps, digests = played
    refused = [number for number, step in enumerate(steps) if step.expects == "refused"]
    assert {steps[number].title for number in refused} == set(REFUSED) - {"half_poisoned"}
    for number in refused:
        again = steps[number + 1]
        assert (again.business_date, again.expects) == (steps[number].business_date, "published")
        assert digests[number] != digests[number + 1]


def test_each_fault_finds_rows_to_bite(played, tmp_path, monkeypatch):
    digests = played[2]
    faulty = {HISTORY_TO + timedelta(days=number) for number, day in SCRIPT.items() if day.faults}
    for number, day in SCRIPT.items():
        monkeypatch.setitem(SCRIPT, number, replace(day, faults=()))
    for step, with_faults in zip(scenario(tmp_path), digests, strict=True):
        step.write()
        if step.business_date in faulty and step.expects == "published":
            without = {system: digest(tmp_path / system / str(step.business_date)) for system in with_faults}
            assert without != with_faults, step.business_date


def test_late_deliveries_arrive_and_days_that_nobody_delivers_come_with_the_next(played):
    landing, steps, _ = played
    late = {step.business_date for step in steps if step.expects == "late"}
    skipped = {step.business_date for step in steps if step.expects == "skipped"}
    assert len(late) == 4 and len(skipped) == 3
    for day in late:
        assert {
            (landing / system / str(day) / "manifest.json").exists() for system in ("core_banking", "payments")
        } == {True}
    for day in skipped:
        assert not (landing / "payments" / str(day)).exists()
    # the two days that nobody delivered in the new year come on 5 January
    (packed,) = (landing / "payments" / "2026-01-05").glob("*.csv.gz")
    lines = gzip.decompress(packed.read_bytes()).decode().splitlines()[1:]
    assert {line.split(",")[3] for line in lines} == {"2026-01-03", "2026-01-04", "2026-01-05"}


def test_the_same_seed_writes_the_same_files(tmp_path):
    for name in ("once", "again"):
        for step in scenario(tmp_path / name, dates=12, loans=60):
            step.write()
    assert digest(tmp_path / "once") == digest(tmp_path / "again")
