"""What a published run hands to people: complete, harmless, the same every time, and told once."""

import csv
import hashlib
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from expectations.catalogue import STAGES, suites
from include.durable_files import write_durably
from include.errors import RefusedError, WriterBusyError
from include.jobs.audit import audit
from include.jobs.deliver import DELIVER_LOCK, damaged_files, deliver
from include.jobs.deliver_lists import ORDERS
from include.settings import PROJECT_DIR, Settings
from include.warehouse.connection import connect
from tests.integration import audit_example as example
from tests.support.mail import MailBox

FOLDER = Path(example.TODAY.isoformat()) / example.RUN


@pytest.fixture
def published(settings: Settings) -> Settings:
    """A warehouse in which today's run was audited and published, and nothing of it delivered."""
    example.build_run(settings)
    publish(settings)
    return settings


def publish(settings: Settings) -> None:
    for stage in ("marts", "lists"):
        audit(example.RUN, settings, stage=stage)
    with connect(settings, role="postloan_owner") as connection:
        connection.execute(
            "update ops.run set status = 'PUBLISHED', is_sealed = true where run_id = %s", (example.RUN,)
        )
        connection.execute("insert into ops.publication select %s, data_set, %s from ops.publication",
                           (example.TODAY, example.RUN))  # fmt: skip
        connection.execute("update ops.writer set run_id = null, attempt = null")


# each list three times, the digest, the report, and the one officer's own file
FILES = 3 * len(ORDERS) + 3


def elsewhere(settings: Settings, home: Path, **changes: object) -> Settings:
    """The same warehouse, another place for files."""
    return settings.model_copy(update={"home": home, **changes})


def files_of(directory: Path) -> dict[str, bytes]:
    return {str(path.relative_to(directory)): path.read_bytes() for path in directory.rglob("*") if path.is_file()}


def test_the_lists_the_digest_and_the_pages_are_there_and_the_manifest_vouches_for_them(published: Settings) -> None:
    counts = deliver(example.RUN, published)
    assert counts == {
        "files": FILES,
        "mails": 0,
        "warning_list": 4,
        "warning_cleared": 2,
        "work_item": 4,
        "revisit_assignment": 2,
    }
    folder = published.exports / FOLDER
    manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    lists = {f"{name}.{ending}" for name in ORDERS for ending in ("csv", "xlsx", "parquet")}
    assert set(manifest["files"]) == lists | {"digest.md", "report.html", "officers/U1.csv"}
    for name, facts in manifest["files"].items():
        assert hashlib.sha256((folder / name).read_bytes()).hexdigest() == facts["sha256"]
    assert (folder / "data_docs" / "index.html").is_file()
    assert manifest["data_docs"]["pages"] == 1 + sum(len(tables) for tables in STAGES.values())


def test_a_list_opens_in_a_spreadsheet_with_chinese_labels_by_lane_worst_first_and_exact_amounts(
    published: Settings,
) -> None:
    deliver(example.RUN, published)
    content = (published.exports / FOLDER / "warning_list.csv").read_bytes()
    assert content.startswith(b"\xef\xbb\xbf")
    rows = list(csv.DictReader(content.decode("utf-8-sig").splitlines()))
    assert [row["贷款编号 loan_id"] for row in rows] == ["L02", "L04", "L08", "L03"]
    worst = rows[3]
    assert worst["严重度 severity"] == "RED"
    assert worst["逾期金额 past_due_amount"] == "350.55"
    assert worst["逾期天数 days_past_due"] == "40"
    assert worst["在列天数 days_on_list"] == "39"


def test_an_officer_finds_the_own_items_and_nobody_elses(published: Settings) -> None:
    deliver(example.RUN, published)
    content = (published.exports / FOLDER / "officers" / "U1.csv").read_text(encoding="utf-8-sig")
    rows = list(csv.DictReader(content.splitlines()))
    assert [(row["借款人编号 borrower_id"], row["负责人 officer_id"]) for row in rows] == [("B2", "U1")]


def test_the_digest_tells_the_day(published: Settings) -> None:
    deliver(example.RUN, published)
    text = (published.exports / FOLDER / "digest.md").read_text(encoding="utf-8")
    assert "Loans listed: 4 (5 in the base), cleared: 2." in text
    assert "Cleared: LOAN_NOT_LIVE 1, SIGNALS_CLEARED 1." in text
    rules = sum(len(suite.expectations) for stage in STAGES for suite in suites(stage, example.SCOPE).values())
    assert f"Rules: {rules}. Warnings: 0." in text
    assert "core_loan_balance principal_outstanding CNY: compared 9, breaking 1, open difference 10.00" in text
    assert "预警清单" in text


