"""Landing as a job: what was delivered is in the warehouse once, exactly, and every row and cent is accounted for."""

import json
import shutil
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

import pandas as pd
import pytest

from include.errors import DeliveryError, LateDeliveryError
from include.jobs.land import LandResult, land, manifest_path, missing_systems
from include.landing import bulk
from include.landing.contract import contracts_of
from include.landing.delivery_writer import write_delivery
from include.settings import Settings
from include.warehouse.connection import connect
from tests.support.landing_rows import (
    instalment,
    instalments,
    loan,
    loans,
    payment,
    payments,
    query,
    seen_by_a_run,
)

DAY = date(2026, 1, 5)
LOAN_CONTRACT = contracts_of("core_banking")["loan_contract"]
SCHEDULE = contracts_of("core_banking")["repayment_schedule"]
TRANSACTION = contracts_of("payments")["repayment_transaction"]


def after(days: int) -> date:
    return DAY + timedelta(days=days)


def pay(settings: Settings, business_date: date, *rows: dict, **options: object) -> Path:
    return write_delivery(
        settings.landing, "payments", business_date, {"repayment_transaction": payments(*rows)}, **options
    )


def lend(
    settings: Settings, business_date: date, contracts: list[dict], schedules: list[dict] = (), **options: object
) -> Path:
    tables = {"loan_contract": loans(*contracts), "repayment_schedule": instalments(*schedules)}
    return write_delivery(settings.landing, "core_banking", business_date, tables, **options)


def seen(settings: Settings, contract, business_date: date, *columns: str, known: date | None = None) -> list[tuple]:
    with connect(settings, role="postloan_owner") as connection:
        return seen_by_a_run(connection, contract, business_date, known or business_date, columns)


def counts(result: LandResult) -> dict[str, tuple[int, ...]]:
    return {
        f"{batch.table} {batch.business_date[8:]} {batch.kind if batch.part == 'delivered' else batch.part}": (
            batch.rows_in,
            batch.rows_loaded,
            batch.rows_unchanged,
            batch.rows_quarantined,
            batch.rows_duplicate,
        )
        for batch in result.batches
    }


def assert_balanced(settings: Settings) -> None:
    """I1 and I2: every row and every cent that came in is loaded, unchanged, refused or a duplicate."""
    assert not query(
        settings,
        "select batch_id from ops.load_batch where rows_in <> rows_loaded + rows_unchanged + rows_quarantined "
        "+ rows_duplicate or control_total_in <> control_total_loaded + control_total_unchanged "
        "+ control_total_quarantined + control_total_duplicate",
    )
    assert not query(
        settings,
        "select batch_id from ops.load_batch as b join (select batch_id, sum(rows_in) as rows_in, "
        "sum(control_total) as total from ops.load_file group by batch_id) as f using (batch_id) "
        "where b.rows_in <> f.rows_in or b.control_total_in <> f.total",
    )
    assert not query(
        settings,
        "select batch_id from ops.load_batch as b where rows_quarantined <> "
        "(select count(*) from quarantine.rows as q where q.batch_id = b.batch_id) or rows_quarantined <> "
        "(select count(*) from vault.quarantine_text as t where t.batch_id = b.batch_id)",
    )
    for contract in (LOAN_CONTRACT, SCHEDULE, TRANSACTION):
        assert not query(
            settings,
            f"select b.batch_id from ops.load_batch as b left join (select _batch_id, count(*) as n, "
            f"sum({contract.control_column}) as total from raw.{contract.raw_name} group by _batch_id) as r "
            f"on r._batch_id = b.batch_id where table_name = '{contract.table}' "
            f"and (coalesce(n, 0) <> rows_loaded or coalesce(total, 0) <> control_total_loaded)",
        )


