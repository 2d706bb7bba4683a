"""deliver: what a published run hands to people as files, and the digest by mail.

``exports/<business date>/<run_id>/``: warning_list, warning_cleared, work_item and revisit_assignment as .csv, .xlsx
and .parquet, officers/<officer>.csv with each officer's own items, digest.md, report.html, data_docs/, and, last of
all, manifest.json with the sha256 of each file: without it nothing is complete.
Delivering again completes or replaces what is not as it should be, gives the same bytes, and sends no second mail.
"""

import hashlib
import json
import logging
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg

from include.digest import digest_subject, digest_text
from include.durable_files import remove_leftovers, write_durably
from include.errors import RefusedError, WriterBusyError
from include.failpoint import failpoint
from include.jobs.audit import write_data_docs
from include.jobs.deliver_lists import ORDERS, list_files, officer_files
from include.jobs.report_facts import report_facts_of
from include.notify import send_once
from include.report import report_html
from include.settings import Settings
from include.warehouse.connection import connect
from include.warehouse.runs import Run, load_run

log = logging.getLogger(__name__)
MANIFEST = "manifest.json"
DIGEST, REPORT = "digest.md", "report.html"
DELIVER_LOCK = 7306003
LOCK_WAIT = "120s"


def deliver(run_id: str, settings: Settings) -> dict[str, int]:
    """Write the files of a published run and mail its digest once. Returns rows by list, files written, mails sent.

    Raises RefusedError when readers have never seen the run.
    """
    failpoint("deliver:before")
    with _reader(settings, run_id) as (connection, run):
        directory = settings.exports / run.business_date.isoformat() / run_id
        counts = {"files": 0, "mails": 0}
        manifest = _complete_manifest(directory)
        if manifest is None:
            manifest = _write_files(settings, connection, run, directory)
            counts["files"] = len(manifest["files"])
        else:
            log.info("run %s of %s was delivered before: %s", run_id, run.business_date, directory)
        counts |= {name: manifest["rows"][name] for name in ORDERS}
        counts["mails"] = int(send_once(settings, directory / DIGEST, manifest["subject"]))
    _remove_old_pages(settings)
    failpoint("deliver:after")
    return counts


def damaged_files(directory: Path) -> list[str]:
    """Files of a delivery that are missing or not what the manifest says; the manifest itself when it is missing."""
    try:
        manifest = json.loads((directory / MANIFEST).read_text(encoding="utf-8"))
        wanted = {name: facts["sha256"] for name, facts in manifest["files"].items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return [MANIFEST]
    return [name for name, sha256 in sorted(wanted.items()) if _sha256_of(directory / name) != sha256]


def _complete_manifest(directory: Path) -> dict | None:
    if damaged := damaged_files(directory):
        if (directory / MANIFEST).exists():
            log.warning("%s is written again: %s", directory, ", ".join(damaged))
        return None
    return json.loads((directory / MANIFEST).read_text(encoding="utf-8"))


def _write_files(settings: Settings, connection: psycopg.Connection, run: Run, directory: Path) -> dict:
    directory.mkdir(parents=True, exist_ok=True)
    remove_leftovers(directory)
    (directory / MANIFEST).unlink(missing_ok=True)
    files: dict[str, bytes] = {}
    rows: dict[str, int] = {}
    for name in ORDERS:
        made, rows[name] = list_files(connection, name, run)
        files |= made
    files |= officer_files(connection, run)
    for file_name, content in files.items():
        write_durably(directory / file_name, content)
    failpoint("deliver:mid")
    facts = report_facts_of(connection, run)
    pages_of_day = {
        DIGEST: digest_text(facts.day, settings.language).encode(),
        REPORT: report_html(facts, settings.language),
    }
    for file_name, content in pages_of_day.items():
        write_durably(directory / file_name, content)
    files |= pages_of_day
    pages = write_data_docs(settings, connection, run)
    manifest = {
        "business_date": run.business_date.isoformat(),
        "run_id": run.run_id,
        "rows": rows,
        "subject": digest_subject(facts.day),
        "files": {name: {"sha256": _sha256(content), "bytes": len(content)} for name, content in sorted(files.items())},
        "data_docs": {"pages": len(pages), "sha256": _sha256(b"".join(pages[name] for name in sorted(pages)))},
    }
    write_durably(directory / MANIFEST, (json.dumps(manifest, ensure_ascii=False, indent=2) + "\n").encode())
    return manifest


@contextmanager
def _reader(settings: Settings, run_id: str) -> Iterator[tuple[psycopg.Connection, Run]]:
    """One view of the warehouse for all files of a run, and no second delivery of it at the same time."""
    with connect(settings, application_name="postloan:deliver") as connection:
        connection.execute("select set_config('lock_timeout', %s, false)", (LOCK_WAIT,))
        try:
            # held to the end of the session; before the snapshot, so that what a delivery waited for is seen
            connection.execute("select pg_advisory_lock(%s, hashtext(%s))", (DELIVER_LOCK, run_id))
        except psycopg.errors.LockNotAvailable as error:
            raise WriterBusyError(
                f"another delivery of run {run_id} has not ended within {LOCK_WAIT}", next_command="postloan status"
            ) from error
        connection.commit()
        connection.execute("set transaction isolation level repeatable read read only")
        run = load_run(connection, run_id)
        if not run.is_sealed:
            raise RefusedError(
                f"run {run_id} of {run.business_date} has not been published: there is nothing to deliver",
                next_command=f"postloan run {run.business_date}",
            )
        yield connection, run


def _remove_old_pages(settings: Settings) -> None:
    """Keep the Data Docs of the newest business dates only; they can be made again from ops.audit_result."""
    dates = sorted(path for path in settings.exports.glob("*") if re.fullmatch(r"\d{4}-\d{2}-\d{2}", path.name))
    for folder in dates[: -settings.data_docs_dates]:
        for pages in folder.glob("*/data_docs"):
            shutil.rmtree(pages)


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _sha256_of(path: Path) -> str | None:
    return _sha256(path.read_bytes()) if path.is_file() else None
