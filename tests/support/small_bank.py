"""A lender of some dozens of loans whose history ends in the middle of a month."""

from datetime import date, timedelta
from pathlib import Path

from include.sample_bank.bank import SampleBank
from include.sample_bank.behaviours import STRESSED

HISTORY_TO = date(2026, 3, 10)
HISTORY_DAYS = 430


def day(number: int) -> date:
    """So many days after the end of the history."""
    return HISTORY_TO + timedelta(days=number)


def small_bank(loans: int = 80, seed: int = 11) -> SampleBank:
    return SampleBank(seed, loans, day(-HISTORY_DAYS), window_days=HISTORY_DAYS + 60, mix=STRESSED)


def deliver_days(landing: Path, days: int, *, loans: int = 80, seed: int = 11) -> SampleBank:
    """The history, and a delivery for each of so many days after it."""
    bank = small_bank(loans, seed)
    bank.write_history(landing, HISTORY_TO)
    for number in range(1, days + 1):
        bank.write_day(landing, day(number))
    return bank
