"""Faults on request: each one bites, says what it says, and leaves everything else as it was."""

import hashlib
import json
from collections import Counter
from dataclasses import replace
from datetime import date, timedelta

import pandas as pd
import pytest

from include.errors import DeliveryError
from include.sample_bank.bank import EVERY_STYLE, SampleBank, generate
from include.sample_bank.behaviours import STRESSED
from include.sample_bank.damage import FILE_FAULTS
from include.sample_bank.faults import REFUSED, ROW_FAULTS, USUAL, Fault
from include.sample_bank.parcels import held_folder

DAY = date(2025, 12, 18)
TABLES = {"core_banking": ("loan_contract", "repayment_schedule"), "payments": ("repayment_transaction",)}
CALENDAR = {"late", "missing", "corrected", "repeated_day"}
MADE_WITH_THE_ROWS = {"pulls_after_closing"}
# those of loans, schedules and repayments; the others are in test_sample_bank_further_faults.py
SPINE = sorted(
    name for name, fault in USUAL.items() if fault.system == "payments" or fault.table in TABLES["core_banking"]
)


@pytest.fixture(scope="module")
def bank():
    return SampleBank(9, 3_000, date(2024, 6, 1), window_days=700, mix=STRESSED)


def delivered(landing, day=DAY):
    """Every table of the day as text, by name."""
    rows = {}
    for system, tables in TABLES.items():
        for table in tables:
            path = landing / system / day.isoformat() / f"{table}.csv"
            if path.exists():
                rows[table] = pd.read_csv(path, dtype=str, keep_default_na=False)
    return rows


def manifest_file(landing, system, table):
    manifest = json.loads((landing / system / DAY.isoformat() / "manifest.json").read_text(encoding="utf-8"))
    return next(listed for listed in manifest["tables"] if listed["table"] == table)["files"]