def test_a_delivery_is_landed_with_exact_types_and_its_place_in_the_file(settings: Settings) -> None:
    pay(settings, DAY, payment("0001", amount="1200.50"), payment("0002", amount="0.01", method_code=None))
    result = land(DAY, "payments", settings)
    assert result.is_complete
    assert counts(result) == {"repayment_transaction 05 daily": (2, 2, 0, 0, 0)}
    rows = query(
        settings,
        "select transaction_id, amount, value_date, method_code, is_derived, _business_date, _known_date, _line_no, "
        "_batch_id from raw.payments__repayment_transaction order by 1",
    )
    batch_id = result.batches[0].batch_id
    assert rows == [
        ("0001", Decimal("1200.50"), DAY, "BANK", False, DAY, DAY, 1, batch_id),
        ("0002", Decimal("0.01"), DAY, None, False, DAY, DAY, 2, batch_id),
    ]
    assert query(settings, "select file_name, rows_in, control_total, first_line_no, encoding from ops.load_file") == [
        ("repayment_transaction.csv", 2, Decimal("1200.51"), 1, "utf-8")
    ]
    assert_balanced(settings)


def test_the_same_delivery_again_also_as_a_renamed_copy_changes_nothing(settings: Settings) -> None:
    path = pay(settings, DAY, payment("T1"))
    land(DAY, "payments", settings)
    before = query(settings, "select * from ops.load_batch")
    again = land(DAY, "payments", settings)
    assert (again.is_complete, again.batches) == (True, ())
    file = path.parent / "repayment_transaction.csv"
    file.rename(path.parent / "repayment_transaction-copy.csv")
    path.write_text(path.read_text(encoding="utf-8").replace(file.name, "repayment_transaction-copy.csv"), "utf-8")
    assert land(DAY, "payments", settings).batches == ()
    assert query(settings, "select * from ops.load_batch") == before
    assert query(settings, "select count(*) from raw.payments__repayment_transaction") == [(1,)]


def test_other_content_for_a_landed_date_is_refused_and_says_how_to_correct(settings: Settings) -> None:
    pay(settings, DAY, payment("T1"))
    land(DAY, "payments", settings)
    pay(settings, DAY, payment("T1", amount="7.00"))
    with pytest.raises(DeliveryError, match=r"landed for 2026-01-05 .* with other content.*deliver a correction"):
        land(DAY, "payments", settings)
    assert query(settings, "select amount from raw.payments__repayment_transaction") == [(Decimal("100.00"),)]
    assert query(settings, "select outcome from ops.load_attempt order by attempt_number") == [
        ("LANDED",),
        ("REFUSED",),
    ]


def test_the_same_rows_on_another_date_are_another_delivery(settings: Settings) -> None:
    for days in (0, 1):
        pay(settings, after(days), payment("T1"))
    result = land(after(1), "payments", settings)
    assert counts(result) == {
        "repayment_transaction 05 daily": (1, 1, 0, 0, 0),
        "repayment_transaction 06 daily": (1, 1, 0, 0, 0),
    }
    assert seen(settings, TRANSACTION, after(1), "transaction_id") == [("T1",)]


def test_a_missing_delivery_is_named_with_its_folder_and_deadline(settings: Settings) -> None:
    pay(settings, DAY, payment("T1"))
    with pytest.raises(LateDeliveryError) as late:
        land(after(1), "payments", settings)
    folder = settings.landing / "payments" / "2026-01-06"
    for words in ("payments", "2026-01-06", str(folder / "manifest.json"), "05:00", "Asia/Shanghai"):
        assert words in str(late.value)
    assert query(settings, "select count(*) from raw.payments__repayment_transaction") == [(1,)]
    assert missing_systems(after(1), settings) == ["core_banking", "payments"]
    assert missing_systems(DAY, settings) == ["core_banking"]


def test_landing_takes_everything_known_by_its_date_oldest_first_and_nothing_from_the_future(
    settings: Settings,
) -> None:
    for days in (2, 0, 1):
        pay(settings, after(days), payment(f"T{days}"))
    pay(settings, DAY, payment("T9"), kind="correction", known_date=after(3))
    result = land(after(1), "payments", settings)
    assert [batch.business_date for batch in result.batches] == ["2026-01-05", "2026-01-06"]


