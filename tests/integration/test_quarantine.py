"""Refused rows are corrected by one person, released by another, and then count as if they had come clean."""

import os
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

import psycopg
import pytest
from typer.testing import CliRunner

from include.cli import app
from include.errors import PostloanError, RefusedError
from include.jobs.land import land
from include.landing.contract import contracts_of
from include.landing.delivery_writer import write_delivery
from include.quarantine.corrections import Correction, from_arguments
from include.quarantine.decisions import Signed, discard, fix
from include.quarantine.release import release
from include.quarantine.rows import Filter, Place, counts, history_of, reveal, rows_of
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
LI, WANG = Signed("Li", "the source confirmed it by phone"), Signed("Wang", "checked against the voucher")
STATE_TABLES = (
    "ops.load_batch, ops.load_file, quarantine.rows, quarantine.event, quarantine.reveal, vault.quarantine_text, "
    "vault.quarantine_fix"
)


def after(days: int) -> date:
    return DAY + timedelta(days=days)


@pytest.fixture(scope="module")
def shared(server, template_warehouse: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    server.create_database("quarantine", template=template_warehouse)
    yield server.settings_for("quarantine", tmp_path_factory.mktemp("quarantine"))
    server.drop_database("quarantine")


@pytest.fixture
def bank(shared: Settings, tmp_path: Path) -> Settings:
    """The shared warehouse, empty, with a landing folder of the test's own."""
    raw = ", ".join(
        f"raw.{contract.raw_name}{suffix}"
        for contract in (LOAN_CONTRACT, SCHEDULE, TRANSACTION)
        for suffix in ("", "__superseded")
    )
    with connect(shared, role="postloan_owner") as connection:
        connection.execute(f"truncate {raw}, {STATE_TABLES}")
    return shared.model_copy(update={"home": tmp_path})


def pay(settings: Settings, business_date: date, *rows: dict, **options: object) -> None:
    known = options.get("known_date") or business_date
    write_delivery(settings.landing, "payments", business_date, {"repayment_transaction": payments(*rows)}, **options)
    if known != business_date:  # it comes with the delivery of its own day
        write_delivery(settings.landing, "payments", known, {"repayment_transaction": payments()})
    land(known, "payments", settings)


def lend(settings: Settings, business_date: date, contracts: list[dict], schedules: list[dict] = ()) -> None:
    tables = {"loan_contract": loans(*contracts), "repayment_schedule": instalments(*schedules)}
    write_delivery(settings.landing, "core_banking", business_date, tables)
    land(business_date, "core_banking", settings)


def refused_rows(settings: Settings) -> list:
    with connect(settings, role="postloan_owner") as connection:
        return rows_of(connection, Filter())


def only_place(settings: Settings) -> Place:
    (row,) = refused_rows(settings)
    return row.place


def states(settings: Settings) -> list[str]:
    return [row.state for row in refused_rows(settings)]


def correct(settings: Settings, place: Place, contract, *values: str, signed: Signed = LI) -> None:
    fix(settings, [from_arguments(place, values, contract)], signed)


def seen(settings: Settings, contract, day: date, *columns: str, known: date | None = None) -> list[tuple]:
    with connect(settings, role="postloan_owner") as connection:
        return seen_by_a_run(connection, contract, day, known or day, columns)


def amounts(settings: Settings, day: date, known: date | None = None) -> list[tuple[str, str]]:
    return [
        (key, str(amount)) for key, amount in seen(settings, TRANSACTION, day, "transaction_id", "amount", known=known)
    ]


def assert_accounted(settings: Settings) -> None:
    """I1 over the life of a row: in = loaded + unchanged + duplicate + released + discarded + still in quarantine."""
    assert not query(
        settings,
        "select batch_id from ops.delivery_account where rows_in <> rows_loaded + rows_unchanged + rows_duplicate "
        "+ rows_released + rows_discarded + rows_in_quarantine",
    )
    assert not query(
        settings,
        "select batch.batch_id from ops.load_batch as batch left join quarantine.event as event "
        "on event.released_batch_id = batch.batch_id where batch.part = 'released' "
        "group by batch.batch_id having count(event.event_number) <> batch.rows_in",
    )


def test_a_released_payment_counts_from_the_next_unpublished_date(bank: Settings) -> None:
    pay(bank, DAY, payment("T1"), payment("T2", amount="1,200.50"))
    place = only_place(bank)
    correct(bank, place, TRANSACTION, "amount=1200.50")
    assert states(bank) == ["FIXED"]
    (batch,) = release(bank, [place], WANG)
    assert (batch.business_date, batch.known_date, batch.loaded) == (DAY, DAY, 1)  # nothing is published yet
    assert states(bank) == ["RELEASED"]
    assert amounts(bank, DAY) == [("T1", "100.00"), ("T2", "1200.50")]
    assert_accounted(bank)


def test_what_is_published_stays_and_the_day_after_uses_the_row(bank: Settings) -> None:
    pay(bank, DAY, payment("T1"), payment("T2", amount="soon"))
    with connect(bank, role="postloan_owner") as connection:
        connection.execute(
            "insert into ops.run (run_id, business_date, known_date, kind, is_keyframe, status, policy_hash, code_hash)"
            " values (repeat('a', 16), %s, %s, 'daily', true, 'PUBLISHED', 'p', 'c')", (after(2), after(2)),
        )  # fmt: skip
        connection.execute("insert into ops.publication values (%s, 'loan_position', repeat('a', 16))", (after(2),))
    try:
        place = only_place(bank)
        correct(bank, place, TRANSACTION, "amount=7.00")
        with pytest.raises(RefusedError, match="published already"):
            release(bank, [place], WANG, known_date=after(2))
        (batch,) = release(bank, [place], WANG)
        assert batch.known_date == after(3)
        assert amounts(bank, after(2)) == [("T1", "100.00")]
        assert amounts(bank, after(3)) == [("T1", "100.00"), ("T2", "7.00")]
    finally:
        with connect(bank, role="postloan_owner") as connection:
            connection.execute("delete from ops.publication")
        with connect(bank, role="postloan_owner") as connection:
            connection.execute("delete from ops.run")


def test_the_one_who_corrects_is_not_the_one_who_releases(bank: Settings) -> None:
    pay(bank, DAY, payment("T1", amount="soon"))
    place = only_place(bank)
    correct(bank, place, TRANSACTION, "amount=7.00")
    with pytest.raises(RefusedError, match="somebody else has to release it"):
        release(bank, [place], Signed(" li ", "me again"))
    assert states(bank) == ["FIXED"]
    assert amounts(bank, DAY) == []
    alone = bank.model_copy(update={"quarantine_same_person": True})
    release(alone, [place], Signed("Li", "a demo with one person"))
    assert amounts(bank, DAY) == [("T1", "7.00")]


def test_a_correction_that_breaks_the_contract_again_is_refused_without_its_value(bank: Settings) -> None:
    pay(bank, DAY, payment("T1", amount="soon"))
    with pytest.raises(RefusedError, match="would still be refused: amount") as error:
        correct(bank, only_place(bank), TRANSACTION, "amount=tomorrow")
    assert "tomorrow" not in str(error.value)
    with pytest.raises(RefusedError, match="repayment_above_zero"):
        correct(bank, only_place(bank), TRANSACTION, "amount=-5.00")
    assert states(bank) == ["OPEN"]


def test_a_row_that_is_not_corrected_is_not_released(bank: Settings) -> None:
    pay(bank, DAY, payment("T1", amount="soon"), payment("T2", amount="later"))
    first, second = (row.place for row in refused_rows(bank))
    correct(bank, first, TRANSACTION, "amount=7.00")
    with pytest.raises(RefusedError, match="is not corrected"):
        release(bank, [first, second], WANG)
    assert amounts(bank, DAY) == []


def test_a_row_is_released_once_and_never_discarded_after(bank: Settings) -> None:
    pay(bank, DAY, payment("T1", amount="soon"))
    place = only_place(bank)
    correct(bank, place, TRANSACTION, "amount=7.00")
    release(bank, [place], WANG)
    for again in (
        lambda: release(bank, [place], WANG),
        lambda: discard(bank, [place], WANG),
        lambda: correct(bank, place, TRANSACTION, "amount=8.00"),
    ):
        with pytest.raises(RefusedError, match="RELEASED already"):
            again()
    assert amounts(bank, DAY) == [("T1", "7.00")]
    assert_accounted(bank)


def test_a_discarded_row_is_accounted_for_and_never_loaded(bank: Settings) -> None:
    pay(bank, DAY, payment("T1"), payment("T2", amount="soon"))
    place = only_place(bank)
    discard(bank, [place], Signed("Li", "a test row of the source"))
    assert states(bank) == ["DISCARDED"]
    with pytest.raises(RefusedError, match="DISCARDED already"):
        correct(bank, place, TRANSACTION, "amount=8.00")
    assert amounts(bank, DAY) == [("T1", "100.00")]
    assert query(bank, "select rows_discarded, rows_in_quarantine from ops.delivery_account") == [(1, 0)]
    assert_accounted(bank)


def test_every_decision_is_kept_and_none_can_be_changed(bank: Settings) -> None:
    pay(bank, DAY, payment("T1", amount="soon"))
    place = only_place(bank)
    correct(bank, place, TRANSACTION, "amount=6.00")
    correct(bank, place, TRANSACTION, "amount=7.00", signed=Signed("Zhao", "6.00 was a slip"))
    release(bank, [place], WANG)
    with connect(bank, role="postloan_owner") as connection:
        done = [(action, actor, columns) for action, actor, _, columns, _ in history_of(connection, place)]
    assert done == [("FIX", "Li", "amount"), ("FIX", "Zhao", "amount"), ("RELEASE", "Wang", None)]
    for statement in ("update quarantine.event set actor = 'nobody'", "delete from quarantine.event"):
        with connect(bank, role="postloan_owner") as connection, pytest.raises(psycopg.Error, match="append-only"):
            connection.execute(statement)


def test_somebody_who_decides_says_who_and_why(bank: Settings) -> None:
    for actor, reason in ((" ", "because"), ("Li", " ")):
        with pytest.raises(PostloanError, match="says"):
            Signed(actor, reason)


def test_a_schedule_is_released_whole_with_the_rows_that_were_only_in_its_company(bank: Settings) -> None:
    bad = instalment("L1", 2, principal_due_amount="1OO.00", due_date="2026-03-01")
    lend(bank, DAY, [loan("L1")], [instalment("L1", 1), bad, instalment("L1", 3, due_date="2026-04-01")])
    rows = refused_rows(bank)
    assert [row.reason_code for row in rows].count("unit_incomplete") == 2
    (fault,) = [row for row in rows if row.reason_code != "unit_incomplete"]
    with pytest.raises(RefusedError, match="is not corrected"):
        release(bank, [next(row.place for row in rows if row is not fault)], WANG)
    correct(bank, fault.place, SCHEDULE, "principal_due_amount=100.00")
    (batch,) = release(bank, [fault.place], WANG)
    assert (batch.rows, batch.loaded) == (3, 3)
    cumulative = seen(bank, SCHEDULE, DAY, "instalment_number", "cumulative_principal_due_amount")
    assert [(number, str(total)) for number, total in cumulative] == [(1, "100.00"), (2, "200.00"), (3, "300.00")]
    assert_accounted(bank)


def test_a_row_never_replaces_the_rest_of_its_unit_that_was_loaded_without_it(bank: Settings) -> None:
    """A row without a readable key stood alone: its unit went in without it, and one row is not a schedule."""
    nameless = instalment("L1", 2, due_date="2026-03-01") | {"loan_id": ""}
    lend(bank, DAY, [loan("L1")], [instalment("L1", 1), nameless])
    place = only_place(bank)
    correct(bank, place, SCHEDULE, "loan_id=L1")
    with pytest.raises(RefusedError, match="holds loan_id, schedule_version"):
        release(bank, [place], WANG)
    assert len(seen(bank, SCHEDULE, DAY, "instalment_number")) == 1


def test_what_a_later_correction_of_the_source_says_is_not_overwritten(bank: Settings) -> None:
    pay(bank, DAY, payment("T1"), payment("T2", amount="soon"))
    pay(bank, DAY, payment("T2", amount="9.00"), kind="correction", known_date=after(1), replaces="keys")
    place = only_place(bank)
    correct(bank, place, TRANSACTION, "amount=7.00")
    with pytest.raises(RefusedError, match="a later correction, states it"):
        release(bank, [place], WANG)
    assert amounts(bank, after(1)) == [("T1", "100.00"), ("T2", "9.00")]


def test_rows_of_a_delivery_that_was_replaced_do_not_come_back(bank: Settings) -> None:
    pay(bank, DAY, payment("T1"), payment("T2", amount="soon"))
    pay(bank, DAY, payment("T1"), kind="correction", known_date=after(1))
    place = only_place(bank)
    correct(bank, place, TRANSACTION, "amount=7.00")
    with pytest.raises(RefusedError, match="replaced by a correction"):
        release(bank, [place], WANG)


def clean_and_released(bank: Settings, days: list[list[dict]], released_after: int) -> tuple[list, list]:
    """L2's first row is unreadable at delivery and released after so many more; beside it the same, delivered clean."""
    columns = ("loan_id", "contract_status", "principal_amount")
    for number, rows in enumerate(days):
        delivered = [
            row | ({"principal_amount": "1.2e3"} if (row["loan_id"], number) == ("L2", 1) else {}) for row in rows
        ]
        lend(bank, after(number), delivered)
        if number == 1 + released_after:
            place = only_place(bank)
            correct(bank, place, LOAN_CONTRACT, "principal_amount=1300.00")
            release(bank, [place], WANG, known_date=after(number))
    released = [seen(bank, LOAN_CONTRACT, after(number), *columns) for number in range(released_after + 1, len(days))]
    clean = [
        sorted((row["loan_id"], row["contract_status"], row["principal_amount"]) for row in days[number])
        for number in range(released_after + 1, len(days))
    ]
    return [[(*key, str(amount)) for *key, amount in day] for day in released], clean


@pytest.mark.parametrize("released_after", [0, 1, 2])
@pytest.mark.parametrize(
    ("story", "amounts_of_l2"),
    [
        ("new and unchanged since", [None, "1300.00", "1300.00", "1300.00"]),
        ("changed and unchanged since", ["1200.00", "1300.00", "1300.00", "1300.00"]),
        ("changed, and changed back the next day", ["1200.00", "1300.00", "1200.00", "1200.00"]),
        ("changed every day", ["1200.00", "1300.00", "1400.00", "1500.00"]),
    ],
)
def test_full_deliveries_before_and_after_a_release_end_as_if_nothing_had_been_refused(
    bank: Settings, story: str, amounts_of_l2: list[str | None], released_after: int
) -> None:
    days = [[loan("L1"), *([loan("L2", principal_amount=amount)] if amount else [])] for amount in amounts_of_l2]
    released, clean = clean_and_released(bank, days, released_after)
    assert released == clean, story
    assert_accounted(bank)


def test_the_text_of_a_row_is_shown_to_nobody_without_a_reason_that_is_kept(bank: Settings) -> None:
    pay(bank, DAY, payment("T1", amount="soon"))
    place = only_place(bank)
    (row,) = refused_rows(bank)
    assert "soon" not in str(row)
    with connect(bank, role="postloan_owner") as connection, pytest.raises(psycopg.errors.CheckViolation):
        reveal(connection, place, actor="Li", reason=" ")
    with connect(bank, role="postloan_owner") as connection:
        assert "soon" in reveal(connection, place, actor="Li", reason="the source asks which row")
        assert connection.execute("select actor, reason from quarantine.reveal").fetchall() == [
            ("Li", "the source asks which row")
        ]


def test_refused_rows_are_counted_by_table_reason_and_state(bank: Settings) -> None:
    pay(bank, DAY, payment("T1", amount="soon"), payment("T2", value_date="2026-02-30"))
    correct(bank, refused_rows(bank)[0].place, TRANSACTION, "amount=7.00")
    with connect(bank, role="postloan_owner") as connection:
        assert [row[:4] for row in counts(connection, Filter(system="payments"))] == [
            ("payments.repayment_transaction", "no_such_date", "OPEN", 1),
            ("payments.repayment_transaction", "not_an_exact_decimal", "FIXED", 1),
        ]
        assert counts(connection, Filter(reason_code="too_long")) == []


def test_a_row_right_as_delivered_may_be_vouched_for(bank: Settings) -> None:
    """Two rows of one key that differ are both refused: one is discarded, the other one vouched for."""
    pay(bank, DAY, payment("T1", amount="5.00"), payment("T1", amount="6.00"))
    first, second = (row.place for row in refused_rows(bank))
    discard(bank, [first], Signed("Li", "the source sent it by mistake"))
    fix(bank, [Correction(second, {})], LI)
    release(bank, [second], WANG)
    assert amounts(bank, DAY) == [("T1", "6.00")]
    assert_accounted(bank)


def test_a_person_does_all_of_it_from_the_command_line(bank: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("include.settings.load_settings", lambda: bank)

    def type_command(*words: str, code: int = 0) -> str:
        before = os.umask(0o022)
        result = CliRunner().invoke(app, ["quarantine", *words])
        os.umask(before)
        assert result.exit_code == code, result.output
        return result.output

    pay(bank, DAY, payment("T1", amount="5.00O"), payment("T2", amount="free"))
    first, second = (str(row.place) for row in refused_rows(bank))
    listed = type_command("list", "--system", "payments")
    assert first in listed
    assert "not_an_exact_decimal" in listed
    assert "5.00O" not in listed
    assert "9.99x" in type_command("show", first), "the shape of the text, and not the text"
    assert "5.00O" in type_command("show", first, "--reveal", "--reason", "the source asks", "--by", "Li")
    corrections = bank.home / "corrections.csv"
    corrections.write_text(f"batch_id,line_no,column,value\n{first.replace(':', ',')},amount,5.00\n", encoding="utf-8")
    assert "FIXED" in type_command("fix", "--file", str(corrections), "--by", "Li", "--reason", "a letter for a zero")
    assert "DISCARDED" in type_command("discard", second, "--by", "Li", "--reason", "a test row")
    assert "somebody else" in type_command("release", first, "--by", "Li", "--reason", "done", code=1)
    released = type_command("release", "--all-fixed", "--by", "Wang", "--reason", "checked")
    assert "1 rows released, 1 loaded as batch" in released
    assert f"known from {DAY}" in released
    assert "nothing is in quarantine" in type_command("list", "--state", "OPEN")


def test_a_row_of_a_history_returns_to_the_date_that_it_states(bank: Settings) -> None:
    days = {"T1": after(-20), "T2": after(-10), "T3": after(-10), "T4": after(-2)}
    rows = [
        payment(name, booking_date=str(day), value_date=str(day), amount="5.00" if name in ("T1", "T4") else "5,00")
        for name, day in days.items()
    ]
    write_delivery(
        bank.landing, "payments", DAY, {"repayment_transaction": payments(*rows)}, kind="history", from_date=after(-30)
    )
    land(DAY, "payments", bank)
    places = [row.place for row in refused_rows(bank)]
    fix(bank, [Correction(place, {"amount": "6.00"}) for place in places], LI)
    (batch,) = release(bank, places, WANG)
    assert (batch.business_date, batch.known_date, batch.rows) == (after(-10), DAY, 2)
    assert amounts(bank, DAY) == [("T1", "5.00"), ("T2", "6.00"), ("T3", "6.00"), ("T4", "5.00")]
    assert amounts(bank, after(-11), known=DAY) == [("T1", "5.00")]
    assert_accounted(bank)
