"""Strict checks: a value is exact or refused with a reason, never rounded, trimmed or guessed."""

from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from include.landing.contract import contracts_of
from include.landing.prepare import prepare
from include.landing.reasons import REASONS, masked
from tests.support.landing_checks import checked_rows, chunk_of, reason_of
from tests.support.landing_rows import INSTALMENT, LOAN, PAYMENT, instalment, payment

TRANSACTION = contracts_of("payments")["repayment_transaction"]
LOAN_CONTRACT = contracts_of("core_banking")["loan_contract"]
SCHEDULE = contracts_of("core_banking")["repayment_schedule"]


@pytest.mark.parametrize("row", [(LOAN_CONTRACT, LOAN), (SCHEDULE, INSTALMENT), (TRANSACTION, PAYMENT)])
def test_a_good_row_is_good(row: tuple) -> None:
    assert reason_of(*row) is None


@pytest.mark.parametrize(
    ("text", "value"),
    [
        pytest.param("12.34", "12.34", id="two places"),
        pytest.param("12.3", "12.30", id="one place"),
        pytest.param("12", "12.00", id="no places"),
        pytest.param("0.01", "0.01", id="a cent"),
        pytest.param("007.50", "7.50", id="zeros in front say nothing"),
        pytest.param("9999999999999999.99", "9999999999999999.99", id="18 digits"),
    ],
)
def test_an_amount_in_whole_cents_is_kept_exactly(text: str, value: str) -> None:
    checked = checked_rows(TRANSACTION, [payment("T1", amount=text)])
    assert checked.is_good.all()
    assert checked.values["amount"][0].as_py() == Decimal(value)
    assert checked.canonical["amount"][0].as_py() == value


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("１２", id="full-width digits"),
        pytest.param(" 5 ", id="blanks around"),
        pytest.param("1,234.50", id="thousands separator"),
        pytest.param("1e3", id="exponent"),
        pytest.param("NaN", id="NaN"),
        pytest.param("Infinity", id="infinity"),
        pytest.param("12.345", id="a fraction of a cent"),
        pytest.param("12.340", id="a third place, even of zero"),
        pytest.param("12345678901234567.00", id="19 digits"),
        pytest.param("+5", id="a plus sign"),
        pytest.param("5.", id="a point without places"),
        pytest.param(".5", id="places without a number"),
        pytest.param("N/A", id="not available"),
        pytest.param("0x10", id="hexadecimal"),
        pytest.param("٣", id="other digits"),
        pytest.param("5\n", id="a line end"),
    ],
)
def test_an_amount_that_is_not_a_plain_decimal_goes_to_quarantine(text: str) -> None:
    assert reason_of(TRANSACTION, payment("T1", amount=text)) == ("not_an_exact_decimal", "amount")


def test_minus_zero_is_zero_and_zero_is_no_repayment() -> None:
    assert reason_of(TRANSACTION, payment("T1", amount="-0.00")) == ("rule_broken", "amount")
    checked = checked_rows(SCHEDULE, [instalment("L1", 1, fee_due_amount="-0.00"), instalment("L1", 2)])
    assert checked.is_good.all()
    assert checked.canonical["fee_due_amount"].to_pylist() == ["0.00", "0.00"]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        pytest.param("2026-02-30", "no_such_date", id="30 February"),
        pytest.param("2023-02-29", "no_such_date", id="29 February of a common year"),
        pytest.param("01/02/2026", "not_an_iso_date", id="slashes"),
        pytest.param("26-01-05", "not_an_iso_date", id="two-digit year"),
        pytest.param("2026-1-5", "not_an_iso_date", id="no leading zeros"),
        pytest.param("20260105", "not_an_iso_date", id="no separators"),
        pytest.param("2026-01-05T00:00:00+08:00", "not_an_iso_date", id="an instant"),
        pytest.param("N/A", "not_an_iso_date", id="not available"),
        pytest.param("２０２６-01-05", "not_an_iso_date", id="full-width digits"),
        pytest.param("1899-12-31", "date_out_of_range", id="before 1900"),
        pytest.param("2999-01-01", "date_out_of_range", id="the year 2999"),
    ],
)
def test_a_date_that_is_not_a_real_iso_date_goes_to_quarantine(text: str, reason: str) -> None:
    assert reason_of(TRANSACTION, payment("T1", value_date=text)) == (reason, "value_date")