def test_a_history_is_known_row_by_row_inside_its_range_and_ends_the_wait_for_its_last_date(
    settings: Settings,
) -> None:
    rows = [
        payment("T1", booking_date="2025-12-30"),
        payment("T2", booking_date="2026-01-03"),
        payment("T3", booking_date="2026-01-09"),
    ]
    pay(settings, DAY, *rows, kind="history", from_date=date(2026, 1, 1))
    assert land(DAY, "payments", settings).is_complete
    assert manifest_path(DAY, "payments", settings).parent.name == "history"
    assert query(
        settings,
        "select transaction_id, _business_date, _known_date from raw.payments__repayment_transaction order by 1",
    ) == [
        ("T1", date(2026, 1, 1), date(2026, 1, 1)),
        ("T2", date(2026, 1, 3), date(2026, 1, 3)),
        ("T3", DAY, DAY),
    ]
    assert query(settings, "select kind, from_date, business_date, known_date from ops.load_batch") == [
        ("history", date(2026, 1, 1), DAY, DAY)
    ]


def test_a_date_is_covered_by_a_history_or_by_daily_deliveries_never_by_both(settings: Settings) -> None:
    pay(settings, DAY, payment("T1"))
    land(DAY, "payments", settings)
    pay(settings, after(2), payment("T2"), kind="history", from_date=date(2026, 1, 1))
    with pytest.raises(DeliveryError, match="a date of this history"):
        land(after(2), "payments", settings)
    shutil.rmtree(settings.landing / "payments" / after(2).isoformat())
    pay(settings, after(-1), payment("T0"), kind="history", from_date=date(2026, 1, 1))
    land(DAY, "payments", settings)
    pay(settings, date(2026, 1, 2), payment("T8"))
    with pytest.raises(DeliveryError, match="by the history until 2026-01-04"):
        land(DAY, "payments", settings)


def test_a_full_delivery_loads_only_what_changed_since_the_delivery_before(settings: Settings) -> None:
    lend(settings, DAY, [loan("L1"), loan("L2"), loan("L3")])
    closed = {"contract_status": "CLOSED", "status_date": "2026-01-06"}
    lend(settings, after(1), [loan("L3"), loan("L1", **closed), loan("L2"), loan("L4")])
    lend(settings, after(2), [loan("L1", **closed), loan("L2"), loan("L3"), loan("L4")])
    results = counts(land(after(2), "core_banking", settings))
    assert results["loan_contract 05 daily"] == (3, 3, 0, 0, 0)
    assert results["loan_contract 06 daily"] == (4, 2, 2, 0, 0)
    assert results["loan_contract 07 daily"] == (4, 0, 4, 0, 0)
    assert seen(settings, LOAN_CONTRACT, DAY, "loan_id", "contract_status") == [
        ("L1", "ACTIVE"),
        ("L2", "ACTIVE"),
        ("L3", "ACTIVE"),
    ]
    assert seen(settings, LOAN_CONTRACT, after(2), "loan_id", "contract_status") == [
        ("L1", "CLOSED"),
        ("L2", "ACTIVE"),
        ("L3", "ACTIVE"),
        ("L4", "ACTIVE"),
    ]
    assert_balanced(settings)


def test_the_same_row_in_another_format_is_unchanged(settings: Settings) -> None:
    lend(settings, DAY, [loan("L1"), loan("借-2", status_date=None)])
    lend(settings, after(1), [loan("L1"), loan("借-2")], file_format="jsonl", compress=True)
    lend(settings, after(2), [loan("L1"), loan("借-2")], encoding="gb18030")
    results = counts(land(after(2), "core_banking", settings))
    assert results["loan_contract 06 daily"] == results["loan_contract 07 daily"] == (2, 0, 2, 0, 0)