def test_delivering_again_changes_nothing(published: Settings) -> None:
    deliver(example.RUN, published)
    folder = published.exports / FOLDER
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("*")}
    assert deliver(example.RUN, published)["files"] == 0
    assert {path: path.stat().st_mtime_ns for path in folder.rglob("*")} == before


@pytest.mark.parametrize("damage", ["changed", "removed", "no manifest", "half a manifest"])
def test_what_is_not_as_it_should_be_is_written_again_to_the_same_bytes(published: Settings, damage: str) -> None:
    deliver(example.RUN, published)
    folder = published.exports / FOLDER
    good = files_of(folder)
    if damage == "changed":
        (folder / "warning_list.csv").write_bytes(good["warning_list.csv"].replace(b"350.55", b"350.56"))
    elif damage == "removed":
        (folder / "warning_cleared.csv").unlink()
    elif damage == "no manifest":
        (folder / "manifest.json").unlink()
    else:
        (folder / "manifest.json").write_bytes(good["manifest.json"][:40])
    assert damaged_files(folder)
    assert deliver(example.RUN, published)["files"] == FILES
    assert files_of(folder) == good
    assert damaged_files(folder) == []


def test_another_machine_makes_the_same_files(published: Settings, tmp_path: Path) -> None:
    deliver(example.RUN, published)
    other = elsewhere(published, tmp_path / "other")
    deliver(example.RUN, other)
    assert files_of(other.exports / FOLDER) == files_of(published.exports / FOLDER)


@pytest.mark.parametrize("where", ["deliver:before", "deliver:mid", "deliver:after"])
def test_a_delivery_killed_anywhere_is_completed_by_the_next_to_the_same_bytes_with_one_mail(
    published: Settings, tmp_path: Path, where: str
) -> None:
    undisturbed = elsewhere(published, tmp_path / "undisturbed")
    deliver(example.RUN, undisturbed)
    with MailBox() as box:
        script = (
            "from include.jobs.deliver import deliver; from include.settings import Settings;"
            f"deliver('{example.RUN}', Settings())"
        )
        environment = {
            "PATH": os.environ["PATH"],
            "POSTLOAN_HOME": str(tmp_path / "killed"),
            "POSTLOAN_WAREHOUSE_URL": published.warehouse_url.get_secret_value(),
            "POSTLOAN_SMTP_URL": box.url,
        }
        killed = subprocess.run(
            [sys.executable, "-c", script], env=environment | {"POSTLOAN_FAIL": where}, cwd=PROJECT_DIR,
            check=False, capture_output=True,
        )  # fmt: skip
        assert killed.returncode == -9, killed.stderr
        folder = tmp_path / "killed" / "exports" / FOLDER
        if where == "deliver:mid":
            assert (folder / "warning_list.csv").is_file()
            assert not (folder / "manifest.json").exists(), "an incomplete delivery must not look complete"
        again = subprocess.run(
            [sys.executable, "-c", script], env=environment, cwd=PROJECT_DIR, check=True, capture_output=True
        )
        assert again.returncode == 0
        delivered = files_of(folder)
        assert delivered.pop("digest.md.mailed")
        assert delivered == files_of(undisturbed.exports / FOLDER)
        assert len(box.messages) == 1


def test_what_a_killed_write_left_behind_is_swept_up(published: Settings) -> None:
    folder = published.exports / FOLDER
    (folder / ".data_docs.abc").mkdir(parents=True)
    (folder / ".warning_list.csv.abc").write_bytes(b"half")
    deliver(example.RUN, published)
    assert not [path for path in folder.iterdir() if path.name.startswith(".")]


def test_a_run_that_readers_never_saw_is_not_delivered(settings: Settings) -> None:
    example.build_run(settings)
    with pytest.raises(RefusedError, match="has not been published") as refused:
        deliver(example.RUN, settings)
    assert refused.value.next_command == "postloan run 2026-03-10"
    assert not settings.exports.exists()


