"""What the warehouse publishes about the sample bank against the bank's own answer key."""

from datetime import date

import pandas as pd

from include.sample_bank.bank import SampleBank
from include.sample_bank.behaviours import STRESSED
from include.warehouse.connection import connect
from tests.support.days import compute, land_all

HISTORY_TO = date(2025, 12, 28)
DELIVERED = (date(2025, 12, 29), date(2025, 12, 30), date(2025, 12, 31), date(2026, 1, 1))
PUBLISHED = (HISTORY_TO, date(2025, 12, 29), date(2026, 1, 1))
FACTS = ["days_past_due", "oldest_unpaid_due_date", "past_due_amount", "principal_outstanding_amount"]


def test_days_past_due_and_balances_are_those_of_the_answer_key_on_every_date(settings):
    bank = SampleBank(21, 1_200, date(2024, 3, 1), window_days=720, mix=STRESSED)
    bank.write_history(settings.landing, HISTORY_TO)
    for day in DELIVERED:
        bank.write_day(settings.landing, day)
    bank.write_truth(settings.home / "truth", PUBLISHED)
    key = pd.read_parquet(settings.home / "truth" / "positions.parquet")
    for day in PUBLISHED:
        land_all(day, settings)
        compute(day, settings, audited=False)
        with connect(settings, role="reader", application_name="test") as connection:
            query = f"select loan_id, {', '.join(FACTS)} from serving.loan_position order by loan_id"
            published = {row[0]: row[1:] for row in connection.execute(query)}
        expected = key[key["as_of_date"] == day].set_index("loan_id")[FACTS]
        assert set(published) == set(expected.index) and len(published) > 1_000
        told = {
            name: (int(row[0]), row[1] if row[0] else None, *row[2:])
            for name, row in zip(expected.index, expected.to_numpy(), strict=True)
        }
        assert {name: (told[name], row) for name, row in published.items() if told[name] != row} == {}
        assert (expected["days_past_due"] > 0).sum() > 80