def test_a_loan_that_vanishes_from_the_full_extract_refuses_the_delivery_by_name(settings: Settings) -> None:
    lend(settings, DAY, [loan("L1"), loan("L2")])
    lend(settings, after(1), [loan("L1")])
    with pytest.raises(DeliveryError, match=r"2026-01-06 lacks 1 keys that were there before \(loan_id\): L2"):
        land(after(1), "core_banking", settings)
    assert query(settings, "select max(business_date) from ops.load_batch") == [(DAY,)]


def test_a_loan_whose_row_is_refused_has_not_vanished(settings: Settings) -> None:
    lend(settings, DAY, [loan("L1"), loan("L2", currency="CNY")])
    lend(settings, after(1), [loan("L1"), loan("L2", currency="yuan")])
    results = counts(land(after(1), "core_banking", settings))
    assert results["loan_contract 06 daily"] == (2, 0, 1, 1, 0)
    assert seen(settings, LOAN_CONTRACT, after(1), "loan_id", "currency") == [("L1", "CNY"), ("L2", "CNY")]


def test_a_full_delivery_that_comes_late_changes_its_own_days_and_no_later_one(settings: Settings) -> None:
    lend(settings, DAY, [loan("L1", branch_code="A"), loan("L2", branch_code="A")])
    lend(settings, after(2), [loan("L1", branch_code="A"), loan("L2", branch_code="C")])
    with pytest.raises(LateDeliveryError):
        land(after(4), "core_banking", settings)
    lend(settings, after(1), [loan("L1", branch_code="B"), loan("L2", branch_code="B")])
    lend(settings, after(4), [loan("L1", branch_code="A"), loan("L2", branch_code="C")])
    results = counts(land(after(4), "core_banking", settings))
    assert results["loan_contract 06 daily"] == (2, 2, 0, 0, 0)
    assert results["loan_contract 07 restored"] == (1, 1, 0, 0, 0)
    branches = {
        days: [row[1] for row in seen(settings, LOAN_CONTRACT, after(days), "loan_id", "branch_code")]
        for days in (0, 1, 2, 4)
    }
    assert branches == {0: ["A", "A"], 1: ["B", "B"], 2: ["A", "C"], 4: ["A", "C"]}
    assert_balanced(settings)


def test_a_late_delta_stands_between_the_deliveries_around_it(settings: Settings) -> None:
    pay(settings, DAY, payment("T1", amount="1.00"))
    pay(settings, after(2), payment("T1", amount="3.00"))
    land(after(2), "payments", settings)
    pay(settings, after(1), payment("T1", amount="2.00"), payment("T2"))
    land(after(2), "payments", settings)
    amounts = [seen(settings, TRANSACTION, after(days), "transaction_id", "amount") for days in (0, 1, 2)]
    assert amounts == [
        [("T1", Decimal("1.00"))],
        [("T1", Decimal("2.00")), ("T2", Decimal("100.00"))],
        [("T1", Decimal("3.00")), ("T2", Decimal("100.00"))],
    ]


def test_a_correction_repeats_changes_and_withdraws_rows_of_its_date_once_it_is_known(settings: Settings) -> None:
    pay(settings, DAY, payment("T1"), payment("T2"), payment("T3"))
    pay(settings, after(1), payment("T4"))
    pay(settings, DAY, payment("T1"), payment("T2", amount="7.00"), kind="correction", known_date=after(1))
    results = counts(land(after(1), "payments", settings))
    assert results["repayment_transaction 05 correction"] == (2, 1, 1, 0, 0)
    assert seen(settings, TRANSACTION, DAY, "transaction_id", "amount") == [
        ("T1", Decimal("100.00")),
        ("T2", Decimal("100.00")),
        ("T3", Decimal("100.00")),
    ]
    corrected = [("T1", Decimal("100.00")), ("T2", Decimal("7.00"))]
    assert seen(settings, TRANSACTION, DAY, "transaction_id", "amount", known=after(1)) == corrected
    assert seen(settings, TRANSACTION, after(1), "transaction_id", "amount") == [*corrected, ("T4", Decimal("100.00"))]
    assert_balanced(settings)


