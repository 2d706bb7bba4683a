"""Rows of the customer system for tests: people who do not exist."""

from collections.abc import Sequence

import pandas as pd

from tests.support.landing_rows import frame

BORROWER: dict[str, str | None] = {
    "borrower_id": "B1",
    "customer_since_date": "2020-05-01",
    "full_name": "王小明",
    "id_number": "11010519900307123X",
    "mobile_phone": "13812348000",
    "home_address": "北京市海淀区中关村大街1号",
    "salary_account_number": "6222020200112233445",
    "birth_year": "1990",
    "region_code": "110108",
    "timezone": "Asia/Shanghai",
    "occupation_code": None,
    "industry_code": None,
    "employer_name": "深圳某某科技有限公司",
    "declared_monthly_income_amount": "12000.00",
    "income_stated_date": "2025-12-01",
    "preferred_channel_code": "PHONE",
    "preferred_language_code": "zh-CN",
    "is_vulnerable": "false",
    "deceased_date": None,
}
MOVEMENT: dict[str, str | None] = {
    "account_transaction_id": "A1",
    "borrower_id": "B1",
    "account_number": "6222020200112233445",
    "booking_date": "2026-01-05",
    "currency": "CNY",
    "amount": "12000.00",
    "direction_code": "IN",
    "movement_code": "SALARY",
    "counterparty_class_code": "EMPLOYER",
    "counterparty_account_number": None,
    "merchant_category_code": None,
    "loan_id": None,
    "balance_after_amount": "12500.00",
    "sequence_number": "1",
}


def borrower(borrower_id: str, **values: str | None) -> dict[str, str | None]:
    return {**BORROWER, "borrower_id": borrower_id, **values}


def movement(transaction_id: str, **values: str | None) -> dict[str, str | None]:
    return {**MOVEMENT, "account_transaction_id": transaction_id, **values}


def borrowers(*rows: dict[str, str | None]) -> pd.DataFrame:
    return _frame(rows, BORROWER)


def movements(*rows: dict[str, str | None]) -> pd.DataFrame:
    return _frame(rows, MOVEMENT)


def _frame(rows: Sequence[dict[str, str | None]], like: dict[str, str | None]) -> pd.DataFrame:
    return frame(rows, like)