def test_two_deliveries_of_a_run_take_turns(published: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("include.jobs.deliver.LOCK_WAIT", "200ms")
    with connect(published, role="postloan_owner") as other:
        other.execute("select pg_advisory_lock(%s, hashtext(%s))", (DELIVER_LOCK, example.RUN))
        with pytest.raises(WriterBusyError, match="another delivery of run aaaaaaaaaaaaaaaa"):
            deliver(example.RUN, published)
    assert deliver(example.RUN, published)["files"] == FILES


def test_a_list_that_was_rolled_back_meanwhile_is_still_what_the_run_wrote(published: Settings) -> None:
    with connect(published, role="postloan_owner") as connection:
        connection.execute("delete from ops.publication where business_date = %s", (example.TODAY,))
    assert deliver(example.RUN, published)["warning_list"] == 4


def test_the_pages_load_nothing_from_anywhere_and_tell_no_time(published: Settings) -> None:
    deliver(example.RUN, published)
    for path in (published.exports / FOLDER / "data_docs").iterdir():
        text = path.read_text(encoding="utf-8")
        assert not re.findall(r'(?:src|href)\s*=\s*"(?:https?:)?//', text), path
        assert "<script" not in text, path
        assert not re.search(r"20\d\d-\d\d-\d\d[T ]\d\d:\d\d", text), path


def test_pages_are_kept_for_so_many_business_dates_and_lists_for_good(published: Settings) -> None:
    old = published.exports / "2026-03-08" / ("c" * 16)
    write_durably(old / "data_docs" / "index.html", b"old")
    write_durably(old / "warning_list.csv", b"old")
    keep_two = published.model_copy(update={"data_docs_dates": 2})
    deliver(example.RUN, keep_two)
    assert (old / "data_docs").is_dir()
    keep_one = published.model_copy(update={"data_docs_dates": 1})
    deliver(example.RUN, keep_one)
    assert not (old / "data_docs").exists()
    assert (old / "warning_list.csv").is_file()
    assert (published.exports / FOLDER / "data_docs" / "index.html").is_file()


def test_pages_that_were_removed_for_their_age_do_not_come_back_with_a_second_delivery(published: Settings) -> None:
    deliver(example.RUN, published)
    later = published.exports / "2026-03-11"
    later.mkdir()
    keep_one = published.model_copy(update={"data_docs_dates": 1})
    assert deliver(example.RUN, keep_one)["files"] == 0
    assert deliver(example.RUN, keep_one)["files"] == 0
    assert not (published.exports / FOLDER / "data_docs").exists()


def test_only_the_owner_may_read_the_lists(published: Settings) -> None:
    deliver(example.RUN, published)
    assert oct((published.exports / FOLDER / "warning_list.csv").stat().st_mode)[-3:] == "600"


def test_personal_data_in_a_column_reaches_neither_the_digest_nor_the_report_nor_the_pages(settings: Settings) -> None:
    from tests.integration.test_audit_job import IDENTITY, NAME, PHONE

    example.build_run(settings)
    # in every free text column of the lists and in every dimension of the portfolio
    planted = f"{NAME} {PHONE} {IDENTITY}"
    with connect(settings, role="postloan_owner") as connection:
        connection.execute(
            "update published.warning_list set product_code = %s, reason_text_en = %s", (planted, planted)
        )
        connection.execute("update published.warning_cleared set reason_text_zh = %s", (planted,))
        connection.execute(
            "update published.kpi_portfolio_daily set currency = %s, branch_code = %s", (planted, planted)
        )
        connection.execute("update published.loan_position set timezone = %s", (planted,))
        # and in every code that the report counts by
        for table, column in (
            ("warning_list", "signal_codes"), ("warning_list", "score_status"), ("warning_cleared", "cleared_by"),
            ("kpi_portfolio_daily", "delinquency_bucket"), ("contact_suppression", "blocked_rule_code"),
            ("coverage_gap", "gap_code"), ("revisit_assignment", "channel_layer"),
            ("revisit_assignment", "assignment_code"), ("revisit_plan", "exemption_code"),
            ("revisit_plan", "least_channel_code"), ("loan_score", "model_version"), ("loan_score", "watermark"),
            ("loan_score", "score_status"), ("recon_summary", "source_code"),
        ):  # fmt: skip
            connection.execute(f"update published.{table} set {column} = concat(%s::text, {column})", (planted,))
        connection.execute("update ops.run set is_sealed = true, status = 'PUBLISHED'")
    deliver(example.RUN, settings)
    folder = settings.exports / FOLDER
    assert PHONE in (folder / "warning_list.csv").read_text(encoding="utf-8"), "planted where the list itself shows it"
    shown = [*(folder / name for name in ("digest.md", "report.html", "manifest.json"))]
    shown += (folder / "data_docs").iterdir()
    for path in [*shown, *settings.home.rglob("*.json")]:
        text = path.read_text(encoding="utf-8")
        for secret in (PHONE, NAME, IDENTITY):
            assert secret not in text, path