def test_a_correction_of_keys_touches_only_the_keys_in_it(settings: Settings) -> None:
    pay(settings, DAY, payment("T1"), payment("T2"))
    pay(settings, after(1))
    options = {"kind": "correction", "known_date": after(1), "replaces": "keys"}
    pay(settings, DAY, payment("T2", amount="7.00", loan_id="L9"), **options)
    land(after(1), "payments", settings)
    assert seen(settings, TRANSACTION, after(1), "transaction_id", "loan_id", "amount") == [
        ("T1", "L1", Decimal("100.00")),
        ("T2", "L9", Decimal("7.00")),
    ]


def test_a_correction_waits_for_the_delivery_that_it_corrects(settings: Settings) -> None:
    pay(settings, after(1), payment("T4"))
    pay(settings, DAY, payment("T1", amount="7.00"), kind="correction", known_date=after(1))
    result = land(after(1), "payments", settings)
    assert result.waiting == (str(settings.landing / "payments" / "2026-01-05" / "2026-01-06"),)
    pay(settings, DAY, payment("T1"))
    assert len(land(after(1), "payments", settings).batches) == 2
    assert seen(settings, TRANSACTION, after(1), "transaction_id", "amount")[0] == ("T1", Decimal("7.00"))


def test_a_correction_with_a_row_whose_key_cannot_be_read_withdraws_nothing(settings: Settings) -> None:
    pay(settings, DAY, payment("T1"), payment("T2"))
    pay(settings, after(1))
    pay(settings, DAY, payment("T1"), payment("", amount="7.00"), kind="correction", known_date=after(1))
    with pytest.raises(DeliveryError, match="nobody knows whether these are the same"):
        land(after(1), "payments", settings)
    assert len(seen(settings, TRANSACTION, after(1), "transaction_id")) == 2


def test_a_history_may_come_after_the_first_daily_deliveries(settings: Settings) -> None:
    lend(settings, DAY, [loan("L1", branch_code="new"), loan("L2"), loan("L3")], [instalment("L1", 1)])
    land(DAY, "core_banking", settings)
    old = [
        loan("L1", branch_code="old", disbursement_date="2026-01-02"),
        loan("L2", disbursement_date="2026-01-03"),
    ]
    lend(settings, after(-1), old, [instalment("L1", 1)], kind="history", from_date=date(2026, 1, 1))
    land(DAY, "core_banking", settings)
    branches = {
        day.day: seen(settings, LOAN_CONTRACT, day, "loan_id", "branch_code")
        for day in (date(2026, 1, 2), date(2026, 1, 4), DAY)
    }
    assert branches == {
        2: [("L1", "old")],
        4: [("L1", "old"), ("L2", "010")],
        5: [("L1", "new"), ("L2", "010"), ("L3", "010")],
    }
    assert len(seen(settings, SCHEDULE, DAY, "loan_id")) == 1


def test_a_late_history_with_a_loan_that_a_later_extract_lacks_is_refused(settings: Settings) -> None:
    lend(settings, DAY, [loan("L1")])
    land(DAY, "core_banking", settings)
    lend(settings, after(-1), [loan("L1"), loan("L9")], kind="history", from_date=date(2026, 1, 1))
    with pytest.raises(DeliveryError, match=r"landed before, lacks 1 keys .*L9"):
        land(DAY, "core_banking", settings)


def test_a_schedule_version_delivered_again_replaces_all_its_rows_and_its_sums(settings: Settings) -> None:
    lend(settings, DAY, [loan("L1")], [instalment("L1", number) for number in (1, 2, 3)])
    lend(
        settings,
        after(1),
        [loan("L1")],
        [instalment("L1", number, principal_due_amount="150.00") for number in (1, 2)],
    )
    land(after(1), "core_banking", settings)
    columns = ("instalment_number", "cumulative_due_amount", "cumulative_principal_due_amount")
    assert seen(settings, SCHEDULE, DAY, *columns) == [
        (1, Decimal("105.00"), Decimal("100.00")),
        (2, Decimal("210.00"), Decimal("200.00")),
        (3, Decimal("315.00"), Decimal("300.00")),
    ]
    assert seen(settings, SCHEDULE, after(1), *columns) == [
        (1, Decimal("155.00"), Decimal("150.00")),
        (2, Decimal("310.00"), Decimal("300.00")),
    ]
    assert query(settings, "select count(*) from raw.core_banking__repayment_schedule__superseded") == [(3,)]


