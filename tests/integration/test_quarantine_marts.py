"""After a release the published figures are those of a clean delivery, and the money invariants hold loan by loan.

One small bank, delivered twice: once as it is, once with a payment and a new loan that cannot be read on the first day.
"""

import csv
import hashlib
import json
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

import pytest
from psycopg.rows import dict_row

from include.landing.contract import contracts_of
from include.quarantine.corrections import from_arguments
from include.quarantine.decisions import Signed, fix
from include.quarantine.release import release
from include.quarantine.rows import Filter, rows_of
from include.sample_bank.bank import SampleBank
from include.sample_bank.behaviours import STRESSED
from include.sample_bank.systems import SPINE
from include.settings import Settings
from include.warehouse.connection import connect
from tests.support.days import compute, land_all
from tests.support.small_bank import HISTORY_DAYS, HISTORY_TO, day

PURE = ("loan_position", "loan_signal", "borrower_position", "kpi_portfolio_daily", "recon_summary", "recon_break")
LOAN_CONTRACT = contracts_of("core_banking")["loan_contract"]
COMPONENTS = ("fee_due_amount", "penalty_due_amount", "interest_due_amount", "principal_due_amount")


@dataclass(frozen=True)
class Books:
    settings: Settings
    damaged: dict[str, list[str]]
    breaks_before: list[tuple]
    restatements: int
    run_before: str
    run_after: str
    clean_run: str


def deliver(landing: Path) -> None:
    bank = SampleBank(
        11, 150, day(-HISTORY_DAYS), window_days=HISTORY_DAYS + 60, mix=STRESSED, systems=(*SPINE, "general_ledger")
    )
    bank.write_history(landing, HISTORY_TO)
    for number in (1, 2, 3):
        bank.write_day(landing, day(number))


