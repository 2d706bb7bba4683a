"""Two opinions that share nothing: the oracle from the delivered text, the sample bank from its own books."""

from datetime import date, timedelta
from decimal import Decimal

import pyarrow.parquet as pq
import pytest

from include.sample_bank.bank import EVERY_STYLE, SampleBank
from include.sample_bank.behaviours import STRESSED
from tests.oracle.position import OWES_NOTHING, Oracle

HISTORY_TO = date(2025, 11, 25)
DAYS = [HISTORY_TO + timedelta(days=number) for number in range(6)]


@pytest.mark.parametrize("seed", [1, 2])
def test_the_oracle_finds_in_the_deliveries_what_the_sample_bank_knows_of_its_loans(tmp_path, seed):
    landing = tmp_path / "landing"
    first_date = HISTORY_TO - timedelta(days=430)
    bank = SampleBank(seed, 800, first_date, window_days=505, mix=STRESSED, styles=EVERY_STYLE)
    bank.write_history(landing, HISTORY_TO)
    for day in DAYS[1:]:
        bank.write_day(landing, day)
    bank.write_truth(tmp_path / "truth", DAYS)
    oracle = Oracle(landing, {"CNY": Decimal("1.00")})
    truth = pq.read_table(tmp_path / "truth" / "positions.parquet").to_pylist()
    compared = past_due = 0
    for day in DAYS:
        positions = oracle.positions(day)
        known = [row for row in truth if row["as_of_date"] == day]
        assert positions.keys() == {row["loan_id"] for row in known}
        for row in known:
            if row["contract_status"] in OWES_NOTHING:
                continue
            mine = positions[row["loan_id"]]
            assert mine.days_past_due == row["days_past_due"], (day, row, mine)
            assert mine.oldest_unpaid_due_date == row["oldest_unpaid_due_date"], (day, row, mine)
            if mine.days_past_due:
                assert mine.past_due_amount == row["past_due_amount"], (day, row, mine)
            if mine.is_live:
                assert mine.principal_outstanding_amount == row["principal_outstanding_amount"], (day, row, mine)
            compared += 1
            past_due += mine.days_past_due > 0
    assert compared > 3_000, "a book too small to compare"
    assert past_due > 300, "a book too healthy to compare"