def test_29_february_of_a_leap_year_is_a_date() -> None:
    assert reason_of(TRANSACTION, payment("T1", value_date="2024-02-29")) is None


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        pytest.param(payment("T1", amount=None), ("not_stated", "amount"), id="a required value is missing"),
        pytest.param(payment(" T1"), ("surrounding_blanks", "transaction_id"), id="a blank before an id"),
        pytest.param(
            payment("T1\u3000"), ("surrounding_blanks", "transaction_id"), id="a full-width blank after an id"
        ),
        pytest.param(payment("T\x001"), ("control_character", "transaction_id"), id="a NUL in an id"),
        pytest.param(payment("T" * 201), ("too_long", "transaction_id"), id="an endless id"),
        pytest.param(payment("T1", currency="cny"), ("wrong_form", "currency"), id="a currency in small letters"),
        pytest.param(payment("T1", currency=None), ("not_stated", "currency"), id="a missing currency is no default"),
        pytest.param(
            payment("T1", transaction_type="repayment"), ("unknown_code", "transaction_type"), id="a code must match"
        ),
        pytest.param(payment("T1", is_derived="True"), ("not_a_boolean", "is_derived"), id="True is not true"),
        pytest.param(payment("T1", amount="-5.00"), ("rule_broken", "amount"), id="a repayment below zero"),
        pytest.param(payment("T1", amount="0.00"), ("rule_broken", "amount"), id="a repayment of nothing"),
        pytest.param(
            payment("T1", transaction_type="REVERSAL", amount="-5.00"),
            ("rule_broken", "reversal_of_transaction_id"),
            id="a reversal that names no transaction",
        ),
        pytest.param(
            payment("T1", transaction_type="REVERSAL", amount="5.00", reversal_of_transaction_id="T0"),
            ("rule_broken", "amount"),
            id="a reversal above zero",
        ),
    ],
)
def test_a_transaction_that_breaks_its_contract_goes_to_quarantine(row: dict, reason: tuple) -> None:
    assert reason_of(TRANSACTION, row) == reason


def test_a_reversal_that_names_its_transaction_is_good() -> None:
    row = payment("T1", transaction_type="REVERSAL", amount="-5.00", reversal_of_transaction_id="T0")
    assert reason_of(TRANSACTION, row) is None


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        pytest.param({"contract_status": "CLOSED"}, ("rule_broken", "status_date"), id="closed, nobody knows when"),
        pytest.param({"principal_amount": "0.00"}, ("out_of_bounds", "principal_amount"), id="nothing was lent"),
        pytest.param(
            {"annual_interest_rate": "0.1234567"}, ("not_an_exact_decimal", "annual_interest_rate"), id="rate"
        ),
        pytest.param({"instalment_count": "012"}, ("not_an_integer", "instalment_count"), id="leading zero"),
        pytest.param({"instalment_count": "12.0"}, ("not_an_integer", "instalment_count"), id="a fraction"),
        pytest.param({"instalment_count": "2147483648"}, ("not_an_integer", "instalment_count"), id="33 bits"),
        pytest.param({"instalment_count": "0"}, ("out_of_bounds", "instalment_count"), id="no instalments"),
        pytest.param({"contract_status": "active"}, ("unknown_code", "contract_status"), id="status"),
        pytest.param({"timezone": "UTC+8 or so"}, ("wrong_form", "timezone"), id="no zone name"),
    ],
)
def test_a_loan_that_breaks_its_contract_goes_to_quarantine(values: dict, reason: tuple) -> None:
    assert reason_of(LOAN_CONTRACT, {**LOAN, **values}) == reason


@pytest.mark.parametrize("text", ["0001", "11010519491231002X", "6222021234567890123", "贷-001", "㐀"])
def test_ids_are_text_all_the_way(text: str) -> None:
    checked = checked_rows(LOAN_CONTRACT, [{**LOAN, "loan_id": text}])
    assert checked.is_good.all()
    assert checked.values["loan_id"][0].as_py() == text


def test_what_is_nullable_may_be_missing() -> None:
    missing = {column.name: None for column in LOAN_CONTRACT.columns if column.nullable}
    assert reason_of(LOAN_CONTRACT, {**LOAN, **missing}) is None


def test_a_row_keeps_the_first_reason_in_the_order_of_the_contract() -> None:
    assert reason_of(TRANSACTION, payment("T1", value_date="x", amount="y")) == ("not_an_iso_date", "value_date")