def test_a_corrected_schedule_leaves_unchanged_versions_alone(settings: Settings) -> None:
    both = [instalment(loan_id, number) for loan_id in ("L1", "L2") for number in (1, 2)]
    lend(settings, DAY, [loan("L1"), loan("L2")], both)
    lend(settings, after(1), [loan("L1"), loan("L2")])
    corrected = [*both[:2], instalment("L2", 1, due_date="2026-03-01"), both[3]]
    tables = {"repayment_schedule": instalments(*corrected)}
    write_delivery(settings.landing, "core_banking", DAY, tables, kind="correction", known_date=after(1))
    results = counts(land(after(1), "core_banking", settings))
    assert results["repayment_schedule 05 correction"] == (4, 2, 2, 0, 0)


def test_refused_rows_are_kept_with_reason_line_and_masked_text_and_the_text_itself_in_the_vault(
    settings: Settings,
) -> None:
    pay(settings, DAY, payment("T1"), payment("T2", amount="１２.5"), payment("T3", loan_id="张三"), payment("T3"))
    result = land(DAY, "payments", settings)
    assert counts(result) == {"repayment_transaction 05 daily": (4, 1, 0, 3, 0)}
    rows = query(
        settings,
        "select line_no, file_name, file_line_no, reason_code, column_name, subject_id, masked_text "
        "from quarantine.rows order by line_no",
    )
    shape = "x9,x9,9999-99-99,9999-99-99,xxx,"
    assert rows == [
        (
            2,
            "repayment_transaction.csv",
            3,
            "not_an_exact_decimal",
            "amount",
            "L1",
            f"{shape}９９.9,xxxxxxxxx,,xxxx,xxxxx",
        ),
        (
            3,
            "repayment_transaction.csv",
            4,
            "conflicting_duplicate",
            None,
            "张三",
            "x9,某某,9999-99-99,9999-99-99,xxx,999.99,xxxxxxxxx,,xxxx,xxxxx",
        ),
        (
            4,
            "repayment_transaction.csv",
            5,
            "conflicting_duplicate",
            None,
            "L1",
            f"{shape}999.99,xxxxxxxxx,,xxxx,xxxxx",
        ),
    ]
    assert query(settings, "select raw_text from vault.quarantine_text where line_no = 2") == [
        ("T2,L1,2026-01-05,2026-01-05,CNY,１２.5,REPAYMENT,,BANK,false",)
    ]
    assert_balanced(settings)


def test_exact_duplicates_inside_a_delivery_are_counted_and_loaded_once(settings: Settings) -> None:
    pay(settings, DAY, payment("T1"), payment("T2"), payment("T1"))
    assert counts(land(DAY, "payments", settings)) == {"repayment_transaction 05 daily": (3, 2, 0, 0, 1)}
    assert_balanced(settings)


def test_an_added_column_is_a_warning_that_the_ledger_keeps(settings: Settings) -> None:
    frame = payments(payment("T1")).assign(colour="red")
    write_delivery(settings.landing, "payments", DAY, {"repayment_transaction": frame})
    result = land(DAY, "payments", settings)
    warning = "repayment_transaction.csv: columns that the contract does not state, not loaded: colour"
    assert result.batches[0].warnings == (warning,)
    assert query(settings, "select warnings from ops.load_batch") == [([warning],)]


def test_a_delivery_without_news_is_landed_and_accounted_for(settings: Settings) -> None:
    pay(settings, DAY)
    assert counts(land(DAY, "payments", settings)) == {"repayment_transaction 05 daily": (0, 0, 0, 0, 0)}