def damage(landing: Path, system: str, table: str, column: str, key: str, known: set[str]) -> list[str]:
    """Make a date of the first day unreadable in the first row that is new: its key and what it said."""
    manifest = landing / system / day(1).isoformat() / "manifest.json"
    stated = json.loads(manifest.read_text(encoding="utf-8"))
    (file,) = next(one["files"] for one in stated["tables"] if one["table"] == table)
    path = manifest.parent / file["name"]
    with path.open(encoding="utf-8", newline="") as handle:
        rows = list(csv.DictReader(handle))
    row = next(row for row in rows if row[key] not in known)
    said, row[column] = row[column], "2026-02-30"
    with path.open("w", encoding="utf-8", newline="") as handle:
        writer = csv.DictWriter(handle, rows[0], lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    file["sha256"] = hashlib.sha256(path.read_bytes()).hexdigest()
    manifest.write_text(json.dumps(stated), encoding="utf-8")
    return [row[key], said]


def known_loans(landing: Path) -> set[str]:
    with (landing / "core_banking" / HISTORY_TO.isoformat() / "history" / "loan_contract.csv").open() as handle:
        return {row["loan_id"] for row in csv.DictReader(handle)}


@pytest.fixture(scope="module")
def books(server, template_warehouse: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Books]:
    server.create_database("released", template=template_warehouse)
    settings = server.settings_for("released", tmp_path_factory.mktemp("released"))
    deliver(settings.landing)
    damaged = {
        "repayment_transaction": damage(
            settings.landing, "payments", "repayment_transaction", "value_date", "transaction_id", set()
        ),
        "loan_contract": damage(
            settings.landing, "core_banking", "loan_contract", "disbursement_date", "loan_id",
            known_loans(settings.landing),
        ),
    }  # fmt: skip
    land_all(day(1), settings)
    # a loan too few is more than the total tolerance: the audits would stop the day
    before = compute(day(1), settings, audited=False)
    with connect(settings) as connection:
        breaks = connection.execute(
            "select source_code, measure_code from published.recon_break where run_id = %s order by 1, 2", (before,)
        ).fetchall()
        refused = {row.table_name: row for row in rows_of(connection, Filter())}
    for table, column in (("repayment_transaction", "value_date"), ("loan_contract", "disbursement_date")):
        row = refused[table]
        correction = from_arguments(row.place, [f"{column}={damaged[table][1]}"], row.contract)
        fix(settings, [correction], Signed("Li", "as the core has it"))
    land_all(day(2), settings)  # the full extract of the second day is there already when the first one's row comes
    release(settings, [row.place for row in refused.values()], Signed("Wang", "checked"))
    after = compute(day(2), settings)
    with connect(settings) as connection:
        (due,) = connection.execute("select count(distinct business_date) from ops.restatement_due").fetchone()

    clean_home = tmp_path_factory.mktemp("clean")
    deliver(clean_home / "landing")
    server.create_database("clean", template=template_warehouse)
    clean_settings = server.settings_for("clean", clean_home)
    for number in (1, 2):
        land_all(day(number), clean_settings)
    clean = compute(day(2), clean_settings)
    with connect(clean_settings) as connection:
        _CLEAN.update(shown(connection, clean))
    yield Books(settings, damaged, breaks, due, before, after, clean)
    for name in ("released", "clean"):
        server.drop_database(name)


_CLEAN: dict[str, list[dict]] = {}


def shown(connection, run_id: str) -> dict[str, list[dict]]:
    """What readers see of a run's date, without the names of runs and the day a row was computed on."""
    found = {}
    (as_of,) = connection.execute("select business_date from ops.run where run_id = %s", (run_id,)).fetchone()
    for name in PURE:
        with connection.cursor(row_factory=dict_row) as cursor:
            rows = cursor.execute(f"select * from serving.{name}_as_of(%s)", (as_of,)).fetchall()
        plain = [{key: value for key, value in row.items() if key not in ("run_id", "business_date")} for row in rows]
        found[name] = sorted(plain, key=repr)
    return found


@pytest.mark.parametrize("name", PURE)
def test_after_a_release_every_figure_is_that_of_a_clean_delivery(books: Books, name: str) -> None:
    """A delta and a full table; the clean one is a first run of every loan, the other a day's increment."""
    with connect(books.settings) as connection:
        assert shown(connection, books.run_after)[name] == _CLEAN[name]
    assert name == "recon_break" or _CLEAN[name]


def test_what_was_in_quarantine_had_made_a_difference(books: Books) -> None:
    """The payment that was not there, and the loan that the core had and we had not: both were listed."""
    with connect(books.settings) as connection:
        assert ("core_loan_balance", "paid_to_date") in books.breaks_before
        assert ("core_loan_balance", "principal_outstanding") in books.breaks_before
        touched = connection.execute(
            "select loan_id from published.touched_loan where run_id = %s", (books.run_after,)
        ).fetchall()
        assert (books.damaged["loan_contract"][0],) in touched


def test_the_published_date_that_a_release_concerns_waits_for_a_restatement(books: Books) -> None:
    assert books.restatements == 1


def test_i1_every_delivered_row_is_somewhere_and_a_released_one_is_counted_once(books: Books) -> None:
    with connect(books.settings) as connection:
        totals = connection.execute(
            "select sum(rows_in), sum(rows_loaded + rows_unchanged + rows_duplicate), sum(rows_released), "
            "sum(rows_discarded + rows_in_quarantine) from ops.delivery_account"
        ).fetchone()
        (released,) = connection.execute("select sum(rows_in) from ops.load_batch where part = 'released'").fetchone()
    rows_in, kept, rows_released, left = totals
    assert (rows_in, rows_released, left) == (kept + rows_released + left, 2, 0)
    assert released == 2


def test_i2_every_delivered_cent_is_loaded_or_in_quarantine(books: Books) -> None:
    with connect(books.settings, role="postloan_transformer") as connection:
        assert connection.execute(
            "select count(*) from ops.load_batch as b join (select batch_id, sum(control_total) as total "
            "from ops.load_file group by batch_id) as f using (batch_id) "
            "where f.total <> b.control_total_loaded + b.control_total_unchanged + b.control_total_quarantined "
            "+ b.control_total_duplicate"
        ).fetchone() == (0,)  # fmt: skip
        for contract in (
            contracts_of("payments")["repayment_transaction"],
            contracts_of("core_banking")["loan_contract"],
        ):
            assert connection.execute(
                f"select coalesce(sum(control_total_loaded), 0) - (select coalesce(sum({contract.control_column}), 0) "
                f"from raw.{contract.raw_name}) from ops.load_batch where table_name = %s", (contract.table,)
            ).fetchone() == (0,)  # fmt: skip


@pytest.fixture(scope="module")
def loans(books: Books) -> list[dict]:
    """Live loans by their first schedule: position, instalments in order, payments that count by the day."""
    with connect(books.settings) as connection, connection.cursor(row_factory=dict_row) as cursor:
        positions = cursor.execute("select * from serving.loan_position_as_of(%s)", (day(2),)).fetchall()
    dues, paid = defaultdict(list), defaultdict(Decimal)
    transformer = connect(books.settings, role="postloan_transformer")
    with transformer as connection, connection.cursor(row_factory=dict_row) as cursor:
        for one in cursor.execute(
            "select distinct on (loan_id, schedule_version, instalment_number) * "
            "from raw.core_banking__repayment_schedule order by loan_id, schedule_version, instalment_number"
        ):
            dues[one["loan_id"]].append(one)
        for one in cursor.execute(
            "select loan_id, amount from raw.payments__repayment_transaction where value_date <= %s", (day(2),)
        ):
            paid[one["loan_id"]] += one["amount"]
    first_only = [p for p in positions if p["is_live"] and {d["schedule_version"] for d in dues[p["loan_id"]]} == {1}]
    assert len(first_only) > 50
    return [one | {"dues": dues[one["loan_id"]], "paid": paid[one["loan_id"]]} for one in first_only]


def allocated(one: dict) -> dict[str, Decimal]:
    """The oldest instalment first, inside it fee, penalty, interest, principal; what is left is unapplied."""
    left, parts = one["paid"], dict.fromkeys(COMPONENTS, Decimal(0))
    for due in one["dues"]:
        for component in COMPONENTS:
            used = min(left, due[component])
            parts[component] += used
            left -= used
    return parts | {"unapplied": left}


def test_i3_principal_is_outstanding_plus_repaid(loans: list[dict]) -> None:
    for one in loans:
        repaid = allocated(one)["principal_due_amount"]
        assert one["principal_amount"] == one["principal_outstanding_amount"] + repaid, one["loan_id"]


def test_i4_the_schedule_repays_the_principal_to_the_cent(loans: list[dict]) -> None:
    for one in loans:
        assert sum(due["principal_due_amount"] for due in one["dues"]) == one["principal_amount"], one["loan_id"]


def test_i5_every_payment_is_allocated_or_unapplied(loans: list[dict]) -> None:
    for one in loans:
        parts = allocated(one)
        assert sum(parts.values()) == one["paid_to_date_amount"], one["loan_id"]
        assert parts["unapplied"] == one["unapplied_amount"], one["loan_id"]


def test_i6_days_past_due_count_from_the_oldest_unpaid_instalment_and_name_the_bucket(loans: list[dict]) -> None:
    edges = {"CURRENT": 0, "M1": 30, "M2": 60, "M3": 90, "M4": 120, "M5": 150, "M6": 180, "M7": 10_000}
    for one in loans:
        left, oldest = one["paid"], None
        for due in one["dues"]:
            amount = sum(due[component] for component in COMPONENTS)
            unpaid, left = amount - min(left, amount), left - min(left, amount)
            if oldest is None and due["due_date"] < day(2) and unpaid > 1:
                oldest = due["due_date"]
        days = 0 if oldest is None else (day(2) - oldest).days
        bucket = next(name for name, last in edges.items() if days <= last)
        assert (one["days_past_due"], one["delinquency_bucket"]) == (days, bucket), one["loan_id"]


def test_i7_the_buckets_together_are_the_portfolio(books: Books) -> None:
    with connect(books.settings) as connection:
        cells = connection.execute(
            "select sum(loan_count), sum(principal_outstanding_amount), sum(past_due_amount) "
            "from serving.kpi_portfolio_daily_as_of(%s)", (day(2),)
        ).fetchone()  # fmt: skip
        portfolio = connection.execute(
            "select count(*), sum(principal_outstanding_amount), sum(past_due_amount) "
            "from serving.loan_position_as_of(%s) where is_live", (day(2),)
        ).fetchone()  # fmt: skip
    assert cells == portfolio


def test_i8_opening_plus_new_less_closed_is_closing_bucket_by_bucket(books: Books) -> None:
    with connect(books.settings) as connection:
        moves = connection.execute(
            "select opening.delinquency_bucket, closing.delinquency_bucket, count(*), "
            "sum(opening.principal_outstanding_amount), sum(closing.principal_outstanding_amount) from "
            "(select * from serving.loan_position_as_of(%s) where is_live) as opening full join "
            "(select * from serving.loan_position_as_of(%s) where is_live) as closing using (loan_id) group by 1, 2",
            (day(1), day(2)),
        ).fetchall()  # fmt: skip
        cells = {
            as_of: dict(
                connection.execute(
                    "select delinquency_bucket, sum(loan_count) from serving.kpi_portfolio_daily_as_of(%s) group by 1",
                    (as_of,),
                ).fetchall()
            )
            for as_of in (day(1), day(2))
        }
    for bucket in {*cells[day(1)], *cells[day(2)]}:
        left = sum(count for before, now, count, *_ in moves if before == bucket and now != bucket)
        came = sum(count for before, now, count, *_ in moves if now == bucket and before != bucket)
        assert cells[day(1)].get(bucket, 0) - left + came == cells[day(2)].get(bucket, 0), bucket
