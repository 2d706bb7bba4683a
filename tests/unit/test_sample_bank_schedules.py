"""Schedules of the sample bank: exact to the cent, due on the days a lender would write."""

from datetime import date
from decimal import ROUND_HALF_UP, Decimal

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from include.sample_bank.loans import BULLET, EQUAL_INSTALMENT, EQUAL_PRINCIPAL, INTEREST_FIRST, METHODS, OTHER
from include.sample_bank.loans import day_number as number_of
from include.sample_bank.schedules import amortise, months_later

CENT = Decimal("0.01")


def schedule(principal, rate, method, months, *, fee=0, start=date(2025, 1, 31)):
    """One loan's schedule as lists: due dates as numbers, amounts in cents."""
    made = amortise(
        principals=np.array([principal]),
        rates=np.array([rate]),
        methods=np.array([method]),
        months=np.array([months]),
        fees=np.array([fee]),
        start_on=np.array([number_of(start)]),
    )
    return {
        name: getattr(made, name)[0][made.exists[0]].tolist() for name in ("due_on", "principal", "interest", "fee")
    }


@settings(max_examples=400, deadline=None)
@given(
    principal=st.integers(10_000, 100_000_000),
    rate=st.integers(0, 360_000),
    method=st.sampled_from([EQUAL_INSTALMENT, EQUAL_PRINCIPAL, INTEREST_FIRST, BULLET, OTHER]),
    months=st.integers(1, 36),
)
def test_the_principal_parts_of_any_loan_add_up_to_the_loan_and_nothing_is_negative(principal, rate, method, months):
    made = schedule(principal, rate, method, months)
    assert sum(made["principal"]) == principal
    assert min(made["principal"] + made["interest"]) >= 0
    assert len(made["due_on"]) == (1 if method == BULLET else months)
    assert made["due_on"] == sorted(set(made["due_on"]))


@settings(max_examples=200, deadline=None)
@given(
    principal=st.integers(50_000, 30_000_000),
    rate=st.sampled_from([36_000, 108_000, 239_900, 0]),
    method=st.sampled_from([EQUAL_INSTALMENT, EQUAL_PRINCIPAL, INTEREST_FIRST]),
    months=st.integers(1, 36),
)
def test_interest_is_a_twelfth_of_the_rate_on_what_is_still_owed_rounded_to_the_cent(principal, rate, method, months):
    made = schedule(principal, rate, method, months)
    owed = Decimal(principal) / 100
    for part, interest in zip(made["principal"], made["interest"], strict=True):
        expected = (owed * Decimal(rate) / 1_000_000 / 12).quantize(CENT, ROUND_HALF_UP)
        assert Decimal(interest) / 100 == expected
        owed -= Decimal(part) / 100
    assert owed == 0


def test_equal_instalments_are_equal_and_the_last_takes_the_rounding():
    made = schedule(1_000_000, 144_000, EQUAL_INSTALMENT, 12)
    totals = [part + interest for part, interest in zip(made["principal"], made["interest"], strict=True)]
    assert set(totals[:-1]) == {89_975}  # 10,000.00 at 1.2 % a month over 12 months: 120 / (1 - 1.012 ** -12) = 899.75
    assert abs(totals[-1] - totals[0]) <= 6


def test_equal_principal_pays_the_same_part_each_month_and_less_and_less_interest():
    made = schedule(1_000_000, 120_000, EQUAL_PRINCIPAL, 3)
    assert made["principal"] == [333_333, 333_333, 333_334]
    assert made["interest"] == [10_000, 6_667, 3_333]


def test_interest_first_pays_the_principal_at_the_end():
    made = schedule(500_000, 60_000, INTEREST_FIRST, 3, fee=75)
    assert made["principal"] == [0, 0, 500_000]
    assert made["interest"] == [2_500, 2_500, 2_500]
    assert made["fee"] == [75, 75, 75]


def test_a_bullet_loan_is_due_once_with_interest_by_the_day():
    made = schedule(1_000_000, 73_000, BULLET, 12, start=date(2025, 3, 1))
    assert made["due_on"] == [number_of(date(2026, 3, 1))]
    assert (made["principal"], made["interest"]) == ([1_000_000], [73_000])


@pytest.mark.parametrize(
    ("start", "months", "due"),
    [
        pytest.param(date(2025, 1, 31), 1, date(2025, 2, 28), id="the end of January is followed by that of February"),
        pytest.param(date(2023, 12, 30), 2, date(2024, 2, 29), id="a leap year has one day more"),
        pytest.param(date(2025, 1, 31), 2, date(2025, 3, 31), id="and March goes back to the 31st"),
        pytest.param(date(2025, 12, 15), 1, date(2026, 1, 15), id="over the year's end"),
        pytest.param(date(2025, 5, 1), 36, date(2028, 5, 1), id="three years later"),
    ],
)
def test_instalments_fall_due_on_the_same_day_of_the_month(start, months, due):
    assert months_later(np.array([number_of(start)]), np.array([months])).tolist() == [number_of(due)]


def test_the_codes_are_those_of_the_contract():
    assert METHODS == ("EQUAL_INSTALMENT", "EQUAL_PRINCIPAL", "INTEREST_FIRST", "BULLET", "OTHER")