def test_rows_of_one_key_that_say_the_same_count_once_and_those_that_differ_count_never() -> None:
    rows = [payment("T1"), payment("T2"), payment("T1"), payment("T3"), payment("T3", amount="7.00"), payment("T1")]
    prepared = prepare(chunk_of(TRANSACTION, rows), TRANSACTION)
    assert prepared.is_loadable.tolist() == [True, True, False, False, False, False]
    assert prepared.is_duplicate.tolist() == [False, False, True, False, False, True]
    assert _codes(prepared.checked) == ["", "", "", "conflicting_duplicate", "conflicting_duplicate", ""]


def test_a_bad_row_beside_a_good_one_of_the_same_key_leaves_nobody_sure_which_is_right() -> None:
    prepared = prepare(chunk_of(TRANSACTION, [payment("T1"), payment("T1", amount="x")]), TRANSACTION)
    assert _codes(prepared.checked) == ["conflicting_duplicate", "not_an_exact_decimal"]


def test_one_bad_instalment_puts_its_whole_schedule_version_in_quarantine_and_no_other() -> None:
    rows = [
        instalment("L1", 1),
        instalment("L2", 1),
        instalment("L1", 2, due_date="2026-02-30"),
        instalment("L1", 1, schedule_version="2"),
    ]
    prepared = prepare(chunk_of(SCHEDULE, rows), SCHEDULE)
    assert _codes(prepared.checked) == ["unit_incomplete", "", "no_such_date", ""]


def test_instalments_of_one_version_that_disagree_on_its_date_go_to_quarantine_together() -> None:
    rows = [instalment("L1", 1), instalment("L1", 2, schedule_effective_date="2026-01-02"), instalment("L2", 1)]
    prepared = prepare(chunk_of(SCHEDULE, rows), SCHEDULE)
    assert _codes(prepared.checked) == ["unit_inconsistent", "unit_inconsistent", ""]


def test_running_sums_follow_the_instalment_numbers_whatever_the_order_of_the_rows() -> None:
    rows = [
        instalment("L1", 3, principal_due_amount="3.00", interest_due_amount="0.30"),
        instalment("L2", 1, principal_due_amount="5.00", interest_due_amount="0.00", fee_due_amount="1.25"),
        instalment("L1", 1, principal_due_amount="1.00", interest_due_amount="0.10"),
        instalment("L1", 10, principal_due_amount="4.00", interest_due_amount="0.40"),
        instalment("L1", 2, principal_due_amount="2.00", interest_due_amount="0.20", penalty_due_amount="0.01"),
    ]
    prepared = prepare(chunk_of(SCHEDULE, rows), SCHEDULE)
    assert prepared.sums["cumulative_due_amount"].tolist() == [661, 625, 110, 1101, 331]
    assert prepared.sums["cumulative_principal_due_amount"].tolist() == [600, 500, 100, 1000, 300]


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 10**10)), min_size=1, max_size=30))
def test_running_sums_equal_plain_addition(amounts: list[tuple[int, int]]) -> None:
    numbers: dict[int, int] = {}
    rows, expected, totals = [], [], dict.fromkeys(range(4), 0)
    for unit, cents in amounts:
        numbers[unit] = numbers.get(unit, 0) + 1
        amount = f"{cents // 100}.{cents % 100:02d}"
        rows.append(instalment(f"L{unit}", numbers[unit], principal_due_amount=amount))
        totals[unit] += cents
        expected.append(totals[unit])
    prepared = prepare(chunk_of(SCHEDULE, rows), SCHEDULE)
    assert prepared.sums["cumulative_principal_due_amount"].tolist() == expected


def test_a_schedule_that_adds_up_to_more_than_an_amount_can_hold_is_refused() -> None:
    rows = [instalment("L1", number, principal_due_amount="9999999999999999.99") for number in (1, 2)]
    assert _codes(prepare(chunk_of(SCHEDULE, rows), SCHEDULE).checked) == ["out_of_bounds", "out_of_bounds"]


def test_every_reason_has_a_sentence_in_english_and_in_chinese() -> None:
    for english, chinese in REASONS.values():
        assert english.isascii()
        assert not chinese.isascii()


def test_a_masked_row_shows_the_shape_and_no_content() -> None:
    assert masked("T1,张三,138-0013-8000,１２.5") == "x9,某某,999-9999-9999,９９.9"


def _codes(checked) -> list[str]:
    return ["" if number == 0 else checked.problems[number - 1].code for number in np.asarray(checked.problem)]