def test_tables_of_one_delivery_are_landed_together_or_not_at_all(settings: Settings) -> None:
    bad = [instalment("L1", number, due_date="soon") for number in range(1, 13)]
    lend(settings, DAY, [loan("L1")], bad)
    with pytest.raises(DeliveryError, match="12 bad rows"):
        land(DAY, "core_banking", settings)
    assert query(settings, "select count(*) from raw.core_banking__loan_contract") == [(0,)]
    path = lend(settings, DAY, [loan("L1")])
    manifest = json.loads(path.read_text(encoding="utf-8"))
    manifest["tables"] = manifest["tables"][:1]
    path.write_text(json.dumps(manifest), encoding="utf-8")
    with pytest.raises(DeliveryError, match="does not list repayment_schedule"):
        land(DAY, "core_banking", settings)


def test_every_kind_of_value_comes_back_from_the_warehouse_as_it_was_delivered(settings: Settings) -> None:
    rows = [
        loan("0", principal_amount="0.01", annual_interest_rate="0.000001", disbursement_date="1900-01-01"),
        loan("1", principal_amount="9999999999999999.99", annual_interest_rate="999.999999"),
        loan("2", principal_amount="10000.00", annual_interest_rate=None, instalment_count="2147483647"),
        loan("3", principal_amount="10001.10", instalment_count=None, disbursement_date="2100-12-31"),
        loan("4", principal_amount="100000000.00", annual_interest_rate="0.000000", borrower_id='a,"b"\n㐀𠀀'),
    ]
    lend(settings, DAY, rows)
    land(DAY, "core_banking", settings)
    names = list(rows[0])
    columns = ", ".join(f"{name}::text" for name in names)
    found = query(settings, f"select {columns} from raw.core_banking__loan_contract order by loan_id")
    assert found == [tuple(row[name] for name in names) for row in rows]