def bytes_of(folder):
    return {path.relative_to(folder): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def test_every_fault_is_of_rows_files_or_the_calendar():
    assert set(USUAL) == (set(ROW_FAULTS) | set(FILE_FAULTS) | CALENDAR | MADE_WITH_THE_ROWS)
    assert set(USUAL) >= REFUSED


@pytest.mark.parametrize("name", SPINE)
def test_a_fault_changes_its_own_system_and_no_other(bank, tmp_path, name):
    bank.write_day(tmp_path / "clean", DAY)
    bank.write_day(tmp_path / "faulty", DAY, [name])
    for system in TABLES:
        clean, faulty = (
            bytes_of(tmp_path / kind / system) if (tmp_path / kind / system).exists() else {}
            for kind in ("clean", "faulty")
        )
        assert (clean != faulty) == (system == USUAL[name].system), system


@pytest.mark.parametrize("name", SPINE)
def test_the_same_fault_of_the_same_day_is_the_same_bytes(bank, tmp_path, name):
    bank.write_day(tmp_path / "once", DAY, [name])
    bank.write_day(tmp_path / "twice", DAY, [name])
    assert bytes_of(tmp_path / "once") == bytes_of(tmp_path / "twice")


@pytest.mark.parametrize("name", sorted(set(ROW_FAULTS) & set(SPINE) - {"corrected"}))
def test_a_fault_of_rows_leaves_manifest_and_file_in_agreement(bank, tmp_path, name):
    bank.write_day(tmp_path, DAY, [name])
    fault = USUAL[name]
    (file,) = manifest_file(tmp_path, fault.system, fault.table)
    path = tmp_path / fault.system / DAY.isoformat() / file["name"]
    assert hashlib.sha256(path.read_bytes()).hexdigest() == file["sha256"]
    assert len(delivered(tmp_path)[fault.table]) == file["row_count"]


@pytest.mark.parametrize(
    ("name", "table", "column"),
    [
        ("poisoned_rows", "repayment_transaction", None),
        ("poisoned_amounts", "repayment_transaction", "amount"),
        ("poisoned_schedule", "repayment_schedule", None),
        ("poisoned_contract", "loan_contract", None),
        ("backdated_payments", "repayment_transaction", "value_date"),
        ("future_value_dates", "repayment_transaction", "value_date"),
        ("misstated_contract", "loan_contract", "branch_code"),
    ],
)
def test_a_fault_of_values_changes_some_rows_and_no_more(bank, tmp_path, name, table, column):
    bank.write_day(tmp_path / "clean", DAY)
    bank.write_day(tmp_path / "faulty", DAY, [name])
    clean, faulty = delivered(tmp_path / "clean")[table], delivered(tmp_path / "faulty")[table]
    changed = clean.ne(faulty)
    share = changed.any(axis=1).mean()
    assert 0 < share <= max(2 * USUAL[name].share, 2 / len(clean))
    assert changed.sum(axis=1).max() == 1
    assert column is None or list(changed.columns[changed.any()]) == [column]


def test_backdated_payments_lie_1_7_and_40_days_back(bank, tmp_path):
    bank.write_day(tmp_path, DAY, ["backdated_payments"])
    rows = delivered(tmp_path)["repayment_transaction"]
    back = (pd.to_datetime(rows["booking_date"]) - pd.to_datetime(rows["value_date"])).dt.days
    assert {1, 7, 40} <= set(back)


def test_rows_that_come_twice_loans_nobody_knows_and_a_day_that_comes_again(bank, tmp_path):
    bank.write_day(tmp_path / "clean", DAY)
    clean = delivered(tmp_path / "clean")["repayment_transaction"]
    bank.write_day(tmp_path / "twice", DAY, ["duplicated_rows"])
    twice = delivered(tmp_path / "twice")["repayment_transaction"]
    assert len(twice) > len(clean) and len(twice.drop_duplicates()) == len(clean)
    bank.write_day(tmp_path / "unknown", DAY, ["unknown_loans"])
    unknown = delivered(tmp_path / "unknown")["repayment_transaction"]
    assert set(unknown["loan_id"]) - set(delivered(tmp_path / "clean")["loan_contract"]["loan_id"])
    bank.write_day(tmp_path / "again", DAY, ["repeated_day"])
    again = delivered(tmp_path / "again")["repayment_transaction"]
    assert set(again["booking_date"]) == {str(DAY), str(DAY - timedelta(days=1))}


def test_a_schedule_may_come_before_its_contract(bank, tmp_path):
    bank.write_day(tmp_path, DAY, ["schedule_before_contract"])
    rows = delivered(tmp_path)
    assert set(rows["repayment_schedule"]["loan_id"]) - set(rows["loan_contract"]["loan_id"])


def test_columns_are_added_lost_and_renamed(bank, tmp_path):
    bank.write_day(tmp_path, DAY, ["added_column", "renamed_column"])
    rows = delivered(tmp_path)
    assert "extract_batch_no" in rows["loan_contract"]
    assert "ccy" in rows["repayment_transaction"] and "currency" not in rows["repayment_transaction"]
    bank.write_day(tmp_path, DAY, ["missing_column"])
    assert "branch_code" not in delivered(tmp_path)["loan_contract"]


@pytest.mark.parametrize(
    "name", ["truncated_file", "short_file", "wrong_digest", "wrong_row_count", "wrong_control_total"]
)
def test_a_broken_file_and_its_manifest_disagree(bank, tmp_path, name):
    bank.write_day(tmp_path / "clean", DAY)
    bank.write_day(tmp_path / "faulty", DAY, [name])
    system, table = USUAL[name].system, USUAL[name].table
    (said,) = manifest_file(tmp_path / "faulty", system, table)
    data = (tmp_path / "faulty" / system / DAY.isoformat() / said["name"]).read_bytes()
    (right,) = manifest_file(tmp_path / "clean", system, table)
    facts = {
        "sha256": hashlib.sha256(data).hexdigest(),
        "row_count": data.count(b"\n") - 1,
        "control_total": right["control_total"],
    }
    wrong = {key for key, value in facts.items() if said[key] != value}
    expected = {"truncated_file": {"sha256", "row_count"}, "short_file": {"row_count"}, "wrong_digest": {"sha256"}}
    assert wrong == expected.get(name, {name.removeprefix("wrong_")})


def test_a_file_in_another_encoding_than_declared_cannot_be_decoded(bank, tmp_path):
    bank.write_day(tmp_path, DAY, ["wrong_encoding"])
    (file,) = manifest_file(tmp_path, "core_banking", "loan_contract")
    data = (tmp_path / "core_banking" / DAY.isoformat() / file["name"]).read_bytes()
    assert hashlib.sha256(data).hexdigest() == file["sha256"]
    with pytest.raises(UnicodeDecodeError):
        data.decode("utf-8")
    assert "湘㮾02" in data.decode("gb18030")


def test_the_same_file_is_listed_twice_under_two_names(bank, tmp_path):
    bank.write_day(tmp_path, DAY, ["duplicate_file"])
    first, second = manifest_file(tmp_path, "payments", "repayment_transaction")
    assert first["sha256"] == second["sha256"] and first["name"] != second["name"]
    assert (tmp_path / "payments" / DAY.isoformat() / second["name"]).exists()


def test_a_late_delivery_waits_beside_the_landing_until_its_day(bank, tmp_path):
    landing = tmp_path / "landing"
    bank.write_day(landing, DAY, ["late"])
    assert not (landing / "payments").exists()
    assert (held_folder(landing) / str(DAY + timedelta(days=2)) / "payments").is_dir()
    bank.write_day(landing, DAY + timedelta(days=1))
    assert not (landing / "payments" / str(DAY)).exists()
    bank.write_day(landing, DAY + timedelta(days=2))
    bank.write_day(tmp_path / "clean", DAY)
    assert bytes_of(landing / "payments" / str(DAY)) == bytes_of(tmp_path / "clean" / "payments" / str(DAY))


def test_a_missing_delivery_never_comes(bank, tmp_path):
    for number in range(5):
        bank.write_day(tmp_path, DAY + timedelta(days=number), ["missing"] if number == 0 else [])
    assert not (tmp_path / "payments" / str(DAY)).exists()


def test_a_misstated_day_is_put_right_by_a_correction_with_its_known_date(bank, tmp_path):
    bank.write_day(tmp_path / "clean", DAY)
    bank.write_day(tmp_path / "faulty", DAY, [replace(USUAL["corrected"], days=3)])
    folder = tmp_path / "faulty" / "payments" / str(DAY) / str(DAY + timedelta(days=3))
    manifest = json.loads((folder / "manifest.json").read_text())
    assert (manifest["kind"], manifest["known_date"]) == ("correction", str(DAY + timedelta(days=3)))
    right = (folder / "repayment_transaction.csv").read_bytes()
    assert right == (tmp_path / "clean" / "payments" / str(DAY) / "repayment_transaction.csv").read_bytes()
    wrong, clean = (
        delivered(tmp_path / "faulty")["repayment_transaction"],
        delivered(tmp_path / "clean")["repayment_transaction"],
    )
    assert len(wrong) < len(clean)
    both = wrong.merge(clean, on="transaction_id")
    assert (both["amount_x"] != both["amount_y"]).any()


def test_a_day_that_was_skipped_comes_with_the_next_one(bank, tmp_path):
    bank.write_day(tmp_path, DAY, since=DAY - timedelta(days=3))
    rows = delivered(tmp_path)
    assert len(set(rows["repayment_transaction"]["booking_date"])) == 3
    assert len(set(rows["repayment_schedule"]["schedule_effective_date"])) == 3


def test_every_format_encoding_and_packing_has_its_turn(tmp_path):
    bank = SampleBank(9, 40, date(2025, 6, 1), window_days=220, styles=EVERY_STYLE)
    for number in range(len(EVERY_STYLE)):
        bank.write_day(tmp_path, DAY + timedelta(days=number))
    for system in TABLES:
        manifests = [json.loads(path.read_text()) for path in tmp_path.glob(f"{system}/*/manifest.json")]
        seen = Counter(
            (listed["encoding"], listed["files"][0]["name"].split(".", 1)[1])
            for manifest in manifests
            for listed in manifest["tables"][:1]
        )
        assert len(seen) == len(EVERY_STYLE), system


def test_a_fault_that_does_not_exist_is_refused_with_the_list_of_those_that_do(bank, tmp_path):
    with pytest.raises(DeliveryError, match="duplicated_rows"):
        bank.write_day(tmp_path, DAY, ["earthquake"])


def test_faults_given_by_name_are_spread_over_the_days_of_a_demo(tmp_path):
    generate(tmp_path / "landing", 300, date(2026, 1, 4), 6, seed=2, faults=["duplicate_file", "late"])
    copies = list((tmp_path / "landing").rglob("*-copy.csv"))
    held = list(held_folder(tmp_path / "landing").glob("*/payments/*/manifest.json"))
    assert (len(copies), len(held)) == (1, 1)


def test_faults_given_by_date_happen_on_that_date(tmp_path):
    plan = {date(2026, 1, 6): [Fault("late", "core_banking", days=1)]}
    generate(tmp_path / "landing", 300, date(2026, 1, 4), 3, seed=2, faults=plan)
    days = sorted(path.name for path in (tmp_path / "landing" / "core_banking").iterdir())
    assert days == ["2026-01-04", "2026-01-05", "2026-01-07"]