@pytest.mark.parametrize("seed", range(3))
def test_a_file_read_in_many_pieces_is_landed_like_one_read_in_one_piece(
    seed: int, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    import random

    random_ = random.Random(seed)
    rows = [
        instalment(f"L{number}", part, principal_due_amount=f"{random_.randint(0, 99999)}.{random_.randint(10, 99)}")
        for number in range(60)
        for part in range(1, random_.randint(2, 9))
    ]
    rows += random_.sample(rows, 5)  # exact duplicates, far from their twins
    rows.append({**rows[0], "due_date": "2026-02-30"})
    rows.append({**rows[40], "principal_due_amount": "0.07"})
    if seed:
        random_.shuffle(rows)
    contracts = [loan(f"L{number}") for number in range(60)]
    lend(settings, DAY, contracts, rows)
    lend(settings, after(1), [{**row, "branch_code": str(number % 3)} for number, row in enumerate(contracts)])
    columns = [column.name for column in SCHEDULE.columns] + [derived.name for derived in SCHEDULE.derived]
    everything = [*columns, "_line_no", "_row_hash"]
    land(after(1), "core_banking", settings)
    whole = seen(settings, SCHEDULE, after(1), *everything)
    branches = seen(settings, LOAN_CONTRACT, after(1), "loan_id", "branch_code")
    ledger = query(settings, LEDGER)
    quarantined = query(settings, "select line_no, reason_code from quarantine.rows order by 1")
    _forget(settings)
    for module in ("passes", "load_table"):
        monkeypatch.setattr(f"include.landing.{module}.WHOLE_ROWS", 20)
    monkeypatch.setattr("include.landing.records.CHUNK_BYTES", 900)
    monkeypatch.setattr("include.landing.files.BLOCK_BYTES", 300)
    land(after(1), "core_banking", settings)
    assert seen(settings, SCHEDULE, after(1), *everything) == whole
    assert seen(settings, LOAN_CONTRACT, after(1), "loan_id", "branch_code") == branches
    assert query(settings, LEDGER) == ledger
    assert sorted(query(settings, "select line_no, reason_code from quarantine.rows order by 1")) == quarantined
    assert_balanced(settings)


LEDGER = (
    "select batch_id, rows_in, rows_loaded, rows_unchanged, rows_quarantined, rows_duplicate, control_total_in, "
    "control_total_loaded, control_total_unchanged, control_total_quarantined from ops.load_batch order by 1"
)


def _forget(settings: Settings) -> None:
    with connect(settings, role="postloan_owner") as connection:
        connection.execute(
            "truncate raw.core_banking__loan_contract, raw.core_banking__repayment_schedule, "
            "raw.core_banking__loan_contract__superseded, raw.core_banking__repayment_schedule__superseded, "
            "ops.load_batch, ops.load_file, quarantine.rows, quarantine.event, quarantine.reveal, "
            "vault.quarantine_text, vault.quarantine_fix"
        )


def test_the_first_large_landing_leaves_the_indexes_as_they_were(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    indexes = "select indexname, indexdef from pg_indexes where schemaname = 'raw' order by 1"
    owners = "select relname, relowner::regrole::text from pg_class where relnamespace = 'raw'::regnamespace order by 1"
    before = query(settings, indexes), query(settings, owners)
    built = []
    keep = bulk.indexes_built_at_the_end
    monkeypatch.setattr("include.landing.load_table.BULK_ROWS", 3)
    monkeypatch.setattr("include.landing.load_table.WHOLE_ROWS", 3)
    monkeypatch.setattr(
        "include.landing.load_table.indexes_built_at_the_end", lambda table: built.append(table) or keep(table)
    )
    pay(settings, DAY, *(payment(f"T{number}") for number in range(5)))
    pay(settings, after(1), *(payment(f"S{number}") for number in range(5)))
    land(after(1), "payments", settings)
    assert len(built) == 1  # the second delivery finds rows that others may be reading
    assert (query(settings, indexes), query(settings, owners)) == before
    assert len(seen(settings, TRANSACTION, after(1), "transaction_id")) == 10


def test_a_refused_first_landing_leaves_the_indexes_as_they_were(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    indexes = "select indexname, indexdef from pg_indexes where schemaname = 'raw' order by 1"
    before = query(settings, indexes)
    monkeypatch.setattr("include.landing.load_table.BULK_ROWS", 3)
    monkeypatch.setattr("include.landing.load_table.WHOLE_ROWS", 3)
    pay(settings, DAY, *(payment(f"T{number}", amount="x" if number > 9 else "1.00") for number in range(30)))
    with pytest.raises(DeliveryError):
        land(DAY, "payments", settings)
    assert query(settings, indexes) == before


def test_the_loader_may_add_rows_and_ledger_and_change_nothing(settings: Settings) -> None:
    pay(settings, DAY, payment("T1"), payment("T2", amount="x"))
    land(DAY, "payments", settings)
    tables = [
        "raw.payments__repayment_transaction",
        "raw.payments__repayment_transaction__superseded",
        "ops.load_batch",
        "ops.load_file",
        "quarantine.rows",
        "vault.quarantine_text",
    ]
    for table in tables:
        for right in ("update", "delete", "truncate"):
            allowed = query(settings, f"select has_table_privilege('postloan_loader', '{table}', '{right}')")
            assert allowed == [(False,)], (table, right)


def test_a_frame_of_exact_types_lands_like_one_of_text(settings: Settings) -> None:
    frame = payments(payment("T1", amount="100.00"))
    typed = frame.assign(amount=[Decimal("100.00")], value_date=[DAY], booking_date=[DAY], is_derived=[False])
    for days, given in enumerate((frame, typed)):
        write_delivery(
            settings.landing,
            "payments",
            after(days),
            {"repayment_transaction": pd.DataFrame(given)},
            file_format="parquet" if days else "csv",
        )
    land(after(1), "payments", settings)
    assert query(settings, "select count(distinct _row_hash) from raw.payments__repayment_transaction") == [(1,)]
